/* tests/agree/agree_cuda_shortage.c - comparing on the emulated card when memory is short, and when
 * any call fails: the same results, or one line and nothing left behind. */
#include "tests/cuda_compare_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------ */

/* What is left of a plan's bytes when the product's workspace is the 4096 bytes of the emulated
 * card's. */
static size_t really_used(int64_t total_bytes)
{
    return (size_t)(total_bytes - LL_CUDA_WORKSPACE_BYTES + 4096);
}

/* The plan's total for a kind of rescoring: the room that makes it the choice. */
static int64_t room_for(const struct shop *shop, int64_t tile, int64_t chunk,
                        ll_cuda_rescoring rescoring)
{
    const int64_t keep = shop->neighbors + 28;
    const ll_cuda_demand demand = {shop->rows, shop->cols,
                                   (int)(keep < shop->rows - 1 ? keep : shop->rows - 1), false, 0};
    return ll_cuda_plan_of(&demand, tile, chunk, rescoring).total_bytes;
}

static void features_come_in_turn_or_stay_on_the_host(void **state)
{
    struct shop shop = {.rows = 90, .cols = 300, .neighbors = 3};
    struct card card;
    (void)state;
    draw(&shop, 3);
    for (int rescoring = LL_CUDA_RESCORE_IN_TURN; rescoring <= LL_CUDA_RESCORE_ON_HOST;
         rescoring++) {
        open_card(&card, 64, 9000);
        card.limits.room_bytes = room_for(&shop, 64, 9000, (ll_cuda_rescoring)rescoring);
        check(&card, &shop);
        assert_string_equal(card.logged, "");
        assert_true(ll_emulated_card()->peak_bytes <= (size_t)card.limits.room_bytes);
        close_card(&card);
    }
    /* The card has less than it said: what was planned beside comes in turn, or not at all. */
    open_card(&card, 64, 9000);
    ll_emulated_card()->memory_bytes =
        really_used(room_for(&shop, 64, 9000, LL_CUDA_RESCORE_IN_TURN));
    check(&card, &shop);
    assert_non_null(strstr(card.logged, "come in turn"));
    close_card(&card);
    open_card(&card, 64, 9000);
    ll_emulated_card()->memory_bytes =
        really_used(room_for(&shop, 64, 9000, LL_CUDA_RESCORE_ON_HOST));
    check(&card, &shop);
    assert_non_null(strstr(card.logged, "the cpu does it"));
    close_card(&card);
    free_shop(&shop);
}

/* Tiles after rescoring bring the halves back; lists are what they would have been. */
static void halves_come_back(void **state)
{
    enum { ROWS = 70, KEEP = 5, TILE = 32 };
    struct shop shop = {.rows = ROWS, .cols = 40, .neighbors = 1};
    uint32_t columns[2][ROWS * KEEP];
    float fast[2][ROWS * KEEP], exact[ROWS];
    double bounds[ROWS];
    ll_error err = LL_ERROR_INIT;
    (void)state;
    draw(&shop, 12);
    const ll_compare_options options = {
        .features = shop.features, .rows = ROWS, .cols = shop.cols, .keep = KEEP};
    for (int turn = 0; turn < 2; turn++) {
        struct card card;
        open_card(&card, TILE, 600);
        if (turn == 1)
            card.limits.room_bytes = ll_cuda_plan_of(&(ll_cuda_demand){ROWS, 40, KEEP, false, 0},
                                                     TILE, 600, LL_CUDA_RESCORE_IN_TURN)
                                         .total_bytes;
        assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK);
        for (int64_t j = 0; j < 3; j++)
            for (int64_t i = 0; i <= j; i++) {
                if (ll_tile_submit(&card.be, i, j, &err) != LL_OK) fail_msg("%s", err.text);
                if (i == 1)
                    assert_int_equal(
                        ll_rescore_rows(&card.be, &(uint32_t){(uint32_t)j}, 1, exact, &err), LL_OK);
            }
        assert_int_equal(ll_compare_sync(&card.be, &err), LL_OK);
        assert_int_equal(
            ll_topk_extract(&card.be, 0, ROWS, columns[turn], fast[turn], bounds, &err), LL_OK);
        ll_compare_end(&card.be);
        close_card(&card);
    }
    assert_memory_equal(columns[0], columns[1], sizeof columns[0]);
    assert_memory_equal(fast[0], fast[1], sizeof fast[0]);
    free_shop(&shop);
}

static void short_memory_halves_the_tile(void **state)
{
    struct shop shop = {
        .rows = 1030, .cols = 8, .neighbors = 1, .groups = 300, .matrix = LL_MATRIX_FLOAT16};
    const ll_cuda_demand demand = {1030, 8, 29, true, 2};
    struct card card;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    draw(&shop, 8);
    open_card(&card, 1024, 4096);
    ll_emulated_card()->memory_bytes =
        really_used(ll_cuda_plan_of(&demand, 512, 4096, LL_CUDA_RESCORE_BESIDE).total_bytes);
    check(&card, &shop);
    assert_non_null(strstr(card.logged, "tiles of 1024; trying 512"));

    ll_emulated_card()->memory_bytes /= 2; /* not even that */
    struct result result = new_result(&shop);
    assert_int_equal(run(&card.be, &result, &err), LL_ERR_MEMORY);
    assert_non_null(strstr(err.text, "comparing, memory: CUDA: out of memory in cudaMalloc of "));
    close_card(&card);
    free_result(&result);
    free_shop(&shop);
}

