/* host/base/utf8.c - see utf8.h. */
#include "host/base/utf8.h"

/* Bytes of the well-formed sequence at `p` with `left` bytes to go, or 0 (Unicode, table 3-7). */
static size_t sequence(const unsigned char *p, size_t left)
{
    const unsigned char lead = p[0];
    unsigned char low = 0x80, high = 0xBF; /* allowed range of the second byte */
    size_t count = 0;

    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) count = 2;
    if (lead >= 0xE0 && lead <= 0xEF) count = 3;
    if (lead >= 0xF0 && lead <= 0xF4) count = 4;
    if (count == 0 || left < count) return 0;
    if (lead == 0xE0) low = 0xA0;  /* else overlong */
    if (lead == 0xED) high = 0x9F; /* else a surrogate */
    if (lead == 0xF0) low = 0x90;  /* else overlong */
    if (lead == 0xF4) high = 0x8F; /* else beyond U+10FFFF */
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < count; i++)
        if (p[i] < 0x80 || p[i] > 0xBF) return 0;
    return count;
}

size_t ll_utf8_check(const char *text, size_t length)
{
    const unsigned char *const p = (const unsigned char *)text;
    size_t at = 0;

    while (at < length) {
        const size_t step = sequence(p + at, length - at);
        if (step == 0) return at;
        at += step;
    }
    return length;
}
