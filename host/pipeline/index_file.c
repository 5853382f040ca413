/* host/pipeline/index_file.c - see index_file.h. */
#include "host/pipeline/index_file.h"

#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/usage.h"
#include "host/pipeline/memory_meter.h"
#include "host/pipeline/stages.h"
#include "host/pipeline/summary.h"
#include "host/store/bands.h"
#include "host/store/groups.h"
#include "host/store/writer.h"

#include <stdlib.h>

/* Columns of borrowed texts, in the order of the index. */
struct texts {
    const char **ids, **images;
    int columns;
    const char **column_names;
    const char ***column_values;
    const char **rejected_ids, **rejected_images, **rejected_reasons;
};

static ll_status fill_columns(struct texts *t, const ll_catalog *catalog, const ll_collect *collect,
                              ll_error *err)
{
    t->columns = ll_catalog_columns(catalog);
    LL_TRY(ll_alloc("columns", t->columns, sizeof *t->column_names, &t->column_names, err));
    LL_TRY(ll_alloc("columns", t->columns, sizeof *t->column_values, &t->column_values, err));
    for (int c = 0; c < t->columns; c++) {
        t->column_names[c] = ll_catalog_column_name(catalog, c);
        LL_TRY(ll_alloc("column", collect->items, sizeof **t->column_values, &t->column_values[c],
                        err));
        for (int64_t i = 0; i < collect->items; i++)
            t->column_values[c][i] = ll_catalog_value(catalog, collect->rows[i], c);
    }
    return LL_OK;
}

static ll_status fill_texts(struct texts *t, const ll_catalog *catalog, const ll_collect *collect,
                            ll_error *err)
{
    const int64_t rejected = collect->rejected;

    LL_TRY(ll_alloc("ids", collect->items, sizeof *t->ids, &t->ids, err));
    LL_TRY(ll_alloc("images", collect->items, sizeof *t->images, &t->images, err));
    for (int64_t i = 0; i < collect->items; i++) {
        t->ids[i] = ll_catalog_id(catalog, collect->rows[i]);
        t->images[i] = ll_catalog_image(catalog, collect->rows[i]);
    }
    LL_TRY(ll_alloc("rejects", rejected, sizeof *t->rejected_ids, &t->rejected_ids, err));
    LL_TRY(ll_alloc("rejects", rejected, sizeof *t->rejected_images, &t->rejected_images, err));
    LL_TRY(ll_alloc("rejects", rejected, sizeof *t->rejected_reasons, &t->rejected_reasons, err));
    for (int64_t i = 0; i < rejected; i++) {
        t->rejected_ids[i] = ll_catalog_id(catalog, collect->rejects[i].row);
        t->rejected_images[i] = ll_catalog_image(catalog, collect->rejects[i].row);
        t->rejected_reasons[i] = collect->rejects[i].reason;
    }
    return fill_columns(t, catalog, collect, err);
}

static void free_texts(struct texts *t)
{
    free(t->ids);
    free(t->images);
    for (int c = 0; t->column_values != NULL && c < t->columns; c++)
        free(t->column_values[c]);
    free(t->column_values);
    free(t->column_names);
    free(t->rejected_ids);
    free(t->rejected_images);
    free(t->rejected_reasons);
}

/* Number the values of the --within column, which is among the attributes. */
static ll_status number_groups(const ll_pipeline_options *options, const ll_catalog *catalog,
                               const struct texts *texts, int64_t items, uint32_t **out,
                               ll_error *err)
{
    *out = NULL;
    if (options->within == NULL) return LL_OK;
    const int column = ll_catalog_find_column(catalog, options->within);
    LL_TRY(ll_alloc("groups", items, sizeof **out, out, err));
    return ll_store_number_groups(texts->column_values[column], items, *out, err);
}

static ll_status begin_matrix(void *to, int64_t band_rows, ll_error *err)
{
    return ll_bands_begin(to, band_rows, err);
}

static ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              const void *values, ll_error *err)
{
    return ll_bands_add(to, row, rows, column, columns, values, err);
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    return ll_writer_neighbors(to, row, rows, index, score, err);
}

