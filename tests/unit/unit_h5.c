/* tests/unit/unit_h5.c - what host/h5 writes comes back, and its failures name file and object. */
#include "host/base/utf8.h"
#include "host/h5/h5.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

static char path[] = "/tmp/unit_h5.XXXXXX"; /* one a test program */

static int make_path(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    ll_h5_init();
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static hid_t create(void)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = -1;
    assert_ok(ll_h5_file_create(path, &file, &err));
    return file;
}

static void finish(hid_t *file)
{
    ll_error err = LL_ERROR_INIT;
    assert_ok(ll_h5_file_finish(file, &err));
    assert_int_equal(*file, -1);
}

static hid_t reopen(void)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = -1;
    assert_ok(ll_h5_file_open(path, &file, &err));
    return file;
}

static void attributes(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = create();
    char *text = NULL;
    int64_t number = 0;
    uint64_t sum = 0;
    bool yes = false;

    (void)state;
    assert_ok(ll_h5_attribute_write_text(file, "name", "Größe", &err));
    assert_ok(ll_h5_attribute_write_text(file, "empty", "", &err));
    assert_ok(ll_h5_attribute_write_int(file, "items", INT64_MIN, &err));
    assert_ok(ll_h5_attribute_write_int(file, "items", -7, &err)); /* a second time: replaced */
    assert_ok(ll_h5_attribute_write_sum(file, "sum", UINT64_MAX, &err));
    assert_ok(ll_h5_attribute_write_bool(file, "trained", true, &err));
    finish(&file);

    file = reopen();
    assert_ok(ll_h5_attribute_read_text(file, "name", &text, &err));
    assert_string_equal(text, "Größe");
    free(text);
    assert_ok(ll_h5_attribute_read_text(file, "empty", &text, &err));
    assert_string_equal(text, "");
    free(text);
    assert_ok(ll_h5_attribute_read_int(file, "items", &number, &err));
    assert_int_equal(number, -7);
    assert_ok(ll_h5_attribute_read_sum(file, "sum", &sum, &err));
    assert_true(sum == UINT64_MAX);
    assert_ok(ll_h5_attribute_read_bool(file, "trained", &yes, &err));
    assert_true(yes);

    assert_int_equal(ll_h5_attribute_read_int(file, "name", &number, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "/name: the attribute has another type"));
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_h5_attribute_read_text(file, "none", &text, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "/none: the attribute is missing"));
    assert_null(text);
    ll_h5_close(file);
}

/* netCDF's own tools write texts of a fixed length. */
static void fixed_attribute(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = create();
    char *text = NULL;

    (void)state;
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    assert_true(H5Tset_size(type, 5) >= 0);
    const hid_t attribute = H5Acreate2(file, "fixed", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, "keras") >= 0);
    ll_h5_close(attribute);
    ll_h5_close(space);
    ll_h5_close(type);
    assert_ok(ll_h5_attribute_read_text(file, "fixed", &text, &err));
    assert_string_equal(text, "keras");
    free(text);
    finish(&file);
}

static void arrays(void **state)
{
    static const size_t k_bytes[] = {1, 2, 4, 8, 2, 4};
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), dataset = -1;
    int64_t offset = 0;

    (void)state;
    for (int i = LL_H5_UINT8; i < LL_H5_TEXT; i++) {
        const char *const name = ll_h5_type_name((ll_h5_type)i);
        ll_h5_shape shape = {(ll_h5_type)i, 2, {30, 100}};
        assert_int_equal(ll_h5_type_bytes((ll_h5_type)i), k_bytes[i]);
        assert_ok(ll_h5_dataset_create(file, name, &shape, &dataset, &err));
        assert_ok(ll_h5_dataset_offset(dataset, 3000 * k_bytes[i], &offset, &err));
        if (k_bytes[i] > 1) assert_int_equal(offset % 4096, 0);
        ll_h5_close(dataset);
    }
    finish(&file);

    file = reopen();
    for (int i = LL_H5_UINT8; i < LL_H5_TEXT; i++) {
        const char *const name = ll_h5_type_name((ll_h5_type)i);
        ll_h5_shape shape = {(ll_h5_type)i, 2, {-1, 100}}, found;
        assert_ok(ll_h5_dataset_open(file, name, &shape, &dataset, &err));
        assert_int_equal(shape.extents[0], 30);
        ll_h5_close(dataset);
        assert_ok(ll_h5_dataset_shape(file, name, &found, &err));
        assert_int_equal(found.type, i);
        assert_int_equal(found.extents[1], 100);
        /* The same bytes, another type: no two of ours are taken for each other. */
        shape.type = (ll_h5_type)((i + 1) % LL_H5_TEXT);
        assert_int_equal(ll_h5_dataset_open(file, name, &shape, &dataset, NULL), LL_ERR_FORMAT);
        assert_int_equal(dataset, -1);
    }
    ll_h5_shape shape = {LL_H5_UINT8, 2, {31, 100}};
    assert_int_equal(ll_h5_dataset_open(file, "uint8", &shape, &dataset, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "/uint8: is 30 long on axis 0, not 31"));
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_h5_dataset_open(file, "none", &shape, &dataset, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "/none: missing"));
    ll_h5_close(file);
}

