/* tests/unit/unit_similarity.c - shops whose answer is known beforehand, and what is refused. */
#include "host/similarity/similarity.h"
#include "kernels/rescore.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLS = 64, NEIGHBORS = 5, MAX_ROWS = 1600, MAX_NEIGHBORS = 1024 };

struct answer {
    int neighbors;
    int64_t refuse_from; /* the sinks fail from this row on; -1: never */
    int64_t cells;
    uint32_t index[MAX_ROWS * MAX_NEIGHBORS];
    float score[MAX_ROWS * MAX_NEIGHBORS];
    ll_similarity_summary summary;
    ll_error err;
};

/* The cells, mirrored ones too, are counted by one thread only: the backend is opened with one. */
static ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              const void *values, ll_error *err)
{
    struct answer *const answer = to;

    (void)values;
    answer->cells += rows * columns * (row == column ? 1 : 2);
    if (answer->refuse_from >= 0 && row >= answer->refuse_from)
        return ll_fail(err, LL_ERR_IO, "shop.h5: No space left on device");
    return LL_OK;
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    struct answer *const answer = to;
    const size_t first = (size_t)(row * answer->neighbors);
    const size_t count = (size_t)(rows * answer->neighbors);

    if (answer->refuse_from >= 0 && row >= answer->refuse_from)
        return ll_fail(err, LL_ERR_IO, "shop.h5: Input/output error");
    memcpy(answer->index + first, index, count * sizeof *index);
    memcpy(answer->score + first, score, count * sizeof *score);
    return LL_OK;
}

static ll_status run(struct answer *answer, const float *features, int64_t rows, int neighbors,
                     const uint32_t *group, ll_matrix_type matrix)
{
    const ll_backend_options backend = {.name = "cpu", .threads = 1, .slots = 1};
    const ll_similarity_options options = {.features = features,
                                           .rows = rows,
                                           .cols = COLS,
                                           .neighbors = neighbors,
                                           .group = group,
                                           .matrix = matrix,
                                           .matrix_sink = {answer, receive_tile},
                                           .neighbor_sink = {answer, receive_neighbors}};
    ll_backend *be = NULL;

    answer->neighbors = neighbors;
    answer->cells = 0;
    answer->err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_backend_open(&backend, &be, &answer->err), LL_OK);
    const ll_status status = ll_similarity_run(be, &options, &answer->summary, &answer->err);
    ll_backend_close(be);
    return status;
}

static float *draw(int64_t rows)
{
    uint64_t seed = 2024;
    float *const x = calloc((size_t)(rows * COLS + 1), sizeof *x);

    assert_non_null(x);
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0.0;
        for (int k = 0; k < COLS; k++) {
            x[i * COLS + k] = fmaxf(ll_random(&seed), 0.0f);
            sum += (double)x[i * COLS + k] * (double)x[i * COLS + k];
        }
        for (int k = 0; k < COLS; k++)
            x[i * COLS + k] = (float)((double)x[i * COLS + k] / sqrt(sum));
    }
    return x;
}

static struct answer *make_answer(void)
{
    struct answer *const answer = calloc(1, sizeof *answer);
    assert_non_null(answer);
    answer->refuse_from = -1;
    return answer;
}

static void no_row_and_one_row_have_no_neighbours(void **state)
{
    struct answer *const answer = make_answer();
    float *const x = draw(1);

    (void)state;
    assert_int_equal(run(answer, x, 0, 1, NULL, LL_MATRIX_FLOAT32), LL_OK);
    assert_int_equal(answer->cells, 0);
    assert_true(isnan(answer->summary.median_best));
    assert_int_equal(run(answer, x, 1, 1, NULL, LL_MATRIX_FLOAT32), LL_OK);
    assert_int_equal(answer->cells, 1);
    assert_int_equal(answer->index[0], LL_NO_NEIGHBOR);
    assert_true(isnan(answer->score[0]) && isnan(answer->summary.median_best));
    assert_int_equal(answer->summary.rows_redone, 0);
    assert_int_equal(answer->summary.tiles, 1);
    free(x);
    free(answer);
}

