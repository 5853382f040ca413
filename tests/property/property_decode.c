/* tests/property/property_decode.c - whatever the bytes, ll_image_load answers: pixels or a reason,
 * the same ones twice, no crash and no hang. Damaged copies of small valid files, seeded;
 * LOOKLOOM_SEED and LOOKLOOM_ROUNDS change what is tried and how long. */
#include "tests/image_files.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 250, MAX_BYTES = 4096, SECONDS = 10 };

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
    return *seed >> 16;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *const text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* Flip bits, overwrite with telling values, cut, or repeat a part. Returns the new size. */
static size_t damage(uint8_t *bytes, size_t size_bytes, uint64_t *seed)
{
    static const uint8_t k_telling[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, 0xd9, 0xda, 0xc0, 0xc4};
    const int wounds = 1 + (int)(next(seed) % 4);

    for (int i = 0; i < wounds && size_bytes > 4; i++) {
        const size_t at = next(seed) % size_bytes;
        switch (next(seed) % 5) {
        case 0: bytes[at] ^= (uint8_t)(1u << next(seed) % 8); break;
        case 1: bytes[at] = (uint8_t)next(seed); break;
        case 2: bytes[at] = k_telling[next(seed) % sizeof k_telling]; break;
        case 3: memset(bytes + at, (int)(next(seed) % 256), (size_bytes - at) % 9); break;
        default:
            if (next(seed) % 8 == 0)
                size_bytes = at + 1;
            else
                memmove(bytes + at, bytes + at / 2, size_bytes - at);
        }
    }
    return size_bytes;
}

static ll_image_options draw_options(uint64_t *seed)
{
    ll_image_options options = ll_image_options_default();

    options.geometry = (ll_geometry)(next(seed) % 2);
    options.resize = (ll_resize)(next(seed) % 3);
    options.exif = (ll_exif)(next(seed) % 2);
    options.alpha = (ll_alpha)(next(seed) % 2);
    options.jpeg = (ll_decoder)(next(seed) % 2);
    options.max_pixels = 1 << 18; /* so that a wild size costs a malloc, not seconds */
    return options;
}

/* Two runs, from different stack and heap contents, must not differ: no uninitialised memory. */
static void check(const uint8_t *bytes, size_t size_bytes, const ll_image_options *options,
                  const char *repro)
{
    static uint8_t first[LL_IMAGE_BYTES], second[LL_IMAGE_BYTES];
    ll_image_facts facts, again;
    const clock_t start = clock();

    memset(first, 1, sizeof first);
    memset(second, 2, sizeof second);
    image_load(bytes, size_bytes, options, first, &facts);
    image_load(bytes, size_bytes, options, second, &again);
    if (strchr(facts.reason, '\n') != NULL || strlen(facts.reason) >= LL_IMAGE_REASON)
        fail_msg("%s: reason '%s'", repro, facts.reason);
    if (strcmp(facts.reason, again.reason) != 0)
        fail_msg("%s: '%s', then '%s'", repro, facts.reason, again.reason);
    if (facts.reason[0] == '\0' && memcmp(first, second, sizeof first) != 0)
        fail_msg("%s: two sets of pixels", repro);
    if (clock() - start > SECONDS * CLOCKS_PER_SEC) fail_msg("%s: too slow", repro);
}

static void damaged_files_get_an_answer(void **state)
{
    const uint64_t base = setting("LOOKLOOM_SEED", 1), rounds = setting("LOOKLOOM_ROUNDS", ROUNDS);
    image_file files[] = {
        image_make_bmp(9, 7),
        image_make_bmp_indexed(9, 7, 200, 16),
        image_make_png(9, 7, 3, 64),
        image_make_png(9, 7, 4, 4096),
        image_make_jpeg(19, 17, 3, 0, 6),
        image_make_jpeg(19, 17, 3, 1, 0),
        image_make_jpeg(19, 17, 1, 0, 0),
        image_make_jpeg(19, 17, 4, 1, 8),
        image_make_webp(19, 17, 0),
        image_make_webp(19, 17, 1),
    };
    uint8_t copy[MAX_BYTES];
    char repro[96];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_true(files[i].size_bytes <= sizeof copy);
        for (uint64_t round = 0; round < rounds; round++) {
            uint64_t seed = (base * 1000003 + i) * 1000003 + round + 1;
            memcpy(copy, files[i].bytes, files[i].size_bytes);
            const size_t size_bytes = damage(copy, files[i].size_bytes, &seed);
            const ll_image_options options = draw_options(&seed);
            snprintf(repro, sizeof repro, "LOOKLOOM_SEED=%llu file %zu round %llu",
                     (unsigned long long)base, i, (unsigned long long)round);
            check(copy, size_bytes, &options, repro);
        }
        free(files[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_files_get_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
