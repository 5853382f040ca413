/* host/store/reader_state.h - what an open index is made of. Private to host/store: the writer
 * finishes a file through it, generation and check read more than questions need. Floor 2. */
#ifndef LL_STORE_READER_STATE_H
#define LL_STORE_READER_STATE_H

#include "host/base/digest.h"
#include "host/h5/h5.h"
#include "host/store/layout.h"
#include "host/store/reader.h"

struct ll_reader {
    char *path;
    hid_t file;
    hid_t groups[LL_GROUPS]; /* those texts are read from; -1: none */
    ll_layout layout;

    const uint8_t *map; /* the whole file */
    size_t map_bytes;
    const void *arrays[LL_ARRAYS]; /* into the map, or a copy where the file misaligns them */
    void *copies[LL_ARRAYS];

    ll_store_provenance provenance; /* its texts are this reader's */
    char generation[LL_DIGEST_HEX];

    int columns;
    char **column_names;
    /* On demand, under ll_h5_lock. */
    hid_t image_dataset;
    hid_t *column_datasets;
    ll_h5_texts images;
    ll_h5_texts *column_texts;
    ll_h5_texts rejected[3];
    char *run;
};

/** Open a file that has its datasets but not yet its attributes; `layout` is known. */
LL_NODISCARD ll_status ll_reader_open_unfinished(const char *path, const ll_layout *layout,
                                                 ll_reader **out, ll_error *err);

/** Read a table's or a column's texts afresh; yours: ll_h5_texts_release. */
LL_NODISCARD ll_status ll_reader_read_text(ll_reader *reader, ll_text text, ll_h5_texts *out,
                                           ll_error *err);
LL_NODISCARD ll_status ll_reader_read_column(ll_reader *reader, int column, ll_h5_texts *out,
                                             ll_error *err);

#endif
