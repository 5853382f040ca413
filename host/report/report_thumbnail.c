/* host/report/report_thumbnail.c - see report_thumbnail.h. The decoder, EXIF and transparency are
 * the index's, so a page shows what the network saw, but whole and in its own proportions. */
#include "host/report/report_thumbnail.h"

#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/image/decode.h"
#include "host/image/settings.h"
#include "host/report/html_text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h> /* wants stdio.h above it */

enum { QUALITY = 82 };

typedef struct encoder {
    struct jpeg_error_mgr errors; /* first: libjpeg hands us this back */
    jmp_buf failed;
    char text[JMSG_LENGTH_MAX];
} encoder;

static void on_error(j_common_ptr jpeg)
{
    encoder *const e = (encoder *)jpeg->err;
    jpeg->err->format_message(jpeg, e->text);
    longjmp(e->failed, 1);
}

/* `*bytes` is malloc'ed, NULL on failure. Its own function: nothing here lives past a longjmp. */
static ll_status encode(const ll_thumbnail *thumbnail, unsigned char **bytes, unsigned long *size,
                        ll_error *err)
{
    struct jpeg_compress_struct jpeg;
    encoder e;

    jpeg.err = jpeg_std_error(&e.errors);
    e.errors.error_exit = on_error;
    if (setjmp(e.failed) != 0) {
        jpeg_destroy_compress(&jpeg);
        *bytes = NULL; /* growing may have freed what it points to: rather leak */
        return ll_fail(err, LL_ERR_MEMORY, "thumbnail: %s", e.text);
    }
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, bytes, size);
    jpeg.image_width = (JDIMENSION)thumbnail->width;
    jpeg.image_height = (JDIMENSION)thumbnail->height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, QUALITY, TRUE);
    jpeg.optimize_coding = TRUE;
    jpeg.dct_method = JDCT_ISLOW; /* the same bytes on every processor */
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        /* libjpeg's rows are not const, but it only reads them */
        JSAMPROW row =
            (JSAMPROW)thumbnail->pixels + (size_t)jpeg.next_scanline * (size_t)thumbnail->width * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return LL_OK;
}

/* Is it so nearly a tile of 4 : 5 that cutting it to one costs at most a tenth? */
static bool fills_tile(const ll_thumbnail *thumbnail)
{
    const double wide = (double)thumbnail->width * 5.0, high = (double)thumbnail->height * 4.0;
    return wide >= 0.9 * high && high >= 0.9 * wide;
}

/* Mean colour of the edges that a tile's empty bands lie along, so that the photo seems to go on
 * there: white for a product on white. */
static void edge_colour(const ll_thumbnail *thumbnail, int mean[3])
{
    const int width = thumbnail->width, height = thumbnail->height;
    const bool bands_above = width * 5 > height * 4;
    const int along = bands_above ? width : height;
    int64_t sum[3] = {0, 0, 0};

    for (int i = 0; i < along; i++)
        for (int side = 0; side < 2; side++) {
            const int x = bands_above ? i : side * (width - 1);
            const int y = bands_above ? side * (height - 1) : i;
            for (int c = 0; c < 3; c++)
                sum[c] += thumbnail->pixels[3 * (y * width + x) + c];
        }
    for (int c = 0; c < 3; c++)
        mean[c] = (int)(sum[c] / (2 * along));
}

static ll_status put_image(FILE *to, const ll_thumbnail *thumbnail, const char *alt, ll_error *err)
{
    ll_status status = LL_OK;
    unsigned char *jpeg = NULL, *text = NULL;
    unsigned long size = 0;

    LL_TRY_DONE(encode(thumbnail, &jpeg, &size, err));
    LL_TRY_DONE(ll_alloc("thumbnail", (int64_t)size / 3 * 4 + 8, 1, &text, err));
    EVP_EncodeBlock(text, jpeg, (int)size);
    int mean[3];
    edge_colour(thumbnail, mean);
    fprintf(to, "<img%s style=\"background:#%02x%02x%02x\" width=\"%d\" height=\"%d\" alt=\"",
            fills_tile(thumbnail) ? " class=\"fills\"" : "", (unsigned)mean[0], (unsigned)mean[1],
            (unsigned)mean[2], thumbnail->width, thumbnail->height);
    ll_html_text(to, alt);
    fprintf(to, "\" src=\"data:image/jpeg;base64,%s\" />", (const char *)text);
done:
    free(text);
    free(jpeg);
    return status;
}

