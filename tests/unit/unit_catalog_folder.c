/* tests/unit/unit_catalog_folder.c - folders as catalogues: order, links, loops, refusals. */
#include "host/catalog/catalog.h"
#include "tests/unit/catalog_fixture.h"

#include <fcntl.h>

/* A fresh folder "shop" with these files in it; `path` gets its name. */
static void shop(const char *const *files, size_t count, char path[FIXTURE_PATH])
{
    char file[FIXTURE_PATH], name[512];

    fixture_path("shop", path);
    fixture_remove(path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "shop/%s", files[i]);
        for (char *slash = strchr(name + 5, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            fixture_path(name, file);
            mkdir(file, 0700); /* may be there from the file before */
            *slash = '/';
        }
        fixture_write(name, "x", 1, file);
    }
}

static void link_in_shop(const char *target, const char *name)
{
    char path[FIXTURE_PATH], full[512];
    snprintf(full, sizeof full, "shop/%s", name);
    fixture_path(full, path);
    assert_int_equal(symlink(target, path), 0);
}

static ll_catalog *opened(const char *path, const ll_catalog_options *options)
{
    ll_catalog *catalog = NULL;
    ll_error err = LL_ERROR_INIT;
    if (ll_catalog_open(path, options, &catalog, &err) != LL_OK) fail_msg("%s", err.text);
    return catalog;
}

static void has_ids(const ll_catalog *catalog, const char *const *want, int64_t count)
{
    assert_int_equal(ll_catalog_rows(catalog), count);
    for (int64_t row = 0; row < count; row++)
        assert_string_equal(ll_catalog_id(catalog, row), want[row]);
}

/* Byte order of whole paths: '-' and '.' come before '/', capitals before small letters. */
static void test_files_in_byte_order(void **state)
{
    static const char *const files[] = {"b/x.jpg", "a.jpg",   "b-1.jpg",   "B.jpg",
                                        "b.jpg",   "a/b/c/d", ".DS_Store", "\xC3\xA4.jpg"};
    static const char *const want[] = {".DS_Store", "B.jpg", "a.jpg",   "a/b/c/d",
                                       "b-1.jpg",   "b.jpg", "b/x.jpg", "\xC3\xA4.jpg"};
    char path[FIXTURE_PATH], full[FIXTURE_PATH + 16];
    char *image_path = NULL;
    ll_error err = LL_ERROR_INIT;
    (void)state;

    shop(files, 8, path);
    ll_catalog *c = opened(path, NULL);
    has_ids(c, want, 8);
    assert_string_equal(ll_catalog_image(c, 3), "a/b/c/d");
    assert_int_equal(ll_catalog_columns(c), 0);
    assert_null(ll_catalog_reject_reason(c, 0));
    assert_string_equal(ll_catalog_image_root(c), path);
    assert_int_equal(ll_catalog_path(c, 6, &image_path, &err), LL_OK);
    snprintf(full, sizeof full, "%s/b/x.jpg", path);
    assert_string_equal(image_path, full);
    free(image_path);
    ll_catalog_close(c);

    snprintf(full, sizeof full, "%s/", path);
    c = opened(full, NULL);
    assert_int_equal(ll_catalog_path(c, 6, &image_path, &err), LL_OK);
    snprintf(full, sizeof full, "%s/b/x.jpg", path);
    assert_string_equal(image_path, full);
    free(image_path);
    ll_catalog_close(c);
}

