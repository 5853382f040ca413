/* host/commands/cmd_info.c - `lookloom info`: what an index holds and what made it; without a file,
 * what this program is made of. */
#include "host/commands/command.h"

#include "host/backend/backend.h"
#include "host/backend/module_search.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/records.h"
#include "host/image/decode.h"
#include "host/store/reader.h"

#include <stdlib.h>
#include <string.h>

static const char k_program[] = "lookloom info";

static const ll_column k_fields[] = {{"field", false}, {"value", false}};
static const ll_column k_reject_columns[] = {{"id", false}, {"image", false}, {"reason", false}};

static ll_status field(ll_records *to, const char *name, const char *value, ll_error *err)
{
    const char *const cells[] = {name, value};
    return ll_records_row(to, cells, err);
}

static ll_status number(ll_records *to, const char *name, int64_t value, ll_error *err)
{
    char text[LL_NUMBER_TEXT];
    return field(to, name, ll_number_text(value, text), err);
}

static ll_status print_extents(ll_records *to, const ll_reader *reader, ll_error *err)
{
    const ll_store_extents *const e = ll_reader_extents(reader);

    LL_TRY(field(to, "generation", ll_reader_generation(reader), err));
    LL_TRY(number(to, "items", e->items, err));
    LL_TRY(number(to, "neighbors", e->neighbors, err));
    LL_TRY(number(to, "rejected", e->rejected, err));
    LL_TRY(field(to, "matrix", ll_store_matrix_name(e->matrix), err));
    LL_TRY(number(to, "features", e->features, err));
    for (int c = 0; c < ll_reader_columns(reader); c++)
        LL_TRY(field(to, "attribute", ll_reader_column_name(reader, c), err));
    return LL_OK;
}

static ll_status print_provenance(ll_records *to, const ll_reader *reader, ll_error *err)
{
    const char *name = NULL, *text = NULL;
    int64_t value = 0;
    int at = 0;

    while (ll_reader_next_field(reader, &at, &name, &text, &value))
        if (strcmp(name, "weights_trained") == 0)
            LL_TRY(field(to, name, value ? "yes" : "no", err));
        else if (text != NULL)
            LL_TRY(field(to, name, text, err));
        else
            LL_TRY(number(to, name, value, err));
    return LL_OK;
}

static ll_status print_index(const char *path, ll_format format, ll_error *err)
{
    ll_status status = LL_OK;
    const char *run = NULL;
    ll_reader *reader = NULL;
    ll_records *records = NULL;

    LL_TRY_DONE(ll_reader_open(path, &reader, err));
    LL_TRY_DONE(ll_records_create(stdout, format, k_fields, 2, &records, err));
    LL_TRY_DONE(print_extents(records, reader, err));
    LL_TRY_DONE(print_provenance(records, reader, err));
    LL_TRY_DONE(ll_reader_run(reader, &run, err));
    LL_TRY_DONE(ll_print_run(records, run, err));
    LL_TRY_DONE(ll_records_finish(records, err));
done:
    ll_records_free(records);
    ll_reader_close(reader);
    return status;
}

static ll_status print_rejected(const char *path, ll_format format, ll_error *err)
{
    ll_status status = LL_OK;
    ll_reader *reader = NULL;
    ll_records *records = NULL;
    ll_reader_rejects rejects;

    LL_TRY_DONE(ll_reader_open(path, &reader, err));
    LL_TRY_DONE(ll_reader_rejected(reader, &rejects, err));
    LL_TRY_DONE(ll_records_create(stdout, format, k_reject_columns, 3, &records, err));
    for (int64_t i = 0; i < rejects.count; i++) {
        const char *const cells[] = {rejects.ids[i], rejects.images[i], rejects.reasons[i]};
        LL_TRY_DONE(ll_records_row(records, cells, err));
    }
    LL_TRY_DONE(ll_records_finish(records, err));
done:
    ll_records_free(records);
    ll_reader_close(reader);
    return status;
}

static ll_status print_run(const char *path, ll_error *err)
{
    ll_status status = LL_OK;
    ll_reader *reader = NULL;
    const char *run = NULL;

    LL_TRY_DONE(ll_reader_open(path, &reader, err));
    LL_TRY_DONE(ll_reader_run(reader, &run, err));
    printf("%s\n", run);
done:
    ll_reader_close(reader);
    return status;
}

