/* host/extract/photo_source.c - see photo_source.h. */
#include "host/extract/photo_source.h"

#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a catalogue ------------------------------------------------------------------------- */

static const char *catalog_name(const void *of, int64_t row)
{
    return ll_catalog_image(of, row);
}

static const char *catalog_reject_reason(const void *of, int64_t row)
{
    return ll_catalog_reject_reason(of, row);
}

static ll_status catalog_path(const void *of, int64_t row, char **out, ll_error *err)
{
    return ll_catalog_path(of, row, out, err);
}

ll_photo_source ll_photo_source_of_catalog(const ll_catalog *catalog)
{
    return (ll_photo_source){.of = catalog,
                             .count = ll_catalog_rows(catalog),
                             .name = catalog_name,
                             .reject_reason = catalog_reject_reason,
                             .path = catalog_path};
}

/* ---- paths ------------------------------------------------------------------------------- */

static const char *paths_name(const void *of, int64_t row)
{
    const char *const *const paths = of;
    return paths[row];
}

static const char *paths_reject_reason(const void *of, int64_t row)
{
    const char *const path = paths_name(of, row);
    return ll_utf8_check(path, strlen(path)) != strlen(path) ? "the name is not UTF-8" : NULL;
}

static ll_status paths_path(const void *of, int64_t row, char **out, ll_error *err)
{
    const char *const path = paths_name(of, row);
    return ll_text_copy(path, strlen(path), out, err);
}

ll_photo_source ll_photo_source_of_paths(const char *const *paths, int64_t count)
{
    return (ll_photo_source){.of = paths,
                             .count = count,
                             .name = paths_name,
                             .reject_reason = paths_reject_reason,
                             .path = paths_path};
}

/* ---- one photo --------------------------------------------------------------------------- */

/* A file that cannot be opened is a reject; running out of descriptors is a failure of the run. */
static ll_status open_photo(const ll_photo_source *source, int64_t row, int *fd,
                            ll_image_facts *facts, ll_error *err)
{
    char *path = NULL;

    LL_TRY(source->path(source->of, row, &path, err));
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold the run up */
    const int cause = *fd < 0 ? errno : 0;
    free(path);
    if (cause == EMFILE || cause == ENFILE || cause == ENOMEM)
        return ll_fail(err, LL_ERR_IO, "%s: %s", source->name(source->of, row), strerror(cause));
    if (cause != 0) ll_text_say(facts->reason, sizeof facts->reason, "%s", strerror(cause));
    return LL_OK;
}

ll_status ll_photo_load(const ll_photo_source *source, const ll_image_options *image, int64_t row,
                        uint8_t *pixels, ll_image_facts *facts, ll_error *err)
{
    const char *const reason = source->reject_reason(source->of, row);
    int fd = -1;

    memset(facts, 0, sizeof *facts);
    if (reason != NULL) {
        ll_text_say(facts->reason, sizeof facts->reason, "%s", reason);
        return LL_OK;
    }
    LL_TRY(open_photo(source, row, &fd, facts, err));
    if (fd < 0) return LL_OK;
    const ll_status status = ll_image_load(fd, image, pixels, facts, err);
    close(fd);
    return status;
}
