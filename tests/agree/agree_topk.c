/* tests/agree/agree_topk.c - lists that saw tiles in any order against sorting everything. */
#include "kernels/topk.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 150, TILE = 40, MAX_KEEP = 200 };

struct pair {
    float score;
    uint32_t column;
};

static int best_first(const void *a, const void *b)
{
    const struct pair *const x = a, *const y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->column > y->column) - (x->column < y->column);
}

static int below(uint64_t *seed, int limit)
{
    return (int)((double)limit * 0.5 * ((double)ll_random(seed) + 1.0));
}

/* A symmetric matrix with many equal scores, zeros and ones among them. */
static void draw(float *matrix, int rows, int levels, uint64_t *seed)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j <= i; j++)
            matrix[i * rows + j] = matrix[j * rows + i] =
                (float)below(seed, levels + 1) / (float)levels;
}

/* All tiles on or above the diagonal, each on both its sides, in a drawn order. */
static void offer_all(const float *matrix, int rows, const uint32_t *group, int keep,
                      uint64_t *keys, float *thresholds, uint64_t *seed)
{
    enum { MAX_BLOCKS = (MAX_ROWS + TILE - 1) / TILE };
    int order[MAX_BLOCKS * MAX_BLOCKS][2], tiles = 0;

    for (int i = 0; i < rows; i += TILE)
        for (int j = i; j < rows; j += TILE) {
            const int index = below(seed, tiles + 1);
            order[tiles][0] = order[index][0], order[tiles][1] = order[index][1];
            order[index][0] = i, order[index][1] = j;
            tiles++;
        }
    for (int t = 0; t < tiles; t++) {
        const int i = order[t][0], j = order[t][1];
        const ll_topk_tile tile = {.scores = matrix + i * rows + j,
                                   .stride = rows,
                                   .row = i,
                                   .rows = rows - i < TILE ? rows - i : TILE,
                                   .column = j,
                                   .columns = rows - j < TILE ? rows - j : TILE,
                                   .group = group};
        const ll_topk_lists of_rows = {keys + i * keep, thresholds + i, keep};
        const ll_topk_lists of_columns = {keys + j * keep, thresholds + j, keep};
        ll_topk_offer_rows_cpu(&of_rows, &tile);
        if (i != j) ll_topk_offer_columns_cpu(&of_columns, &tile);
    }
}

static void check_row(const float *matrix, int rows, int row, const uint32_t *group, int keep,
                      uint64_t *keys, const char *repro)
{
    struct pair want[MAX_ROWS];
    uint32_t columns[MAX_KEEP];
    float scores[MAX_KEEP];
    int count = 0;

    for (int c = 0; c < rows; c++)
        if (c != row && (group == NULL || group[c] == group[row]))
            want[count++] = (struct pair){matrix[row * rows + c], (uint32_t)c};
    qsort(want, (size_t)count, sizeof *want, best_first);
    for (int again = 0; again < 2; again++) { /* a list may be taken twice */
        ll_topk_extract_cpu(keys, keep, columns, scores);
        for (int i = 0; i < keep; i++) {
            const struct pair expected = i < count ? want[i] : (struct pair){0.0f, UINT32_MAX};
            if (columns[i] != expected.column || scores[i] != expected.score)
                fail_msg("%s row %d place %d: %u %g instead of %u %g", repro, row, i, columns[i],
                         (double)scores[i], expected.column, (double)expected.score);
        }
    }
}

static void check(uint64_t seed)
{
    char repro[64];
    snprintf(repro, sizeof repro, "seed %llu", (unsigned long long)seed);
    uint64_t draws = seed;
    const int rows = 1 + below(&draws, MAX_ROWS), keep = 1 + below(&draws, MAX_KEEP);
    const int groups = below(&draws, 2) ? 1 + below(&draws, 12) : 0;
    uint32_t group[MAX_ROWS];
    float *const matrix = calloc(MAX_ROWS * MAX_ROWS, sizeof *matrix);
    uint64_t *const keys = calloc(MAX_ROWS * MAX_KEEP, sizeof *keys);
    float *const thresholds = calloc(MAX_ROWS, sizeof *thresholds);

    assert_true(matrix != NULL && keys != NULL && thresholds != NULL);
    draw(matrix, rows, 1 + below(&draws, 300), &draws);
    for (int i = 0; i < rows; i++)
        group[i] = (uint32_t)below(&draws, groups + 1);
    offer_all(matrix, rows, groups ? group : NULL, keep, keys, thresholds, &draws);
    for (int i = 0; i < rows; i++)
        check_row(matrix, rows, i, groups ? group : NULL, keep, keys + i * keep, repro);
    free(thresholds);
    free(keys);
    free(matrix);
}

static void lists_hold_what_sorting_finds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++)
        check(seed * 0x9E3779B97F4A7C15u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_hold_what_sorting_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
