/* host/report/report_thumbnail.h - one photo of the catalogue inside a page. Floor 4. */
#ifndef LL_REPORT_THUMBNAIL_H
#define LL_REPORT_THUMBNAIL_H

#include "host/base/status.h"
#include "host/report/report.h"

#include <stdint.h>

/** Write row's photo as an <img> that holds its own bytes, no side longer than `side` pixels, seen
 *  as the index saw it. A photo that is missing, broken or no longer the one that was indexed is
 *  drawn as an empty frame whose alternative text says why; that is no failure. `alt` describes the
 *  photo. LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_report_thumbnail(ll_report *report, int64_t row, const char *image,
                                           const char *alt, int side, ll_error *err);

#endif
