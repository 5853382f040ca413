/* host/cli/records.c - see records.h. */
#include "host/cli/records.h"

#include "host/base/memory.h"
#include "host/cli/exit_code.h"
#include "host/cli/text_width.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct ll_records {
    FILE *stream;
    ll_format format;
    const ll_column *columns;
    int count;
    const char *head; /* ll_records_head */
    int width, keep;  /* ll_records_limit */
    int64_t rows;     /* written or held */
    char **cells;     /* (rows, count), tables only */
    int *widths;      /* (count), of what is held */
    int64_t capacity;
};

ll_format ll_format_find(const char *word, FILE *stream)
{
    if (word == NULL) return isatty(fileno(stream)) ? LL_FORMAT_TABLE : LL_FORMAT_JSON;
    if (strcmp(word, "csv") == 0) return LL_FORMAT_CSV;
    if (strcmp(word, "json") == 0) return LL_FORMAT_JSON;
    if (strcmp(word, "jsonl") == 0) return LL_FORMAT_JSONL;
    return LL_FORMAT_TABLE;
}

void ll_csv_field(FILE *stream, const char *text, size_t length)
{
    bool quote = false;
    for (size_t i = 0; i < length && !quote; i++)
        quote = strchr(",\"\r\n", text[i]) != NULL; /* a NUL matches too, and is safer quoted */
    if (!quote) {
        fwrite(text, 1, length, stream);
        return;
    }
    fputc('"', stream);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') fputc('"', stream);
        fputc(text[i], stream);
    }
    fputc('"', stream);
}

static void csv_row(FILE *stream, const char *const *cells, int count)
{
    for (int i = 0; i < count; i++) {
        if (i > 0) fputc(',', stream);
        if (cells[i] != NULL) ll_csv_field(stream, cells[i], strlen(cells[i]));
    }
    fputc('\n', stream); /* RFC 4180 asks for CRLF, every tool of a Unix pipe for this */
}

ll_status ll_records_create(FILE *stream, ll_format format, const ll_column *columns, int count,
                            ll_records **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_records *records = NULL;

    *out = NULL;
    LL_TRY_DONE(ll_alloc("records", 1, sizeof *records, &records, err));
    records->stream = stream;
    records->format = format;
    records->columns = columns;
    records->count = count;
    LL_TRY_DONE(ll_alloc("records", count, sizeof *records->widths, &records->widths, err));
    for (int i = 0; i < count; i++)
        records->widths[i] = ll_text_width(columns[i].name);
    if (format == LL_FORMAT_CSV) {
        for (int i = 0; i < count; i++) {
            if (i > 0) fputc(',', stream);
            ll_csv_field(stream, columns[i].name, strlen(columns[i].name));
        }
        fputc('\n', stream);
    }
    *out = records;
    records = NULL;
done:
    ll_records_free(records);
    return status;
}

