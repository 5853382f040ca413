/* tests/unit/unit_check_objects.c - what only a stranger's reader opens is verified too: pure
 * scales, what ties them to axes, attributes nobody digests. Flipped bits, and files made with HDF5
 * so that its checksums are right; and what a stranger may add is no damage. */
#include "host/base/file.h"
#include "host/store/check.h"
#include "host/store/reader_state.h"
#include "host/store/web_copy.h"
#include "tests/index_fixture.h"
#include "tests/test.h"

#include <fcntl.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

static char path[] = "/tmp/unit_check_objects.XXXXXX"; /* one a test program */

static const ll_fixture_spec k_spec = {
    .items = 12,
    .features = 16,
    .neighbors = 5,
    .rejected = 3,
    .matrix = LL_MATRIX_UINT16,
    .columns = 10,
};

static int make_path(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_valid_index(void)
{
    ll_error err = LL_ERROR_INIT;
    assert_ok(ll_fixture_make(&k_spec, path, &err));
}

struct lines {
    char text[8192];
};

static void record_line(void *to, const char *line)
{
    struct lines *const lines = to;
    const size_t length = strlen(lines->text);
    snprintf(lines->text + length, sizeof lines->text - length, "%s\n", line);
}

static int64_t check_file(struct lines *lines)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    const ll_log log = {.to = lines, .line = record_line};
    int64_t damages = 0;

    lines->text[0] = '\0';
    assert_ok(ll_reader_open(path, &reader, &err));
    assert_ok(ll_store_check(reader, 4, 1, &log, &damages, &err));
    ll_reader_close(reader);
    return damages;
}

static void assert_clean(void)
{
    struct lines lines;
    if (check_file(&lines) != 0) fail_msg("%s", lines.text);
}

/* `what` is a finding, from its beginning on. */
static void assert_found(const char *what)
{
    struct lines lines;
    const int64_t damages = check_file(&lines);
    const char *const at = strstr(lines.text, what);
    if (damages == 0 || at == NULL || (at != lines.text && at[-1] != '\n'))
        fail_msg("'%s' is not among %lld findings:\n%s", what, (long long)damages, lines.text);
}

/* ---- flipped bits ----------------------------------------------------------------------- */

static void flip(int64_t offset, uint8_t mask)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t byte = 0;
    const int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_ok(ll_file_pread(fd, &byte, 1, offset, path, &err));
    byte ^= mask;
    assert_ok(ll_file_pwrite(fd, &byte, 1, offset, path, &err));
    close(fd);
}

static int64_t find(const void *bytes, size_t count)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t *file = NULL;
    size_t size_bytes = 0, at = 0;

    assert_ok(ll_file_read(path, (size_t)1 << 30, &file, &size_bytes, &err));
    while (at + count <= size_bytes && memcmp(file + at, bytes, count) != 0)
        at++;
    assert_true(at + count <= size_bytes);
    free(file);
    return (int64_t)at;
}

/* Where its object header begins. */
static uint64_t address_of(const char *object)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = -1;
    hobj_ref_t address = 0;

    assert_ok(ll_h5_file_open(path, &file, &err));
    assert_true(H5Rcreate(&address, file, object, H5R_OBJECT, -1) >= 0);
    ll_h5_close(file);
    return address;
}

static void flipped_scales(void **state)
{
    static const char *const k_scales[] = {
        "/feature", "/rank", "/digest_byte", "/reject", "/id_byte", "/id_offset", "/block",
    };
    char what[64];

    (void)state;
    write_valid_index();
    for (size_t i = 0; i < sizeof k_scales / sizeof k_scales[0]; i++) {
        const int64_t at = (int64_t)address_of(k_scales[i]);
        snprintf(what, sizeof what, "%s: cannot be opened: ", k_scales[i]);
        for (int byte = 4; byte < 100; byte += 19) {
            flip(at + byte, 4);
            assert_found(what);
            flip(at + byte, 4);
        }
    }
    assert_clean();
}

/* A tie is an object of 8 bytes in a heap, the address of a scale; the first to /rank is that of
 * /neighbors/index. */