static void test_links_and_other_things(void **state)
{
    static const char *const files[] = {"women/a.jpg"};
    static const char *const want[] = {"copy.jpg", "gone.jpg", "self.jpg", "women/a.jpg"};
    char path[FIXTURE_PATH], fifo[FIXTURE_PATH];
    (void)state;

    shop(files, 1, path);
    link_in_shop("women/a.jpg", "copy.jpg");
    link_in_shop("nothing.jpg", "gone.jpg"); /* listed, so that it becomes a reject */
    link_in_shop("self.jpg", "self.jpg");
    link_in_shop("..", "women/up"); /* a loop, were it entered */
    link_in_shop(".", "here");
    fixture_path("shop/fifo", fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    ll_catalog *const c = opened(path, NULL);
    has_ids(c, want, 4);
    ll_catalog_close(c);
}

static void test_empty_folder(void **state)
{
    char path[FIXTURE_PATH];
    (void)state;

    shop(NULL, 0, path);
    ll_catalog *const c = opened(path, NULL);
    assert_int_equal(ll_catalog_rows(c), 0);
    ll_catalog_close(c);
}

static void test_keep_in_a_folder(void **state)
{
    static const char *const files[] = {"a", "b", "c"};
    static const char *const keep[] = {"id=c", "image=a", "id=a"};
    static const char *const want[] = {"a"};
    const ll_catalog_options options = {.keep = keep, .keep_count = 3};
    char path[FIXTURE_PATH];
    (void)state;

    shop(files, 3, path);
    ll_catalog *const c = opened(path, &options);
    has_ids(c, want, 1);
    ll_catalog_close(c);
}

static void refused(const char *path, const ll_catalog_options *options, ll_status code,
                    const char *want)
{
    char whole[FIXTURE_PATH + 256];
    ll_catalog *c = NULL;
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(ll_catalog_open(path, options, &c, &err), code);
    snprintf(whole, sizeof whole, "%s%s", path, want);
    assert_string_equal(err.text, whole);
    assert_null(c);
}

static void test_options_that_make_no_sense(void **state)
{
    static const char *const colour[] = {"colour=red"};
    char path[FIXTURE_PATH], root[FIXTURE_PATH], want[FIXTURE_PATH + 64];
    ll_catalog *c = NULL;
    ll_error err = LL_ERROR_INIT;
    (void)state;

    shop(NULL, 0, path);
    fixture_path("", root);
    refused(path, &(ll_catalog_options){.image_template = "{id}"}, LL_ERR_ARGUMENT,
            ": a folder takes no image template");
    refused(path, &(ll_catalog_options){.id_column = "sku"}, LL_ERR_ARGUMENT,
            ":1: column sku: missing; the columns are id, image");
    snprintf(want, sizeof want, ": a folder is its own image root, not %s", root);
    refused(path, &(ll_catalog_options){.image_root = root}, LL_ERR_ARGUMENT, want);
    assert_int_equal(
        ll_catalog_open(path, &(ll_catalog_options){.keep = colour, .keep_count = 1}, &c, &err),
        LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "--keep colour=red: no column colour; the columns are id, image");
    snprintf(root, sizeof root, "%.900s/../shop/.", path); /* the same folder, said otherwise */
    ll_catalog_close(opened(path, &(ll_catalog_options){.image_root = root}));
}

static void test_names_that_cannot_be_ids(void **state)
{
    static const char *const latin1[] = {"caf\xE9.jpg"};
    char path[FIXTURE_PATH], part[201], deep[1100] = "";
    (void)state;

    shop(latin1, 1, path);
    refused(path, NULL, LL_ERR_FORMAT, ": invalid UTF-8 in the file name caf?.jpg");

    shop(NULL, 0, path);
    memset(part, 'd', 200);
    part[200] = '\0';
    int at = open(path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 5; i++) { /* 5 x 201 bytes, then a file of 20: an id of 1025 */
        assert_int_equal(mkdirat(at, part, 0700), 0);
        const int next = openat(at, part, O_RDONLY | O_DIRECTORY);
        close(at);
        at = next;
    }
    const int file = openat(at, "twenty_bytes_long.jp", O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    close(file);
    snprintf(deep, sizeof deep, ": %.44s...: id of 1025 bytes; the limit is 1024", part);
    refused(path, NULL, LL_ERR_FORMAT, deep);
    assert_int_equal(unlinkat(at, "twenty_bytes_long.jp", 0), 0);
    close(at);
    for (int depth = 4; depth >= 0; depth--) { /* deeper than the fixture's own paths reach */
        at = open(path, O_RDONLY | O_DIRECTORY);
        for (int i = 0; i < depth; i++) {
            const int next = openat(at, part, O_RDONLY | O_DIRECTORY);
            close(at);
            at = next;
        }
        assert_int_equal(unlinkat(at, part, AT_REMOVEDIR), 0);
        close(at);
    }
}

static void test_unreadable_folder_is_an_error(void **state)
{
    static const char *const files[] = {"a/b.jpg"};
    char path[FIXTURE_PATH], closed[FIXTURE_PATH];
    ll_catalog *c = NULL;
    ll_error err = LL_ERROR_INIT;
    (void)state;

    shop(files, 1, path);
    fixture_path("shop/a", closed);
    assert_int_equal(chmod(closed, 0), 0);
    if (access(closed, R_OK) == 0) { /* root may read everything */
        chmod(closed, 0700);
        skip();
    }
    const ll_status status = ll_catalog_open(path, NULL, &c, &err);
    chmod(closed, 0700);
    assert_int_equal(status, LL_ERR_IO);
    assert_non_null(strstr(err.text, "shop/a: Permission denied"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_in_byte_order),
        cmocka_unit_test(test_links_and_other_things),
        cmocka_unit_test(test_empty_folder),
        cmocka_unit_test(test_keep_in_a_folder),
        cmocka_unit_test(test_options_that_make_no_sense),
        cmocka_unit_test(test_names_that_cannot_be_ids),
        cmocka_unit_test(test_unreadable_folder_is_an_error),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
