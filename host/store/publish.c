/* host/store/publish.c - see publish.h.
 *
 * The work folder is locked by two files in it (host/base/lock.h): "lock" is what the kernel locks,
 * "holder" says who we are, and is the lock itself where the file system has none. */
#include "host/store/publish.h"
#include "host/base/file.h"
#include "host/base/lock.h"
#include "host/base/memory.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ll_work {
    char *folder, *holder_path, *busy; /* busy: what a second run is told */
    int folder_fd, lock_fd;
    ll_lock *lock;
};

static const char k_lock[] = "lock", k_holder[] = "holder";
enum { ATTEMPTS = 100 }; /* each is lost only to another run that ended in that instant */

static ll_status system_error(const char *path, ll_error *err)
{
    return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
}

static void release_lock(ll_work *work)
{
    ll_lock_release(work->lock);
    work->lock = NULL;
    if (work->lock_fd >= 0) close(work->lock_fd);
    if (work->folder_fd >= 0) close(work->folder_fd);
    work->lock_fd = work->folder_fd = -1;
}

/* Is the file we hold the lock of still the one others would find? The run before us may have
 * removed it between our open and our lock. */
static bool still_there(const ll_work *work)
{
    struct stat held, found, folder_held, folder_found;

    return fstat(work->lock_fd, &held) == 0 &&
           fstatat(work->folder_fd, k_lock, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == found.st_ino && held.st_dev == found.st_dev &&
           fstat(work->folder_fd, &folder_held) == 0 && lstat(work->folder, &folder_found) == 0 &&
           folder_held.st_ino == folder_found.st_ino && folder_held.st_dev == folder_found.st_dev;
}

/* One attempt; LL_OK without a lock: lost a race, try again. */
static ll_status try_lock(ll_work *work, const ll_log *log, ll_error *err)
{
    if (mkdir(work->folder, 0777) != 0 && errno != EEXIST) return system_error(work->folder, err);
    /* NOFOLLOW: a link to elsewhere would have us clear that place out on closing. */
    work->folder_fd = open(work->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (work->folder_fd < 0 && errno == ENOENT) return LL_OK;
    if (work->folder_fd < 0) return system_error(work->folder, err);
    work->lock_fd =
        openat(work->folder_fd, k_lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (work->lock_fd < 0 && errno != ENOENT) return system_error(work->folder, err);
    if (work->lock_fd >= 0) {
        const ll_lock_options options = {.fd = work->lock_fd,
                                         .at = work->folder_fd,
                                         .name = k_holder,
                                         .path = work->holder_path,
                                         .what = work->folder,
                                         .busy = work->busy};
        LL_TRY(ll_lock_acquire(&options, log, &work->lock, err));
    }
    if (work->lock == NULL || !still_there(work)) release_lock(work);
    return LL_OK;
}

static void free_work(ll_work *work)
{
    release_lock(work);
    free(work->folder);
    free(work->holder_path);
    free(work->busy);
    free(work);
}

ll_status ll_work_open(const char *index_path, const ll_log *log, ll_work **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_work *work = NULL;

    *out = NULL;
    LL_TRY(ll_alloc(index_path, 1, sizeof *work, &work, err));
    work->folder_fd = work->lock_fd = -1;
    LL_TRY_DONE(ll_text_format(&work->folder, err, "%s.work", index_path));
    LL_TRY_DONE(ll_text_format(&work->holder_path, err, "%s/%s", work->folder, k_holder));
    LL_TRY_DONE(ll_text_format(&work->busy, err, "%s: another run is writing it", index_path));
    for (int i = 0; i < ATTEMPTS && work->lock == NULL; i++)
        LL_TRY_DONE(try_lock(work, log, err));
    if (work->lock == NULL)
        status = ll_fail(err, LL_ERR_IO, "%s: other runs keep writing it", index_path);
done:
    if (status != LL_OK) {
        free_work(work);
        return status;
    }
    *out = work;
    return LL_OK;
}

static bool is_lock(const char *name)
{
    return strcmp(name, k_lock) == 0 || strcmp(name, k_holder) == 0;
}

ll_status ll_work_path(const ll_work *work, const char *name, char **out, ll_error *err)
{
    assert(strchr(name, '/') == NULL && !is_lock(name));
    return ll_text_format(out, err, "%s/%s", work->folder, name);
}

ll_status ll_work_check(const ll_work *work, ll_error *err)
{
    return ll_lock_check(work->lock, err);
}

/* What cannot be removed is left for the next run, which will overwrite it. */
static void remove_contents(const ll_work *work)
{
    const struct dirent *entry = NULL;
    const int fd = dup(work->folder_fd);
    DIR *const folder = fd >= 0 ? fdopendir(fd) : NULL;

    if (folder == NULL) {
        if (fd >= 0) close(fd);
        return;
    }
    rewinddir(folder);
    while ((entry = readdir(folder)) != NULL)
        if (!is_lock(entry->d_name)) (void)unlinkat(work->folder_fd, entry->d_name, 0);
    closedir(folder);
}

void ll_work_close(ll_work *work)
{
    if (work == NULL) return;
    if (ll_lock_check(work->lock, NULL) == LL_OK) {
        remove_contents(work);
        ll_lock_release(work->lock);
        work->lock = NULL;
        /* Last, and while the kernel's lock is still ours: see still_there(). */
        (void)unlinkat(work->folder_fd, k_lock, 0);
        (void)rmdir(work->folder);
    } /* else all that is in it is another's */
    free_work(work);
}

/* "x/INDEX.h5" -> "x/INDEX.previous.h5" */
static ll_status previous_name(const char *index_path, char **out, ll_error *err)
{
    const size_t length = strlen(index_path);
    const bool h5 =
        length > 3 && strcmp(index_path + length - 3, ".h5") == 0 && index_path[length - 4] != '/';
    return ll_text_format(out, err, "%.*s.previous%s", (int)(h5 ? length - 3 : length), index_path,
                          h5 ? ".h5" : "");
}

/* A second name for the index there is now. `spare` is a free name on the same disk. */
static ll_status keep_previous(const char *index_path, const char *spare, ll_error *err)
{
    ll_status status = LL_OK;
    char *previous = NULL;
    struct stat info;

    if (lstat(index_path, &info) != 0)
        return errno == ENOENT ? LL_OK : system_error(index_path, err);
    LL_TRY_DONE(previous_name(index_path, &previous, err));
    (void)unlink(spare); /* of a run that was killed here */
    if (link(index_path, spare) != 0 || rename(spare, previous) != 0)
        status = ll_fail(err, LL_ERR_IO, "%s: cannot keep the index as it: %s", previous,
                         strerror(errno));
    /* Two names of one file: rename(2) then does nothing, and the spare one stays. */
    (void)unlink(spare);
done:
    free(previous);
    return status;
}

ll_status ll_store_publish(const char *path, const char *index_path, ll_error *err)
{
    ll_status status = LL_OK;
    char *spare = NULL;

    /* The new file is safe before the previous one is given up. */
    LL_TRY(ll_file_sync(path, err));
    LL_TRY(ll_text_format(&spare, err, "%s.previous", path));
    LL_TRY_DONE(keep_previous(index_path, spare, err));
    LL_TRY_DONE(ll_file_publish(path, index_path, err));
done:
    free(spare);
    return status;
}
