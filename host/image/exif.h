/* host/image/exif.h - which way up a photo is; private to host/image. */
#ifndef LL_IMAGE_EXIF_H
#define LL_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/** The orientation, 1 .. 8, in a block of EXIF data: a TIFF header and its first directory, with or
 *  without "Exif\0\0" before it. 1 if there is none or the block is damaged; never reads outside
 *  `size_bytes`, and its time is bounded by them. */
int ll_exif_orientation(const uint8_t *block, size_t size_bytes);

#endif