static ll_status compare(ll_writer *writer, ll_bands *bands, const ll_pipeline_options *options,
                         const ll_collect *collect, const uint32_t *group, int neighbors,
                         ll_backend *be, const ll_log *log, ll_similarity_summary *summary,
                         ll_error *err)
{
    const ll_similarity_options similarity = {
        .features = collect->features,
        .rows = collect->items,
        .cols = collect->width,
        .neighbors = neighbors,
        .group = group,
        .matrix = options->matrix,
        .matrix_sink = {.to = bands, .receive = receive_tile},
        .matrix_begin = begin_matrix,
        .neighbor_sink = {.to = writer, .receive = receive_neighbors},
        .threads = options->threads,
        .log = log,
    };
    LL_TRY(ll_similarity_run(be, &similarity, summary, err));
    return ll_bands_finish(bands, err);
}

static ll_status create_writer(const char *path, const ll_store_extents *extents,
                               const struct texts *texts, const ll_collect *collect,
                               ll_writer **out, ll_error *err)
{
    const ll_store_items items = {
        .ids = texts->ids,
        .images = texts->images,
        .digests = (const uint8_t *)collect->digests,
        .columns = texts->columns,
        .column_names = texts->column_names,
        .column_values = (const char *const *const *)texts->column_values,
        .rejected_ids = texts->rejected_ids,
        .rejected_images = texts->rejected_images,
        .rejected_reasons = texts->rejected_reasons,
    };
    return ll_writer_create(path, extents, &items, out, err);
}

ll_status ll_index_file_write(const char *path, const ll_pipeline_options *options,
                              const ll_catalog *catalog, const ll_collect *collect, ll_backend *be,
                              int64_t spare_bytes, ll_provenance *provenance,
                              ll_pipeline_summary *summary, ll_error *err)
{
    ll_status status = LL_OK;
    struct texts texts = {0};
    uint32_t *group = NULL;
    ll_writer *writer = NULL;
    ll_bands *bands = NULL;
    char *run_json = NULL;
    ll_memory_meter meter;
    const ll_store_extents extents = {
        .items = collect->items,
        .features = options->leave_out_features ? 0 : collect->width,
        .neighbors = ll_min_i64(options->neighbors, ll_max_i64(collect->items - 1, 1)),
        .rejected = collect->rejected,
        .matrix = options->matrix,
    };

    ll_memory_meter_init(&meter, options->log);
    LL_TRY_DONE(fill_texts(&texts, catalog, collect, err));
    LL_TRY_DONE(number_groups(options, catalog, &texts, collect->items, &group, err));
    double start = ll_clock_seconds();
    LL_TRY_DONE(create_writer(path, &extents, &texts, collect, &writer, err));
    LL_TRY_DONE(
        ll_writer_features(writer, 0, collect->items, collect->features, collect->norms, err));
    summary->write_seconds = ll_clock_seconds() - start;
    LL_TRY_DONE(ll_stages_measure_tiles(be, collect->features, collect->items, collect->width,
                                        options->matrix != LL_MATRIX_NONE, &summary->tile_limit,
                                        err));
    LL_TRY_DONE(ll_bands_create(writer, spare_bytes, &bands, err));
    LL_TRY_DONE(compare(writer, bands, options, collect, group, (int)extents.neighbors, be,
                        &meter.log, &summary->similarity, err));
    provenance->store.rows_redone = summary->similarity.rows_redone;
    provenance->store.engines =
        ll_backend_describe(be).engines; /* with what multiplied the tiles */
    summary->peak_bytes = ll_usage_peak_bytes();
    summary->anonymous_bytes = ll_memory_meter_read(&meter);
    LL_TRY_DONE(ll_summary_json(summary, collect, &run_json, err));
    start = ll_clock_seconds();
    LL_TRY_DONE(ll_writer_finish(writer, &provenance->store, run_json, options->log, err));
    summary->write_seconds += ll_clock_seconds() - start;
done:
    free(run_json);
    ll_bands_free(bands);
    ll_writer_close(writer);
    free(group);
    free_texts(&texts);
    return status;
}