/* 300 rows show the same picture: each one's neighbours are the lowest rows of the cluster. */
static void a_cluster_of_twins_is_redone_and_ordered_by_row(void **state)
{
    enum { ROWS = 700, TWINS = 300 };
    struct answer *const answer = make_answer();
    float *const x = draw(ROWS);

    (void)state;
    for (int i = 0; i < TWINS; i++)
        memcpy(x + 2 * i * COLS, x, COLS * sizeof *x); /* rows 0, 2, 4, ... */
    assert_int_equal(run(answer, x, ROWS, NEIGHBORS, NULL, LL_MATRIX_NONE), LL_OK);
    for (int i = 0; i < TWINS; i++)
        for (int n = 0; n < NEIGHBORS; n++) {
            assert_int_equal(answer->index[2 * i * NEIGHBORS + n], 2 * (n + (n >= i)));
            assert_true(answer->score[2 * i * NEIGHBORS + n] == 1.0f);
        }
    assert_true(answer->summary.rows_redone >= TWINS);
    assert_true(answer->summary.rows_redone < ROWS);
    assert_int_equal(answer->cells, 0);
    free(x);
    free(answer);
}

/* The definition for one row: how many come before the last neighbour, and in what order all are.
 */
static void check_by_definition(const struct answer *answer, const float *x, const double *squares,
                                int64_t rows, int64_t row, const uint32_t *group)
{
    const uint32_t *const index = answer->index + row * answer->neighbors;
    const float *const score = answer->score + row * answer->neighbors;
    int before = 0, permitted = 0, given = 0;

    for (; given < answer->neighbors && index[given] != LL_NO_NEIGHBOR; given++) {
        assert_true(given == 0 || score[given - 1] > score[given] ||
                    (score[given - 1] == score[given] && index[given - 1] < index[given]));
        assert_int_not_equal(index[given], row);
    }
    for (int64_t c = 0; c < rows; c++) {
        if (c == row || (group != NULL && group[c] != group[row])) continue;
        const double dot = ll_rescore_dot_cpu(x + row * COLS, x + c * COLS, COLS);
        const float exact = ll_rescore_score(dot, squares[row], squares[c]);
        permitted++;
        before += given > 0 && (exact > score[given - 1] ||
                                (exact == score[given - 1] && c <= (int64_t)index[given - 1]));
        for (int n = 0; n < given; n++)
            if (index[n] == c) assert_true(score[n] == exact);
    }
    assert_int_equal(given, permitted < answer->neighbors ? permitted : answer->neighbors);
    assert_int_equal(before, given);
}

static void check_all(const struct answer *answer, const float *x, int64_t rows,
                      const uint32_t *group, int64_t step)
{
    double squares[MAX_ROWS];

    assert_true(rows <= MAX_ROWS);
    ll_rescore_squares_cpu(x, rows, COLS, squares);
    for (int64_t row = 0; row < rows; row += step)
        check_by_definition(answer, x, squares, rows, row, group);
}

/* Row `row` becomes row `model` but for one last bit. */
static void copy_nearly(float *x, int64_t row, int64_t model)
{
    memcpy(x + row * COLS, x + model * COLS, COLS * sizeof *x);
    for (int64_t k = row % COLS;; k = (k + 1) % COLS)
        if (x[row * COLS + k] > 0.01f) {
            x[row * COLS + k] = nextafterf(x[row * COLS + k], row % 2 ? 1.0f : 0.0f);
            return;
        }
}

/* More rows to redo than are scored at once, more than are remembered, and twins of those in
 * between and long after: every third row is the same, the others of the first half are near copies
 * of it, and those of the second half twins of the first's, last come first: so many that are
 * remembered come before one that is not that no place is free for it. */
static void near_copies_and_twins_are_redone_in_any_order(void **state)
{
    enum { ROWS = 700 };
    struct answer *const answer = make_answer();
    float *const x = draw(ROWS);
    uint32_t group[ROWS];

    (void)state;
    for (int i = 1; i < ROWS; i++) {
        group[i] = (uint32_t)i % 7 == 0;
        if (i % 3 == 0)
            memcpy(x + i * COLS, x, COLS * sizeof *x);
        else if (i < ROWS / 2)
            copy_nearly(x, i, 0);
        else
            memcpy(x + i * COLS, x + (ROWS - 1 - i) * COLS, COLS * sizeof *x);
    }
    group[0] = 0;
    for (int grouped = 0; grouped < 2; grouped++) {
        const uint32_t *const groups = grouped ? group : NULL;
        assert_int_equal(run(answer, x, ROWS, NEIGHBORS, groups, LL_MATRIX_NONE), LL_OK);
        assert_true(answer->summary.rows_redone > ROWS * 9 / 10);
        check_all(answer, x, ROWS, groups, 1);
    }
    free(x);
    free(answer);
}

