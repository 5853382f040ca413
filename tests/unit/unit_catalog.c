/* tests/unit/unit_catalog.c - catalogues from CSV: what is read, and the exact text of every
 * refusal. Folders are in unit_catalog_folder.c. */
#include "host/base/clock.h"
#include "host/catalog/catalog.h"
#include "tests/unit/catalog_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `text` refused under `options` with `code` and exactly "PATH" followed by `want`. */
static void refused(const char *text, size_t length, const ll_catalog_options *options,
                    ll_status code, const char *want)
{
    char path[FIXTURE_PATH], whole[FIXTURE_PATH + 256];
    ll_catalog *catalog = NULL;
    ll_error err = LL_ERROR_INIT;

    fixture_write("shop.csv", text, length, path);
    const ll_status status = ll_catalog_open(path, options, &catalog, &err);
    snprintf(whole, sizeof whole, "%s%s", path, want);
    assert_string_equal(err.text, whole);
    assert_int_equal(status, code);
    assert_int_equal(err.code, code);
    assert_null(catalog);
}

static ll_catalog *opened(const char *text, size_t length, const ll_catalog_options *options)
{
    char path[FIXTURE_PATH];
    ll_catalog *catalog = NULL;
    ll_error err = LL_ERROR_INIT;

    fixture_write("shop.csv", text, length, path);
    if (ll_catalog_open(path, options, &catalog, &err) != LL_OK) fail_msg("%s", err.text);
    return catalog;
}

#define REFUSED(text, code, want)               refused(text, sizeof(text) - 1, NULL, code, want)
#define REFUSED_WITH(options, text, code, want) refused(text, sizeof(text) - 1, options, code, want)
#define OPENED(text)                            opened(text, sizeof(text) - 1, NULL)
#define OPENED_WITH(options, text)              opened(text, sizeof(text) - 1, options)

static void test_reads_rows_in_order(void **state)
{
    char path[FIXTURE_PATH];
    char *image_path = NULL;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    ll_catalog *const c =
        OPENED("id,image,kind,price/eur\nB2,b/2.jpg,dress,9\nA7,/abs/7.jpg,,10\n");

    assert_int_equal(ll_catalog_rows(c), 2);
    assert_string_equal(ll_catalog_id(c, 0), "B2");
    assert_string_equal(ll_catalog_image(c, 0), "b/2.jpg");
    assert_string_equal(ll_catalog_id(c, 1), "A7");
    assert_int_equal(ll_catalog_columns(c), 2);
    assert_string_equal(ll_catalog_column_name(c, 0), "kind");
    assert_string_equal(ll_catalog_column_name(c, 1), "price_eur");
    assert_int_equal(ll_catalog_find_column(c, "price_eur"), 1);
    assert_int_equal(ll_catalog_find_column(c, "price/eur"), 1);
    assert_int_equal(ll_catalog_find_column(c, "id"), -1);
    assert_int_equal(ll_catalog_find_column(c, "pric"), -1);
    assert_string_equal(ll_catalog_value(c, 0, 0), "dress");
    assert_string_equal(ll_catalog_value(c, 1, 0), "");
    assert_string_equal(ll_catalog_value(c, 1, 1), "10");

    fixture_path("b/2.jpg", path);
    assert_int_equal(ll_catalog_path(c, 0, &image_path, &err), LL_OK);
    assert_string_equal(image_path, path);
    free(image_path);
    assert_int_equal(ll_catalog_path(c, 1, &image_path, &err), LL_OK);
    assert_string_equal(image_path, "/abs/7.jpg");
    free(image_path);
    fixture_path("", path);
    path[strlen(path) - 1] = '\0'; /* the folder without its slash */
    assert_string_equal(ll_catalog_image_root(c), path);
    ll_catalog_close(c);
}

