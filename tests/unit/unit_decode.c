/* tests/unit/unit_decode.c - one photo at a time: formats, limits, reasons, options. */
#include "host/base/digest.h"
#include "host/image/byte_order.h"
#include "tests/image_files.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PNG_BEHIND_HEADER = 33, JPEG_BEHIND_SOI = 2 };

static uint8_t g_pixels[LL_IMAGE_BYTES];
static ll_image_facts g_facts;

static void load_file(const image_file *file, const ll_image_options *options)
{
    image_load(file->bytes, file->size_bytes, options, g_pixels, &g_facts);
}

static void assert_usable(const image_file *file, const ll_image_options *options)
{
    load_file(file, options);
    assert_string_equal(g_facts.reason, "");
}

/* 224 x 224, so that both geometries' nearest is the identity for keras: every pixel is seen. */
static void assert_pattern(const image_file *file, const ll_image_options *options)
{
    assert_usable(file, options);
    assert_int_equal(g_facts.width, LL_IMAGE_SIDE);
    assert_int_equal(g_facts.height, LL_IMAGE_SIDE);
    for (int i = 0; i < LL_IMAGE_BYTES; i++)
        if (g_pixels[i] != image_pattern(i / 3 % LL_IMAGE_SIDE, i / 3 / LL_IMAGE_SIDE, i % 3))
            fail_msg("pixel byte %d is %d", i, g_pixels[i]);
}

static void lossless_formats_give_the_very_pixels(void **state)
{
    const ll_image_options options = ll_image_options_default();
    image_file files[] = {
        image_make_bmp(LL_IMAGE_SIDE, LL_IMAGE_SIDE),
        image_make_webp(LL_IMAGE_SIDE, LL_IMAGE_SIDE, 0),
        image_make_webp(LL_IMAGE_SIDE, LL_IMAGE_SIDE, 1),
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_pattern(&files[i], &options);
        assert_int_equal(g_facts.transparent, i == 2);
        assert_false(g_facts.rotated);
        free(files[i].bytes);
    }
}

static void png_in_pieces_is_the_same_png(void **state)
{
    const ll_image_options options = ll_image_options_default();
    static uint8_t first[LL_IMAGE_BYTES];
    const size_t k_chunks[] = {100000, 1, 7, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof k_chunks / sizeof k_chunks[0]; i++) {
        image_file file = image_make_png(61, 43, 3, k_chunks[i]);
        assert_usable(&file, &options);
        if (i == 0) memcpy(first, g_pixels, sizeof first);
        assert_memory_equal(g_pixels, first, sizeof first);
        free(file.bytes);
    }
    assert_int_equal(first[0], image_pattern(0, 0, 0));
    assert_int_equal(first[LL_IMAGE_BYTES - 1], image_pattern(60, 42, 2));
}

static void jpeg_is_close_to_what_was_stored(void **state)
{
    const ll_decoder k_decoders[] = {LL_DECODER_TURBOJPEG, LL_DECODER_STB};
    ll_image_options options = ll_image_options_default();

    (void)state;
    for (int i = 0; i < 8; i++) {
        const int channels = i & 2 ? 1 : 3;
        image_file file = image_make_jpeg(8, 8, channels, i & 1, 0);
        options.jpeg = k_decoders[i / 4];
        assert_usable(&file, &options);
        const int got = g_pixels[LL_IMAGE_BYTES / 2 + 3 * 112]; /* pixel (4, 4), red */
        assert_true(abs(got - image_pattern(4, 4, 0)) < 64); /* noise at quality 90, subsampled */
        if (channels == 1) {
            assert_int_equal(g_pixels[0], g_pixels[1]);
            assert_int_equal(g_pixels[0], g_pixels[2]);
        }
        free(file.bytes);
    }
}

static void digest_is_that_of_the_bytes(void **state)
{
    const ll_image_options options = ll_image_options_default();
    uint8_t want[LL_DIGEST_BYTES], zero[LL_DIGEST_BYTES] = {0};
    image_file file = image_make_bmp(3, 2);

    (void)state;
    ll_digest_bytes(file.bytes, file.size_bytes, want);
    assert_usable(&file, &options);
    assert_memory_equal(g_facts.digest, want, sizeof want);
    file.bytes[0] = 'X'; /* a reject has one too */
    ll_digest_bytes(file.bytes, file.size_bytes, want);
    load_file(&file, &options);
    assert_string_equal(g_facts.reason, "unsupported format");
    assert_memory_equal(g_facts.digest, want, sizeof want);
    image_load("", 0, &options, g_pixels, &g_facts); /* nothing read, nothing to digest */
    assert_memory_equal(g_facts.digest, zero, sizeof zero);
    free(file.bytes);
}

