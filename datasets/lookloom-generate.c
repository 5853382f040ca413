/* datasets/lookloom-generate.c - draw N labelled product photos of garments, and their catalogue.
 *
 *   datasets/generate 200 -o DIR --seed 7      DIR/catalog.csv, DIR/images/
 *
 * The pictures come first and the catalogue last, so a folder with a catalog.csv is complete. */
#include "datasets/listing.h"
#include "datasets/picture.h"
#include "host/base/clock.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/parallel.h"

#include <popt.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_USAGE = 2, EXIT_FAILED = 3 };
enum { MAX_COUNT = 1000000, MIN_SIDE = 64, MAX_SIDE = 4096, MAX_JOBS = 1024 };

static const char k_program[] = "lookloom-generate";

typedef struct arguments {
    char *count, *output, *seed, *size, *jobs; /* as written, or NULL; ours to free */
    bool quiet;
    bool answered; /* --help or --version was all */
    ll_drawing drawing;
    int64_t threads;
} arguments;

typedef struct run {
    const arguments *arguments;
    bool show; /* progress on a terminal */
    atomic_int_fast64_t done;
    double shown_at; /* touched by thread 0 only */
} run;

static void free_arguments(arguments *a)
{
    free(a->count);
    free(a->output);
    free(a->seed);
    free(a->size);
    free(a->jobs);
}

/* "480..800", or one number for both. */
static ll_status read_size(const char *text, ll_drawing *drawing, ll_error *err)
{
    ll_status status = LL_OK;
    const char *const dots = strstr(text, "..");
    int64_t low = 0, high = 0;
    char *first = NULL;

    LL_TRY_DONE(
        ll_text_copy(text, dots != NULL ? (size_t)(dots - text) : strlen(text), &first, err));
    LL_TRY_DONE(ll_number_int("--size", first, MIN_SIDE, MAX_SIDE, &low, err));
    high = low;
    if (dots != NULL) LL_TRY_DONE(ll_number_int("--size", dots + 2, low, MAX_SIDE, &high, err));
    drawing->side_min = (int)low;
    drawing->side_max = (int)high;
done:
    free(first);
    return status;
}

static ll_status check_arguments(arguments *a, ll_error *err)
{
    if (a->count == NULL)
        return ll_fail(err, LL_ERR_ARGUMENT, "how many pictures? try: generate 200 -o DIR");
    LL_TRY(ll_number_int("N", a->count, 1, MAX_COUNT, &a->drawing.count, err));
    if (a->output == NULL || a->output[0] == '\0')
        return ll_fail(err, LL_ERR_ARGUMENT, "no folder to write to; add -o DIR");
    if (a->seed != NULL)
        LL_TRY(ll_number_int("--seed", a->seed, 0, INT64_MAX, &a->drawing.seed, err));
    if (a->jobs != NULL) LL_TRY(ll_number_int("--jobs", a->jobs, 1, MAX_JOBS, &a->threads, err));
    if (a->size != NULL) LL_TRY(read_size(a->size, &a->drawing, err));
    return LL_OK;
}

/* Every value arrives as text and is checked afterwards, so that refusals read alike. */
static const struct poptOption k_options[] = {
    {"output", 'o', POPT_ARG_STRING, NULL, 'o', "folder for catalog.csv and images/", "DIR"},
    {"seed", 's', POPT_ARG_STRING, NULL, 's', "another seed, other garments (default: 1)", "S"},
    {"size", 0, POPT_ARG_STRING, NULL, 'z', "pixels of a picture's longer side (default: 480..800)",
     "MIN..MAX"},
    {"jobs", 'j', POPT_ARG_STRING, NULL, 'j', "threads (default: one a core)", "N"},
    {"quiet", 'q', POPT_ARG_NONE, NULL, 'q', "no messages but failures", NULL},
    {"version", 'v', POPT_ARG_NONE, NULL, 'v', "show the version", NULL},
    {"help", 'h', POPT_ARG_NONE, NULL, 'h', "show this help", NULL},
    {NULL, '?', POPT_ARG_NONE | POPT_ARGFLAG_DOC_HIDDEN, NULL, 'h', NULL, NULL},
    POPT_TABLEEND,
};

/* The option's value; given twice, the last one counts. */
static void set_text(char **text, poptContext popt)
{
    free(*text);
    *text = poptGetOptArg(popt);
}

static void read_option(arguments *a, int option, poptContext popt)
{
    switch (option) {
    case 'o': set_text(&a->output, popt); break;
    case 's': set_text(&a->seed, popt); break;
    case 'z': set_text(&a->size, popt); break;
    case 'j': set_text(&a->jobs, popt); break;
    case 'q': a->quiet = true; break;
    case 'v':
        a->answered = true;
        printf("%s %s\n", k_program, LL_VERSION);
        break;
    case 'h':
        a->answered = true;
        poptPrintHelp(popt, stdout, 0);
        break;
    default: break;
    }
}

