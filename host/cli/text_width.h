/* host/cli/text_width.h - how much room a text takes on a terminal. Floor 1; includes nothing.
 *
 * wcwidth() would need the right locale; ids are UTF-8 whatever the locale is. */
#ifndef LL_CLI_TEXT_WIDTH_H
#define LL_CLI_TEXT_WIDTH_H

/** Columns of a terminal that UTF-8 `text` takes: wide characters (CJK, emoji) count two, accents
 *  that sit on a letter none, anything malformed one a byte. */
int ll_text_width(const char *text);

#endif
