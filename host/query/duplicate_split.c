/* host/query/duplicate_split.c - see duplicate_split.h.
 *
 * Groups lie within chains, so one chain at a time is looked at. What a list of neighbours shows is
 * not computed again; a pair it does not show can reach only if both photos have lists that are
 * links from end to end, so only those pairs are looked up or computed. In an index made --within a
 * column two photos are compared if an item of one has the value of an item of the other. */
#include "host/query/duplicate_split.h"

#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/size.h"
#include "host/query/query_state.h"
#include "host/store/groups.h"

#include <stdlib.h>

/* The set at hand has photos 0 .. count - 1, by their first rows. */
typedef struct splitting {
    const ll_duplicate_split_task *task;
    const ll_query *query;
    ll_disjoint groups; /* of all items */
    uint32_t *pool;     /* (items): numbers of the --within value, or NULL */
    uint32_t *rows;     /* (items), set by set */
    uint32_t *number;   /* (items): of its photo, in its set */
    int64_t *next;      /* (items): the next item of the same bytes, or -1 */
    uint32_t *photos;   /* (items): first row of a photo */
    bool *open;         /* (items): has this photo a full list? */
    int64_t count;
    ll_link *links;
    int64_t link_count, link_capacity;
    uint32_t *columns; /* (items) */
    float *scores;     /* (items) */
    uint32_t *group;   /* (items) */
    float *worst;      /* (items): of a group, at its lowest photo */
    bool *complete, *exact;
} splitting;

/* First by photos; of the same two, which lists may repeat, the best first. */
static int by_photos(const void *a, const void *b)
{
    const ll_link *const x = a, *const y = b;
    if (x->low != y->low) return x->low > y->low ? 1 : -1;
    if (x->high != y->high) return x->high > y->high ? 1 : -1;
    return (x->score < y->score) - (x->score > y->score);
}

static ll_status init(splitting *s, ll_error *err)
{
    const int64_t items = s->query->extents->items;
    const char *const *values = NULL;

    LL_TRY(ll_disjoint_init(&s->groups, items, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->rows, &s->rows, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->number, &s->number, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->next, &s->next, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->photos, &s->photos, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->open, &s->open, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->columns, &s->columns, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->scores, &s->scores, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->group, &s->group, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->worst, &s->worst, err));
    if (s->query->within < 0) return LL_OK;
    LL_TRY(ll_reader_column(s->query->reader, s->query->within, &values, err));
    LL_TRY(ll_alloc("groups", items, sizeof *s->pool, &s->pool, err));
    return ll_store_number_groups(values, items, s->pool, err);
}

static void release(splitting *s)
{
    ll_disjoint_release(&s->groups);
    free(s->pool);
    free(s->rows);
    free(s->number);
    free(s->next);
    free(s->photos);
    free(s->open);
    free(s->links);
    free(s->columns);
    free(s->scores);
    free(s->group);
    free(s->worst);
}

/* Pairs that memory_bytes hold, and ll_complete_linkage takes. */
static int64_t max_links(const splitting *s)
{
    return ll_min_i64(s->task->memory_bytes / LL_DUPLICATE_SPLIT_BYTES, (int64_t)UINT32_MAX - 1);
}

static ll_status too_many(const splitting *s, ll_error *err)
{
    char count[LL_NUMBER_TEXT], photos[LL_NUMBER_TEXT], size[LL_NUMBER_TEXT];

    return ll_fail(err, LL_ERR_MEMORY,
                   "%s: of %s photos that links connect, more than %s pairs score %g or more: "
                   "they do not fit into --memory, %s; a higher --min-score has fewer",
                   ll_reader_path(s->query->reader), ll_number_grouped(s->count, photos),
                   ll_number_grouped(max_links(s), count), (double)s->task->min_score,
                   ll_number_size((double)s->task->memory_bytes, size));
}

static ll_status push(splitting *s, uint32_t a, uint32_t b, float score, ll_error *err)
{
    LL_TRY(
        ll_grow("pairs", &s->links, &s->link_capacity, s->link_count + 1, sizeof *s->links, err));
    s->links[s->link_count++] = (ll_link){a < b ? a : b, a < b ? b : a, score};
    return LL_OK;
}

/* The photos of the set whose items are rows[0 .. count), ascending. */
static void number_photos(splitting *s, const uint32_t *rows, int64_t count)
{
    s->count = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint32_t row = rows[i];
        const int64_t first = ll_pair_scores_photo(s->task->scores, row);
        s->next[row] = -1;
        if (first == row) {
            s->number[row] = (uint32_t)s->count;
            s->open[s->count] = false;
            s->photos[s->count++] = row;
        } else {
            s->number[row] = s->number[first];
            s->next[row] = s->next[first]; /* in any order, behind the first */
            s->next[first] = row;
        }
        s->open[s->number[row]] = s->open[s->number[row]] || s->task->full[row];
    }
}

/* Lists show a pair from both sides, and once for each twin. */
static ll_status make_unique(splitting *s, ll_error *err)
{
    int64_t kept = 0;

    if (s->link_count > 1) qsort(s->links, (size_t)s->link_count, sizeof *s->links, by_photos);
    for (int64_t i = 0; i < s->link_count; i++)
        if (kept == 0 || s->links[kept - 1].low != s->links[i].low ||
            s->links[kept - 1].high != s->links[i].high)
            s->links[kept++] = s->links[i];
    s->link_count = kept;
    return kept > max_links(s) ? too_many(s, err) : LL_OK;
}

