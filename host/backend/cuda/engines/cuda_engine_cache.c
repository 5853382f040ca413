/* host/backend/cuda/engines/cuda_engine_cache.c - engines chosen before, kept in a file.
 *
 *   $XDG_CACHE_HOME/lookloom/engines-<digest of the key>     or ~/.cache/lookloom/
 *
 *   lookloom engines 3; <device>; <libraries>; <precision>; batch <n>; to <layer>     the key
 *   conv1_1 alone e10 k2=1,k13=0                 a line a convolution, with its pool or without,
 *   conv1_2 pooled e4                            and a product
 *   whole 0123456789abcdef                                                 XXH3-64 of all above
 *
 * Any other content is another program's or a partly written file: engines are then timed again and
 * the file is replaced. */
#include "host/backend/cuda/engines/cuda_engine_text.h"
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BYTES = 1 << 16, END = 6 + 16 + 2 };

static const char *const k_precisions[] = {"fp16", "tf32", "fp32"};

/* Whatever decides the choice, whole; yours to free(). */
static ll_status make_key(const ll_net *net, char **out, ll_error *err)
{
    const struct cuda_state *const state = net->state;
    return ll_text_format(out, err, "lookloom engines 3; %s; %s; %s; batch %d; to %s",
                          state->device_text, state->libraries, k_precisions[state->precision],
                          net->batch, ll_vgg16_name(net->last));
}

/* The folder, yours to free(); NULL if neither variable is set. */
static ll_status folder(char **out, ll_error *err)
{
    const char *const cache = getenv("XDG_CACHE_HOME"), *const home = getenv("HOME");

    *out = NULL;
    if (cache != NULL && cache[0] == '/') return ll_text_format(out, err, "%s/lookloom", cache);
    if (home != NULL && home[0] == '/') return ll_text_format(out, err, "%s/.cache/lookloom", home);
    return LL_OK;
}

static ll_status path_of(const char *in, const char *key, char **out, ll_error *err)
{
    uint8_t digest[LL_DIGEST_BYTES];
    char hex[LL_DIGEST_HEX];

    ll_digest_bytes(key, strlen(key), digest);
    ll_digest_digits(digest, LL_DIGEST_BYTES, hex);
    return ll_text_format(out, err, "%s/engines-%s", in, hex);
}

/* ---- reading ---------------------------------------------------------------------------- */

/* "conv1_1 alone e10 k2=1" for this very layer. */
static bool read_line(const ll_net *net, int index, const char *line, struct cuda_layer *layer)
{
    const char *const name = ll_vgg16_name(index);
    const size_t length = strlen(name);

    if (strncmp(line, name, length) != 0) return false;
    line += length;
    layer->pooled = strncmp(line, " pooled ", 8) == 0;
    if (!layer->pooled && strncmp(line, " alone ", 7) != 0) return false;
    line += layer->pooled ? 8 : 7;
    if (line[0] == '\0' ||
        ll_text_fit(layer->engine, sizeof layer->engine, NULL, "%s", line) != LL_OK)
        return false;
    return !layer->pooled || ll_cuda_pool_follows(net, index);
}

/* The last line, of the digest of those before it, which are `size_bytes` long. */
static void write_end(const char *text, size_t size_bytes, char end[END])
{
    ll_text_exact(end, END, "whole %016" PRIx64 "\n", ll_digest_block(text, size_bytes));
}

/* Lines are cut in place. */
static bool read_text(const ll_net *net, char *text, const char *key, struct cuda_layer layers[])
{
    char *next = NULL, end[END];
    const size_t length = strlen(text);

    if (length < END - 1) return false;
    write_end(text, length - (END - 1), end);
    if (strcmp(text + length - (END - 1), end) != 0) return false;
    text[length - (END - 1)] = '\0';
    const char *line = strtok_r(text, "\n", &next);

    if (line == NULL || strcmp(line, key) != 0) return false;
    for (int i = 0; i <= net->last; i++) {
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL) continue;
        line = strtok_r(NULL, "\n", &next);
        if (line == NULL || !read_line(net, i, line, &layers[i])) return false;
    }
    return strtok_r(NULL, "\n", &next) == NULL;
}

ll_status ll_cuda_cache_read(const ll_net *net, struct cuda_layer layers[], bool *found,
                             ll_error *err)
{
    ll_status status = LL_OK;
    char *key = NULL, *in = NULL, *path = NULL;
    uint8_t *text = NULL;
    size_t size_bytes = 0;

    *found = false;
    if (net->last < LL_VGG16_POOL5) return LL_OK; /* only whole networks are kept */
    LL_TRY_DONE(make_key(net, &key, err));
    LL_TRY_DONE(folder(&in, err));
    if (in == NULL) goto done;
    LL_TRY_DONE(path_of(in, key, &path, err));
    if (ll_file_read(path, strlen(key) + MAX_BYTES, &text, &size_bytes, NULL) != LL_OK) goto done;
    *found = strlen((const char *)text) == size_bytes && read_text(net, (char *)text, key, layers);
    if (!*found)
        ll_log_line(net->state->log, "%s: not as we left it; engines are chosen anew", path);
done:
    free(text);
    free(path);
    free(in);
    free(key);
    return status;
}

/* ---- writing ---------------------------------------------------------------------------- */

/* Also after a failure `*text` is yours to free(). */
static ll_status make_text(const ll_net *net, const char *key, char **text, ll_error *err)
{
    char end[END];

    LL_TRY(ll_text_format(text, err, "%s\n", key));
    for (int i = 0; i <= net->last; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            LL_TRY(ll_text_append(text, err, "%s %s %s\n", ll_vgg16_name(i),
                                  net->layers[i].pooled ? "pooled" : "alone",
                                  net->layers[i].engine));
    write_end(*text, strlen(*text), end);
    return ll_text_append(text, err, "%s", end);
}

static ll_status write_file(const char *path, const char *text, ll_error *err)
{
    ll_status status = LL_OK;
    char *temporary = NULL;
    int fd = -1;

    LL_TRY(ll_text_format(&temporary, err, "%s.%ld", path, (long)getpid()));
    (void)unlink(temporary); /* of a killed run: in a container all have one number */
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", temporary, strerror(errno));
        free(temporary);
        return status;
    }
    LL_TRY_DONE(ll_file_pwrite(fd, text, strlen(text), 0, temporary, err));
    LL_TRY_DONE(ll_file_publish(temporary, path, err));
done:
    close(fd);
    if (status != LL_OK) unlink(temporary);
    free(temporary);
    return status;
}

ll_status ll_cuda_cache_write(const ll_net *net, ll_error *err)
{
    ll_status status = LL_OK;
    char *key = NULL, *in = NULL, *path = NULL, *text = NULL;

    if (net->last < LL_VGG16_POOL5) return LL_OK;
    LL_TRY_DONE(make_key(net, &key, err));
    LL_TRY_DONE(folder(&in, err));
    if (in == NULL) goto done;
    LL_TRY_DONE(ll_file_make_folder(in, err));
    LL_TRY_DONE(path_of(in, key, &path, err));
    LL_TRY_DONE(make_text(net, key, &text, err));
    LL_TRY_DONE(write_file(path, text, err));
done:
    free(text);
    free(path);
    free(in);
    free(key);
    return status;
}
