/* host/image/exif.c - see exif.h. The reading of damaged blocks is that of Pillow's getexif():
 * entries before the damage count, the last of two equal tags wins. */
#include "host/image/exif.h"

#include <stdbool.h>
#include <string.h>

enum {
    HEADER_BYTES = 8,
    ENTRY_BYTES = 12,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
};

/* Bytes per value of TIFF types 0 .. 12; 0 is no type, its entry is skipped. */
static const uint8_t k_type_bytes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};

typedef struct block {
    const uint8_t *bytes;
    size_t size_bytes;
    bool big_endian;
} block;

static uint32_t read_16(const block *tiff, size_t at)
{
    const uint8_t *const p = tiff->bytes + at;
    return tiff->big_endian ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t read_32(const block *tiff, size_t at)
{
    return tiff->big_endian ? read_16(tiff, at) << 16 | read_16(tiff, at + 2)
                            : read_16(tiff, at + 2) << 16 | read_16(tiff, at);
}

static bool open_header(block *tiff)
{
    if (tiff->size_bytes >= 6 && memcmp(tiff->bytes, "Exif\0\0", 6) == 0) {
        tiff->bytes += 6;
        tiff->size_bytes -= 6;
    }
    if (tiff->size_bytes < HEADER_BYTES) return false;
    if (tiff->bytes[0] != tiff->bytes[1]) return false;
    if (tiff->bytes[0] != 'I' && tiff->bytes[0] != 'M') return false;
    tiff->big_endian = tiff->bytes[0] == 'M';
    const uint32_t mark = read_16(tiff, 2);
    /* Some cameras write the 42 in the other byte order. 43 is no EXIF, but Pillow lets it pass. */
    return mark == 42 || mark == 42 << 8 || (mark == 43 && tiff->big_endian);
}

/* The value of an entry that can hold an orientation, else 0. */
static uint32_t entry_value(const block *tiff, size_t at)
{
    const uint32_t type = read_16(tiff, at + 2);

    if (read_32(tiff, at + 4) != 1) return 0;
    if (type == TYPE_SHORT) return read_16(tiff, at + 8);
    if (type == TYPE_LONG) return read_32(tiff, at + 8);
    return 0;
}

/* Do the values of the entry at `at` lie inside the block? */
static bool entry_fits(const block *tiff, size_t at)
{
    const uint32_t type = read_16(tiff, at + 2);
    const uint64_t value_bytes = (uint64_t)read_32(tiff, at + 4) * k_type_bytes[type];

    return value_bytes <= 4 || read_32(tiff, at + 8) + value_bytes <= tiff->size_bytes;
}

int ll_exif_orientation(const uint8_t *bytes, size_t size_bytes)
{
    block tiff = {bytes, size_bytes, false};
    uint32_t orientation = 1;

    if (!open_header(&tiff)) return 1;
    size_t at = read_32(&tiff, 4);
    if (at > tiff.size_bytes || tiff.size_bytes - at < 2) return 1;
    const uint32_t entries = read_16(&tiff, at);
    at += 2;
    for (uint32_t i = 0; i < entries; i++, at += ENTRY_BYTES) {
        if (tiff.size_bytes - at < ENTRY_BYTES) break;
        const uint32_t type = read_16(&tiff, at + 2);
        if (type >= sizeof k_type_bytes || k_type_bytes[type] == 0) continue;
        if (!entry_fits(&tiff, at)) break;
        if (read_32(&tiff, at + 4) == 0) continue; /* no value: as if it were not there */
        if (read_16(&tiff, at) == TAG_ORIENTATION) orientation = entry_value(&tiff, at);
    }
    return orientation >= 1 && orientation <= 8 ? (int)orientation : 1;
}
