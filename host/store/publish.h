/* host/store/publish.h - renames the finished file to its final name: at any moment the index is
 * the complete old file or the complete new one. Floor 2; includes base. */
#ifndef LL_STORE_PUBLISH_H
#define LL_STORE_PUBLISH_H

#include "host/base/log.h"
#include "host/base/status.h"

/** A work folder INDEX.h5.work/ beside the index, locked for this process. */
typedef struct ll_work ll_work;

/** Make (or take over) and lock `index_path`.work, on file systems without locks too
 *  (host/base/lock.h; `log` says so). LL_ERR_IO "... another run is writing it: process 4711 on
 *  node7" if a live process holds it. */
LL_NODISCARD ll_status ll_work_open(const char *index_path, const ll_log *log, ll_work **out,
                                    ll_error *err);

/** Is the folder still ours? To be asked before publishing: where the file system has no locks,
 *  people may remove the file that is one. LL_ERR_IO if they did. */
LL_NODISCARD ll_status ll_work_check(const ll_work *work, ll_error *err);

/** Path of a file in the work folder; yours to free(). */
LL_NODISCARD ll_status ll_work_path(const ll_work *work, const char *name, char **out,
                                    ll_error *err);

/** Unlock and remove the folder with what is left in it, if it is still ours; accepts NULL. */
void ll_work_close(ll_work *work);

/** fsync `path`, keep the index there now as INDEX.previous.h5 (a hard link), rename `path` onto
 *  `index_path`, fsync the folder. On failure the old index is untouched. */
LL_NODISCARD ll_status ll_store_publish(const char *path, const char *index_path, ll_error *err);

#endif
