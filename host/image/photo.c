/* host/image/photo.c - what every decoder does with the size a photo declares; see photo.h. */
#include "host/image/photo.h"

#include "host/base/number.h"

#include <inttypes.h>

enum { MEGA = 1000 * 1000 };

ll_status ll_photo_declare(ll_photo *photo, int64_t width, int64_t height, ll_error *why)
{
    const int64_t limit = photo->options->max_pixels;
    char text[LL_NUMBER_TEXT + sizeof " Mpx"];

    if (width <= 0 || height <= 0)
        return ll_fail(why, LL_ERR_FORMAT, "declares %" PRId64 " x %" PRId64 " pixels", width,
                       height);
    if (width <= INT32_MAX && height <= INT32_MAX && width * height <= limit) {
        photo->facts->width = (int32_t)width;
        photo->facts->height = (int32_t)height;
        return LL_OK;
    }
    ll_number_grouped(limit % MEGA == 0 ? limit / MEGA : limit, text);
    return ll_fail(why, LL_ERR_FORMAT,
                   "declares %" PRId64 " x %" PRId64 " pixels, the limit is %s%s", width, height,
                   text, limit % MEGA == 0 ? " Mpx" : "");
}
