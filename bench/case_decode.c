/* bench/case_decode.c - photos a second from a file's bytes to 224 x 224 pixels: read, digest,
 * decode, resize, as a night does it, on all threads.
 *
 * JPEGs only, for that is what shops have and what the limit can be measured of. The files of a
 * given folder are in memory already (they are read once before); drawn ones are files in memory.
 */
#define _GNU_SOURCE /* memfd_create */
#include "bench/bench.h"
#include "bench/drawn_photo.h"
#include "bench/limits.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/catalog/catalog.h"
#include "host/image/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PHOTOS = 64, MAX_FILES = 512, LIMIT_ROUNDS = 3 };

struct photo {
    int fd;
    uint8_t *bytes;
    size_t size_bytes;
};

struct decode_case {
    ll_image_options options;
    int threads;
    int64_t count, capacity;
    struct photo *photos;
    uint8_t *pixels;   /* (threads, LL_IMAGE_BYTES) */
    double *pixels_in; /* (count) of each photo as it is */
};

/* ---- photos ----------------------------------------------------------------------------- */

static ll_status add_photo(struct decode_case *c, int fd, uint8_t *bytes, size_t size_bytes,
                           ll_error *err)
{
    const ll_status status =
        ll_grow("photos", &c->photos, &c->capacity, c->count + 1, sizeof *c->photos, err);

    if (status != LL_OK) {
        close(fd);
        free(bytes);
        return status;
    }
    c->photos[c->count++] = (struct photo){.fd = fd, .bytes = bytes, .size_bytes = size_bytes};
    return LL_OK;
}

static ll_status draw_photos(struct decode_case *c, int64_t count, ll_error *err)
{
    for (int64_t i = 0; i < count; i++) {
        uint8_t *bytes = NULL;
        size_t size_bytes = 0;
        LL_TRY(ll_drawn_photo(i, &bytes, &size_bytes, err));
        const int fd = memfd_create("photo", MFD_CLOEXEC);
        if (fd < 0) {
            free(bytes);
            return ll_fail(err, LL_ERR_IO, "a photo in memory: %s", strerror(errno));
        }
        LL_TRY(add_photo(c, fd, bytes, size_bytes, err));
        LL_TRY(ll_file_pwrite(fd, bytes, size_bytes, 0, "a photo in memory", err));
    }
    return LL_OK;
}

/* Files that are no usable JPEG are skipped without a message. */
static ll_status try_file(struct decode_case *c, const char *path, ll_error *err)
{
    ll_error ignored = LL_ERROR_INIT;
    ll_image_facts facts;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;

    if (ll_file_read(path, (size_t)c->options.max_bytes, &bytes, &size_bytes, &ignored) != LL_OK)
        return LL_OK;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool jpeg = size_bytes > 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
    if (fd < 0 || !jpeg || ll_image_load(fd, &c->options, c->pixels, &facts, &ignored) != LL_OK ||
        facts.reason[0] != '\0') {
        if (fd >= 0) close(fd);
        free(bytes);
        return LL_OK;
    }
    return add_photo(c, fd, bytes, size_bytes, err);
}

static ll_status find_photos(struct decode_case *c, const char *folder, int64_t most, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_catalog_options options = {.id_column = "id", .image_column = "image"};
    ll_catalog *catalog = NULL;

    LL_TRY(ll_catalog_open(folder, &options, &catalog, err));
    for (int64_t row = 0; row < ll_catalog_rows(catalog) && c->count < most; row++) {
        char *path = NULL;
        LL_TRY_DONE(ll_catalog_path(catalog, row, &path, err));
        status = try_file(c, path, err);
        free(path);
        if (status != LL_OK) goto done;
    }
    if (c->count == 0) status = ll_fail(err, LL_ERR_FORMAT, "%s: no usable JPEG", folder);
done:
    ll_catalog_close(catalog);
    return status;
}

/* ---- running ---------------------------------------------------------------------------- */

static ll_status decode_one(void *context, int64_t task, int thread, ll_error *err)
{
    struct decode_case *const c = context;
    ll_image_facts facts;

    LL_TRY(ll_image_load(c->photos[task].fd, &c->options, c->pixels + thread * LL_IMAGE_BYTES,
                         &facts, err));
    c->pixels_in[task] = (double)facts.width * facts.height;
    if (facts.reason[0] == '\0') return LL_OK;
    return ll_fail(err, LL_ERR_FORMAT, "bench decode: photo %lld: %s", (long long)task,
                   facts.reason);
}

