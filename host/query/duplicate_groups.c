/* host/query/duplicate_groups.c - see duplicate_groups.h.
 *
 * Files of the same bytes are joined by their digests, then every item to the neighbours it links
 * to. A list that is links from end to end may hide more: such a row is `full`. A link that no list
 * shows is one between two full rows, so only those are looked at again (duplicate_links.c), and
 * only between groups: 5 000 copies of a placeholder are one group by then. */
#include "host/query/duplicate_groups.h"

#include "host/base/memory.h"
#include "host/query/duplicate_links.h"
#include "host/query/query_state.h"
#include "kernels/rescore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t k_no_row = 0xFFFFFFFF; /* fill of /neighbors/index */

typedef struct grouping {
    ll_query *query;
    float min_score; /* scores are compared as float: 0.999 as text and as stored are the same */
    ll_duplicate_groups *out;
    ll_disjoint sets;
    int64_t *twin; /* (items) */
} grouping;

/* qsort has no context: what is sorted carries its key. */
typedef struct keyed {
    const uint8_t *digest;
    uint32_t root, row;
} keyed;

static int by_digest(const void *a, const void *b)
{
    const keyed *const x = a, *const y = b;
    const int differ = memcmp(x->digest, y->digest, LL_STORE_DIGEST);
    return differ != 0 ? differ : (x->row > y->row) - (x->row < y->row);
}

