/* host/cli/text_width.c - see text_width.h. Ranges: Unicode 15, EastAsianWidth.txt (W and F,
 * rounded out to blocks) and the blocks of combining marks. */
#include "host/cli/text_width.h"

#include <stddef.h>
#include <stdint.h>

static const struct range {
    uint32_t first, last;
    int width;
} k_ranges[] = {
    {0x0300, 0x036F, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05BD, 0},   {0x064B, 0x065F, 0},
    {0x1100, 0x115F, 2},   {0x1AB0, 0x1AFF, 0},   {0x1DC0, 0x1DFF, 0},   {0x200B, 0x200F, 0},
    {0x20D0, 0x20FF, 0},   {0x2E80, 0x303E, 2},   {0x3041, 0xA4CF, 2},   {0xA960, 0xA97C, 2},
    {0xAC00, 0xD7A3, 2},   {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},   {0xFE20, 0xFE2F, 0},
    {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2},   {0x1F300, 0x1F64F, 2},
    {0x1F680, 0x1F6FF, 2}, {0x1F900, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2},
};

static int code_width(uint32_t code)
{
    for (size_t i = 0; i < sizeof k_ranges / sizeof k_ranges[0]; i++)
        if (code >= k_ranges[i].first && code <= k_ranges[i].last) return k_ranges[i].width;
    return 1;
}

int ll_text_width(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    int width = 0;

    while (*at != 0) {
        int more = 0; /* bytes that should follow */
        uint32_t code = *at;
        if (code >= 0xF0 && code < 0xF8)
            more = 3, code &= 0x07;
        else if (code >= 0xE0 && code < 0xF0)
            more = 2, code &= 0x0F;
        else if (code >= 0xC0 && code < 0xE0)
            more = 1, code &= 0x1F;
        at++;
        for (; more > 0 && (*at & 0xC0) == 0x80; more--, at++)
            code = code << 6 | (*at & 0x3F);
        width += more > 0 ? 1 : code_width(code);
    }
    return width;
}
