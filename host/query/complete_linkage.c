/* host/query/complete_linkage.c - see complete_linkage.h.
 *
 * The nearest-neighbour chain of Benzecri and Juan (F. Murtagh, "A survey of recent advances in
 * hierarchical clustering algorithms", The Computer Journal 26(4), 1983): go from a group to its
 * nearest, from there to the nearest of that one, until two are each other's nearest, and merge
 * them. They would be merged at some time in any case, since no merge of others brings a third
 * group nearer to either of them. A pair of groups is kept only while all their points are linked,
 * so a merge keeps what both knew, and memory never grows. */
#include "host/query/complete_linkage.h"

#include "host/base/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

static const uint32_t k_never =
    UINT32_MAX; /* rank of a pair of groups that is not completely linked */

/* Another group, as one group knows it. */
typedef struct side {
    uint32_t other; /* its lowest point */
    uint32_t rank;  /* of the last link between the two, or k_never */
} side;

typedef struct linkage {
    const ll_link *links; /* in their order */
    side *sides;          /* of all groups, end to end; each group's by `other` */
    int64_t *first;       /* (points + 1): where those of a group begin */
    int64_t *count;       /* (points): how many there are still */
    uint32_t *chain;      /* (points) */
    uint32_t *group;
    float *lowest;
} linkage;

static int by_rank(const void *a, const void *b)
{
    const ll_link *const x = a, *const y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->low != y->low) return x->low > y->low ? 1 : -1;
    return (x->high > y->high) - (x->high < y->high);
}

static int by_other(const void *a, const void *b)
{
    const side *const x = a, *const y = b;
    return (x->other > y->other) - (x->other < y->other);
}

static ll_status list_sides(linkage *l, int64_t points, int64_t count, ll_error *err)
{
    LL_TRY(ll_alloc("links", 2 * count, sizeof *l->sides, &l->sides, err));
    LL_TRY(ll_alloc("links", points + 1, sizeof *l->first, &l->first, err));
    LL_TRY(ll_alloc("links", points, sizeof *l->count, &l->count, err));
    for (int64_t i = 0; i < count; i++) {
        l->first[l->links[i].low + 1]++;
        l->first[l->links[i].high + 1]++;
    }
    for (int64_t p = 0; p < points; p++)
        l->first[p + 1] += l->first[p];
    for (int64_t i = 0; i < count; i++) {
        const uint32_t a = l->links[i].low, b = l->links[i].high;
        l->sides[l->first[a] + l->count[a]++] = (side){b, (uint32_t)i};
        l->sides[l->first[b] + l->count[b]++] = (side){a, (uint32_t)i};
    }
    for (int64_t p = 0; p < points; p++)
        qsort(l->sides + l->first[p], (size_t)l->count[p], sizeof *l->sides, by_other);
    return LL_OK;
}

/* What `group` knows of `other`, which knows of it. */
static side *find(const linkage *l, uint32_t group, uint32_t other)
{
    side *const sides = l->sides + l->first[group];
    int64_t low = 0, high = l->count[group] - 1;

    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sides[middle].other < other)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low == high && sides[low].other == other);
    return &sides[low];
}

/* The group that `group` is linked to by the first of last links; NULL if there is none. Pairs that
 * are no longer linked are dropped on the way. */
static const side *nearest(const linkage *l, uint32_t group)
{
    side *const sides = l->sides + l->first[group];
    const side *best = NULL;
    int64_t kept = 0;

    for (int64_t i = 0; i < l->count[group]; i++) {
        if (sides[i].rank == k_never) continue;
        sides[kept] = sides[i];
        if (best == NULL || sides[kept].rank < best->rank) best = &sides[kept];
        kept++;
    }
    l->count[group] = kept;
    return best;
}

/* One group of two; what only one of them was linked to is linked to neither from now on. */
static void merge(const linkage *l, uint32_t keep, uint32_t gone, uint32_t rank)
{
    side *const a = l->sides + l->first[keep];
    const side *const b = l->sides + l->first[gone];
    int64_t i = 0, j = 0, kept = 0;

    while (i < l->count[keep] || j < l->count[gone]) {
        const bool of_a = j == l->count[gone] || (i < l->count[keep] && a[i].other <= b[j].other);
        const bool of_b = i == l->count[keep] || (j < l->count[gone] && b[j].other <= a[i].other);
        const uint32_t other = of_a ? a[i].other : b[j].other;
        const uint32_t from_a = of_a ? a[i++].rank : k_never;
        const uint32_t from_b = of_b ? b[j++].rank : k_never;
        if (other == keep || other == gone) continue;
        const uint32_t last = from_a > from_b ? from_a : from_b; /* k_never is above all */
        if (from_a != k_never) find(l, other, keep)->rank = last;
        if (from_b != k_never) find(l, other, gone)->rank = k_never;
        if (last != k_never) a[kept++] = (side){other, last};
    }
    l->count[keep] = kept;
    l->count[gone] = 0;
    l->group[gone] = keep;
    l->lowest[keep] = l->links[rank].score; /* merges of a group come in ascending order of ranks */
}

/* Follow the chain that begins at `start` until the group it is in by then has no other to go to.
 */
static void follow(const linkage *l, uint32_t start)
{
    int64_t length = 0;

    l->chain[length++] = start;
    while (length > 0) {
        const uint32_t tip = l->chain[length - 1];
        const side *const near = nearest(l, tip);
        if (near == NULL) {
            length--;
        } else if (length > 1 && near->other == l->chain[length - 2]) {
            const uint32_t other = near->other, keep = tip < other ? tip : other;
            merge(l, keep, tip < other ? other : tip, near->rank);
            length -= 2;
            if (length == 0) l->chain[length++] = keep;
        } else {
            l->chain[length++] = near->other;
        }
    }
}

ll_status ll_complete_linkage(int64_t points, ll_link *links, int64_t count, uint32_t *group,
                              float *lowest, ll_error *err)
{
    ll_status status = LL_OK;
    linkage l = {.links = links, .group = group, .lowest = lowest};

    if (count > 0) qsort(links, (size_t)count, sizeof *links, by_rank);
    for (int64_t p = 0; p < points; p++) {
        group[p] = (uint32_t)p;
        lowest[p] = 1.0f;
    }
    LL_TRY_DONE(list_sides(&l, points, count, err));
    LL_TRY_DONE(ll_alloc("links", points, sizeof *l.chain, &l.chain, err));
    for (int64_t p = 0; p < points; p++)
        if (group[p] == p) follow(&l, (uint32_t)p);
    for (int64_t p = 0; p < points; p++)
        group[p] = group[group[p]]; /* the one before is not above p, so it is settled */
done:
    free(l.sides);
    free(l.first);
    free(l.count);
    free(l.chain);
    return status;
}
