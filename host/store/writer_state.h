/* host/store/writer_state.h - what a file being written is made of. Private to host/store: the
 * layout is made in writer_layout.c, filled in writer.c, copied small in web_copy.c. Floor 2. */
#ifndef LL_STORE_WRITER_STATE_H
#define LL_STORE_WRITER_STATE_H

#include "host/store/index_layout.h"
#include "host/store/writer.h"

#include <stdint.h>

struct ll_writer {
    char *path;
    int fd; /* ours; HDF5's is closed while numbers are written */
    bool created, finished;
    uint8_t *map; /* the whole file, to write segments of the matrix into; NULL: by pwrite */
    size_t map_bytes;
    ll_layout layout;
    int64_t offsets[LL_ARRAYS]; /* of each dataset's first byte */
    int columns;
    char **column_names;
};

/** ll_writer_create with the choice of a web copy; layout->id_bytes is found out here. */
LL_NODISCARD ll_status ll_writer_create_layout(const char *path, const ll_layout *layout,
                                               const ll_store_items *items, ll_writer **out,
                                               ll_error *err);

/** ll_writer_finish with a generation that is another file's (a web copy), or NULL. */
LL_NODISCARD ll_status ll_writer_finish_as(ll_writer *writer, const char *generation,
                                           const ll_store_provenance *provenance,
                                           const char *run_json, const ll_log *log, ll_error *err);

#endif
