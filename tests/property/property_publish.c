/* tests/property/property_publish.c - kill the publisher at random instants: whoever opens the
 * index then finds the old one or the new one, whole.
 *
 *   property_publish [SEED]   repeats a run */
#include "host/base/number.h"
#include "host/store/publish.h"
#include "host/store/reader.h"
#include "tests/index_fixture.h"
#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 128, ROUNDS = 40, GENERATIONS = 2 };

static const ll_fixture_spec k_specs[GENERATIONS] = {
    {.items = 5, .features = 24, .neighbors = 3, .matrix = LL_MATRIX_FLOAT32, .seed = 1},
    {.items = 7,
     .features = 24,
     .neighbors = 3,
     .matrix = LL_MATRIX_UINT16,
     .columns = 2,
     .seed = 2},
};
static uint64_t seed = 20261123; /* one a test program */

static uint64_t draw(uint64_t limit)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed % limit;
}

/* Publishes one after the other for as long as it lives; a byte to `started` says it has begun. */
static void publish_forever(const char *index, int started)
{
    ll_work *work = NULL;
    char *path = NULL;

    if (ll_work_open(index, NULL, &work, NULL) != LL_OK ||
        ll_work_path(work, "new.h5", &path, NULL))
        _exit(1);
    if (write(started, "", 1) != 1) _exit(4);
    for (int i = 0;; i = (i + 1) % GENERATIONS) {
        if (ll_fixture_make(&k_specs[i], path, NULL) != LL_OK) _exit(2);
        if (ll_store_publish(path, index, NULL) != LL_OK) _exit(3);
    }
}

static void check(const char *path, char known[GENERATIONS][64], uint64_t at)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;

    if (ll_reader_open(path, &reader, &err) != LL_OK)
        fail_msg("%s after a kill (property_publish %llu): %s", path, (unsigned long long)at,
                 err.text);
    assert_true(strcmp(ll_reader_generation(reader), known[0]) == 0 ||
                strcmp(ll_reader_generation(reader), known[1]) == 0);
    ll_reader_close(reader);
}

static void learn(const char *path, const ll_fixture_spec *spec, char out[64])
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;

    assert_int_equal(ll_fixture_make(spec, path, &err), LL_OK);
    assert_int_equal(ll_reader_open(path, &reader, &err), LL_OK);
    snprintf(out, 64, "%s", ll_reader_generation(reader));
    ll_reader_close(reader);
    unlink(path);
}

static void killed_anywhere(void **state)
{
    char folder[] = "/tmp/property_publish.XXXXXX";
    char index[PATH], previous[PATH], known[GENERATIONS][64];
    const uint64_t at = seed;
    ll_work *work = NULL;

    (void)state;
    printf("repeat with: property_publish %llu\n", (unsigned long long)at);
    assert_non_null(mkdtemp(folder));
    snprintf(index, sizeof index, "%s/shop.h5", folder);
    snprintf(previous, sizeof previous, "%s/shop.previous.h5", folder);
    for (int i = 0; i < GENERATIONS; i++)
        learn(index, &k_specs[i], known[i]);
    assert_int_equal(ll_fixture_make(&k_specs[0], index, NULL), LL_OK); /* there is one always */
    for (int round = 0; round < ROUNDS; round++) {
        int ended = 0, ends[2];
        char byte = 0;
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        if (child == 0) publish_forever(index, ends[1]);
        close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        close(ends[0]);
        const struct timespec wait = {0, (long)draw(60000000)};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFSIGNALED(ended)); /* it did not give up by itself */
        check(index, known, at);
        if (access(previous, F_OK) == 0) check(previous, known, at);
    }
    /* The next run takes over what the last one left. */
    assert_int_equal(ll_work_open(index, NULL, &work, NULL), LL_OK);
    ll_work_close(work);
    unlink(index);
    unlink(previous);
    assert_int_equal(rmdir(folder), 0);
}

int main(int argc, char **argv)
{
    int64_t given = 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_anywhere)};

    if (argc > 1 && ll_number_int("seed", argv[1], 1, INT64_MAX, &given, NULL) == LL_OK)
        seed = (uint64_t)given;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