/* K = 1024 makes blocks of 768 rows: two of them and a rest, one of them with rows to redo. */
static void several_blocks_follow_each_other(void **state)
{
    enum { TWINS = 1290, MANY = 1024 };
    struct answer *const answer = make_answer();
    float *const x = draw(MAX_ROWS);

    (void)state;
    for (int i = 0; i < TWINS; i++)
        memcpy(x + (MAX_ROWS - 1 - i) * COLS, x, COLS * sizeof *x);
    assert_int_equal(run(answer, x, MAX_ROWS, MANY, NULL, LL_MATRIX_NONE), LL_OK);
    assert_true(answer->summary.rows_redone >= TWINS);
    check_all(answer, x, MAX_ROWS, NULL, 37);
    free(x);
    free(answer);
}

/* Groups of 3: everybody's list holds all there is, so nothing is uncertain. */
static void small_groups_are_complete_and_filled_up(void **state)
{
    enum { ROWS = 90 };
    struct answer *const answer = make_answer();
    float *const x = draw(ROWS);
    uint32_t group[ROWS];

    (void)state;
    for (uint32_t i = 0; i < ROWS; i++)
        group[i] = i % (ROWS / 3);
    assert_int_equal(run(answer, x, ROWS, NEIGHBORS, group, LL_MATRIX_UINT16), LL_OK);
    for (int i = 0; i < ROWS; i++)
        for (int n = 0; n < NEIGHBORS; n++) {
            const uint32_t other = answer->index[i * NEIGHBORS + n];
            assert_int_equal(other == LL_NO_NEIGHBOR, n >= 2);
            assert_int_equal(isnan(answer->score[i * NEIGHBORS + n]) != 0, n >= 2);
            assert_true(n >= 2 || (group[other] == group[i] && other != (uint32_t)i));
        }
    assert_int_equal(answer->summary.rows_redone, 0);
    assert_int_equal(answer->cells, ROWS * ROWS);
    free(x);
    free(answer);
}

static void a_matrix_alone_needs_no_neighbours(void **state)
{
    enum { ROWS = 530 };
    struct answer *const answer = make_answer();
    float *const x = draw(ROWS);

    (void)state;
    answer->refuse_from = ROWS; /* the neighbour sink is not called at all */
    assert_int_equal(run(answer, x, ROWS, 0, NULL, LL_MATRIX_FLOAT16), LL_OK);
    assert_int_equal(answer->cells, ROWS * ROWS);
    assert_int_equal(answer->summary.tiles, 3);
    free(x);
    free(answer);
}

static void a_sink_that_fails_ends_the_run_with_its_own_words(void **state)
{
    struct answer *const answer = make_answer();
    float *const x = draw(600);

    (void)state;
    answer->refuse_from = 512;
    assert_int_equal(run(answer, x, 600, NEIGHBORS, NULL, LL_MATRIX_FLOAT32), LL_ERR_IO);
    assert_string_equal(answer->err.text, "shop.h5: No space left on device");
    answer->refuse_from = 0;
    assert_int_equal(run(answer, x, 600, NEIGHBORS, NULL, LL_MATRIX_NONE), LL_ERR_IO);
    assert_string_equal(answer->err.text, "shop.h5: Input/output error");
    free(x);
    free(answer);
}

static void features_that_are_not_unit_rows_are_refused(void **state)
{
    struct answer *const answer = make_answer();
    float *const x = draw(520);

    (void)state;
    x[515 * COLS] += 0.01f;
    assert_int_equal(run(answer, x, 520, NEIGHBORS, NULL, LL_MATRIX_NONE), LL_ERR_ARGUMENT);
    assert_non_null(strstr(answer->err.text, "row 515 has length 1.0"));
    x[515 * COLS] = NAN;
    assert_int_equal(run(answer, x, 520, NEIGHBORS, NULL, LL_MATRIX_NONE), LL_ERR_ARGUMENT);
    assert_non_null(strstr(answer->err.text, "row 515 has length"));
    x[515 * COLS] = INFINITY;
    assert_int_equal(run(answer, x, 520, NEIGHBORS, NULL, LL_MATRIX_NONE), LL_ERR_ARGUMENT);
    free(x);
    free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_row_and_one_row_have_no_neighbours),
        cmocka_unit_test(a_cluster_of_twins_is_redone_and_ordered_by_row),
        cmocka_unit_test(near_copies_and_twins_are_redone_in_any_order),
        cmocka_unit_test(several_blocks_follow_each_other),
        cmocka_unit_test(small_groups_are_complete_and_filled_up),
        cmocka_unit_test(a_matrix_alone_needs_no_neighbours),
        cmocka_unit_test(a_sink_that_fails_ends_the_run_with_its_own_words),
        cmocka_unit_test(features_that_are_not_unit_rows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
