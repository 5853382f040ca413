/* host/backend/compare_memory.c - what a comparison takes of the host's memory; see backend.h. The
 * sums of cpu/cpu_compare.c and cuda/cuda_compare.c, made before anything is allocated. */
#include "host/backend/backend_ops.h"
#include "host/backend/cpu/cpu_panels.h"
#include "host/base/size.h"

enum {
    TILE_VALUES = 512 * 512,
    CUDA_SLOTS_BYTES = 2 * (32 << 20), /* pinned, on their way in or out */
};

static int64_t cpu_bytes(const ll_backend *be, const ll_compare_options *options)
{
    const int64_t rows = options->rows, stored = (int64_t)ll_matrix_type_bytes(options->matrix);
    const int64_t tile = TILE_VALUES * (int64_t)(sizeof(float) + sizeof(double) + (size_t)stored);
    const int64_t lengths = 2 * (int64_t)sizeof(double);
    const int64_t lists =
        options->keep > 0 ? options->keep * (int64_t)sizeof(uint64_t) + (int64_t)sizeof(float) : 0;

    return be->threads * tile + rows * (lengths + lists) +
           ll_cpu_panels_bytes(rows, options->cols, 512, be->threads);
}

/* Lists and features are on the card. */
static int64_t cuda_bytes(const ll_compare_options *options)
{
    return CUDA_SLOTS_BYTES + options->rows * (int64_t)(sizeof(double) + 2 * sizeof(float));
}

int64_t ll_compare_host_bytes(const ll_backend *be, const ll_compare_options *options)
{
    return be->ops == &ll_backend_cpu_ops ? cpu_bytes(be, options) : cuda_bytes(options);
}
