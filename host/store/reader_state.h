/* host/store/reader_state.h - what an open index is made of. Private to host/store: the writer
 * finishes a file through it, generation and check read more than questions need. Floor 2. */
#ifndef LL_STORE_READER_STATE_H
#define LL_STORE_READER_STATE_H

#include "host/base/digest.h"
#include "host/h5/h5.h"
#include "host/store/index_layout.h"
#include "host/store/reader.h"

#include <pthread.h>

struct ll_reader {
    char *path;
    hid_t file; /* open to the end for check.c, which reads checksums off the datasets */
    hid_t groups[LL_GROUPS];
    ll_layout layout;

    ll_h5_map map;
    const void *arrays[LL_ARRAYS]; /* into the map, or a copy where the file misaligns them */
    void *copies[LL_ARRAYS];
    ll_h5_text_array texts[LL_TEXTS];
    int columns;
    char **column_names;
    ll_h5_text_array *column_texts; /* (columns) */
    ll_h5_text_array run_text;

    ll_store_provenance provenance; /* its texts are this reader's */
    char generation[LL_DIGEST_HEX];

    /* Whole columns as C strings, made on demand. */
    pthread_mutex_t mutex;
    ll_h5_texts kept[LL_TEXTS];
    ll_h5_texts *kept_columns; /* (columns) */
    ll_h5_texts kept_run;
};

/** Open a file that has its datasets but not yet its attributes; `layout` is known. */
LL_NODISCARD ll_status ll_reader_open_unfinished(const char *path, const ll_layout *layout,
                                                 ll_reader **out, ll_error *err);

/** A table's or a column's texts afresh; yours: ll_h5_texts_release. */
LL_NODISCARD ll_status ll_reader_read_text(const ll_reader *reader, ll_text text, ll_h5_texts *out,
                                           ll_error *err);
LL_NODISCARD ll_status ll_reader_read_column(const ll_reader *reader, int column, ll_h5_texts *out,
                                             ll_error *err);

#endif