static void test_byte_order_mark_delimiters_and_line_ends(void **state)
{
    static const char *const same[] = {
        "id,image,kind\nA,a.jpg,hat\nB,b.jpg,cap\n",
        "\xEF\xBB\xBFid,image,kind\nA,a.jpg,hat\nB,b.jpg,cap\n",
        "\xEF\xBB\xBF\"id\",image,kind\r\nA,a.jpg,hat\r\nB,b.jpg,\"cap\"",
        "id;image;kind\r\nA;a.jpg;hat\r\nB;b.jpg;cap\r\n",
        "id\timage\tkind\nA\ta.jpg\that\n\n\nB\tb.jpg\tcap",
        "\r\n\r\nid,image,kind\r\n\r\nA,a.jpg,hat\r\n\r\nB,b.jpg,cap\r\n\r\n",
        "id,image,kind\rA,a.jpg,hat\rB,b.jpg,cap\r",
    };
    (void)state;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ll_catalog *const c = opened(same[i], strlen(same[i]), NULL);
        assert_int_equal(ll_catalog_rows(c), 2);
        assert_int_equal(ll_catalog_columns(c), 1);
        assert_string_equal(ll_catalog_column_name(c, 0), "kind");
        assert_string_equal(ll_catalog_id(c, 0), "A");
        assert_string_equal(ll_catalog_image(c, 1), "b.jpg");
        assert_string_equal(ll_catalog_value(c, 1, 0), "cap");
        ll_catalog_close(c);
    }
}

