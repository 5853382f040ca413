/* host/pipeline/pipeline.c - see pipeline.h. */
#include "host/pipeline/pipeline.h"

#include "host/base/clock.h"
#include "host/base/file.h"
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/pipeline/collect.h"
#include "host/pipeline/feature_source.h"
#include "host/pipeline/forecast.h"
#include "host/pipeline/index_file.h"
#include "host/pipeline/previous.h"
#include "host/pipeline/provenance.h"
#include "host/store/publish.h"
#include "host/vgg16/vgg16.h"
#include "weights/weights.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 2 };                       /* one batch on the device, one being decoded */
static const char k_draft[] = "index.h5"; /* in the work folder */

/* Everything a night holds; released in one place. */
struct index_run {
    const ll_pipeline_options *options;
    ll_pipeline_summary *summary;
    ll_catalog *catalog;
    ll_reader *previous;
    ll_weights *weights;
    ll_backend *be;
    ll_net *net;
    ll_work *work;
    ll_collect collect;
    ll_image_options image; /* geometry resolved */
    ll_provenance provenance;
    ll_forecast forecast;
};

static int64_t width_of(const ll_pipeline_options *options)
{
    return options->source != NULL ? options->source->cols : ll_vgg16_width(options->layer);
}

static ll_status open_catalog(struct index_run *n, ll_error *err)
{
    const ll_pipeline_options *const o = n->options;

    LL_TRY(ll_catalog_open(o->catalog_path, &o->catalog, &n->catalog, err));
    n->summary->rows = ll_catalog_rows(n->catalog);
    if (n->summary->rows == 0)
        return ll_fail(err, LL_ERR_FORMAT, "%s: no items%s", o->catalog_path,
                       o->catalog.keep_count > 0 ? " left by --keep" : "");
    if (o->within != NULL && ll_catalog_find_column(n->catalog, o->within) < 0)
        return ll_fail(err, LL_ERR_ARGUMENT, "--within: %s has no column '%s'", o->catalog_path,
                       o->within);
    return LL_OK;
}

static ll_status open_weights(struct index_run *n, ll_error *err)
{
    char *found = NULL;
    const char *path = n->options->weights_path;

    n->image = n->options->image;
    if (n->options->source != NULL) return LL_OK;
    if (path == NULL) {
        LL_TRY(ll_weights_find(&found, err));
        path = found;
    }
    const ll_status status = ll_weights_open(path, &n->weights, err);
    free(found);
    LL_TRY(status);
    const ll_weights_info *const info = ll_weights_describe(n->weights);
    if (n->image.geometry == LL_GEOMETRY_OF_WEIGHTS)
        n->image.geometry =
            info->scale == LL_INPUT_TORCH ? LL_GEOMETRY_TORCHVISION : LL_GEOMETRY_KERAS;
    if (!info->trained)
        ll_log_line(n->options->log, "%s: untrained weights; scores say little", info->path);
    return LL_OK;
}

static ll_status check_memory(struct index_run *n, ll_error *err)
{
    ll_forecast *const f = &n->forecast;

    f->memory = ll_memory_plan_make(n->options, n->be, &f->extents, f->cols,
                                    ll_catalog_columns(n->catalog));
    return ll_memory_plan_check(&f->memory, &f->extents, err);
}

static ll_status open_backend(struct index_run *n, ll_error *err)
{
    const ll_pipeline_options *const o = n->options;
    const ll_backend_options backend = {.name = o->backend,
                                        .precision = o->precision,
                                        .cuda_module = o->cuda_module,
                                        .device = o->device,
                                        .threads = o->threads,
                                        .batch = o->batch,
                                        .patience_s = o->patience_s,
                                        .slots = SLOTS,
                                        .log = o->log};
    ll_net_options net = {.layer = o->layer, .normalize = true};

    LL_TRY(ll_backend_open(&backend, &n->be, err));
    const ll_backend_info info = ll_backend_describe(n->be);
    net.engines = ll_previous_engines(n->previous, &info);
    LL_TRY(ll_text_fit(n->summary->backend, sizeof n->summary->backend, err, "%s", info.name));
    n->summary->shares_processor = info.shares_processor;
    LL_TRY(ll_previous_check_backend(n->previous, o->backend, &info, err));
    LL_TRY(check_memory(n, err));
    if (o->source != NULL) return LL_OK;
    return ll_net_create(n->be, n->weights, &net, &n->net, err);
}

/* glibc keeps what was freed: 100 MB of buffers of 32 MB and less, which --memory would have to
 * count. */
