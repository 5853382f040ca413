/* host/image/png_exif.h - which way up a PNG is: its eXIf chunk, or the "Raw profile type exif"
 * text in which ImageMagick keeps EXIF; private to host/image. */
#ifndef LL_IMAGE_PNG_EXIF_H
#define LL_IMAGE_PNG_EXIF_H

#include "host/base/status.h"
#include "host/image/png_check.h"

/** 1 .. 8 into `*orientation`; 1 if nothing is said or what is said is damaged. LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_png_orientation(const ll_png *png, int *orientation, ll_error *err);

#endif
