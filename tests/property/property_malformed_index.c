/* tests/property/property_malformed_index.c - files that are not what they claim: cut short,
 * mutated, with links, filters and extents no index has. Opening and asking answers or refuses; it
 * never crashes. Each mutation runs in a child, so that one crash is counted and its seed printed.
 *
 *   property_malformed_index [SEED]   repeats a run */
#include "host/base/file.h"
#include "host/base/number.h"
#include "host/store/check.h"
#include "host/store/reader_state.h"
#include "tests/index_fixture.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

enum { PATH = 128, MUTATIONS = 150, LENGTHS = 60, HEAP_USED = 700 /* bytes */ };

static const ll_fixture_spec k_spec = {
    .items = 40,
    .features = 24,
    .neighbors = 6,
    .rejected = 3,
    .matrix = LL_MATRIX_UINT16,
    .columns = 2,
    .within = true,
};
static char folder[PATH], good[PATH], bad[PATH]; /* one a test program */
static uint64_t seed = 20261123;

static uint64_t draw(uint64_t limit)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed % limit;
}

static int make_files(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/property_malformed.XXXXXX");
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(good, sizeof good, "%.100s/good.h5", folder);
    snprintf(bad, sizeof bad, "%.100s/bad.h5", folder);
    return ll_fixture_make(&k_spec, good, NULL) != LL_OK;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(good);
    unlink(bad);
    return rmdir(folder);
}

/* Everything a web tier asks, of every row. The sum keeps the compiler honest. */
static double ask_all(ll_reader *reader)
{
    const ll_store_extents *const extents = ll_reader_extents(reader);
    char **const values = calloc((size_t)ll_reader_columns(reader) + 1, sizeof *values);
    double sum = 0.0;

    for (int64_t row = 0; row < extents->items && row < 1000; row++) {
        size_t length = 0;
        char *image = NULL;
        const char *const id = ll_reader_id(reader, row, &length);
        for (size_t i = 0; i < length; i++)
            sum += id[i];
        sum += (double)ll_reader_find(reader, id, length);
        for (int64_t k = 0; k < extents->neighbors; k++)
            sum += ll_reader_neighbor_index(reader)[row * extents->neighbors + k];
        if (ll_reader_matrix(reader) != NULL)
            sum += (double)ll_reader_score(reader, row, extents->items - 1);
        if (ll_reader_item_texts(reader, row, &image, values, NULL) != LL_OK) continue;
        sum += (double)strlen(image);
        free(image);
        for (int i = 0; i < ll_reader_columns(reader); i++)
            free(values[i]);
    }
    free(values);
    return sum;
}

/* 0: all was well or refused; anything else is a crash. */
static int open_and_ask(void)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    ll_reader_rejects rejects;
    const char *const *texts = NULL;
    int64_t damages = 0;

    const ll_status status = ll_reader_open(bad, &reader, &err);
    if (status != LL_OK)
        return (status == LL_ERR_FORMAT || status == LL_ERR_IO || status == LL_ERR_MEMORY) &&
                       err.text[0] != '\0' && reader == NULL
                   ? 0
                   : 10;
    double sum = ask_all(reader); /* refusals count too: any answer will do */
    sum += ll_reader_images(reader, &texts, NULL) != LL_OK;
    sum += ll_reader_rejected(reader, &rejects, NULL) != LL_OK;
    for (int i = 0; i < ll_reader_columns(reader); i++)
        sum += ll_reader_column(reader, i, &texts, NULL) != LL_OK;
    sum += ll_store_check(reader, 4, 1, NULL, &damages, NULL) != LL_OK;
    ll_reader_close(reader);
    return sum == 0.5 ? 11 : 0;
}

static void assert_survives(const char *what, uint64_t from)
{
    int ended = 0;

    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) _exit(open_and_ask());
    assert_int_equal(waitpid(child, &ended, 0), child);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0)
        fail_msg("%s: status %d (seed %llu)", what, ended, (unsigned long long)from);
}

