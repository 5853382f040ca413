/* host/catalog/folder.h - the files below a folder, for shops that have photos and no CSV.
 * Private to host/catalog. Floor 1; includes base. */
#ifndef LL_CATALOG_FOLDER_H
#define LL_CATALOG_FOLDER_H

#include "host/base/status.h"

#include <stdint.h>

typedef struct ll_folder {
    char **names; /* paths relative to the folder, in byte order */
    int64_t count, capacity;
} ll_folder;

/** List every regular file below `path`. A symbolic link to a file counts as that file, and a link
 *  to nothing is listed too, so that whoever opens it can say what is wrong with it; a link to a
 *  folder is not entered, so nothing can loop. On failure the list is empty.
 *  @return LL_OK; LL_ERR_IO, also for one unreadable folder below; LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_folder_walk(const char *path, ll_folder *out, ll_error *err);
void ll_folder_release(ll_folder *folder);

#endif
