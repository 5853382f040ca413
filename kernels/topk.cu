/* kernels/topk.cu - CUDA twin of topk.c.
 *
 * A tile is offered in two launches.
 * - offer: every score is compared once with the worst kept score of its row and once with that of
 *   its column. The few that reach one are appended to that list at the index an atomic counter
 *   gives. An index beyond the list's capacity is counted, but nothing is written.
 * - compact: a warp a list. Counted more than there is room: the list goes back to what it held
 *   before the tile, and the warp goes through its row (or column) of the tile by itself, selecting
 *   whenever the room is used up; so nothing is ever lost. A list that is nearly full, or full for
 *   the first time, is selected down to its best `keep`, which raises the bar for the next tile.
 * Keys are totally ordered and no two are equal, so the `keep` best do not depend on who came
 * first: only their order in the list does, and `extract` sorts.
 *
 *   launch   offer: a warp for 16 rows x 128 columns, a lane four columns. compact: a warp a list.
 *            extract: compact, then a block a list
 *   shared   compact 8 KB static: 256 counters a warp. extract: 8 B a key, padded to a power of two
 *   traffic  offer: the tile once, best from the level-2 cache, 16 loads of 128 B in flight a warp
 *            (where a strip lies within the tile: a load with a bound to test waits for the test);
 *            of N scores about keep ln(N / keep) go further. compact: 8 B a list, as a rule
 */
#include "kernels/launch.cuh"
#include "kernels/launch_shape.h"
#include "kernels/topk.h"

static const uint32_t ALL = 0xffffffffu; /* every lane */
enum {
    AT_ONCE = 4, /* rows whose scores a lane asks for before it looks at the first */
    BINS = 256,
    DIGIT_BITS = 8,
    TOP_SHIFT = 64 - DIGIT_BITS,
    LANE_BINS = BINS / LL_WARP,
};

static __device__ __forceinline__ uint64_t key_of(float score, int64_t column)
{
    return (uint64_t)__float_as_uint(score) << 32 | (0xffffffffu - (uint32_t)column);
}

static __device__ __forceinline__ float score_of(uint64_t key)
{
    return __uint_as_float((uint32_t)(key >> 32));
}

static __device__ __forceinline__ bool neighbours(const uint32_t *group, int64_t row,
                                                  int64_t column)
{
    return row != column && (group == NULL || group[row] == group[column]);
}

/* ---- offer ----------------------------------------------------------------------------- */

static __device__ __forceinline__ void append(const ll_topk_card &lists, int64_t list, uint64_t key)
{
    if (key <= lists.worst[list]) return;
    const uint32_t slot = atomicAdd(&lists.counts[list], 1u);
    if (slot < (uint32_t)lists.capacity) lists.keys[list * lists.capacity + slot] = key;
}

/* A score that reaches one of the two, or both. */
static __device__ __forceinline__ void offer_one(const ll_topk_card &lists,
                                                 const ll_topk_tile &tile, int64_t row,
                                                 int64_t column, float score, float of_row,
                                                 float of_column)
{
    if (!neighbours(tile.group, row, column)) return;
    if (score >= of_row) append(lists, row, key_of(score, column));
    if (score >= of_column) append(lists, column, key_of(score, row));
}

/* AT_ONCE rows of a strip, a lane every 32nd column. All loads are asked for before anything is
 * done with the first; the scores are as they come, and 0 beyond `rows` and `columns`. */
static __device__ __forceinline__ void load(const float *first, int64_t stride, bool whole,
                                            int rows, int columns,
                                            float (&score)[AT_ONCE][LL_TOPK_LANE_COLUMNS])
{
    if (whole) {
#pragma unroll
        for (int r = 0; r < AT_ONCE; r++)
#pragma unroll
            for (int i = 0; i < LL_TOPK_LANE_COLUMNS; i++)
                score[r][i] = first[r * stride + i * LL_WARP];
        return;
    }
#pragma unroll
    for (int r = 0; r < AT_ONCE; r++)
#pragma unroll
        for (int i = 0; i < LL_TOPK_LANE_COLUMNS; i++)
            score[r][i] =
                r < rows && i * LL_WARP < columns ? first[r * stride + i * LL_WARP] : 0.0f;
}

/* What is left of `count` from `first` on, `most` at most; may be negative. */
static __device__ __forceinline__ int left_of(int64_t count, int64_t first, int most)
{
    return count - first < most ? (int)(count - first) : most;
}

