/* host/cli/arguments.c - see arguments.h.
 *
 * Our table is translated into popt's: every value arrives as text and is checked here, so that a
 * range or a list of words is written once and reads the same in --help and in a refusal. */
#include "host/cli/arguments.h"

#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"

#include <math.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* popt hands back `val`: the place in the table plus one for options of the program, these for the
 * shared ones. */
enum { VAL_HELP = 1 << 20, VAL_VERSION, VAL_QUIET, VAL_VERBOSE };

static const struct poptOption k_shared[] = {
    {"help", 'h', POPT_ARG_NONE, NULL, VAL_HELP, "show this help", NULL},
    {NULL, '?', POPT_ARG_NONE | POPT_ARGFLAG_DOC_HIDDEN, NULL, VAL_HELP, NULL, NULL},
    {"version", 'v', POPT_ARG_NONE, NULL, VAL_VERSION, "show the version", NULL},
    {"quiet", 'q', POPT_ARG_NONE, NULL, VAL_QUIET, "no messages but failures", NULL},
    {"verbose", 'V', POPT_ARG_NONE, NULL, VAL_VERBOSE, "say more on stderr", NULL},
    POPT_TABLEEND,
};

struct ll_arguments {
    const ll_program *program;
    ll_option *options; /* a copy: the caller's table may live in a function that returned */
    const char **argv;  /* argv with the program's name first, for popt's usage line */
    struct poptOption *entries;  /* one table per heading, one after the other */
    struct poptOption *headings; /* what popt is given: includes of the tables above */
    poptContext popt;
    char **texts; /* every text allocated on the way */
    int64_t texts_count, texts_capacity;
    bool *given;
    const char **positional;
    int positional_count;
    bool answered, quiet, verbose;
};

static int option_count(const ll_option *options)
{
    int count = 0;
    while (options[count].name != NULL || options[count].kind == LL_OPTION_HEADING)
        count++;
    return count;
}

/* Keep `text`, which came from malloc, until the arguments are freed. */
static ll_status keep_text(ll_arguments *arguments, char *text, ll_error *err)
{
    const ll_status status = ll_grow("options", &arguments->texts, &arguments->texts_capacity,
                                     arguments->texts_count + 1, sizeof *arguments->texts, err);
    if (status != LL_OK) {
        free(text);
        return status;
    }
    arguments->texts[arguments->texts_count++] = text;
    return LL_OK;
}

/* The word of `option` with this number as "%.*s" takes it; its length is 0 beyond the last. */
static const char *word_at(const ll_option *option, int index, int *length)
{
    const char *word = option->value;
    for (; index > 0 && *word != '\0'; index--) {
        word += strcspn(word, "|");
        word += *word == '|';
    }
    *length = (int)strcspn(word, "|");
    return word;
}

/* "" if the variable holds none of the values. */
static const char *choice_text(const ll_option *option, char buffer[LL_NUMBER_TEXT])
{
    const ll_choice *const choice = option->to;
    int value = 0, length = 0;

    memcpy(&value, choice->to, sizeof value);
    for (int i = 0;; i++) {
        const char *const word = word_at(option, i, &length);
        if (length == 0) return "";
        if (choice->values[i] == value)
            return ll_text_exact(buffer, LL_NUMBER_TEXT, "%.*s", length, word);
    }
}

static const char *whole_text(int64_t value, const ll_option *option, char buffer[LL_NUMBER_TEXT])
{
    return (double)value < option->low ? "" : ll_number_text(value, buffer);
}

