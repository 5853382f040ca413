/* host/image/png_check.c - see png_check.h. A PNG is usable if Pillow would load it, so this is as
 * strict and as lenient as Pillow: chunks before the image data must be whole and their checksums
 * right; behind it a missing end is fine and checksums do not matter. */
#include "host/image/png_check.h"
#include "host/image/byte_order.h"

#include <ctype.h>
#include <string.h>

#include <zlib.h>

enum { SIGNATURE = 8, CHUNK_HEAD = 8, CHUNK_CRC = 4, IHDR_BYTES = 13 };

typedef struct chunk {
    char name[5];
    const uint8_t *bytes; /* borrowed */
    uint32_t length;      /* as declared */
    size_t present;       /* of these bytes, in the file */
    size_t next;          /* offset behind the checksum; beyond the file if that ends early */
    bool named;           /* the name is made of letters, digits and underscores */
} chunk;

/* The chunk at `at`, which may lie beyond the file; false if not even its head is there. */
static bool read_chunk(const uint8_t *bytes, size_t size_bytes, size_t at, chunk *out)
{
    if (at > size_bytes || size_bytes - at < CHUNK_HEAD) return false;
    out->length = ll_get_be32(bytes + at);
    memcpy(out->name, bytes + at + 4, 4);
    out->name[4] = '\0';
    out->named = true;
    for (int i = 0; i < 4; i++)
        if (!isalnum((unsigned char)out->name[i]) && out->name[i] != '_') out->named = false;
    out->bytes = bytes + at + CHUNK_HEAD;
    const size_t left = size_bytes - at - CHUNK_HEAD;
    out->present = out->length < left ? out->length : left;
    out->next = at + CHUNK_HEAD + (size_t)out->length + CHUNK_CRC;
    return true;
}

static bool is(const chunk *found, const char *name)
{
    return memcmp(found->name, name, 4) == 0;
}

/* Is the checksum there and right? */
static bool checksum_matches(const chunk *found, const uint8_t *bytes, size_t size_bytes)
{
    if (found->next > size_bytes) return false;
    const uint8_t *const start = found->bytes - 4; /* the name counts */
    const uLong sum = crc32_z(0, start, (size_t)found->length + 4);
    return sum == ll_get_be32(bytes + found->next - CHUNK_CRC);
}

static ll_status read_header(const chunk *found, ll_png *png, ll_error *why)
{
    /* Depths allowed per colour type, as bits 1, 2, 4, 8, 16. */
    static const uint32_t k_depths[] = {0x10116, 0, 0x10100, 0x116, 0x10100, 0, 0x10100};

    png->width = ll_get_be32(found->bytes);
    png->height = ll_get_be32(found->bytes + 4);
    png->depth = found->bytes[8];
    png->colour = found->bytes[9];
    png->interlaced = found->bytes[12] != 0;
    if (png->colour > 6 || png->depth > 16 || !(k_depths[png->colour] >> png->depth & 1))
        return ll_fail(why, LL_ERR_FORMAT, "PNG of colour type %d with %d bits", png->colour,
                       png->depth);
    if (found->bytes[11] != 0)
        return ll_fail(why, LL_ERR_FORMAT, "PNG filter method %d", found->bytes[11]);
    return LL_OK;
}

static void read_profile(const chunk *found, ll_png *png)
{
    static const char k_key[] = "Raw profile type exif"; /* and its NUL */

    if (found->length < sizeof k_key || memcmp(found->bytes, k_key, sizeof k_key) != 0) return;
    png->profile = (ll_png_span){found->bytes + sizeof k_key, found->length - sizeof k_key};
    png->profile_deflated = is(found, "zTXt");
}

/* What a chunk must at least hold for Pillow to go on; and what of it we keep. */
static ll_status read_known(const chunk *found, ll_png *png, ll_error *why)
{
    static const struct {
        char name[5];
        uint32_t least;
    } k_min[] = {
        {"IHDR", IHDR_BYTES}, {"gAMA", 4},  {"sRGB", 1}, {"pHYs", 9},
        {"acTL", 8},          {"fcTL", 26}, {"fdAT", 4},
    };
    const ll_png_span span = {found->bytes, found->length};

    for (size_t i = 0; i < sizeof k_min / sizeof k_min[0]; i++)
        if (is(found, k_min[i].name) && found->length < k_min[i].least)
            return ll_fail(why, LL_ERR_FORMAT, "PNG chunk %s: too short", found->name);
    if (is(found, "IHDR")) return read_header(found, png, why);
    if (is(found, "PLTE")) png->palette = span;
    if (is(found, "eXIf")) png->exif = span;
    if (is(found, "tEXt") || is(found, "zTXt")) read_profile(found, png);
    if (is(found, "tRNS")) {
        const uint32_t least = png->colour == LL_PNG_RGB ? 6 : png->colour == LL_PNG_GREY ? 2 : 0;
        if (found->length < least) return ll_fail(why, LL_ERR_FORMAT, "PNG chunk tRNS: too short");
        png->opacity = span;
    }
    return LL_OK;
}

ll_status ll_png_check_head(const uint8_t *bytes, size_t size_bytes, ll_png *png, ll_error *why)
{
    chunk found;

    *png = (ll_png){.depth = 0};
    for (size_t at = SIGNATURE;; at = found.next) {
        if (!read_chunk(bytes, size_bytes, at, &found))
            return ll_fail(why, LL_ERR_FORMAT, "truncated PNG");
        if (!found.named) return ll_fail(why, LL_ERR_FORMAT, "PNG: damaged between chunks");
        if (is(&found, "IDAT")) {
            png->data_at = at;
            break;
        }
        if (is(&found, "IEND")) return ll_fail(why, LL_ERR_FORMAT, "PNG without image data");
        if (found.next > size_bytes) return ll_fail(why, LL_ERR_FORMAT, "truncated PNG");
        if (!checksum_matches(&found, bytes, size_bytes))
            return ll_fail(why, LL_ERR_FORMAT, "PNG chunk %s: bad checksum", found.name);
        LL_TRY(read_known(&found, png, why));
    }
    if (png->depth == 0) return ll_fail(why, LL_ERR_FORMAT, "PNG without a header");
    png->transparent = (png->colour & 4) != 0 || png->opacity.bytes != NULL;
    return LL_OK;
}

bool ll_png_next_data(ll_png_data *data, ll_png_span *payload)
{
    chunk found;

    if (!read_chunk(data->bytes, data->size_bytes, data->at, &found) || !is(&found, "IDAT"))
        return false;
    if (!checksum_matches(&found, data->bytes, data->size_bytes)) data->broken = true;
    *payload = (ll_png_span){found.bytes, found.present};
    data->at = found.next;
    return true;
}

ll_status ll_png_check_tail(const uint8_t *bytes, size_t size_bytes, size_t at, ll_png *png,
                            ll_error *why)
{
    chunk found;

    for (; read_chunk(bytes, size_bytes, at, &found); at = found.next) {
        if (!found.named || is(&found, "IEND")) break;
        if (found.present < found.length) return ll_fail(why, LL_ERR_FORMAT, "truncated PNG");
        if (is(&found, "IHDR") || is(&found, "PLTE") || is(&found, "tRNS")) continue; /* too late */
        LL_TRY(read_known(&found, png, why));
    }
    return LL_OK;
}
