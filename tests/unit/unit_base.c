/* tests/unit/unit_base.c - the floor everything stands on, at its edges. */
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/status.h"
#include "host/base/utf8.h"
#include "tests/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void first_failure_wins(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT;
    assert_int_equal(ll_fail(&err, LL_ERR_IO, "%s: %d", "first", 1), LL_ERR_IO);
    assert_int_equal(ll_fail(&err, LL_ERR_MEMORY, "second"), LL_ERR_MEMORY);
    assert_string_equal(err.text, "first: 1");
    assert_int_equal(err.code, LL_ERR_IO);
    ll_error line = LL_ERROR_INIT; /* a name may hold what breaks a line, or commands a terminal */
    assert_int_equal(ll_fail(&line, LL_ERR_IO, "new\nline\x1B[31m\x7F: \xC3\xA4"), LL_ERR_IO);
    assert_string_equal(line.text, "new?line?[31m?: \xC3\xA4");
    assert_int_equal(ll_fail(NULL, LL_ERR_FORMAT, "nobody listens"), LL_ERR_FORMAT);
}

static void sizes_do_not_overflow(void **state)
{
    (void)state;
    size_t bytes = 0;
    assert_int_equal(ll_size_mul(1000000, 4000000, &bytes, NULL), LL_OK);
    assert_true(bytes == 4000000000000u);
    assert_int_equal(ll_size_mul(INT64_MAX, 3, &bytes, NULL), LL_ERR_MEMORY);
    assert_int_equal(ll_size_mul(-1, 3, &bytes, NULL), LL_ERR_MEMORY);
    assert_int_equal(ll_ceil_div(513, 512), 2);
    assert_int_equal(ll_ceil_div(0, 512), 0);
}

