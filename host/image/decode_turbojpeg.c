/* host/image/decode_turbojpeg.c - JPEG through libjpeg-turbo's libjpeg interface.
 *
 * Not its TurboJPEG interface: that one treats every warning alike, while here a premature end of
 * the file is a reject and any other warning is not; and it cannot read CMYK the way Pillow does.
 * Settings are the library's defaults, which are Pillow's: accurate integer DCT, fancy upsampling.
 *
 * libjpeg is fed 64 KiB at a time although the whole file is in memory, because Pillow does: how
 * many bits the entropy decoder holds at the end depends on where it was last interrupted, and that
 * decides whether a file is usable that lacks nothing but its end marker. */
#include "host/image/decode_turbojpeg.h"
#include "host/base/text.h"
#include "host/image/exif.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* wants stdio.h before it */

#include <jerror.h> /* wants jpeglib.h before it */

enum { ROWS_PER_CALL = 16, BLOCK_BYTES = 65536 };

/* A decompressor and where it jumps to when the file is no good. libjpeg calls back with pointers
 * to its own three structs, so they come first in ours. */
typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    ll_photo *photo;
    jmp_buf leave;
    ll_status status; /* why we left */
    char text[LL_IMAGE_REASON];
    uint8_t *row; /* CMYK only: one row */
    size_t fed;   /* bytes of the file that libjpeg has been shown */
    size_t skip;  /* bytes to pass over in those to come */
} reader;

static _Noreturn void leave(reader *self, ll_status status, const char *text)
{
    self->status = status;
    ll_text_say(self->text, sizeof self->text, "%s", text);
    longjmp(self->leave, 1);
}

static void on_error(j_common_ptr jpeg)
{
    reader *const self = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    char line[JMSG_LENGTH_MAX + sizeof "JPEG: "];

    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY)
        leave(self, LL_ERR_MEMORY, "no memory to decode a JPEG");
    if (jpeg->err->msg_code == JERR_EMPTY_IMAGE || jpeg->err->msg_code == JERR_IMAGE_TOO_BIG) {
        ll_error size = LL_ERROR_INIT; /* our own words, if our limit is broken too */
        const struct jpeg_decompress_struct *const from = &self->jpeg;
        if (ll_photo_declare(self->photo, from->image_width, from->image_height, &size) != LL_OK)
            leave(self, LL_ERR_FORMAT, size.text);
    }
    jpeg->err->format_message(jpeg, text);
    ll_text_say(line, sizeof line, "JPEG: %s", text);
    leave(self, LL_ERR_FORMAT, line);
}

static void on_message(j_common_ptr jpeg)
{
    (void)jpeg; /* a warning: Pillow would load it */
}

static void on_source(j_decompress_ptr jpeg)
{
    (void)jpeg; /* the file is in memory, nothing to set up or to take down */
}

static boolean on_end_of_block(j_decompress_ptr jpeg)
{
    (void)jpeg;
    return FALSE; /* stop where you can go on: the caller will feed() */
}

static void on_skip(j_decompress_ptr jpeg, long count)
{
    reader *const self = jpeg->client_data;
    const size_t wanted = count <= 0 ? 0 : (size_t)count;
    const size_t now =
        wanted < self->source.bytes_in_buffer ? wanted : self->source.bytes_in_buffer;

    self->source.next_input_byte += now;
    self->source.bytes_in_buffer -= now;
    self->skip = wanted - now;
}

/* Show libjpeg the next block; jumps if there is none. */
static void feed(reader *self)
{
    do {
        const size_t left = self->photo->size_bytes - self->fed;
        const size_t count = left < BLOCK_BYTES ? left : BLOCK_BYTES;
        if (count == 0) leave(self, LL_ERR_FORMAT, "truncated JPEG");
        self->fed += count;
        self->source.bytes_in_buffer += count;
        on_skip(&self->jpeg, (long)self->skip);
    } while (self->skip > 0);
}

static void on_progress(j_common_ptr common)
{
    const struct jpeg_decompress_struct *const jpeg = (j_decompress_ptr)common;
    char line[64];

    if (jpeg->input_scan_number <= LL_JPEG_MAX_SCANS) return;
    ll_text_say(line, sizeof line, "more than %d progressive scans", LL_JPEG_MAX_SCANS);
    leave(common->client_data, LL_ERR_FORMAT, line);
}

/* May jump. */
static void open_reader(reader *self, const ll_photo *photo)
{
    self->jpeg.err = jpeg_std_error(&self->errors);
    self->errors.error_exit = on_error;
    self->errors.output_message = on_message;
    self->jpeg.client_data = self;
    jpeg_create_decompress(&self->jpeg);
    self->source = (struct jpeg_source_mgr){
        .next_input_byte = photo->bytes,
        .init_source = on_source,
        .fill_input_buffer = on_end_of_block,
        .skip_input_data = on_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = on_source,
    };
    self->jpeg.src = &self->source;
    self->progress.progress_monitor = on_progress;
    self->jpeg.progress = &self->progress;
    jpeg_save_markers(&self->jpeg, JPEG_APP0 + 1, 0xffff);
}

