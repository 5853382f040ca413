/* host/query/query_rank.c - see query_rank.h.
 *
 * Neighbours hold exact scores and come sorted, so a walk down the list answers most questions. A
 * row of the matrix holds every other item, but only to within a step of the stored type. Those
 * items go on a heap by the highest score they may have; what comes to the top is rescored from
 * /features and goes back, and what comes to the top rescored is the next best, for nothing below
 * it can reach it. So exactly the items within a step of the threshold or the cut are rescored. */
#include "host/query/query_rank.h"

#include "host/base/memory.h"
#include "host/query/query_state.h"
#include "kernels/rescore.h"

#include <stdlib.h>
#include <string.h>

static const double k_slack = 1e-7; /* for the additions made with the bound of a stored score */

/* What is known of an item's score. Among equal scores UNCHECKED comes first, so that it gets
 * checked; STORED comes last, since items that are no stored neighbours rank below those that
 * are. */
typedef enum knowledge {
    UNCHECKED, /* the highest score it may have */
    EXACT,
    STORED, /* as the matrix has it; there are no features */
} knowledge;

/* An item that may be listed. */
typedef struct candidate {
    float score;
    knowledge known;
    uint32_t row;
} candidate;

typedef struct ranking_run {
    ll_query *query;
    const ll_query_filter *filter;
    const ll_query_options *options;
    ll_query_ranking *out;
    int64_t capacity;
    /* Values of --distinct that are listed already: open addressing, a power of two. */
    const char **seen;
    int64_t seen_count, seen_capacity;
    bool stopped; /* the next item lies below min_score */
} ranking_run;

static uint64_t text_hash(const char *text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash ^ hash >> 32;
}

/* Where `text` is, or the free place where it belongs. */
static const char **seen_slot(const ranking_run *run, const char *text)
{
    uint64_t at = text_hash(text);
    const uint64_t mask = (uint64_t)run->seen_capacity - 1;
    while (run->seen[at & mask] != NULL && strcmp(run->seen[at & mask], text) != 0)
        at++;
    return &run->seen[at & mask];
}

static ll_status seen_grow(ranking_run *run, ll_error *err)
{
    const char **const old = run->seen;
    const int64_t old_capacity = run->seen_capacity;
    const char **grown = NULL;

    if (2 * (run->seen_count + 1) <= old_capacity) return LL_OK;
    const int64_t capacity = old_capacity > 0 ? 2 * old_capacity : 64;
    LL_TRY(ll_alloc("distinct values", capacity, sizeof *grown, &grown, err));
    run->seen = grown;
    run->seen_capacity = capacity;
    for (int64_t i = 0; i < old_capacity; i++)
        if (old[i] != NULL) *seen_slot(run, old[i]) = old[i];
    free(old);
    return LL_OK;
}

/* Is this the best item of its --distinct value? Remember it if so. */
static ll_status first_of_value(ranking_run *run, int64_t row, bool *first, ll_error *err)
{
    *first = true;
    if (run->filter->distinct == NULL) return LL_OK;
    LL_TRY(seen_grow(run, err));
    const char **const slot = seen_slot(run, run->filter->distinct[row]);
    *first = *slot == NULL;
    if (*first) {
        *slot = run->filter->distinct[row];
        run->seen_count++;
    }
    return LL_OK;
}

/* Take the next best item that passes the filters. Scores are compared as float: 0.9 as text and
 * 0.9 as stored are then the same. */
static ll_status append(ranking_run *run, int64_t row, float score, ll_error *err)
{
    bool first = false;

    if (score > (float)run->options->max_score) return LL_OK;
    if (run->out->best.row < 0) run->out->best = (ll_scored_row){row, score};
    if (score < (float)run->options->min_score) {
        run->stopped = true;
        return LL_OK;
    }
    LL_TRY(first_of_value(run, row, &first, err));
    if (!first) return LL_OK;
    LL_TRY(ll_grow("answer", &run->out->entries, &run->capacity, run->out->count + 1,
                   sizeof *run->out->entries, err));
    run->out->entries[run->out->count++] = (ll_scored_row){row, score};
    run->stopped = run->out->count == run->options->top;
    return LL_OK;
}

static void start_over(ranking_run *run)
{
    if (run->seen != NULL) memset(run->seen, 0, (size_t)run->seen_capacity * sizeof *run->seen);
    run->seen_count = 0;
    run->out->count = 0;
    run->out->best = (ll_scored_row){-1, 0.0f};
    run->stopped = false;
}

/* Walk the stored neighbours. `*enough` if nothing beyond them could change the answer. */
static ll_status rank_neighbors(ranking_run *run, bool *enough, ll_error *err)
{
    const ll_query *const query = run->query;
    const int64_t count = query->extents->neighbors, row = run->filter->row;
    const uint32_t *const index = ll_reader_neighbor_index(query->reader) + row * count;
    const float *const score = ll_reader_neighbor_score(query->reader) + row * count;
    int64_t i = 0;

    for (; i < count && index[i] != LL_NO_ROW && !run->stopped; i++) {
        if (index[i] >= query->extents->items)
            return ll_fail(err, LL_ERR_FORMAT, "%s: damaged: row %lld has neighbour %lu",
                           ll_reader_path(query->reader), (long long)row, (unsigned long)index[i]);
        if (ll_query_filter_accepts(run->filter, index[i]))
            LL_TRY(append(run, index[i], score[i], err));
    }
    /* a list with a fill, or as long as there are others, names every item there is */
    const bool whole = i < count || count >= query->extents->items - 1;
    *enough = run->stopped || whole;
    return LL_OK;
}

