/* tests/agree/dump_forward.c - activations of a few drawn pictures, for the judge.
 *
 *   dump_forward FOLDER KIND SEED IMAGES THREADS LAYER...
 *
 * writes FOLDER/pixels (2 IMAGES, 224, 224, 3) u8; FOLDER/biases f32 (all layers end to end), made
 * by ll_backend_calibrate from the second half of the pictures, unless they are there from a run
 * before; and of the first half
 * FOLDER/<layer> f32 (IMAGES, width) NHWC for each LAYER, where "unit" writes FOLDER/unit and
 * FOLDER/norms: fc2 normalised. The weights are random_weights.c's. */
#include "host/backend/backend.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/vgg16/vgg16.h"
#include "tests/reference/random_weights.h"
#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3 };

struct dump {
    const char *folder, *kind;
    uint64_t seed;
    int n, threads;
    uint8_t *pixels;
    float *biases;
    int64_t bias_count;
};

static ll_status write_file(const struct dump *d, const char *name, const void *data,
                            size_t size_bytes, ll_error *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    FILE *const file = fopen(path, "wb");
    const size_t written = file == NULL ? 0 : fwrite(data, 1, size_bytes, file);
    if (file == NULL || fclose(file) != 0 || written != size_bytes)
        return ll_fail(err, LL_ERR_IO, "%s: cannot be written", path);
    return LL_OK;
}

/* Picture i at (y, x), channel c: white noise, slopes, stripes with a grain, a block on white. */
static uint8_t drawn(int i, int y, int x, int c)
{
    const uint64_t at = ((uint64_t)y * LL_VGG16_SIDE + (uint64_t)x) * 3 + (uint64_t)c;
    const int noise = (int)(ll_random_at(99, (uint64_t)i, at) * 127.0f);

    switch (i % 4) {
    case 0: return (uint8_t)(128 + noise);
    case 1: return (uint8_t)((x * (i + 1) + y * (c + 1)) / 6 % 256);
    case 2: return (uint8_t)((x / (i + 3) % 2 == 0 ? 40 + 60 * c : 200 - 50 * c) + noise / 8);
    default: return (uint8_t)(x > 60 && x < 150 && y > 40 && y < 200 ? 40 * c + 10 * i : 255);
    }
}

static void draw(uint8_t *pixels, int n)
{
    for (int i = 0; i < n; i++)
        for (int y = 0; y < LL_VGG16_SIDE; y++)
            for (int x = 0; x < LL_VGG16_SIDE; x++)
                for (int c = 0; c < 3; c++)
                    *pixels++ = drawn(i, y, x, c);
}

static ll_status kernel_of(void *to, int layer, float *kernel, ll_error *err)
{
    const struct dump *const d = to;
    (void)err;
    ll_random_kernel(d->seed, layer, kernel);
    return LL_OK;
}

static ll_status dump_layer(const struct dump *d, ll_backend *be, ll_weights *weights, int layer,
                            bool normalize, ll_error *err)
{
    ll_status status = LL_OK;
    ll_net *net = NULL;
    float *rows = NULL, *norms = NULL;
    const int64_t count = d->n * ll_vgg16_width(layer);
    const ll_net_options options = {.layer = layer, .normalize = normalize};

    LL_TRY_DONE(ll_alloc("rows", count, sizeof *rows, &rows, err));
    LL_TRY_DONE(ll_alloc("norms", d->n, sizeof *norms, &norms, err));
    LL_TRY_DONE(ll_net_create(be, weights, &options, &net, err));
    LL_TRY_DONE(ll_forward_submit(be, net, 0, d->pixels, d->n, err));
    LL_TRY_DONE(ll_forward_wait(be, net, 0, rows, norms, err));
    LL_TRY_DONE(write_file(d, normalize ? "unit" : ll_vgg16_name(layer), rows,
                           (size_t)count * sizeof *rows, err));
    if (normalize) LL_TRY_DONE(write_file(d, "norms", norms, (size_t)d->n * sizeof *norms, err));
done:
    ll_net_free(be, net);
    free(norms);
    free(rows);
    return status;
}

static ll_status make_biases(const struct dump *d, ll_error *err)
{
    char path[512];

    snprintf(path, sizeof path, "%s/biases", d->folder);
    if (access(path, F_OK) == 0) return LL_OK;
    LL_TRY(ll_backend_calibrate(d->threads, kernel_of, (void *)d, d->pixels + (int64_t)d->n * IMAGE,
                                d->n, d->biases, NULL, err));
    return write_file(d, "biases", d->biases, (size_t)d->bias_count * sizeof *d->biases, err);
}

static ll_status dump_all(struct dump *d, char **layers, int count, ll_error *err)
{
    ll_status status = LL_OK;
    ll_backend *be = NULL;
    ll_weights *weights = NULL;
    char name[512];
    const ll_backend_options options = {
        .name = "cpu", .threads = d->threads, .batch = d->n, .slots = 1};

    LL_TRY_DONE(make_biases(d, err));
    LL_TRY_DONE(write_file(d, "pixels", d->pixels, (size_t)d->n * IMAGE * 2, err));
    snprintf(name, sizeof name, "%s:%llu:%s/biases", d->kind, (unsigned long long)d->seed,
             d->folder);
    LL_TRY_DONE(ll_weights_open(name, &weights, err));
    LL_TRY_DONE(ll_backend_open(&options, &be, err));
    printf("%s\n%s\n", ll_backend_describe(be).device, ll_backend_describe(be).engines);
    for (int i = 0; i < count; i++) {
        const bool unit = strcmp(layers[i], "unit") == 0;
        const int layer = unit ? LL_VGG16_FC2 : ll_vgg16_find(layers[i]);
        LL_TRY_DONE(dump_layer(d, be, weights, layer, unit, err));
    }
done:
    ll_backend_close(be);
    ll_weights_close(weights);
    return status;
}

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    struct dump d = {0};

    if (argc < 7) {
        fprintf(stderr, "usage: dump_forward FOLDER KIND SEED IMAGES THREADS LAYER...\n");
        return 2;
    }
    d.folder = argv[1];
    d.kind = argv[2];
    d.seed = strtoull(argv[3], NULL, 10);
    d.n = (int)strtol(argv[4], NULL, 10);
    d.threads = (int)strtol(argv[5], NULL, 10);
    for (int i = 0; i < LL_VGG16_LAYERS; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            d.bias_count += ll_vgg16_layer_at(i)->out_channels;
    LL_TRY_DONE(ll_alloc("pixels", 2 * (int64_t)d.n, IMAGE, &d.pixels, &err));
    LL_TRY_DONE(ll_alloc("biases", d.bias_count, sizeof *d.biases, &d.biases, &err));
    draw(d.pixels, 2 * d.n);
    LL_TRY_DONE(dump_all(&d, argv + 6, argc - 6, &err));
done:
    free(d.biases);
    free(d.pixels);
    if (status == LL_OK) return 0;
    fprintf(stderr, "dump_forward: %s\n", err.text);
    return 1;
}
