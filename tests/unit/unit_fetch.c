/* tests/unit/unit_fetch.c - a download against a server that does everything wrong in turn. The
 * server is tests/fetch_server.py on 127.0.0.1; without python3 the tests are skipped. flock is
 * this program's own, so that a file system can be without locks. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "host/base/digest.h"
#include "host/base/lock.h"
#include "tests/test.h"
#include "tests/weights_fixture.h"
#include "weights/fetch.h"

#include <signal.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 3000017, SKIPPED = 77 };

static int flock_code; /* what flock fails with; 0: it does not */
static pid_t server;
static int server_input = -1;
static int port;
static char folder[64], target[128], part[160];
static char md5[LL_MD5_HEX];
static char url[128];

int flock(int fd, int operation)
{
    int (*real)(int, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "flock");
    if (flock_code == 0) return real(fd, operation);
    errno = flock_code;
    return -1;
}

/* What the log heard. */
static int64_t first_done, last_done;
static char lines[2048];

static void record_line(void *to, const char *text)
{
    (void)to;
    const size_t length = strlen(lines);
    (void)snprintf(lines + length, sizeof lines - length, "%s\n", text);
}

static void record_progress(void *to, const char *stage, int64_t done, int64_t total)
{
    (void)to;
    assert_string_equal(stage, "fetch");
    assert_int_equal(total, SIZE);
    assert_true(done > 0 && done <= total);
    if (first_done == 0) first_done = done;
    last_done = done;
}

static const ll_log k_log = {.line = record_line, .progress = record_progress};

static uint8_t byte_at(int64_t i)
{
    return (uint8_t)((i * 7 + i / 1000) % 251);
}

/* A file of the first `count` right bytes. */
static void write_right(const char *path, int64_t count)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(fputc(byte_at(i), file), byte_at(i));
    assert_int_equal(fclose(file), 0);
}

static int64_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

static ll_weights_source source_at(const char *how)
{
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", port, how);
    return (ll_weights_source){"test", url, "test.h5", md5, SIZE, "a licence"};
}

static ll_status fetch(const char *how, long timeout_s, ll_error *err)
{
    const ll_weights_source source = source_at(how);
    *err = (ll_error)LL_ERROR_INIT;
    first_done = last_done = 0;
    lines[0] = '\0';
    return ll_weights_fetch(&source, target, timeout_s, &k_log, err);
}

static void fetch_well(const char *how)
{
    ll_error err;
    char got[LL_MD5_HEX];
    const ll_status status = fetch(how, 60, &err);
    if (status != LL_OK) print_error("%s: %s\n", how, err.text);
    assert_int_equal(status, LL_OK);
    assert_int_equal(ll_digest_file(target, NULL, got, NULL), LL_OK);
    assert_string_equal(got, md5);
    assert_int_equal(size_of(part), -1);
}

/* Fails so, with a line that says `word`; afterwards the part has `kept` bytes (-1: is not there).
 */
static void fetch_badly(const char *how, ll_status want, const char *word, int64_t kept)
{
    ll_error err;
    const ll_status status = fetch(how, 60, &err);
    if (status != want || strstr(err.text, word) == NULL)
        print_error("%s: %s, %s\n", how, ll_status_name(status), err.text);
    assert_int_equal(status, want);
    assert_non_null(strstr(err.text, word));
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(size_of(part), kept);
    assert_int_equal(size_of(target), -1);
}

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    (void)snprintf(target, sizeof target, "%s/test.h5", folder);
    (void)snprintf(part, sizeof part, "%s.part", target);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static void test_a_file_arrives_whole(void **state)
{
    (void)state;
    fetch_well("good");
    assert_int_equal(last_done, SIZE);
    assert_non_null(strstr(lines, "a licence"));
    ll_error err; /* a second time needs no server */
    assert_int_equal(fetch("missing", 60, &err), LL_OK);
    assert_non_null(strstr(lines, "already there"));
}

static void test_a_damaged_target_is_replaced(void **state)
{
    (void)state;
    write_right(target, SIZE - 1);
    fetch_well("good");
}

static void test_folders_are_made_and_redirects_followed(void **state)
{
    (void)state;
    char deep[160];
    const ll_weights_source source = source_at("moved");
    ll_error err = LL_ERROR_INIT;
    (void)snprintf(deep, sizeof deep, "%s/a/b/test.h5", folder);
    assert_int_equal(ll_weights_fetch(&source, deep, 60, NULL, &err), LL_OK);
    assert_int_equal(size_of(deep), SIZE);
    (void)snprintf(deep, sizeof deep, "%s/a/b", folder);
    fixture_remove(deep);
    (void)snprintf(deep, sizeof deep, "%s/a", folder);
    fixture_remove(deep);
}

