/* host/query/duplicate_groups.c - see duplicate_groups.h.
 *
 * Files of the same bytes are joined by their digests, then every item to the neighbours it links
 * to. If all stored neighbours of a row are links, there may be more that the list does not hold:
 * such a row is `full`. A link that is in no list can only be between two full rows, so only those
 * are compared (duplicate_links.c), and only between different groups: 5 000 copies of a
 * placeholder are one group already. These are the chains; where every pair is to reach the score,
 * they are split (duplicate_split.c). */
#include "host/query/duplicate_groups.h"

#include "host/base/memory.h"
#include "host/base/usage.h"
#include "host/query/duplicate_links.h"
#include "host/query/duplicate_split.h"
#include "host/query/pair_scores.h"
#include "host/query/query_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct grouping {
    ll_query *query;
    const ll_duplicate_options *options;
    float min_score; /* scores are compared as float: 0.999 as text and as stored are the same */
    const ll_log *log;
    ll_duplicate_groups *out;
    ll_disjoint sets;
    int64_t *twin; /* (items) */
    ll_pair_scores scores;
    uint32_t *photos; /* (items): those of one group, each of other bytes */
    float *lowest;    /* (items), every pair only: of a group, at its first row */
} grouping;

const char *ll_linkage_name(ll_linkage linkage)
{
    return linkage == LL_LINKAGE_CHAIN ? "chain" : "every-pair";
}

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
        for (; i < count && index[row * count + i] != LL_NO_ROW; i++) {
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

static ll_status join_all(grouping *g, ll_error *err)
{
    ll_status status = LL_OK;
    bool *full = NULL;
    int64_t full_count = 0;

    LL_TRY_DONE(join_twins(g, err));
    LL_TRY_DONE(ll_alloc("full lists", g->query->extents->items, sizeof *full, &full, err));
    LL_TRY_DONE(join_neighbors(g, full, &full_count, err));
    if (full_count > 1)
        LL_TRY_DONE(ll_duplicate_links(g->query, g->min_score, full, full_count, &g->sets, g->log,
                                       &g->out->complete, &g->out->exact, err));
    if (g->options->linkage == LL_LINKAGE_EVERY_PAIR) {
        const int64_t memory = g->options->memory_bytes;
        const ll_duplicate_split_task task = {
            .scores = &g->scores,
            .min_score = g->min_score,
            .full = full,
            .memory_bytes = memory > 0 ? memory : ll_usage_machine_bytes() / 4};
        LL_TRY_DONE(ll_duplicate_split(&task, &g->sets, g->log, g->lowest, &g->out->complete,
                                       &g->out->exact, err));
    }
done:
    free(full);
    return status;
}

/* The lowest score of a group whose items are rows[0 .. count), ascending. */
static ll_status lowest_of(grouping *g, const keyed *rows, int64_t count, double *lowest,
                           ll_error *err)
{
    int64_t photos = 0;
    bool too_large = false;

    if (g->options->linkage == LL_LINKAGE_EVERY_PAIR) {
        *lowest = (double)g->lowest[rows[0].row];
        return LL_OK;
    }
    for (int64_t i = 0; i < count; i++)
        if (ll_pair_scores_photo(&g->scores, rows[i].row) == rows[i].row)
            g->photos[photos++] = rows[i].row;
    LL_TRY(ll_pair_scores_lowest(&g->scores, g->photos, photos, lowest, &too_large, err));
    g->out->too_large += too_large;
    g->out->unseen += isnan(*lowest) && !too_large;
    return LL_OK;
}

/* A group whose items are rows[0 .. count), ascending, behind those that are listed already. */
static ll_status list_group(grouping *g, const keyed *rows, int64_t count, ll_error *err)
{
    ll_duplicate_groups *const out = g->out;
    int64_t at = out->first[out->count];

    LL_TRY(lowest_of(g, rows, count, &out->lowest[out->count], err));
    for (int64_t i = 0; i < count; i++) {
        float score = 1.0f; /* with itself */
        if (i > 0) ll_pair_scores_of(&g->scores, rows[0].row, &rows[i].row, 1, &score);
        out->items[at++] = (ll_duplicate){rows[i].row, g->twin[rows[i].row], (double)score};
    }
    out->first[++out->count] = at;
    return LL_OK;
}

/* Groups of two or more, by first row. A set's root is its lowest row, so sorting by root does. */
static ll_status list_groups(grouping *g, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t items = g->query->extents->items;
    ll_duplicate_groups *const out = g->out;
    keyed *rows = NULL;

    LL_TRY_DONE(ll_alloc("groups", items, sizeof *rows, &rows, err));
    LL_TRY_DONE(ll_alloc("groups", items, sizeof *g->photos, &g->photos, err));
    LL_TRY_DONE(ll_alloc("groups", items + 1, sizeof *out->first, &out->first, err));
    LL_TRY_DONE(ll_alloc("groups", items, sizeof *out->lowest, &out->lowest, err));
    LL_TRY_DONE(ll_alloc("groups", items, sizeof *out->items, &out->items, err));
    for (int64_t i = 0; i < items; i++)
        rows[i] = (keyed){NULL, ll_disjoint_root(&g->sets, (uint32_t)i), (uint32_t)i};
    qsort(rows, (size_t)items, sizeof *rows, by_root);
    for (int64_t i = 0, end = 0; i < items; i = end) {
        for (end = i + 1; end < items && rows[end].root == rows[i].root;)
            end++;
        if (end - i < 2) continue;
        LL_TRY_DONE(list_group(g, rows + i, end - i, err));
        ll_log_progress(g->log, "list groups", end, items);
    }
done:
    free(rows);
    return status;
}

ll_status ll_query_duplicates(ll_query *query, const ll_duplicate_options *options,
                              const ll_log *log, ll_duplicate_groups **out, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t items = query->extents->items;
    grouping g = {
        .query = query, .options = options, .min_score = (float)options->min_score, .log = log};

    *out = NULL;
    LL_TRY_DONE(ll_alloc("groups", 1, sizeof *g.out, &g.out, err));
    g.out->complete = g.out->exact = true;
    g.out->linkage = options->linkage;
    LL_TRY_DONE(ll_alloc("twins", items, sizeof *g.twin, &g.twin, err));
    LL_TRY_DONE(ll_alloc("groups", items, sizeof *g.lowest, &g.lowest, err));
    LL_TRY_DONE(ll_disjoint_init(&g.sets, items, err));
    LL_TRY_DONE(ll_pair_scores_init(&g.scores, query, g.twin, err));
    LL_TRY_DONE(join_all(&g, err));
    LL_TRY_DONE(list_groups(&g, err));
    *out = g.out;
    g.out = NULL;
done:
    free(g.twin);
    free(g.lowest);
    free(g.photos);
    ll_disjoint_release(&g.sets);
    ll_pair_scores_release(&g.scores);
    ll_duplicate_groups_free(g.out);
    return status;
}

void ll_duplicate_groups_free(ll_duplicate_groups *groups)
{
    if (groups == NULL) return;
    free(groups->first);
    free(groups->lowest);
    free(groups->items);
    free(groups);
}