static void limits_are_checked_before_decoding(void **state)
{
    ll_image_options options = ll_image_options_default();
    image_file files[] = {image_make_bmp(30, 20), image_make_png(30, 20, 3, 1000),
                          image_make_jpeg(30, 20, 3, 0, 0), image_make_webp(30, 20, 0)};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        options = ll_image_options_default();
        options.max_pixels = 600;
        options.max_bytes = (int64_t)files[i].size_bytes;
        assert_usable(&files[i], &options); /* both limits are inclusive */
        options.max_pixels = 599;
        image_assert_reason(files[i].bytes, files[i].size_bytes, &options,
                            "declares 30 x 20 pixels, the limit is 599");
        options.max_bytes--;
        load_file(&files[i], &options);
        assert_non_null(strstr(g_facts.reason, " bytes), the limit is "));
        assert_int_equal(g_facts.width, 0);
        free(files[i].bytes);
    }
}

static void bombs_are_refused_by_their_header(void **state)
{
    const ll_image_options options = ll_image_options_default();
    image_file bmp = image_make_bmp(1, 1), png = image_make_png(1, 1, 3, 1000);
    image_file jpeg = image_make_jpeg(16, 16, 1, 0, 0);

    (void)state;
    ll_put_le32(bmp.bytes + 18, 3000000);
    ll_put_le32(bmp.bytes + 22, 2000000);
    image_assert_reason(bmp.bytes, bmp.size_bytes, &options,
                        "declares 3000000 x 2000000 pixels, the limit is 64 Mpx");
    free(bmp.bytes);

    uint8_t header[13];
    memcpy(header, png.bytes + 16, sizeof header);
    ll_put_be32(header, 0xffffffff);
    image_insert_chunk(&png, PNG_BEHIND_HEADER, "IHDR", header, sizeof header);
    image_assert_reason(png.bytes, png.size_bytes, &options,
                        "declares 4294967295 x 1 pixels, the limit is 64 Mpx");
    free(png.bytes);

    size_t frame = 0; /* the start-of-frame marker */
    while (jpeg.bytes[frame] != 0xff || jpeg.bytes[frame + 1] != 0xc0)
        frame++;
    memset(jpeg.bytes + frame + 5, 0xff, 4);
    image_assert_reason(jpeg.bytes, jpeg.size_bytes, &options,
                        "declares 65535 x 65535 pixels, the limit is 64 Mpx");
    memset(jpeg.bytes + frame + 5, 0, 2);
    image_assert_reason(jpeg.bytes, jpeg.size_bytes, &options, "declares 65535 x 0 pixels");
    free(jpeg.bytes);
}