static int orientation_of(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr at = jpeg->marker_list; at != NULL; at = at->next)
        if (at->data_length >= 5 && memcmp(at->data, "Exif\0", 5) == 0)
            return ll_exif_orientation(at->data, at->data_length); /* the first one counts */
    return 1;
}

/* May jump. */
static ll_status read_header(reader *self, ll_photo *photo, ll_error *why)
{
    struct jpeg_decompress_struct *const jpeg = &self->jpeg;

    for (int found; (found = jpeg_read_header(jpeg, FALSE)) != JPEG_HEADER_OK;)
        if (found == JPEG_SUSPENDED) feed(self); /* else tables, as an image of their own */
    photo->orientation = orientation_of(jpeg);
    LL_TRY(ll_photo_declare(photo, jpeg->image_width, jpeg->image_height, why));
    if (jpeg->num_components != 1 && jpeg->num_components != 3 && jpeg->num_components != 4)
        return ll_fail(why, LL_ERR_UNSUPPORTED, "JPEG of %d components", jpeg->num_components);
    return LL_OK;
}

/* As Pillow: the stored values are taken for inverted whatever the file says, as Adobe writes them;
 * then each colour is 255 - k - c (255 - k) / 255, rounded. `row` holds what libjpeg gives, 255 for
 * no ink. */
static void cmyk_to_rgb(const uint8_t *row, uint8_t *rgb, JDIMENSION width)
{
    for (JDIMENSION x = 0; x < width; x++, row += 4, rgb += 3) {
        const int paper = row[3];
        for (int c = 0; c < 3; c++) {
            const int v = (255 - row[c]) * paper + 128;
            rgb[c] = (uint8_t)(paper - ((v + (v >> 8)) >> 8));
        }
    }
}

/* May jump. */
static ll_status read_rows(reader *self, ll_raster *raster, ll_error *why)
{
    struct jpeg_decompress_struct *const jpeg = &self->jpeg;
    const bool cmyk = jpeg->out_color_space == JCS_CMYK;
    const size_t row_bytes = (size_t)raster->width * (size_t)raster->channels;
    JSAMPROW rows[ROWS_PER_CALL];

    if (cmyk) {
        self->row = malloc((size_t)raster->width * 4);
        if (self->row == NULL) return ll_fail(why, LL_ERR_MEMORY, "no memory for a row of CMYK");
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        const JDIMENSION first = jpeg->output_scanline;
        uint8_t *const to = raster->pixels + first * row_bytes;
        const JDIMENSION left = jpeg->output_height - first;
        const JDIMENSION count = left < ROWS_PER_CALL ? left : ROWS_PER_CALL;
        for (JDIMENSION i = 0; i < count; i++)
            rows[i] = cmyk ? self->row : to + i * row_bytes;
        if (jpeg_read_scanlines(jpeg, rows, cmyk ? 1 : count) == 0)
            feed(self);
        else if (cmyk)
            cmyk_to_rgb(self->row, to, jpeg->output_width);
    }
    return LL_OK;
}

/* Everything that may jump, up to the header or up to the last row. */
static ll_status read_guarded(reader *self, ll_photo *photo, bool header_only, ll_error *why)
{
    struct jpeg_decompress_struct *const jpeg = &self->jpeg;

    if (setjmp(self->leave) != 0) return ll_fail(why, self->status, "%s", self->text);
    open_reader(self, photo);
    LL_TRY(read_header(self, photo, why));
    if (header_only) return LL_OK;
    jpeg->out_color_space = jpeg->num_components == 1   ? JCS_GRAYSCALE
                            : jpeg->num_components == 3 ? JCS_RGB
                                                        : JCS_CMYK;
    while (!jpeg_start_decompress(jpeg))
        feed(self);
    LL_TRY(ll_raster_init(&photo->raster, jpeg->output_width, jpeg->output_height,
                          jpeg->num_components == 1 ? 1 : 3, why));
    LL_TRY(read_rows(self, &photo->raster, why));
    /* What should follow the last row may be missing, but as far as it is in this block it may not
     * be wrong. */
    (void)jpeg_finish_decompress(jpeg);
    return LL_OK;
}

static ll_status read_jpeg(ll_photo *photo, size_t *scan_start, ll_error *why)
{
    reader self = {.photo = photo, .status = LL_OK};
    const ll_status status = read_guarded(&self, photo, scan_start != NULL, why);

    if (scan_start != NULL) *scan_start = self.fed - self.source.bytes_in_buffer;
    jpeg_destroy_decompress(&self.jpeg);
    free(self.row);
    return status;
}

ll_status ll_jpeg_read_header(ll_photo *photo, size_t *scan_start, ll_error *why)
{
    return read_jpeg(photo, scan_start, why);
}

ll_status ll_decode_turbojpeg(ll_photo *photo, ll_error *why)
{
    return read_jpeg(photo, NULL, why);
}
