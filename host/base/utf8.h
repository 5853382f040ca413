/* host/base/utf8.h - is this text UTF-8? Ids and attributes must be. Floor 0. */
#ifndef LL_BASE_UTF8_H
#define LL_BASE_UTF8_H

#include <stddef.h>

/** Offset of the first byte that is not part of well-formed UTF-8, or `length` if all is well.
 *  Overlong forms, surrogates and code points beyond U+10FFFF are not well-formed (RFC 3629). */
size_t ll_utf8_check(const char *text, size_t length);

#endif