/* Is `a` to be looked at before `b`? */
static bool before(const candidate *a, const candidate *b)
{
    if (a->score != b->score) return a->score > b->score;
    if (a->known != b->known) return a->known < b->known;
    return a->row < b->row;
}

static void heap_sink(candidate *heap, int64_t count, int64_t at)
{
    const candidate sinking = heap[at];

    for (int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && before(&heap[child + 1], &heap[child])) child++;
        if (!before(&heap[child], &sinking)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = sinking;
}

static int by_row(const void *a, const void *b)
{
    const candidate *const x = a, *const y = b;
    return (x->row > y->row) - (x->row < y->row);
}

/* The stored neighbours of the item, by row. Their scores are exact whatever the matrix is. */
static ll_status known_scores(const ranking_run *run, candidate **out, int64_t *count, float *last,
                              ll_error *err)
{
    const int64_t neighbors = run->query->extents->neighbors, row = run->filter->row;
    const uint32_t *const index = ll_reader_neighbor_index(run->query->reader) + row * neighbors;
    const float *const score = ll_reader_neighbor_score(run->query->reader) + row * neighbors;

    *count = 0;
    LL_TRY(ll_alloc("neighbours", neighbors, sizeof **out, out, err));
    for (int64_t i = 0; i < neighbors && index[i] != LL_NO_ROW; i++) {
        (*out)[(*count)++] = (candidate){score[i], EXACT, index[i]};
        *last = score[i];
    }
    qsort(*out, (size_t)*count, sizeof **out, by_row);
    return LL_OK;
}

/* Every item of the row that the filters leave. */
static ll_status row_candidates(const ranking_run *run, candidate **out, int64_t *count,
                                ll_error *err)
{
    ll_status status = LL_OK;
    const ll_query *const query = run->query;
    const bool checkable = ll_reader_features(query->reader) != NULL;
    const double bound = ll_store_matrix_bound(query->extents->matrix) + k_slack;
    const float step = checkable ? (float)bound : 0.0f;
    candidate *known = NULL;
    int64_t known_count = 0, next = 0;
    float last = 1.0f; /* the last neighbour's score: no item outside the list is above it */

    *count = 0;
    LL_TRY_DONE(known_scores(run, &known, &known_count, &last, err));
    LL_TRY_DONE(ll_alloc("candidates", query->extents->items, sizeof **out, out, err));
    for (int64_t row = 0; row < query->extents->items; row++) {
        const bool is_known = next < known_count && known[next].row == row;
        if (is_known) next++;
        if (!ll_query_filter_accepts(run->filter, row)) continue;
        if (is_known) {
            (*out)[(*count)++] = known[next - 1];
            continue;
        }
        const float most = ll_reader_score(query->reader, run->filter->row, row) + step;
        (*out)[(*count)++] =
            (candidate){most < last ? most : last, checkable ? UNCHECKED : STORED, (uint32_t)row};
    }
done:
    free(known);
    return status;
}

static float rescored(const ll_query *query, int64_t row, double row_square, int64_t other)
{
    const int64_t width = query->extents->features;
    const float *const features = ll_reader_features(query->reader);
    const float *const x = features + row * width, *const y = features + other * width;
    return ll_rescore_score(ll_rescore_dot_cpu(x, y, width), row_square,
                            ll_rescore_dot_cpu(y, y, width));
}

static ll_status rank_row(ranking_run *run, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_query *const query = run->query;
    const float *const features = ll_reader_features(query->reader);
    const int64_t width = query->extents->features, row = run->filter->row;
    candidate *heap = NULL;
    int64_t count = 0;

    LL_TRY_DONE(row_candidates(run, &heap, &count, err));
    const double square = features == NULL ? 0.0
                                           : ll_rescore_dot_cpu(features + row * width,
                                                                features + row * width, width);
    for (int64_t i = count / 2 - 1; i >= 0; i--)
        heap_sink(heap, count, i);
    while (count > 0 && !run->stopped) {
        if (heap[0].known == UNCHECKED) {
            heap[0].score = rescored(query, row, square, heap[0].row);
            heap[0].known = EXACT;
        } else {
            run->out->exact = run->out->exact && heap[0].known == EXACT;
            LL_TRY_DONE(append(run, heap[0].row, heap[0].score, err));
            heap[0] = heap[--count];
        }
        if (count > 0) heap_sink(heap, count, 0);
    }
done:
    free(heap);
    return status;
}

ll_status ll_query_rank(ll_query *query, ll_query_filter *filter, const ll_query_options *options,
                        ll_query_ranking *out, ll_error *err)
{
    ll_status status = LL_OK;
    ranking_run run = {.query = query, .filter = filter, .options = options, .out = out};
    bool enough = false;

    *out = (ll_query_ranking){.best = {-1, 0.0f}, .complete = true, .exact = true};
    LL_TRY_DONE(rank_neighbors(&run, &enough, err));
    if (!enough && ll_reader_matrix(query->reader) != NULL) {
        start_over(&run);
        LL_TRY_DONE(ll_query_filter_keep_within(query, filter, err));
        LL_TRY_DONE(rank_row(&run, err));
    } else {
        out->complete = enough;
    }
done:
    free(run.seen);
    if (status != LL_OK) {
        free(out->entries);
        *out = (ll_query_ranking){.best = {-1, 0.0f}};
    }
    return status;
}
