/* host/store/store_size.h - computes the size of an index file before it is written, for the
 * forecast of a run. Numbers are exact, texts within a few percent. Floor 2; includes base, h5. */
#ifndef LL_STORE_SIZE_H
#define LL_STORE_SIZE_H

#include "host/base/status.h"
#include "host/store/schema.h"

#include <stdint.h>

/* The texts of a catalogue: ids once, every other text as often as there are rows. */
typedef struct ll_store_text_size {
    int64_t id_bytes;                 /* all ids end to end */
    int64_t other_texts, other_bytes; /* images and attributes: how many, and end to end */
} ll_store_text_size;

typedef struct ll_store_part {
    const char *name; /* path of a dataset, "texts" or "layout" */
    int64_t bytes;
} ll_store_part;

enum { LL_STORE_PARTS = LL_ARRAYS + 2 };

typedef struct ll_store_size {
    ll_store_part parts[LL_STORE_PARTS]; /* as of ll_array, then texts and layout */
    int count;
    int64_t bytes; /* all of them */
} ll_store_size;

/** LL_ERR_ARGUMENT if no file can have these extents. */
LL_NODISCARD ll_status ll_store_size_of(const ll_store_extents *extents,
                                        const ll_store_text_size *texts, ll_store_size *out,
                                        ll_error *err);

#endif
