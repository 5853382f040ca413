/* tests/unit/unit_cuda_texts.c - what the cuda backend says of cards and libraries is whole,
 * however long it is: it decides what an index is comparable with and which engines are taken over.
 */
#include "tests/cuda_net_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 4096, CARDS = 64 };

/* 64 cards whose name is as long as a driver can make it. */
static void no_list_of_cards_is_too_long(void **state)
{
    ll_emulated *const emulated = ll_emulated_card();
    char want[TEXT];
    net_card card;
    int lines = 0;

    (void)state;
    ll_emulated_reset(emulated);
    memset(emulated->name, 'N', sizeof emulated->name - 1);
    emulated->devices = CARDS;
    net_card_open(&card, "fp16", 1);
    const ll_backend_info info = card.be.ops->describe(&card.be);
    snprintf(want, sizeof want, "%s, 9.0, 132 SMs", emulated->name);
    assert_string_equal(info.device, want);
    for (const char *at = info.devices; at != NULL; at = strchr(at, '\n')) {
        at += at[0] == '\n';
        snprintf(want, sizeof want, "%d: %s, 9.0, 132 SMs, ", lines++, emulated->name);
        assert_memory_equal(at, want, strlen(want));
    }
    assert_int_equal(lines, CARDS);
    net_card_close(&card);
}

/* What the environment makes the libraries do, whole; and behind it what a comparison adds. */
static void no_environment_is_too_long(void **state)
{
    static char override[2 * TEXT], before[4 * TEXT], want[5 * TEXT];
    float feature = 1.0f;
    const ll_compare_options options = {.features = &feature, .rows = 1, .cols = 1, .keep = 1};
    ll_error err = LL_ERROR_INIT;
    net_card card;

    (void)state;
    memset(override, '1', sizeof override - 1);
    assert_int_equal(setenv("NVIDIA_TF32_OVERRIDE", override, 1), 0);
    ll_emulated_reset(ll_emulated_card());
    net_card_open(&card, "fp16", 1);
    assert_int_equal(unsetenv("NVIDIA_TF32_OVERRIDE"), 0);
    const struct ll_backend_ops *const ops = card.be.ops;
    snprintf(before, sizeof before, "%s", ops->describe(&card.be).engines);
    assert_string_equal(strchr(before, '=') + 1, override);
    if (ops->compare_begin(&card.be, &options, &err) != LL_OK) fail_msg("%s", err.text);
    snprintf(want, sizeof want, "%s; tiles of 512 sgemm", before);
    assert_string_equal(ops->describe(&card.be).engines, want);
    ops->compare_end(&card.be);
    net_card_close(&card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_list_of_cards_is_too_long),
        cmocka_unit_test(no_environment_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