/* An empty frame with both diagonals, 4 : 5, grey enough for light and dark pages. */
static void draw_placeholder(ll_thumbnail *to)
{
    enum { WIDTH = 96, HEIGHT = 120, GROUND = 168, LINE = 196 };

    to->width = WIDTH;
    to->height = HEIGHT;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            const int fall = x * (HEIGHT - 1) - y * (WIDTH - 1);
            const int rise = (WIDTH - 1 - x) * (HEIGHT - 1) - y * (WIDTH - 1);
            const bool edge = x == 0 || y == 0 || x == WIDTH - 1 || y == HEIGHT - 1;
            const bool line = abs(fall) < HEIGHT || abs(rise) < HEIGHT || edge;
            memset(to->pixels + 3 * (y * WIDTH + x), line ? LINE : GROUND, 3);
        }
}

static ll_image_options options_of(const ll_store_provenance *p)
{
    const char *const words[LL_SETTINGS] = {p->preprocess, p->resize, p->exif, p->alpha, p->jpeg};
    ll_image_options options;
    ll_error unknown = LL_ERROR_INIT;

    /* A word that is unknown here leaves the default: a page is worth showing all the same. */
    const ll_status known = ll_settings_read(words, p->decoder, &options, &unknown);
    (void)known;
    return options;
}

/* Has the file other bytes than the one that was indexed? A web copy cannot tell. */
static bool is_another(const ll_reader *reader, int64_t row, const uint8_t *digest)
{
    static const uint8_t k_unknown[LL_STORE_DIGEST] = {0};
    const uint8_t *const digests = ll_reader_digests(reader);

    if (digests == NULL) return false;
    const uint8_t *const known = digests + row * LL_STORE_DIGEST;
    return memcmp(known, k_unknown, LL_STORE_DIGEST) != 0 &&
           memcmp(known, digest, LL_STORE_DIGEST) != 0;
}

/* The photo, or the reason why not in facts->reason. */
static ll_status load(const ll_report *report, int64_t row, const char *image,
                      ll_thumbnail *thumbnail, ll_image_facts *facts, ll_error *err)
{
    const ll_image_options options = options_of(ll_reader_provenance(report->reader));
    ll_status status = LL_OK;
    char *path = NULL;

    *facts = (ll_image_facts){.reason = ""};
    LL_TRY(ll_text_format(&path, err, "%s%s%s", image[0] == '/' ? "" : report->image_root,
                          image[0] == '/' || report->image_root[0] == '\0' ? "" : "/", image));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block us */
    if (fd < 0) {
        ll_text_say(facts->reason, sizeof facts->reason, "%s", strerror(errno));
        goto done;
    }
    status = ll_image_thumbnail(fd, &options, thumbnail, facts, err);
    if (status == LL_OK && facts->reason[0] == '\0' &&
        is_another(report->reader, row, facts->digest))
        ll_text_say(facts->reason, sizeof facts->reason, "not the photo that was indexed");
    close(fd);
done:
    free(path);
    return status;
}

/* Only the first is named, or a shop that moved would fill the terminal. */
static ll_status log_missing(const ll_report *report, const char *image, const char *reason,
                             ll_error *err)
{
    char *name = NULL;

    LL_TRY(ll_text_copy(image, strlen(image), &name, err));
    for (char *at = name; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F) *at = '?'; /* one line, and no escapes */
    ll_log_line(report->log, "%s: %s; its place is left empty (--image-root DIR?)", name, reason);
    free(name);
    return LL_OK;
}

ll_status ll_report_thumbnail(ll_report *report, int64_t row, const char *image, const char *alt,
                              int side, ll_error *err)
{
    ll_status status = LL_OK;
    ll_thumbnail *thumbnail = NULL;
    ll_image_facts facts;
    char *why = NULL;

    LL_TRY(ll_alloc("thumbnail", 1, sizeof *thumbnail, &thumbnail, err));
    thumbnail->side = side;
    report->photos++;
    LL_TRY_DONE(load(report, row, image, thumbnail, &facts, err));
    if (facts.reason[0] == '\0') {
        status = put_image(report->to, thumbnail, alt, err);
        goto done;
    }
    if (report->photos_missing++ == 0) LL_TRY_DONE(log_missing(report, image, facts.reason, err));
    draw_placeholder(thumbnail);
    LL_TRY_DONE(ll_text_format(&why, err, "%s (no photo: %s: %s)", alt, image, facts.reason));
    status = put_image(report->to, thumbnail, why, err);
done:
    free(why);
    free(thumbnail);
    return status;
}
