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
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COUNT = 1000000, MIN_SIDE = 64, MAX_SIDE = 4096, MAX_JOBS = 1024 };

static const ll_program k_program = {
    .name = "lookloom-generate",
    .synopsis = "N -o DIR",
    .summary = "Draw N product photos of garments, with a catalogue.",
};

typedef struct run {
    const char *folder;
    ll_drawing drawing;
    int64_t threads;
    const ll_log *log;
    atomic_int_fast64_t done;
} run;

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

static ll_status draw_one(void *context, int64_t task, int thread, ll_error *err)
{
    ll_status status = LL_OK;
    run *const r = context;
    const ll_drawing *const d = &r->drawing;
    const ll_garment garment = ll_garment_make((uint64_t)d->seed, task, d->side_min, d->side_max);
    cairo_surface_t *picture = NULL;
    char image[LL_LISTING_IMAGE], *path = NULL;

    ll_listing_image(&garment, image);
    LL_TRY_DONE(ll_text_format(&path, err, "%s/%s", r->folder, image));
    LL_TRY_DONE(ll_picture_draw(&garment, &picture, err));
    LL_TRY_DONE(ll_picture_write(picture, &garment, path, err));
    const int64_t finished = (int64_t)atomic_fetch_add(&r->done, 1) + 1;
    /* from one thread: counts of several would not come in order */
    if (thread == 0) ll_log_progress(r->log, "draw", finished, d->count);
done:
    cairo_surface_destroy(picture);
    free(path);
    return status;
}

static ll_status draw_all(run *r, ll_error *err)
{
    ll_status status = LL_OK;
    const double start = ll_clock_seconds();
    char *images = NULL, count[LL_NUMBER_TEXT];

    LL_TRY_DONE(ll_text_format(&images, err, "%s/images", r->folder));
    LL_TRY_DONE(ll_file_make_folder(images, err));
    LL_TRY_DONE(ll_parallel_run((int)r->threads, r->drawing.count, draw_one, r, err));
    LL_TRY_DONE(ll_listing_write(r->folder, &r->drawing, err));
    const double seconds = ll_clock_seconds() - start;
    ll_log_line(r->log, "%s pictures in %s, listed in %s/catalog.csv; %.1f s, %.0f img/s",
                ll_number_grouped(r->drawing.count, count), images, r->folder, seconds,
                (double)r->drawing.count / seconds);
done:
    free(images);
    return status;
}

int main(int argc, const char **argv)
{
    ll_status status = LL_OK;
    ll_error err = LL_ERROR_INIT;
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;
    const char *size = "480..800";
    run r = {.drawing = {.seed = 1}, .threads = ll_parallel_cores()};
    const ll_option options[] = {
        {"output", 'o', LL_OPTION_TEXT, &r.folder, "DIR", "folder for catalog.csv and images/", 0,
         0},
        {"seed", 's', LL_OPTION_INT, &r.drawing.seed, "S", "another seed, other garments", 0, 0},
        {"size", 0, LL_OPTION_TEXT, &size, "MIN..MAX", "pixels of a picture's longer side", 0, 0},
        {"jobs", 'j', LL_OPTION_INT, &r.threads, "N", "threads", 1, MAX_JOBS},
        LL_OPTION_END,
    };

    LL_TRY_DONE(ll_arguments_parse(&k_program, argc, argv, options, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 1, &err));
    LL_TRY_DONE(
        ll_number_int("N", ll_arguments_at(arguments, 0), 1, MAX_COUNT, &r.drawing.count, &err));
    LL_TRY_DONE(read_size(size, &r.drawing, &err));
    if (r.folder == NULL) {
        status = ll_fail(&err, LL_ERR_ARGUMENT, "no folder to write to; add -o DIR");
        goto done;
    }
    const ll_progress_options talk = {.program = k_program.name,
                                      .quiet = ll_arguments_quiet(arguments),
                                      .verbose = ll_arguments_verbose(arguments)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    r.log = ll_progress_log(progress);
    LL_TRY_DONE(draw_all(&r, &err));
done:
    ll_progress_free(progress);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program.name, status, &err, LL_EXIT_DONE);
}
