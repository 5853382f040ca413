/* host/base/file.c - see file.h. */
#include "host/base/file.h"
#include "host/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ll_status io_error(const char *name, ll_error *err)
{
    return ll_fail(err, LL_ERR_IO, "%s: %s", name, strerror(errno));
}

ll_status ll_file_read(const char *path, size_t max_bytes, uint8_t **out, size_t *size_bytes,
                       ll_error *err)
{
    ll_status status = LL_OK;
    struct stat info;

    *out = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block us */
    if (fd < 0) return io_error(path, err);
    if (fstat(fd, &info) != 0) {
        status = io_error(path, err);
        goto done;
    }
    if (!S_ISREG(info.st_mode)) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: not a regular file", path);
        goto done;
    }
    if ((uint64_t)info.st_size > max_bytes) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: %lld bytes, the limit is %zu", path,
                         (long long)info.st_size, max_bytes);
        goto done;
    }
    *out = malloc((size_t)info.st_size + 1);
    if (*out == NULL) {
        status = ll_fail(err, LL_ERR_MEMORY, "%s: no memory to read it", path);
        goto done;
    }
    LL_TRY_DONE(ll_file_pread(fd, *out, (size_t)info.st_size, 0, path, err));
    (*out)[info.st_size] = 0;
    *size_bytes = (size_t)info.st_size;
done:
    if (status != LL_OK) {
        free(*out);
        *out = NULL;
    }
    close(fd);
    return status;
}

ll_status ll_file_pread(int fd, void *data, size_t size_bytes, int64_t offset, const char *name,
                        ll_error *err)
{
    uint8_t *to = data;

    while (size_bytes > 0) {
        const ssize_t got = pread(fd, to, size_bytes, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_error(name, err);
        if (got == 0) return ll_fail(err, LL_ERR_IO, "%s: file ends too early", name);
        to += got;
        offset += got;
        size_bytes -= (size_t)got;
    }
    return LL_OK;
}

ll_status ll_file_pwrite(int fd, const void *data, size_t size_bytes, int64_t offset,
                         const char *name, ll_error *err)
{
    const uint8_t *from = data;

    while (size_bytes > 0) {
        const ssize_t put = pwrite(fd, from, size_bytes, offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return io_error(name, err);
        from += put;
        offset += put;
        size_bytes -= (size_t)put;
    }
    return LL_OK;
}

/* A link that fills the room may go on: asked again with twice as much. */
ll_status ll_file_link(const char *path, char **out, ll_error *err)
{
    char *text = NULL;
    int64_t capacity = 0;
    ssize_t length = 0;

    *out = NULL;
    do {
        const ll_status status = ll_grow("link", &text, &capacity, capacity + 256, 1, err);
        if (status != LL_OK) {
            free(text);
            return status;
        }
        length = readlink(path, text, (size_t)capacity);
    } while (length == capacity);
    if (length < 0) {
        const ll_status status = io_error(path, err);
        free(text);
        return status;
    }
    text[length] = '\0';
    *out = text;
    return LL_OK;
}

ll_status ll_file_sync(const char *path, ll_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_error(path, err);
    const int failed = fsync(fd) != 0;
    const int cause = errno;
    close(fd);
    errno = cause;
    return failed ? io_error(path, err) : LL_OK;
}

ll_status ll_file_publish(const char *path, const char *target, ll_error *err)
{
    ll_status status = LL_OK;
    char *folder = NULL;

    LL_TRY_DONE(ll_file_sync(path, err));
    LL_TRY_DONE(ll_file_folder(target, &folder, err));
    if (rename(path, target) != 0) {
        status = io_error(target, err);
        goto done;
    }
    LL_TRY_DONE(ll_file_sync(folder, err));
done:
    free(folder);
    return status;
}

ll_status ll_file_check_target(const char *path, ll_error *err)
{
    ll_status status = LL_OK;
    struct stat info;
    char *folder = NULL;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return ll_fail(err, LL_ERR_IO, "%s: is a folder", path);
    LL_TRY(ll_file_folder(path, &folder, err));
    if (access(folder, W_OK | X_OK) != 0) status = io_error(path, err);
    free(folder);
    return status;
}

ll_status ll_file_make_folder(const char *path, ll_error *err)
{
    ll_status status = LL_OK;
    char *copy = NULL;

    LL_TRY(ll_text_copy(path, strlen(path), &copy, err));
    for (char *at = copy + 1; status == LL_OK; at++) {
        if (*at != '/' && *at != '\0') continue;
        const char kept = *at;
        *at = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) status = io_error(copy, err);
        *at = kept;
        if (kept == '\0') break;
    }
    free(copy);
    return status;
}

ll_status ll_file_folder(const char *path, char **out, ll_error *err)
{
    const char *const slash = strrchr(path, '/');
    if (slash == NULL) return ll_text_copy(".", 1, out, err);
    return ll_text_copy(path, slash == path ? 1 : (size_t)(slash - path), out, err);
}
