/* datasets/picture_file.c - pictures as JPEG and PNG files; see picture.h. Encoded in memory first,
 * so that what can go wrong on the disk goes wrong in one place. */
#include "datasets/picture.h"
#include "host/base/file.h"
#include "host/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

/* cairo's pixels are native 32-bit words, blue lowest. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { PIXELS = TJPF_BGRX };
#else
enum { PIXELS = TJPF_XRGB };
#endif

static ll_status write_file(const char *path, const void *data, size_t size_bytes, ll_error *err)
{
    ll_status status = LL_OK;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    status = ll_file_pwrite(fd, data, size_bytes, 0, path, err);
    if (close(fd) != 0 && status == LL_OK)
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    return status;
}

static ll_status write_jpeg(cairo_surface_t *picture, const ll_garment *g, const char *path,
                            ll_error *err)
{
    ll_status status = LL_OK;
    unsigned char *jpeg = NULL;
    unsigned long size_bytes = 0;
    const int subsampling = g->quality >= 90 ? TJSAMP_444 : TJSAMP_420;
    const int flags = TJFLAG_ACCURATEDCT | (g->progressive ? TJFLAG_PROGRESSIVE : 0);
    const tjhandle handle = tjInitCompress();

    if (handle == NULL) {
        status = ll_fail(err, LL_ERR_MEMORY, "%s: turbojpeg: %s", path, tjGetErrorStr2(NULL));
        goto done;
    }
    if (tjCompress2(handle, cairo_image_surface_get_data(picture), g->width,
                    cairo_image_surface_get_stride(picture), g->height, PIXELS, &jpeg, &size_bytes,
                    subsampling, g->quality, flags) != 0) {
        status = ll_fail(err, LL_ERR_MEMORY, "%s: turbojpeg: %s", path, tjGetErrorStr2(handle));
        goto done;
    }
    LL_TRY_DONE(write_file(path, jpeg, size_bytes, err));
done:
    if (handle != NULL) tjDestroy(handle);
    tjFree(jpeg);
    return status;
}

struct png {
    unsigned char *data;
    int64_t size_bytes, capacity;
    ll_error *err;
};

static cairo_status_t collect_png(void *closure, const unsigned char *data, unsigned length)
{
    struct png *const png = closure;

    if (ll_grow("PNG", &png->data, &png->capacity, png->size_bytes + length, 1, png->err) != LL_OK)
        return CAIRO_STATUS_NO_MEMORY;
    memcpy(png->data + png->size_bytes, data, length);
    png->size_bytes += length;
    return CAIRO_STATUS_SUCCESS;
}

static ll_status write_png(cairo_surface_t *picture, const char *path, ll_error *err)
{
    ll_status status = LL_OK;
    struct png png = {.err = err};
    /* The same pixels without alpha: every decoder then reads the picture that was drawn. */
    cairo_surface_t *const opaque = cairo_image_surface_create_for_data(
        cairo_image_surface_get_data(picture), CAIRO_FORMAT_RGB24,
        cairo_image_surface_get_width(picture), cairo_image_surface_get_height(picture),
        cairo_image_surface_get_stride(picture));
    const cairo_status_t code = cairo_surface_write_to_png_stream(opaque, collect_png, &png);

    if (code != CAIRO_STATUS_SUCCESS) {
        status = ll_fail(err, LL_ERR_MEMORY, "%s: cairo: %s", path, cairo_status_to_string(code));
        goto done;
    }
    LL_TRY_DONE(write_file(path, png.data, (size_t)png.size_bytes, err));
done:
    cairo_surface_destroy(opaque);
    free(png.data);
    return status;
}

ll_status ll_picture_write(cairo_surface_t *picture, const ll_garment *garment, const char *path,
                           ll_error *err)
{
    return garment->png ? write_png(picture, path, err) : write_jpeg(picture, garment, path, err);
}
