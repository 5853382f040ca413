/* host/backend/backend.c - choose a backend, say why a card is not used, check arguments,
 * dispatch.
 *
 * Checking here, once, is what lets a backend trust what it gets (backend_ops.h). */
#include "host/backend/backend.h"
#include "host/backend/backend_ops.h"
#include "host/backend/card_presence.h"
#include "host/backend/cpu/cpu_state.h"
#include "host/backend/module_search.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/vgg16/vgg16.h"
#include "weights/weights.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 1024, MAX_BATCH = 4096, MAX_SLOTS = 64 };
static const int64_t k_max_rows = UINT32_MAX - 1; /* 0xFFFFFFFF means "no row" */

/* ---- opening ---------------------------------------------------------------------------- */

static ll_status load_module(const char *path, ll_backend *be, ll_error *err)
{
    LL_TRY(ll_module_load(path, &be->module, err));

    ll_backend_module_fn get = NULL;
    *(void **)&get = dlsym(be->module, LL_BACKEND_MODULE_SYMBOL); /* the cast POSIX asks for */
    const struct ll_backend_ops *const ops = get == NULL ? NULL : get();
    if (ops == NULL) return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: not a lookloom module", path);
    if (ops->abi != LL_BACKEND_ABI)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: made for interface %d, this is %d", path,
                       ops->abi, LL_BACKEND_ABI);
    be->ops = ops;
    return LL_OK;
}

/* A module named by the caller is that one; else it is looked for (module_search.h). */
static ll_status cuda_load(const ll_backend_options *options, ll_backend *be, ll_error *err)
{
    char *found = NULL;

    if (options->cuda_module != NULL) return load_module(options->cuda_module, be, err);
    LL_TRY(ll_module_find(&found, err));
    const ll_status status = load_module(found, be, err);
    free(found);
    return status;
}

static ll_status cpu_load(const ll_backend_options *options, ll_backend *be, ll_error *err)
{
    (void)options;
    (void)err;
    be->ops = &ll_backend_cpu_ops;
    return LL_OK;
}

/* The backends there are. "auto" tries them from the last to the first, which every machine has. */
#define BACKENDS(ROW)                                                                              \
    ROW("cpu", cpu_load, NULL, NULL)                                                               \
    ROW("cuda", cuda_load, "NVIDIA card", ll_card_present)

struct row {
    const char *name; /* the spelling of --backend and of the index attribute */
    ll_status (*load)(const ll_backend_options *options, ll_backend *be, ll_error *err); /* ops */
    const char *card;                       /* what it needs, in words; NULL for the first */
    bool (*card_present)(const char *root); /* is one in the machine, usable or not */
};
#define AS_ROW(name, load, card, card_present) {name, load, card, card_present},
static const struct row k_rows[] = {BACKENDS(AS_ROW)};
enum { ROWS = sizeof k_rows / sizeof k_rows[0] };

#define AS_WORD(name, load, card, card_present) "|" name
static const char k_words[] = "auto" BACKENDS(AS_WORD);

const char *ll_backend_name(int number)
{
    return number >= 0 && number < ROWS ? k_rows[number].name : NULL;
}

const char *ll_backend_words(void)
{
    return k_words;
}

static ll_status open_one(const struct row *row, const ll_backend_options *options,
                          ll_backend **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_backend *be = NULL;

    LL_TRY(ll_alloc("backend", 1, sizeof *be, &be, err));
    be->slots = options->slots;
    be->threads = options->threads;
    be->rows = -1;
    be->weights_describe = ll_weights_describe;
    be->weights_load = ll_weights_load;
    LL_TRY_DONE(row->load(options, be, err));
    LL_TRY_DONE(be->ops->open(be, options, err));
    be->batch = be->ops->describe(be).batch;
    *out = be;
    return LL_OK;
done:
    ll_backend_close(be);
    return status;
}

static ll_status in_range(const char *what, int64_t value, int64_t low, int64_t high, ll_error *err)
{
    if (value >= low && value <= high) return LL_OK;
    return ll_fail(err, LL_ERR_ARGUMENT, "%s %lld: %lld to %lld are possible", what,
                   (long long)value, (long long)low, (long long)high);
}

/* Without a card the reason is only a detail: nobody expects it to be used. */
static void log_card_unused(const struct row *row, const ll_backend_options *options,
                            const char *why)
{
    if (row->card_present(options->root != NULL ? options->root : ""))
        ll_log_line_once(options->log,
                         "the %s cannot be used, so the processor computes: %s; see "
                         "`lookloom info`, or ask for --backend %s",
                         row->card, why, k_rows[0].name);
    else
        ll_log_detail_once(options->log, "no %s here, so the processor computes (%s: %s)",
                           row->card, row->name, why);
}

