/* host/query/evaluate.c - see evaluate.h.
 *
 * Rows that are asked are sorted by class, so that a class is a run of rows of one table of
 * (asked, cuts, measures) values and the whole is the run of all of them. */
#include "host/query/evaluate.h"

#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/query/bootstrap.h"
#include "host/query/query_filter.h"
#include "host/query/query_state.h"
#include "host/store/groups.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const k_names[LL_MEASURES] = {"precision", "recall", "mAP", "nDCG"};

/* One item that is asked. */
typedef struct asked {
    uint32_t label, row;
    int64_t relevant, others; /* R; how many items there are to list */
} asked;

typedef struct evaluating {
    const ll_query *query;
    const ll_evaluation_options *options;
    ll_evaluation *out;
    const char *const *values; /* (items) of the label column */
    uint32_t *label, *pool;    /* (items): numbers of the label and of the --within value */
    uint64_t *pairs;           /* (items): pool and label, sorted */
    int64_t *pool_sizes;       /* (items), by pool */
    asked *rows;               /* (out->asked), by label and row */
    int64_t most;              /* the largest cut */
    double *discount;          /* (most): 1 / log2(i + 1) for i = 1 .. most */
    bool *hits;                /* (most) */
    double *measured;          /* (asked, cuts, measures) */
    _Atomic int64_t resampled;
} evaluating;

const char *ll_measure_name(ll_measure measure)
{
    return k_names[measure];
}

