/* host/report/html_text.c - see html_text.h. */
#include "host/report/html_text.h"

#include "host/base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char k_replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Code point of a well-formed character of `length` bytes. */
static uint32_t code_point(const unsigned char *at, size_t length)
{
    if (length == 1) return at[0];
    uint32_t code = at[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3Fu);
    return code;
}

static size_t character_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static bool is_allowed(uint32_t code)
{
    if (code < 0x20) return false;
    if (code >= 0x7F && code < 0xA0) return false;
    return (code & 0xFFFE) != 0xFFFE && !(code >= 0xFDD0 && code <= 0xFDEF);
}

static void put_character(FILE *to, const char *at, size_t length)
{
    const uint32_t code = code_point((const unsigned char *)at, length);

    switch (code) {
    case '&': fputs("&amp;", to); return;
    case '<': fputs("&lt;", to); return;
    case '>': fputs("&gt;", to); return;
    case '"': fputs("&quot;", to); return;
    case '\'': fputs("&#39;", to); return;
    case '\t': fputs("&#9;", to); return; /* kept in attributes, where parsers make them spaces */
    case '\n': fputs("&#10;", to); return;
    default: break;
    }
    if (is_allowed(code))
        fwrite(at, 1, length, to);
    else
        fputs(k_replacement, to);
}

void ll_html_bytes(FILE *to, const char *text, size_t length)
{
    while (length > 0) {
        const size_t good = ll_utf8_check(text, length);
        for (size_t i = 0, step = 0; i < good; i += step) {
            step = character_length((unsigned char)text[i]);
            put_character(to, text + i, step);
        }
        if (good == length) return;
        fputs(k_replacement, to);
        text += good + 1;
        length -= good + 1;
    }
}

void ll_html_text(FILE *to, const char *text)
{
    ll_html_bytes(to, text, strlen(text));
}

void ll_html_isolated(FILE *to, const char *text)
{
    fputs("<bdi>", to);
    ll_html_text(to, text);
    fputs("</bdi>", to);
}