static ll_status open_best(const ll_backend_options *options, ll_backend **out, ll_error *err)
{
    ll_error why[ROWS];

    for (int r = ROWS - 1; r > 0; r--) {
        why[r] = (ll_error)LL_ERROR_INIT;
        if (open_one(&k_rows[r], options, out, &why[r]) == LL_OK) return LL_OK;
    }
    for (int r = ROWS - 1; r > 0; r--)
        log_card_unused(&k_rows[r], options, why[r].text);
    return open_one(&k_rows[0], options, out, err);
}

/* "use auto, cpu or cuda" */
static ll_status refuse_name(const char *name, ll_error *err)
{
    char words[128] = "auto";

    for (int r = 0; r < ROWS; r++)
        ll_text_say_more(words, sizeof words, "%s%s", r < ROWS - 1 ? ", " : " or ", k_rows[r].name);
    return ll_fail(err, LL_ERR_ARGUMENT, "backend %s: use %s", name == NULL ? "(none)" : name,
                   words);
}

ll_status ll_backend_open(const ll_backend_options *options, ll_backend **out, ll_error *err)
{
    *out = NULL;
    const char *const name = options->name;
    const bool best = name != NULL && strcmp(name, "auto") == 0;
    int r = 0;

    while (!best && name != NULL && r < ROWS && strcmp(name, k_rows[r].name) != 0)
        r++;
    if (name == NULL || r == ROWS) return refuse_name(name, err);
    LL_TRY(in_range("threads", options->threads, 1, MAX_THREADS, err));
    LL_TRY(in_range("batch", options->batch, 0, MAX_BATCH, err));
    LL_TRY(in_range("slots", options->slots, 1, MAX_SLOTS, err));
    return best ? open_best(options, out, err) : open_one(&k_rows[r], options, out, err);
}

void ll_backend_close(ll_backend *be)
{
    if (be == NULL) return;
    if (be->ops != NULL) be->ops->close(be);
    if (be->module != NULL) dlclose(be->module);
    free(be);
}

ll_backend_info ll_backend_describe(const ll_backend *be)
{
    return be->ops->describe(be);
}

/* ---- embedding -------------------------------------------------------------------------- */

ll_status ll_net_create(ll_backend *be, struct ll_weights *weights, const ll_net_options *options,
                        ll_net **out, ll_error *err)
{
    *out = NULL;
    LL_TRY(in_range("layer", options->layer, 0, LL_VGG16_GAP, err));
    const ll_weights_info *const info = ll_weights_describe(weights);
    const int needed = options->layer == LL_VGG16_GAP ? LL_VGG16_POOL5 : options->layer;
    if (info->last_layer < needed)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: holds no %s; it ends with %s", info->path,
                       ll_vgg16_name(needed), ll_vgg16_name(info->last_layer));
    return be->ops->net_create(be, weights, options, out, err);
}

void ll_net_free(ll_backend *be, ll_net *net)
{
    if (net != NULL) be->ops->net_free(be, net);
}

ll_status ll_forward_submit(ll_backend *be, ll_net *net, int slot, const uint8_t *pixels, int n,
                            ll_error *err)
{
    LL_TRY(in_range("slot", slot, 0, be->slots - 1, err));
    LL_TRY(in_range("images", n, 1, be->batch, err));
    return be->ops->forward_submit(be, net, slot, pixels, n, err);
}

ll_status ll_forward_wait(ll_backend *be, ll_net *net, int slot, float *features, float *norms,
                          ll_error *err)
{
    LL_TRY(in_range("slot", slot, 0, be->slots - 1, err));
    return be->ops->forward_wait(be, net, slot, features, norms, err);
}

ll_status ll_backend_calibrate(int threads, ll_kernel_fn kernel, void *to, const uint8_t *pixels,
                               int n, float *biases, const ll_log *log, ll_error *err)
{
    LL_TRY(in_range("threads", threads, 1, MAX_THREADS, err));
    LL_TRY(in_range("images", n, 1, MAX_BATCH, err));
    return ll_cpu_calibrate(threads, kernel, to, pixels, n, biases, log, err);
}

/* ---- comparing -------------------------------------------------------------------------- */

