/* host/base/lock.c - see lock.h.
 *
 * Only two calls decide anything, both atomic at the server of a network file system: link(2) of a
 * whole record to a name nobody has, and unlink(2) by somebody who alone may. Who that is, is
 * settled by a claim: a record R may be removed by its owner or, when that is gone, by whoever
 * holds the name "<lock>.after.<digest of R>" and then still finds R. Claims are put by link(2) as
 * well, and one whose process is gone is removed in the same way, by a claim to the claim. Renaming
 * R away instead would be shorter and wrong: a slow process would rename the record of a faster
 * one. */
#include "host/base/lock.h"
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/owner.h"
#include "host/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    RECORD = 512,       /* bytes of a record: the lines of its owner and a few more */
    PATH = 4096,        /* PATH_MAX */
    SUFFIX = 112,       /* of a claim to a claim to a claim, and a spare name for it */
    MAX_DEPTH = 3,      /* each is a process killed in the very act of taking over */
    ATTEMPTS = 200,     /* a claim is held for a few calls: */
    PAUSE_NS = 5000000, /* 1 s in all */
};
static const char k_head[] = "lookloom lock 1\n";
static const char k_end[] = "whole 0123456789abcdef\n"; /* the digest of all before it */
enum { HEAD = sizeof k_head - 1, END = sizeof k_end - 1 };

struct ll_lock {
    ll_lock_options options;
    ll_owner owner;
    char text[RECORD];
    size_t size_bytes;
    bool flocked;  /* the kernel's lock is ours, and the file only tells */
    bool has_file; /* the file is there */
};

/* What lies under a name. */
typedef struct record {
    enum { ABSENT, TORN, UNSUPPORTED, WHOLE } kind; /* UNSUPPORTED: whole, but of another version */
    char text[RECORD + 1];
    size_t size_bytes;
    ll_owner owner;
    bool flocked; /* its owner had the kernel's lock as well */
} record;

/* ---- records --------------------------------------------------------------------------- */

static void write_end(const char *text, size_t size_bytes, char end[END + 1])
{
    (void)ll_text_exact(end, END + 1, "whole %016" PRIx64 "\n", ll_digest_block(text, size_bytes));
}

/* `mark` tells two locks of one process apart. */
static void write_record(ll_lock *lock)
{
    char owner[LL_OWNER_TEXT];
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    ll_owner_write(&lock->owner, owner);
    (void)ll_text_exact(lock->text, sizeof lock->text, "%s%skernel %s\nmark %lld.%09ld\n", k_head,
                        owner, lock->flocked ? "yes" : "no", (long long)now.tv_sec, now.tv_nsec);
    lock->size_bytes = strlen(lock->text);
    write_end(lock->text, lock->size_bytes, lock->text + lock->size_bytes);
    lock->size_bytes += END;
}

static void read_record(record *found)
{
    char end[END + 1];
    const char *const text = found->text;

    found->kind = TORN;
    if (found->size_bytes < HEAD + END) return;
    write_end(text, found->size_bytes - END, end);
    if (memcmp(text + found->size_bytes - END, end, END) != 0) return;
    found->kind = UNSUPPORTED;
    if (strncmp(text, k_head, HEAD) != 0 || !ll_owner_read(text + HEAD, &found->owner)) return;
    found->flocked = strstr(text, "\nkernel yes\n") != NULL;
    found->kind = WHOLE;
}

/* ---- files ----------------------------------------------------------------------------- */

static ll_status system_error(const ll_lock *lock, const char *suffix, ll_error *err)
{
    return ll_fail(err, LL_ERR_IO, "%s%s: %s", lock->options.path, suffix, strerror(errno));
}

/* Has room: ll_lock_acquire looks at the length of the name. */
static void name_of(const ll_lock *lock, const char *suffix, char out[PATH])
{
    (void)ll_text_exact(out, PATH, "%s%s", lock->options.name, suffix);
}

