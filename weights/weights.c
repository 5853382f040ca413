/* weights/weights.c - opens any kind of weights file. See weights.h.
 *
 * The kind of a file is recognised by its first bytes, never by its name. */
#include "weights/weights.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/vgg16/vgg16.h"
#include "weights/float_types.h"
#include "weights/keras_h5.h"
#include "weights/safetensors.h"
#include "weights/sources.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 64, MAGIC_BYTES = 9 };

struct ll_weights {
    ll_weights_info info;
    char *path;
    char name[NAME_BYTES];
    char types[LL_FLOAT_TYPES_TEXT];
    ll_keras_h5 *keras; /* one of the two */
    ll_safetensors *safetensors;
};

typedef enum file_kind { KIND_HDF5, KIND_SAFETENSORS } file_kind;

static ll_status sniff(const char *path, file_kind *kind, int64_t *size, ll_error *err)
{
    static const uint8_t k_hdf5[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
    ll_status status = LL_OK;
    uint8_t magic[MAGIC_BYTES] = {0};
    struct stat info;

    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block us */
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    if (!S_ISREG(info.st_mode) || info.st_size < MAGIC_BYTES) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: %s", path,
                         S_ISREG(info.st_mode) ? "too short for weights" : "not a regular file");
        goto done;
    }
    LL_TRY_DONE(ll_file_pread(fd, magic, sizeof magic, 0, path, err));
    *size = info.st_size;
    *kind = KIND_HDF5;
    if (memcmp(magic, k_hdf5, sizeof k_hdf5) == 0) goto done;
    *kind = KIND_SAFETENSORS;
    if (magic[8] == '{') goto done; /* after the header's length */
    status = ll_fail(err, LL_ERR_FORMAT, "%s: %s", path,
                     memcmp(magic, "PK", 2) == 0 || magic[0] == 0x80
                         ? "a .keras archive or PyTorch pickle; save it as .weights.h5 or "
                           ".safetensors"
                         : "neither HDF5 nor safetensors");
done:
    if (fd >= 0) (void)close(fd);
    return status;
}

/* The licence is known only if the digest is known: any file may have this layout. */
static ll_status compute_digests(ll_weights *weights, int64_t size, ll_error *err)
{
    const ll_weights_source *known = NULL;
    char md5[LL_MD5_HEX];

    for (int i = 0; (known = ll_weights_source_at(i)) != NULL; i++)
        if (known->size_bytes == size) break;
    LL_TRY(ll_digest_file(weights->path, weights->info.sha256, known != NULL ? md5 : NULL, err));
    if (known != NULL && strcmp(known->md5, md5) == 0) weights->info.license = known->license;
    return LL_OK;
}

static void describe_keras(ll_weights *weights)
{
    uint64_t seed = 0;

    weights->info.trained = !ll_keras_h5_synthetic(weights->keras, &seed);
    weights->info.layout = ll_keras_h5_layout(weights->keras);
    weights->info.last_layer = ll_keras_h5_last_layer(weights->keras);
    weights->info.scale = LL_INPUT_CAFFE;
    ll_float_types_text(ll_keras_h5_types(weights->keras), weights->types);
    if (weights->info.trained)
        ll_text_exact(weights->name, NAME_BYTES, "vgg16 (keras)");
    else
        ll_text_exact(weights->name, NAME_BYTES, "vgg16 (synthetic, seed %" PRIu64 ")", seed);
}

static void describe_safetensors(ll_weights *weights)
{
    weights->info.trained = true;
    weights->info.layout = "safetensors";
    weights->info.last_layer = ll_safetensors_last_layer(weights->safetensors);
    weights->info.scale = LL_INPUT_TORCH;
    ll_float_types_text(ll_safetensors_types(weights->safetensors), weights->types);
    ll_text_exact(weights->name, NAME_BYTES, "vgg16 (torchvision)");
}

ll_status ll_weights_open(const char *path, ll_weights **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_weights *weights = NULL;
    file_kind kind = KIND_HDF5;
    int64_t size = 0;

    *out = NULL;
    LL_TRY(sniff(path, &kind, &size, err));
    LL_TRY(ll_alloc("weights", 1, sizeof *weights, &weights, err));
    LL_TRY_DONE(ll_text_copy(path, strlen(path), &weights->path, err));
    weights->info.path = weights->path;
    weights->info.name = weights->name;
    weights->info.types = weights->types;
    weights->info.license = "";
    if (kind == KIND_HDF5) {
        LL_TRY_DONE(ll_keras_h5_open(path, &weights->keras, err));
        describe_keras(weights);
    } else {
        LL_TRY_DONE(ll_safetensors_open(path, &weights->safetensors, err));
        describe_safetensors(weights);
    }
    LL_TRY_DONE(compute_digests(weights, size, err));
done:
    if (status != LL_OK) {
        ll_weights_close(weights);
        weights = NULL;
    }
    *out = weights;
    return status;
}

void ll_weights_close(ll_weights *weights)
{
    if (weights == NULL) return;
    ll_keras_h5_close(weights->keras);
    ll_safetensors_close(weights->safetensors);
    free(weights->path);
    free(weights);
}

const ll_weights_info *ll_weights_describe(const ll_weights *weights)
{
    return &weights->info;
}

/* Infinity and NaN are the floats whose exponent is all ones. */
static bool all_finite(const float *values, int64_t count)
{
    int bad = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = 0;
        memcpy(&bits, &values[i], sizeof bits);
        bad |= (bits & 0x7F800000U) == 0x7F800000U;
    }
    return bad == 0;
}

ll_status ll_weights_load(ll_weights *weights, int layer, float *kernel, float *bias, ll_error *err)
{
    assert(layer >= 0 && layer < LL_VGG16_LAYERS);
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);

    if (it->kind == LL_VGG16_POOL)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s has no weights", it->name);
    if (layer > weights->info.last_layer)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: ends at %s, %s is not in it", weights->path,
                       ll_vgg16_name(weights->info.last_layer), it->name);
    if (weights->keras != NULL)
        LL_TRY(ll_keras_h5_load(weights->keras, layer, kernel, bias, err));
    else
        LL_TRY(ll_safetensors_load(weights->safetensors, layer, kernel, bias, err));
    const bool kernel_finite = all_finite(kernel, ll_vgg16_kernel_count(layer));
    if (kernel_finite && all_finite(bias, it->out_channels)) return LL_OK;
    return ll_fail(err, LL_ERR_FORMAT, "%s: %s of %s holds infinity or NaN", weights->path,
                   kernel_finite ? "bias" : "kernel", it->name);
}
