/* weights/safetensors_header.h - reads and checks the header of a safetensors file. Private to
 * weights. */
#ifndef LL_WEIGHTS_SAFETENSORS_HEADER_H
#define LL_WEIGHTS_SAFETENSORS_HEADER_H

#include "host/base/status.h"

#include <stdint.h>

enum { LL_SAFETENSORS_RANK = 8 };

typedef struct ll_tensor {
    char *name;
    char dtype[16]; /* "F32" */
    int rank;
    int64_t shape[LL_SAFETENSORS_RANK];
    int64_t begin, end; /* bytes of the file */
} ll_tensor;

typedef struct ll_tensors {
    ll_tensor *items;
    int64_t count;
} ll_tensors;

/** Read and check a header: its length, its JSON, every tensor's type, shape and place; together
 *  the tensors must cover the rest of the file without a gap or an overlap.
 * @param fd    open at `path`, which starts the error text
 * @param size  of the file
 * @param out   for ll_tensors_release, also after a failure */
LL_NODISCARD ll_status ll_tensors_read(int fd, const char *path, int64_t size, ll_tensors *out,
                                       ll_error *err);
void ll_tensors_release(ll_tensors *tensors);

/** Borrowed until release; NULL if there is no tensor of that name. */
const ll_tensor *ll_tensors_find(const ll_tensors *tensors, const char *name);

#endif