static ll_status read_arguments(int argc, const char **argv, arguments *a, ll_error *err)
{
    ll_status status = LL_OK;
    const poptContext popt = poptGetContext(k_program, argc, argv, k_options, 0);
    int option = 0;

    if (popt == NULL) return ll_fail(err, LL_ERR_MEMORY, "no memory for the options");
    poptSetOtherOptionHelp(popt, "N -o DIR [OPTION...]\n"
                                 "Draw N product photos of garments, with a catalogue.\n");
    while (!a->answered && (option = poptGetNextOpt(popt)) > 0)
        read_option(a, option, popt);
    if (a->answered) goto done;
    if (option < -1) {
        status = ll_fail(err, LL_ERR_ARGUMENT, "%s: %s",
                         poptBadOption(popt, POPT_BADOPTION_NOALIAS), poptStrerror(option));
        goto done;
    }
    const char *const count = poptGetArg(popt);
    if (count != NULL) LL_TRY_DONE(ll_text_copy(count, strlen(count), &a->count, err));
    if (count != NULL && poptPeekArg(popt) != NULL) {
        status =
            ll_fail(err, LL_ERR_ARGUMENT, "one number is enough; what is %s?", poptPeekArg(popt));
        goto done;
    }
    LL_TRY_DONE(check_arguments(a, err));
done:
    poptFreeContext(popt);
    return status;
}

static void show_progress(run *r, int64_t finished)
{
    char done_text[LL_NUMBER_TEXT], total_text[LL_NUMBER_TEXT];
    const double now = ll_clock_seconds();

    if (now - r->shown_at < 0.2) return;
    r->shown_at = now;
    fprintf(stderr, "\rdrawing %s of %s ", ll_number_grouped(finished, done_text),
            ll_number_grouped(r->arguments->drawing.count, total_text));
}

static ll_status draw_one(void *context, int64_t task, int thread, ll_error *err)
{
    ll_status status = LL_OK;
    run *const r = context;
    const ll_drawing *const d = &r->arguments->drawing;
    const ll_garment garment = ll_garment_make((uint64_t)d->seed, task, d->side_min, d->side_max);
    cairo_surface_t *picture = NULL;
    char image[LL_LISTING_IMAGE], *path = NULL;

    ll_listing_image(&garment, image);
    LL_TRY_DONE(ll_text_format(&path, err, "%s/%s", r->arguments->output, image));
    LL_TRY_DONE(ll_picture_draw(&garment, &picture, err));
    LL_TRY_DONE(ll_picture_write(picture, &garment, path, err));
    const int64_t finished = (int64_t)atomic_fetch_add(&r->done, 1) + 1;
    if (r->show && thread == 0) show_progress(r, finished);
done:
    cairo_surface_destroy(picture);
    free(path);
    return status;
}

static ll_status draw_all(const arguments *a, ll_error *err)
{
    ll_status status = LL_OK;
    run r = {.arguments = a, .show = !a->quiet && isatty(STDERR_FILENO)};
    const int threads = a->threads > 0 ? (int)a->threads : ll_parallel_cores();
    const double start = ll_clock_seconds();
    char *images = NULL, count[LL_NUMBER_TEXT];

    LL_TRY_DONE(ll_text_format(&images, err, "%s/images", a->output));
    LL_TRY_DONE(ll_file_make_folder(images, err));
    LL_TRY_DONE(ll_parallel_run(threads, a->drawing.count, draw_one, &r, err));
    LL_TRY_DONE(ll_listing_write(a->output, &a->drawing, err));
done:
    if (r.show) fputs("\r\033[K", stderr);
    if (status == LL_OK && !a->quiet) {
        const double seconds = ll_clock_seconds() - start;
        fprintf(stderr, "%s pictures in %s/images, listed in %s/catalog.csv; %.1f s, %.0f img/s\n",
                ll_number_grouped(a->drawing.count, count), a->output, a->output, seconds,
                (double)a->drawing.count / seconds);
    }
    free(images);
    return status;
}

int main(int argc, const char **argv)
{
    arguments a = {.drawing = {.seed = 1, .side_min = 480, .side_max = 800}};
    ll_error err = LL_ERROR_INIT;

    ll_status status = read_arguments(argc, argv, &a, &err);
    if (status == LL_OK && !a.answered) status = draw_all(&a, &err);
    if (status == LL_OK && fflush(stdout) != 0)
        status = ll_fail(&err, LL_ERR_IO, "stdout: cannot be written");
    if (status != LL_OK) fprintf(stderr, "%s: %s\n", k_program, err.text);
    free_arguments(&a);
    return status == LL_OK ? EXIT_OK : status == LL_ERR_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
}