static void test_delimiter_is_sniffed_outside_quotes(void **state)
{
    const ll_catalog_options semicolon = {.delimiter = ';'};
    const ll_catalog_options bar = {.delimiter = '|'};
    char path[FIXTURE_PATH];
    ll_catalog *c = OPENED("id;image;\"a, b, c, d\"\n1;x.jpg;y\n");
    ll_error err = LL_ERROR_INIT;
    (void)state;

    assert_string_equal(ll_catalog_column_name(c, 0), "a, b, c, d");
    ll_catalog_close(c);
    c = OPENED_WITH(&semicolon, "id;image;a,b,c,d\n1;x.jpg;y\n");
    assert_string_equal(ll_catalog_column_name(c, 0), "a,b,c,d");
    ll_catalog_close(c);

    fixture_write("shop.csv", "id|image\n", 9, path);
    assert_int_equal(ll_catalog_open(path, &bar, &c, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "delimiter '|': use , ; or tab");
}

static void test_quotes_and_spaces_are_kept_as_written(void **state)
{
    ll_catalog *const c = OPENED("id,image,note\n"
                                 " A ,a.jpg,\"one\r\ntwo, \"\"three\"\"\n\"\n"
                                 "\"B\",\"b,1.jpg\",\"\"\n");
    (void)state;

    assert_int_equal(ll_catalog_rows(c), 2);
    assert_string_equal(ll_catalog_id(c, 0), " A ");
    assert_string_equal(ll_catalog_value(c, 0, 0), "one\r\ntwo, \"three\"\n");
    assert_string_equal(ll_catalog_image(c, 1), "b,1.jpg");
    assert_string_equal(ll_catalog_value(c, 1, 0), "");
    ll_catalog_close(c);
}

static void test_empty_catalogues(void **state)
{
    (void)state;
    ll_catalog *const c = OPENED("id,image\n");

    assert_int_equal(ll_catalog_rows(c), 0);
    assert_int_equal(ll_catalog_columns(c), 0);
    ll_catalog_close(c);
    REFUSED("", LL_ERR_FORMAT, ":1: column id: missing; the file is empty");
    REFUSED("\xEF\xBB\xBF\n\n", LL_ERR_FORMAT, ":1: column id: missing; the file is empty");
}

static void test_header_is_checked(void **state)
{
    const ll_catalog_options sku = {.id_column = "sku"}, photo = {.image_column = "photo"};
    (void)state;

    REFUSED("sku,image\n", LL_ERR_FORMAT, ":1: column id: missing; the columns are sku, image");
    REFUSED("id,photo\n", LL_ERR_FORMAT, ":1: column image: missing; the columns are id, photo");
    REFUSED_WITH(&sku, "id,image\n", LL_ERR_ARGUMENT,
                 ":1: column sku: missing; the columns are id, image");
    REFUSED_WITH(&photo, "id,image\n", LL_ERR_ARGUMENT,
                 ":1: column photo: missing; the columns are id, image");
    REFUSED("id,image,kind,kind\n", LL_ERR_FORMAT,
            ":1: column kind: two columns of this name, 3 and 4");
    REFUSED("\nid,image,a_b,a/b\n", LL_ERR_FORMAT,
            ":2: column a/b: two columns of this name, 3 and 4 ('/' counts as '_')");
    REFUSED("id,image,id\n", LL_ERR_FORMAT, ":1: column id: two columns of this name, 1 and 3");
    REFUSED("id,image,\n", LL_ERR_FORMAT, ":1: column 3: has no name");
    REFUSED("id,image,.\n", LL_ERR_FORMAT,
            ":1: column 3: is called \".\", which HDF5 cannot store");
    REFUSED("id,ima\0ge\n", LL_ERR_FORMAT, ":1: column 2: NUL byte");
    REFUSED("\xFF\xFEi\0d\0", LL_ERR_FORMAT, ":1: column 1: invalid UTF-8 (byte 0xFF)");
    REFUSED("id,im\"age\n", LL_ERR_FORMAT,
            ":1: column 2: bad quote: inside a field that is not quoted");
    REFUSED("id,\"image\n", LL_ERR_FORMAT, ":1: column 2: bad quote: never closed");
}

/* The quoted newlines before each fault shift the line: 2 = header + 1, and so on. */
static void test_rows_are_checked(void **state)
{
    (void)state;
    REFUSED("id,image,kind\nA,\"a\n\r\n.jpg\",x\nB,b,y\nA,c,z\n", LL_ERR_FORMAT,
            ":6: column id: duplicate id A, first on line 2");
    REFUSED("id,image\r\nA,a\r\n\r\n,b\r\n", LL_ERR_FORMAT, ":4: column id: empty id");
    REFUSED("id,image\rA,a\r\"\",b\r", LL_ERR_FORMAT, ":3: column id: empty id");
    REFUSED("id,image,kind\nA,\"a\n\",x\nB,b\n", LL_ERR_FORMAT,
            ":4: column kind: missing; the row has 2 fields, the header 3");
    REFUSED("id,image,kind\nA", LL_ERR_FORMAT,
            ":2: column image: missing; the row has 1 field, the header 3");
    REFUSED("id,image\nA,a\nB,b,c,d\n", LL_ERR_FORMAT,
            ":3: column 3: not in the header; the row has 4 fields, the header 2");
    REFUSED("id,image\nA,\"a\nb\"\nB,b\"c\n", LL_ERR_FORMAT,
            ":4: column image: bad quote: inside a field that is not quoted");
    REFUSED("id,image\nA,\"a\"b\n", LL_ERR_FORMAT,
            ":2: column image: bad quote: text after the closing quote");
    REFUSED("id,image\nA, \"a\"\n", LL_ERR_FORMAT,
            ":2: column image: bad quote: inside a field that is not quoted");
    REFUSED("id,image\nA,a\n\"B,b\nC,c\nD,d\n", LL_ERR_FORMAT,
            ":3: column id: bad quote: never closed");
    REFUSED("id,image\nA,\"x\ny\0\"\n", LL_ERR_FORMAT, ":3: column image: NUL byte");
    REFUSED("id,image\nA,\"x\r\ny\r\nz\xE9\"\n", LL_ERR_FORMAT,
            ":4: column image: invalid UTF-8 (byte 0xE9)");
    REFUSED("id,image\nA,\xC0\x80\n", LL_ERR_FORMAT, ":2: column image: invalid UTF-8 (byte 0xC0)");
}

static void test_ids_have_a_limit(void **state)
{
    char text[1200] = "id,image\n", *at = text + strlen(text);
    (void)state;

    memset(at, 'x', 1024);
    memcpy(at + 1024, ",a\n", 4);
    ll_catalog *const c = opened(text, strlen(text), NULL);
    assert_int_equal(strlen(ll_catalog_id(c, 0)), 1024);
    ll_catalog_close(c);
    memset(at, 'x', 1025);
    memcpy(at + 1025, ",a\n", 4);
    refused(text, strlen(text), NULL, LL_ERR_FORMAT,
            ":2: column id: id of 1025 bytes; the limit is 1024");
}

/* An id may hold anything; the one line of an error may not. */
static void test_errors_stay_one_line(void **state)
{
    (void)state;
    REFUSED("id,image\n\"A\nB\",a\n\"A\nB\",b\n", LL_ERR_FORMAT,
            ":4: column id: duplicate id A?B, first on line 2");
    REFUSED("id,image\n"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4-"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4,a\n"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4-"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4,a\n",
            LL_ERR_FORMAT,
            ":3: column id: duplicate id "
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4-"
            "\xC3\xA4..., first on line 2");
}

static void test_fields_and_columns_have_limits(void **state)
{
    enum { BIG = 3 << 20 };
    char *const text = malloc(BIG);
    (void)state;

    assert_non_null(text);
    memset(text, 'x', BIG);
    memcpy(text, "id,image\nA,a\nB,\"", 16);
    refused(text, BIG, NULL, LL_ERR_FORMAT,
            ":3: column image: longer than 1048576 bytes; is a closing quote missing?");
    text[16 + (1 << 20) + 1] = '"';
    refused(text, 16 + (1 << 20) + 2, NULL, LL_ERR_FORMAT,
            ":3: column image: longer than 1048576 bytes; is a closing quote missing?");
    text[16 + (1 << 20)] = '"';
    ll_catalog *const c = opened(text, 16 + (1 << 20) + 1, NULL);
    assert_int_equal(strlen(ll_catalog_image(c, 1)), 1 << 20);
    ll_catalog_close(c);

    memset(text, ',', 4096);
    refused(text, 4096, NULL, LL_ERR_FORMAT, ":1: more than 2048 columns");
    free(text);
}

static void test_files_that_cannot_be_read(void **state)
{
    ll_catalog *c = NULL;
    ll_error err = LL_ERROR_INIT;
    (void)state;

    assert_int_equal(ll_catalog_open("/nowhere/shop.csv", NULL, &c, &err), LL_ERR_IO);
    assert_string_equal(err.text, "/nowhere/shop.csv: No such file or directory");
    assert_null(c);
    ll_catalog_close(NULL);
}

static void test_columns_by_option_and_template(void **state)
{
    const ll_catalog_options named = {.id_column = "sku", .image_column = "photo/url"};
    const ll_catalog_options made = {.image_template = "{id}/images/{id}.jpg"};
    const ll_catalog_options rooted = {.image_template = "images/{id}.jpg", .image_root = "/srv/"};
    const ll_catalog_options shared = {.image_template = "images/one.jpg"};
    char path[FIXTURE_PATH], *image_path = NULL;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    ll_catalog *c = OPENED_WITH(&named, "id,photo/url,sku,image\n1,a.jpg,S1,b.jpg\n");

    assert_string_equal(ll_catalog_id(c, 0), "S1");
    assert_string_equal(ll_catalog_image(c, 0), "a.jpg");
    assert_int_equal(ll_catalog_columns(c), 2);
    assert_string_equal(ll_catalog_value(c, 0, ll_catalog_find_column(c, "id")), "1");
    assert_string_equal(ll_catalog_value(c, 0, ll_catalog_find_column(c, "image")), "b.jpg");
    ll_catalog_close(c);

    c = OPENED_WITH(&made, "id\n7\n\n8\n");
    assert_int_equal(ll_catalog_rows(c), 2);
    assert_string_equal(ll_catalog_image(c, 1), "8/images/8.jpg");
    assert_int_equal(ll_catalog_columns(c), 0);
    ll_catalog_close(c);

    c = OPENED_WITH(&rooted, "image,id\nx,7\n");
    assert_string_equal(ll_catalog_image(c, 0), "images/7.jpg");
    assert_string_equal(ll_catalog_value(c, 0, ll_catalog_find_column(c, "image")), "x");
    assert_int_equal(ll_catalog_path(c, 0, &image_path, &err), LL_OK);
    assert_string_equal(image_path, "/srv/images/7.jpg");
    free(image_path);
    ll_catalog_close(c);

    fixture_write("shop.csv", "id\n7\n", 5, path);
    assert_int_equal(ll_catalog_open(path, &shared, &c, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "image template images/one.jpg: has no {id}, so all items would "
                                  "share one image");
}

static void test_urls_and_missing_images_are_rejects(void **state)
{
    ll_catalog *const c = OPENED("id,image\nA,http://x/a.jpg\nB,HTTPS://x/b.jpg\nC,\nD,http.jpg\n"
                                 "E,httpsimages/e.jpg\nF,hTTp://x\n");
    (void)state;

    assert_string_equal(ll_catalog_reject_reason(c, 0), "is a URL; lookloom reads files");
    assert_string_equal(ll_catalog_reject_reason(c, 1), "is a URL; lookloom reads files");
    assert_string_equal(ll_catalog_reject_reason(c, 2), "no image given");
    assert_null(ll_catalog_reject_reason(c, 3));
    assert_null(ll_catalog_reject_reason(c, 4));
    assert_string_equal(ll_catalog_reject_reason(c, 5), "is a URL; lookloom reads files");
    ll_catalog_close(c);
}

/* Ids of the rows that `keep` leaves, end to end. */
static void kept(const char *const *keep, int count, const char *want)
{
    static const char text[] = "id,image,kind,size/eu\n"
                               "A,a,hat,1\nB,b,cap,1\nC,c,hat,2\nD,d,=x=,2\nE,e,,3\n";
    const ll_catalog_options options = {.keep = keep, .keep_count = count};
    ll_catalog *const c = OPENED_WITH(&options, text);
    char got[16] = "";

    for (int64_t row = 0; row < ll_catalog_rows(c); row++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s", ll_catalog_id(c, row));
    assert_string_equal(got, want);
    ll_catalog_close(c);
}

#define KEPT(want, ...)                                                                            \
    kept((const char *const[]){__VA_ARGS__},                                                       \
         (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)), want)

static void test_keep(void **state)
{
    (void)state;
    kept(NULL, 0, "ABCDE");
    KEPT("AC", "kind=hat");
    KEPT("ABC", "kind=hat", "kind=cap");
    KEPT("AB", "kind=hat", "size/eu=1", "kind=cap");
    KEPT("C", "size_eu=2", "kind=hat");
    KEPT("D", "kind==x=");
    KEPT("E", "kind=");
    KEPT("", "kind=Hat");
    KEPT("B", "id=B");
    KEPT("BD", "image=d", "image=b");
}

static void test_keep_is_checked(void **state)
{
    static const char text[] = "id,image,kind\nA,a,hat\n";
    static const struct {
        const char *keep, *want;
    } cases[] = {
        {"colour=red", "--keep colour=red: no column colour; the columns are id, image, kind"},
        {"kind", "--keep kind: write COLUMN=VALUE"},
        {"=hat", "--keep =hat: write COLUMN=VALUE"},
        {"kin=hat", "--keep kin=hat: no column kin; the columns are id, image, kind"},
    };
    char path[FIXTURE_PATH];
    (void)state;

    fixture_write("shop.csv", text, sizeof text - 1, path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ll_catalog_options options = {.keep = &cases[i].keep, .keep_count = 1};
        ll_catalog *c = NULL;
        ll_error err = LL_ERROR_INIT;
        assert_int_equal(ll_catalog_open(path, &options, &c, &err), LL_ERR_ARGUMENT);
        assert_string_equal(err.text, cases[i].want);
        assert_null(c);
    }
}

/* Rules of ids hold for the rows that are kept; rules of the file for all of them. */
static void test_keep_decides_before_ids_do(void **state)
{
    const char *const german[] = {"lang=de"};
    const ll_catalog_options options = {.keep = german, .keep_count = 1};
    ll_catalog *const c = OPENED_WITH(&options, "id,image,lang\nA,a,de\nA,a,fr\n,b,fr\nB,b,de\n");
    (void)state;

    assert_int_equal(ll_catalog_rows(c), 2);
    ll_catalog_close(c);
    REFUSED_WITH(&options, "id,image,lang\nA,a,de\nA,a,fr\nA,b,de\n", LL_ERR_FORMAT,
                 ":4: column id: duplicate id A, first on line 2");
    REFUSED_WITH(&options, "id,image,lang\nA,a,de\nA,\xFF,fr\n", LL_ERR_FORMAT,
                 ":3: column image: invalid UTF-8 (byte 0xFF)");
}

static void test_long_paths_leave_room_for_the_cause(void **state)
{
    char name[200], path[FIXTURE_PATH], want[256];
    ll_catalog *c = NULL;
    ll_error err = LL_ERROR_INIT;
    (void)state;

    memset(name, 'n', sizeof name);
    memcpy(name + sizeof name - 5, ".csv", 5);
    fixture_write(name, "id,image\nA,a\nA,b\n", 17, path);
    assert_int_equal(ll_catalog_open(path, NULL, &c, &err), LL_ERR_FORMAT);
    snprintf(want, sizeof want, "...%s:3: column id: duplicate id A, first on line 2",
             path + strlen(path) - 90);
    assert_string_equal(err.text, want);
}

/* What a nightly run waits for before it can start. The bound is for a build with sanitizers. */
static void test_100_000_rows(void **state)
{
    enum { ROWS = 100000, ROW_BYTES = 128 };
    char *const text = malloc((size_t)(ROWS + 2) * ROW_BYTES);
    size_t used = 0;
    (void)state;

    assert_non_null(text);
    used += (size_t)snprintf(text, ROW_BYTES, "id,image,kind,title,price\n");
    for (int i = 0; i < ROWS; i++)
        used += (size_t)snprintf(
            text + used, ROW_BYTES,
            "SKU-%08d,photos/%02d/%08d.jpg,kind-%d,\"A \"\"good\"\" coat, no. %d\",%d.99\n", i,
            i % 100, i, i % 17, i, i % 500);

    char path[FIXTURE_PATH];
    fixture_write("shop.csv", text, used, path);
    ll_catalog *c = NULL;
    ll_error err = LL_ERROR_INIT;
    const double begin = ll_clock_seconds();
    if (ll_catalog_open(path, NULL, &c, &err) != LL_OK) fail_msg("%s", err.text);
    const double seconds = ll_clock_seconds() - begin;
    print_message("100 000 rows, %.1f MB: %.3f s\n", (double)used / 1e6, seconds);
    assert_int_equal(ll_catalog_rows(c), ROWS);
    assert_string_equal(ll_catalog_value(c, ROWS - 1, 1), "A \"good\" coat, no. 99999");
    assert_true(seconds < 5.0);
    ll_catalog_close(c);

    used += (size_t)snprintf(text + used, ROW_BYTES, "SKU-00000007,x.jpg,kind,title,1\n");
    refused(text, used, NULL, LL_ERR_FORMAT,
            ":100002: column id: duplicate id SKU-00000007, first on line 9");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_rows_in_order),
        cmocka_unit_test(test_byte_order_mark_delimiters_and_line_ends),
        cmocka_unit_test(test_delimiter_is_sniffed_outside_quotes),
        cmocka_unit_test(test_quotes_and_spaces_are_kept_as_written),
        cmocka_unit_test(test_empty_catalogues),
        cmocka_unit_test(test_header_is_checked),
        cmocka_unit_test(test_rows_are_checked),
        cmocka_unit_test(test_ids_have_a_limit),
        cmocka_unit_test(test_errors_stay_one_line),
        cmocka_unit_test(test_fields_and_columns_have_limits),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_columns_by_option_and_template),
        cmocka_unit_test(test_urls_and_missing_images_are_rejects),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_keep_is_checked),
        cmocka_unit_test(test_keep_decides_before_ids_do),
        cmocka_unit_test(test_long_paths_leave_room_for_the_cause),
        cmocka_unit_test(test_100_000_rows),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
