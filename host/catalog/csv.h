/* host/catalog/csv.h - the rows of a CSV file, one at a time (RFC 4180, through libcsv).
 *
 * What arrives is checked: valid UTF-8 without NUL, quotes closed, as many fields as the header
 * has. Spaces belong to a field; blank lines are skipped; lines end with LF, CRLF or CR; a byte
 * order mark is dropped. Private to host/catalog. Floor 1; includes base. */
#ifndef LL_CATALOG_CSV_H
#define LL_CATALOG_CSV_H

#include "host/base/status.h"

#include <stdint.h>

enum {
    LL_CSV_MAX_COLUMNS = 2048,
    LL_CSV_MAX_FIELD = 1 << 20, /* bytes; beyond it somebody forgot a closing quote */
};

/* Borrowed until the sink returns. */
typedef struct ll_csv_row {
    int64_t line;              /* of the file, from 1, on which the row begins */
    int count;                 /* of fields; the same for every row of a file */
    const char *const *fields; /* NUL-terminated */
} ll_csv_row;

/* Both may end the reading by returning anything but LL_OK. */
typedef struct ll_csv_sink {
    ll_status (*header)(void *to, const ll_csv_row *row, ll_error *err);
    ll_status (*row)(void *to, const ll_csv_row *row, ll_error *err);
    void *to;
} ll_csv_sink;

/** Read the file at `path` into `sink`. An empty file never calls it.
 * @param delimiter  ',' ';' or '\t'; 0: the one that is most frequent in the header, outside quotes
 * @return LL_OK; LL_ERR_IO; LL_ERR_FORMAT with "FILE:LINE: column COLUMN: ..." where COLUMN is a
 *         number (from 1) in the header and a name below it; LL_ERR_ARGUMENT for any other
 *         delimiter; LL_ERR_MEMORY; what the sink returned. */
LL_NODISCARD ll_status ll_csv_read(const char *path, char delimiter, const ll_csv_sink *sink,
                                   ll_error *err);

#endif