/* The default of an option as --help shows it, or "" for none; a number goes into `buffer`. */
static const char *default_text(const ll_option *option, char buffer[LL_NUMBER_TEXT])
{
    switch (option->kind) {
    case LL_OPTION_TEXT:
    case LL_OPTION_WORD: {
        const char *const text = *(const char *const *)option->to;
        return text != NULL ? text : "";
    }
    case LL_OPTION_CHOICE: return choice_text(option, buffer);
    case LL_OPTION_INT: return whole_text(*(const int64_t *)option->to, option, buffer);
    case LL_OPTION_INT32: return whole_text(*(const int32_t *)option->to, option, buffer);
    case LL_OPTION_BYTES: {
        static const char k_suffixes[] = " KMGT";
        const int64_t bytes = *(const int64_t *)option->to;
        int64_t value = bytes;
        size_t unit = 0;
        if ((double)bytes < option->low) break;
        for (; value != 0 && value % 1024 == 0 && k_suffixes[unit + 1] != '\0'; unit++)
            value /= 1024;
        if (value >= 1024) { /* 64000000 reads better than 62500K */
            value = bytes;
            unit = 0;
        }
        return ll_text_exact(buffer, LL_NUMBER_TEXT, "%lld%.*s", (long long)value, unit > 0,
                             &k_suffixes[unit]);
    }
    case LL_OPTION_REAL:
    case LL_OPTION_SCORE: {
        const double value = *(const double *)option->to;
        return !isnan(value) ? ll_number_digits(value, 6, buffer) : "";
    }
    case LL_OPTION_FLAG:
    case LL_OPTION_LIST:
    case LL_OPTION_HEADING: break;
    }
    return "";
}

static ll_status translate_option(ll_arguments *arguments, int index, struct poptOption *entry,
                                  ll_error *err)
{
    const ll_option *const option = &arguments->options[index];
    char number[LL_NUMBER_TEXT], *help = NULL;
    const char *const shown = default_text(option, number);

    LL_TRY(ll_text_format(&help, err, shown[0] != '\0' ? "%s (default: %s)" : "%s", option->help,
                          shown));
    LL_TRY(keep_text(arguments, help, err));
    *entry = (struct poptOption){
        .longName = option->name,
        .shortName = option->letter,
        .argInfo = option->kind == LL_OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
        .val = index + 1,
        .descrip = help,
        .argDescrip = option->kind == LL_OPTION_FLAG ? NULL : option->value,
    };
    return LL_OK;
}

static struct poptOption include_table(struct poptOption *table, const char *heading)
{
    return (struct poptOption){.argInfo = POPT_ARG_INCLUDE_TABLE, .arg = table, .descrip = heading};
}

/* Fill `entries` and `headings`; popt wants one table per heading, ended by an empty entry. */
static ll_status translate_table(ll_arguments *arguments, int count, ll_error *err)
{
    struct poptOption *entry = arguments->entries, *heading = arguments->headings;

    for (int i = 0; i < count; i++) {
        const ll_option *const option = &arguments->options[i];
        if (i == 0 || option->kind == LL_OPTION_HEADING) {
            if (i > 0) entry++; /* the empty entry that ends a table; ll_alloc gives zeros */
            *heading++ =
                include_table(entry, option->kind == LL_OPTION_HEADING ? option->help : "Options:");
        }
        if (option->kind != LL_OPTION_HEADING) LL_TRY(translate_option(arguments, i, entry++, err));
    }
    /* popt reads this table and never writes it; its `arg` is not const */
    *heading = include_table((struct poptOption *)(uintptr_t)k_shared, "Common options:");
    return LL_OK;
}

/* Which of the words `text` is. */
static ll_status find_word(const ll_option *option, const char *text, int *index, ll_error *err)
{
    const size_t text_length = strlen(text);
    int length = 0;

    for (*index = 0;; ++*index) {
        const char *const word = word_at(option, *index, &length);
        if (length == 0) break;
        if ((size_t)length == text_length && memcmp(word, text, text_length) == 0) return LL_OK;
    }
    return ll_fail(err, LL_ERR_ARGUMENT, "--%s: '%s' is not one of %s", option->name, text,
                   option->value);
}

static ll_status store_word(const ll_option *option, const char *text, ll_error *err)
{
    int index = 0;

    LL_TRY(find_word(option, text, &index, err));
    if (option->kind == LL_OPTION_WORD) {
        *(const char **)option->to = text;
    } else {
        const ll_choice *const choice = option->to;
        memcpy(choice->to, &choice->values[index], sizeof *choice->values);
    }
    return LL_OK;
}

