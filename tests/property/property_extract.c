/* tests/property/property_extract.c - whatever the number of threads and however long each photo
 * takes, items arrive in the order of a catalogue or of paths, each with its own features, and
 * every row has one fate.
 *
 * The backend is a stand-in whose features are a digest of the pixels: what is tested is the ring,
 * the batching and the order, not the network. */
#include "host/backend/backend_ops.h"
#include "host/base/memory.h"
#include "host/extract/extract.h"
#include "host/vgg16/vgg16.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 8, SLOTS = 3, WIDTH = 512, PHOTOS = 61 };

struct ll_net {
    const uint8_t *pixels[SLOTS];
    int count[SLOTS];
};

/* Features of one photo: two sums of its pixels; all zeros for a black one. */
static void fake_features(const uint8_t *pixels, float *features, float *norm)
{
    double sum = 0.0, weighted = 0.0;
    for (int i = 0; i < LL_IMAGE_BYTES; i++) {
        sum += pixels[i];
        weighted += (double)pixels[i] * (i % 977);
    }
    memset(features, 0, WIDTH * sizeof *features);
    features[0] = (float)sum;
    features[1] = (float)weighted;
    *norm = sum > 0.0 ? 1.0f : 0.0f;
}

static void fake_close(ll_backend *be)
{
    (void)be;
}

static ll_backend_info fake_describe(const ll_backend *be)
{
    (void)be;
    return (ll_backend_info){.name = "fake", .batch = BATCH};
}

static ll_status fake_submit(ll_backend *be, ll_net *net, int slot, const uint8_t *pixels, int n,
                             ll_error *err)
{
    (void)be;
    (void)err;
    assert_in_range(slot, 0, SLOTS - 1);
    assert_in_range(n, 1, BATCH);
    assert_null(net->pixels[slot]); /* a busy slot is never given again */
    net->pixels[slot] = pixels;
    net->count[slot] = n;
    return LL_OK;
}

static ll_status fake_wait(ll_backend *be, ll_net *net, int slot, float *features, float *norms,
                           ll_error *err)
{
    (void)be;
    (void)err;
    assert_non_null(net->pixels[slot]);
    for (int i = 0; i < net->count[slot]; i++)
        fake_features(net->pixels[slot] + (size_t)i * LL_IMAGE_BYTES, features + i * WIDTH,
                      norms + i);
    net->pixels[slot] = NULL;
    return LL_OK;
}

static const struct ll_backend_ops k_fake = {
    .abi = LL_BACKEND_ABI,
    .name = "fake",
    .close = fake_close,
    .describe = fake_describe,
    .forward_submit = fake_submit,
    .forward_wait = fake_wait,
};

/* A 24-bit BMP of one colour. */
static void write_bmp(const char *path, int side, uint8_t value)
{
    const int stride = (side * 3 + 3) / 4 * 4, size = 54 + stride * side;
    uint8_t header[54] = {'B', 'M'};
    FILE *const file = fopen(path, "wb");

    assert_non_null(file);
    header[2] = (uint8_t)size, header[3] = (uint8_t)(size >> 8), header[4] = (uint8_t)(size >> 16);
    header[10] = 54, header[14] = 40, header[18] = (uint8_t)side, header[22] = (uint8_t)side;
    header[26] = 1, header[28] = 24;
    assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
    for (int i = 0; i < stride * side; i++)
        fputc(value, file);
    assert_int_equal(fclose(file), 0);
}

struct taken {
    int64_t items, rejected, last_row;
    float first[PHOTOS]; /* features[0] by catalogue row; -1: rejected */
    char reason[PHOTOS]; /* first letter */
};

static ll_status append_item(void *to, int64_t row, const uint8_t digest[LL_DIGEST_BYTES],
                             const float *features, float norm, ll_error *err)
{
    struct taken *const taken = to;
    (void)digest;
    (void)norm;
    (void)err;
    assert_true(row > taken->last_row); /* catalogue order */
    taken->last_row = row;
    taken->first[row] = features[0];
    taken->items++;
    return LL_OK;
}

