/* tests/unit/unit_exif.c - EXIF blocks, whole and hostile. */
#include "host/image/exif.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Always on memory of exactly that size, so that ASan sees a byte too many. */
static int orientation_of(const void *block, size_t size_bytes)
{
    uint8_t *const copy = malloc(size_bytes > 0 ? size_bytes : 1);
    assert_non_null(copy);
    memcpy(copy, block, size_bytes);
    const int found = ll_exif_orientation(copy, size_bytes);
    free(copy);
    return found;
}

#define ORIENTATION_OF(text) orientation_of(text, sizeof(text) - 1)

#define MM       "MM\0*\0\0\0\x08"
#define II       "II*\0\x08\0\0\0"
#define MM_SIX   "\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" /* a SHORT of 6 */
#define MM_THREE "\x01\x12\0\x03\0\0\0\x01\0\x03\0\0"
#define MM_MAKER                                                                                   \
    "\x01\x0f\0\x02\0\0\0\x04"                                                                     \
    "abc\0"
#define MM_NO_END "\0\0\0\0"

static void both_byte_orders_are_read(void **state)
{
    (void)state;
    assert_int_equal(ORIENTATION_OF(MM "\0\x01" MM_SIX MM_NO_END), 6);
    assert_int_equal(ORIENTATION_OF("Exif\0\0" MM "\0\x01" MM_SIX MM_NO_END), 6);
    assert_int_equal(ORIENTATION_OF(II "\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0"), 8);
    assert_int_equal(ORIENTATION_OF(II "\x01\0\x12\x01\x04\0\x01\0\0\0\x05\0\0\0"), 5); /* LONG */
    assert_int_equal(ORIENTATION_OF("MM*\0\0\0\0\x08"
                                    "\0\x01" MM_SIX),
                     6);
    assert_int_equal(ORIENTATION_OF(MM "\0\x02" MM_MAKER MM_SIX), 6);
    assert_int_equal(ORIENTATION_OF(MM "\0\x02" MM_SIX MM_THREE), 3); /* the last one counts */
}

static void every_cut_is_survived(void **state)
{
    static const char k_block[] = "Exif\0\0" MM "\0\x02" MM_MAKER MM_SIX MM_NO_END;
    const size_t whole = sizeof k_block - 1 - 4;

    (void)state;
    for (size_t size = 0; size < sizeof k_block; size++)
        assert_int_equal(orientation_of(k_block, size), size >= whole ? 6 : 1);
}

static void hostile_blocks_mean_upright(void **state)
{
    (void)state;
    assert_int_equal(ORIENTATION_OF(""), 1);
    assert_int_equal(ORIENTATION_OF("Exif\0\0"), 1);
    assert_int_equal(ORIENTATION_OF("XX\0*\0\0\0\x08\0\x01" MM_SIX), 1);
    assert_int_equal(ORIENTATION_OF("MI\0*\0\0\0\x08\0\x01" MM_SIX), 1);
    assert_int_equal(ORIENTATION_OF("MM\0,\0\0\0\x08\0\x01" MM_SIX), 1);
    /* directories nowhere, at the very end, in the header itself */
    assert_int_equal(ORIENTATION_OF("MM\0*\xff\xff\xff\xff\0\x01" MM_SIX), 1);
    assert_int_equal(ORIENTATION_OF("MM\0*\0\0\0\x15\0\x01" MM_SIX), 1);
    assert_int_equal(ORIENTATION_OF("MM\0*\0\0\0\x16\0\x01" MM_SIX), 1);
    assert_int_equal(ORIENTATION_OF("MM\0*\0\0\0\0\0\x01" MM_SIX), 1);
    /* values outside 1 .. 8, none, several, of a type that holds no integer */
    assert_int_equal(ORIENTATION_OF(MM "\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0"), 1);
    assert_int_equal(ORIENTATION_OF(MM "\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0"), 1);
    assert_int_equal(ORIENTATION_OF(MM "\0\x01\x01\x12\0\x03\0\0\0\x02\0\x06\0\x06"), 1);
    assert_int_equal(ORIENTATION_OF(MM "\0\x01\x01\x12\0\x02\0\0\0\x01\x06\0\0\0"), 1);
    assert_int_equal(ORIENTATION_OF(MM "\0\x01\x01\x12\0\x04\0\0\0\x01\x80\0\0\x06"), 1);
}

static void huge_counts_do_not_run_away(void **state)
{
    (void)state;
    /* 65 535 entries are declared, one is there */
    assert_int_equal(ORIENTATION_OF(MM "\xff\xff" MM_SIX), 6);
    /* an entry of 4 G doubles far outside ends the reading; unknown types are stepped over */
    assert_int_equal(
        ORIENTATION_OF(MM "\0\x02\x01\x0f\0\x0c\xff\xff\xff\xff\xff\xff\xff\xff" MM_SIX), 1);
    assert_int_equal(
        ORIENTATION_OF(MM "\0\x02\x01\x0f\0\x63\xff\xff\xff\xff\xff\xff\xff\xff" MM_SIX), 6);
    /* an entry without values is as if it were not there */
    assert_int_equal(ORIENTATION_OF(MM "\0\x02" MM_SIX "\x01\x12\0\x03\0\0\0\0\0\x03\0\0"), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_are_read),
        cmocka_unit_test(every_cut_is_survived),
        cmocka_unit_test(hostile_blocks_mean_upright),
        cmocka_unit_test(huge_counts_do_not_run_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