/* One line a device. */
static ll_status print_devices(ll_records *to, const char *devices, ll_error *err)
{
    while (*devices != '\0') {
        const size_t length = strcspn(devices, "\n");
        char *line = NULL;
        LL_TRY(ll_text_copy(devices, length, &line, err));
        const ll_status status = field(to, "device", line, err);
        free(line);
        LL_TRY(status);
        devices += length + (devices[length] == '\n');
    }
    return LL_OK;
}

/* One line a backend: what it is, or why it is not to be had. */
static ll_status print_backend(ll_records *to, const char *name, ll_error *err)
{
    const ll_backend_options options = {.name = name, .threads = 1, .slots = 1};
    ll_backend *be = NULL;
    ll_error why = LL_ERROR_INIT;

    if (ll_backend_open(&options, &be, &why) != LL_OK) return field(to, name, why.text, err);
    const ll_backend_info info = ll_backend_describe(be);
    ll_status status = field(to, name, info.device, err);
    if (status == LL_OK) status = print_devices(to, info.devices, err);
    if (status == LL_OK) status = field(to, "engines", info.engines, err);
    ll_backend_close(be);
    return status;
}

/* Where the cuda module and the libraries it needs are, or where they were looked for. */
static ll_status print_search(ll_records *to, ll_error *err)
{
    ll_status status = LL_OK;
    char *text = NULL, *next = NULL;

    LL_TRY(ll_module_search_describe(&text, err));
    for (char *line = strtok_r(text, "\n", &next); line != NULL && status == LL_OK;
         line = strtok_r(NULL, "\n", &next)) {
        char *const colon = strstr(line, ": ");
        if (colon == NULL) continue;
        *colon = '\0';
        status = field(to, line, colon + 2, err);
    }
    free(text);
    return status;
}

/* "JPEG, PNG, ..." */
static ll_status print_formats(ll_records *to, ll_error *err)
{
    ll_status status = LL_OK;
    char *text = NULL;

    for (int i = 0; ll_image_format(i) != NULL && status == LL_OK; i++)
        status = ll_text_append(&text, err, "%s%s", i > 0 ? ", " : "", ll_image_format(i));
    if (status == LL_OK) status = field(to, "photos", text, err);
    free(text);
    return status;
}

static ll_status print_program(ll_format format, ll_error *err)
{
    ll_status status = LL_OK;
    ll_records *records = NULL;

    LL_TRY_DONE(ll_records_create(stdout, format, k_fields, 2, &records, err));
    LL_TRY_DONE(field(records, "version", ll_arguments_version(), err));
    LL_TRY_DONE(print_formats(records, err));
    LL_TRY_DONE(field(records, "decoder", ll_image_decoder_version(LL_DECODER_TURBOJPEG), err));
    for (int i = 0; ll_backend_name(i) != NULL; i++)
        LL_TRY_DONE(print_backend(records, ll_backend_name(i), err));
    LL_TRY_DONE(print_search(records, err));
    LL_TRY_DONE(ll_records_finish(records, err));
done:
    ll_records_free(records);
    return status;
}

int cmd_info(int argc, const char *const *argv)
{
    const char *format_word = NULL;
    bool rejected = false, run = false;
    const ll_option options[] = {
        {"format", 0, LL_OPTION_WORD, &format_word, LL_FORMAT_WORDS,
         "how to print (a table on a terminal, else json)", 0, 0},
        {"rejected", 0, LL_OPTION_FLAG, &rejected, NULL, "list the items left out, and why", 0, 0},
        {"run", 0, LL_OPTION_FLAG, &run, NULL, "print the summary of the run that made it", 0, 0},
        LL_OPTION_END,
    };
    const ll_program program = {
        .name = k_program,
        .synopsis = "[INDEX.h5]",
        .summary = "Say what an index holds and what made it; without a file, describe this\n"
                   "program, the photos it takes, its libraries and its backends."};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    ll_arguments *arguments = NULL;

    LL_TRY_DONE(ll_arguments_parse(&program, argc, argv, options, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, rejected || run ? 1 : 0, 1, &err));
    const ll_format format = ll_format_find(format_word, stdout);
    const char *const path =
        ll_arguments_count(arguments) > 0 ? ll_arguments_at(arguments, 0) : NULL;
    if (path == NULL)
        LL_TRY_DONE(print_program(format, &err));
    else if (run)
        LL_TRY_DONE(print_run(path, &err));
    else if (rejected)
        LL_TRY_DONE(print_rejected(path, format, &err));
    else
        LL_TRY_DONE(print_index(path, format, &err));
done:
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, LL_EXIT_DONE);
}