static void flipped_ties(void **state)
{
    (void)state;
    write_valid_index();
    const uint64_t object[] = {8, address_of("/rank")};
    const int64_t at = find(object, sizeof object);
    for (int bit = 0; bit < 64; bit++) {
        flip(at + 8 + bit / 8, (uint8_t)(1 << bit % 8));
        assert_found("/neighbors/index: axis 1 is not tied to /rank\n");
        flip(at + 8 + bit / 8, (uint8_t)(1 << bit % 8));
    }
    flip(at, 4); /* its size */
    assert_found("/features: attribute DIMENSION_LIST cannot be read: the global heap at byte ");
    flip(at, 4);
    assert_clean();
}

/* `created` is not in the generation, and a web copy's generation is not its own. */
static void flipped_attributes(void **state)
{
    static const char *const k_texts[] = {"2026-11-23T04:00:00Z", "turbojpeg 2.1.5", "CC-BY 4.0"};
    ll_error err = LL_ERROR_INIT;

    (void)state;
    for (int web = 0; web < 2; web++) {
        char full[sizeof path + 8];
        ll_reader *reader = NULL;
        write_valid_index();
        if (web == 1) {
            snprintf(full, sizeof full, "%s.full", path);
            assert_int_equal(rename(path, full), 0);
            assert_ok(ll_reader_open(full, &reader, &err));
            assert_ok(ll_store_copy_web(reader, path, NULL, &err));
            ll_reader_close(reader);
            unlink(full);
        }
        assert_clean();
        for (size_t i = 0; i < sizeof k_texts / sizeof k_texts[0]; i++) {
            const int64_t at = find(k_texts[i], strlen(k_texts[i])) + 3;
            flip(at, 1);
            assert_found("/: an attribute is damaged\n");
            flip(at, 1);
        }
    }
}

/* ---- made with HDF5 --------------------------------------------------------------------- */

static hid_t open_at(hid_t file, const char *name)
{
    const hid_t object = H5Oopen(file, name, H5P_DEFAULT);
    assert_true(object >= 0);
    return object;
}

static void delete_attribute(hid_t file, const char *object, const char *name)
{
    assert_true(H5Adelete_by_name(file, object, name, H5P_DEFAULT) >= 0);
}

static void detach(hid_t file)
{
    const hid_t dataset = open_at(file, "/features"), scale = open_at(file, "/feature");
    assert_true(H5DSdetach_scale(dataset, scale, 1) >= 0);
    ll_h5_close(scale);
    ll_h5_close(dataset);
}

static void lose_scale(hid_t file)
{
    assert_true(H5Ldelete(file, "/rank", H5P_DEFAULT) >= 0);
}

static void replace_scale(hid_t file)
{
    ll_error err = LL_ERROR_INIT;
    hid_t group = -1;
    lose_scale(file);
    assert_ok(ll_h5_group_create(file, "rank", &group, &err));
    ll_h5_close(group);
}

static void lose_class(hid_t file)
{
    delete_attribute(file, "/block", "CLASS");
}

static void rename_scale(hid_t file)
{
    const hid_t scale = open_at(file, "/item");
    delete_attribute(file, "/item", "NAME");
    assert_true(H5LTset_attribute_string(file, "/item", "NAME", "items") >= 0);
    ll_h5_close(scale);
}

static void lose_uses(hid_t file)
{
    delete_attribute(file, "/reject", "REFERENCE_LIST");
}

static void lose_axes(hid_t file)
{
    delete_attribute(file, "/items/attributes/c7", "DIMENSION_LIST");
}

static void replace_axes(hid_t file)
{
    const int numbers[] = {1, 2};
    delete_attribute(file, "/features", "DIMENSION_LIST");
    assert_true(H5LTset_attribute_int(file, "/features", "DIMENSION_LIST", numbers, 2) >= 0);
}

static void replace_uses(hid_t file)
{
    delete_attribute(file, "/rank", "REFERENCE_LIST");
    assert_true(H5LTset_attribute_string(file, "/rank", "REFERENCE_LIST", "none") >= 0);
}