__global__ void __launch_bounds__(LL_TOPK_BLOCK)
    topk_offer(ll_topk_card lists, ll_topk_tile tile, bool both_sides)
{
    const int lane = (int)threadIdx.x % LL_WARP;
    const int64_t left = (int64_t)blockIdx.x * LL_TOPK_STRIP_COLUMNS + lane;
    const int64_t top =
        ((int64_t)blockIdx.y * LL_TOPK_WARPS + threadIdx.x / LL_WARP) * LL_TOPK_STRIP_ROWS;
    const int rows = left_of(tile.rows, top, LL_TOPK_STRIP_ROWS);
    const int columns = left_of(tile.columns, left, LL_TOPK_STRIP_COLUMNS); // of this lane
    const bool whole = // the same for all lanes of a warp
        rows == LL_TOPK_STRIP_ROWS &&
        ((int64_t)blockIdx.x + 1) * LL_TOPK_STRIP_COLUMNS <= tile.columns;
    const float never = 2.0f; // no score reaches it

    /* What each lane's columns ask for, and, lane r, what row r of the strip asks for. */
    float of_column[LL_TOPK_LANE_COLUMNS], of_row = never;
#pragma unroll
    for (int i = 0; i < LL_TOPK_LANE_COLUMNS; i++)
        of_column[i] = both_sides && i * LL_WARP < columns
                           ? score_of(lists.worst[tile.column + left + i * LL_WARP])
                           : never;
    if (lane < rows) of_row = score_of(lists.worst[tile.row + top + lane]);

    for (int start = 0; start < LL_TOPK_STRIP_ROWS; start += AT_ONCE) {
        float score[AT_ONCE][LL_TOPK_LANE_COLUMNS];
        load(tile.scores + (top + start) * tile.stride + left, tile.stride, whole, rows - start,
             columns, score);
#pragma unroll
        for (int r = 0; r < AT_ONCE; r++) {
            const float wanted = __shfl_sync(ALL, of_row, start + r);
#pragma unroll
            for (int i = 0; i < LL_TOPK_LANE_COLUMNS; i++) {
                const bool inside = start + r < rows && i * LL_WARP < columns;
                const float value = inside ? __saturatef(score[r][i]) : -1.0f; // reaches nothing
                if (value >= wanted || value >= of_column[i])
                    offer_one(lists, tile, tile.row + top + start + r,
                              tile.column + left + i * LL_WARP, value, wanted, of_column[i]);
            }
        }
    }
}

/* ---- select, by a warp ----------------------------------------------------------------- */

/* Of the keys counted in `bins`, in which bin is number `wanted` from above?
 * @return the bin; *above: keys in higher bins, *inside: keys in it */
static __device__ __forceinline__ uint32_t find_bin(const uint32_t *bins, uint32_t wanted,
                                                    uint32_t *above, uint32_t *inside)
{
    const uint32_t lane = threadIdx.x % LL_WARP;
    uint32_t mine = 0;
#pragma unroll
    for (int i = 0; i < LANE_BINS; i++)
        mine += bins[lane * LANE_BINS + i];

    uint32_t upward = mine; // of this lane and all above it
#pragma unroll
    for (int step = 1; step < LL_WARP; step *= 2) {
        const uint32_t more = __shfl_down_sync(ALL, upward, step);
        if (lane + step < LL_WARP) upward += more;
    }
    const bool here = upward - mine < wanted && wanted <= upward;
    uint32_t bin = 0, over = upward - mine, in = 0;
    for (int i = LANE_BINS - 1; here && i >= 0; i--) {
        bin = lane * LANE_BINS + i;
        in = bins[bin];
        if (over + in >= wanted) break;
        over += in;
    }
    const int owner = __ffs((int)__ballot_sync(ALL, here)) - 1;
    *above = __shfl_sync(ALL, over, owner);
    *inside = __shfl_sync(ALL, in, owner);
    return __shfl_sync(ALL, bin, owner);
}

/* A bound that exactly `keep` of the `count` > keep different keys reach: digit by digit from the
 * top, counting the keys that agree so far. */
static __device__ __forceinline__ uint64_t find_cut(const uint64_t *keys, uint32_t count,
                                                    uint32_t keep, uint32_t *bins)
{
    const uint32_t lane = threadIdx.x % LL_WARP;
    uint64_t prefix = 0;

    for (int shift = TOP_SHIFT;; shift -= DIGIT_BITS) {
        uint32_t above, inside;
#pragma unroll
        for (int i = 0; i < LANE_BINS; i++)
            bins[i * LL_WARP + lane] = 0;
        __syncwarp();
        for (uint32_t i = lane; i < count; i += LL_WARP) {
            const uint64_t key = keys[i];
            if (shift == TOP_SHIFT || key >> (shift + DIGIT_BITS) == prefix)
                atomicAdd(&bins[key >> shift & (BINS - 1)], 1u);
        }
        __syncwarp();
        prefix = prefix << DIGIT_BITS | find_bin(bins, keep, &above, &inside);
        keep -= above;
        if (keep == inside || shift == 0) return prefix << shift;
        __syncwarp(); // the counts have been read
    }
}

