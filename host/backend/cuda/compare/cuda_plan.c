/* host/backend/cuda/compare/cuda_plan.c - see cuda_plan.h.
 *
 * Tiles. A tile of 4096 x 4096 is 64 MB of f32 scores: 1.4e11 operations, 0.2 ms of a Hopper card's
 * float16 units, against about 20 us for reading it once more to select from it; its 512 blocks of
 * 128 x 256 fill 132 processors four times. A tile of 2048 would fit a level-2 cache of 40 or 50
 * MB, but consists of only 128 blocks, one wave, with the cost of three launches for every 50 us of
 * work. Tiles for a stored matrix are multiplied without tensor cores, ten times slower, and go to
 * the host: there 2048 is enough: a tile of f32 is 16 MB, and the two slots stay at their 32 MB.
 * These are calculations. A bench on a card has to confirm them: ll_cuda_compare_begin_within takes
 * other sizes.
 *
 * Memory. Halves are 2 bytes an entry, f32 features 4, a list 8 (keep + room): at a million rows of
 * 4096 with K + M = 200 and room for 128 that is 8.2 + 16.4 + 2.6 GB. All beside one another as
 * long as they fit. If not, features take the halves' place once the tiles are done; if even that
 * is too much, the cpu twin rescores, which has the same bits. What must fit is halves + lists, or
 * f32 features + lists for a stored matrix, whose N x N on disk is then larger by far.
 *
 * All sizes fit int64: rows < 2^32, cols <= 2^19, lists of at most 6144 keys. */
#include "host/backend/cuda/compare/cuda_plan.h"
#include "host/base/size.h"
#include "kernels/topk.h"

static const int64_t k_min_reserve_bytes = 256 << 20; /* the driver's and the libraries' own */
enum { RESERVE_PART = 32, STORED_FEATURE_BYTES = 4, HALF_BYTES = 2, HOPPER = 90 };
enum { MIN_MARGIN = 28, MAX_MARGIN = 256 }; /* 256: K / 4 of the most neighbours */

/* The largest power of two up to `most` that is not twice as large as the rows need. */
static int64_t tile_for(int64_t rows, int64_t most)
{
    int64_t tile = most;
    while (tile > LL_CUDA_TILE_MIN && tile / 2 >= rows)
        tile /= 2;
    return tile;
}

ll_cuda_plan ll_cuda_plan_of(const ll_cuda_demand *demand, int64_t tile_max, int64_t chunk_bytes,
                             ll_cuda_rescoring rescoring)
{
    const int64_t rows = demand->rows, cols = demand->cols;
    const int64_t tile = tile_for(rows, tile_max), blocks = ll_ceil_div(rows, tile);
    const int64_t row_bytes = cols * STORED_FEATURE_BYTES;
    const int64_t out_bytes = tile * tile * demand->stored_bytes;
    ll_cuda_plan plan = {.tile = tile,
                         .blocks = blocks,
                         .padded_rows = blocks * tile,
                         .rescoring = rescoring,
                         .slot_bytes = ll_max_i64(chunk_bytes, ll_max_i64(row_bytes, out_bytes))};
    int64_t *const bytes = plan.bytes;

    plan.chunk_rows = plan.slot_bytes / row_bytes;
    plan.whole_rows = ll_min_i64(LL_CUDA_WHOLE_BYTES / (rows * 4), LL_CUDA_WHOLE_ROWS);
    /* Their numbers go up through a slot. */
    plan.whole_rows = ll_max_i64(ll_min_i64(plan.whole_rows, plan.slot_bytes / 4), 1);
    bytes[LL_CUDA_SQUARES] = rows * 8;
    bytes[LL_CUDA_ROW_SCORES] = plan.whole_rows * rows * 4;
    bytes[LL_CUDA_SCORES] = tile * tile * 4;
    bytes[LL_CUDA_WORKSPACE] = LL_CUDA_WORKSPACE_BYTES;
    bytes[LL_CUDA_SLOT_0] = bytes[LL_CUDA_SLOT_1] = plan.slot_bytes;
    bytes[LL_CUDA_EXACT] = plan.padded_rows * row_bytes;
    if (demand->group) bytes[LL_CUDA_GROUP] = rows * 4;
    if (demand->keep > 0) {
        bytes[LL_CUDA_KEYS] = rows * ll_topk_capacity(demand->keep) * 8;
        bytes[LL_CUDA_WORST] = rows * 8;
        bytes[LL_CUDA_COUNTS] = bytes[LL_CUDA_BASE_COUNTS] = rows * 4;
    }
    if (demand->stored_bytes == 0) {
        bytes[LL_CUDA_SCORES_2] = bytes[LL_CUDA_SCORES];
        bytes[LL_CUDA_HALVES] = plan.padded_rows * cols * HALF_BYTES;
        bytes[LL_CUDA_RESIDUALS] = bytes[LL_CUDA_LENGTHS] = rows * 4;
    }
    for (int b = 0; b < LL_CUDA_HALVES; b++)
        plan.total_bytes += bytes[b];
    if (rescoring == LL_CUDA_RESCORE_BESIDE)
        plan.total_bytes += bytes[LL_CUDA_HALVES] + bytes[LL_CUDA_EXACT];
    else if (rescoring == LL_CUDA_RESCORE_IN_TURN)
        plan.total_bytes += ll_max_i64(bytes[LL_CUDA_HALVES], bytes[LL_CUDA_EXACT]);
    else
        plan.total_bytes += bytes[LL_CUDA_HALVES];
    return plan;
}

