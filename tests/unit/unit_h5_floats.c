/* tests/unit/unit_h5_floats.c - arrays of floats as other programs write them, found by path. */
#include "host/h5/h5.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

/* Chunked and packed big-endian doubles, which our own files never have; and a step of a path that
 * is a soft link. */
static void floats_of_others(void **state)
{
    ll_error err = LL_ERROR_INIT;
    char path[] = "/tmp/unit_h5_floats.XXXXXX";
    const hsize_t shape[] = {3, 2}, chunk[] = {2, 2};
    const double numbers[] = {0.5, 1.5, 2.5, 3.5, 4.5, 5.5};
    float values[4] = {0};
    ll_h5_floats floats;
    hid_t file = -1, group = -1, dataset = -1, found = -1;

    (void)state;
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    ll_h5_init();
    assert_ok(ll_h5_file_create(path, &file, &err));
    assert_ok(ll_h5_group_create(file, "in", &group, &err));
    const hid_t space = H5Screate_simple(2, shape, NULL), plan = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(plan, 2, chunk) >= 0 && H5Pset_deflate(plan, 6) >= 0);
    dataset = H5Dcreate2(group, "x", H5T_IEEE_F64BE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    assert_true(dataset >= 0);
    assert_ok(ll_h5_floats_describe(dataset, &floats, &err));
    assert_false(floats.written);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0);
    assert_true(H5Lcreate_soft("/in", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    ll_h5_close(dataset);
    ll_h5_close(plan);
    ll_h5_close(space);
    ll_h5_close(group);
    assert_ok(ll_h5_file_finish(&file, &err));

    assert_ok(ll_h5_file_open(path, &file, &err));
    assert_ok(ll_h5_find(file, "in/x", &dataset, &err));
    assert_ok(ll_h5_floats_describe(dataset, &floats, &err));
    assert_true(floats.written && floats.rank == 2 && floats.extents[0] == 3);
    assert_true(floats.exponent_bits == 11 && floats.mantissa_bits == 52);
    assert_ok(ll_h5_floats_read(dataset, &floats, 1, 2, values, &err));
    for (int i = 0; i < 4; i++)
        assert_true(values[i] == (float)numbers[2 + i]);
    assert_int_equal(ll_h5_floats_read(dataset, &floats, 2, 2, values, NULL), LL_ERR_FORMAT);
    assert_ok(ll_h5_find(file, "in/y", &found, &err));
    assert_int_equal(found, -1);
    assert_ok(ll_h5_find(file, "in/x/y", &found, &err)); /* x is no group */
    assert_int_equal(found, -1);
    assert_int_equal(ll_h5_find(file, "soft/x", &found, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "/soft: is a link to elsewhere, which is refused"));
    assert_int_equal(found, -1);
    ll_h5_close(dataset);
    ll_h5_close(file);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(floats_of_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