static ll_status json_row(const ll_records *records, const char *const *cells, ll_error *err)
{
    ll_status status = LL_OK;
    json_t *const object = json_object();
    int failed = object == NULL;

    for (int i = 0; i < records->count && !failed; i++) {
        json_t *value = NULL;
        if (cells[i] == NULL)
            value = json_null();
        else if (records->columns[i].number)
            value = json_loads(cells[i], JSON_DECODE_ANY, NULL);
        else
            value = json_string(cells[i]);
        failed = value == NULL || json_object_set_new(object, records->columns[i].name, value) != 0;
        if (failed)
            status = ll_fail(err, LL_ERR_FORMAT, "'%s' is no JSON value for %s",
                             cells[i] != NULL ? cells[i] : "", records->columns[i].name);
    }
    if (object == NULL) status = ll_fail(err, LL_ERR_MEMORY, "records: out of memory");
    if (status == LL_OK && records->format == LL_FORMAT_JSON)
        fputs(records->rows == 0 ? "[\n" : ",\n", records->stream);
    if (status == LL_OK)
        json_dumpf(object, records->stream, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (status == LL_OK && records->format == LL_FORMAT_JSONL) fputc('\n', records->stream);
    json_decref(object);
    return status;
}

/* A copy fit for a terminal: bytes that could steer it (escapes, tabs, newlines) become '?'. */
static ll_status cell_copy(const char *text, char **out, ll_error *err)
{
    LL_TRY(ll_text_copy(text, strlen(text), out, err));
    for (char *at = *out; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = '?';
    /* U+0080 to U+009F are controls as well: C2 80 .. C2 9F */
    for (char *at = *out; *at != '\0'; at++)
        if ((unsigned char)at[0] == 0xC2 && (unsigned char)at[1] >= 0x80 &&
            (unsigned char)at[1] < 0xA0)
            at[0] = at[1] = '?';
    return LL_OK;
}

static ll_status table_row(ll_records *records, const char *const *cells, ll_error *err)
{
    const int64_t first = records->rows * records->count;

    LL_TRY(ll_grow("records", &records->cells, &records->capacity, first + records->count,
                   sizeof *records->cells, err));
    for (int i = 0; i < records->count; i++)
        records->cells[first + i] = NULL;
    records->rows++; /* from here ll_records_free sees the row */
    for (int i = 0; i < records->count; i++) {
        char **const cell = &records->cells[first + i];
        LL_TRY(cell_copy(cells[i] != NULL ? cells[i] : "", cell, err));
        const int width = ll_text_width(*cell);
        if (width > records->widths[i]) records->widths[i] = width;
    }
    return LL_OK;
}

ll_status ll_records_row(ll_records *records, const char *const *cells, ll_error *err)
{
    switch (records->format) {
    case LL_FORMAT_TABLE: return table_row(records, cells, err);
    case LL_FORMAT_CSV: csv_row(records->stream, cells, records->count); break;
    case LL_FORMAT_JSON:
    case LL_FORMAT_JSONL: LL_TRY(json_row(records, cells, err)); break;
    }
    records->rows++;
    return LL_OK;
}

void ll_records_head(ll_records *records, const char *line)
{
    records->head = line;
}

void ll_records_limit(ll_records *records, int width, int keep)
{
    records->width = width;
    records->keep = keep;
}

int ll_terminal_width(FILE *stream)
{
    struct winsize size = {0};
    if (!isatty(fileno(stream)) || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col;
}

/* How many columns of the table fit. */
static int table_columns(const ll_records *records)
{
    int count = 0, used = -2;

    for (; count < records->count; count++) {
        used += 2 + records->widths[count];
        if (records->width > 0 && used > records->width && count >= records->keep) break;
    }
    return count;
}

static void table_line(const ll_records *records, int count, int64_t row)
{
    int spaces = 0; /* owed before the next text: none are left at the end of a line */

    for (int i = 0; i < count; i++) {
        const char *const text =
            row < 0 ? records->columns[i].name : records->cells[row * records->count + i];
        const int pad = records->widths[i] - ll_text_width(text);
        const bool right = records->columns[i].number;
        if (text[0] != '\0') {
            fprintf(records->stream, "%*s%s", spaces + (right ? pad : 0), "", text);
            spaces = 0;
        }
        spaces += text[0] == '\0' ? records->widths[i] : right ? 0 : pad;
        spaces += 2;
    }
    fputc('\n', records->stream);
}

ll_status ll_records_finish(ll_records *records, ll_error *err)
{
    if (records->format == LL_FORMAT_TABLE && records->rows > 0) {
        const int count = table_columns(records);
        if (records->head != NULL) fprintf(records->stream, "%s\n", records->head);
        for (int64_t row = -1; row < records->rows; row++)
            table_line(records, count, row);
    }
    if (records->format == LL_FORMAT_JSON)
        fputs(records->rows == 0 ? "[]\n" : "\n]\n", records->stream);
    return ll_exit_flush(records->stream, records->stream == stdout ? "standard output" : "output",
                         err);
}

void ll_records_free(ll_records *records)
{
    if (records == NULL) return;
    if (records->format == LL_FORMAT_TABLE)
        for (int64_t i = 0; i < records->rows * records->count; i++)
            free(records->cells[i]);
    free(records->cells);
    free(records->widths);
    free(records);
}
