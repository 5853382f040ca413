/* host/store/check_rows.c - each row by itself: unit features, neighbours best first; see
 * check_state.h. */
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/store/check_state.h"
#include "kernels/rescore.h"

#include <math.h>

/* Features were divided by a float32 norm, itself summed in float32. */
static const double k_unit_bound = 1e-5;

struct rows {
    ll_check *check;
    ll_finding_kind features, norms, neighbors, matrix;
};

static void check_features(struct rows *rows, int64_t row)
{
    const ll_reader *const reader = rows->check->reader;
    const int64_t cols = rows->check->extents->features;
    const float *const norms = ll_reader_norms(reader);

    if (norms != NULL && !(norms[row] > 0.0f && norms[row] <= 3.4e38f))
        ll_finding(&rows->norms, ": row %lld is %g", (long long)row, (double)norms[row]);
    if (cols == 0) return;
    const float *const x = ll_reader_features(reader) + row * cols;
    const double length = sqrt(ll_rescore_dot_cpu(x, x, cols));
    if (!(fabs(length - 1.0) <= k_unit_bound))
        ll_finding(&rows->features, ": row %lld has length %.9g, not 1", (long long)row, length);
}

/* The first place that is empty; K if none is. */
static int64_t count_neighbors(const ll_check *check, int64_t row)
{
    const int64_t list_length = check->extents->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(check->reader) + row * list_length;
    int64_t count = 0;

    while (count < list_length && index[count] != UINT32_MAX)
        count++;
    return count;
}

static int64_t expected_neighbors(const ll_check *check, int64_t row)
{
    const uint32_t group = check->group != NULL ? check->group[row] : 0;
    return ll_min_i64(check->extents->neighbors, (int64_t)check->group_sizes[group] - 1);
}

/* What place k of a row must be, given the place before; NULL if it is. */
static const char *fault_at(const ll_check *check, int64_t row, int64_t k, int64_t count)
{
    const int64_t list_length = check->extents->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(check->reader) + row * list_length;
    const float *const score = ll_reader_neighbor_score(check->reader) + row * list_length;

    if (k >= count)
        return index[k] != UINT32_MAX || !isnan(score[k]) ? "is filled after an empty one" : NULL;
    if ((int64_t)index[k] >= check->extents->items) return "is no row";
    if ((int64_t)index[k] == row) return "is the row itself";
    if (!ll_check_permits(check, row, index[k])) return "is of another group";
    if (!(score[k] >= 0.0f && score[k] <= 1.0f)) return "has a score outside 0 to 1";
    if (k == 0 || score[k - 1] > score[k]) return NULL;
    /* Ties by row; so a row listed twice with one score is found here, with two by its scores. */
    return score[k - 1] == score[k] && index[k - 1] < index[k] ? NULL : "is out of order";
}

static void check_neighbors(struct rows *rows, int64_t row)
{
    const ll_check *const check = rows->check;
    const int64_t list_length = check->extents->neighbors;
    const int64_t count = count_neighbors(check, row);
    const uint32_t *const index = ll_reader_neighbor_index(check->reader) + row * list_length;
    const float *const score = ll_reader_neighbor_score(check->reader) + row * list_length;
    const double bound = ll_store_matrix_bound(check->extents->matrix);

    if (count != expected_neighbors(check, row))
        ll_finding(&rows->neighbors, ": row %lld has %lld of %lld neighbours", (long long)row,
                   (long long)count, (long long)expected_neighbors(check, row));
    for (int64_t k = 0; k < list_length; k++) {
        const char *const fault = fault_at(check, row, k, count);
        if (fault != NULL) {
            ll_finding(&rows->neighbors, ": row %lld, place %lld %s", (long long)row, (long long)k,
                       fault);
            return; /* what follows would only repeat it */
        }
        if (k >= count || check->extents->matrix == LL_MATRIX_NONE) continue;
        const double stored = (double)ll_reader_score(check->reader, row, index[k]);
        if (!(fabs(stored - (double)score[k]) <= bound))
            ll_finding(&rows->matrix, ": row %lld, column %u is %.7f; /neighbors says %.7f",
                       (long long)row, index[k], stored, (double)score[k]);
    }
}

static ll_status run_block(void *context, int64_t task, int thread, ll_error *err)
{
    struct rows *const rows = context;
    const int64_t first = task * LL_STORE_CHECK_ROWS;
    const int64_t end = ll_min_i64(first + LL_STORE_CHECK_ROWS, rows->check->extents->items);

    (void)thread;
    (void)err;
    for (int64_t row = first; row < end; row++) {
        check_features(rows, row);
        check_neighbors(rows, row);
    }
    ll_log_progress(rows->check->log, "rows", end, rows->check->extents->items);
    return LL_OK;
}

ll_status ll_check_rows(ll_check *check, ll_error *err)
{
    struct rows rows = {
        .check = check,
        .features = {&check->findings, "/features", 0},
        .norms = {&check->findings, "/norms", 0},
        .neighbors = {&check->findings, "/neighbors", 0},
        .matrix = {&check->findings, "/similarity", 0},
    };

    LL_TRY(ll_parallel_run(check->threads, ll_ceil_div(check->extents->items, LL_STORE_CHECK_ROWS),
                           run_block, &rows, err));
    ll_finding_end(&rows.features);
    ll_finding_end(&rows.norms);
    ll_finding_end(&rows.neighbors);
    ll_finding_end(&rows.matrix);
    return LL_OK;
}