/* 1.0 in float16 is 0x3C00, and HDF5's own conversion agrees. */
static void float16(void **state)
{
    const uint16_t halves[] = {0x3C00, 0x3800, 0x0001, 0x7BFF, 0xC000};
    const float floats[] = {1.0f, 0.5f, 0x1p-24f, 65504.0f, -2.0f};
    float converted[5];
    const hid_t type = ll_h5_type_open(LL_H5_FLOAT16);

    (void)state;
    memset(converted, 0, sizeof converted);
    memcpy(converted, halves, sizeof halves);
    assert_true(H5Tconvert(type, H5T_NATIVE_FLOAT, 5, converted, NULL, H5P_DEFAULT) >= 0);
    assert_memory_equal(converted, floats, sizeof floats);
    ll_h5_close(type);
}

static void texts(void **state)
{
    enum { COUNT = 5000 }; /* several heaps */
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), dataset = -1;
    static char written[COUNT][64];
    const char *pointers[COUNT];
    ll_h5_shape shape = {LL_H5_TEXT, 1, {COUNT}};
    ll_h5_map map = {NULL, 0};
    ll_h5_text_array array;
    ll_h5_texts read;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        snprintf(written[i], sizeof written[i], "%.*sé%d", i % 50, /* every length */
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i);
        if (i % 7 == 0) written[i][0] = '\0';
        pointers[i] = written[i];
    }
    assert_ok(ll_h5_dataset_create(file, "texts", &shape, &dataset, &err));
    assert_ok(ll_h5_texts_write(dataset, pointers, COUNT, &err));
    ll_h5_close(dataset);
    finish(&file);

    file = reopen();
    assert_ok(ll_h5_map_open(file, &map, &err));
    assert_ok(ll_h5_dataset_open(file, "texts", &shape, &dataset, &err));
    assert_ok(ll_h5_texts_bind(dataset, &map, COUNT, &array, &err));
    assert_int_equal(ll_h5_texts_bind(dataset, &map, COUNT + 1, &array, NULL), LL_ERR_FORMAT);
    assert_ok(ll_h5_texts_bind(dataset, &map, COUNT, &array, &err));
    ll_h5_close(dataset);
    ll_h5_close(file); /* the map needs it no more */
    assert_ok(ll_h5_texts_read(&array, "texts", &read, &err));
    for (int i = 0; i < COUNT; i++) {
        const int index = i * 3 % COUNT; /* backwards at times */
        const char *bytes = NULL;
        size_t length = 0;
        assert_string_equal(read.items[i], written[i]);
        assert_true(ll_h5_text_at(&array, index, &bytes, &length));
        assert_int_equal(length, strlen(written[index]));
        assert_memory_equal(bytes, written[index], length);
    }
    ll_h5_texts_release(&read);
    ll_h5_map_close(&map);
}

