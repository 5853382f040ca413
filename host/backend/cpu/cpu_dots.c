/* host/backend/cpu/cpu_dots.c - see cpu_dots.h.
 *
 * A panel holds slices of 512 columns; a slice holds slivers of 16 rows; a sliver holds its columns
 * one after the other, 16 floats each:  [slice][sliver][column][16]. Rows are filled up with zeros
 * to a multiple of 16. The slice of a block of 512 rows is 1 MiB: it stays in the second cache
 * while the slivers of the other panel go by; a sliver is 32 KiB and needs no more than the first.
 */
#include "host/backend/cpu/cpu_dots.h"
#include "host/backend/cpu/cpu_dots_block.h"
#include "host/base/size.h"
#include "kernels/target_clones.h"

static int64_t padded(int64_t rows)
{
    return ll_ceil_div(rows, LL_DOTS_SLIVER) * LL_DOTS_SLIVER;
}

int64_t ll_cpu_dots_panel_floats(int64_t rows, int64_t cols)
{
    return padded(rows) * cols;
}

/* (16, cols) of a matrix whose rows are `stride` apart, transposed; rows from `rows` on are zero.
 */
LL_TARGET_CLONES static void pack_sliver(const float *x, int64_t stride, int64_t rows, int64_t cols,
                                         float *sliver)
{
    if (rows >= LL_DOTS_SLIVER) {
        for (int64_t k = 0; k < cols; k++)
            for (int64_t r = 0; r < LL_DOTS_SLIVER; r++)
                sliver[k * LL_DOTS_SLIVER + r] = x[r * stride + k];
        return;
    }
    for (int64_t k = 0; k < cols; k++)
        for (int64_t r = 0; r < LL_DOTS_SLIVER; r++)
            sliver[k * LL_DOTS_SLIVER + r] = r < rows ? x[r * stride + k] : 0.0f;
}

void ll_cpu_dots_pack(const float *x, int64_t rows, int64_t cols, float *panel)
{
    const int64_t room = padded(rows);

    for (int64_t k = 0; k < cols; k += LL_DOTS_SLICE) {
        const int64_t count = ll_min_i64(LL_DOTS_SLICE, cols - k);
        for (int64_t r = 0; r < room; r += LL_DOTS_SLIVER)
            pack_sliver(r < rows ? x + r * cols + k : x, cols, rows - r, count,
                        panel + k * room + r * count);
    }
}

static ll_dots_block_fn *block_of_this_processor(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) return ll_cpu_dots_block_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ll_cpu_dots_block_avx2;
#endif
    return ll_cpu_dots_block_plain;
}

const char *ll_cpu_dots_name(void)
{
    ll_dots_block_fn *const block = block_of_this_processor();
    return block == ll_cpu_dots_block_plain  ? "plain"
           : block == ll_cpu_dots_block_avx2 ? "avx2"
                                             : "avx512";
}

bool ll_cpu_dots_needs_totals(int64_t cols)
{
    return cols > LL_DOTS_STRETCH;
}

LL_TARGET_CLONES static void add_totals(const float *sums, int64_t rows, int64_t stride, bool add,
                                        double *totals)
{
    for (int64_t i = 0; i < rows * stride; i++)
        totals[i] = (double)sums[i] + (add ? totals[i] : 0.0);
}

static float clamped(double score)
{
    const float value = (float)score;
    const float above = value > 0.0f ? value : 0.0f;
    return above < 1.0f ? above : 1.0f;
}

/* From sums, in `totals` or in place, to scores. */
LL_TARGET_CLONES static void scale(const double *x, int64_t rows, const double *y, int64_t columns,
                                   const double *totals, float *scores, int64_t stride)
{
    for (int64_t r = 0; r < rows; r++) {
        float *const row = scores + r * stride;
        const double inverse = x[r];
        if (totals != NULL)
            for (int64_t c = 0; c < columns; c++)
                row[c] = clamped(totals[r * stride + c] * (inverse * y[c]));
        else
            for (int64_t c = 0; c < columns; c++)
                row[c] = clamped((double)row[c] * (inverse * y[c]));
    }
}

void ll_cpu_dots_scores(const ll_dots_rows *x, const ll_dots_rows *y, int64_t cols, bool upper,
                        float *scores, double *totals, int64_t stride)
{
    ll_cpu_dots_scores_by(block_of_this_processor(), x, y, cols, upper, scores, totals, stride);
}

void ll_cpu_dots_scores_by(ll_dots_block_fn *block, const ll_dots_rows *x, const ll_dots_rows *y,
                           int64_t cols, bool upper, float *scores, double *totals, int64_t stride)
{
    const int64_t high = padded(x->rows), wide = padded(y->rows);

    for (int64_t k = 0; k < cols; k += LL_DOTS_SLICE) {
        const int64_t count = ll_min_i64(LL_DOTS_SLICE, cols - k);
        const bool add = k % LL_DOTS_STRETCH != 0;
        for (int64_t r = 0; r < high; r += LL_DOTS_SLIVER)
            for (int64_t c = upper ? r : 0; c < wide; c += LL_DOTS_SLIVER)
                block(x->panel + k * high + r * count, y->panel + k * wide + c * count, count, add,
                      scores + r * stride + c, stride);
        const bool done = k + count == cols;
        if (totals != NULL && (done || (k + count) % LL_DOTS_STRETCH == 0))
            add_totals(scores, high, stride, k >= LL_DOTS_STRETCH, totals);
    }
    scale(x->inverses, x->rows, y->inverses, y->rows, totals, scores, stride);
}