static ll_status score_parse(const char *name, const char *text, double *out, ll_error *err)
{
    double value = 0.0;
    LL_TRY(ll_number_real(name, text, -INFINITY, INFINITY, &value, err));
    if (value > 1.0 && value <= 100.0)
        return ll_fail(err, LL_ERR_ARGUMENT,
                       value == floor(value) ? "%s: scores go from 0 to 1; write %.2f"
                                             : "%s: scores go from 0 to 1; write %g",
                       name, value / 100.0);
    return ll_number_real(name, text, 0.0, 1.0, out, err);
}

static ll_status list_append(ll_arguments *arguments, ll_option_list *list, const char *text,
                             ll_error *err)
{
    const char **grown = NULL;
    /* every growth is a new block owned by the arguments: lists are a handful of texts */
    LL_TRY(ll_alloc("options", list->count + 1, sizeof *grown, &grown, err));
    if (list->count > 0) memcpy(grown, list->items, (size_t)list->count * sizeof *grown);
    grown[list->count] = text;
    LL_TRY(keep_text(arguments, (char *)grown, err));
    list->items = grown;
    list->count++;
    return LL_OK;
}

static ll_status option_store(ll_arguments *arguments, const ll_option *option, const char *text,
                              ll_error *err)
{
    char name[64];
    const bool free_range = option->low == 0.0 && option->high == 0.0;
    int64_t whole = 0;

    LL_TRY(ll_text_fit(name, sizeof name, err, "--%s", option->name));
    switch (option->kind) {
    case LL_OPTION_FLAG: *(bool *)option->to = true; return LL_OK;
    case LL_OPTION_TEXT:
        if (text[0] == '\0') return ll_fail(err, LL_ERR_ARGUMENT, "%s: is empty", name);
        *(const char **)option->to = text;
        return LL_OK;
    case LL_OPTION_WORD:
    case LL_OPTION_CHOICE: return store_word(option, text, err);
    case LL_OPTION_INT:
        return ll_number_int(name, text, (int64_t)option->low,
                             free_range ? INT64_MAX : (int64_t)option->high, option->to, err);
    case LL_OPTION_INT32:
        LL_TRY(ll_number_int(name, text, (int64_t)option->low,
                             free_range ? INT32_MAX : (int64_t)option->high, &whole, err));
        *(int32_t *)option->to = (int32_t)whole;
        return LL_OK;
    case LL_OPTION_REAL:
        return ll_number_real(name, text, option->low, free_range ? INFINITY : option->high,
                              option->to, err);
    case LL_OPTION_SCORE: return score_parse(name, text, option->to, err);
    case LL_OPTION_BYTES: return ll_number_bytes(name, text, (int64_t)option->low, option->to, err);
    case LL_OPTION_LIST: return list_append(arguments, option->to, text, err);
    case LL_OPTION_HEADING: break;
    }
    return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: unknown kind of option", name);
}

static void help_print(const ll_arguments *arguments)
{
    const ll_program *const program = arguments->program;

    poptPrintHelp(arguments->popt, stdout, 0);
    if (program->notes != NULL) printf("\n%s\n", program->notes);
}

static ll_status popt_option(ll_arguments *arguments, int val, ll_error *err)
{
    switch (val) {
    case VAL_HELP: help_print(arguments); break;
    case VAL_VERSION: printf("%s %s\n", arguments->program->name, ll_arguments_version()); break;
    case VAL_QUIET: arguments->quiet = true; return LL_OK;
    case VAL_VERBOSE: arguments->verbose = true; return LL_OK;
    default: {
        const ll_option *const option = &arguments->options[val - 1];
        char *const text = poptGetOptArg(arguments->popt); /* ours to free; NULL for a flag */
        if (text != NULL) LL_TRY(keep_text(arguments, text, err));
        arguments->given[val - 1] = true;
        return option_store(arguments, option, text, err);
    }
    }
    arguments->answered = true;
    return LL_OK;
}

