/* host/report/html_text.h - texts of a catalogue in a page: whatever they hold, they stay texts.
 *
 * Our pages are HTML and well-formed XML at once, so that any parser can check them. Floor 4. */
#ifndef LL_HTML_TEXT_H
#define LL_HTML_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** `text` where text may stand, in an element or in a quoted attribute. What is not UTF-8, and
 *  characters that no page may hold (controls, non-characters), become U+FFFD. */
void ll_html_bytes(FILE *to, const char *text, size_t length);
void ll_html_text(FILE *to, const char *text);

/** The same as an element that keeps its writing direction to itself: for every id and value. */
void ll_html_isolated(FILE *to, const char *text);

#endif