static void free_net(struct index_run *n)
{
    ll_net_free(n->be, n->net);
    n->net = NULL;
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

static ll_status collect_features(struct index_run *n, ll_error *err)
{
    const ll_pipeline_options *const o = n->options;

    LL_TRY(
        ll_feature_source_run(o->source, n->summary->rows, o->threads, &n->collect, o->log, err));
    LL_TRY(ll_collect_finish(&n->collect, err));
    n->summary->items = n->collect.items;
    return LL_OK;
}

static ll_status embed(struct index_run *n, ll_error *err)
{
    const ll_pipeline_options *const o = n->options;
    const ll_extract_options extract = {
        .image = n->image, .layer = o->layer, .threads = o->threads, .slots = SLOTS, .log = o->log};
    const ll_photo_source photos = ll_photo_source_of_catalog(n->catalog);
    const ll_extract_sink sink = ll_collect_sink(&n->collect);

    LL_TRY(ll_extract_run(n->be, n->net, &photos, &extract, &sink, &n->summary->extract, err));
    LL_TRY(ll_collect_finish(&n->collect, err));
    free_net(n); /* half a gigabyte that comparing can use better */
    n->summary->items = n->collect.items;
    n->summary->rejected = n->collect.rejected;
    if (n->collect.items == 0)
        return ll_fail(err, LL_ERR_FORMAT, "%s: none of %lld photos is usable; %s: %s",
                       o->catalog_path, (long long)n->summary->rows,
                       ll_catalog_id(n->catalog, n->collect.rejects[0].row),
                       n->collect.rejects[0].reason);
    return LL_OK;
}

/* If too many photos are rejected, or too many items are gone, the old index is kept and the error
 * names the option that accepts it. */
static void check_rejects(struct index_run *n)
{
    const ll_pipeline_summary *const s = n->summary;
    char rejected[LL_NUMBER_TEXT], rows[LL_NUMBER_TEXT];

    if ((double)s->rejected * 100.0 > n->options->max_rejected * (double)s->rows)
        ll_text_say(n->summary->refused, sizeof n->summary->refused,
                    "%s of %s photos were rejected; --max-rejected 100 accepts",
                    ll_number_grouped(s->rejected, rejected), ll_number_grouped(s->rows, rows));
}

static void check_removals(struct index_run *n)
{
    const ll_previous_change change = ll_previous_compare(n->previous, n->catalog);
    char removed[LL_NUMBER_TEXT], before[LL_NUMBER_TEXT];
    const int64_t items = change.kept + change.removed;

    n->summary->added = change.added;
    n->summary->kept = change.kept;
    n->summary->removed = change.removed;
    if ((double)change.removed * 100.0 > n->options->max_removed * (double)items)
        ll_text_say(n->summary->refused, sizeof n->summary->refused,
                    "%s of %s ids vanished; --max-removed 100 accepts",
                    ll_number_grouped(change.removed, removed), ll_number_grouped(items, before));
}

/* What was written must open as an index before it may replace one. */
static ll_status read_back(const char *path, ll_pipeline_summary *summary, ll_error *err)
{
    ll_reader *reader = NULL;
    struct stat info;

    LL_TRY(ll_reader_open(path, &reader, err));
    const ll_status status = ll_text_fit(summary->generation, sizeof summary->generation, err, "%s",
                                         ll_reader_generation(reader));
    ll_reader_close(reader);
    LL_TRY(status);
    if (stat(path, &info) == 0) summary->file_bytes = (int64_t)info.st_size;
    return LL_OK;
}

static ll_status write_and_publish(struct index_run *n, ll_error *err)
{
    ll_status status = LL_OK;
    char *path = NULL;

    const ll_backend_info backend = ll_backend_describe(n->be);
    const ll_weights_info none = {.name = "", .license = ""};
    LL_TRY_DONE(ll_provenance_init(&n->provenance, n->options, &n->image,
                                   n->weights != NULL ? ll_weights_describe(n->weights) : &none,
                                   &backend, err));
    n->provenance.store.image_root = ll_catalog_image_root(n->catalog);
    LL_TRY_DONE(ll_work_path(n->work, k_draft, &path, err));
    n->summary->file_bytes = n->forecast.file.bytes; /* near enough for /run, which is in it */
    LL_TRY_DONE(ll_index_file_write(path, n->options, n->catalog, &n->collect, n->be,
                                    n->forecast.memory.spare_bytes / 4 * 3, &n->provenance,
                                    n->summary, err));
    LL_TRY_DONE(read_back(path, n->summary, err));
    const double start = ll_clock_seconds();
    LL_TRY_DONE(ll_work_check(n->work, err));
    LL_TRY_DONE(ll_store_publish(path, n->options->index_path, err));
    n->summary->write_seconds += ll_clock_seconds() - start;
done:
    free(path);
    return status;
}

static ll_status make_forecast(struct index_run *n, ll_forecast *forecast, ll_error *err)
{
    const int64_t cols = width_of(n->options);

    LL_TRY(ll_forecast_make(n->options, n->catalog, cols, forecast, err));
    return ll_forecast_check(forecast, n->options, err);
}

/* First remove what a killed run left behind: it would take the space of its successor. */
static ll_status check_room(struct index_run *n, ll_error *err)
{
    char *leftover = NULL;

    LL_TRY(ll_collect_init(&n->collect, n->work, width_of(n->options), err));
    LL_TRY(ll_work_path(n->work, k_draft, &leftover, err));
    (void)unlink(leftover);
    free(leftover);
    return make_forecast(n, &n->forecast, err);
}

static ll_status run_index(struct index_run *n, ll_error *err)
{
    LL_TRY(open_catalog(n, err));
    /* Lock before reading the previous index, so that the index which is checked is the one that is
     * replaced. */
    LL_TRY(ll_work_open(n->options->index_path, n->options->log, &n->work, err));
    LL_TRY(ll_previous_open(n->options->index_path, &n->previous, err));
    check_removals(n);
    if (n->summary->refused[0] != '\0') return LL_OK;
    if (n->options->leave_out_features)
        ll_log_line(n->options->log,
                    "--no-features: no match, no reuse next night, no rescoring by "
                    "query");
    LL_TRY(check_room(n, err));
    LL_TRY(open_weights(n, err));
    LL_TRY(open_backend(n, err));
    if (n->options->source != NULL)
        LL_TRY(collect_features(n, err));
    else
        LL_TRY(embed(n, err));
    check_rejects(n);
    if (n->summary->refused[0] != '\0') return LL_OK;
    return write_and_publish(n, err);
}

static void release(struct index_run *n)
{
    ll_collect_release(&n->collect);
    ll_net_free(n->be, n->net);
    ll_backend_close(n->be);
    ll_work_close(n->work);
    ll_weights_close(n->weights);
    ll_reader_close(n->previous);
    ll_catalog_close(n->catalog);
}

ll_status ll_pipeline_index(const ll_pipeline_options *options, ll_pipeline_summary *summary,
                            ll_error *err)
{
    const double start = ll_clock_seconds();
    struct index_run index_run = {.options = options, .summary = summary, .collect = {.fd = -1}};

    memset(summary, 0, sizeof *summary);
    summary->threads = options->threads;
    const ll_status status = run_index(&index_run, err);
    summary->total_seconds = ll_clock_seconds() - start;
    release(&index_run);
    return status;
}

/* ---- a dry run --------------------------------------------------------------------------- */

static ll_status probe(struct index_run *n, ll_probe *probe, ll_error *err)
{
    const ll_pipeline_options *const o = n->options;
    const ll_store_extents *const e = &n->forecast.extents;
    const int64_t cols = n->forecast.cols;

    LL_TRY(ll_probe_photos(o, n->catalog, &n->image, n->be, n->net, cols, probe, err));
    free_net(n);
    LL_TRY(ll_probe_compare(n->be, cols, e->items, e->neighbors, e->matrix, probe, err));
    return ll_probe_disk(o->index_path, probe, err);
}

/* Everything a run does before it writes anything; no work folder, no lock. */
static ll_status run_dry(struct index_run *n, ll_forecast *out, ll_error *err)
{
    LL_TRY(open_catalog(n, err));
    LL_TRY(ll_file_check_target(n->options->index_path, err));
    LL_TRY(ll_previous_open(n->options->index_path, &n->previous, err));
    check_removals(n);
    ll_text_say(out->refused, sizeof out->refused, "%s", n->summary->refused);
    if (out->refused[0] != '\0') return LL_OK;
    const ll_status room = make_forecast(n, &n->forecast, err);
    *out = n->forecast;
    LL_TRY(room);
    const double start = ll_clock_seconds();
    LL_TRY(open_weights(n, err));
    LL_TRY(open_backend(n, err));
    n->forecast.probe.setup_seconds = ll_clock_seconds() - start;
    LL_TRY(probe(n, &n->forecast.probe, err));
    *out = n->forecast;
    return LL_OK;
}

ll_status ll_pipeline_forecast(const ll_pipeline_options *options, ll_forecast *out, ll_error *err)
{
    ll_pipeline_summary summary = {.rows = 0};
    struct index_run index_run = {.options = options, .summary = &summary, .collect = {.fd = -1}};

    memset(out, 0, sizeof *out);
    const ll_status status = run_dry(&index_run, out, err);
    release(&index_run);
    return status;
}