/* NEEDSWORK: should features come in turn before tiles get smaller than 2048? In turn costs one
 * more upload, about a second at a million rows of 4096. Tiles of 2048, 1024 and 512 each last as
 * long as one block of 128 x 256, 50 us: by calculation 6, 24 and 96 s for all of them, unless the
 * library has smaller blocks that are as good. It only matters if 0.2 GB of free memory are missing
 * for a kind of rescoring (unit_cuda_plan has the steps). The times of these tiles on a card will
 * settle it. */
bool ll_cuda_plan_make(const ll_cuda_demand *demand, const ll_cuda_limits *limits,
                       ll_cuda_plan *plan)
{
    /* A stored matrix is a product of the f32 features themselves: they are always there. */
    const int worst = demand->stored_bytes > 0 ? LL_CUDA_RESCORE_BESIDE : LL_CUDA_RESCORE_ON_HOST;

    for (int rescoring = LL_CUDA_RESCORE_BESIDE; rescoring <= worst; rescoring++) {
        int64_t most = limits->tile_max;
        for (;; most = plan->tile / 2) {
            *plan =
                ll_cuda_plan_of(demand, most, limits->chunk_bytes, (ll_cuda_rescoring)rescoring);
            if (plan->total_bytes <= limits->room_bytes) return true;
            if (plan->tile <= LL_CUDA_TILE_MIN) break;
        }
    }
    return false;
}

ll_cuda_limits ll_cuda_limits_of(const ll_cuda_demand *demand, int64_t free_bytes)
{
    const int64_t reserve = ll_max_i64(k_min_reserve_bytes, free_bytes / RESERVE_PART);
    return (ll_cuda_limits){.tile_max =
                                demand->stored_bytes > 0 ? LL_CUDA_TILE_STORED : LL_CUDA_TILE_FAST,
                            .chunk_bytes = LL_CUDA_CHUNK_BYTES,
                            .room_bytes = ll_max_i64(free_bytes - reserve, 0)};
}

/* e is about 5e-4 for float16 halves, and a row is certain if its K-th exact score is that much
 * above the lowest kept. Where scores fall off as exp(-score / s), the gap from rank K to rank K +
 * M is s ln(1 + M / K): with M = K it is 0.69 s, three times that of M = K / 4, so rows are certain
 * from s = 0.8e-3 instead of 2.2e-3 on. Lists grow by half, candidates that cannot matter are never
 * rescored, and one row redone costs as much as hundreds of longer lists. */
int64_t ll_cuda_compare_margin(int64_t neighbors)
{
    return ll_max_i64(MIN_MARGIN, ll_min_i64(neighbors, MAX_MARGIN));
}

/* For rows u of unit length within 2^-17 (|S - 1| <= 2^-16 is checked) and a sum that stays within
 * [-1, 1], so that its last bit is 2^-24 and half of it 2^-25:
 * - The exact score divides by sqrt(S_ii S_jj), which is within 1.6e-5 of 1, and rounds to f32.
 * - float16 on tensor cores: products are exact, but sums are aligned and cut off, not rounded. A
 *   step takes p products and the sum so far, cuts each of the p + 1 at 2^-b last bits (b: bits
 * kept beyond those of a f32), and cuts the result once more: (p + 1) 2^-b + 1 last bits of 2^-24
 * at most, cols / p steps. The bound counts every cut at its full size and the sum near 1 all
 * along.
 * - 9.0, Hopper: p = 16, b = 2: 5.25 x 256 steps = 1344 x 2^-24 = 8.0e-5 at cols = 4096; with the
 *   1.6e-5 that is 9.6e-5, below 2^-13 = 1.22e-4.
 * - 8.x, Ampere: p = 8, b = 1: 5.5 x 512 steps = 2816 x 2^-24 = 1.68e-4; with the 1.6e-5 that is
 *   1.84e-4: not below 2^-13, but below 2^-12 = 2.44e-4.
 * - any other: nobody has published p and b of later cards: 2^-12, an assumption that they cut no
 *   more than Ampere does.
 * - f32 without tensor cores, in parts of 256 columns (cuda_tile.c): 256 roundings of 2^-24 of a
 *   part's sum and one of 2^-25 a part: 1.6e-5 and the 1.6e-5, far below 2^-13 on any card.
 * - alpha = 1 / 4096 undoes 64 x 64: a power of two, exact.
 * More columns make as many times more steps.
 * Source for the units: Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor
 * cores" (PeerJ CS 7:e330, 2021), and what was measured of Hopper since. */
double ll_cuda_plan_slack(int64_t cols, int capability, bool stored)
{
    const double slack = stored || capability == HOPPER ? 0x1p-13 : 0x1p-12;
    return cols > 4096 ? (double)cols / 4096.0 * slack : slack;
}

int64_t ll_cuda_plan_rows_at_once(const ll_cuda_plan *plan, int64_t count)
{
    return ll_max_i64(plan->slot_bytes / 4 / ll_max_i64(count, 1), 1);
}

int64_t ll_cuda_plan_values_at_once(const ll_cuda_plan *plan, int64_t count)
{
    return ll_min_i64(plan->slot_bytes / 4, count);
}
