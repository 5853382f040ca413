/* bench/case_compare_write.c - a night without its photos: drawn features through the very code
 * that compares, writes and publishes. What it leaves is an index like any other (`lookloom
 * verify`). */
#include "bench/bench.h"
#include "bench/drawn_features.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/base/text.h"
#include "host/pipeline/feature_source.h"
#include "host/pipeline/pipeline.h"
#include "host/vgg16/vgg16.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS = 8192, COLS = 4096, NEIGHBORS = 100, SEED = 1 };

static void draw(const void *of, int64_t row, float *features)
{
    ll_drawn_features_row(of, row, features);
}

/* Ids whose byte order is not that of the rows, as in a shop. */
static ll_status write_catalog(const ll_drawn_features *drawn, FILE *file, const char *path,
                               ll_error *err)
{
    fprintf(file, "id,image,cluster\n");
    for (int64_t row = 0; row < drawn->rows; row++)
        fprintf(file, "SKU-%08lx,images/%lld.jpg,%lld\n",
                (unsigned long)((uint32_t)row * 2654435761u), (long long)row,
                (long long)ll_drawn_features_cluster(drawn, row));
    if (fflush(file) == 0 && ferror(file) == 0) return LL_OK;
    return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
}

static ll_status run(const ll_bench_options *options, const ll_drawn_features *drawn,
                     const char *catalog, ll_matrix_type matrix, int threads,
                     ll_pipeline_summary *summary, ll_error *err)
{
    const ll_feature_source source = {.of = drawn, .cols = drawn->cols, .row = draw};
    const ll_pipeline_options pipeline = {
        .catalog_path = catalog,
        .index_path = options->keep,
        .backend = options->backend != NULL ? options->backend : "cpu",
        .precision = options->precision,
        .threads = threads,
        .layer = LL_VGG16_FC2,
        .image = ll_image_options_default(),
        .neighbors = NEIGHBORS,
        .matrix = matrix,
        .memory_bytes = options->memory_bytes,
        .max_rejected = 0.0,
        .max_removed = 100.0,
        .log = options->log,
        .source = &source,
    };
    return ll_pipeline_index(&pipeline, summary, err);
}

static ll_status fill_in(const ll_pipeline_summary *s, const ll_drawn_features *drawn,
                         ll_matrix_type matrix, ll_bench_result *result, ll_error *err)
{
    char memory[LL_NUMBER_TEXT];
    const double pairs = (double)drawn->rows * (double)drawn->rows;

    LL_TRY(ll_text_fit(result->work, sizeof result->work, err,
                       "%lld items of %lld, matrix %s, kept; %s anonymous", (long long)drawn->rows,
                       (long long)drawn->cols, ll_store_matrix_name(matrix),
                       ll_number_size((double)s->anonymous_bytes, memory)));
    result->runs = 1;
    result->min_s = result->median_s = s->similarity.tile_seconds + s->similarity.rescore_seconds;
    result->count = pairs;
    result->flops = 2.0 * pairs * (double)drawn->cols;
    result->bytes = pairs * (double)ll_matrix_type_bytes(matrix);
    return LL_OK;
}

ll_status ll_bench_compare_write(const ll_bench_options *options, ll_bench_result *result,
                                 ll_error *err)
{
    ll_status status = LL_OK;
    const int threads = options->threads > 0 ? options->threads : ll_parallel_cores();
    const ll_drawn_features drawn = {.seed = SEED,
                                     .cols = options->cols > 0 ? options->cols : COLS,
                                     .rows = options->items > 0 ? options->items : ITEMS};
    const int matrix = ll_store_matrix_find(options->matrix != NULL ? options->matrix : "float32");
    char *path = NULL;
    FILE *file = NULL;
    ll_pipeline_summary summary;

    *result = (ll_bench_result){.stage = "similarity", .unit = "pair", .threads = threads};
    LL_TRY_DONE(ll_text_format(&path, err, "%s.catalog.csv", options->keep));
    file = fopen(path, "wx"); /* never over a file of somebody's */
    if (file == NULL) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    LL_TRY_DONE(write_catalog(&drawn, file, path, err));
    LL_TRY_DONE(run(options, &drawn, path, (ll_matrix_type)matrix, threads, &summary, err));
    LL_TRY_DONE(fill_in(&summary, &drawn, (ll_matrix_type)matrix, result, err));
    if (summary.shares_processor)
        LL_TRY_DONE(ll_bench_limit_multiply(threads, LL_BENCH_PASS_SYMMETRY, result, err));
done:
    if (file != NULL) {
        fclose(file);
        unlink(path);
    }
    free(path);
    return status;
}
