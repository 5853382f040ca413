/* host/store/diff_scores.c - neighbours and matrices of two indexes, within a tolerance; see
 * check.h.
 *
 * Two lists of neighbours agree within a tolerance if their scores do place by place, and if nobody
 * is missing from a list whose score is better than its last by more than the tolerance: near-equal
 * scores may change places, and the last places their names. */
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/store/diff_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One row's neighbours. */
struct list {
    const uint32_t *index;
    const float *score;
    int64_t count;
};

static struct list list_of(const ll_reader *reader, int64_t row, int64_t limit)
{
    const int64_t list_length = ll_reader_extents(reader)->neighbors;
    const int64_t items = ll_reader_extents(reader)->items;
    struct list list = {
        ll_reader_neighbor_index(reader) + row * list_length,
        ll_reader_neighbor_score(reader) + row * list_length,
        0,
    };

    while (list.count < ll_min_i64(list_length, limit) && (int64_t)list.index[list.count] < items)
        list.count++;
    return list;
}

static bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void compare_exactly(const ll_diff *diff, ll_finding_kind *kind, int64_t row,
                            const struct list *a, const struct list *b)
{
    for (int64_t k = 0; k < ll_min_i64(a->count, b->count); k++) {
        if (diff->a_of_b[b->index[k]] == (int64_t)a->index[k] &&
            same_bits(a->score[k], b->score[k]))
            continue;
        ll_finding(kind, ": %s, place %lld: %s %.9g and %s %.9g", ll_diff_id(diff->a, row).text,
                   (long long)k, ll_diff_id(diff->a, a->index[k]).text, (double)a->score[k],
                   ll_diff_id(diff->b, b->index[k]).text, (double)b->score[k]);
        return;
    }
}

/* Whom of `from`, better than the last of `other` by more than the tolerance, does `other` lack?
 * seen[r] == stamp marks the rows of `other`, in `from`'s numbering. */
static int64_t missing(const struct list *from, const struct list *other, int64_t limit,
                       const int64_t *seen, int64_t stamp, double tolerance)
{
    /* A list that is not full has room for anybody. */
    const double last =
        other->count < limit ? -1.0 : (double)other->score[other->count - 1] + tolerance;

    for (int64_t k = 0; k < from->count; k++)
        if ((double)from->score[k] > last && seen[from->index[k]] != stamp) return from->index[k];
    return -1;
}

struct lists {
    ll_diff *diff;
    int64_t limit;        /* places both files have */
    int64_t *in_a, *in_b; /* stamps, by row of a and of b */
    ll_finding_kind scores, members;
};

static void compare_within(struct lists *lists, int64_t row, const struct list *a,
                           const struct list *b)
{
    const ll_diff *const diff = lists->diff;
    const double tolerance = diff->options->tolerance;
    const int64_t stamp = row + 1;

    for (int64_t k = 0; k < ll_min_i64(a->count, b->count); k++) {
        if (fabs((double)a->score[k] - (double)b->score[k]) <= tolerance) continue;
        ll_finding(&lists->scores, ": %s, place %lld: %.7f and %.7f", ll_diff_id(diff->a, row).text,
                   (long long)k, (double)a->score[k], (double)b->score[k]);
        break;
    }
    for (int64_t k = 0; k < a->count; k++)
        if (diff->b_of_a[a->index[k]] >= 0) lists->in_b[diff->b_of_a[a->index[k]]] = stamp;
    for (int64_t k = 0; k < b->count; k++)
        if (diff->a_of_b[b->index[k]] >= 0) lists->in_a[diff->a_of_b[b->index[k]]] = stamp;
    const int64_t not_in_b = missing(a, b, lists->limit, lists->in_a, stamp, tolerance);
    const int64_t not_in_a = missing(b, a, lists->limit, lists->in_b, stamp, tolerance);
    if (not_in_b >= 0)
        ll_finding(&lists->members, ": %s has %s only in %s", ll_diff_id(diff->a, row).text,
                   ll_diff_id(diff->a, not_in_b).text, diff->a->path);
    else if (not_in_a >= 0)
        ll_finding(&lists->members, ": %s has %s only in %s", ll_diff_id(diff->a, row).text,
                   ll_diff_id(diff->b, not_in_a).text, diff->b->path);
}