static int by_root(const void *a, const void *b)
{
    const keyed *const x = a, *const y = b;
    if (x->root != y->root) return x->root > y->root ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Join files of the same bytes. A web copy has no digests; one of zeros says nothing. */
static ll_status join_twins(grouping *g, ll_error *err)
{
    static const uint8_t k_unknown[LL_STORE_DIGEST] = {0};
    const int64_t items = g->query->extents->items;
    const uint8_t *const digests = ll_reader_digests(g->query->reader);
    keyed *rows = NULL;

    for (int64_t i = 0; i < items; i++)
        g->twin[i] = -1;
    if (digests == NULL) return LL_OK;
    LL_TRY(ll_alloc("digests", items, sizeof *rows, &rows, err));
    for (int64_t i = 0; i < items; i++)
        rows[i] = (keyed){digests + i * LL_STORE_DIGEST, 0, (uint32_t)i};
    qsort(rows, (size_t)items, sizeof *rows, by_digest);
    for (int64_t i = 0, end = 0; i < items; i = end) {
        for (end = i + 1;
             end < items && memcmp(rows[end].digest, rows[i].digest, LL_STORE_DIGEST) == 0;)
            end++;
        if (end - i < 2 || memcmp(rows[i].digest, k_unknown, LL_STORE_DIGEST) == 0) continue;
        for (int64_t j = i; j < end; j++) {
            g->twin[rows[j].row] = rows[i].row;
            ll_disjoint_join(&g->sets, rows[i].row, rows[j].row);
        }
        g->out->twins += end - i;
    }
    free(rows);
    return LL_OK;
}

/* Join every item to the neighbours it links to, and learn which lists are full. */
static ll_status join_neighbors(grouping *g, bool *full, int64_t *full_count, ll_error *err)
{
    const int64_t items = g->query->extents->items, count = g->query->extents->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(g->query->reader);
    const float *const score = ll_reader_neighbor_score(g->query->reader);

    for (int64_t row = 0; row < items; row++) {
        int64_t i = 0;
        for (; i < count && index[row * count + i] != k_no_row; i++) {
            const uint32_t other = index[row * count + i];
            if (other >= items || other == row)
                return ll_fail(err, LL_ERR_FORMAT, "%s: damaged: row %lld has neighbour %lu",
                               ll_reader_path(g->query->reader), (long long)row,
                               (unsigned long)other);
            if (!(score[row * count + i] >= g->min_score)) break;
            ll_disjoint_join(&g->sets, (uint32_t)row, other);
        }
        full[row] = i == count && count < items - 1;
        *full_count += full[row];
    }
    return LL_OK;
}

static ll_status join_all(grouping *g, const ll_log *log, ll_error *err)
{
    ll_status status = LL_OK;
    bool *full = NULL;
    int64_t full_count = 0;

    LL_TRY_DONE(join_twins(g, err));
    LL_TRY_DONE(ll_alloc("full lists", g->query->extents->items, sizeof *full, &full, err));
    LL_TRY_DONE(join_neighbors(g, full, &full_count, err));
    if (full_count > 1)
        LL_TRY_DONE(ll_duplicate_links(g->query, g->min_score, full, full_count, &g->sets, log,
                                       &g->out->complete, &g->out->exact, err));
done:
    free(full);
    return status;
}

/* The score of two items from the list of the first; NAN if the other is not on it. */
static double listed_score(const ll_query *query, int64_t row, int64_t other)
{
    const int64_t count = query->extents->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(query->reader) + row * count;

    for (int64_t i = 0; i < count && index[i] != k_no_row; i++)
        if (index[i] == other)
            return (double)ll_reader_neighbor_score(query->reader)[row * count + i];
    return (double)NAN;
}

/* The score of two items, as well as the index knows it. */
static double score_of(const ll_query *query, const int64_t *twin, int64_t a, int64_t b)
{
    const int64_t width = query->extents->features;
    const float *const features = ll_reader_features(query->reader);

    if (a == b || (twin[a] >= 0 && twin[a] == twin[b])) return 1.0;
    if (features != NULL) {
        const float *const x = features + a * width, *const y = features + b * width;
        return (double)ll_rescore_score(ll_rescore_dot_cpu(x, y, width),
                                        ll_rescore_dot_cpu(x, x, width),
                                        ll_rescore_dot_cpu(y, y, width));
    }
    const double listed = listed_score(query, a, b);
    if (!isnan(listed) || ll_reader_matrix(query->reader) == NULL) return listed;
    return (double)ll_reader_score(query->reader, a, b);
}

/* Groups of two or more, by first row. A set's root is its lowest row, so sorting by root does. */
static ll_status list_groups(grouping *g, ll_error *err)
{
    const int64_t items = g->query->extents->items;
    ll_duplicate_groups *const out = g->out;
    keyed *rows = NULL;
    int64_t members = 0;

    LL_TRY(ll_alloc("groups", items, sizeof *rows, &rows, err));
    for (int64_t i = 0; i < items; i++)
        rows[i] = (keyed){NULL, ll_disjoint_root(&g->sets, (uint32_t)i), (uint32_t)i};
    qsort(rows, (size_t)items, sizeof *rows, by_root);
    ll_status status = ll_alloc("groups", items + 1, sizeof *out->first, &out->first, err);
    if (status == LL_OK) status = ll_alloc("groups", items, sizeof *out->items, &out->items, err);
    for (int64_t i = 0, end = 0; status == LL_OK && i < items; i = end) {
        for (end = i + 1; end < items && rows[end].root == rows[i].root;)
            end++;
        if (end - i < 2) continue;
        out->first[out->count++] = members;
        for (int64_t j = i; j < end; j++) {
            const int64_t row = rows[j].row;
            out->items[members++] =
                (ll_duplicate){row, g->twin[row], score_of(g->query, g->twin, rows[i].row, row)};
        }
    }
    if (status == LL_OK) out->first[out->count] = members;
    free(rows);
    return status;
}

ll_status ll_query_duplicates(ll_query *query, double min_score, const ll_log *log,
                              ll_duplicate_groups **out, ll_error *err)
{
    ll_status status = LL_OK;
    grouping g = {.query = query, .min_score = (float)min_score};

    *out = NULL;
    LL_TRY_DONE(ll_alloc("groups", 1, sizeof *g.out, &g.out, err));
    g.out->complete = g.out->exact = true;
    LL_TRY_DONE(ll_alloc("twins", query->extents->items, sizeof *g.twin, &g.twin, err));
    LL_TRY_DONE(ll_disjoint_init(&g.sets, query->extents->items, err));
    LL_TRY_DONE(join_all(&g, log, err));
    LL_TRY_DONE(list_groups(&g, err));
    *out = g.out;
    g.out = NULL;
done:
    free(g.twin);
    ll_disjoint_release(&g.sets);
    ll_duplicate_groups_free(g.out);
    return status;
}

void ll_duplicate_groups_free(ll_duplicate_groups *groups)
{
    if (groups == NULL) return;
    free(groups->first);
    free(groups->items);
    free(groups);
}
