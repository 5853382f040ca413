/* tests/unit/unit_cuda_engine_names.c - the engines of a network as one text and back: however long
 * their names are, every layer keeps its own. */
#include "host/backend/cuda/engines/cuda_engine_names.h"
#include "host/vgg16/vgg16.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINES = 15, LONG = 300 };

/* 15 layers with made-up engines of 300 characters, each another, every third with its pool. */
static void no_engine_is_cut_or_lost(void **state)
{
    static char engines[ENGINES][LONG + 1];
    ll_cuda_engine_name names[ENGINES];
    static const char k_start[] = "driver 13.0, cuDNN 9.19.0; batch 256; scale 0.0625";
    size_t want = strlen(k_start);
    char *text = NULL;
    int count = 0;

    (void)state;
    for (int i = 0; i <= LL_VGG16_FC2; i++) {
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL) continue;
        memset(engines[count], 'a' + count, LONG);
        names[count] = (ll_cuda_engine_name){ll_vgg16_name(i), engines[count], count % 3 == 0};
        want += strlen("; ") + strlen(names[count].layer) + strlen(" ") + LONG +
                (names[count].pooled ? strlen(" with pool") : 0);
        count++;
    }
    assert_int_equal(count, ENGINES);
    assert_int_equal(ll_cuda_engine_names_join(k_start, names, count, &text, NULL), LL_OK);
    assert_int_equal(strlen(text), want);
    assert_memory_equal(text, k_start, strlen(k_start));
    for (int i = 0; i < count; i++) {
        const char *engine = NULL;
        size_t length = 0;
        bool pooled = false;
        assert_true(ll_cuda_engine_names_find(text, names[i].layer, &engine, &length, &pooled));
        assert_int_equal(length, LONG);
        assert_memory_equal(engine, engines[i], LONG);
        assert_int_equal(pooled, names[i].pooled);
    }
    free(text);
}

static void what_is_not_there_is_not_found(void **state)
{
    static const char k_text[] = "driver; batch 1; conv1_1 e4; conv1_2 ; conv2_1 e1 with pool; "
                                 "conv2_2; fc1 a66 t20 0123";
    const char *engine = NULL;
    size_t length = 0;
    bool pooled = false;

    (void)state;
    assert_true(ll_cuda_engine_names_find(k_text, "conv1_1", &engine, &length, &pooled));
    assert_int_equal(length, 2);
    assert_false(pooled);
    assert_true(ll_cuda_engine_names_find(k_text, "conv2_1", &engine, &length, &pooled));
    assert_int_equal(length, 2);
    assert_true(pooled);
    assert_true(ll_cuda_engine_names_find(k_text, "fc1", &engine, &length, &pooled));
    assert_string_equal(engine, "a66 t20 0123");
    assert_int_equal(length, strlen(engine));
    assert_false(ll_cuda_engine_names_find(k_text, "conv1_2", &engine, &length, &pooled));
    assert_false(ll_cuda_engine_names_find(k_text, "conv2_2", &engine, &length, &pooled));
    assert_false(ll_cuda_engine_names_find(k_text, "conv1", &engine, &length, &pooled));
    assert_false(ll_cuda_engine_names_find("", "fc1", &engine, &length, &pooled));
    assert_false(ll_cuda_engine_names_find("fc1 a", "fc1", &engine, &length, &pooled));
}

static void nothing_but_a_start_is_a_text_too(void **state)
{
    char *text = NULL;

    (void)state;
    assert_int_equal(ll_cuda_engine_names_join("start", NULL, 0, &text, NULL), LL_OK);
    assert_string_equal(text, "start");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_engine_is_cut_or_lost),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(nothing_but_a_start_is_a_text_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