static uint64_t pair_of(const evaluating *e, int64_t row)
{
    return (uint64_t)e->pool[row] << 32 | e->label[row];
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int by_label(const void *a, const void *b)
{
    const asked *const x = a, *const y = b;
    if (x->label != y->label) return x->label > y->label ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* First place of the sorted pairs that is not below `pair`. */
static int64_t lower_bound(const evaluating *e, uint64_t pair)
{
    int64_t low = 0, high = e->out->items;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (e->pairs[middle] < pair)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static ll_status number_items(ll_query *query, evaluating *e, ll_error *err)
{
    const int64_t items = e->out->items;
    const char *const *within = NULL;

    LL_TRY(ll_query_column_named(query, "label", e->options->label, &e->values, err));
    LL_TRY(ll_alloc("labels", items, sizeof *e->label, &e->label, err));
    LL_TRY(ll_alloc("labels", items, sizeof *e->pool, &e->pool, err));
    LL_TRY(ll_alloc("labels", items, sizeof *e->pairs, &e->pairs, err));
    LL_TRY(ll_alloc("labels", items, sizeof *e->pool_sizes, &e->pool_sizes, err));
    LL_TRY(ll_store_number_groups(e->values, items, e->label, err));
    if (query->within >= 0) {
        LL_TRY(ll_reader_column(query->reader, query->within, &within, err));
        LL_TRY(ll_store_number_groups(within, items, e->pool, err));
    }
    for (int64_t i = 0; i < items; i++) {
        e->pairs[i] = pair_of(e, i);
        e->pool_sizes[e->pool[i]]++;
    }
    qsort(e->pairs, (size_t)items, sizeof *e->pairs, ascending);
    return LL_OK;
}

/* Who is asked, and who is not. */
static ll_status choose_rows(evaluating *e, ll_error *err)
{
    ll_evaluation *const out = e->out;

    LL_TRY(ll_alloc("questions", out->items, sizeof *e->rows, &e->rows, err));
    for (int64_t i = 0; i < out->items; i++) {
        const uint64_t pair = pair_of(e, i);
        const int64_t relevant = lower_bound(e, pair + 1) - lower_bound(e, pair) - 1;
        if (e->values[i][0] == '\0')
            out->unlabelled++;
        else if (relevant == 0)
            out->alone++;
        else
            e->rows[out->asked++] = (asked){.label = e->label[i],
                                            .row = (uint32_t)i,
                                            .relevant = relevant,
                                            .others = e->pool_sizes[e->pool[i]] - 1};
    }
    qsort(e->rows, (size_t)out->asked, sizeof *e->rows, by_label);
    return LL_OK;
}

/* Sum of the first `count` discounts. */
static double discounts(const evaluating *e, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++)
        sum += e->discount[i];
    return sum;
}

static void measure(const evaluating *e, const asked *row, int64_t k, double out[LL_MEASURES])
{
    const int64_t best = ll_min_i64(row->relevant, k);
    int64_t found = 0;
    double precisions = 0.0, gain = 0.0;

    for (int64_t i = 0; i < k; i++) {
        if (!e->hits[i]) continue;
        found++;
        precisions += (double)found / (double)(i + 1);
        gain += e->discount[i];
    }
    out[LL_MEASURE_PRECISION] = (double)found / (double)k;
    out[LL_MEASURE_RECALL] = (double)found / (double)row->relevant;
    out[LL_MEASURE_MAP] = precisions / (double)best;
    out[LL_MEASURE_NDCG] = gain / discounts(e, best);
}

/* The same for the others in random order, on average: a place holds a relevant one with
 * probability p = R / others, two places both with p * (R - 1) / (others - 1). */
static void chance(const evaluating *e, const asked *row, int64_t k, double out[LL_MEASURES])
{
    const int64_t listed = ll_min_i64(k, row->others), best = ll_min_i64(row->relevant, k);
    const double others = (double)row->others, p = (double)row->relevant / others;
    const double both =
        row->others > 1 ? p * (double)(row->relevant - 1) / (double)(row->others - 1) : 0.0;
    double precisions = 0.0;

    for (int64_t i = 0; i < listed; i++)
        precisions += (p + (double)i * both) / (double)(i + 1);
    out[LL_MEASURE_PRECISION] = p * (double)listed / (double)k;
    out[LL_MEASURE_RECALL] = (double)listed / others;
    out[LL_MEASURE_MAP] = precisions / (double)best;
    out[LL_MEASURE_NDCG] = p * discounts(e, listed) / discounts(e, best);
}

static ll_status mark_hits(evaluating *e, const asked *row, ll_error *err)
{
    const int64_t neighbors = e->query->extents->neighbors;
    const uint32_t *const index =
        ll_reader_neighbor_index(e->query->reader) + (int64_t)row->row * neighbors;

    memset(e->hits, 0, (size_t)e->most * sizeof *e->hits);
    for (int64_t i = 0; i < ll_min_i64(e->most, neighbors) && index[i] != LL_NO_ROW; i++) {
        if (index[i] >= e->out->items || index[i] == row->row)
            return ll_fail(err, LL_ERR_FORMAT, "%s: damaged: row %lu has neighbour %lu",
                           ll_reader_path(e->query->reader), (unsigned long)row->row,
                           (unsigned long)index[i]);
        e->hits[i] = pair_of(e, index[i]) == pair_of(e, row->row);
    }
    return LL_OK;
}

static ll_status measure_all(evaluating *e, ll_error *err)
{
    const int cuts = e->options->cut_count;
    const int64_t width = (int64_t)cuts * LL_MEASURES;

    LL_TRY(ll_alloc("discounts", e->most, sizeof *e->discount, &e->discount, err));
    LL_TRY(ll_alloc("neighbours", e->most, sizeof *e->hits, &e->hits, err));
    LL_TRY(ll_alloc("measures", e->out->asked * width, sizeof *e->measured, &e->measured, err));
    for (int64_t i = 0; i < e->most; i++)
        e->discount[i] = 1.0 / log2((double)i + 2.0);
    for (int64_t i = 0; i < e->out->asked; i++) {
        LL_TRY(mark_hits(e, &e->rows[i], err));
        for (int c = 0; c < cuts; c++)
            measure(e, &e->rows[i], e->options->cuts[c],
                    e->measured + i * width + (int64_t)c * LL_MEASURES);
    }
    return LL_OK;
}

static void count_resample(void *to)
{
    evaluating *const e = to;
    const int64_t done = atomic_fetch_add(&e->resampled, 1) + 1;
    ll_log_progress(e->options->log, "resample", done, e->out->class_count * e->options->resamples);
}

/* Rows [first, first + class->items) of the table. */
static ll_status estimate(evaluating *e, int64_t number, int64_t first, ll_error *err)
{
    const ll_evaluation_class *const class = &e->out->classes[number];
    const int columns = e->options->cut_count * (int)LL_MEASURES;
    const double *const measured = e->measured + first * columns;
    double low[LL_BOOTSTRAP_COLUMNS], high[LL_BOOTSTRAP_COLUMNS], by_chance[LL_MEASURES];
    const ll_bootstrap bootstrap = {.values = measured,
                                    .rows = class->items,
                                    .columns = columns,
                                    .resamples = e->options->resamples,
                                    .seed = e->options->seed,
                                    .stream = (uint64_t)number,
                                    .threads = e->options->threads,
                                    .to = e,
                                    .done = count_resample};

    for (int64_t i = 0; i < class->items; i++)
        for (int c = 0; c < columns; c++) {
            if (c % (int)LL_MEASURES == 0)
                chance(e, &e->rows[first + i], e->options->cuts[c / (int)LL_MEASURES], by_chance);
            class->estimates[c].value += measured[i * columns + c];
            class->estimates[c].chance += by_chance[c % (int)LL_MEASURES];
        }
    if (bootstrap.resamples > 0) LL_TRY(ll_bootstrap_intervals(&bootstrap, low, high, err));
    for (int c = 0; c < columns; c++) {
        class->estimates[c].value /= (double)class->items;
        class->estimates[c].chance /= (double)class->items;
        class->estimates[c].low = bootstrap.resamples > 0 ? low[c] : NAN;
        class->estimates[c].high = bootstrap.resamples > 0 ? high[c] : NAN;
    }
    return LL_OK;
}

/* All together, then each run of one label. */
static ll_status make_classes(evaluating *e, ll_error *err)
{
    ll_evaluation *const out = e->out;
    const int64_t columns = (int64_t)e->options->cut_count * LL_MEASURES;
    int64_t number = 0;

    if (out->asked == 0) return LL_OK;
    out->class_count = 2;
    for (int64_t i = 1; i < out->asked; i++)
        out->class_count += e->rows[i].label != e->rows[i - 1].label;
    LL_TRY(ll_alloc("classes", out->class_count, sizeof *out->classes, &out->classes, err));
    LL_TRY(ll_alloc("classes", out->class_count * columns, sizeof *out->estimates, &out->estimates,
                    err));
    for (int64_t i = 0; i < out->class_count; i++)
        out->classes[i].estimates = out->estimates + i * columns;
    out->classes[0].items = out->asked;
    for (int64_t i = 0; i < out->asked; i++) {
        if (i == 0 || e->rows[i].label != e->rows[i - 1].label)
            out->classes[++number].label = e->values[e->rows[i].row];
        out->classes[number].items++;
    }
    LL_TRY(estimate(e, 0, 0, err));
    for (int64_t i = 1, first = 0; i < out->class_count; first += out->classes[i++].items)
        LL_TRY(estimate(e, i, first, err));
    return LL_OK;
}

static ll_status check_cuts(evaluating *e, ll_error *err)
{
    const int64_t neighbors = e->query->extents->neighbors;

    for (int c = 0; c < e->options->cut_count; c++)
        e->most = ll_max_i64(e->most, e->options->cuts[c]);
    /* a list as long as there are others leaves nobody out */
    if (e->most <= neighbors || neighbors >= e->out->items - 1) return LL_OK;
    return ll_fail(err, LL_ERR_ARGUMENT,
                   "--k: %lld is more than the %lld neighbours an item has in %s; index with "
                   "--neighbors %lld",
                   (long long)e->most, (long long)neighbors, ll_reader_path(e->query->reader),
                   (long long)e->most);
}

static void release(evaluating *e)
{
    free(e->label);
    free(e->pool);
    free(e->pairs);
    free(e->pool_sizes);
    free(e->rows);
    free(e->discount);
    free(e->hits);
    free(e->measured);
}

ll_status ll_evaluate(ll_query *query, const ll_evaluation_options *options, ll_evaluation **out,
                      ll_error *err)
{
    ll_status status = LL_OK;
    ll_evaluation *made = NULL;
    evaluating e = {.query = query, .options = options};

    *out = NULL;
    LL_TRY_DONE(ll_alloc("evaluation", 1, sizeof *made, &made, err));
    made->items = query->extents->items;
    e.out = made;
    LL_TRY_DONE(number_items(query, &e, err));
    LL_TRY_DONE(check_cuts(&e, err));
    LL_TRY_DONE(choose_rows(&e, err));
    LL_TRY_DONE(measure_all(&e, err));
    LL_TRY_DONE(make_classes(&e, err));
    *out = made;
    made = NULL;
done:
    release(&e);
    ll_evaluation_free(made);
    return status;
}

void ll_evaluation_free(ll_evaluation *evaluation)
{
    if (evaluation == NULL) return;
    free(evaluation->classes);
    free(evaluation->estimates);
    free(evaluation);
}
