/* tests/property/property_lock.c - a lock file and many who want it at once, on a file system
 * without locks: whoever dies with it in hand is followed, by one; never do two have it.
 *
 *   property_lock [SEED]   repeats a run, as far as the machine does
 *
 * flock is this program's own and fails; the system's, of another file, is the judge: it tells of
 * two at once, and a killed process cannot keep it. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "host/base/clock.h"
#include "host/base/lock.h"
#include "host/base/number.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 128 };

static char folder[PATH], locked[PATH], holder[PATH], inside_path[PATH];
static uint64_t seed = 20261127; /* one a test program */

static int flock_of_system(int fd, int operation)
{
    int (*real)(int, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "flock");
    return real(fd, operation);
}

int flock(int fd, int operation)
{
    (void)fd;
    (void)operation;
    errno = ENOLCK;
    return -1;
}

static ll_status acquire(int fd, ll_lock **out, ll_error *err)
{
    const ll_lock_options options = {.fd = fd,
                                     .at = AT_FDCWD,
                                     .name = holder,
                                     .path = holder,
                                     .what = locked,
                                     .busy = "another has it"};
    return ll_lock_acquire(&options, NULL, out, err);
}

static uint64_t draw(uint64_t limit)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed % limit;
}

static void sleep_us(uint64_t us)
{
    const struct timespec wait = {0, (long)(us * 1000)};
    nanosleep(&wait, NULL);
}

/* Takes and leaves the lock for so long, and may die with it in hand. Two at once would meet at the
 * kernel's lock of "inside". */
static void contend(uint64_t own_seed, double seconds)
{
    const double start_s = ll_clock_seconds();
    const int fd = open(locked, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    ll_lock *lock = NULL;

    seed = own_seed;
    const int inside = open(inside_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (ll_clock_seconds() - start_s < seconds) {
        if (acquire(fd, &lock, NULL) != LL_OK) continue;
        if (lock == NULL) _exit(4);
        if (flock_of_system(inside, LOCK_EX | LOCK_NB) != 0) _exit(2);
        sleep_us(draw(300));
        if (ll_lock_check(lock, NULL) != LL_OK) _exit(3);
        if (draw(4) == 0) kill(getpid(), SIGKILL);
        if (flock_of_system(inside, LOCK_UN) != 0) _exit(5);
        ll_lock_release(lock);
    }
    _exit(0);
}

/* What the killed left beside the lock: spare names and claims. */
static void remove_leftovers(void)
{
    char path[PATH + 256];
    const struct dirent *entry = NULL;
    DIR *const open_folder = opendir(folder);

    assert_non_null(open_folder);
    while ((entry = readdir(open_folder)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strncmp(entry->d_name, "holder.", 7) == 0) assert_int_equal(unlink(path), 0);
    }
    closedir(open_folder);
}

static void must_have_ended_well(pid_t child, uint64_t at)
{
    int ended = 0;

    assert_int_equal(waitpid(child, &ended, 0), child);
    if (WIFEXITED(ended) && WEXITSTATUS(ended) != 0)
        fail_msg("two had it at once, or one lost it (%d): property_lock %" PRIu64,
                 WEXITSTATUS(ended), at);
}

/* Six at a time try; a third of them dies at any instant, taking over included. */
static void of_many_one(void **state)
{
    enum { PROCESSES = 6, STARTS = 240 };
    pid_t running[PROCESSES] = {0};
    const uint64_t at = seed;

    (void)state;
    snprintf(folder, sizeof folder, "/tmp/property_lock.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(locked, sizeof locked, "%.100s/lock", folder);
    snprintf(holder, sizeof holder, "%.100s/holder", folder);
    snprintf(inside_path, sizeof inside_path, "%.100s/inside", folder);
    printf("repeat with: property_lock %" PRIu64 "\n", at);
    fflush(stdout);
    for (int n = 0; n < STARTS + PROCESSES; n++) {
        pid_t *const child = &running[n % PROCESSES];
        if (*child != 0 && draw(3) == 0) {
            sleep_us(draw(5000));
            kill(*child, SIGKILL);
        }
        if (*child != 0) must_have_ended_well(*child, at);
        if (n >= STARTS) continue;
        *child = fork();
        assert_true(*child >= 0);
        if (*child == 0) contend(at + (uint64_t)n * 7919 + 1, 0.02);
    }
    ll_error err = LL_ERROR_INIT;
    ll_lock *lock = NULL;
    const int fd = open(locked, O_RDWR | O_CLOEXEC);
    if (acquire(fd, &lock, &err) != LL_OK) fail_msg("the last one does not get it: %s", err.text);
    ll_lock_release(lock);
    close(fd);
    assert_int_not_equal(access(holder, F_OK), 0);
    remove_leftovers();
    unlink(inside_path);
    unlink(locked);
    assert_int_equal(rmdir(folder), 0);
}

int main(int argc, char **argv)
{
    int64_t given = 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_many_one)};

    if (argc > 1 && ll_number_int("seed", argv[1], 1, INT64_MAX, &given, NULL) == LL_OK)
        seed = (uint64_t)given;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
