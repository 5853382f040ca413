/* tests/safetensors_fixture.c - see safetensors_fixture.h. */
#include "tests/safetensors_fixture.h"
#include "host/vgg16/vgg16.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    char letter;
    const char *dtype;
    int64_t bytes;
} k_types[] = {{'f', "F32", 4}, {'h', "F16", 2},     {'b', "BF16", 2},
               {'d', "F64", 8}, {'e', "F8_E5M2", 1}, {'i', "I16", 2}};

static int type_find(char letter)
{
    int t = 0;
    while (k_types[t].letter != letter) {
        t++;
        assert_true(t < (int)(sizeof k_types / sizeof k_types[0]));
    }
    return t;
}

static void append(fixture_header *it, const char *types, const char *name, const char *shape,
                   int64_t values)
{
    const int type = type_find(types[(size_t)it->tensors++ % strlen(types)]);
    const int64_t end = it->data_bytes + k_types[type].bytes * values;
    const int more =
        snprintf(it->text + it->length, FIXTURE_HEADER_ROOM - it->length,
                 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%lld,%lld]}",
                 it->length == 1 ? "" : ",", name, k_types[type].dtype, shape,
                 (long long)it->data_bytes, (long long)end);
    assert_true(more > 0 && it->length + (size_t)more + 2 < FIXTURE_HEADER_ROOM);
    it->length += (size_t)more;
    it->data_bytes = end;
}

void fixture_header_make(fixture_header *it, int last, bool timm, const char *types)
{
    char name[64], shape[64];
    it->text[0] = '{';
    it->length = 1;
    it->data_bytes = 0;
    it->tensors = 0;
    for (int i = 0; i <= last; i++) {
        const ll_vgg16_layer *const layer = ll_vgg16_layer_at(i);
        const int in = layer->in_channels, out = layer->out_channels, side = layer->in_side;
        if (layer->kind == LL_VGG16_POOL) continue;
        if (layer->kind == LL_VGG16_CONV)
            (void)snprintf(shape, sizeof shape, "%d, %d, 3, 3", out, in);
        else if (timm)
            (void)snprintf(shape, sizeof shape, "%d,%d,%d,%d", out, in, side, side);
        else
            (void)snprintf(shape, sizeof shape, "%d,%d", out, in * side * side);
        const bool renamed = timm && layer->kind == LL_VGG16_FC;
        (void)snprintf(name, sizeof name, "%s%s.weight", renamed ? "pre_logits." : "",
                       renamed ? layer->name : layer->torch);
        append(it, types, name, shape, ll_vgg16_kernel_count(i));
        (void)snprintf(name, sizeof name, "%s%s.bias", renamed ? "pre_logits." : "",
                       renamed ? layer->name : layer->torch);
        (void)snprintf(shape, sizeof shape, "%d", out);
        append(it, types, name, shape, out);
    }
    if (last == LL_VGG16_FC2) append(it, types, "classifier.6.weight", "1000,4096", 4096000);
    it->text[it->length++] = '}';
    it->text[it->length] = '\0';
}

void fixture_write_file(const char *path, uint64_t stated, const char *text, size_t length,
                        int64_t data_bytes)
{
    uint8_t head[8];
    for (int i = 0; i < 8; i++)
        head[i] = (uint8_t)(stated >> 8 * i);
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(head, 1, 8, file), 8);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(truncate(path, (off_t)(8 + (int64_t)length + data_bytes)), 0);
}

void fixture_write_header(const char *path, const fixture_header *it)
{
    fixture_write_file(path, it->length, it->text, it->length, it->data_bytes);
}

/* A tensor's offset is the first number after data_offsets. */
int64_t fixture_tensor_begin(const fixture_header *it, const char *name)
{
    char quoted[80];
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", name);
    const char *const at = strstr(it->text, quoted);
    assert_non_null(at);
    const char *const offsets = strstr(at, "data_offsets\":[");
    assert_non_null(offsets);
    return 8 + (int64_t)it->length + strtoll(offsets + strlen("data_offsets\":["), NULL, 10);
}

void fixture_put(const char *path, int64_t at, const void *data, int64_t size_bytes)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, (size_t)size_bytes, at), size_bytes);
    assert_int_equal(close(fd), 0);
}
