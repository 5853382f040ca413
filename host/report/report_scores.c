/* host/report/report_scores.c - see report_scores.h. */
#include "host/report/report_scores.h"

#include "host/base/memory.h"
#include "host/base/random.h"
#include "host/base/size.h"

#include <math.h>
#include <stdlib.h>

enum { TEN = 10 };

static const float k_similar = 0.80f; /* as the run counts it */

const double ll_report_thresholds[LL_REPORT_THRESHOLDS] = {0.60, 0.70, 0.80, 0.90, 0.95, 0.99};

void ll_report_draw_rows(int64_t rows, int64_t count, uint64_t seed, int64_t *out)
{
    uint64_t state = seed;

    for (int64_t i = 0; i < count; i++) {
        /* rows and count stay below 2^32, so products fit */
        const int64_t begin = i * rows / count, end = (i + 1) * rows / count;
        out[i] = begin + (int64_t)(ll_random_next(&state) % (uint64_t)(end - begin));
    }
}

/* What a damaged file may hold instead of a score goes to the ends. */
static int bin_of(float score)
{
    if (!(score > 0.0f)) return 0;
    if (score >= 1.0f) return LL_REPORT_BINS - 1;
    return (int)((double)score * LL_REPORT_BINS);
}

static void count_score(ll_report_scores *to, float score)
{
    to->all[bin_of(score)]++;
    to->all_count++;
    to->all_similar += score >= k_similar;
}

static void count_matrix_row(const ll_reader *reader, int64_t row, bool all, ll_report_scores *to)
{
    const int64_t items = ll_reader_extents(reader)->items;

    for (int64_t other = all ? row + 1 : 0; other < items; other++)
        if (other != row) count_score(to, ll_reader_score(reader, row, other));
}

static void count_neighbors_row(const ll_reader *reader, int64_t row, ll_report_scores *to)
{
    const int64_t count = ll_reader_extents(reader)->neighbors;
    const float *const scores = ll_reader_neighbor_score(reader) + row * count;

    for (int64_t i = 0; i < count && !isnan(scores[i]); i++)
        count_score(to, scores[i]);
}

static ll_status count_all(const ll_reader *reader, int64_t most, uint64_t seed, const ll_log *log,
                           ll_report_scores *to, ll_error *err)
{
    const ll_store_extents *const e = ll_reader_extents(reader);
    int64_t *rows = NULL;

    to->from_matrix = ll_reader_matrix(reader) != NULL;
    const int64_t width = ll_max_i64(to->from_matrix ? e->items : e->neighbors, 1);
    to->rows = ll_min_i64(e->items, ll_max_i64(most / width, 1));
    LL_TRY(ll_alloc("rows to count", to->rows, sizeof *rows, &rows, err));
    ll_report_draw_rows(e->items, to->rows, seed, rows);
    for (int64_t i = 0; i < to->rows; i++) {
        if (i % 256 == 0) ll_log_progress(log, "count", i, to->rows);
        if (to->from_matrix)
            count_matrix_row(reader, rows[i], to->rows == e->items, to);
        else
            count_neighbors_row(reader, rows[i], to);
    }
    ll_log_progress(log, "count", to->rows, to->rows);
    free(rows);
    return LL_OK;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Best scores and coverage. Scores of a row descend, so the tenth tells of the nine before it. */
static ll_status count_best(const ll_reader *reader, ll_report_scores *to, ll_error *err)
{
    const ll_store_extents *const e = ll_reader_extents(reader);
    const float *const scores = ll_reader_neighbor_score(reader);
    const bool ten_known = e->neighbors >= TEN || e->neighbors >= e->items - 1;
    float *bests = NULL;

    LL_TRY(ll_alloc("best scores", e->items, sizeof *bests, &bests, err));
    for (int t = 0; t < LL_REPORT_THRESHOLDS; t++)
        to->ten[t] = ten_known ? 0 : -1;
    for (int64_t row = 0; row < e->items; row++) {
        const float *const of_row = scores + row * e->neighbors;
        if (isnan(of_row[0])) continue;
        bests[to->best_count++] = of_row[0];
        to->best[bin_of(of_row[0])]++;
        to->best_similar += of_row[0] >= k_similar;
        for (int t = 0; t < LL_REPORT_THRESHOLDS; t++) {
            const float threshold = (float)ll_report_thresholds[t];
            to->one[t] += of_row[0] >= threshold;
            if (e->neighbors >= TEN) to->ten[t] += of_row[TEN - 1] >= threshold; /* NAN: no */
        }
    }
    qsort(bests, (size_t)to->best_count, sizeof *bests, by_value);
    const int64_t half = to->best_count / 2;
    to->best_median = (double)NAN;
    if (to->best_count > 0)
        to->best_median = to->best_count % 2 == 1
                              ? (double)bests[half]
                              : ((double)bests[half - 1] + (double)bests[half]) / 2.0;
    free(bests);
    return LL_OK;
}

ll_status ll_report_scores_count(const ll_reader *reader, int64_t most, uint64_t seed,
                                 const ll_log *log, ll_report_scores *out, ll_error *err)
{
    *out = (ll_report_scores){.rows = 0};
    LL_TRY(count_all(reader, most, seed, log, out, err));
    return count_best(reader, out, err);
}