ll_status ll_compare_begin(ll_backend *be, const ll_compare_options *options, ll_error *err)
{
    LL_TRY(in_range("rows", options->rows, 0, k_max_rows, err));
    LL_TRY(in_range("columns", options->cols, 1, INT32_MAX, err));
    LL_TRY(in_range("candidates", options->keep, 0, INT32_MAX, err));
    if (options->features == NULL && options->rows > 0)
        return ll_fail(err, LL_ERR_ARGUMENT, "comparison: no features");
    if (options->matrix != LL_MATRIX_NONE && options->sink.receive == NULL)
        return ll_fail(err, LL_ERR_ARGUMENT, "comparison: a matrix, but nobody to take it");
    ll_compare_end(be);
    const ll_status status = be->ops->compare_begin(be, options, err);
    if (status != LL_OK) {
        be->ops->compare_end(be);
        return status;
    }
    be->rows = options->rows;
    be->keep = options->keep;
    be->rescoring = false;
    return LL_OK;
}

int64_t ll_compare_margin(const ll_backend *be, int64_t neighbors)
{
    return be->ops->compare_margin(neighbors);
}

int64_t ll_compare_host_bytes(const ll_backend *be, const ll_compare_options *options)
{
    return be->ops->compare_host_bytes(be, options);
}

/* Between comparisons nothing below makes sense. */
static ll_status comparing(const ll_backend *be, ll_error *err)
{
    if (be->rows >= 0) return LL_OK;
    return ll_fail(err, LL_ERR_ARGUMENT, "comparison: not begun");
}

ll_status ll_rescore_wait(ll_backend *be, ll_error *err)
{
    LL_TRY(comparing(be, err));
    if (!be->rescoring) return LL_OK;
    be->rescoring = false;
    return be->ops->rescore_wait(be, err);
}

/* Rows [row, row + rows) lie within the comparison's. */
static ll_status rows_within(const ll_backend *be, int64_t row, int64_t rows, ll_error *err)
{
    LL_TRY(comparing(be, err));
    LL_TRY(in_range("first row", row, 0, be->rows, err));
    return in_range("rows", rows, 0, be->rows - row, err);
}

int64_t ll_compare_tile(const ll_backend *be)
{
    return be->ops->compare_tile(be);
}

ll_status ll_tile_submit(ll_backend *be, int64_t i, int64_t j, ll_error *err)
{
    LL_TRY(comparing(be, err));
    const int64_t blocks = ll_ceil_div(be->rows, be->ops->compare_tile(be));
    LL_TRY(in_range("tile column", j, 0, blocks - 1, err));
    LL_TRY(in_range("tile row", i, 0, j, err));
    LL_TRY(ll_rescore_wait(be, err));
    return be->ops->tile_submit(be, i, j, err);
}

ll_status ll_compare_sync(ll_backend *be, ll_error *err)
{
    LL_TRY(ll_rescore_wait(be, err));
    return be->ops->compare_sync(be, err);
}

ll_status ll_topk_extract(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                          float *scores, double *bounds, ll_error *err)
{
    LL_TRY(rows_within(be, row, rows, err));
    if (be->keep == 0) return ll_fail(err, LL_ERR_ARGUMENT, "comparison: begun without candidates");
    LL_TRY(ll_rescore_wait(be, err));
    return be->ops->topk_extract(be, row, rows, columns, scores, bounds, err);
}

ll_status ll_rescore_submit(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                            int64_t count, float *scores, ll_error *err)
{
    LL_TRY(rows_within(be, row, rows, err));
    LL_TRY(in_range("pairs of a row", count, 0, INT32_MAX, err));
    for (int64_t k = 0; k < rows * count; k++) /* there are 1e8 of them: no call for each */
        if (columns[k] != UINT32_MAX && columns[k] >= be->rows)
            return in_range("column", columns[k], 0, be->rows - 1, err);
    LL_TRY(ll_rescore_wait(be, err));
    LL_TRY(be->ops->rescore_submit(be, row, rows, columns, count, scores, err));
    be->rescoring = true;
    return LL_OK;
}

ll_status ll_rescore(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                     int64_t count, float *scores, ll_error *err)
{
    LL_TRY(ll_rescore_submit(be, row, rows, columns, count, scores, err));
    return ll_rescore_wait(be, err);
}

ll_status ll_rescore_rows(ll_backend *be, const uint32_t *rows, int64_t count, float *scores,
                          ll_error *err)
{
    LL_TRY(comparing(be, err));
    LL_TRY(in_range("rows", count, 0, be->rows, err));
    for (int64_t r = 0; r < count; r++)
        LL_TRY(in_range("row", rows[r], 0, be->rows - 1, err));
    LL_TRY(ll_rescore_wait(be, err));
    return be->ops->rescore_rows(be, rows, count, scores, err);
}

void ll_compare_end(ll_backend *be)
{
    if (be->rows < 0) return;
    be->rows = -1;
    be->ops->compare_end(be);
}