static ll_status append_reject(void *to, int64_t row, const char *reason, ll_error *err)
{
    struct taken *const taken = to;
    (void)err;
    taken->first[row] = -1.0f;
    taken->reason[row] = reason[0];
    taken->rejected++;
    return LL_OK;
}

static void dawdle(int64_t row)
{
    const struct timespec pause = {0, (row * 7919 % 11) * 300000};
    nanosleep(&pause, NULL);
}

/* Row r is a picture of colour r + 1, but every 7th is no picture and row 10 is black. */
static void make_shop(const char *folder)
{
    char path[128];
    FILE *catalog = NULL;

    snprintf(path, sizeof path, "%s/catalog.csv", folder);
    catalog = fopen(path, "wb");
    assert_non_null(catalog);
    fputs("id,image\n", catalog);
    for (int row = 0; row < PHOTOS; row++) {
        fprintf(catalog, "i%d,%d.bmp\n", row, row);
        snprintf(path, sizeof path, "%s/%d.bmp", folder, row);
        if (row % 7 == 6) {
            FILE *const file = fopen(path, "wb");
            assert_non_null(file);
            fputs("not a picture", file);
            assert_int_equal(fclose(file), 0);
        } else {
            write_bmp(path, 2 + row % 5, (uint8_t)(row == 10 ? 0 : row + 1));
        }
    }
    assert_int_equal(fclose(catalog), 0);
}

static void run(const ll_photo_source *photos, int threads, void (*disturb)(int64_t))
{
    ll_backend be = {.ops = &k_fake, .slots = SLOTS, .batch = BATCH};
    ll_net net = {0};
    struct taken taken = {.last_row = -1};
    ll_extract_summary summary;
    const ll_extract_options options = {.image = ll_image_options_default(),
                                        .layer = LL_VGG16_GAP,
                                        .threads = threads,
                                        .slots = SLOTS,
                                        .disturb = disturb};
    const ll_extract_sink sink = {.to = &taken, .item = append_item, .reject = append_reject};
    ll_error err = LL_ERROR_INIT;

    print_message("extract threads=%d disturb=%d\n", threads, disturb != NULL);
    const ll_status status = ll_extract_run(&be, &net, photos, &options, &sink, &summary, &err);
    if (status != LL_OK) print_error("%s\n", err.text);
    assert_int_equal(status, LL_OK);
    assert_int_equal(taken.items, summary.items);
    assert_int_equal(taken.rejected, summary.rejected);
    assert_int_equal(taken.items + taken.rejected, PHOTOS);
    for (int row = 0; row < PHOTOS; row++) {
        const bool bad = row % 7 == 6 || row == 10;
        const float want = bad ? -1.0f : (float)(row + 1) * LL_IMAGE_BYTES;
        assert_true(taken.first[row] == want);
        if (bad)
            assert_int_equal(taken.reason[row], row == 10 ? 'n' : 'u'); /* no features,
                                                                           unsupported */
    }
}