static void test_a_broken_transfer_is_resumed(void **state)
{
    (void)state;
    fetch_badly("breaks", LL_ERR_IO, "1000000 of 3000017 bytes are kept", 1000000);
    fetch_badly("breaks", LL_ERR_IO, "2000000 of 3000017 bytes are kept", 2000000);
    assert_true(first_done > 1000000); /* the first million was not sent again */
    assert_non_null(strstr(lines, "resuming after 1.0 MB"));
    fetch_well("good");
    assert_true(first_done > 2000000);
}

static void test_a_whole_part_needs_no_server(void **state)
{
    (void)state;
    write_right(part, SIZE);
    fetch_well("missing");
}

static void test_a_server_without_ranges_starts_over(void **state)
{
    (void)state;
    write_right(part, 1234567);
    fetch_well("plain");
    assert_true(first_done < 1234567);
}

static void test_a_part_that_is_too_long_is_dropped(void **state)
{
    (void)state;
    write_right(part, SIZE + 5);
    fetch_well("good");
}

static void test_wrong_bytes_are_removed(void **state)
{
    (void)state;
    fetch_badly("wrong", LL_ERR_FORMAT, md5, -1);
    FILE *const file = fopen(part, "wb"); /* what someone else left there */
    assert_true(file != NULL && fputs("something else", file) >= 0 && fclose(file) == 0);
    fetch_badly("good", LL_ERR_FORMAT, md5, -1);
    fetch_well("good");
}

static void test_answers_that_are_not_the_file(void **state)
{
    (void)state;
    fetch_badly("missing", LL_ERR_IO, "404", 0);
    fetch_badly("html", LL_ERR_FORMAT, "a web page came instead", 0);
    fetch_badly("short", LL_ERR_FORMAT, "the server has 1000 bytes, test.h5 has 3000017", 0);
    fetch_badly("away", LL_ERR_IO, "0 of 3000017 bytes are kept", 0);
    fetch_badly("round", LL_ERR_IO, "redirects", 0);
    fetch_badly("endless", LL_ERR_FORMAT, "more bytes than test.h5 has", -1);
}

static void test_a_server_that_lies_about_ranges(void **state)
{
    (void)state;
    write_right(part, 1000);
    fetch_badly("lies", LL_ERR_IO, "another range than asked for", 1000);
    fetch_well("good");
}

static void test_an_early_end_is_no_success(void **state)
{
    (void)state;
    fetch_badly("early", LL_ERR_IO, "the transfer ended early", SIZE / 2);
    fetch_well("good");
}

static void test_the_time_is_bounded(void **state)
{
    (void)state;
    ll_error err;
    assert_int_equal(fetch("stalls", 1, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "timed out"));
    assert_in_range(size_of(part), 0, 100000);
}

static void test_no_network_is_one_line(void **state)
{
    (void)state;
    const int kept = port;
    write_right(part, 1000);
    port = 1; /* nobody listens there */
    fetch_badly("good", LL_ERR_IO, "1000 of 3000017 bytes are kept", 1000);
    port = kept;
    const ll_weights_source nowhere = {
        "test", "https://no-such-host.invalid/x", "test.h5", md5, SIZE, ""};
    ll_error err = LL_ERROR_INIT;
    assert_int_equal(ll_weights_fetch(&nowhere, target, 10, NULL, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "no-such-host.invalid"));
    const ll_weights_source local = {"test", "file:///etc/hostname", "test.h5", md5, SIZE, ""};
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_weights_fetch(&local, target, 10, NULL, &err), LL_ERR_IO);
    assert_int_equal(size_of(part), 1000);
}

