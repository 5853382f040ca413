/* host/base/digest.h - fingerprints of bytes: XXH3 where speed counts (item photos, checksums,
 * generation), SHA-256 and MD5 where the world publishes them (weights). Floor 0. */
#ifndef LL_BASE_DIGEST_H
#define LL_BASE_DIGEST_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { LL_DIGEST_BYTES = 16, LL_DIGEST_HEX = 33, LL_SHA256_HEX = 65, LL_MD5_HEX = 33 };

/** Bytes as lower-case hex: 2 * count digits and a NUL. */
void ll_digest_digits(const uint8_t *bytes, size_t count, char *out);

/** XXH3-128 in canonical (big-endian) order. */
void ll_digest_bytes(const void *data, size_t size_bytes, uint8_t out[LL_DIGEST_BYTES]);

/** XXH3-64, the checksum of a block of rows. */
uint64_t ll_digest_block(const void *data, size_t size_bytes);

/* XXH3-128 of a stream. */
typedef struct ll_digest ll_digest;
LL_NODISCARD ll_status ll_digest_create(ll_digest **out, ll_error *err);
void ll_digest_update(ll_digest *digest, const void *data, size_t size_bytes);
void ll_digest_hex(const ll_digest *digest, char out[LL_DIGEST_HEX]);
void ll_digest_free(ll_digest *digest); /* accepts NULL */

/** SHA-256 and MD5 of a whole file in one pass, as lower-case hex; either may be NULL. LL_ERR_IO.
 */
LL_NODISCARD ll_status ll_digest_file(const char *path, char sha256[LL_SHA256_HEX],
                                      char md5[LL_MD5_HEX], ll_error *err);

#endif
