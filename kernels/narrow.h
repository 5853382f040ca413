/* kernels/narrow.h - converts scores to 16 bits.
 *
 *   float16  IEEE 754 binary16, round to nearest, ties to even: off by at most 2^-12
 *   uint16   floor(65535 score + 1/2), exactly: off by at most 1/131070
 *
 * Scores lie in [0, 1]; for anything else the result means nothing. cpu and cuda twins give the
 * same bits. Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_NARROW_H
#define LL_KERNELS_NARROW_H

#include <stddef.h>
#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* How a stored matrix holds its scores. */
typedef enum ll_matrix_type {
    LL_MATRIX_NONE, /* no matrix is stored */
    LL_MATRIX_FLOAT32,
    LL_MATRIX_FLOAT16,
    LL_MATRIX_UINT16, /* steps of 1/65535 */
} ll_matrix_type;

/** Bytes of one stored score; 0 for LL_MATRIX_NONE. */
static inline size_t ll_matrix_type_bytes(ll_matrix_type type)
{
    if (type == LL_MATRIX_NONE) return 0;
    return type == LL_MATRIX_FLOAT32 ? sizeof(float) : sizeof(uint16_t);
}

/** narrowed[i] = the bits of scores[i] as float16. */
void ll_narrow_float16_cpu(const float *scores, int64_t count, uint16_t *narrowed);

/** narrowed[i] = scores[i] in steps of 1/65535. */
void ll_narrow_uint16_cpu(const float *scores, int64_t count, uint16_t *narrowed);

/* ---- whole tiles, as a card delivers them ---------------------------------------------- */

/* Scores (rows, columns) f32, `stride` floats from row to row. The cuda twins clamp to [0, 1]. */
typedef struct ll_narrow_tile {
    const float *scores;
    int64_t stride, rows, columns;
} ll_narrow_tile;

/** narrowed (rows, columns), packed, in the stored type; not LL_MATRIX_NONE. */
void ll_narrow_tile_cpu(const ll_narrow_tile *tile, ll_matrix_type type, void *narrowed);

/** Make a tile on the diagonal symmetric to the bit, in place: its upper half is the truth, its
 *  diagonal 1. scores (rows, rows). */
void ll_narrow_mirror_cpu(float *scores, int64_t stride, int64_t rows);

#ifdef LL_WITH_CUDA
cudaError_t ll_narrow_tile_cuda(const ll_narrow_tile *tile, ll_matrix_type type, void *narrowed,
                                cudaStream_t stream);
cudaError_t ll_narrow_mirror_cuda(float *scores, int64_t stride, int64_t rows, cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