static ll_status arguments_create(const ll_program *program, int argc, const char *const *argv,
                                  const ll_option *options, ll_arguments **out, ll_error *err)
{
    const int count = option_count(options);
    char *synopsis = NULL;

    LL_TRY(ll_alloc("options", 1, sizeof **out, out, err));
    ll_arguments *const arguments = *out;
    arguments->program = program;
    LL_TRY(ll_alloc("options", count + 1, sizeof *options, &arguments->options, err));
    memcpy(arguments->options, options, ((size_t)count + 1) * sizeof *options);
    LL_TRY(ll_alloc("options", argc + 1, sizeof *argv, &arguments->argv, err));
    LL_TRY(ll_alloc("options", count + 1, sizeof(bool), &arguments->given, err));
    /* each option may need an entry and an end of its own */
    LL_TRY(ll_alloc("options", 2 * (int64_t)count + 2, sizeof(struct poptOption),
                    &arguments->entries, err));
    LL_TRY(ll_alloc("options", count + 2, sizeof(struct poptOption), &arguments->headings, err));
    arguments->argv[0] = program->name;
    for (int i = 1; i < argc; i++)
        arguments->argv[i] = argv[i];
    LL_TRY(translate_table(arguments, count, err));
    arguments->popt =
        poptGetContext(NULL, argc < 1 ? 1 : argc, arguments->argv, arguments->headings, 0);
    if (arguments->popt == NULL) return ll_fail(err, LL_ERR_MEMORY, "options: out of memory");
    LL_TRY(
        ll_text_format(&synopsis, err, "[OPTION...] %s\n%s", program->synopsis, program->summary));
    LL_TRY(keep_text(arguments, synopsis, err));
    poptSetOtherOptionHelp(arguments->popt, synopsis);
    return LL_OK;
}

ll_status ll_arguments_parse(const ll_program *program, int argc, const char *const *argv,
                             const ll_option *options, ll_arguments **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_arguments *arguments = NULL;
    int val = 0;

    *out = NULL;
    LL_TRY_DONE(arguments_create(program, argc, argv, options, &arguments, err));
    while (!arguments->answered && (val = poptGetNextOpt(arguments->popt)) > 0)
        LL_TRY_DONE(popt_option(arguments, val, err));
    if (!arguments->answered && val < -1) {
        status = ll_fail(err, LL_ERR_ARGUMENT, "%s: %s; %s --help lists the options",
                         poptBadOption(arguments->popt, POPT_BADOPTION_NOALIAS), poptStrerror(val),
                         program->name);
        goto done;
    }
    arguments->positional = poptGetArgs(arguments->popt);
    while (arguments->positional != NULL &&
           arguments->positional[arguments->positional_count] != NULL)
        arguments->positional_count++;
    *out = arguments;
    arguments = NULL;
done:
    ll_arguments_free(arguments);
    return status;
}

void ll_arguments_free(ll_arguments *arguments)
{
    if (arguments == NULL) return;
    if (arguments->popt != NULL) poptFreeContext(arguments->popt);
    for (int64_t i = 0; i < arguments->texts_count; i++)
        free(arguments->texts[i]);
    free(arguments->texts);
    free(arguments->given);
    free(arguments->options);
    free(arguments->headings);
    free(arguments->entries);
    free(arguments->argv);
    free(arguments);
}

bool ll_arguments_answered(const ll_arguments *arguments)
{
    return arguments->answered;
}

bool ll_arguments_quiet(const ll_arguments *arguments)
{
    return arguments->quiet;
}

bool ll_arguments_verbose(const ll_arguments *arguments)
{
    return arguments->verbose;
}

bool ll_arguments_given(const ll_arguments *arguments, const char *name)
{
    const int count = option_count(arguments->options);
    for (int i = 0; i < count; i++)
        if (arguments->options[i].kind != LL_OPTION_HEADING &&
            strcmp(arguments->options[i].name, name) == 0)
            return arguments->given[i];
    return false;
}

int ll_arguments_count(const ll_arguments *arguments)
{
    return arguments->positional_count;
}

const char *ll_arguments_at(const ll_arguments *arguments, int index)
{
    return arguments->positional[index];
}

ll_status ll_arguments_expect(const ll_arguments *arguments, int low, int high, ll_error *err)
{
    const int count = arguments->positional_count;
    if (count >= low && (high < 0 || count <= high)) return LL_OK;
    return ll_fail(err, LL_ERR_ARGUMENT, "expected %s; %s --help explains",
                   arguments->program->synopsis, arguments->program->name);
}

const char *ll_arguments_version(void)
{
    return LL_VERSION;
}
