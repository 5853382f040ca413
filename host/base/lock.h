/* host/base/lock.h - one holder at a time of a file or a folder, on any file system. Floor 0.
 *
 * The kernel's lock (flock) where there is one: it ends with its holder, however that ends. Where
 * the file system has none (NFS without its lock service, Lustre without -o flock, and the like:
 * ENOLCK, ENOSYS, EOPNOTSUPP, 524) a lock file does instead, which names its holder: host, boot,
 * process. A holder of the kernel's lock writes that file too, so that machines without kernel
 * locks see it, and so that the error of a refused process can name the holder.
 *
 * What is promised of the lock file:
 * - It has its name whole or not at all (written under another name, then link(2)).
 * - A lock file whose process has ended is taken over by exactly one of the processes that try; so
 *   is one that is no complete record (after a power cut). The log says so.
 * - For a lock file of another machine or container that cannot be known: the lock is refused, and
 *   the error says who holds it and which file to delete if that run has ended.
 * - A successful flock is trusted. Mounts that say so without asking the server (Lustre's -o
 *   localflock, NFS's local_lock=flock) protect from runs of the same machine only; a holder
 *   elsewhere is then replaced with a line that names it.
 * - It is removed by ll_lock_release. No signal is caught: what a killed process leaves is taken
 *   over by the next. */
#ifndef LL_BASE_LOCK_H
#define LL_BASE_LOCK_H

#include "host/base/log.h"
#include "host/base/status.h"

typedef struct ll_lock ll_lock;

/* Texts are borrowed, and folder and file stay open, until release. */
typedef struct ll_lock_options {
    int fd;           /* an open file to flock */
    int at;           /* folder that `name` starts from, or AT_FDCWD */
    const char *name; /* of the lock file */
    const char *path; /* the same for people: "shop.h5.work/holder" */
    const char *what; /* what `fd` is, for people: "shop.h5.work" */
    const char *busy; /* "shop.h5: another run is writing it" */
} ll_lock_options;

/** Take the lock, or fail at once if another holds it.
 * @return LL_OK; LL_ERR_IO "<busy>: process 4711 on node7" if it is held; LL_ERR_IO if that cannot
 * be known, or with what the system says. LL_OK with `*out` NULL: the folder was removed meanwhile,
 * by a holder that was done. */
LL_NODISCARD ll_status ll_lock_acquire(const ll_lock_options *options, const ll_log *log,
                                       ll_lock **out, ll_error *err);

/** Is the lock still ours? LL_ERR_IO if the lock file is the only lock and somebody removed it or
 *  replaced its record. */
LL_NODISCARD ll_status ll_lock_check(const ll_lock *lock, ll_error *err);

/** Remove the lock file, if it is still ours. The kernel's lock lasts until `fd` is closed. Accepts
 *  NULL. */
void ll_lock_release(ll_lock *lock);

#endif