static void put(const uint8_t *bytes, size_t size_bytes)
{
    FILE *const file = fopen(bad, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

static void cut_short(void **state)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    char what[64];

    (void)state;
    assert_ok(ll_file_read(good, (size_t)1 << 30, &bytes, &size_bytes, &err));
    for (int i = 0; i < LENGTHS; i++) {
        const size_t length = i < 20 ? (size_t)i * 5 : (size_t)draw(size_bytes);
        snprintf(what, sizeof what, "cut to %zu of %zu bytes", length, size_bytes);
        put(bytes, length);
        assert_survives(what, seed);
        ll_reader *reader = NULL;
        assert_int_not_equal(ll_reader_open(bad, &reader, NULL), LL_OK); /* and says so */
        assert_null(reader);
    }
    free(bytes);
}

/* Numbers that are ours to check: every byte of every mapped dataset may be anything. */
static void wild_numbers(void **state)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    ll_reader *reader = NULL;
    int64_t offsets[LL_ARRAYS], sizes[LL_ARRAYS];
    char what[64];

    (void)state;
    assert_ok(ll_reader_open(good, &reader, &err));
    for (int i = 0; i < LL_ARRAYS; i++) {
        const ll_layout_object object = ll_layout_array(&reader->layout, (ll_array)i);
        const hid_t dataset = H5Dopen2(reader->file, object.path, H5P_DEFAULT);
        offsets[i] = (int64_t)H5Dget_offset(dataset);
        sizes[i] = (int64_t)ll_layout_bytes(&reader->layout, (ll_array)i);
        H5Dclose(dataset);
    }
    ll_reader_close(reader);
    assert_ok(ll_file_read(good, (size_t)1 << 30, &bytes, &size_bytes, &err));
    uint8_t *const copy = malloc(size_bytes);
    assert_non_null(copy);
    for (int i = 0; i < MUTATIONS; i++) {
        const uint64_t from = seed;
        const int array = (int)draw(LL_ARRAYS);
        memcpy(copy, bytes, size_bytes);
        for (uint64_t n = 1 + draw(20); n > 0; n--)
            copy[offsets[array] + (int64_t)draw((uint64_t)sizes[array])] = (uint8_t)draw(256);
        put(copy, size_bytes);
        snprintf(what, sizeof what, "wild numbers in array %d", array);
        assert_survives(what, from);
    }
    free(copy);
    free(bytes);
}

static size_t attribute_heap(const uint8_t *bytes, size_t size_bytes)
{
    size_t at = 0;

    while (at + 14 <= size_bytes && memcmp(bytes + at, LL_STORE_FORMAT, 14) != 0)
        at++;
    assert_true(at + 14 <= size_bytes);
    while (at > 0 && memcmp(bytes + at, "GCOL", 4) != 0)
        at--;
    return at;
}

/* HDF5's own metadata, where its own checksums and our checks must hold together; one mutation in
 * three falls where the root attributes' texts lie, which libhdf5 itself reads without a checksum.
 */
static void wild_metadata(void **state)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    char what[64];

    (void)state;
    assert_ok(ll_file_read(good, (size_t)1 << 30, &bytes, &size_bytes, &err));
    uint8_t *const copy = malloc(size_bytes);
    assert_non_null(copy);
    const size_t heap = attribute_heap(bytes, size_bytes);
    for (int i = 0; i < MUTATIONS; i++) {
        const uint64_t from = seed;
        memcpy(copy, bytes, size_bytes);
        for (uint64_t n = 1 + draw(4); n > 0; n--) {
            const size_t at = i % 3 == 0   ? draw(100)
                              : i % 3 == 1 ? heap + draw(HEAP_USED)
                                           : draw(size_bytes);
            copy[at] ^= (uint8_t)(1u << draw(8));
        }
        put(copy, size_bytes);
        snprintf(what, sizeof what, "mutation %d", i);
        assert_survives(what, from);
    }
    free(copy);
    free(bytes);
}

/* ---- made with HDF5, so that its checksums are right ------------------------------------ */

static void copy_good(void)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;

    assert_ok(ll_file_read(good, (size_t)1 << 30, &bytes, &size_bytes, &err));
    put(bytes, size_bytes);
    free(bytes);
}

static void assert_refused(const char *what)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    ll_status status = ll_reader_open(bad, &reader, &err);
    const char *const *texts = NULL;
    char *image = NULL, *values[8] = {NULL};

    if (status == LL_OK) status = ll_reader_column(reader, 0, &texts, &err);
    if (status == LL_OK) status = ll_reader_images(reader, &texts, &err);
    if (status == LL_OK) status = ll_reader_item_texts(reader, 0, &image, values, &err);
    ll_reader_close(reader);
    assert_int_equal(status, LL_ERR_FORMAT);
    if (strstr(err.text, what) == NULL) fail_msg("'%s' is not in '%s'", what, err.text);
    assert_survives(what, 0);
}

static hid_t edit(void)
{
    ll_error err = LL_ERROR_INIT;
    hid_t file = -1;
    copy_good();
    assert_ok(ll_h5_file_edit(bad, &file, &err));
    return file;
}

static void finish(hid_t file)
{
    ll_error err = LL_ERROR_INIT;
    assert_ok(ll_h5_file_finish(&file, &err));
}

