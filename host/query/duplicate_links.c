/* host/query/duplicate_links.c - see duplicate_links.h.
 *
 * Unit features lie on a sphere, and angles obey the triangle inequality: if the pivots of two
 * clusters are further apart than both radii and the angle of min_score together, no row of one
 * links to a row of the other. So a comparison of clusters costs one dot in most cases, and rows
 * are compared one by one only where clusters touch; a stored matrix spares most of those dots. */
#include "host/query/duplicate_links.h"

#include "host/base/memory.h"
#include "host/query/query_state.h"
#include "host/store/groups.h"
#include "kernels/rescore.h"

#include <math.h>
#include <stdlib.h>

/* A score is a float32 near a cosine: half a step below 1 is 6e-8, and the double cosine's own
 * rounding moves an angle near 0 by less than 1e-6. */
static const double k_cosine_slack = 2e-7, k_angle_slack = 1e-5;

/* Full rows that were connected before. */
typedef struct cluster {
    int64_t first, count; /* of `rows` */
    double radius;        /* largest angle between its first row, the pivot, and another */
} cluster;

typedef struct linking {
    const ll_query *query;
    float min_score;
    ll_disjoint *sets;
    const float *features;
    bool matrix;
    double bound, angle; /* of a stored score; of min_score, slack included */
    uint32_t *pool;      /* (items): numbers of the --within value, or NULL */
    uint64_t *rows;      /* (full): root and row, sorted */
    double *squares;     /* (full): S(row, row) */
    cluster *clusters;
    int64_t count;
    bool *exact;
} linking;

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t row_at(const linking *l, int64_t index)
{
    return (uint32_t)l->rows[index];
}

static double dot(const linking *l, int64_t a, int64_t b)
{
    const int64_t width = l->query->extents->features;
    return ll_rescore_dot_cpu(l->features + row_at(l, a) * width,
                              l->features + row_at(l, b) * width, width);
}

/* The angle of two full rows; of one without features a right one, as of whatever differs. */
static double angle_of(const linking *l, int64_t a, int64_t b)
{
    const double cosine = dot(l, a, b) / sqrt(l->squares[a] * l->squares[b]);
    return acos(cosine > 1.0 ? 1.0 : cosine < -1.0 ? -1.0 : isnan(cosine) ? 0.0 : cosine);
}

static ll_status gather_rows(linking *l, const bool *full, int64_t full_count, ll_error *err)
{
    const int64_t items = l->query->extents->items;
    const char *const *values = NULL;
    int64_t index = 0;

    LL_TRY(ll_alloc("rows", full_count, sizeof *l->rows, &l->rows, err));
    for (int64_t i = 0; i < items; i++)
        if (full[i])
            l->rows[index++] = (uint64_t)ll_disjoint_root(l->sets, (uint32_t)i) << 32 | (uint64_t)i;
    qsort(l->rows, (size_t)full_count, sizeof *l->rows, ascending);
    for (int64_t i = 0; i < full_count; i++)
        l->count += i == 0 || l->rows[i] >> 32 != l->rows[i - 1] >> 32;
    if (l->query->within < 0) return LL_OK;
    LL_TRY(ll_reader_column(l->query->reader, l->query->within, &values, err));
    LL_TRY(ll_alloc("groups", items, sizeof *l->pool, &l->pool, err));
    return ll_store_number_groups(values, items, l->pool, err);
}

static ll_status make_clusters(linking *l, int64_t full_count, ll_error *err)
{
    int64_t at = -1;

    LL_TRY(ll_alloc("clusters", l->count, sizeof *l->clusters, &l->clusters, err));
    for (int64_t i = 0; i < full_count; i++) {
        if (i == 0 || l->rows[i] >> 32 != l->rows[i - 1] >> 32) l->clusters[++at].first = i;
        l->clusters[at].count++;
    }
    if (l->features == NULL) return LL_OK;
    LL_TRY(ll_alloc("rows", full_count, sizeof *l->squares, &l->squares, err));
    for (int64_t i = 0; i < full_count; i++)
        l->squares[i] = dot(l, i, i);
    for (int64_t c = 0; c < l->count; c++)
        for (int64_t i = 1; i < l->clusters[c].count; i++)
            l->clusters[c].radius = fmax(
                l->clusters[c].radius, angle_of(l, l->clusters[c].first, l->clusters[c].first + i));
    return LL_OK;
}

/* Do the rows at these places link? */
static bool linked(const linking *l, int64_t a, int64_t b)
{
    const uint32_t x = row_at(l, a), y = row_at(l, b);

    if (l->pool != NULL && l->pool[x] != l->pool[y]) return false;
    if (l->matrix) {
        const float stored = ll_reader_score(l->query->reader, x, y);
        if ((double)stored + l->bound < (double)l->min_score) return false;
        if (l->features == NULL) {
            *l->exact = *l->exact && (double)stored - l->bound >= (double)l->min_score;
            return stored >= l->min_score;
        }
    }
    return ll_rescore_score(dot(l, a, b), l->squares[a], l->squares[b]) >= l->min_score;
}

/* Look for a link between two clusters; one is enough. */
static void link_clusters(linking *l, const cluster *a, const cluster *b)
{
    const double reach = l->angle + b->radius;

    if (ll_disjoint_root(l->sets, row_at(l, a->first)) ==
        ll_disjoint_root(l->sets, row_at(l, b->first)))
        return;
    if (l->features != NULL && angle_of(l, a->first, b->first) > reach + a->radius) return;
    for (int64_t i = a->first; i < a->first + a->count; i++) {
        if (l->features != NULL && angle_of(l, i, b->first) > reach) continue;
        for (int64_t j = b->first; j < b->first + b->count; j++)
            if (linked(l, i, j)) {
                ll_disjoint_join(l->sets, row_at(l, i), row_at(l, j));
                return;
            }
    }
}

ll_status ll_duplicate_links(ll_query *query, float min_score, const bool *full, int64_t full_count,
                             ll_disjoint *sets, const ll_log *log, bool *complete, bool *exact,
                             ll_error *err)
{
    ll_status status = LL_OK;
    linking l = {.query = query,
                 .min_score = min_score,
                 .sets = sets,
                 .features = ll_reader_features(query->reader),
                 .matrix = ll_reader_matrix(query->reader) != NULL,
                 .exact = exact};

    l.bound = ll_store_matrix_bound(query->extents->matrix) + LL_STORED_SLACK;
    l.angle = acos(fmax((double)min_score - k_cosine_slack, -1.0)) + k_angle_slack;
    LL_TRY_DONE(gather_rows(&l, full, full_count, err));
    if (l.count < 2) goto done;
    *complete = l.features != NULL || l.matrix;
    if (!*complete) goto done;
    LL_TRY_DONE(make_clusters(&l, full_count, err));
    for (int64_t a = 0; a < l.count; a++) {
        for (int64_t b = a + 1; b < l.count; b++)
            link_clusters(&l, &l.clusters[a], &l.clusters[b]);
        ll_log_progress(log, "compare groups", a + 1, l.count);
    }
done:
    free(l.pool);
    free(l.rows);
    free(l.squares);
    free(l.clusters);
    return status;
}
