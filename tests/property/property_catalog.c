/* tests/property/property_catalog.c - whatever table is written as CSV is read back as it was; and
 * whatever bytes are read as CSV end in rows or in an error that names the file, never worse. */
#include "host/base/memory.h"
#include "host/catalog/catalog.h"
#include "tests/unit/catalog_fixture.h"

#include <stdbool.h>

enum { MAX_COLUMNS = 6, MAX_ROWS = 40, MAX_FIELD = 32 }; /* a field is at most 5 x 3 bytes */

typedef struct table {
    char names[MAX_COLUMNS][MAX_FIELD];
    char fields[MAX_ROWS][MAX_COLUMNS][MAX_FIELD];
    int columns, rows, id, image;
} table;

typedef struct text {
    char *data;
    int64_t used, capacity;
} text;

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 33) % below;
}

/* Pieces that mean something to a CSV parser, and some that mean something to Unicode. */
static void draw_field(uint64_t *seed, char *out)
{
    static const char *const pieces[] = {"a", "Z",  "7",    " ",        "\t",          ",",
                                         ";", "\"", "\n",   "\r\n",     "\r",          "\"\"",
                                         "=", "/",  "\x7F", "\xC3\xA4", "\xE2\x82\xAC"};
    const uint32_t count = draw(seed, 6);

    out[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        strncat(out, pieces[draw(seed, sizeof pieces / sizeof *pieces)], 3);
}

/* As draw_field, with a number in front that keeps names and ids apart. */
static void draw_unique(uint64_t *seed, int number, char out[MAX_FIELD])
{
    draw_field(seed, out + snprintf(out, MAX_FIELD, "%d:", number));
}

static void draw_table(uint64_t *seed, table *t)
{
    t->columns = 2 + (int)draw(seed, MAX_COLUMNS - 1);
    t->rows = (int)draw(seed, MAX_ROWS + 1);
    t->id = (int)draw(seed, (uint32_t)t->columns);
    t->image = (t->id + 1) % t->columns;
    for (int c = 0; c < t->columns; c++) {
        draw_unique(seed, c, t->names[c]);
        for (int r = 0; r < t->rows; r++)
            draw_field(seed, t->fields[r][c]);
    }
    snprintf(t->names[t->id], MAX_FIELD, "id");
    snprintf(t->names[t->image], MAX_FIELD, "image");
    for (int r = 0; r < t->rows; r++)
        draw_unique(seed, r, t->fields[r][t->id]);
}

static void put(text *to, const char *bytes, size_t count)
{
    ll_error err = LL_ERROR_INIT;
    assert_int_equal(ll_grow("text", &to->data, &to->capacity, to->used + (int64_t)count, 1, &err),
                     LL_OK);
    memcpy(to->data + to->used, bytes, count);
    to->used += (int64_t)count;
}

/* Quoted where RFC 4180 asks for it, and now and then where it does not. */
static void put_field(text *to, const char *field, char delimiter, uint64_t *seed)
{
    const char special[] = {delimiter, '"', '\r', '\n', '\0'};

    if (strpbrk(field, special) == NULL && draw(seed, 3) > 0) {
        put(to, field, strlen(field));
        return;
    }
    put(to, "\"", 1);
    for (; *field != '\0'; field++)
        put(to, *field == '"' ? "\"\"" : field, *field == '"' ? 2 : 1);
    put(to, "\"", 1);
}

static void put_line_end(text *to, uint64_t *seed)
{
    const bool crlf = draw(seed, 2) == 0;
    for (uint32_t blank = draw(seed, 8) == 0 ? 3 : 1; blank > 0; blank--)
        put(to, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
}

static void put_table(text *to, const table *t, char delimiter, uint64_t *seed)
{
    if (draw(seed, 3) == 0) put(to, "\xEF\xBB\xBF", 3);
    for (int r = -1; r < t->rows; r++) {
        for (int c = 0; c < t->columns; c++) {
            if (c > 0) put(to, &delimiter, 1);
            put_field(to, r < 0 ? t->names[c] : t->fields[r][c], delimiter, seed);
        }
        if (r + 1 < t->rows || draw(seed, 2) == 0) put_line_end(to, seed);
    }
}

static void compare(const ll_catalog *c, const table *t)
{
    int attribute = 0;

    assert_int_equal(ll_catalog_rows(c), t->rows);
    assert_int_equal(ll_catalog_columns(c), t->columns - 2);
    for (int column = 0; column < t->columns; column++) {
        const bool plain = column != t->id && column != t->image;
        if (plain) assert_int_equal(ll_catalog_find_column(c, t->names[column]), attribute);
        for (int r = 0; r < t->rows; r++) {
            const char *got = column == t->id ? ll_catalog_id(c, r) : ll_catalog_image(c, r);
            if (plain) got = ll_catalog_value(c, r, attribute);
            assert_string_equal(got, t->fields[r][column]);
        }
        attribute += plain;
    }
}

static void one_table(uint64_t seed)
{
    static const char delimiters[] = {',', ';', '\t'};
    const uint64_t start = seed;
    table *const t = calloc(1, sizeof *t);
    text csv = {.data = NULL};
    char path[FIXTURE_PATH];
    ll_catalog *c = NULL;
    ll_error err = LL_ERROR_INIT;

    assert_non_null(t);
    draw_table(&seed, t);
    const char delimiter = delimiters[draw(&seed, 3)];
    put_table(&csv, t, delimiter, &seed);
    fixture_write("table.csv", csv.data, (size_t)csv.used, path);
    const ll_catalog_options options = {.delimiter = delimiter};
    if (ll_catalog_open(path, &options, &c, &err) != LL_OK)
        fail_msg("%s; again: property_catalog %llu", err.text, (unsigned long long)start);
    compare(c, t);
    ll_catalog_close(c);

    /* The same file with bytes changed: rows or an error, and never an error without a text. */
    for (int hit = 0; hit < 4; hit++) {
        static const char bytes[] = {'"', ',', '\n', '\0', '\xFF', '\r', 'x'};
        csv.data[draw(&seed, (uint32_t)csv.used)] = bytes[draw(&seed, sizeof bytes)];
        fixture_write("table.csv", csv.data, (size_t)csv.used, path);
        err = (ll_error)LL_ERROR_INIT;
        if (ll_catalog_open(path, NULL, &c, &err) == LL_OK) {
            ll_catalog_close(c);
            continue;
        }
        assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
        assert_null(strpbrk(err.text, "\r\n"));
    }
    free(csv.data);
    free(t);
}

static void test_tables(void **state)
{
    const uint64_t *const only = *state;

    if (only != NULL) {
        one_table(*only);
        return;
    }
    for (uint64_t i = 1; i <= 300; i++) {
        const uint64_t seed = i * 0x9E3779B97F4A7C15u;
        print_message("property_catalog %llu\n", (unsigned long long)seed);
        one_table(seed);
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_tables, argc > 1 ? &seed : NULL),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
