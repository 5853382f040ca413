/* tests/unit/unit_publish.c - the work folder has one holder; publishing keeps the index before.
 * All of it twice, the second time on a file system without locks: flock is this program's own. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "host/base/file.h"
#include "host/store/publish.h"
#include "tests/test.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dlfcn.h>
#include <errno.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

enum { PATH = 128 };
static char folder[PATH]; /* one a test program */
static bool no_locks;

int flock(int fd, int operation)
{
    int (*real)(int, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "flock");
    if (!no_locks) return real(fd, operation);
    errno = ENOLCK;
    return -1;
}

static const char *in_folder(char path[PATH], const char *name)
{
    snprintf(path, PATH, "%.80s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/unit_publish.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int make_folder_without_locks(void **state)
{
    no_locks = true;
    return make_folder(state);
}

static int remove_folder(void **state)
{
    (void)state;
    no_locks = false;
    return rmdir(folder);
}

static void put(const char *path, const char *text)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void assert_holds(const char *path, const char *text)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;

    assert_ok(ll_file_read(path, 1000, &bytes, &size_bytes, &err));
    assert_string_equal((const char *)bytes, text);
    free(bytes);
}

static void publish_text(const char *index, const char *text)
{
    ll_error err = LL_ERROR_INIT;
    ll_work *work = NULL;
    char *path = NULL;

    assert_ok(ll_work_open(index, NULL, &work, &err));
    assert_ok(ll_work_path(work, "new.h5", &path, &err));
    put(path, text);
    assert_ok(ll_store_publish(path, index, &err));
    assert_int_not_equal(access(path, F_OK), 0);
    free(path);
    ll_work_close(work);
}

static void keeps_the_one_before(void **state)
{
    char index[PATH], previous[PATH], work[PATH];
    ll_error err = LL_ERROR_INIT;

    (void)state;
    in_folder(index, "shop.h5");
    in_folder(previous, "shop.previous.h5");
    in_folder(work, "shop.h5.work");
    publish_text(index, "monday");
    assert_holds(index, "monday");
    assert_int_not_equal(access(previous, F_OK), 0);
    publish_text(index, "tuesday");
    assert_holds(index, "tuesday");
    assert_holds(previous, "monday");
    publish_text(index, "wednesday");
    assert_holds(index, "wednesday");
    assert_holds(previous, "tuesday");
    assert_int_not_equal(access(work, F_OK), 0);

    /* A run killed after keeping the previous one: both names are one file. */
    assert_int_equal(unlink(previous), 0);
    assert_int_equal(link(index, previous), 0);
    publish_text(index, "thursday");
    assert_holds(index, "thursday");
    assert_holds(previous, "wednesday");

    /* Nothing to publish: the index stays. */
    assert_int_equal(ll_store_publish("/nowhere/new.h5", index, &err), LL_ERR_IO);
    assert_holds(index, "thursday");
    assert_holds(previous, "wednesday");
    unlink(index);
    unlink(previous);

    in_folder(index, "plain");
    in_folder(previous, "plain.previous");
    publish_text(index, "one");
    publish_text(index, "two");
    assert_holds(previous, "one");
    unlink(index);
    unlink(previous);
}

static void two_writers(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_work *first = NULL, *second = NULL;
    char index[PATH], holder[PATH];
    int ended = 0;

    (void)state;
    in_folder(index, "two.h5");
    assert_ok(ll_work_open(index, NULL, &first, &err));
    assert_int_equal(ll_work_open(index, NULL, &second, &err), LL_ERR_IO);
    assert_null(second);
    snprintf(holder, sizeof holder, "two.h5: another run is writing it: process %ld on ",
             (long)getpid());
    assert_non_null(strstr(err.text, holder));

    const pid_t child = fork(); /* and another process, too */
    if (child == 0) _exit(ll_work_open(index, NULL, &second, NULL) == LL_ERR_IO ? 0 : 1);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);

    ll_work_close(first);
    err = (ll_error)LL_ERROR_INIT;
    assert_ok(ll_work_open(index, NULL, &second, &err));
    ll_work_close(second);
}

/* A run that dies without a word leaves its folder to the next. */
static void takes_over(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_work *work = NULL;
    char index[PATH], left[PATH];
    char *path = NULL;
    int ended = 0;

    (void)state;
    in_folder(index, "over.h5");
    const pid_t child = fork();
    if (child == 0) {
        if (ll_work_open(index, NULL, &work, NULL) != LL_OK) _exit(1);
        put(in_folder(left, "over.h5.work/shard-0"), "features");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    assert_ok(ll_work_open(index, NULL, &work, &err));
    assert_ok(ll_work_path(work, "shard-0", &path, &err));
    assert_holds(path, "features");
    free(path);
    ll_work_close(work);
    assert_int_not_equal(access(in_folder(left, "over.h5.work"), F_OK), 0);
}

/* Somebody removes the file that says whose the folder is, and another run begins. */
static void a_folder_that_was_lost(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_work *first = NULL, *second = NULL;
    char index[PATH], file[PATH];

    (void)state;
    in_folder(index, "lost.h5");
    assert_ok(ll_work_open(index, NULL, &first, &err));
    assert_ok(ll_work_check(first, &err));
    assert_int_equal(unlink(in_folder(file, "lost.h5.work/holder")), 0);
    if (!no_locks) { /* the kernel knows all the same */
        assert_ok(ll_work_check(first, &err));
        assert_int_equal(ll_work_open(index, NULL, &second, &err), LL_ERR_IO);
        ll_work_close(first);
    } else {
        assert_ok(ll_work_open(index, NULL, &second, &err));
        put(in_folder(file, "lost.h5.work/shard-0"), "theirs");
        assert_int_equal(ll_work_check(first, &err), LL_ERR_IO);
        assert_non_null(strstr(err.text, "lost.h5.work/holder: was taken away"));
        ll_work_close(first);
        assert_holds(file, "theirs");
        assert_ok(ll_work_check(second, &err));
        ll_work_close(second);
    }
    assert_int_not_equal(access(in_folder(file, "lost.h5.work"), F_OK), 0);
}

/* A link in the folder's place leads to somebody else's files. */
static void refuses_links(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_work *work = NULL;
    char index[PATH], link_path[PATH], other[PATH], file[PATH];

    (void)state;
    in_folder(index, "link.h5");
    in_folder(link_path, "link.h5.work");
    in_folder(other, "other");
    in_folder(file, "other/theirs");
    assert_int_equal(mkdir(other, 0777), 0);
    put(file, "theirs");
    assert_int_equal(symlink(other, link_path), 0);
    assert_int_equal(ll_work_open(index, NULL, &work, &err), LL_ERR_IO);
    assert_holds(file, "theirs");
    unlink(file);
    unlink(link_path);
    rmdir(other);

    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_work_open("/nowhere/at/all.h5", NULL, &work, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "/nowhere/at/all.h5"));
    ll_work_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_one_before), cmocka_unit_test(two_writers),
        cmocka_unit_test(takes_over),           cmocka_unit_test(a_folder_that_was_lost),
        cmocka_unit_test(refuses_links),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder) +
           cmocka_run_group_tests(tests, make_folder_without_locks, remove_folder);
}