static void compare_lists(struct lists *lists)
{
    ll_diff *const diff = lists->diff;
    const int64_t items = ll_reader_extents(diff->a)->items;

    for (int64_t row = 0; row < items; row++) {
        if (diff->b_of_a[row] < 0) continue;
        const struct list a = list_of(diff->a, row, lists->limit);
        const struct list b = list_of(diff->b, diff->b_of_a[row], lists->limit);
        if (a.count != b.count)
            ll_finding(&lists->members, ": %s has %lld and %lld", ll_diff_id(diff->a, row).text,
                       (long long)a.count, (long long)b.count);
        else if (diff->options->exact)
            compare_exactly(diff, &lists->scores, row, &a, &b);
        else
            compare_within(lists, row, &a, &b);
        ll_log_progress(diff->log, "neighbours", row + 1, items);
    }
}

ll_status ll_diff_neighbors(ll_diff *diff, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_store_extents *const a = ll_reader_extents(diff->a);
    const ll_store_extents *const b = ll_reader_extents(diff->b);
    struct lists lists = {
        .diff = diff,
        .limit = ll_min_i64(a->neighbors, b->neighbors),
        .scores = {&diff->findings, "/neighbors", 0},
        .members = {&diff->findings, "/neighbors", 0},
    };

    LL_TRY_DONE(ll_alloc("rows", a->items, sizeof *lists.in_a, &lists.in_a, err));
    LL_TRY_DONE(ll_alloc("rows", b->items, sizeof *lists.in_b, &lists.in_b, err));
    compare_lists(&lists);
    ll_finding_end(&lists.scores);
    ll_finding_end(&lists.members);
done:
    free(lists.in_a);
    free(lists.in_b);
    return status;
}

/* ---- the matrix ------------------------------------------------------------------------ */

struct matrices {
    ll_diff *diff;
    ll_finding_kind kind;
};

/* One row; the worst of its differences is told. */
static ll_status run_row(void *context, int64_t row, int thread, ll_error *err)
{
    struct matrices *const matrices = context;
    const ll_diff *const diff = matrices->diff;
    const int64_t items = ll_reader_extents(diff->a)->items, other = diff->b_of_a[row];
    const double tolerance = diff->options->exact ? 0.0 : diff->options->tolerance;
    double worst = tolerance;
    int64_t worst_column = -1;

    (void)thread;
    (void)err;
    for (int64_t j = 0; other >= 0 && j < items; j++) {
        const int64_t other_column = diff->b_of_a[j];
        if (other_column < 0) continue;
        const double off = fabs((double)ll_reader_score(diff->a, row, j) -
                                (double)ll_reader_score(diff->b, other, other_column));
        if (off <= worst) continue; /* NaN is worse than any */
        worst = off;
        worst_column = j;
    }
    if (worst_column >= 0)
        ll_finding(&matrices->kind, ": %s and %s: %.7f and %.7f", ll_diff_id(diff->a, row).text,
                   ll_diff_id(diff->a, worst_column).text,
                   (double)ll_reader_score(diff->a, row, worst_column),
                   (double)ll_reader_score(diff->b, other, diff->b_of_a[worst_column]));
    ll_log_progress(diff->log, "matrix", row + 1, items);
    return LL_OK;
}

ll_status ll_diff_matrix(ll_diff *diff, ll_error *err)
{
    const bool in_a = ll_reader_matrix(diff->a) != NULL, in_b = ll_reader_matrix(diff->b) != NULL;
    struct matrices matrices = {diff, {&diff->findings, "/similarity", 0}};

    /* With --exact a missing matrix is a difference, and has been told already. */
    if (in_a != in_b && !diff->options->exact)
        ll_log_line(diff->log, "/similarity: only in %s, so not compared",
                    in_a ? diff->a->path : diff->b->path);
    if (!in_a || !in_b) return LL_OK;
    LL_TRY(ll_parallel_run(ll_parallel_cores(), ll_reader_extents(diff->a)->items, run_row,
                           &matrices, err));
    ll_finding_end(&matrices.kind);
    return LL_OK;
}
