/* tests/unit/unit_h5_tree.c - a file as a stranger opens it: every link, object and attribute, the
 * ties between axes and scales; and each thing that is not as it was made is named. */
#include "host/h5/h5.h"
#include "host/h5/h5_tree.h"
#include "tests/test.h"

#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

static char path[] = "/tmp/unit_h5_tree.XXXXXX"; /* one a test program */

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

struct faults {
    int count;
    char text[2048];
};

static void record_fault(void *to, const char *text)
{
    struct faults *const faults = to;
    const size_t length = strlen(faults->text);
    faults->count++;
    snprintf(faults->text + length, sizeof faults->text - length, "%s\n", text);
}

static hid_t create(void)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = -1;
    assert_ok(ll_h5_file_create(path, &file, &err));
    return file;
}

static hid_t finish_and_reopen(hid_t file)
{
    ll_error err = LL_ERROR_INIT;
    assert_ok(ll_h5_file_finish(&file, &err));
    assert_ok(ll_h5_file_open(path, &file, &err));
    return file;
}

static hid_t dataset_in(hid_t parent, const char *name)
{
    ll_error err = LL_ERROR_INIT;
    const ll_h5_shape shape = {LL_H5_FLOAT32, 2, {3, 7}};
    hid_t dataset = -1;
    assert_ok(ll_h5_dataset_create(parent, name, &shape, &dataset, &err));
    return dataset;
}

/* ---- links and attributes -------------------------------------------------------------- */