static void links_elsewhere(void **state)
{
    static const char *const k_names[] = {"features", "neighbors", "items/image",
                                          "items/attributes/kind", "lookup"};
    (void)state;
    for (size_t i = 0; i < sizeof k_names / sizeof k_names[0]; i++) {
        hid_t file = edit();
        assert_true(H5Ldelete(file, k_names[i], H5P_DEFAULT) >= 0);
        assert_true(
            H5Lcreate_external(good, k_names[i], file, k_names[i], H5P_DEFAULT, H5P_DEFAULT) >= 0);
        finish(file);
        assert_refused("is a link to elsewhere, which is refused");
        file = edit();
        assert_true(H5Lmove(file, k_names[i], file, "moved", H5P_DEFAULT, H5P_DEFAULT) >= 0);
        assert_true(H5Lcreate_soft("/moved", file, k_names[i], H5P_DEFAULT, H5P_DEFAULT) >= 0);
        finish(file);
        assert_refused("is a link to elsewhere, which is refused");
    }
}

/* Replace /norms by a dataset made with `creation`, of this type and extent. */
static void replace_norms(hid_t creation, hid_t type, hsize_t extent)
{
    const hid_t file = edit();
    const hid_t space = H5Screate_simple(1, &extent, NULL);

    assert_true(H5Ldelete(file, "norms", H5P_DEFAULT) >= 0);
    const hid_t dataset =
        H5Dcreate2(file, "norms", type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(dataset >= 0);
    ll_h5_close(dataset);
    ll_h5_close(space);
    ll_h5_close(creation);
    finish(file);
}

static void wrong_datasets(void **state)
{
    const hsize_t chunk = 8;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);

    (void)state;
    assert_true(H5Pset_external(creation, "/etc/hostname", 0, 160) >= 0);
    replace_norms(creation, H5T_IEEE_F32LE, 40);
    assert_refused("/norms: is chunked, filtered, virtual or stored elsewhere");
    creation = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(creation, 1, &chunk) >= 0 && H5Pset_deflate(creation, 5) >= 0);
    replace_norms(creation, H5T_IEEE_F32LE, 40);
    assert_refused("/norms: is chunked, filtered, virtual or stored elsewhere");
    replace_norms(H5Pcreate(H5P_DATASET_CREATE), H5T_IEEE_F32LE, 40);
    assert_refused("/norms: is not stored in one piece"); /* never written: no space taken */
    replace_norms(H5Pcreate(H5P_DATASET_CREATE), H5T_IEEE_F64LE, 40);
    assert_refused("/norms: ");
    creation = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) >= 0);
    replace_norms(creation, H5T_IEEE_F32LE, 41);
    assert_refused("/norms: is 41 long on axis 0, not 40");
    creation = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_layout(creation, H5D_COMPACT) >= 0);
    replace_norms(creation, H5T_IEEE_F32LE, 40);
    assert_refused("/norms: is not stored in one piece");
}

static void set_int(const char *name, int64_t value)
{
    ll_error err = LL_ERROR_INIT;
    const hid_t file = edit();
    assert_ok(ll_h5_attribute_write_int(file, name, value, &err));
    finish(file);
}

static void set_text(const char *name, const char *text)
{
    ll_error err = LL_ERROR_INIT;
    const hid_t file = edit();
    assert_ok(ll_h5_attribute_write_text(file, name, text, &err));
    finish(file);
}

static void wrong_attributes(void **state)
{
    static const int64_t k_numbers[] = {0, -1, 39, 41, INT64_MAX, INT64_MIN, 1LL << 32};

    (void)state;
    for (size_t i = 0; i < sizeof k_numbers / sizeof k_numbers[0]; i++) {
        set_int("items", k_numbers[i]);
        assert_refused(bad);
        set_int("neighbors", k_numbers[i]);
        assert_refused(bad);
    }
    set_int("format_version", 2);
    assert_refused("format version 2; this lookloom reads 1");
    set_text("format", "keras");
    assert_refused("not a lookloom index but 'keras'");
    set_text("generation", "../../etc/passwd");
    assert_refused("generation is not 32 hexadecimal digits");
    const hid_t file = edit();
    assert_true(H5Adelete(file, "device") >= 0);
    finish(file);
    assert_refused("/device: the attribute is missing");
}

int main(int argc, char **argv)
{
    int64_t given = 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_elsewhere),  cmocka_unit_test(wrong_datasets),
        cmocka_unit_test(wrong_attributes), cmocka_unit_test(cut_short),
        cmocka_unit_test(wild_numbers),     cmocka_unit_test(wild_metadata),
    };

    if (argc > 1 && ll_number_int("seed", argv[1], 1, INT64_MAX, &given, NULL) == LL_OK)
        seed = (uint64_t)given;
    printf("repeat with: property_malformed_index %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