/* Leave the best `keep` of `count` >= keep keys, in place.
 * @return the worst of them */
static __device__ __forceinline__ uint64_t select_best(uint64_t *keys, uint32_t count,
                                                       uint32_t keep, uint32_t *bins)
{
    const uint32_t lane = threadIdx.x % LL_WARP, before = (1u << lane) - 1u;
    const uint64_t cut = count > keep ? find_cut(keys, count, keep, bins) : 0;
    uint64_t least = ~(uint64_t)0;
    uint32_t kept = 0;

    for (uint32_t start = 0; start < count; start += LL_WARP) {
        const uint64_t key = start + lane < count ? keys[start + lane] : 0;
        const bool stays = start + lane < count && key >= cut;
        const uint32_t who = __ballot_sync(ALL, stays);
        __syncwarp(); // these have been read, and only they may lie where the next are written
        if (stays) keys[kept + __popc(who & before)] = key;
        if (stays && key < least) least = key;
        kept += __popc(who);
    }
#pragma unroll
    for (int step = LL_WARP / 2; step > 0; step /= 2) {
        const uint64_t other = __shfl_xor_sync(ALL, least, step);
        if (other < least) least = other;
    }
    __syncwarp(); // the keys are where the next reader expects them
    return least;
}

/* ---- compact ---------------------------------------------------------------------------- */

/* A line of the tile, a row or a column, as its list sees it. */
struct line {
    const float *scores;
    int64_t step, count; /* floats from one to the next; how many */
    int64_t list, first; /* whose it is; the column of the first */
};

/* What a warp knows of its list, in registers. */
struct state {
    uint64_t *keys, worst;
    uint32_t count;
};

static __device__ __forceinline__ void select_best(const ll_topk_card &lists, uint32_t *bins,
                                                   struct state *state)
{
    state->worst = select_best(state->keys, state->count, (uint32_t)lists.keep, bins);
    state->count = (uint32_t)lists.keep;
}

/* The whole line, 32 at a time, into a list that is as it was before the tile. */
static __device__ __forceinline__ void offer_line(const ll_topk_card &lists, const uint32_t *group,
                                                  const struct line &line, uint32_t *bins,
                                                  struct state *state)
{
    const uint32_t lane = threadIdx.x % LL_WARP, before = (1u << lane) - 1u;

    for (int64_t start = 0; start < line.count; start += LL_WARP) {
        const int64_t i = start + lane;
        uint64_t key = 0;
        if (i < line.count && neighbours(group, line.list, line.first + i))
            key = key_of(__saturatef(line.scores[i * line.step]), line.first + i);
        if (state->count + LL_WARP > (uint32_t)lists.capacity) select_best(lists, bins, state);
        const uint32_t who = __ballot_sync(ALL, key > state->worst);
        if (key > state->worst) state->keys[state->count + (uint32_t)__popc(who & before)] = key;
        state->count += (uint32_t)__popc(who);
        __syncwarp(); // the keys are there for all lanes
    }
}

/* Put one list in order after a tile; `full`: more keys than this and it is selected. */
static __device__ __forceinline__ void compact(const ll_topk_card &lists, const uint32_t *group,
                                               const struct line &line, uint32_t full,
                                               uint32_t *bins)
{
    const uint32_t keep = (uint32_t)lists.keep;
    struct state state = {lists.keys + line.list * lists.capacity, lists.worst[line.list],
                          lists.counts[line.list]};

    if (state.count > (uint32_t)lists.capacity) {
        state.count = lists.base_counts[line.list];
        offer_line(lists, group, line, bins, &state);
    }
    if (state.count > full || (state.worst == 0 && state.count >= keep))
        select_best(lists, bins, &state);
    __syncwarp(); // every lane has read what the first now writes
    if (threadIdx.x % LL_WARP != 0) return;
    lists.worst[line.list] = state.worst;
    lists.counts[line.list] = lists.base_counts[line.list] = state.count;
}

/* The lists of the tile's rows, then of its columns. */
__global__ void __launch_bounds__(LL_TOPK_BLOCK)
    topk_compact(ll_topk_card lists, ll_topk_tile tile, bool both_sides)
{
    __shared__ uint32_t bins[LL_TOPK_WARPS][BINS];
    const int warp = (int)threadIdx.x / LL_WARP;
    const int64_t number = (int64_t)blockIdx.x * LL_TOPK_WARPS + warp;
    const int64_t column = number - tile.rows;
    const uint32_t full = (uint32_t)(lists.keep + (lists.capacity - lists.keep) / 2);

    if (number < tile.rows) {
        const struct line line = {tile.scores + number * tile.stride, 1, tile.columns,
                                  tile.row + number, tile.column};
        compact(lists, tile.group, line, full, bins[warp]);
    } else if (both_sides && column < tile.columns) {
        const struct line line = {tile.scores + column, tile.stride, tile.rows,
                                  tile.column + column, tile.row};
        compact(lists, tile.group, line, full, bins[warp]);
    }
}

