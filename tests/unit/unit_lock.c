/* tests/unit/unit_lock.c - one holder at a time, with the kernel's lock and without: who is refused
 * and by which line, and whose place is taken.
 *
 * flock and linkat are this program's own, so that a file system can be without locks or links. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "host/base/clock.h"
#include "host/base/digest.h"
#include "host/base/lock.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

enum { PATH = 128, TEXT = 1024, END = 23 }; /* END: the last line of a record, its digest */

static char folder[PATH], locked[PATH], holder[PATH];
static char said[TEXT];
static int flock_code, link_code; /* what they fail with; 0: they do not */
static bool link_answer_lost;     /* it links, and says there was such a name */

int flock(int fd, int operation)
{
    int (*real)(int, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "flock");
    if (flock_code == 0) return real(fd, operation);
    errno = flock_code;
    return -1;
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    int (*real)(int, const char *, int, const char *, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "linkat");
    const int result = link_code == 0 ? real(from_at, from, to_at, to, flags) : -1;
    if (link_code != 0) errno = link_code;
    if (!link_answer_lost || result != 0) return result;
    errno = EEXIST;
    return -1;
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/unit_lock.XXXXXX");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(locked, sizeof locked, "%.100s/lock", folder);
    snprintf(holder, sizeof holder, "%.100s/holder", folder);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    flock_code = link_code = 0;
    link_answer_lost = false;
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(locked);
    return rmdir(folder); /* and nothing else is left in it */
}

static void keep_line(void *to, const char *text)
{
    const size_t used = strlen(said);
    (void)to;
    snprintf(said + used, sizeof said - used, "%s\n", text);
}

static const ll_log k_log = {.line = keep_line};

typedef struct holding {
    int fd;
    ll_lock *lock;
} holding;