/* The links that lists of neighbours show, by photos, each once. Half as many again as may be left
 * have room meanwhile: a third of the array is free after each sorting at least. */
static ll_status list_links(splitting *s, const uint32_t *rows, int64_t count, ll_error *err)
{
    const int64_t list_length = s->query->extents->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(s->query->reader);
    const float *const score = ll_reader_neighbor_score(s->query->reader);
    const int64_t most = max_links(s), room = most + most / 2 + 1;

    s->link_count = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t first = rows[i] * list_length;
        for (int64_t k = first; k < first + list_length && index[k] != LL_NO_ROW; k++) {
            if (!(score[k] >= s->task->min_score)) break;
            if (s->number[index[k]] == s->number[rows[i]]) continue;
            if (s->link_count == room) LL_TRY(make_unique(s, err));
            LL_TRY(push(s, s->number[rows[i]], s->number[index[k]], score[k], err));
        }
    }
    return make_unique(s, err);
}

static bool compared(const splitting *s, int64_t a, int64_t b)
{
    if (s->pool == NULL) return true;
    for (int64_t x = s->photos[a]; x >= 0; x = s->next[x])
        for (int64_t y = s->photos[b]; y >= 0; y = s->next[y])
            if (s->pool[x] == s->pool[y]) return true;
    return false;
}

/* Of photo `a` and the photos behind it that its lists may not show: those that may reach, into
 * `columns`. `*at` walks over the listed links, which are by photos. */
static int64_t pick_unseen(splitting *s, int64_t a, int64_t listed, int64_t *at)
{
    const bool known = s->task->scores->features != NULL || s->task->scores->matrix;
    int64_t wanted = 0;

    for (int64_t b = a + 1; b < s->count; b++) {
        if (!s->open[b]) continue;
        while (*at < listed &&
               (s->links[*at].low < a || (s->links[*at].low == a && s->links[*at].high < b)))
            (*at)++;
        if (*at < listed && s->links[*at].low == a && s->links[*at].high == b) continue;
        if (!compared(s, a, b)) continue;
        *s->complete = *s->complete && known;
        if (!known || ll_pair_scores_upper_bound(s->task->scores, s->photos[a], s->photos[b]) <
                          (double)s->task->min_score)
            continue;
        *s->exact = *s->exact && s->task->scores->features != NULL;
        s->columns[wanted++] = s->photos[b];
    }
    return wanted;
}

static ll_status seek_links(splitting *s, int64_t done, const ll_log *log, ll_error *err)
{
    const int64_t items = s->query->extents->items, listed = s->link_count;
    int64_t at = 0;

    for (int64_t a = 0; a < s->count; a++) {
        if (!s->open[a]) continue;
        const int64_t wanted = pick_unseen(s, a, listed, &at);
        ll_pair_scores_of(s->task->scores, s->photos[a], s->columns, wanted, s->scores);
        for (int64_t c = 0; c < wanted; c++)
            if (s->scores[c] >= s->task->min_score) {
                if (s->link_count >= max_links(s)) return too_many(s, err);
                LL_TRY(push(s, (uint32_t)a, s->number[s->columns[c]], s->scores[c], err));
            }
        ll_log_progress(log, "compare pairs", done + a + 1, items);
    }
    return LL_OK;
}

/* Split one set, whose items are rows[0 .. count), ascending. */
static ll_status split_set(splitting *s, const uint32_t *rows, int64_t count, int64_t done,
                           const ll_log *log, float *lowest, ll_error *err)
{
    number_photos(s, rows, count);
    s->group[0] = 0;
    s->worst[0] = 1.0f;
    if (s->count > 1) {
        LL_TRY(list_links(s, rows, count, err));
        LL_TRY(seek_links(s, done, log, err));
        LL_TRY(ll_complete_linkage(s->count, s->links, s->link_count, s->group, s->worst, err));
    }
    for (int64_t i = 0; i < count; i++) {
        const uint32_t group = s->group[s->number[rows[i]]];
        ll_disjoint_join(&s->groups, s->photos[group], rows[i]);
        lowest[s->photos[group]] = s->worst[group];
    }
    return LL_OK;
}

ll_status ll_duplicate_split(const ll_duplicate_split_task *task, ll_disjoint *sets,
                             const ll_log *log, float *lowest, bool *complete, bool *exact,
                             ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t items = task->scores->query->extents->items;
    splitting s = {
        .task = task, .query = task->scores->query, .complete = complete, .exact = exact};
    int64_t *first = NULL; /* (items + 1): where the set of a root begins in `rows` */

    LL_TRY_DONE(init(&s, err));
    LL_TRY_DONE(ll_alloc("groups", items + 1, sizeof *first, &first, err));
    for (int64_t i = 0; i < items; i++)
        first[ll_disjoint_root(sets, (uint32_t)i) + 1]++;
    for (int64_t i = 0; i < items; i++)
        first[i + 1] += first[i];
    for (int64_t i = 0; i < items; i++)
        s.rows[first[ll_disjoint_root(sets, (uint32_t)i)]++] = (uint32_t)i;
    for (int64_t i = 0, begin = 0; i < items; begin = first[i++])
        LL_TRY_DONE(split_set(&s, s.rows + begin, first[i] - begin, begin, log, lowest, err));
    ll_disjoint_release(sets);
    *sets = s.groups;
    s.groups = (ll_disjoint){NULL};
done:
    free(first);
    release(&s);
    return status;
}