static void order_never_depends_on_timing(void **state)
{
    char folder[] = "/tmp/property_extract_XXXXXX", path[64], names[PHOTOS][64];
    const char *paths[PHOTOS];
    ll_catalog *catalog = NULL;
    const ll_catalog_options options = {0};
    (void)state;

    assert_non_null(mkdtemp(folder));
    make_shop(folder);
    snprintf(path, sizeof path, "%s/catalog.csv", folder);
    assert_int_equal(ll_catalog_open(path, &options, &catalog, NULL), LL_OK);
    for (int row = 0; row < PHOTOS; row++) {
        snprintf(names[row], sizeof names[row], "%s/%d.bmp", folder, row);
        paths[row] = names[row];
    }
    const ll_photo_source sources[] = {ll_photo_source_of_catalog(catalog),
                                       ll_photo_source_of_paths(paths, PHOTOS)};
    for (int threads = 1; threads <= 5; threads++)
        for (int s = 0; s < 2; s++) {
            run(&sources[s], threads, NULL);
            run(&sources[s], threads, dawdle);
        }
    ll_catalog_close(catalog);
    for (int row = 0; row < PHOTOS; row++) {
        snprintf(path, sizeof path, "%s/%d.bmp", folder, row);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/catalog.csv", folder);
    unlink(path);
    rmdir(folder);
}

/* One opaque-looking pixel of 32 bits with a mask for alpha (header of version 4). */
static void write_alpha_bmp(const char *path)
{
    uint8_t file[14 + 108 + 4] = {
        'B', 'M', [10] = 122, [14] = 108, [18] = 1, [22] = 1, [26] = 1, [28] = 32, [30] = 3,
        /* masks of red, green, blue and alpha, lowest byte first */
        [56] = 0xff, [59] = 0xff, [62] = 0xff, [69] = 0xff};
    FILE *const to = fopen(path, "wb");

    assert_non_null(to);
    memset(file + 122, 200, 4);
    assert_int_equal(fwrite(file, 1, sizeof file, to), sizeof file);
    assert_int_equal(fclose(to), 0);
}

/* The summary counts photos whose transparency was dropped, not those where it was heeded. */
static void only_dropped_transparency_counts(void **state)
{
    char folder[] = "/tmp/property_extract_XXXXXX", path[64];
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.bmp", folder);
    write_alpha_bmp(path);
    for (int white = 0; white < 2; white++) {
        ll_backend be = {.ops = &k_fake, .slots = SLOTS, .batch = BATCH};
        ll_net net = {0};
        struct taken taken = {.last_row = -1};
        ll_extract_summary summary;
        ll_catalog *catalog = NULL;
        ll_extract_options options = {.image = ll_image_options_default(),
                                      .layer = LL_VGG16_GAP,
                                      .threads = 1,
                                      .slots = SLOTS};
        const ll_extract_sink sink = {.to = &taken, .item = append_item, .reject = append_reject};

        options.image.alpha = white ? LL_ALPHA_WHITE : LL_ALPHA_DROP;
        assert_int_equal(ll_catalog_open(folder, NULL, &catalog, NULL), LL_OK);
        const ll_photo_source photos = ll_photo_source_of_catalog(catalog);
        assert_int_equal(ll_extract_run(&be, &net, &photos, &options, &sink, &summary, NULL),
                         LL_OK);
        assert_int_equal(summary.items, 1);
        assert_int_equal(summary.transparent, !white);
        ll_catalog_close(catalog);
    }
    unlink(path);
    rmdir(folder);
}

/* A path that is no photo's is left out with a reason; it ends nothing. */
static void paths_without_a_photo_are_rejected(void **state)
{
    static const char *const k_paths[] = {"/nowhere/\xff.jpg", "/nowhere/a.jpg", "/dev/null"};
    static const char *const k_reasons[] = {"the name is not UTF-8", "No such file or directory",
                                            NULL};
    const ll_photo_source photos = ll_photo_source_of_paths(k_paths, 3);
    const ll_image_options image = ll_image_options_default();
    uint8_t *pixels = NULL;
    ll_image_facts facts;

    (void)state;
    assert_int_equal(photos.count, 3);
    assert_int_equal(ll_alloc("pixels", 1, LL_IMAGE_BYTES, &pixels, NULL), LL_OK);
    for (int row = 0; row < 3; row++) {
        assert_int_equal(ll_photo_load(&photos, &image, row, pixels, &facts, NULL), LL_OK);
        assert_string_not_equal(facts.reason, "");
        if (k_reasons[row] != NULL) assert_string_equal(facts.reason, k_reasons[row]);
    }
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_never_depends_on_timing),
        cmocka_unit_test(only_dropped_transparency_counts),
        cmocka_unit_test(paths_without_a_photo_are_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
