/* tests/unit/unit_text.c - texts in buffers of a fixed size: whole, refused or ending in dots, and
 * never cut without a word; and those of any length. */
#include "host/base/clock.h"
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/base/utf8.h"
#include "tests/test.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONG = 100000 };

static char long_text[LONG + 1]; /* longer than any buffer of ours */

static int setup(void **state)
{
    (void)state;
    memset(long_text, 'x', LONG);
    return 0;
}

/* Of every size around the length of "ab" and a character of `bytes` bytes, twice: what is whole
 * stays, the rest ends in dots, within its bounds and not within a character. */
static void check_sizes(const char *character)
{
    char want[32], out[32];
    const size_t length = (size_t)snprintf(want, sizeof want, "ab%s%s", character, character);

    for (size_t size = 4; size <= length + 2; size++) {
        memset(out, '#', sizeof out);
        assert_ptr_equal(ll_text_say(out, size, "ab%s%s", character, character), out);
        assert_true(memchr(out, '\0', size) != NULL);
        assert_int_equal(out[size], '#');
        assert_int_equal(ll_utf8_check(out, strlen(out)), strlen(out));
        if (length < size) {
            assert_string_equal(out, want);
            continue;
        }
        const size_t kept = strlen(out) - 3;
        assert_string_equal(out + kept, "...");
        assert_memory_equal(out, want, kept);
        assert_true(kept + strlen(character) + 3 >= size - 1); /* no more goes than must */
    }
}

static void what_is_said_ends_in_dots(void **state)
{
    char out[16], tiny[3];

    (void)state;
    check_sizes("c");
    check_sizes("\xC3\xA9");
    check_sizes("\xE2\x82\xAC");
    check_sizes("\xF0\x9F\x91\x97");
    assert_string_equal(ll_text_say(out, sizeof out, "%s", long_text), "xxxxxxxxxxxx...");
    assert_string_equal(ll_text_say(out, sizeof out, "%d of %d", 1, 2), "1 of 2");
    assert_string_equal(ll_text_say(tiny, sizeof tiny, "%s", "abc"), "..");
    assert_string_equal(ll_text_say(tiny, 1, "%s", "abc"), "");
}

static void more_is_said_until_it_is_full(void **state)
{
    char out[12] = "";

    (void)state;
    ll_text_say_more(out, sizeof out, "%s", "abc");
    assert_string_equal(out, "abc");
    ll_text_say_more(out, sizeof out, ", %s", "defghi"); /* 11 characters: just so */
    assert_string_equal(out, "abc, defghi");
    ll_text_say_more(out, sizeof out, "%s", "");
    assert_string_equal(out, "abc, defghi");
    ll_text_say_more(out, sizeof out, "%s", "j"); /* what stood there has to give way */
    assert_string_equal(out, "abc, def...");
    ll_text_say_more(out, sizeof out, "%s", long_text);
    assert_string_equal(out, "abc, def...");
}

static void what_decides_is_whole_or_refused(void **state)
{
    char out[8];
    ll_error err = LL_ERROR_INIT;

    (void)state;
    assert_int_equal(ll_text_fit(out, sizeof out, &err, "%s-%d", "abcde", 7), LL_OK);
    assert_string_equal(out, "abcde-7");
    assert_int_equal(ll_text_fit(out, sizeof out, &err, "%s-%d", "abcde", 78), LL_ERR_UNSUPPORTED);
    assert_string_equal(out, "");
    assert_string_equal(err.text, "abcd...: more than 7 bytes long");
    assert_int_equal(ll_text_fit(out, sizeof out, NULL, "%s", long_text), LL_ERR_UNSUPPORTED);
}

static void what_has_room_is_whole(void **state)
{
    char out[8];

    (void)state;
    assert_ptr_equal(ll_text_exact(out, sizeof out, "%s", "1234567"), out);
    assert_string_equal(out, "1234567");
}

static void what_a_library_cut_is_marked(void **state)
{
    char full[8] = "abcdefg", whole[8] = "abcdef", half[8] = "abcd\xC3\xA9\xC3";

    (void)state;
    ll_text_mark_truncated(full, sizeof full);
    assert_string_equal(full, "abcd...");
    ll_text_mark_truncated(whole, sizeof whole);
    assert_string_equal(whole, "abcdef");
    ll_text_mark_truncated(half, sizeof half);
    assert_string_equal(half, "abcd...");
}

static void any_length_is_made_or_appended(void **state)
{
    char *text = NULL, *grown = NULL;

    (void)state;
    assert_int_equal(ll_text_format(&text, NULL, "%s;%d", long_text, 5), LL_OK);
    assert_int_equal(strlen(text), LONG + 2);
    assert_string_equal(text + LONG, ";5");
    assert_int_equal(ll_text_append(&grown, NULL, "%s", "a"), LL_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ll_text_append(&grown, NULL, "; %s", text), LL_OK);
    assert_int_equal(strlen(grown), 1 + 3 * (2 + LONG + 2));
    assert_memory_equal(grown, "a; xxx", 6);
    assert_string_equal(grown + strlen(grown) - 3, "x;5");
    free(grown);
    free(text);
}

