/* host/query/photo_rank.c - see photo_rank.h.
 *
 * 50 photos against 44 000 items are 9e9 products, a few seconds in double precision: no faster
 * product with a bound and a second look is worth its code here. Blocks of items stay in a core's
 * cache while all photos pass over them. Each thread keeps its own best places; which they are
 * depends on nothing but the scores, since ties are broken by row. */
#include "host/query/photo_rank.h"

#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/query/query_answer.h"
#include "host/query/query_filter.h"
#include "host/query/query_state.h"
#include "host/store/groups.h"
#include "kernels/rescore.h"
#include "kernels/score_order.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16, ROOM = 64 }; /* items a task scores; the least places kept */

typedef struct entry {
    float score;
    uint32_t row, value; /* value: number of the --distinct one, else 0 */
} entry;

/* The best of what one thread has seen for one photo. */
typedef struct best_list {
    entry *entries; /* the best `top` and some that may be among them */
    int64_t count, capacity;
    bool full; /* `floor` is the score of place number `top` */
    float floor;
    entry best; /* whatever min_score is */
    bool any;   /* there is a best */
} best_list;

typedef struct photo_run {
    const ll_query *query;
    const ll_query_photos *photos;
    const ll_query_options *options;
    const ll_log *log;
    const ll_query_filter *filter;
    const uint32_t *value; /* (items), or NULL without --distinct */
    double *squares;       /* (photos) */
    best_list *lists;      /* (threads, photos) */
    int64_t *others;       /* (threads): items the filters leave */
    _Atomic int64_t done;
} photo_run;

const ll_reader *ll_query_reader(const ll_query *query)
{
    return query->reader;
}

static bool better(const entry *a, const entry *b)
{
    return ll_score_is_before(a->score, a->row, b->score, b->row);
}

static int best_first(const void *a, const void *b)
{
    return better(a, b) ? -1 : better(b, a) ? 1 : 0;
}

static int by_value(const void *a, const void *b)
{
    const entry *const x = a, *const y = b;
    if (x->value != y->value) return x->value > y->value ? 1 : -1;
    return best_first(a, b);
}

/* Down to the best `top`, best first; of each --distinct value only the best. */
static void settle(const photo_run *run, best_list *list)
{
    const int64_t top = run->options->top;

    if (list->count == 0) return;
    if (run->value != NULL) {
        int64_t kept = 0;
        qsort(list->entries, (size_t)list->count, sizeof *list->entries, by_value);
        for (int64_t i = 0; i < list->count; i++)
            if (i == 0 || list->entries[i].value != list->entries[kept - 1].value)
                list->entries[kept++] = list->entries[i];
        list->count = kept;
    }
    qsort(list->entries, (size_t)list->count, sizeof *list->entries, best_first);
    list->full = list->count >= top;
    if (!list->full) return;
    list->count = top;
    list->floor = list->entries[top - 1].score;
}

/* Scores are compared as float: 0.9 as text and 0.9 as stored are then the same. */
static ll_status offer(const photo_run *run, best_list *list, entry offered, ll_error *err)
{
    if (offered.score > (float)run->options->max_score) return LL_OK;
    if (!list->any || better(&offered, &list->best)) list->best = offered;
    list->any = true;
    if (offered.score < (float)run->options->min_score) return LL_OK;
    if (list->full && offered.score < list->floor) return LL_OK;
    if (list->count >= ll_max_i64(ROOM, 2 * run->options->top)) settle(run, list);
    LL_TRY(ll_grow("answer", &list->entries, &list->capacity, list->count + 1,
                   sizeof *list->entries, err));
    list->entries[list->count++] = offered;
    return LL_OK;
}

/* Score one block of items against every photo. */
static ll_status score_block(void *context, int64_t task, int thread, ll_error *err)
{
    photo_run *const run = context;
    const int64_t width = run->query->extents->features, items = run->query->extents->items;
    const int64_t photos = run->photos->count, end = ll_min_i64((task + 1) * BLOCK, items);
    const float *const features = ll_reader_features(run->query->reader);
    uint32_t rows[BLOCK];
    double squares[BLOCK];
    int count = 0;

    for (int64_t row = task * BLOCK; row < end; row++) {
        if (!ll_query_filter_accepts(run->filter, row)) continue;
        rows[count] = (uint32_t)row;
        ll_rescore_squares_cpu(features + row * width, 1, width, &squares[count++]);
    }
    run->others[thread] += count;
    for (int64_t p = 0; p < photos; p++)
        for (int i = 0; i < count; i++) {
            const double dot = ll_rescore_dot_cpu(run->photos->features + p * width,
                                                  features + rows[i] * width, width);
            const entry offered = {.score = ll_rescore_score(dot, run->squares[p], squares[i]),
                                   .row = rows[i],
                                   .value = run->value != NULL ? run->value[rows[i]] : 0};
            LL_TRY(offer(run, &run->lists[thread * photos + p], offered, err));
        }
    ll_log_progress(run->log, "match",
                    atomic_fetch_add(&run->done, end - task * BLOCK) + end - task * BLOCK, items);
    return LL_OK;
}

