/* host/catalog/csv.c - see csv.h.
 *
 * libcsv hands over fields and rows but knows no line numbers. CSV_REPALL_NL makes it report every
 * line end outside a field, and those inside a quoted field can be counted in its text, so the
 * callbacks alone keep `line` right: between two callbacks it is the line on which the field being
 * read began, which is also where a missing quote is missing. */
#include "host/catalog/csv.h"
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/base/utf8.h"
#include "host/catalog/catalog_error.h"

#include <csv.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

/* The fields of one row, end to end with a NUL behind each. */
typedef struct row_text {
    char *text;
    int64_t used, capacity;
    int64_t *start; /* of each field in `text`, which may move while it grows */
    int64_t start_capacity;
    const char **fields; /* made once the row is whole */
    int64_t field_capacity;
    int count;
} row_text;

typedef struct reader {
    const char *path;
    const ll_csv_sink *sink;
    ll_error *err;
    ll_status status; /* of the callbacks: libcsv cannot be told to stop */
    struct csv_parser parser;
    row_text header, row;
    bool has_header;
    int64_t line, row_line;
    bool after_cr;        /* the last byte was a CR that ended a row: a LF would belong to it */
    size_t pending_bytes; /* fed since the last callback: at most the length of a field so far */
} reader;

static void row_text_release(row_text *row)
{
    free(row->text);
    free(row->start);
    free(row->fields);
}

static ll_status row_text_add(row_text *row, const char *field, size_t length, ll_error *err)
{
    const int64_t used = row->used + (int64_t)length + 1;

    LL_TRY(ll_grow("CSV row", &row->text, &row->capacity, used, 1, err));
    LL_TRY(ll_grow("CSV row", &row->start, &row->start_capacity, row->count + 1, sizeof *row->start,
                   err));
    if (length > 0) memcpy(row->text + row->used, field, length);
    row->text[used - 1] = '\0';
    row->start[row->count++] = row->used;
    row->used = used;
    return LL_OK;
}

static ll_status row_text_finish(row_text *row, int64_t line, ll_csv_row *out, ll_error *err)
{
    LL_TRY(ll_grow("CSV row", &row->fields, &row->field_capacity, row->count, sizeof *row->fields,
                   err));
    for (int i = 0; i < row->count; i++)
        row->fields[i] = row->text + row->start[i];
    *out = (ll_csv_row){.line = line, .count = row->count, .fields = row->fields};
    return LL_OK;
}

/* What errors call field `index`: its name, or its number where no name is known. */
static const char *column_label(const reader *r, int index, char buffer[LL_CATALOG_EXCERPT])
{
    if (r->has_header && index < r->header.count) return r->header.fields[index];
    return ll_text_exact(buffer, LL_CATALOG_EXCERPT, "%d", index + 1);
}

/* LF, CRLF and CR each end a line. */
static int64_t line_ends(const char *text, size_t length)
{
    int64_t count = 0;

    for (size_t i = 0; i < length; i++)
        if (text[i] == '\r' || (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))) count++;
    return count;
}

static ll_status check_field(reader *r, const char *field, size_t length)
{
    char label[LL_CATALOG_EXCERPT];
    const char *const nul = length > 0 ? memchr(field, '\0', length) : NULL;
    const size_t valid = ll_utf8_check(field, length);
    const char *const column = column_label(r, r->row.count, label);

    if (nul != NULL && (size_t)(nul - field) < valid)
        return ll_catalog_fail(r->err, LL_ERR_FORMAT, r->path,
                               r->line + line_ends(field, (size_t)(nul - field)), column,
                               "NUL byte");
    if (valid < length)
        return ll_catalog_fail(r->err, LL_ERR_FORMAT, r->path, r->line + line_ends(field, valid),
                               column, "invalid UTF-8 (byte 0x%02X)", (unsigned char)field[valid]);
    if (length > LL_CSV_MAX_FIELD)
        return ll_catalog_fail(r->err, LL_ERR_FORMAT, r->path, r->line, column,
                               "longer than %d bytes; is a closing quote missing?",
                               LL_CSV_MAX_FIELD);
    return LL_OK;
}

static ll_status append_field(reader *r, const char *field, size_t length)
{
    if (r->row.count == 0) r->row_line = r->line;
    LL_TRY(check_field(r, field, length));
    if (r->row.count == LL_CSV_MAX_COLUMNS) {
        return ll_fail(r->err, LL_ERR_FORMAT, "%s:%lld: more than %d columns", r->path,
                       (long long)r->row_line, LL_CSV_MAX_COLUMNS);
    }
    LL_TRY(row_text_add(&r->row, field, length, r->err));
    r->line += line_ends(field, length);
    return LL_OK;
}

static void on_field(void *field, size_t length, void *state)
{
    reader *const r = state;

    r->after_cr = false;
    r->pending_bytes = 0;
    if (r->status == LL_OK) r->status = append_field(r, field, length);
}

static ll_status deliver_row(reader *r)
{
    const int got = r->row.count, want = r->header.count;
    char label[LL_CATALOG_EXCERPT];
    ll_csv_row row;

    if (!r->has_header) {
        r->header = r->row;
        r->row = (row_text){.count = 0};
        LL_TRY(row_text_finish(&r->header, r->row_line, &row, r->err));
        r->has_header = true;
        return r->sink->header(r->sink->to, &row, r->err);
    }
    if (got < want)
        return ll_catalog_fail(
            r->err, LL_ERR_FORMAT, r->path, r->row_line, column_label(r, got, label),
            "missing; the row has %d field%s, the header %d", got, got == 1 ? "" : "s", want);
    if (got > want)
        return ll_catalog_fail(
            r->err, LL_ERR_FORMAT, r->path, r->row_line, column_label(r, want, label),
            "not in the header; the row has %d fields, the header %d", got, want);
    LL_TRY(row_text_finish(&r->row, r->row_line, &row, r->err));
    return r->sink->row(r->sink->to, &row, r->err);
}