static ll_status read_lock_file(const ll_lock *lock, const char *suffix, record *found,
                                ll_error *err)
{
    char name[PATH];
    ssize_t got = 1;

    memset(found, 0, sizeof *found);
    name_of(lock, suffix, name);
    /* On NFS, opening is what asks the server whether the name still means the same file. */
    const int fd = openat(lock->options.at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ESTALE)) return LL_OK;
    if (fd < 0) return system_error(lock, suffix, err);
    while (got > 0 && found->size_bytes < RECORD) {
        got = read(fd, found->text + found->size_bytes, RECORD - found->size_bytes);
        if (got > 0) found->size_bytes += (size_t)got;
        if (got < 0 && errno == EINTR) got = 1;
    }
    const int cause = errno;
    close(fd);
    errno = cause;
    if (got < 0 && errno == ESTALE) return LL_OK; /* removed since */
    if (got < 0) return system_error(lock, suffix, err);
    read_record(found);
    return LL_OK;
}

static bool is_text(const record *found, const char *text, size_t size_bytes)
{
    return found->kind != ABSENT && found->size_bytes == size_bytes &&
           memcmp(found->text, text, size_bytes) == 0;
}

static bool is_ours(const ll_lock *lock, const record *found)
{
    return is_text(found, lock->text, lock->size_bytes);
}