/* Turn one bit of the file: of the byte `back` before the first place that says `text`. */
static void flip(const char *text, size_t back, uint8_t mask)
{
    enum { FILE_BYTES = 1 << 20 };
    static char bytes[FILE_BYTES];
    FILE *const file = fopen(path, "r+b");
    size_t at = back;

    assert_non_null(file);
    const size_t size_bytes = fread(bytes, 1, sizeof bytes, file);
    while (at + strlen(text) <= size_bytes && memcmp(bytes + at, text, strlen(text)) != 0)
        at++;
    assert_true(at + strlen(text) <= size_bytes);
    bytes[at - back] = (char)(bytes[at - back] ^ mask);
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

/* COUNT texts of 48 bytes, which are objects of 64, and an attribute that is longer than the buffer
 * libhdf5 reads texts into. */
enum { COUNT = 500, LENGTH = 48, LONG = 6000 };

static void write_texts(void)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), dataset = -1;
    static char written[COUNT][LENGTH + 1], text[LONG + 1];
    const char *pointers[COUNT];
    const ll_h5_shape shape = {LL_H5_TEXT, 1, {COUNT}};

    for (int i = 0; i < COUNT; i++) {
        snprintf(written[i], sizeof written[i], "%0*d", LENGTH, i);
        pointers[i] = written[i];
    }
    memset(text, 'x', LONG);
    assert_ok(ll_h5_dataset_create(file, "texts", &shape, &dataset, &err));
    assert_ok(ll_h5_texts_write(dataset, pointers, COUNT, &err));
    ll_h5_close(dataset);
    assert_ok(ll_h5_attribute_write_text(file, "long", text, &err));
    assert_ok(ll_h5_attribute_write_text(file, "short", "a short one", &err));
    finish(&file);
}

/* What libhdf5 says to the texts, and what we do. */
static bool hdf5_reads(hid_t dataset)
{
    char *texts[COUNT] = {NULL};
    const hid_t type = ll_h5_type_open(LL_H5_TEXT), space = H5Dget_space(dataset);
    const bool done = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) >= 0;

    if (done) assert_true(H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts) >= 0);
    ll_h5_close(space);
    ll_h5_close(type);
    return done;
}

static bool we_read(hid_t file, hid_t dataset)
{
    ll_error err = LL_ERROR_INIT;
    ll_h5_map map = {NULL, 0};
    ll_h5_text_array array;
    ll_h5_texts texts;

    assert_ok(ll_h5_map_open(file, &map, &err));
    assert_ok(ll_h5_texts_bind(dataset, &map, COUNT, &array, &err));
    const bool done = ll_h5_texts_read(&array, "texts", &texts, NULL) == LL_OK;
    if (done) ll_h5_texts_release(&texts);
    ll_h5_map_close(&map);
    return done;
}

/* All of it lies in one heap, which libhdf5 is given whole or not at all. Where it is given one
 * that misses objects, it makes up their texts; we do not. */