static void change_factor(hid_t file)
{
    ll_error err = LL_ERROR_INIT;
    const hid_t dataset = open_at(file, "/similarity");
    assert_ok(ll_h5_attribute_write_float(dataset, "scale_factor", 1.0f / 65536.0f, &err));
    ll_h5_close(dataset);
}

static void lose_factor(hid_t file)
{
    delete_attribute(file, "/similarity", "scale_factor");
}

static void narrow_items(hid_t file)
{
    const int items = (int)k_spec.items;
    delete_attribute(file, "/", "items");
    assert_true(H5LTset_attribute_int(file, "/", "items", &items, 1) >= 0);
}

static void lead_nowhere(hid_t file)
{
    assert_true(H5Lcreate_soft("/gone", file, "/soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
}

static void untied(void **state)
{
    static const struct {
        void (*edit)(hid_t file);
        const char *found;
    } k_edits[] = {
        {detach, "/features: axis 1 is not tied to /feature\n"},
        {detach, "/feature: is not tied to axis 1 of /features\n"},
        {lose_scale, "/rank: missing\n"},
        {lose_scale, "/neighbors/index: DIMENSION_LIST names what is no object\n"},
        {replace_scale, "/rank: is no dataset\n"},
        {lose_class, "/block/CLASS: the attribute is missing\n"},
        {rename_scale, "/item/NAME: the attribute is not 'item'\n"},
        {lose_uses, "/reject: is not tied to axis 0 of /rejected/reason\n"},
        {lose_axes, "/items/attributes/c7: axis 0 is not tied to /item\n"},
        {replace_axes, "/features/DIMENSION_LIST: cannot read the attribute: "},
        {replace_uses, "/rank/REFERENCE_LIST: the attribute has another shape\n"},
        {change_factor, "/similarity: scale_factor is 1.52587891e-05, not 1.52590219e-05\n"},
        {lose_factor, "/similarity/scale_factor: the attribute is missing\n"},
        {narrow_items, "/items: the attribute has another type\n"},
        {lead_nowhere, "/soft: is a link that leads nowhere\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof k_edits / sizeof k_edits[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        hid_t file = -1;
        write_valid_index();
        assert_ok(ll_h5_file_edit(path, &file, &err));
        k_edits[i].edit(file);
        assert_ok(ll_h5_file_finish(&file, &err));
        assert_found(k_edits[i].found);
    }
}

/* A file from before its root had a checksum, with a stranger's dataset, group, links, scale and
 * notes in it. */
static void strangers(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = -1, dataset = -1, group = -1, scale = -1;
    const ll_h5_shape shape = {LL_H5_FLOAT32, 2, {12, 4}};

    (void)state;
    write_valid_index();
    assert_ok(ll_h5_file_edit(path, &file, &err));
    assert_true(H5Adelete(file, "xxh3_64") >= 0);
    assert_ok(ll_h5_attribute_write_text(file, "note", "seen", &err));
    assert_ok(ll_h5_group_create(file, "ours", &group, &err));
    assert_ok(ll_h5_dataset_create(group, "clusters", &shape, &dataset, &err));
    assert_ok(ll_h5_scale_create(group, "cluster", 4, &scale, &err));
    assert_ok(ll_h5_scale_attach(dataset, 1, scale, &err));
    ll_h5_close(scale);
    scale = open_at(file, "/item");
    assert_ok(ll_h5_scale_attach(dataset, 0, scale, &err));
    assert_ok(ll_h5_attribute_write_text(dataset, "units", "1", &err));
    assert_true(H5Lcreate_hard(file, "/norms", group, "lengths", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_soft("/norms", group, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    ll_h5_close(scale);
    ll_h5_close(dataset);
    ll_h5_close(group);
    assert_ok(ll_h5_file_finish(&file, &err));
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flipped_scales),     cmocka_unit_test(flipped_ties),
        cmocka_unit_test(flipped_attributes), cmocka_unit_test(untied),
        cmocka_unit_test(strangers),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