static void what_is_no_photo_says_so(void **state)
{
    const ll_image_options options = ll_image_options_default();
    static const struct {
        const char *bytes, *reason;
    } k_files[] = {
        {"", "empty file"},
        {"x", "unsupported format"},
        {"<html><body>404</body></html>", "unsupported format"},
        {"GIF89a\1\0\1\0\x80", "unsupported format"},
        {"II*", "unsupported format"}, /* TIFF */
        {"\1\1\1\1ftypavif", "unsupported format"},
        {"\1\1\1\1ftypheic", "unsupported format"},
        {"<svg xmlns=", "unsupported format"},
        {"\xff\xd8\xff", "truncated JPEG"},
        {"\x89PNG\r\n\x1a\n", "truncated PNG"},
        {"BM", "truncated BMP"},
        {"RIFF....WEBPVP8 ", "truncated WebP"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof k_files / sizeof k_files[0]; i++)
        image_assert_reason(k_files[i].bytes, strlen(k_files[i].bytes), &options,
                            k_files[i].reason);
}

/* What the program says it takes, it takes; and it says so of all that this file has makers for. */
static void every_format_named_is_decoded(void **state)
{
    const ll_image_options options = ll_image_options_default();
    const struct {
        const char *name;
        image_file file;
    } k_made[] = {{"JPEG", image_make_jpeg(24, 16, 3, 0, 0)},
                  {"PNG", image_make_png(24, 16, 3, 1000)},
                  {"BMP", image_make_bmp(24, 16)},
                  {"WebP", image_make_webp(24, 16, 0)}};
    enum { MADE = sizeof k_made / sizeof k_made[0] };
    int named = 0;

    (void)state;
    for (; ll_image_format(named) != NULL; named++) {
        int i = 0;
        while (i < MADE && strcmp(k_made[i].name, ll_image_format(named)) != 0)
            i++;
        if (i == MADE) fail_msg("%s: no file to try", ll_image_format(named));
        assert_usable(&k_made[i].file, &options);
    }
    assert_int_equal(named, MADE);
    assert_null(ll_image_format(-1));
    for (int i = 0; i < MADE; i++)
        free(k_made[i].file.bytes);
}

static void only_regular_files_are_read(void **state)
{
    const ll_image_options options = ll_image_options_default();
    char folder[] = "/tmp/lookloom-unit-XXXXXX", fifo[sizeof folder + sizeof "/fifo"];
    ll_error err = LL_ERROR_INIT;
    int fd = -1;

    (void)state;
    assert_non_null(mkdtemp(folder));
    fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(ll_image_load(fd, &options, g_pixels, &g_facts, &err), LL_OK);
    assert_string_equal(g_facts.reason, "is a folder");
    close(fd);

    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    fd = open(fifo, O_RDONLY | O_NONBLOCK);
    assert_int_equal(ll_image_load(fd, &options, g_pixels, &g_facts, &err), LL_OK);
    assert_string_equal(g_facts.reason, "not a regular file");
    close(fd);
    unlink(fifo);
    rmdir(folder);

    fd = open("/dev/zero", O_RDONLY);
    assert_int_equal(ll_image_load(fd, &options, g_pixels, &g_facts, &err), LL_OK);
    assert_string_equal(g_facts.reason, "not a regular file");
    close(fd);
    assert_int_equal(ll_image_load(-1, &options, g_pixels, &g_facts, &err), LL_OK);
    assert_string_equal(g_facts.reason, "Bad file descriptor");
}

/* Any cut before the last pixel's bytes is a reject, whatever the format. */
static void cut_files_are_rejected(void **state)
{
    ll_image_options options = ll_image_options_default();
    static const struct {
        const char *reason;
        size_t tail; /* bytes that may go missing unnoticed */
    } k_cuts[] = {{"truncated BMP", 2},
                  {"truncated PNG", 12 + 4 + 4},
                  {"truncated JPEG", 0},
                  {"", 0}}; /* libwebp has its own words */
    image_file files[] = {image_make_bmp(10, 9), image_make_png(10, 9, 3, 1000),
                          image_make_jpeg(10, 9, 3, 0, 0), image_make_webp(10, 9, 0)};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const size_t header = i == 0 ? 2 : i == 1 ? 8 : i == 2 ? 3 : 16;
        for (size_t size = header; size < files[i].size_bytes - k_cuts[i].tail; size++) {
            image_load(files[i].bytes, size, &options, g_pixels, &g_facts);
            if (g_facts.reason[0] == '\0' ||
                (i < 3 && strcmp(g_facts.reason, k_cuts[i].reason) != 0))
                fail_msg("file %zu cut to %zu of %zu bytes: '%s'", i, size, files[i].size_bytes,
                         g_facts.reason);
        }
        image_load(files[i].bytes, files[i].size_bytes - k_cuts[i].tail, &options, g_pixels,
                   &g_facts);
        assert_string_equal(g_facts.reason, ""); /* padding, checksums and end marks */
    }
    options.jpeg = LL_DECODER_STB;
    image_load(files[2].bytes, files[2].size_bytes - 40, &options, g_pixels, &g_facts);
    assert_string_not_equal(g_facts.reason, "");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        free(files[i].bytes);
}