static void test_two_downloads_do_not_mix(void **state)
{
    (void)state;
    write_right(part, 1000);
    const int fd = open(part, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    fetch_badly("good", LL_ERR_IO, "another download is filling it", 1000);
    assert_int_equal(close(fd), 0);
    fetch_well("good");
}

static void test_file_systems_without_locks(void **state)
{
    (void)state;
    char holder[sizeof part + 8], busy[256];
    ll_error err = LL_ERROR_INIT;
    ll_lock *lock = NULL;

    (void)snprintf(holder, sizeof holder, "%s.holder", part);
    write_right(part, 1000);
    const int fd = open(part, O_RDWR | O_CLOEXEC);
    flock_code = ENOLCK;
    const ll_lock_options options = {
        .fd = fd, .at = AT_FDCWD, .name = holder, .path = holder, .what = part, .busy = ""};
    assert_int_equal(ll_lock_acquire(&options, NULL, &lock, &err), LL_OK);
    (void)snprintf(busy, sizeof busy, "another download is filling it: process %ld on ",
                   (long)getpid());
    fetch_badly("good", LL_ERR_IO, busy, 1000);
    ll_lock_release(lock);
    assert_int_equal(close(fd), 0);
    fetch_well("good");
    assert_non_null(strstr(lines, "the file system has no locks (No locks available)"));
    assert_int_equal(size_of(holder), -1);
    assert_int_equal(unlink(target), 0);
    flock_code = EIO;
    fetch_badly("good", LL_ERR_IO, "test.h5.part: cannot lock it: Input/output error", 0);
    flock_code = 0;
}

static void test_the_known_sources(void **state)
{
    (void)state;
    static const char *const k_names[] = {"keras", "keras-notop"};
    for (int i = 0; i < 2; i++) {
        const ll_weights_source *const source = ll_weights_source_find(k_names[i]);
        assert_non_null(source);
        assert_string_equal(source->name, k_names[i]);
        assert_int_equal(strncmp(source->url, "https://", 8), 0);
        assert_int_equal(strlen(source->md5), 32);
        assert_true(source->size_bytes > 0);
        assert_non_null(strstr(source->license, "CC-BY 4.0"));
    }
    assert_string_equal(ll_weights_source_find("keras")->file, "keras.h5");
    assert_int_equal(ll_weights_source_find("keras")->size_bytes, 553467096);
    assert_null(ll_weights_source_find("torch"));
    assert_null(ll_weights_source_find(""));
}

/* ---- the server ------------------------------------------------------------------------ */

static void server_run(const int to[2], const int from[2])
{
    if (dup2(to[0], STDIN_FILENO) < 0 || dup2(from[1], STDOUT_FILENO) < 0) _exit(127);
    (void)close(to[1]);
    (void)close(from[0]);
    (void)execlp("python3", "python3", "tests/fetch_server.py", (char *)NULL);
    _exit(127);
}

/* Start it and read its port; false if there is no python3. */
static int server_start(void)
{
    int to[2], from[2];
    char text[16] = "";
    size_t length = 0;
    ssize_t got = 0;

    if (pipe(to) != 0 || pipe(from) != 0) return 0;
    server = fork();
    if (server < 0) return 0;
    if (server == 0) server_run(to, from);
    (void)close(to[0]);
    (void)close(from[1]);
    server_input = to[1];
    while (strchr(text, '\n') == NULL && length < sizeof text - 1) {
        got = read(from[0], text + length, sizeof text - 1 - length);
        if (got <= 0) break;
        length += (size_t)got;
    }
    (void)close(from[0]);
    if (length > 0) port = (int)strtol(text, NULL, 10);
    return port > 0;
}

/* It ends when its standard input does. */
static void server_stop(void)
{
    int status = 0;
    (void)close(server_input);
    (void)waitpid(server, &status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_target_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folders_are_made_and_redirects_followed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_broken_transfer_is_resumed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_whole_part_needs_no_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_server_without_ranges_starts_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_part_that_is_too_long_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_bytes_are_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_that_are_not_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_server_that_lies_about_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_early_end_is_no_success, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_time_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_network_is_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_downloads_do_not_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_systems_without_locks, setup, teardown),
        cmocka_unit_test(test_the_known_sources),
    };
    char whole[128];

    /* A proxy of this machine would not know our port. */
    if (setenv("no_proxy", "*", 1) != 0 || setenv("NO_PROXY", "*", 1) != 0) return 1;
    if (!server_start()) {
        puts("skipped: no python3 to serve tests/fetch_server.py");
        return SKIPPED;
    }
    fixture_folder(folder);
    (void)snprintf(whole, sizeof whole, "%s/whole", folder);
    write_right(whole, SIZE);
    const ll_status status = ll_digest_file(whole, NULL, md5, NULL);
    fixture_remove(folder);
    const int failed = status == LL_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    server_stop();
    return failed;
}
