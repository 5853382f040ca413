/* host/base/file.h - files that appear whole or not at all. Floor 0: weights and index are both
 * published this way: write a temporary name, fsync, rename, fsync the folder. */
#ifndef LL_BASE_FILE_H
#define LL_BASE_FILE_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** The whole file, yours to free(), a NUL after it. LL_ERR_IO; LL_ERR_FORMAT if it is larger than
 *  `max_bytes` or no regular file. */
LL_NODISCARD ll_status ll_file_read(const char *path, size_t max_bytes, uint8_t **out,
                                    size_t *size_bytes, ll_error *err);

/** pread / pwrite all of it, through interruptions and short counts; `name` is for the error. */
LL_NODISCARD ll_status ll_file_pread(int fd, void *data, size_t size_bytes, int64_t offset,
                                     const char *name, ll_error *err);
LL_NODISCARD ll_status ll_file_pwrite(int fd, const void *data, size_t size_bytes, int64_t offset,
                                      const char *name, ll_error *err);

/** What the symbolic link at `path` says, of any length, yours to free(). LL_ERR_IO. */
LL_NODISCARD ll_status ll_file_link(const char *path, char **out, ll_error *err);

/** fsync the file or folder at `path`. */
LL_NODISCARD ll_status ll_file_sync(const char *path, ll_error *err);

/** fsync the file at `path`, rename it to `target`, fsync the folder: after LL_OK the new file
 *  survives a power cut. On failure `target` is untouched. */
LL_NODISCARD ll_status ll_file_publish(const char *path, const char *target, ll_error *err);

/** Could ll_file_publish give a file this name, as far as one can see now? Asked before the work of
 *  making the file. LL_ERR_IO: the folder is missing or not ours to write in, a folder is in the
 *  way. */
LL_NODISCARD ll_status ll_file_check_target(const char *path, ll_error *err);

/** mkdir -p: `path` and its parents, mode 0777 less the umask. */
LL_NODISCARD ll_status ll_file_make_folder(const char *path, ll_error *err);

/** The folder part of `path` ("." if none), yours to free(). */
LL_NODISCARD ll_status ll_file_folder(const char *path, char **out, ll_error *err);

#endif