static void png_damage_is_named(void **state)
{
    const ll_image_options options = ll_image_options_default();
    image_file file = image_make_png(10, 9, 3, 1000);
    const size_t data = PNG_BEHIND_HEADER + 8;

    (void)state;
    file.bytes[20] ^= 1; /* in IHDR */
    image_assert_reason(file.bytes, file.size_bytes, &options, "PNG chunk IHDR: bad checksum");
    file.bytes[20] ^= 1;
    file.bytes[data + 50] ^= 1; /* in the image data */
    image_assert_reason(file.bytes, file.size_bytes, &options, "PNG chunk IDAT: bad checksum");
    file.bytes[data + 50] ^= 1;
    file.bytes[file.size_bytes - 13] ^= 1; /* only the checksum itself: Pillow loads it */
    assert_usable(&file, &options);
    file.bytes[PNG_BEHIND_HEADER + 4] = 0;
    image_assert_reason(file.bytes, file.size_bytes, &options, "PNG: damaged between chunks");
    free(file.bytes);
}

static void png_chunks_keep_their_order(void **state)
{
    const ll_image_options options = ll_image_options_default();
    image_file file = image_make_png(10, 9, 3, 100);

    (void)state;
    image_insert_chunk(&file, PNG_BEHIND_HEADER, "gAMA", "abc", 3);
    image_assert_reason(file.bytes, file.size_bytes, &options, "PNG chunk gAMA: too short");
    free(file.bytes);
    file = image_make_png(10, 9, 3, 100);
    image_insert_chunk(&file, PNG_BEHIND_HEADER + 112, "prIV", "abc", 3); /* splits the data */
    image_assert_reason(file.bytes, file.size_bytes, &options, "PNG: image data end early");
    free(file.bytes);
    file = image_make_png(10, 9, 3, 100);
    image_insert_chunk(&file, PNG_BEHIND_HEADER, "IEND", NULL, 0);
    image_assert_reason(file.bytes, file.size_bytes, &options, "PNG without image data");
    free(file.bytes);
}

static void palettes_are_not_overrun(void **state)
{
    const ll_image_options options = ll_image_options_default();
    image_file file = image_make_bmp_indexed(30, 20, 17, 17);

    (void)state;
    assert_usable(&file, &options);
    assert_int_equal(g_pixels[LL_IMAGE_BYTES - 1], image_pattern(48 % 17, 0, 2));
    free(file.bytes);
    file = image_make_bmp_indexed(30, 20, 17, 18);
    image_assert_reason(file.bytes, file.size_bytes, &options,
                        "BMP: palette index 17 of 17 colours");
    free(file.bytes);

    static const uint8_t k_palette[] = {1, 2, 3, 4, 5, 6};
    file = image_make_png(2, 1, 3, 1000);
    uint8_t header[13];
    memcpy(header, file.bytes + 16, sizeof header);
    header[9] = 3; /* the same bytes as indices: the first row's */
    image_insert_chunk(&file, PNG_BEHIND_HEADER, "PLTE", k_palette, sizeof k_palette);
    image_insert_chunk(&file, PNG_BEHIND_HEADER, "IHDR", header, sizeof header);
    image_assert_reason(file.bytes, file.size_bytes, &options,
                        "PNG: palette index 101 of 2 colours");
    free(file.bytes);
}

static void run_length_bmp_is_named(void **state)
{
    const ll_image_options options = ll_image_options_default();
    image_file file = image_make_bmp_indexed(8, 8, 256, 256);

    (void)state;
    for (uint8_t kind = 1; kind <= 2; kind++) {
        file.bytes[30] = kind;
        image_assert_reason(file.bytes, file.size_bytes, &options,
                            "run-length encoded BMP is not supported");
    }
    free(file.bytes);
}

/* A progressive JPEG whose last scan is repeated: valid, and a minute's work if nobody counts. */
static void too_many_scans_are_refused(void **state)
{
    ll_image_options options = ll_image_options_default();
    const image_file file = image_make_jpeg(8, 8, 1, 1, 0);
    size_t scan = file.size_bytes;

    (void)state;
    while (file.bytes[scan - 2] != 0xff || file.bytes[scan - 1] != 0xda)
        scan--;
    scan -= 2;
    const size_t scan_bytes = file.size_bytes - 2 - scan;
    for (int i = 0; i < 2; i++) {
        const size_t repeats = i == 0 ? 100 : 600;
        uint8_t *const bomb = malloc(file.size_bytes + repeats * scan_bytes);
        assert_non_null(bomb);
        memcpy(bomb, file.bytes, file.size_bytes - 2);
        for (size_t k = 0; k < repeats; k++)
            memcpy(bomb + file.size_bytes - 2 + k * scan_bytes, file.bytes + scan, scan_bytes);
        memcpy(bomb + file.size_bytes - 2 + repeats * scan_bytes, "\xff\xd9", 2);
        for (int decoder = 0; decoder < 2; decoder++) {
            options.jpeg = decoder == 0 ? LL_DECODER_TURBOJPEG : LL_DECODER_STB;
            image_load(bomb, file.size_bytes + repeats * scan_bytes, &options, g_pixels, &g_facts);
            if (i == 0 && decoder == 0) assert_string_equal(g_facts.reason, "");
            if (i == 1) assert_string_equal(g_facts.reason, "more than 500 progressive scans");
        }
        free(bomb);
    }
    free(file.bytes);
}

