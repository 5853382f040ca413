/* bench/limit_disk.c - how fast a disk takes bytes in order; see limits.h. */
#include "bench/limits.h"
#include "host/base/clock.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

const char *ll_limit_folder(const char *path)
{
    if (path != NULL) return path;
    const char *const folder = getenv("TMPDIR");
    return folder != NULL && folder[0] != '\0' ? folder : "/tmp";
}

static ll_status write_all(int fd, const char *path, int64_t bytes, const uint8_t *piece,
                           ll_error *err)
{
    for (int64_t at = 0; at < bytes; at += PIECE_BYTES)
        LL_TRY(
            ll_file_pwrite(fd, piece, (size_t)ll_min_i64(PIECE_BYTES, bytes - at), at, path, err));
    if (fsync(fd) != 0) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    return LL_OK;
}

ll_status ll_limit_disk(const char *path, int64_t bytes, double *seconds, ll_error *err)
{
    ll_status status = LL_OK;
    uint8_t *piece = NULL;
    int fd = -1;

    LL_TRY_DONE(ll_alloc("a piece", 1, PIECE_BYTES, &piece, err));
    for (int i = 0; i < PIECE_BYTES; i++) /* nothing that a disk could leave out */
        piece[i] = (uint8_t)((unsigned)i * 2654435761u >> 13);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    const double start = ll_clock_seconds();
    status = write_all(fd, path, bytes, piece, err);
    *seconds = ll_clock_seconds() - start;
done:
    if (fd >= 0) close(fd);
    free(piece);
    return status;
}
