/* host/cli/records.h - results as rows of named columns: a table for eyes, csv and json for
 * programs.
 *
 * csv, json and jsonl are written row by row; a table waits for its last row to know its widths.
 * Floor 1; includes base. */
#ifndef LL_CLI_RECORDS_H
#define LL_CLI_RECORDS_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What --format takes; the `value` of its option. */
#define LL_FORMAT_WORDS "table|json|jsonl|csv"

typedef enum ll_format {
    LL_FORMAT_TABLE,
    LL_FORMAT_JSON,
    LL_FORMAT_JSONL,
    LL_FORMAT_CSV,
} ll_format;

/** The format of one of LL_FORMAT_WORDS; for NULL a table if `stream` is a terminal, else json. */
ll_format ll_format_find(const char *word, FILE *stream);

typedef struct ll_column {
    const char *name;
    bool number; /* right-aligned; a bare number in json */
} ll_column;

typedef struct ll_records ll_records;

/** `columns` are borrowed until ll_records_free. Nothing is printed before the first row, but the
 *  csv header is. */
LL_NODISCARD ll_status ll_records_create(FILE *stream, ll_format format, const ll_column *columns,
                                         int count, ll_records **out, ll_error *err);

/** One row: a text per column, copied if needed. NULL is an empty cell, null in json. */
LL_NODISCARD ll_status ll_records_row(ll_records *records, const char *const *cells, ll_error *err);

/** A heading above a table that has rows, borrowed until ll_records_free. Other formats, which
 *  programs read, have no heading: the information must be in their columns. */
void ll_records_head(ll_records *records, const char *line);

/** Leave out columns of a table from the right until it is at most `width` wide (0: no limit); the
 *  first `keep` stay. Programs read the other formats, so those are never cut. */
void ll_records_limit(ll_records *records, int width, int keep);

/** How wide the terminal behind `stream` is; 0 if there is none. */
int ll_terminal_width(FILE *stream);

/** Write what is still held: the table, the end of the json array. */
LL_NODISCARD ll_status ll_records_finish(ll_records *records, ll_error *err);
void ll_records_free(ll_records *records); /* accepts NULL */

/** One csv field, quoted by RFC 4180 where it must be. */
void ll_csv_field(FILE *stream, const char *text, size_t length);

#endif
