/* tests/agree/dump_layers.c - activations of given pixels after every layer, for verify_layers.py
 * and verify_half_layers.py.
 *
 *   dump_layers WEIGHTS FOLDER IMAGES [PRECISION]
 *
 * reads FOLDER/pixels (IMAGES, 224, 224, 3) u8 and writes FOLDER/<layer> f32 (IMAGES, width), NHWC,
 * for each layer the weights have, up to 20. On the cpu, or with a PRECISION ("fp16") on cuda,
 * whose module lies in ../lib/lookloom beside the program. */
#include "host/backend/backend.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/vgg16/vgg16.h"
#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>

enum { IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3, MAX_IMAGES = 32 };

static ll_status dump(ll_backend *be, ll_weights *weights, int layer, const char *folder,
                      const uint8_t *pixels, int images, ll_error *err)
{
    ll_status status = LL_OK;
    ll_net *net = NULL;
    float *features = NULL;
    char *path = NULL;
    FILE *file = NULL;
    const ll_net_options options = {.layer = layer, .normalize = false};
    const size_t width = (size_t)ll_vgg16_width(layer);

    LL_TRY_DONE(ll_alloc("features", images, width * sizeof *features, &features, err));
    LL_TRY_DONE(ll_net_create(be, weights, &options, &net, err));
    LL_TRY_DONE(ll_forward_submit(be, net, 0, pixels, images, err));
    LL_TRY_DONE(ll_forward_wait(be, net, 0, features, NULL, err));
    LL_TRY_DONE(ll_text_format(&path, err, "%s/%s", folder, ll_vgg16_name(layer)));
    file = fopen(path, "wb");
    if (file == NULL ||
        fwrite(features, width * sizeof *features, (size_t)images, file) != (size_t)images)
        status = ll_fail(err, LL_ERR_IO, "%s: cannot be written", path);
done:
    if (file != NULL && fclose(file) != 0 && status == LL_OK)
        status = ll_fail(err, LL_ERR_IO, "%s: cannot be written", path);
    free(path);
    free(features);
    ll_net_free(be, net);
    return status;
}

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    ll_backend *be = NULL;
    ll_weights *weights = NULL;
    uint8_t *pixels = NULL;
    char *path = NULL;
    int64_t images = 0;
    size_t size = 0;
    ll_backend_options options = {.name = "cpu", .threads = 2, .slots = 1};

    if (argc != 4 && argc != 5) return 2;
    LL_TRY_DONE(ll_number_int("IMAGES", argv[3], 1, MAX_IMAGES, &images, &err));
    if (argc == 5) options.name = "cuda", options.precision = argv[4], options.batch = (int)images;
    LL_TRY_DONE(ll_text_format(&path, &err, "%s/pixels", argv[2]));
    LL_TRY_DONE(ll_file_read(path, (size_t)MAX_IMAGES * IMAGE, &pixels, &size, &err));
    if (size != (size_t)images * IMAGE) {
        status = ll_fail(&err, LL_ERR_FORMAT, "%s: not %d images", path, (int)images);
        goto done;
    }
    LL_TRY_DONE(ll_backend_open(&options, &be, &err));
    LL_TRY_DONE(ll_weights_open(argv[1], &weights, &err));
    for (int layer = 0; layer <= ll_weights_describe(weights)->last_layer; layer++)
        LL_TRY_DONE(dump(be, weights, layer, argv[2], pixels, (int)images, &err));
done:
    if (status != LL_OK) fprintf(stderr, "dump_layers: %s\n", err.text);
    ll_weights_close(weights);
    ll_backend_close(be);
    free(pixels);
    free(path);
    return status == LL_OK ? 0 : 1;
}