static ll_status acquire(holding *out, ll_error *err)
{
    out->fd = open(locked, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    const ll_lock_options options = {.fd = out->fd,
                                     .at = AT_FDCWD,
                                     .name = holder,
                                     .path = "WORK/holder",
                                     .what = "WORK",
                                     .busy = "INDEX: another run is writing it"};
    const ll_status status = ll_lock_acquire(&options, &k_log, &out->lock, err);
    if (status != LL_OK) close(out->fd);
    return status;
}

static void let_go(holding *it)
{
    ll_lock_release(it->lock);
    close(it->fd);
}

static void assert_refused(const char *want)
{
    ll_error err = LL_ERROR_INIT;
    holding it;

    assert_int_equal(acquire(&it, &err), LL_ERR_IO);
    assert_null(it.lock);
    if (strstr(err.text, want) == NULL) fail_msg("'%s' does not say '%s'", err.text, want);
    if (strstr(err.text, "...") != NULL) fail_msg("'%s' does not fit", err.text);
}

/* It is taken, `want` is said meanwhile ("": nothing), and nothing stays behind. */
static void assert_acquired(const char *want)
{
    ll_error err = LL_ERROR_INIT;
    holding it;

    said[0] = '\0';
    assert_ok(acquire(&it, &err));
    if (strstr(said, want) == NULL) fail_msg("'%s' was not said but '%s'", want, said);
    if (want[0] == '\0') assert_string_equal(said, "");
    assert_ok(ll_lock_check(it.lock, &err));
    assert_int_equal(access(holder, F_OK), 0);
    let_go(&it);
    assert_int_not_equal(access(holder, F_OK), 0);
}

static size_t read_holder(char text[TEXT])
{
    FILE *const file = fopen(holder, "rb");
    assert_non_null(file);
    const size_t got = fread(text, 1, TEXT - 1, file);
    text[got] = '\0';
    fclose(file);
    return got;
}

static void write_file(const char *path, const char *text, size_t size_bytes)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

static void write_holder(const char *text, size_t size_bytes)
{
    write_file(holder, text, size_bytes);
}

/* A record of a process that held the lock and was killed. `kernel`: with the kernel's lock. */
static size_t leave_record(char text[TEXT], bool kernel)
{
    holding it;
    int ended = 0;
    const int kept = flock_code;

    unlink(holder);
    flock_code = kernel ? 0 : ENOLCK;
    const pid_t child = fork();
    if (child == 0) {
        if (acquire(&it, NULL) != LL_OK) _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFSIGNALED(ended));
    flock_code = kept;
    return read_holder(text);
}

/* The same with what follows `line` and `other` on their lines changed, its digest right again. */
static void leave_changed(const char *line, const char *value, const char *other,
                          const char *other_value)
{
    const char *const changes[2][2] = {{line, value}, {other, other_value}};
    char text[TEXT], changed[TEXT];
    size_t size_bytes = leave_record(text, false);

    assert_true(size_bytes > END);
    text[size_bytes - END] = '\0';
    for (int i = 0; i < 2 && changes[i][0] != NULL; i++) {
        char *const at = strstr(text, changes[i][0]);
        assert_non_null(at);
        const char *const after = strchr(at + 1, '\n');
        const int before = (int)(at - text);
        snprintf(changed, sizeof changed, "%.*s%s%s%s", before, text, changes[i][0], changes[i][1],
                 after);
        snprintf(text, sizeof text, "%s", changed);
    }
    size_bytes = strlen(text);
    snprintf(text + size_bytes, sizeof text - size_bytes, "whole %016" PRIx64 "\n",
             ll_digest_block(text, size_bytes));
    write_holder(text, size_bytes + END);
}

/* ---- cases ----------------------------------------------------------------------------- */

static void with_the_kernels_lock(void **state)
{
    char text[TEXT], want[PATH];
    ll_error err = LL_ERROR_INIT;
    holding it;

    (void)state;
    assert_acquired("");
    assert_ok(acquire(&it, &err));
    read_holder(text);
    assert_non_null(strstr(text, "\nkernel yes\n"));
    snprintf(want, sizeof want, "INDEX: another run is writing it: process %ld on ",
             (long)getpid());
    assert_refused(want);
    assert_int_equal(unlink(holder), 0); /* it only tells */
    assert_refused("INDEX: another run is writing it");
    assert_ok(ll_lock_check(it.lock, &err));
    let_go(&it);
    leave_record(text, true); /* killed: as if nothing had been */
    assert_acquired("");
}

/* Somebody "clears the lock" of a run that goes on: the next is refused while that one can be seen
 * at work, and that one notices. */
static void the_kernels_lock_taken_away(void **state)
{
    char text[TEXT], want[PATH];
    ll_error err = LL_ERROR_INIT;
    holding it;

    (void)state;
    assert_ok(acquire(&it, &err));
    const size_t size_bytes = read_holder(text);
    assert_int_equal(unlink(locked), 0);
    snprintf(want, sizeof want, "INDEX: another run is writing it: process %ld on ",
             (long)getpid());
    assert_refused(want); /* though the kernel's lock of the new file is free */
    assert_int_equal(ll_lock_check(it.lock, &err), LL_ERR_IO);
    assert_string_equal(err.text, "WORK: was taken away; another may be at work");
    let_go(&it);

    err = (ll_error)LL_ERROR_INIT;
    assert_ok(acquire(&it, &err));
    write_holder(text, size_bytes); /* the record of another */
    assert_int_equal(ll_lock_check(it.lock, &err), LL_ERR_IO);
    assert_string_equal(err.text, "WORK/holder: was taken away; another may be at work");
    let_go(&it);
    assert_int_equal(unlink(holder), 0); /* not ours to remove */
}

static void without_it(void **state)
{
    /* 524 is EOPNOTSUPP to people: it has no text of its own. */
    static const int k_codes[] = {ENOLCK, ENOSYS, EOPNOTSUPP, 524};
    char want[PATH];
    ll_error err = LL_ERROR_INIT;
    holding it;

    (void)state;
    for (size_t i = 0; i < sizeof k_codes / sizeof k_codes[0]; i++) {
        flock_code = k_codes[i];
        said[0] = '\0';
        assert_ok(acquire(&it, &err));
        snprintf(want, sizeof want,
                 "WORK/holder: the file system has no locks (%s); this file keeps other runs "
                 "out\n",
                 strerror(k_codes[i] == 524 ? EOPNOTSUPP : k_codes[i]));
        assert_string_equal(said, want);
        snprintf(want, sizeof want, "INDEX: another run is writing it: process %ld on ",
                 (long)getpid());
        assert_refused(want);
        let_go(&it);
        assert_int_not_equal(access(holder, F_OK), 0);
    }
    flock_code = EIO;
    assert_refused("WORK: cannot lock it: Input/output error");
    assert_int_not_equal(access(holder, F_OK), 0);
}

static void killed_holders_are_followed(void **state)
{
    char text[TEXT], pid[32];

    (void)state;
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    flock_code = ENOLCK;
    leave_record(text, false);
    assert_acquired(" is gone; taking over\n");
    leave_record(text, true); /* it had the kernel's lock, which we cannot ask for */
    assert_acquired(" is gone; taking over\n");
    flock_code = 0;
    leave_record(text, false);
    assert_acquired(" is gone; taking over\n");
    flock_code = ENOLCK;
    leave_changed("\nprocess ", pid, "\nstart ", "1"); /* its number is given out again: to us */
    assert_acquired(" is gone; taking over\n");
}

static void strangers_are_left_alone(void **state)
{
    static const char k_boot[] = "0c0ffee0-0000-4000-8000-000000000000";
    char text[TEXT], kept[TEXT];

    (void)state;
    flock_code = ENOLCK;
    leave_changed("\nspace ", "pid:[1]", NULL, NULL); /* another container */
    assert_refused("WORK/holder: held by process ");
    leave_changed("\nhost ", "node9", "\nboot ", k_boot); /* another machine */
    read_holder(kept);
    assert_refused(" on node9 since 20");
    assert_refused(", which cannot be asked from here; if that run is gone, delete this file");
    flock_code = 0; /* nor does the kernel's lock tell of one who has none */
    assert_refused(" on node9 since 20");
    read_holder(text);
    assert_string_equal(text, kept);
    flock_code = ENOLCK;
    leave_changed("lookloom lock ", "2", NULL, NULL);
    assert_refused("WORK/holder: by another version of lookloom; if no run of it is left, delete "
                   "this file");
    unlink(holder);
    assert_acquired("no locks");
}

static void a_torn_record_is_nobodys(void **state)
{
    char text[TEXT], large[TEXT];
    const size_t size_bytes = leave_record(text, false);
    const char *const torn = "WORK/holder: no whole record, as after a power cut; taking over\n";

    (void)state;
    memset(large, 'x', sizeof large);
    for (int kernel = 0; kernel < 2; kernel++) {
        flock_code = kernel ? 0 : ENOLCK;
        write_holder("", 0);
        assert_acquired(torn);
        for (size_t cut = 1; cut < size_bytes; cut += 41) {
            write_holder(text, cut);
            assert_acquired(torn);
        }
        write_holder(large, sizeof large);
        assert_acquired(torn);
        text[size_bytes / 2] ^= 1;
        write_holder(text, size_bytes);
        assert_acquired(torn);
        text[size_bytes / 2] ^= 1;
    }
}

static void each_sees_the_other(void **state)
{
    ll_error err = LL_ERROR_INIT;
    holding it;

    (void)state;
    assert_ok(acquire(&it, &err)); /* with the kernel's lock */
    flock_code = ENOLCK;
    assert_refused("another run is writing it: process ");
    let_go(&it);
    assert_ok(acquire(&it, &err)); /* without */
    flock_code = 0;
    assert_refused("another run is writing it: process ");
    let_go(&it);
}

static void a_lock_that_was_taken_away(void **state)
{
    char text[TEXT], kept[TEXT];
    ll_error err = LL_ERROR_INIT;
    holding first, second;

    (void)state;
    flock_code = ENOLCK;
    assert_ok(acquire(&first, &err));
    unlink(holder);
    assert_int_equal(ll_lock_check(first.lock, &err), LL_ERR_IO);
    assert_string_equal(err.text, "WORK/holder: was taken away; another may be at work");
    err = (ll_error)LL_ERROR_INIT;
    assert_ok(acquire(&second, &err));
    assert_int_equal(ll_lock_check(first.lock, NULL), LL_ERR_IO);
    read_holder(text);
    let_go(&first); /* not the other's file */
    read_holder(kept);
    assert_string_equal(kept, text);
    let_go(&second);
}

/* A process killed in the very act of taking over leaves its claim beside the record. */
static void claims(void **state)
{
    char record[TEXT], other[TEXT], claim[2 * PATH];
    const double start_s = ll_clock_seconds();
    ll_error err = LL_ERROR_INIT;
    holding it;

    (void)state;
    flock_code = ENOLCK;
    const size_t other_bytes = leave_record(other, false);
    const size_t size_bytes = leave_record(record, false);
    snprintf(claim, sizeof claim, "%.120s.after.%016" PRIx64, holder,
             ll_digest_block(record, size_bytes));
    write_file(claim, other, other_bytes);
    assert_acquired(" is gone; taking over\n");
    assert_int_not_equal(access(claim, F_OK), 0);

    /* One who is just at it has a second for it; then there is something to say. */
    write_holder("", 0);
    assert_ok(acquire(&it, &err)); /* our own record, for a claim */
    assert_int_equal(rename(holder, claim), 0);
    write_holder(record, size_bytes);
    assert_refused("another run is writing it: process ");
    assert_true(ll_clock_seconds() - start_s > 0.9);
    assert_int_equal(unlink(claim), 0);
    let_go(&it);
    assert_acquired(" is gone; taking over\n");
}

static void links(void **state)
{
    char text[TEXT];
    ll_error err = LL_ERROR_INIT;
    holding it;

    (void)state;
    flock_code = ENOLCK;
    link_answer_lost = true;
    assert_ok(acquire(&it, &err));
    assert_refused("another run is writing it: process ");
    let_go(&it);
    leave_record(text, false);
    assert_acquired(" is gone; taking over\n"); /* its claim, too */
    link_answer_lost = false;

    link_code = EPERM; /* as on FAT */
    assert_refused("WORK/holder: Operation not permitted");
    flock_code = 0;
    assert_ok(acquire(&it, &err));
    assert_int_not_equal(access(holder, F_OK), 0);
    let_go(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(with_the_kernels_lock, begin),
        cmocka_unit_test_setup(the_kernels_lock_taken_away, begin),
        cmocka_unit_test_setup(without_it, begin),
        cmocka_unit_test_setup(killed_holders_are_followed, begin),
        cmocka_unit_test_setup(strangers_are_left_alone, begin),
        cmocka_unit_test_setup(a_torn_record_is_nobodys, begin),
        cmocka_unit_test_setup(each_sees_the_other, begin),
        cmocka_unit_test_setup(a_lock_that_was_taken_away, begin),
        cmocka_unit_test_setup(claims, begin),
        cmocka_unit_test_setup(links, begin),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
