/* tests/safetensors_fixture.h - safetensors of VGG16's full shapes that take no room on disk: what
 * is not put into them is a hole in the file, which reads as zeros. */
#ifndef LL_TESTS_SAFETENSORS_FIXTURE_H
#define LL_TESTS_SAFETENSORS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIXTURE_HEADER_ROOM = 16384 };

typedef struct fixture_header {
    char text[FIXTURE_HEADER_ROOM]; /* JSON */
    size_t length;
    int64_t data_bytes;
    int tensors;
} fixture_header;

/* All tensors up to `last` end to end, kernel before bias, in the order of the network;
 * LL_VGG16_FC2 adds the classifier, too. Their types are taken from `types` in turn: "f" float32,
 * "h" float16, "b" bfloat16, and of those not read "d" float64, "e" float8, "i" int16. "hf" is
 * halves for kernels and float32 for biases. */
void fixture_header_make(fixture_header *it, int last, bool timm, const char *types);

/* A file at `path` whose header claims to be `stated` bytes long; its data are one hole. */
void fixture_write_file(const char *path, uint64_t stated, const char *text, size_t length,
                        int64_t data_bytes);
void fixture_write_header(const char *path, const fixture_header *it);

/* Byte of the file where a tensor begins. */
int64_t fixture_tensor_begin(const fixture_header *it, const char *name);

void fixture_put(const char *path, int64_t at, const void *data, int64_t size_bytes);

#endif
