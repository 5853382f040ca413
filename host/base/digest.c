/* host/base/digest.c - see digest.h. */
#include "host/base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct ll_digest {
    XXH3_state_t *state;
};

void ll_digest_digits(const uint8_t *bytes, size_t count, char *out)
{
    static const char k_digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        *out++ = k_digits[bytes[i] >> 4];
        *out++ = k_digits[bytes[i] & 15];
    }
    *out = '\0';
}

void ll_digest_bytes(const void *data, size_t size_bytes, uint8_t out[LL_DIGEST_BYTES])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size_bytes));
    memcpy(out, canonical.digest, LL_DIGEST_BYTES);
}

uint64_t ll_digest_block(const void *data, size_t size_bytes)
{
    return XXH3_64bits(data, size_bytes);
}

ll_status ll_digest_create(ll_digest **out, ll_error *err)
{
    ll_digest *const digest = calloc(1, sizeof *digest);

    *out = NULL;
    if (digest != NULL) digest->state = XXH3_createState();
    if (digest == NULL || digest->state == NULL) {
        ll_digest_free(digest);
        return ll_fail(err, LL_ERR_MEMORY, "digest: no memory");
    }
    XXH3_128bits_reset(digest->state);
    *out = digest;
    return LL_OK;
}

void ll_digest_update(ll_digest *digest, const void *data, size_t size_bytes)
{
    XXH3_128bits_update(digest->state, data, size_bytes);
}

void ll_digest_hex(const ll_digest *digest, char out[LL_DIGEST_HEX])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(digest->state));
    ll_digest_digits(canonical.digest, sizeof canonical.digest, out);
}

void ll_digest_free(ll_digest *digest)
{
    if (digest == NULL) return;
    XXH3_freeState(digest->state);
    free(digest);
}

/* `sha` or `md5` may be NULL: neither is free on 553 MB of weights. */
static ll_status digest_stream(FILE *file, const char *path, EVP_MD_CTX *sha, EVP_MD_CTX *md5,
                               ll_error *err)
{
    enum { CHUNK = 1 << 20 };
    ll_status status = LL_OK;
    uint8_t *const chunk = malloc(CHUNK);
    size_t got = 0;

    if (chunk == NULL) return ll_fail(err, LL_ERR_MEMORY, "%s: no memory for a digest", path);
    while ((got = fread(chunk, 1, CHUNK, file)) > 0) {
        if ((sha != NULL && EVP_DigestUpdate(sha, chunk, got) != 1) ||
            (md5 != NULL && EVP_DigestUpdate(md5, chunk, got) != 1)) {
            status = ll_fail(err, LL_ERR_UNSUPPORTED, "%s: libcrypto cannot digest it", path);
            break;
        }
    }
    if (status == LL_OK && ferror(file))
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    free(chunk);
    return status;
}

ll_status ll_digest_file(const char *path, char sha256[LL_SHA256_HEX], char md5[LL_MD5_HEX],
                         ll_error *err)
{
    ll_status status = LL_OK;
    EVP_MD_CTX *const sha_state = EVP_MD_CTX_new();
    EVP_MD_CTX *const md5_state = EVP_MD_CTX_new();
    uint8_t sha_bytes[EVP_MAX_MD_SIZE], md5_bytes[EVP_MAX_MD_SIZE];
    FILE *const file = fopen(path, "rb");

    if (file == NULL) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    if (sha_state == NULL || md5_state == NULL ||
        EVP_DigestInit_ex(sha_state, EVP_sha256(), NULL) != 1 ||
        EVP_DigestInit_ex(md5_state, EVP_md5(), NULL) != 1) {
        status = ll_fail(err, LL_ERR_UNSUPPORTED, "%s: libcrypto offers no SHA-256 or MD5", path);
        goto done;
    }
    LL_TRY_DONE(digest_stream(file, path, sha256 != NULL ? sha_state : NULL,
                              md5 != NULL ? md5_state : NULL, err));
    if (EVP_DigestFinal_ex(sha_state, sha_bytes, NULL) != 1 ||
        EVP_DigestFinal_ex(md5_state, md5_bytes, NULL) != 1) {
        status = ll_fail(err, LL_ERR_UNSUPPORTED, "%s: libcrypto cannot finish a digest", path);
        goto done;
    }
    if (sha256 != NULL) ll_digest_digits(sha_bytes, 32, sha256);
    if (md5 != NULL) ll_digest_digits(md5_bytes, 16, md5);
done:
    if (file != NULL) fclose(file);
    EVP_MD_CTX_free(sha_state);
    EVP_MD_CTX_free(md5_state);
    return status;
}