static void alpha_is_dropped_or_blended(void **state)
{
    ll_image_options options = ll_image_options_default();
    image_file files[] = {image_make_png(5, 4, 4, 1000), image_make_webp(5, 4, 1)};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        options.alpha = LL_ALPHA_DROP;
        assert_usable(&files[i], &options);
        assert_true(g_facts.transparent);
        assert_int_equal(g_pixels[1], image_pattern(0, 0, 1));
        options.alpha = LL_ALPHA_WHITE;
        assert_usable(&files[i], &options);
        const int a = image_pattern(0, 0, 3);
        const double want = (image_pattern(0, 0, 1) * a + 255 * (255 - a)) / 255.0;
        assert_true(g_pixels[1] >= want - 0.5 && g_pixels[1] <= want + 0.5);
        free(files[i].bytes);
    }
}

static void exif_turns_only_when_asked(void **state)
{
    ll_image_options options = ll_image_options_default();
    const image_file upright = image_make_jpeg(24, 16, 3, 0, 0);
    static uint8_t stored[LL_IMAGE_BYTES];

    (void)state;
    assert_usable(&upright, &options);
    memcpy(stored, g_pixels, sizeof stored);
    for (int orientation = 1; orientation <= 8; orientation++) {
        const image_file file = image_make_jpeg(24, 16, 3, 0, orientation);
        options.exif = LL_EXIF_IGNORE;
        assert_usable(&file, &options);
        assert_int_equal(g_facts.rotated, orientation != 1);
        assert_memory_equal(g_pixels, stored, sizeof stored);
        options.exif = LL_EXIF_APPLY;
        assert_usable(&file, &options);
        assert_int_equal(g_facts.width, 24); /* as stored */
        assert_int_equal(memcmp(g_pixels, stored, sizeof stored) == 0, orientation == 1);
        free(file.bytes);
    }
    free(upright.bytes);
}

static void versions_are_named(void **state)
{
    (void)state;
    assert_non_null(strstr(ll_image_decoder_version(LL_DECODER_TURBOJPEG), "libjpeg-turbo 2"));
    assert_non_null(strstr(ll_image_decoder_version(LL_DECODER_TURBOJPEG), "libwebp 1"));
    assert_non_null(strstr(ll_image_decoder_version(LL_DECODER_STB), "stb_image 2"));
    assert_null(strstr(ll_image_decoder_version(LL_DECODER_STB), "jpeg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_formats_give_the_very_pixels),
        cmocka_unit_test(png_in_pieces_is_the_same_png),
        cmocka_unit_test(jpeg_is_close_to_what_was_stored),
        cmocka_unit_test(digest_is_that_of_the_bytes),
        cmocka_unit_test(limits_are_checked_before_decoding),
        cmocka_unit_test(bombs_are_refused_by_their_header),
        cmocka_unit_test(what_is_no_photo_says_so),
        cmocka_unit_test(every_format_named_is_decoded),
        cmocka_unit_test(only_regular_files_are_read),
        cmocka_unit_test(cut_files_are_rejected),
        cmocka_unit_test(png_damage_is_named),
        cmocka_unit_test(png_chunks_keep_their_order),
        cmocka_unit_test(palettes_are_not_overrun),
        cmocka_unit_test(run_length_bmp_is_named),
        cmocka_unit_test(too_many_scans_are_refused),
        cmocka_unit_test(alpha_is_dropped_or_blended),
        cmocka_unit_test(exif_turns_only_when_asked),
        cmocka_unit_test(versions_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
