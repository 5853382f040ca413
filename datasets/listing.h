/* datasets/listing.h - the catalogue of drawn garments: catalog.csv, RFC 4180, UTF-8. */
#ifndef LL_DATASETS_LISTING_H
#define LL_DATASETS_LISTING_H

#include "datasets/garment.h"
#include "host/base/status.h"

/* Which garments: what a run was asked for. */
typedef struct ll_drawing {
    int64_t count;
    int64_t seed;
    int side_min, side_max;
} ll_drawing;

enum { LL_LISTING_IMAGE = 40 };

/** The picture's path below the catalogue's folder, e.g. "images/DR-000002.jpg". */
void ll_listing_image(const ll_garment *garment, char out[LL_LISTING_IMAGE]);

/** Write `folder`/catalog.csv, whole or not at all. LL_ERR_IO, LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_listing_write(const char *folder, const ll_drawing *drawing,
                                        ll_error *err);

#endif