static void a_card_too_small_is_refused_with_sizes(void **state)
{
    struct shop shop = {.rows = 100, .cols = 64, .neighbors = 1};
    struct result result;
    struct card card;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    draw(&shop, 8);
    result = new_result(&shop);
    open_card(&card, 0, 0);
    card.own_limits = true;
    ll_emulated_card()->memory_bytes = (size_t)300 << 20; /* less than slots and reserve */
    assert_int_equal(run(&card.be, &result, &err), LL_ERR_MEMORY);
    assert_non_null(strstr(err.text, "comparing 100 rows of 64 features takes "));
    assert_non_null(strstr(err.text, "there is room for "));
    close_card(&card);
    free_result(&result);
    free_shop(&shop);
}

/* ---- failures ----------------------------------------------------------------------------- */

/* Calls that only give back, or clear what is known. */
static bool may_go_unheard(const char *call)
{
    static const char *const k_calls[] = {"cudaStreamSynchronize", "cudaFree", "cudaFreeHost",
                                          "cudaEventDestroy", "cudaGetLastError"};
    for (size_t i = 0; i < sizeof k_calls / sizeof k_calls[0]; i++)
        if (strcmp(call, k_calls[i]) == 0) return true;
    return false;
}

static void every_call_that_fails_is_named_and_nothing_leaks(void **state)
{
    struct shop shop = {
        .rows = 24, .cols = 16, .neighbors = 2, .groups = 2, .matrix = LL_MATRIX_NONE};
    int64_t failures = 0;
    (void)state;
    for (int which = 0; which < 3; which++) {
        const int matrix = which == 1 ? LL_MATRIX_UINT16 : LL_MATRIX_NONE;
        shop.matrix = (ll_matrix_type)matrix;
        shop.rows = which == 2 ? 36 : 24;
        shop.groups = which == 2 ? 0 : 2;
        draw(&shop, 8);
        for (int64_t i = 1; which == 2 && i < shop.rows; i++) /* all the same: all are redone */
            memcpy(shop.features + i * shop.cols, shop.features,
                   (size_t)shop.cols * sizeof *shop.features);
        struct result result = new_result(&shop);
        for (int64_t at = 1;; at++) {
            struct card card;
            ll_error err = LL_ERROR_INIT;
            open_card(&card, 16, 700);
            card.own_limits = at == 1 && which == 0;
            if (matrix == 0) /* in turn: the longer way */
                card.limits.room_bytes =
                    64 + room_for(&shop, 16, 700, LL_CUDA_RESCORE_IN_TURN) + 4 * shop.rows;
            ll_emulated *const now = ll_emulated_card();
            now->fail_at = now->calls + at;
            now->sticky = at % 2 == 0;
            const ll_status status = run(&card.be, &result, &err);
            char failed[64];
            memcpy(failed, now->failed_call, sizeof failed);
            ll_emulated_reset(now);
            close_card(&card);
            if (failed[0] == '\0') {
                if (status != LL_OK) fail_msg("%s", err.text);
                break;
            }
            if (status == LL_OK) { /* the end has nobody to tell */
                if (!may_go_unheard(failed)) fail_msg("%s failed, and all was well", failed);
                continue;
            }
            assert_int_equal(status, LL_ERR_DEVICE);
            const bool launch =
                strcmp(failed, "a kernel's launch") == 0 || strcmp(failed, "cudaGetLastError") == 0;
            if (strstr(err.text, launch ? "_cuda" : failed) == NULL)
                fail_msg("%s failed: %s", failed, err.text);
            assert_ptr_equal(strstr(err.text, "comparing, "), err.text);
            assert_null(strchr(err.text, '\n'));
            failures++;
        }
        free_result(&result);
        free_shop(&shop);
    }
    assert_true(failures > 100);
}

static void a_sink_that_fails_ends_the_run_in_its_own_words(void **state)
{
    struct shop shop = {.rows = 100, .cols = 16, .neighbors = 2, .matrix = LL_MATRIX_FLOAT32};
    (void)state;
    draw(&shop, 8);
    for (int64_t at = 1; at <= 10; at++) { /* 4 blocks: 10 tiles */
        struct result result = new_result(&shop);
        struct card card;
        ll_error err = LL_ERROR_INIT;
        open_card(&card, 32, 700);
        result.fail_at = at;
        assert_int_equal(run(&card.be, &result, &err), LL_ERR_IO);
        assert_string_equal(err.text, "shop.h5: disk full");
        close_card(&card);
        free_result(&result);
    }
    free_shop(&shop);
}

static void what_makes_no_sense_is_refused(void **state)
{
    float features[4] = {1.0f, 0.0f, 0.5f, 0.5f};
    ll_compare_options options = {.features = features, .rows = 2, .cols = 2};
    struct card card;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    open_card(&card, 16, 64);
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "features: row 1 has length 0.707107 instead of 1");
    err = (ll_error)LL_ERROR_INIT;
    options.cols = (1 << 19) + 1;
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_ERR_ARGUMENT);
    err = (ll_error)LL_ERROR_INIT;
    options.cols = 2;
    options.keep = 4097;
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "candidates: 4097 a row; cuda keeps up to 4096");
    err = (ll_error)LL_ERROR_INIT;
    options = (ll_compare_options){.cols = 4096, .keep = 5};
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK); /* no rows */
    assert_true(ll_compare_tile(&card.be) > 0);
    assert_int_equal(ll_compare_sync(&card.be, &err), LL_OK);
    ll_compare_end(&card.be);
    ll_cuda_compare_end(&card.be); /* twice is once */
    close_card(&card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_come_in_turn_or_stay_on_the_host),
        cmocka_unit_test(halves_come_back),
        cmocka_unit_test(short_memory_halves_the_tile),
        cmocka_unit_test(a_card_too_small_is_refused_with_sizes),
        cmocka_unit_test(every_call_that_fails_is_named_and_nothing_leaks),
        cmocka_unit_test(a_sink_that_fails_ends_the_run_in_its_own_words),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