/* `end` is '\r', '\n' or, behind the last line, -1. Without a field before it, it is a blank line
 * or the second half of CRLF. */
static void on_row(int end, void *state)
{
    reader *const r = state;
    const bool second_half = end == '\n' && r->after_cr;

    r->pending_bytes = 0;
    if (r->status == LL_OK && r->row.count > 0) r->status = deliver_row(r);
    r->row.count = 0;
    r->row.used = 0;
    r->after_cr = end == '\r';
    if (!second_half) r->line++;
}

static char sniff_delimiter(const char *text, size_t length)
{
    static const char choices[] = {',', ';', '\t'};
    size_t counts[sizeof choices] = {0};
    size_t best = 0;
    bool quoted = false;

    for (size_t i = 0; i < length && (quoted || (text[i] != '\n' && text[i] != '\r')); i++) {
        if (text[i] == '"') quoted = !quoted;
        for (size_t c = 0; c < sizeof choices; c++)
            if (!quoted && text[i] == choices[c]) counts[c]++;
    }
    for (size_t c = 1; c < sizeof choices; c++)
        if (counts[c] > counts[best]) best = c;
    return choices[best];
}

/* libcsv would trim spaces and tabs around a field; in RFC 4180 they are part of it. */
static int is_never_space(unsigned char byte)
{
    (void)byte;
    return 0;
}

static ll_status feed(reader *r, const char *data, size_t length)
{
    char label[LL_CATALOG_EXCERPT];
    r->pending_bytes += length;
    const size_t parsed = csv_parse(&r->parser, data, length, on_field, on_row, r);

    if (r->status != LL_OK) return r->status;
    const char *const column = column_label(r, r->row.count, label);
    if (parsed < length && csv_error(&r->parser) == CSV_EPARSE)
        return ll_catalog_fail(r->err, LL_ERR_FORMAT, r->path, r->line, column,
                               data[parsed] == '"' ? "bad quote: inside a field that is not quoted"
                                                   : "bad quote: text after the closing quote");
    if (parsed < length)
        return ll_fail(r->err, LL_ERR_MEMORY, "%s: no memory to read a field", r->path);
    if (r->pending_bytes > (size_t)LL_CSV_MAX_FIELD + CHUNK)
        return ll_catalog_fail(r->err, LL_ERR_FORMAT, r->path, r->line, column,
                               "longer than %d bytes; is a closing quote missing?",
                               LL_CSV_MAX_FIELD);
    return LL_OK;
}

static ll_status read_file(reader *r, FILE *file, char delimiter, char *chunk)
{
    static const char byte_order_mark[] = {'\xEF', '\xBB', '\xBF'};
    char label[LL_CATALOG_EXCERPT];
    size_t got = 0;
    bool first = true;

    while ((got = fread(chunk, 1, CHUNK, file)) > 0) {
        size_t skip = 0;
        if (first) {
            first = false;
            if (got >= sizeof byte_order_mark &&
                memcmp(chunk, byte_order_mark, sizeof byte_order_mark) == 0)
                skip = sizeof byte_order_mark;
            if (delimiter == 0) delimiter = sniff_delimiter(chunk + skip, got - skip);
            csv_set_delim(&r->parser, (unsigned char)delimiter);
        }
        LL_TRY(feed(r, chunk + skip, got - skip));
    }
    if (ferror(file)) return ll_fail(r->err, LL_ERR_IO, "%s: %s", r->path, strerror(errno));
    if (csv_fini(&r->parser, on_field, on_row, r) != 0)
        return ll_catalog_fail(r->err, LL_ERR_FORMAT, r->path, r->line,
                               column_label(r, r->row.count, label), "bad quote: never closed");
    return r->status;
}

ll_status ll_csv_read(const char *path, char delimiter, const ll_csv_sink *sink, ll_error *err)
{
    static const unsigned char options =
        CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL | CSV_APPEND_NULL;
    ll_status status = LL_OK;
    reader r = {.path = path, .sink = sink, .err = err, .line = 1};
    char *chunk = NULL;
    FILE *file = NULL;

    if (delimiter != 0 && delimiter != ',' && delimiter != ';' && delimiter != '\t')
        return ll_fail(err, LL_ERR_ARGUMENT, "delimiter '%c': use , ; or tab", delimiter);
    if (csv_init(&r.parser, options) != 0)
        return ll_fail(err, LL_ERR_MEMORY, "%s: libcsv does not start", path);
    csv_set_space_func(&r.parser, is_never_space);
    csv_set_blk_size(&r.parser, 4096);
    LL_TRY_DONE(ll_alloc("CSV buffer", CHUNK, 1, &chunk, err));
    file = fopen(path, "rb");
    if (file == NULL) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    LL_TRY_DONE(read_file(&r, file, delimiter, chunk));
done:
    if (file != NULL) fclose(file);
    free(chunk);
    csv_free(&r.parser);
    row_text_release(&r.header);
    row_text_release(&r.row);
    return status;
}