static ll_status run(void *context, ll_error *err)
{
    struct decode_case *const c = context;
    return ll_parallel_run(c->threads, c->count, decode_one, c, err);
}

/* The first photo twice on one thread: the same pixels, and not all alike. */
static ll_status check(struct decode_case *c, ll_error *err)
{
    ll_status status = LL_OK;
    uint8_t *first = NULL;

    LL_TRY_DONE(ll_alloc("pixels", 1, LL_IMAGE_BYTES, &first, err));
    LL_TRY_DONE(decode_one(c, 0, 0, err));
    memcpy(first, c->pixels, LL_IMAGE_BYTES);
    memset(c->pixels, 0, LL_IMAGE_BYTES);
    LL_TRY_DONE(decode_one(c, 0, 0, err));
    if (memcmp(first, c->pixels, LL_IMAGE_BYTES) != 0 ||
        memcmp(first, first + 3, LL_IMAGE_BYTES - 3) == 0)
        status = ll_fail(err, LL_ERR_FORMAT, "bench decode: the pixels are not the photo's");
done:
    free(first);
    return status;
}

static ll_status measure_limit(const struct decode_case *c, ll_bench_result *result, ll_error *err)
{
    ll_status status = LL_OK;
    ll_limit_jpeg_file *files = NULL;
    double seconds = 0.0;

    LL_TRY(ll_alloc("photos", c->count, sizeof *files, &files, err));
    for (int64_t i = 0; i < c->count; i++)
        files[i] = (ll_limit_jpeg_file){c->photos[i].bytes, c->photos[i].size_bytes};
    LL_TRY_DONE(ll_limit_jpeg(files, c->count, c->threads, LIMIT_ROUNDS, &seconds, err));
    result->limit = (double)c->count / seconds;
    LL_TRY_DONE(ll_text_fit(result->limit_name, sizeof result->limit_name, err,
                            "libjpeg-turbo alone on %d threads, %.0f img/s", c->threads,
                            result->limit));
done:
    free(files);
    return status;
}

static ll_status prepare(struct decode_case *c, const ll_bench_options *options, ll_error *err)
{
    c->options = ll_image_options_default();
    LL_TRY(ll_alloc("pixels", c->threads, LL_IMAGE_BYTES, &c->pixels, err));
    if (options->path != NULL)
        LL_TRY(find_photos(c, options->path, options->items > 0 ? options->items : MAX_FILES, err));
    else
        LL_TRY(draw_photos(c, options->items > 0 ? options->items : PHOTOS, err));
    return ll_alloc("photos", c->count, sizeof *c->pixels_in, &c->pixels_in, err);
}

static void release(struct decode_case *c)
{
    for (int64_t i = 0; i < c->count; i++) {
        close(c->photos[i].fd);
        free(c->photos[i].bytes);
    }
    free(c->photos);
    free(c->pixels);
    free(c->pixels_in);
}

ll_status ll_bench_decode(const ll_bench_options *options, ll_bench_result *result, ll_error *err)
{
    ll_status status = LL_OK;
    const int threads = options->threads > 0 ? options->threads : ll_parallel_cores();
    struct decode_case c = {.threads = threads};
    double pixels = 0.0;

    *result = (ll_bench_result){.stage = "decode", .unit = "img", .threads = threads};
    LL_TRY_DONE(prepare(&c, options, err));
    LL_TRY_DONE(check(&c, err));
    LL_TRY_DONE(ll_bench_repeat(run, &c, options->seconds, result, err));
    result->count = (double)c.count;
    for (int64_t i = 0; i < c.count; i++)
        pixels += c.pixels_in[i] / 1e6;
    LL_TRY_DONE(ll_text_fit(result->work, sizeof result->work, err,
                            "%lld %s JPEGs of %.2f Mpx to 224 x 224", (long long)c.count,
                            options->path != NULL ? "given" : "drawn", pixels / result->count));
    LL_TRY_DONE(measure_limit(&c, result, err));
done:
    release(&c);
    return status;
}