static void links(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), group = -1;
    struct faults faults = {0, ""};
    ll_h5_tree tree;

    (void)state;
    assert_ok(ll_h5_group_create(file, "items", &group, &err));
    ll_h5_close(dataset_in(group, "image"));
    assert_true(H5Lcreate_hard(group, "image", file, "alias", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_hard(file, "/", group, "up", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_soft("/items/image", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(
        H5Lcreate_external("/nowhere.h5", "/", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    ll_h5_close(group);
    file = finish_and_reopen(file);
    assert_ok(ll_h5_tree_read(file, record_fault, &faults, &tree, &err));
    assert_string_equal(faults.text, "");
    assert_int_equal(tree.count, 5); /* "/", "/alias", "/items", "/items/image", "/items/up" */
    assert_string_equal(tree.objects[0].path, "/");
    const ll_h5_object *const image = ll_h5_tree_find(&tree, "/items/image");
    assert_non_null(image);
    assert_int_equal(image->kind, H5I_DATASET);
    assert_int_equal(ll_h5_tree_find(&tree, "/items")->kind, H5I_GROUP);
    assert_true(ll_h5_tree_find(&tree, "/alias")->address == image->address);
    assert_true(ll_h5_tree_find(&tree, "/items/up")->address == tree.objects[0].address);
    assert_null(ll_h5_tree_find(&tree, "/soft"));
    assert_true(ll_h5_tree_has(&tree, image->address));
    assert_false(ll_h5_tree_has(&tree, image->address + 1));
    ll_h5_tree_release(&tree);
    ll_h5_close(file);

    file = create();
    assert_true(H5Lcreate_soft("/gone", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    file = finish_and_reopen(file);
    assert_ok(ll_h5_tree_read(file, record_fault, &faults, &tree, &err));
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.text, "/soft: is a link that leads nowhere"));
    ll_h5_tree_release(&tree);
    ll_h5_close(file);
}

/* Whatever a stranger may add is read: texts, lists, references, nothing at all. */
static void write_strange(hid_t object)
{
    const hsize_t two = 2;
    hobj_ref_t references[2] = {0, 0};
    hvl_t lists[2] = {{2, references}, {0, NULL}};
    const hid_t space = H5Screate_simple(1, &two, NULL), null = H5Screate(H5S_NULL);
    const hid_t list = H5Tvlen_create(H5T_STD_REF_OBJ);
    const struct {
        const char *name;
        hid_t type, space;
        const void *value;
    } attributes[] = {
        {"lists", list, space, lists},
        {"numbers", H5T_IEEE_F64BE, space, (const double[]){1.0, 2.0}},
        {"nothing", H5T_STD_I8LE, null, NULL},
    };

    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        const hid_t attribute = H5Acreate2(object, attributes[i].name, attributes[i].type,
                                           attributes[i].space, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(attribute >= 0);
        if (attributes[i].value != NULL)
            assert_true(H5Awrite(attribute, attributes[i].type, attributes[i].value) >= 0);
        ll_h5_close(attribute);
    }
    ll_h5_close(list);
    ll_h5_close(null);
    ll_h5_close(space);
}

/* One bit of the byte `back` before the first place that says `text`. */
static void flip(const char *text, size_t back)
{
    static char bytes[1 << 20];
    FILE *const file = fopen(path, "r+b");
    size_t at = back;

    assert_non_null(file);
    const size_t size_bytes = fread(bytes, 1, sizeof bytes, file);
    while (at + strlen(text) <= size_bytes && memcmp(bytes + at, text, strlen(text)) != 0)
        at++;
    assert_true(at + strlen(text) <= size_bytes);
    bytes[at - back] = (char)(bytes[at - back] ^ 1);
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

/* Of 20 members and attributes each HDF5 keeps trees: they are damaged in other places. */
static void damaged(void **state)
{
    enum { MANY = 20 };
    static const struct {
        const char *text;
        size_t back;
        const char *fault;
    } k_damages[] = {
        {"numbers", 0, "/deep/image: cannot be opened: "},
        {"attribute-13", 0, "/: attribute "}, /* the order it comes in is that of hashes */
        {"member-13", 0, "/deep: cannot list its members: "},
        {"a text", 16, "/: attribute attribute-0 cannot be read: the global heap at byte "},
    };
    char name[32];

    (void)state;
    for (size_t i = 0; i < sizeof k_damages / sizeof k_damages[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        hid_t file = create(), group = -1;
        struct faults faults = {0, ""};
        ll_h5_tree tree;

        assert_ok(ll_h5_group_create(file, "deep", &group, &err));
        const hid_t dataset = dataset_in(group, "image");
        write_strange(dataset);
        ll_h5_close(dataset);
        for (int k = 0; k < MANY; k++) {
            snprintf(name, sizeof name, "member-%d", k);
            ll_h5_close(dataset_in(group, name));
            snprintf(name, sizeof name, "attribute-%d", k);
            assert_ok(ll_h5_attribute_write_text(file, name, k == 13 ? "a text" : "", &err));
        }
        ll_h5_close(group);
        file = finish_and_reopen(file);
        assert_ok(ll_h5_tree_read(file, record_fault, &faults, &tree, &err));
        assert_string_equal(faults.text, "");
        assert_int_equal(tree.count, 3 + MANY);
        ll_h5_tree_release(&tree);
        ll_h5_close(file);

        flip(k_damages[i].text, k_damages[i].back);
        assert_ok(ll_h5_file_open(path, &file, &err));
        assert_ok(ll_h5_tree_read(file, record_fault, &faults, &tree, &err));
        if (strstr(faults.text, k_damages[i].fault) != faults.text)
            fail_msg("'%s' does not begin with '%s'", faults.text, k_damages[i].fault);
        ll_h5_tree_release(&tree);
        ll_h5_close(file);
    }
}

/* ---- what is checked of one object ------------------------------------------------------ */

static void assert_refused(ll_status status, const ll_error *err, const char *text)
{
    assert_int_equal(status, LL_ERR_FORMAT);
    if (strstr(err->text, text) == NULL) fail_msg("'%s' is not in '%s'", text, err->text);
}

static hid_t strange_dataset(hid_t file, const char *name, hid_t type, hsize_t limit,
                             hid_t creation)
{
    const hsize_t extent = 3;
    const hid_t space = H5Screate_simple(1, &extent, &limit);
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);

    assert_true(dataset >= 0);
    ll_h5_close(space);
    return dataset;
}

static void datasets(void **state)
{
    const hsize_t chunk = 3;
    const float seven = 7.0f;
    hid_t file = create();
    const hid_t text = H5Tcopy(H5T_C_S1), chunked = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t filled = H5Pcreate(H5P_DATASET_CREATE);

    (void)state;
    assert_true(H5Tset_size(text, H5T_VARIABLE) >= 0); /* ASCII by type */
    assert_true(H5Pset_chunk(chunked, 1, &chunk) >= 0);
    assert_true(H5Pset_fill_value(filled, H5T_NATIVE_FLOAT, &seven) >= 0);
    const struct {
        hid_t type, creation;
        hsize_t limit;
        const char *refusal;
    } k_datasets[] = {
        {H5T_IEEE_F32LE, H5P_DEFAULT, 3, NULL},
        {H5T_IEEE_F32LE, chunked, 9, "/d1: is chunked, filtered, virtual or stored elsewhere"},
        {text, H5P_DEFAULT, 3, "/d2: is not UTF-8"},
        {H5T_IEEE_F32LE, filled, 3, "/d3: has a fill value of its own"},
    };
    for (size_t i = 0; i < sizeof k_datasets / sizeof k_datasets[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        char name[8];
        snprintf(name, sizeof name, "d%zu", i);
        const hid_t dataset = strange_dataset(file, name, k_datasets[i].type, k_datasets[i].limit,
                                              k_datasets[i].creation);
        const ll_status status = ll_h5_dataset_check(dataset, &err);
        if (k_datasets[i].refusal == NULL)
            assert_int_equal(status, LL_OK);
        else
            assert_refused(status, &err, k_datasets[i].refusal);
        ll_h5_close(dataset);
    }
    ll_h5_close(filled);
    ll_h5_close(chunked);
    ll_h5_close(text);
    ll_h5_close(finish_and_reopen(file));
}

static void attributes(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = create();
    const hid_t text = ll_h5_type_open(LL_H5_TEXT);
    float number = 0.0f;

    (void)state;
    assert_ok(ll_h5_attribute_write_int(file, "items", 7, &err));
    assert_ok(ll_h5_attribute_write_text(file, "layer", "fc2", &err));
    assert_ok(ll_h5_attribute_write_float(file, "factor", 0.25f, &err));
    assert_ok(ll_h5_attribute_check(file, "items", H5T_STD_I64LE, &err));
    assert_ok(ll_h5_attribute_check(file, "layer", text, &err));
    assert_ok(ll_h5_attribute_check(file, "none", text, &err)); /* another's question */
    assert_ok(ll_h5_attribute_read_float(file, "factor", &number, &err));
    assert_true(number == 0.25f);
    assert_refused(ll_h5_attribute_check(file, "items", H5T_STD_I32LE, &err), &err,
                   "/items: the attribute has another type");
    err = (ll_error)LL_ERROR_INIT;
    assert_refused(ll_h5_attribute_check(file, "layer", H5T_C_S1, &err), &err,
                   "/layer: the attribute has another type");
    ll_h5_close(text);
    ll_h5_close(finish_and_reopen(file));
}

/* ---- scales ----------------------------------------------------------------------------- */

static void ties(void **state)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = create(), rows = -1, columns = -1;
    hobj_ref_t rows_at = 0, columns_at = 0, dataset_at = 0;
    ll_h5_scale_ref *found = NULL;
    int64_t count = 0;

    (void)state;
    const hid_t dataset = dataset_in(file, "scores");
    assert_ok(ll_h5_scale_create(file, "row", 3, &rows, &err));
    assert_ok(ll_h5_scale_create(file, "column", 7, &columns, &err));
    assert_ok(ll_h5_scale_axes(dataset, &found, &count, &err));
    assert_int_equal(count, 0);
    free(found);
    assert_ok(ll_h5_scale_attach(dataset, 0, rows, &err));
    assert_ok(ll_h5_scale_attach(dataset, 1, columns, &err));
    assert_true(H5Rcreate(&rows_at, file, "row", H5R_OBJECT, -1) >= 0);
    assert_true(H5Rcreate(&columns_at, file, "column", H5R_OBJECT, -1) >= 0);
    assert_true(H5Rcreate(&dataset_at, file, "scores", H5R_OBJECT, -1) >= 0);
    assert_ok(ll_h5_scale_axes(dataset, &found, &count, &err));
    assert_int_equal(count, 2);
    assert_true(found[0].object == rows_at && found[0].axis == 0);
    assert_true(found[1].object == columns_at && found[1].axis == 1);
    free(found);
    assert_ok(ll_h5_scale_uses(columns, &found, &count, &err));
    assert_int_equal(count, 1);
    assert_true(found[0].object == dataset_at && found[0].axis == 1);
    free(found);

    assert_ok(ll_h5_scale_check_pure(columns, 7, &err));
    assert_refused(ll_h5_scale_check_pure(columns, 8, &err), &err,
                   "/column: is no scale of length 8");
    err = (ll_error)LL_ERROR_INIT;
    assert_refused(ll_h5_scale_check(columns, "column", &err), &err,
                   "/column/NAME: the attribute is not 'column'");
    err = (ll_error)LL_ERROR_INIT;
    assert_refused(ll_h5_scale_check_pure(dataset, 3, &err), &err,
                   "/scores: is no scale of length 3");
    ll_h5_close(dataset);
    ll_h5_close(columns);
    ll_h5_close(rows);
    ll_h5_close(finish_and_reopen(file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),      cmocka_unit_test(damaged), cmocka_unit_test(datasets),
        cmocka_unit_test(attributes), cmocka_unit_test(ties),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