/* The cause comes last and is kept; so is the end of a text longer than the room it is made in. */
static void errors_have_dots_where_they_are_cut(void **state)
{
    static const char *const k_euro = "\xE2\x82\xAC";
    char names[600] = "";
    ll_error err = LL_ERROR_INIT;

    (void)state;
    assert_int_equal(ll_fail(&err, LL_ERR_IO, "%s: %s", long_text, "cause"), LL_ERR_IO);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text + 57, "xxx...xxx", 9);
    assert_string_equal(err.text + sizeof err.text - 1 - 3, "...");
    for (int i = 0; i < 190; i++)
        memcpy(names + 3 * i, k_euro, 3);
    for (int shift = 0; shift < 3; shift++) {
        err = (ll_error)LL_ERROR_INIT;
        assert_int_equal(ll_fail(&err, LL_ERR_IO, "%.*s%s: cause", shift, "ab", names), LL_ERR_IO);
        assert_int_equal(ll_utf8_check(err.text, strlen(err.text)), strlen(err.text));
        assert_non_null(strstr(err.text, "..."));
        assert_string_equal(err.text + strlen(err.text) - 7, ": cause");
    }
}

static void keep_text(void *to, const char *text)
{
    char **const kept = to;
    *kept = strdup(text);
}

static void lines_of_a_log_end_in_dots(void **state)
{
    char *kept = NULL;
    const ll_log log = {.to = &kept, .line = keep_text, .detail = keep_text};

    (void)state;
    for (int detail = 0; detail < 2; detail++) {
        if (detail)
            ll_log_detail(&log, "%s", long_text);
        else
            ll_log_line(&log, "%s", long_text);
        assert_true(strlen(kept) > 4096 && strlen(kept) < LONG);
        assert_string_equal(kept + strlen(kept) - 4, "x...");
        free(kept);
        /* the longest path, and what there is to say of it */
        if (detail)
            ll_log_detail(&log, "%.4095s: not there", long_text);
        else
            ll_log_line(&log, "%.4095s: not there", long_text);
        assert_string_equal(kept + 4095, ": not there");
        free(kept);
    }
}

static void numbers_have_room(void **state)
{
    static const double k_values[] = {
        0.0,     -1.5,     999999999999999.9, -1e15,       DBL_MAX, -DBL_MAX,
        DBL_MIN, -DBL_MIN, (double)INFINITY,  -(double)NAN};
    char text[LL_NUMBER_TEXT];

    (void)state;
    assert_string_equal(ll_number_text(INT64_MIN, text), "-9223372036854775808");
    assert_string_equal(ll_number_text(44000, text), "44000");
    assert_string_equal(ll_number_grouped(INT64_MIN, text), "-9 223 372 036 854 775 808");
    assert_string_equal(ll_number_fixed(8.314, 2, text), "8.31");
    assert_string_equal(ll_number_fixed(-999999999999999.9, 9, text), "-999999999999999.875000000");
    assert_string_equal(ll_number_fixed(-1.5e300, 3, text), "-1.5e+300");
    assert_string_equal(ll_number_digits(8.314, 2, text), "8.3");
    assert_string_equal(ll_number_digits(-DBL_MAX, 17, text), "-1.7976931348623157e+308");
    assert_string_equal(ll_number_size(DBL_MAX, text), "1.79769313e+293 PB");
    for (size_t i = 0; i < sizeof k_values / sizeof k_values[0]; i++) {
        for (int decimals = 0; decimals <= 9; decimals++)
            assert_null(strstr(ll_number_fixed(k_values[i], decimals, text), "..."));
        for (int digits = 1; digits <= 17; digits++)
            assert_null(strstr(ll_number_digits(k_values[i], digits, text), "..."));
        assert_null(strstr(ll_number_size(k_values[i], text), "..."));
    }
}

static void times_are_those_of_the_contract(void **state)
{
    char text[LL_CLOCK_TEXT];
    int at[6] = {0}, length = 0;

    (void)state;
    ll_clock_utc(text);
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &at[0], &at[1], &at[2], &at[3],
                            &at[4], &at[5], &length),
                     6);
    assert_int_equal(length, 20);
    assert_int_equal(strlen(text), 20);
    assert_true(at[0] >= 2026 && at[1] >= 1 && at[1] <= 12 && at[2] >= 1 && at[2] <= 31);
}

static void bytes_are_digits(void **state)
{
    static const uint8_t k_bytes[] = {0x00, 0x9A, 0xFF, 0x0B};
    char text[9];

    (void)state;
    ll_digest_digits(k_bytes, sizeof k_bytes, text);
    assert_string_equal(text, "009aff0b");
}

/* Up to the longest a link may be. */
static void links_are_read_whole(void **state)
{
    static const size_t k_lengths[] = {1, 255, 256, 257, 511, 512, 4095};
    char path[] = "/tmp/unit_text-XXXXXX", target[4096], *link = NULL;
    ll_error err = LL_ERROR_INIT;

    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(ll_file_link(path, &link, &err), LL_ERR_IO); /* a folder */
    assert_null(link);
    assert_int_equal(rmdir(path), 0);
    for (size_t i = 0; i < sizeof k_lengths / sizeof k_lengths[0]; i++) {
        memset(target, 'y', k_lengths[i]);
        target[k_lengths[i]] = '\0';
        assert_int_equal(symlink(target, path), 0);
        assert_int_equal(ll_file_link(path, &link, NULL), LL_OK);
        assert_string_equal(link, target);
        free(link);
        assert_int_equal(unlink(path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_ends_in_dots),
        cmocka_unit_test(more_is_said_until_it_is_full),
        cmocka_unit_test(what_decides_is_whole_or_refused),
        cmocka_unit_test(what_has_room_is_whole),
        cmocka_unit_test(what_a_library_cut_is_marked),
        cmocka_unit_test(any_length_is_made_or_appended),
        cmocka_unit_test(errors_have_dots_where_they_are_cut),
        cmocka_unit_test(lines_of_a_log_end_in_dots),
        cmocka_unit_test(numbers_have_room),
        cmocka_unit_test(times_are_those_of_the_contract),
        cmocka_unit_test(bytes_are_digits),
        cmocka_unit_test(links_are_read_whole),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
