/* host/query/pair_scores.c - see pair_scores.h. */
#include "host/query/pair_scores.h"

#include "host/base/memory.h"
#include "host/query/duplicate_groups.h"
#include "host/query/query_state.h"
#include "kernels/rescore.h"

#include <math.h>
#include <stdlib.h>

ll_status ll_pair_scores_init(ll_pair_scores *scores, const ll_query *query, const int64_t *twin,
                              ll_error *err)
{
    *scores =
        (ll_pair_scores){.query = query,
                         .twin = twin,
                         .features = ll_reader_features(query->reader),
                         .matrix = ll_reader_matrix(query->reader) != NULL,
                         .bound = ll_store_matrix_bound(query->extents->matrix) + LL_STORED_SLACK};
    if (scores->features == NULL) return LL_OK;
    return ll_alloc("scores", query->extents->items, sizeof *scores->squares, &scores->squares,
                    err);
}

void ll_pair_scores_release(ll_pair_scores *scores)
{
    free(scores->squares);
    scores->squares = NULL;
}

int64_t ll_pair_scores_photo(const ll_pair_scores *scores, int64_t row)
{
    return scores->twin[row] >= 0 ? scores->twin[row] : row;
}

double ll_pair_scores_upper_bound(const ll_pair_scores *scores, int64_t a, int64_t b)
{
    if (!scores->matrix) return (double)INFINITY;
    return (double)ll_reader_score(scores->query->reader, a, b) + scores->bound;
}

double ll_pair_scores_lower_bound(const ll_pair_scores *scores, int64_t a, int64_t b)
{
    if (!scores->matrix) return -(double)INFINITY;
    return (double)ll_reader_score(scores->query->reader, a, b) - scores->bound;
}

/* The score of two items from the list of the first; NAN if the other is not on it. */
static float listed(const ll_query *query, int64_t row, int64_t other)
{
    const int64_t count = query->extents->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(query->reader) + row * count;

    for (int64_t i = 0; i < count && index[i] != LL_NO_ROW; i++)
        if (index[i] == other) return ll_reader_neighbor_score(query->reader)[row * count + i];
    return NAN;
}

static float without_features(const ll_pair_scores *scores, int64_t a, int64_t b)
{
    float score = listed(scores->query, a, b);

    if (isnan(score)) score = listed(scores->query, b, a);
    if (isnan(score) && scores->matrix) score = ll_reader_score(scores->query->reader, a, b);
    return score;
}

static void need_square(ll_pair_scores *scores, int64_t row)
{
    const int64_t width = scores->query->extents->features;

    if (scores->squares[row] == 0.0) /* else known; a row of zeros is found out each time */
        ll_rescore_squares_cpu(scores->features + row * width, 1, width, &scores->squares[row]);
}

void ll_pair_scores_of(ll_pair_scores *scores, int64_t row, const uint32_t *columns, int64_t count,
                       float *out)
{
    if (scores->features != NULL) {
        need_square(scores, row);
        for (int64_t c = 0; c < count; c++)
            need_square(scores, columns[c]);
        ll_rescore_cpu(scores->features, scores->query->extents->features, scores->squares, row,
                       columns, count, out);
    }
    const int64_t photo = ll_pair_scores_photo(scores, row);
    for (int64_t c = 0; c < count; c++)
        if (ll_pair_scores_photo(scores, columns[c]) == photo)
            out[c] = 1.0f;
        else if (scores->features == NULL)
            out[c] = without_features(scores, row, columns[c]);
}

ll_status ll_pair_scores_lowest(ll_pair_scores *scores, const uint32_t *photos, int64_t count,
                                double *lowest, bool *too_many, ll_error *err)
{
    ll_status status = LL_OK;
    uint32_t *columns = NULL;
    float *row_scores = NULL;

    *too_many = count > LL_DUPLICATE_LOWEST_MAX && !scores->matrix;
    *lowest = *too_many ? (double)NAN : 1.0;
    if (*too_many) return LL_OK;
    LL_TRY_DONE(ll_alloc("scores", count, sizeof *columns, &columns, err));
    LL_TRY_DONE(ll_alloc("scores", count, sizeof *row_scores, &row_scores, err));
    for (int64_t a = 0; a < count && !isnan(*lowest); a++) {
        int64_t wanted = 0;
        for (int64_t b = a + 1; b < count; b++)
            if (ll_pair_scores_lower_bound(scores, photos[a], photos[b]) < *lowest)
                columns[wanted++] = photos[b];
        ll_pair_scores_of(scores, photos[a], columns, wanted, row_scores);
        for (int64_t c = 0; c < wanted && !isnan(*lowest); c++)
            if (isnan(row_scores[c]) || (double)row_scores[c] < *lowest)
                *lowest = (double)row_scores[c];
    }
done:
    free(columns);
    free(row_scores);
    return status;
}