/* Our record under a spare name; an open file, or -1. */
static int write_spare(const ll_lock *lock, const char *name)
{
    (void)unlinkat(lock->options.at, name, 0); /* ours: the mark is in its name */
    const int fd = openat(lock->options.at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return -1;
    bool wrote = ll_file_pwrite(fd, lock->text, lock->size_bytes, 0, name, NULL) == LL_OK;
    if (wrote) wrote = fsync(fd) == 0; /* at the server before it has its name */
    if (wrote) return fd;
    const int cause = errno;
    close(fd);
    (void)unlinkat(lock->options.at, name, 0);
    errno = cause;
    return -1;
}

typedef enum link_result { LINKED, EXISTS, UNAVAILABLE } link_result;

/* Our record gets the name if nobody has it. link(2), not O_EXCL: the record is whole, and at the
 * server, before anybody can read it. Its answer may get lost on NFS; then the number of names of
 * the file tells (open(2), under O_EXCL). UNAVAILABLE: the folder is gone; or there is some other
 * trouble, but the kernel's lock is ours and enough: a full disk, or one without links, is no
 * reason to stop. */
static ll_status link_record(const ll_lock *lock, const char *suffix, link_result *out,
                             ll_error *err)
{
    char name[PATH], spare_suffix[SUFFIX], spare[PATH];
    struct stat info;

    *out = UNAVAILABLE;
    name_of(lock, suffix, name);
    (void)ll_text_exact(spare_suffix, sizeof spare_suffix, ".%016" PRIx64 ".new",
                        ll_digest_block(lock->text, lock->size_bytes));
    name_of(lock, spare_suffix, spare);
    const int fd = write_spare(lock, spare);
    if (fd < 0 && (lock->flocked || errno == ENOENT || errno == ESTALE)) return LL_OK;
    if (fd < 0) return system_error(lock, suffix, err);
    const bool linked = linkat(lock->options.at, spare, lock->options.at, name, 0) == 0;
    const int cause = errno;
    const bool counted = fstat(fd, &info) == 0 && info.st_nlink == 2;
    close(fd);
    (void)unlinkat(lock->options.at, spare, 0);
    errno = cause;
    if (linked || counted)
        *out = LINKED;
    else if (cause == EEXIST)
        *out = EXISTS;
    else if (!lock->flocked && cause != ENOENT && cause != ESTALE)
        return system_error(lock, suffix, err);
    return LL_OK;
}

/* ---- judging --------------------------------------------------------------------------- */

/* May this record be removed? LL_ERR_IO with the reason if not. */
static ll_status check_stale(const ll_lock *lock, const char *suffix, const record *found,
                             ll_error *err)
{
    const ll_owner *const owner = &found->owner;
    const char *const path = lock->options.path;

    if (found->kind == TORN) return LL_OK;
    if (found->kind == UNSUPPORTED)
        return ll_fail(err, LL_ERR_IO,
                       "%s%s: by another version of lookloom; if no run of it is left, delete this "
                       "file",
                       path, suffix);
    const ll_owner_state state = ll_owner_check(owner, &lock->owner);
    /* The owner had the kernel's lock, which is ours now, so it has ended, unless its process is
     * still running. */
    if (lock->flocked && found->flocked && suffix[0] == '\0' && state != LL_OWNER_ALIVE)
        return LL_OK;
    switch (state) {
    case LL_OWNER_DEAD: return LL_OK;
    case LL_OWNER_ALIVE:
        return ll_fail(err, LL_ERR_IO, "%s: process %" PRId64 " on %s", lock->options.busy,
                       owner->process, owner->host);
    case LL_OWNER_UNREACHABLE: break;
    }
    return ll_fail(err, LL_ERR_IO,
                   "%s%s: held by process %" PRId64 " on %s since %s, which cannot be asked from "
                   "here; if that run is gone, delete this file",
                   path, suffix, owner->process, owner->host, owner->since);
}

static void log_takeover(const ll_lock *lock, const record *found, const ll_log *log)
{
    const char *const path = lock->options.path;

    if (found->kind == TORN)
        ll_log_line(log, "%s: no whole record, as after a power cut; taking over", path);
    else if (ll_owner_check(&found->owner, &lock->owner) == LL_OWNER_UNREACHABLE)
        ll_log_line(log,
                    "%s: process %" PRId64 " on %s left it, and the file system's lock is free; "
                    "taking over",
                    path, found->owner.process, found->owner.host);
    else if (!lock->flocked || !found->flocked)
        ll_log_line(log, "%s: process %" PRId64 " on %s is gone; taking over", path,
                    found->owner.process, found->owner.host);
}

/* ---- taking ---------------------------------------------------------------------------- */

static void pause_before_retry(void)
{
    const struct timespec a_little = {0, PAUSE_NS};
    (void)nanosleep(&a_little, NULL);
}

/* Remove a record that was found stale. LL_OK: it is gone, or another process is removing it; look
 * again. `last`: do not wait for that process any longer but fail and name it. */
static ll_status remove_stale(const ll_lock *lock, const char *suffix, const record *stale,
                              int depth, bool last, const ll_log *log, ll_error *err)
{
    char claim[SUFFIX], name[PATH];
    link_result result;
    record found;

    (void)ll_text_exact(claim, sizeof claim, "%s.after.%016" PRIx64, suffix,
                        ll_digest_block(stale->text, stale->size_bytes));
    LL_TRY(link_record(lock, claim, &result, err));
    if (result == UNAVAILABLE) return LL_OK;
    if (result == EXISTS) {
        LL_TRY(read_lock_file(lock, claim, &found, err));
        if (found.kind == ABSENT) return LL_OK;
        const ll_status status = check_stale(lock, claim, &found, last ? err : NULL);
        if (status == LL_OK && depth < MAX_DEPTH)
            return remove_stale(lock, claim, &found, depth + 1, last, log, err);
        if (last) return status;
        pause_before_retry();
        return LL_OK;
    }
    ll_status status = read_lock_file(lock, suffix, &found, err);
    if (status == LL_OK && is_text(&found, stale->text, stale->size_bytes)) {
        name_of(lock, suffix, name);
        if (unlinkat(lock->options.at, name, 0) != 0 && errno != ENOENT)
            status = system_error(lock, suffix, err);
        else if (suffix[0] == '\0')
            log_takeover(lock, &found, log);
    }
    name_of(lock, claim, name);
    (void)unlinkat(lock->options.at, name, 0);
    return status;
}

/* The lock file; LL_OK without it where link_record() says UNAVAILABLE. */
static ll_status write_lock_file(ll_lock *lock, const ll_log *log, ll_error *err)
{
    link_result result;
    record found;

    for (int i = 1; i <= ATTEMPTS; i++) {
        LL_TRY(link_record(lock, "", &result, err));
        lock->has_file = result == LINKED;
        if (result != EXISTS) return LL_OK;
        LL_TRY(read_lock_file(lock, "", &found, err));
        if (found.kind == ABSENT) continue;
        LL_TRY(check_stale(lock, "", &found, err));
        LL_TRY(remove_stale(lock, "", &found, 0, i == ATTEMPTS, log, err));
    }
    return ll_fail(err, LL_ERR_IO, "%s: others keep taking it", lock->options.path);
}

/* 524 is ENOTSUPP, which the kernel keeps to itself and some file systems let out (Cray's DVS:
 * E3SM-Project/e3sm_diags issue 164). */
enum { KERNEL_ENOTSUPP = 524 };

static bool lacks_locks(int code)
{
    return code == ENOLCK || code == ENOSYS || code == EOPNOTSUPP || code == KERNEL_ENOTSUPP;
}

/* Somebody has the kernel's lock: who, if the file tells. */
static ll_status fail_busy(const ll_lock *lock, ll_error *err)
{
    record found;

    if (read_lock_file(lock, "", &found, NULL) == LL_OK && found.kind == WHOLE &&
        ll_owner_check(&found.owner, &lock->owner) != LL_OWNER_DEAD)
        return ll_fail(err, LL_ERR_IO, "%s: process %" PRId64 " on %s", lock->options.busy,
                       found.owner.process, found.owner.host);
    return ll_fail(err, LL_ERR_IO, "%s", lock->options.busy);
}

static ll_status acquire(ll_lock *lock, const ll_log *log, ll_error *err)
{
    int code = flock(lock->options.fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;

    if (code == EWOULDBLOCK) return fail_busy(lock, err);
    if (code != 0 && !lacks_locks(code))
        return ll_fail(err, LL_ERR_IO, "%s: cannot lock it: %s", lock->options.what,
                       strerror(code));
    lock->flocked = code == 0;
    write_record(lock);
    LL_TRY(write_lock_file(lock, log, err));
    if (code == KERNEL_ENOTSUPP) code = EOPNOTSUPP; /* which has a text */
    if (!lock->flocked && lock->has_file)
        ll_log_line_once(log,
                         "%s: the file system has no locks (%s); this file keeps other runs out",
                         lock->options.path, strerror(code));
    return LL_OK;
}

ll_status ll_lock_acquire(const ll_lock_options *options, const ll_log *log, ll_lock **out,
                          ll_error *err)
{
    ll_lock *lock = NULL;

    *out = NULL;
    if (strlen(options->name) + SUFFIX > PATH)
        return ll_fail(err, LL_ERR_IO, "%s: %s", options->path, strerror(ENAMETOOLONG));
    LL_TRY(ll_alloc(options->path, 1, sizeof *lock, &lock, err));
    lock->options = *options;
    ll_owner_self(&lock->owner);
    const ll_status status = acquire(lock, log, err);
    if (status == LL_OK && (lock->flocked || lock->has_file))
        *out = lock;
    else
        free(lock);
    return status;
}

ll_status ll_lock_check(const ll_lock *lock, ll_error *err)
{
    record found;
    struct stat info;

    if (lock->flocked && fstat(lock->options.fd, &info) == 0 && info.st_nlink == 0)
        return ll_fail(err, LL_ERR_IO, "%s: was taken away; another may be at work",
                       lock->options.what);
    if (lock->flocked && !lock->has_file) return LL_OK;
    LL_TRY(read_lock_file(lock, "", &found, err));
    if (is_ours(lock, &found)) return LL_OK;
    if (lock->flocked && found.kind == ABSENT)
        return LL_OK; /* people may; the kernel's lock holds */
    return ll_fail(err, LL_ERR_IO, "%s: was taken away; another may be at work",
                   lock->options.path);
}

void ll_lock_release(ll_lock *lock)
{
    record found;

    if (lock == NULL) return;
    if (lock->has_file && read_lock_file(lock, "", &found, NULL) == LL_OK && is_ours(lock, &found))
        (void)unlinkat(lock->options.at, lock->options.name, 0);
    free(lock);
}