static void damaged_heaps(void **state)
{
    static const char k_42[] = "000000000000000000000000000000000000000000000042";
    static const struct {
        const char *text;
        size_t back; /* bytes before it; the head of its object is 16: number, references, size */
        uint8_t mask;
        bool damaged, misses;
    } k_flips[] = {
        {k_42, 0, 1, false, false},  /* another text, but a text */
        {k_42, 16, 1, true, true},   /* its number is another's */
        {k_42, 15, 64, false, true}, /* or nobody's */
        {k_42, 14, 1, false, false}, /* the count of references is not asked for */
        {k_42, 8, 4, true, true},    /* its size */
        {k_42, 8, 128, false, true}, /* longer by the two texts behind it: all else is in order */
        {k_42, 7, 16, true, true},   /* by 64 texts: the same, but beyond libhdf5's buffer */
        {k_42, 1, 128, true, true},     {"a short one", 8, 128, true, true},
        {"xxxxxxxx", 7, 2, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof k_flips / sizeof k_flips[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        char *text = NULL;
        write_texts();
        flip(k_flips[i].text, k_flips[i].back, k_flips[i].mask);
        hid_t file = reopen();
        const hid_t dataset = H5Dopen2(file, "texts", H5P_DEFAULT);
        const ll_status status = ll_h5_attribute_read_text(file, "long", &text, &err);
        assert_int_equal(status, k_flips[i].damaged ? LL_ERR_FORMAT : LL_OK);
        assert_int_equal(hdf5_reads(dataset), !k_flips[i].damaged);
        assert_int_equal(we_read(file, dataset), !k_flips[i].misses);
        if (status == LL_OK)
            assert_int_equal(strlen(text), LONG);
        else
            assert_non_null(
                strstr(err.text, "/long: cannot read the attribute: the global heap at byte "));
        free(text);
        ll_h5_close(dataset);
        ll_h5_close(file);
    }
}

static void groups(void **state)
{
    static const char *const k_names[] = {"zebra", "Mütze", "apple", "10", "9"};
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), group = -1, child = -1;
    char **names = NULL;
    int count = 0;

    (void)state;
    assert_ok(ll_h5_group_create(file, "items", &group, &err));
    for (int i = 0; i < 5; i++) {
        assert_ok(ll_h5_group_create(group, k_names[i], &child, &err));
        ll_h5_close(child);
    }
    assert_int_equal(ll_h5_group_create(group, "apple", &child, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, ": /items/apple: cannot create the group: "));
    assert_null(strchr(err.text, '\n'));
    err = (ll_error)LL_ERROR_INIT;
    assert_true(ll_h5_exists(group, "apple"));
    assert_false(ll_h5_exists(group, "pear"));
    assert_ok(ll_h5_group_names(group, &names, &count, &err));
    assert_int_equal(count, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(names[i], k_names[i]); /* as they were made, not by name */
    ll_h5_names_free(names, count);
    ll_h5_close(group);
    finish(&file);
}

/* An attribute is read back whole; a name too long for an error's line ends in dots. */
static void long_texts(void **state)
{
    enum { LONGEST = 999 };
    static char value[100 * LONGEST + 1];
    char name[LONGEST + 1], *text = NULL;
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), group = -1, child = -1;

    (void)state;
    memset(value, 'v', sizeof value - 1);
    assert_ok(ll_h5_attribute_write_text(file, "engines", value, &err));
    assert_ok(ll_h5_attribute_read_text(file, "engines", &text, &err));
    assert_string_equal(text, value);
    free(text);
    for (int i = 0; i < LONGEST; i += 3) /* the euro sign */
        memcpy(name + i, "\xE2\x82\xAC", 3);
    name[LONGEST] = '\0';
    assert_ok(ll_h5_group_create(file, name, &group, &err));
    assert_int_equal(ll_h5_group_open(group, "none", &child, &err), LL_ERR_FORMAT);
    assert_int_equal(ll_utf8_check(err.text, strlen(err.text)), strlen(err.text));
    assert_non_null(strstr(err.text, "\xE2\x82\xAC.../none: missing"));
    ll_h5_close(group);
    finish(&file);
}

static void files(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = -1;

    (void)state;
    assert_int_equal(ll_h5_file_open("/nowhere.h5", &file, &err), LL_ERR_IO);
    assert_string_equal(err.text, "/nowhere.h5: No such file or directory");
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_h5_file_open("/tmp", &file, &err), LL_ERR_FORMAT);
    assert_string_equal(err.text, "/tmp: not a regular file");
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(ll_h5_file_open(path, &file, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "not a readable HDF5 file"));
    assert_int_equal(file, -1);

    /* A FIFO nobody writes to must not hang us. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ll_h5_file_open(path, &file, NULL), LL_ERR_FORMAT);

    /* A file that tonight's writer has locked is read all the same. */
    assert_int_equal(unlink(path), 0);
    file = create();
    finish(&file);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    file = reopen();
    ll_h5_close(file);
    close(fd);
    ll_h5_close(-1);
}

static void scales(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), scale = -1, dataset = -1;
    const ll_h5_shape shape = {LL_H5_FLOAT32, 2, {3, 7}};
    char *name = NULL;

    (void)state;
    assert_ok(ll_h5_scale_create(file, "feature", 7, &scale, &err));
    assert_ok(ll_h5_dataset_create(file, "features", &shape, &dataset, &err));
    assert_ok(ll_h5_scale_attach(dataset, 1, scale, &err));
    assert_int_equal(ll_h5_scale_attach(dataset, 2, scale, NULL), LL_ERR_IO);
    assert_ok(ll_h5_attribute_read_text(scale, "NAME", &name, &err));
    assert_string_equal(name, "This is a netCDF dimension but not a netCDF variable         7");
    free(name);
    assert_true(H5Aexists(dataset, "DIMENSION_LIST") > 0);
    assert_int_equal(H5Dget_storage_size(scale), 0);
    ll_h5_close(dataset);
    ll_h5_close(scale);
    finish(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes),    cmocka_unit_test(fixed_attribute),
        cmocka_unit_test(arrays),        cmocka_unit_test(float16),
        cmocka_unit_test(texts),         cmocka_unit_test(groups),
        cmocka_unit_test(scales),        cmocka_unit_test(files),
        cmocka_unit_test(damaged_heaps), cmocka_unit_test(long_texts),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