/* ---- extract ------------------------------------------------------------------------------ */

/* Down to `keep`, tile or no tile. */
__global__ void __launch_bounds__(LL_TOPK_BLOCK)
    topk_finish(ll_topk_card lists, int64_t first_row, int64_t rows)
{
    __shared__ uint32_t bins[LL_TOPK_WARPS][BINS];
    const int warp = (int)threadIdx.x / LL_WARP;
    const int64_t number = (int64_t)blockIdx.x * LL_TOPK_WARPS + warp;
    const struct line nothing = {NULL, 0, 0, first_row + number, 0};

    if (number < rows) compact(lists, NULL, nothing, (uint32_t)lists.keep, bins[warp]);
}

/* Bitonic sort, best first, of a list padded with empty places. */
__global__ void __launch_bounds__(LL_TOPK_BLOCK)
    topk_sort(ll_topk_card lists, int64_t first_row, int sorted, uint32_t *__restrict__ columns,
              float *__restrict__ scores)
{
    LL_DYNAMIC_SHARED(uint64_t, keys);
    const int64_t list = first_row + blockIdx.x;
    const int count = (int)lists.counts[list];
    const uint64_t *const stored = lists.keys + list * lists.capacity;

    for (int i = (int)threadIdx.x; i < sorted; i += LL_TOPK_BLOCK)
        keys[i] = i < count ? stored[i] : 0;
    __syncthreads();
    for (int run = 2; run <= sorted; run *= 2)
        for (int apart = run / 2; apart > 0; apart /= 2) {
            for (int i = (int)threadIdx.x; i < sorted / 2; i += LL_TOPK_BLOCK) {
                const int low = i / apart * 2 * apart + i % apart, high = low + apart;
                const uint64_t a = keys[low], b = keys[high];
                const bool falling = (low & run) == 0;
                if ((a < b) == falling) keys[low] = b, keys[high] = a;
            }
            __syncthreads();
        }
    for (int i = (int)threadIdx.x; i < lists.keep; i += LL_TOPK_BLOCK) {
        columns[(int64_t)blockIdx.x * lists.keep + i] = 0xffffffffu - (uint32_t)keys[i];
        scores[(int64_t)blockIdx.x * lists.keep + i] = score_of(keys[i]);
    }
}

/* ---- launchers ------------------------------------------------------------------------- */

extern "C" cudaError_t ll_topk_offer_cuda(const ll_topk_card *lists, const ll_topk_tile *tile,
                                          cudaStream_t stream)
{
    const bool both_sides = tile->row != tile->column;
    const ll_launch_shape offer = ll_launch_topk_offer(tile->rows, tile->columns);
    const ll_launch_shape compact =
        ll_launch_topk_compact(tile->rows + (both_sides ? tile->columns : 0));
    const ll_topk_card card = *lists;
    const ll_topk_tile whole = *tile;

    if (tile->rows == 0 || tile->columns == 0) return cudaSuccess;
    if (offer.grid_x == 0 || compact.grid_x == 0 || lists->keep < 1 ||
        lists->capacity - lists->keep < LL_WARP)
        return cudaErrorInvalidValue;
    const dim3 grid(offer.grid_x, offer.grid_y);
    LL_LAUNCH(topk_offer, grid, offer.block_x, 0, stream, card, whole, both_sides);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
    LL_LAUNCH(topk_compact, compact.grid_x, compact.block_x, 0, stream, card, whole, both_sides);
    return cudaGetLastError();
}

extern "C" cudaError_t ll_topk_extract_cuda(const ll_topk_card *lists, int64_t row, int64_t rows,
                                            uint32_t *columns, float *scores, cudaStream_t stream)
{
    const ll_launch_shape finish = ll_launch_topk_compact(rows);
    const ll_launch_shape sort = ll_launch_topk_sort(rows, lists->keep);
    const int sorted = ll_launch_topk_padded(lists->keep);
    const ll_topk_card card = *lists;

    if (rows == 0) return cudaSuccess;
    if (finish.grid_x == 0 || sort.grid_x == 0) return cudaErrorInvalidValue;
    LL_LAUNCH(topk_finish, finish.grid_x, finish.block_x, 0, stream, card, row, rows);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
    LL_LAUNCH(topk_sort, sort.grid_x, sort.block_x, sort.shared_bytes, stream, card, row, sorted,
              columns, scores);
    return cudaGetLastError();
}