/* Gather what the threads kept of a photo into the first one's list. */
static ll_status merge(photo_run *run, int threads, int64_t photo, ll_error *err)
{
    best_list *const to = &run->lists[photo];

    for (int t = 1; t < threads; t++) {
        best_list *const from = &run->lists[t * run->photos->count + photo];
        for (int64_t i = 0; i < from->count; i++)
            LL_TRY(offer(run, to, from->entries[i], err));
        if (from->any && (!to->any || better(&from->best, &to->best))) to->best = from->best;
        to->any = to->any || from->any;
    }
    settle(run, to);
    return LL_OK;
}

static ll_status answer_photo(ll_query *query, const photo_run *run, int64_t photo, int64_t others,
                              ll_query_answer **out, ll_error *err)
{
    const best_list *const list = &run->lists[photo];
    ll_query_ranking ranking = {
        .count = list->count,
        .best = {list->any ? (int64_t)list->best.row : -1, list->best.score},
        .complete = true,
        .exact = true};

    LL_TRY(ll_alloc("answer", list->count, sizeof *ranking.entries, &ranking.entries, err));
    for (int64_t i = 0; i < list->count; i++)
        ranking.entries[i] = (ll_scored_row){list->entries[i].row, list->entries[i].score};
    const ll_status status =
        ll_query_answer_photo(query, run->photos->names[photo], &ranking, others, out, err);
    free(ranking.entries);
    return status;
}

static ll_status rank_photos(ll_query *query, photo_run *run, int threads,
                             ll_query_answer **answers, ll_error *err)
{
    const int64_t photos = run->photos->count, width = query->extents->features;
    int64_t others = 0;

    LL_TRY(ll_alloc("photos", photos, sizeof *run->squares, &run->squares, err));
    LL_TRY(ll_alloc("answers", threads * photos, sizeof *run->lists, &run->lists, err));
    LL_TRY(ll_alloc("answers", threads, sizeof *run->others, &run->others, err));
    ll_rescore_squares_cpu(run->photos->features, photos, width, run->squares);
    LL_TRY(
        ll_parallel_run(threads, ll_ceil_div(query->extents->items, BLOCK), score_block, run, err));
    for (int t = 0; t < threads; t++)
        others += run->others[t];
    for (int64_t p = 0; p < photos; p++) {
        LL_TRY(merge(run, threads, p, err));
        LL_TRY(answer_photo(query, run, p, others, &answers[p], err));
    }
    return LL_OK;
}

static void release(photo_run *run, int64_t lists)
{
    for (int64_t i = 0; run->lists != NULL && i < lists; i++)
        free(run->lists[i].entries);
    free(run->lists);
    free(run->others);
    free(run->squares);
}

ll_status ll_query_photos_similar(ll_query *query, const ll_query_photos *photos,
                                  const ll_query_options *options, int threads, const ll_log *log,
                                  ll_query_answer **answers, ll_error *err)
{
    ll_status status = LL_OK;
    ll_query_filter filter = {0};
    uint32_t *value = NULL;
    photo_run run = {
        .query = query, .photos = photos, .options = options, .log = log, .filter = &filter};

    memset(answers, 0, (size_t)photos->count * sizeof *answers);
    if (query->extents->features == 0)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: no /features to match a photo with",
                       ll_reader_path(query->reader));
    LL_TRY_DONE(ll_query_filter_init(query, -1, options, &filter, err));
    if (filter.distinct != NULL) {
        LL_TRY_DONE(ll_alloc("values", query->extents->items, sizeof *value, &value, err));
        LL_TRY_DONE(ll_store_number_groups(filter.distinct, query->extents->items, value, err));
        run.value = value;
    }
    LL_TRY_DONE(rank_photos(query, &run, threads, answers, err));
done:
    for (int64_t p = 0; status != LL_OK && p < photos->count; p++) {
        ll_query_answer_free(answers[p]);
        answers[p] = NULL;
    }
    release(&run, threads * photos->count);
    free(value);
    ll_query_filter_release(&filter);
    return status;
}