static void numbers_are_whole_texts(void **state)
{
    (void)state;
    static const char *const k_bad[] = {"", " 5", "5 ", "5x", "0x5", "--5", "1e3", "1001", "-1"};
    int64_t whole = 0;
    double real = 0.0;

    assert_int_equal(ll_number_int("--top", "1000", 0, 1000, &whole, NULL), LL_OK);
    assert_int_equal(whole, 1000);
    for (size_t i = 0; i < sizeof k_bad / sizeof k_bad[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        assert_int_equal(ll_number_int("--top", k_bad[i], 0, 1000, &whole, &err), LL_ERR_ARGUMENT);
        assert_int_equal(strncmp(err.text, "--top: ", 7), 0);
    }
    assert_int_equal(ll_number_int("n", "99999999999999999999", 0, INT64_MAX, &whole, NULL),
                     LL_ERR_ARGUMENT);
    assert_int_equal(ll_number_real("--min-score", "0.8", 0, 1, &real, NULL), LL_OK);
    assert_true(real == 0.8);
    assert_int_equal(ll_number_real("--min-score", "nan", 0, 1, &real, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_number_real("--min-score", "0x1", 0, 1, &real, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_number_real("--min-score", "1.01", 0, 1, &real, NULL), LL_ERR_ARGUMENT);
}

static void byte_counts_have_suffixes(void **state)
{
    (void)state;
    int64_t bytes = 0;
    assert_int_equal(ll_number_bytes("--memory", "512M", 1, &bytes, NULL), LL_OK);
    assert_int_equal(bytes, 512LL << 20);
    assert_int_equal(ll_number_bytes("--memory", "3", 1, &bytes, NULL), LL_OK);
    assert_int_equal(bytes, 3);
    assert_int_equal(ll_number_bytes("--memory", "4Gb", 1, &bytes, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_number_bytes("--memory", "G", 1, &bytes, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_number_bytes("--memory", "9999999999T", 1, &bytes, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_number_bytes("--memory", "-4G", 1, &bytes, NULL), LL_ERR_ARGUMENT);
}

static void numbers_read_well(void **state)
{
    (void)state;
    char text[LL_NUMBER_TEXT];
    assert_string_equal(ll_number_grouped(0, text), "0");
    assert_string_equal(ll_number_grouped(999, text), "999");
    assert_string_equal(ll_number_grouped(44000, text), "44 000");
    assert_string_equal(ll_number_grouped(-1234567, text), "-1 234 567");
    assert_string_equal(ll_number_grouped(-123, text), "-123");
    assert_string_equal(ll_number_size(999, text), "999 B");
    assert_string_equal(ll_number_size(7744000000.0, text), "7.7 GB");
    assert_string_equal(ll_number_size(44e12, text), "44 TB");
}

static void utf8_is_told_from_what_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length, good;
    } k_cases[] = {
        {"", 0, 0},
        {"A7", 2, 2},
        {"\xC3\xA9t\xC3\xA9", 5, 5},
        {"\xF0\x9F\x91\x97", 4, 4},
        {"a\xC3", 2, 1},              /* cut off */
        {"\xC0\xAF", 2, 0},           /* overlong */
        {"\xE0\x80\x80", 3, 0},       /* overlong */
        {"\xED\xA0\x80", 3, 0},       /* surrogate */
        {"ab\xF4\x90\x80\x80", 6, 2}, /* beyond U+10FFFF */
        {"\x80", 1, 0},
        {"\xFF", 1, 0},
    };
    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++)
        assert_int_equal(ll_utf8_check(k_cases[i].text, k_cases[i].length), k_cases[i].good);
}

static void arrays_grow_and_keep_their_content(void **state)
{
    (void)state;
    int32_t *items = NULL;
    int64_t capacity = 0;
    for (int32_t i = 0; i < 1000; i++) {
        assert_int_equal(ll_grow("items", &items, &capacity, i + 1, sizeof *items, NULL), LL_OK);
        items[i] = i;
    }
    for (int32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    assert_int_equal(ll_grow("items", &items, &capacity, INT64_MAX, sizeof *items, NULL),
                     LL_ERR_MEMORY);
    assert_int_equal(items[999], 999);
    free(items);
}

struct tally {
    atomic_int seen[1000];
    int64_t fail_from;
};

static ll_status count(void *context, int64_t task, int thread, ll_error *err)
{
    struct tally *const tally = context;
    assert_in_range(thread, 0, 3);
    atomic_fetch_add(&tally->seen[task], 1);
    if (task >= tally->fail_from) return ll_fail(err, LL_ERR_IO, "task %lld", (long long)task);
    return LL_OK;
}

static void every_task_runs_once(void **state)
{
    (void)state;
    static struct tally tally;
    tally.fail_from = 1000;
    assert_int_equal(ll_parallel_run(4, 1000, count, &tally, NULL), LL_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tally.seen[i], 1);
    assert_int_equal(ll_parallel_run(4, 0, count, &tally, NULL), LL_OK);
}

static void the_lowest_failure_is_reported(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct tally *const tally = calloc(1, sizeof *tally);
        ll_error err = LL_ERROR_INIT;
        assert_non_null(tally);
        tally->fail_from = 7;
        assert_int_equal(ll_parallel_run(1 + round % 4, 1000, count, tally, &err), LL_ERR_IO);
        assert_string_equal(err.text, "task 7");
        free(tally);
    }
}

static void digests_are_the_published_ones(void **state)
{
    (void)state;
    char path[] = "/tmp/unit_base_XXXXXX";
    char sha256[LL_SHA256_HEX], md5[LL_MD5_HEX], whole[LL_DIGEST_HEX], parts[LL_DIGEST_HEX];
    ll_digest *digest = NULL;

    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ll_file_pwrite(fd, "abc", 3, 0, path, NULL), LL_OK);
    close(fd);
    assert_int_equal(ll_digest_file(path, sha256, md5, NULL), LL_OK);
    /* FIPS 180-4 and RFC 1321, appendix A.5 */
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
    unlink(path);

    assert_int_equal(ll_digest_create(&digest, NULL), LL_OK);
    ll_digest_update(digest, "abc", 3);
    ll_digest_hex(digest, whole);
    ll_digest_free(digest);
    assert_int_equal(ll_digest_create(&digest, NULL), LL_OK);
    ll_digest_update(digest, "a", 1);
    ll_digest_update(digest, "bc", 2);
    ll_digest_hex(digest, parts);
    ll_digest_free(digest);
    assert_string_equal(whole, parts);
    assert_string_equal(whole, "06b05ab6733a618578af5f94892f3950"); /* xxhsum -H128 */
}

static void files_appear_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/unit_base_XXXXXX";
    char deep[64], from[80], to[80];
    uint8_t *data = NULL;
    size_t size = 0;
    ll_error err = LL_ERROR_INIT;

    assert_non_null(mkdtemp(folder));
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    assert_int_equal(ll_file_make_folder(deep, NULL), LL_OK);
    assert_int_equal(ll_file_make_folder(deep, NULL), LL_OK);
    snprintf(from, sizeof from, "%s/new", deep);
    snprintf(to, sizeof to, "%s/old", deep);
    FILE *const file = fopen(from, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("12345", 1, 5, file), 5);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ll_file_publish(from, to, NULL), LL_OK);
    assert_int_equal(ll_file_read(to, 5, &data, &size, NULL), LL_OK);
    assert_int_equal(size, 5);
    assert_string_equal((char *)data, "12345");
    free(data);

    assert_int_equal(ll_file_read(to, 4, &data, &size, &err), LL_ERR_FORMAT);
    assert_null(data);
    assert_int_equal(ll_file_read(deep, 4, &data, &size, NULL), LL_ERR_FORMAT); /* a folder */
    assert_int_equal(ll_file_publish(from, to, NULL), LL_ERR_IO);               /* gone */
    assert_int_equal(unlink(to), 0);
    assert_int_equal(rmdir(deep), 0);
    snprintf(deep, sizeof deep, "%s/a", folder);
    assert_int_equal(rmdir(deep), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void the_cause_survives_a_long_path(void **state)
{
    char path[4096];
    ll_error err = LL_ERROR_INIT;
    (void)state;

    for (size_t length = 200; length < sizeof path; length += 1 + length / 7) {
        for (size_t i = 0; i < length; i++) /* two bytes a character: none may be halved */
            path[i] = (i ^ length) % 2 == 0 ? '\xC3' : '\xA9';
        path[0] = '/';
        path[length] = '\0';
        if (length % 2 == 0) path[1] = 'x';
        err = (ll_error)LL_ERROR_INIT;
        assert_int_equal(ll_fail(&err, LL_ERR_IO, "%s: %s", path, "No space"), LL_ERR_IO);
        assert_true(strlen(err.text) < sizeof err.text);
        assert_string_equal(err.text + strlen(err.text) - 10, ": No space");
        assert_int_equal(err.text[0], '/');
        assert_int_equal(ll_utf8_check(err.text, strlen(err.text)), strlen(err.text));
    }
    err = (ll_error)LL_ERROR_INIT;
    memset(path, 'p', 255);
    path[255] = '\0';
    (void)ll_fail(&err, LL_ERR_IO, "%s", path); /* just fits */
    assert_string_equal(err.text, path);
}

/* What half a minute of work, or a download, would be thrown away for. */
static void a_target_is_looked_at_first(void **state)
{
    (void)state;
    char folder[] = "/tmp/unit_base_XXXXXX";
    char path[80];
    ll_error err = LL_ERROR_INIT;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/new", folder);
    assert_int_equal(ll_file_check_target(path, NULL), LL_OK);
    assert_int_equal(ll_file_check_target("new", NULL), LL_OK); /* in this folder */
    assert_int_equal(ll_file_check_target(folder, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "is a folder"));
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(ll_file_check_target(path, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "No such file or directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failure_wins),
        cmocka_unit_test(sizes_do_not_overflow),
        cmocka_unit_test(numbers_are_whole_texts),
        cmocka_unit_test(byte_counts_have_suffixes),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(utf8_is_told_from_what_is_not),
        cmocka_unit_test(arrays_grow_and_keep_their_content),
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(the_lowest_failure_is_reported),
        cmocka_unit_test(digests_are_the_published_ones),
        cmocka_unit_test(files_appear_whole),
        cmocka_unit_test(the_cause_survives_a_long_path),
        cmocka_unit_test(a_target_is_looked_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
