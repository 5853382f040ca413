/* host/base/number.h - numbers from text, the whole text, or a reason; and back for people.
 * Floor 0. */
#ifndef LL_BASE_NUMBER_H
#define LL_BASE_NUMBER_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** A decimal integer in [low, high]; `name` (an option, a field) starts the error text.
 *  LL_ERR_ARGUMENT for anything else, spaces and trailing text included. */
LL_NODISCARD ll_status ll_number_int(const char *name, const char *text, int64_t low, int64_t high,
                                     int64_t *out, ll_error *err);

/** A decimal fraction in [low, high]; nan and hexadecimal are refused. */
LL_NODISCARD ll_status ll_number_real(const char *name, const char *text, double low, double high,
                                      double *out, ll_error *err);

/** A byte count: digits with an optional K, M, G or T (powers of 1024), e.g. "512M". */
LL_NODISCARD ll_status ll_number_bytes(const char *name, const char *text, int64_t low,
                                       int64_t *out, ll_error *err);

enum { LL_NUMBER_TEXT = 32 };

/** 44000 as "44000" into `buffer`, which is returned. */
const char *ll_number_text(int64_t value, char buffer[LL_NUMBER_TEXT]);

/** 8.314 with 2 decimals as "8.31", into `buffer`, which is returned; 0 to 9 decimals. From 1e15
 * on, which no figure of ours reaches, as "1.5e+300". */
const char *ll_number_fixed(double value, int decimals, char buffer[LL_NUMBER_TEXT]);

/** 8.314 with 2 digits as "8.3", as by printf's %g, into `buffer`, which is returned; 1 to 17. */
const char *ll_number_digits(double value, int digits, char buffer[LL_NUMBER_TEXT]);

/** 44000 as "44 000" into `buffer`, which is returned. */
const char *ll_number_grouped(int64_t value, char buffer[LL_NUMBER_TEXT]);

/** 7744000000 as "7.7 GB" (powers of 1000) into `buffer`, which is returned. */
const char *ll_number_size(double bytes, char buffer[LL_NUMBER_TEXT]);

#endif
