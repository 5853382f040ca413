/* host/image/decode_stb.h - the only user of stb_image; private to host/image. */
#ifndef LL_IMAGE_DECODE_STB_H
#define LL_IMAGE_DECODE_STB_H

#include "host/base/status.h"
#include "host/image/raster.h"

#include <stddef.h>
#include <stdint.h>

/** Decode a JPEG, PNG or BMP whose size has been checked against the limits.
 *
 * @param what      "PNG": begins the reason
 * @param channels  1 to 4 channels are made; 0: as many as the file has
 * @param raster    its `alpha` is true if the file has an opacity and it was kept
 * @return LL_ERR_FORMAT with stb's reason; LL_ERR_MEMORY */
LL_NODISCARD ll_status ll_stb_decode(const uint8_t *bytes, size_t size_bytes, const char *what,
                                     int channels, ll_raster *raster, ll_error *why);

#endif
