/* host/image/decode_turbojpeg.h - the header of a JPEG, which both JPEG decoders want from
 * libjpeg-turbo; private to host/image. */
#ifndef LL_IMAGE_DECODE_TURBOJPEG_H
#define LL_IMAGE_DECODE_TURBOJPEG_H

#include "host/base/status.h"
#include "host/image/photo.h"

#include <stddef.h>

/** Check the header, declare the size, note the EXIF orientation. `*scan_start` is where the first
 *  scan's data begin. */
LL_NODISCARD ll_status ll_jpeg_read_header(ll_photo *photo, size_t *scan_start, ll_error *why);

/** More scans than this are a time bomb (38 kB can decode for a minute), not a photo. */
enum { LL_JPEG_MAX_SCANS = 500 };

#endif
