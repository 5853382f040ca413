/* bench/case_store.c - the matrix on its way to the disk, and rows of it on their way back.
 *
 * Writing is what a night does but for the multiplications: a new index file with room for all, the
 * tiles of the plan through the bands of host/store from all threads, fsync. It alternates with
 * plain writing of as many bytes (ll_limit_disk), so that both see the disk in the same state.
 * Digests, which a run computes while the disk writes, are left out. A small matrix is written
 * first, read back through the index and compared, cell by cell.
 *
 * Files are kept until everything is timed, if there is room, and each measurement begins after a
 * pause: a disk may be several times faster on blocks that were just freed, or while its cache can
 * take some of the bytes, and which measurement profits from that is chance. Three to eight times
 * were seen on a virtual disk; turns still differ there by a half, so medians of many rounds
 * count. */
#include "bench/bench.h"
#include "bench/limits.h"
#include "host/base/clock.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/similarity/tile_plan.h"
#include "host/store/bands.h"
#include "host/store/reader.h"
#include "host/store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    ITEMS = 20000,
    REST_S = 4,
    CHECKED_ITEMS = 2500, /* more than one band, and a part of a tile */
    READ_ITEMS = 5000,
    TILE = 512,
    ROUNDS = 5,
    FEWEST_ROUNDS = 3,
    MAX_ROUNDS = 100,
    ID = 24,
    STRIDE = 7919, /* a prime */
};
static const double k_patience_s = 60.0; /* of writing, after which FEWEST_ROUNDS are enough */
static const int64_t k_many_bytes = INT64_C(256) << 20;
static const int64_t k_band_bytes = INT64_C(1) << 30;

struct store_case {
    int64_t items;
    int threads;
    char *folder, *path;             /* a folder of our own and the index in it */
    bool stays;                      /* written files are kept until all is timed */
    int keeps[2 * MAX_ROUNDS], kept; /* open files that have no name any more */
    char *id_bytes;                  /* (items, ID) */
    const char **ids;                /* (items) */
    uint8_t *digests;                /* (items, LL_STORE_DIGEST) */
    float *tiles[2][2];              /* whole or short rows, whole or short columns; packed */
    ll_writer *writer;
    ll_bands *bands;
    ll_reader *reader;
    float *row;
};

/* What stands at (row, column) of every matrix here: symmetric, and the same in every tile, so that
 * four tiles serve all. */
static float value_at(int64_t row, int64_t column)
{
    const int64_t r = row % TILE, c = column % TILE;
    return (float)(r * c + r + c) * (1.0f / (TILE * TILE));
}

/* ---- writing ---------------------------------------------------------------------------- */

static int64_t block_rows(const struct store_case *c, int64_t block)
{
    return ll_min_i64(TILE, c->items - block * TILE);
}

static ll_status tile_task(void *context, int64_t task, int thread, ll_error *err)
{
    const struct store_case *const c = context;
    const ll_tile_plan plan = ll_tile_plan_make(c->items, TILE);
    int64_t i = 0, j = 0;

    (void)thread;
    ll_tile_plan_at(&plan, task, &i, &j);
    const int64_t rows = block_rows(c, i), columns = block_rows(c, j);
    const float *const values = c->tiles[rows < TILE][columns < TILE];
    return ll_bands_add(c->bands, i * TILE, rows, j * TILE, columns, values, err);
}

static ll_status make_tiles(struct store_case *c, ll_error *err)
{
    const int64_t sides[2] = {TILE, c->items % TILE};

    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++) {
            LL_TRY(ll_alloc("a tile", sides[a] * sides[b], sizeof(float), &c->tiles[a][b], err));
            for (int64_t r = 0; r < sides[a]; r++)
                for (int64_t k = 0; k < sides[b]; k++)
                    c->tiles[a][b][r * sides[b] + k] = value_at(r, k);
        }
    return LL_OK;
}

static void free_tiles(struct store_case *c)
{
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++) {
            free(c->tiles[a][b]);
            c->tiles[a][b] = NULL;
        }
}

static ll_status write_matrix(struct store_case *c, ll_error *err)
{
    const ll_tile_plan plan = ll_tile_plan_make(c->items, TILE);
    const ll_store_extents extents = {
        .items = c->items, .neighbors = 1, .matrix = LL_MATRIX_FLOAT32};
    const ll_store_items items = {.ids = c->ids, .images = c->ids, .digests = c->digests};

    LL_TRY(ll_writer_create(c->path, &extents, &items, &c->writer, err));
    LL_TRY(ll_bands_create(c->writer, k_band_bytes, &c->bands, err));
    LL_TRY(ll_bands_begin(c->bands, (int64_t)LL_TILE_PLAN_BAND * TILE, err));
    LL_TRY(ll_parallel_run(c->threads, plan.tiles, tile_task, c, err));
    LL_TRY(ll_bands_finish(c->bands, err));
    return ll_file_sync(c->path, err);
}

static void close_files(struct store_case *c)
{
    ll_reader_close(c->reader);
    ll_bands_free(c->bands);
    ll_writer_close(c->writer);
    if (c->path != NULL) unlink(c->path);
    c->reader = NULL;
    c->bands = NULL;
    c->writer = NULL;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* The index must open, so every row needs its neighbour: the next one, and the last its first. */
static ll_status write_index(struct store_case *c, ll_error *err)
{
    const ll_store_provenance nobody = {.created = "",
                                        .generator = "lookloom bench",
                                        .model = "",
                                        .layer = "",
                                        .preprocess = "",
                                        .resize = "",
                                        .exif = "",
                                        .alpha = "",
                                        .decoder = "",
                                        .image_root = "",
                                        .weights_sha256 = "",
                                        .weights_name = "",
                                        .backend = "",
                                        .device = "",
                                        .precision = "",
                                        .engines = "",
                                        .fingerprint = "",
                                        .within = "",
                                        .license = ""};

    LL_TRY(write_matrix(c, err));
    for (int64_t row = 0; row < c->items; row++) {
        const uint32_t other = (uint32_t)(row + 1 < c->items ? row + 1 : 0);
        const float score = value_at(row, other), norm = 1.0f;
        LL_TRY(ll_writer_neighbors(c->writer, row, 1, &other, &score, err));
        LL_TRY(ll_writer_features(c->writer, row, 1, NULL, &norm, err));
    }
    LL_TRY(ll_writer_finish(c->writer, &nobody, "{}", NULL, err));
    return ll_reader_open(c->path, &c->reader, err);
}

static ll_status check_matrix(struct store_case *c, ll_error *err)
{
    LL_TRY(write_index(c, err));
    const float *const matrix = ll_reader_matrix(c->reader);
    for (int64_t row = 0; row < c->items; row++)
        for (int64_t column = 0; column < c->items; column++)
            if (matrix[row * c->items + column] != value_at(row, column))
                return ll_fail(err, LL_ERR_FORMAT, "bench store: cell (%lld, %lld) is wrong",
                               (long long)row, (long long)column);
    return LL_OK;
}

/* Copies every row, in an order that caches cannot predict, into a buffer, as a program would. */
static ll_status read_rows(void *context, ll_error *err)
{
    struct store_case *const c = context;
    const float *const matrix = ll_reader_matrix(c->reader);

    for (int64_t i = 0; i < c->items; i++) {
        const int64_t row = i * STRIDE % c->items;
        memcpy(c->row, matrix + row * c->items, (size_t)c->items * sizeof *c->row);
        if (c->row[row] != value_at(row, row))
            return ll_fail(err, LL_ERR_FORMAT, "bench store: row %lld is wrong", (long long)row);
    }
    return LL_OK;
}

/* ---- the two results -------------------------------------------------------------------- */

static ll_status open_case(struct store_case *c, const ll_bench_options *options, ll_error *err)
{
    c->threads = options->threads > 0 ? options->threads : ll_parallel_cores();
    LL_TRY(ll_text_format(&c->folder, err, "%s/lookloom-store-XXXXXX",
                          ll_limit_folder(options->path)));
    if (mkdtemp(c->folder) == NULL) {
        const ll_status status = ll_fail(err, LL_ERR_IO, "%s: cannot be made", c->folder);
        free(c->folder);
        c->folder = NULL;
        return status;
    }
    return ll_text_format(&c->path, err, "%s/index.h5", c->folder);
}

static ll_status resize_case(struct store_case *c, int64_t items, ll_error *err)
{
    close_files(c);
    free_tiles(c);
    free(c->id_bytes);
    free(c->ids);
    free(c->digests);
    free(c->row);
    c->id_bytes = NULL, c->ids = NULL, c->digests = NULL, c->row = NULL;
    c->items = items;
    LL_TRY(ll_alloc("ids", items, ID, &c->id_bytes, err));
    LL_TRY(ll_alloc("ids", items, sizeof *c->ids, &c->ids, err));
    LL_TRY(ll_alloc("digests", items, LL_STORE_DIGEST, &c->digests, err));
    LL_TRY(ll_alloc("a row", items, sizeof *c->row, &c->row, err));
    for (int64_t i = 0; i < items; i++) {
        ll_text_exact(c->id_bytes + i * ID, ID, "%lld", (long long)i);
        c->ids[i] = c->id_bytes + i * ID;
    }
    return make_tiles(c, err);
}

static void close_case(struct store_case *c)
{
    close_files(c);
    free_tiles(c);
    for (int i = 0; i < c->kept; i++)
        close(c->keeps[i]);
    if (c->folder != NULL) rmdir(c->folder);
    free(c->row);
    free(c->digests);
    free(c->ids);
    free(c->id_bytes);
    free(c->path);
    free(c->folder);
}

static int64_t matrix_bytes(const struct store_case *c)
{
    return c->items * c->items * (int64_t)sizeof(float);
}

static void wait_for_disk(const struct store_case *c)
{
    if (matrix_bytes(c) >= k_many_bytes) sleep(REST_S);
}

/* Room for both files of all rounds, and as much again as one for everybody else; never in memory.
 */
static bool has_room(const struct store_case *c, int rounds)
{
    struct statfs disk;
    const double bytes = (double)matrix_bytes(c);

    return statfs(c->folder, &disk) == 0 && disk.f_type != TMPFS_MAGIC &&
           (double)disk.f_bavail * (double)disk.f_bsize > bytes * (2.0 * rounds + 1.0);
}

/* Unlinked, so that nothing is left behind however this ends; still open, so that its blocks are
 * not reused. */
static ll_status keep_file(struct store_case *c, const char *path, ll_error *err)
{
    const int fd = c->stays ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (c->stays && fd < 0) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    if (fd >= 0) c->keeps[c->kept++] = fd;
    return LL_OK;
}

static ll_status time_plain(struct store_case *c, double *seconds, ll_error *err)
{
    ll_status status = LL_OK;
    char *path = NULL;

    LL_TRY_DONE(ll_text_format(&path, err, "%s/plain", c->folder));
    wait_for_disk(c);
    LL_TRY_DONE(ll_limit_disk(path, matrix_bytes(c), seconds, err));
    LL_TRY_DONE(keep_file(c, path, err));
done:
    if (path != NULL) unlink(path);
    free(path);
    return status;
}

/* One measurement of each kind; which comes first alternates. */
static ll_status time_round(struct store_case *c, int round, double *ours, double *plain,
                            ll_error *err)
{
    if (round % 2 == 1) LL_TRY(time_plain(c, plain, err));
    wait_for_disk(c);
    const double start = ll_clock_seconds();
    LL_TRY(write_matrix(c, err));
    *ours = ll_clock_seconds() - start;
    LL_TRY(keep_file(c, c->path, err));
    close_files(c);
    return round % 2 == 1 ? LL_OK : time_plain(c, plain, err);
}

static ll_status time_writing(const ll_bench_options *options, ll_bench_result *result,
                              ll_error *err)
{
    ll_status status = LL_OK;
    struct store_case c = {.items = 0};
    const int64_t items = options->items > 0 ? options->items : ITEMS;
    double ours[MAX_ROUNDS], plain[MAX_ROUNDS], least = 0.0, spent = 0.0;
    int rounds = 0;

    LL_TRY_DONE(open_case(&c, options, err));
    *result = (ll_bench_result){.stage = "store", .unit = "B", .threads = c.threads};
    LL_TRY_DONE(resize_case(&c, ll_min_i64(items, CHECKED_ITEMS), err));
    LL_TRY_DONE(check_matrix(&c, err));
    LL_TRY_DONE(resize_case(&c, items, err));
    const int most = options->rounds > 0 ? (int)ll_min_i64(options->rounds, MAX_ROUNDS) : ROUNDS;
    const int fewest = options->rounds > 0 ? most : FEWEST_ROUNDS;
    c.stays = has_room(&c, most);
    while (rounds < most && (rounds < fewest || spent < k_patience_s)) {
        LL_TRY_DONE(time_round(&c, rounds, &ours[rounds], &plain[rounds], err));
        spent += ours[rounds] + plain[rounds];
        rounds++;
    }
    result->runs = rounds;
    result->count = result->bytes = (double)items * (double)items * sizeof(float);
    result->median_s = ll_bench_median(ours, rounds, &result->min_s);
    result->limit = result->bytes / ll_bench_median(plain, rounds, &least);
    LL_TRY_DONE(ll_text_fit(result->work, sizeof result->work, err,
                            "write the float32 matrix of %lld items, fsync", (long long)items));
    LL_TRY_DONE(ll_text_fit(result->limit_name, sizeof result->limit_name, err,
                            "as many bytes in order, fsync, in turns: %.2f GB/s",
                            result->limit / 1e9));
done:
    close_case(&c);
    return status;
}

static ll_status time_reading(const ll_bench_options *options, ll_bench_result *result,
                              ll_error *err)
{
    ll_status status = LL_OK;
    struct store_case c = {.items = 0};
    double in_order = 0.0;

    LL_TRY_DONE(open_case(&c, options, err));
    *result = (ll_bench_result){.stage = "store", .unit = "row", .threads = 1};
    LL_TRY_DONE(resize_case(
        &c, options->items > 0 ? ll_min_i64(options->items, READ_ITEMS) : READ_ITEMS, err));
    LL_TRY_DONE(write_index(&c, err));
    LL_TRY_DONE(ll_bench_repeat(read_rows, &c, options->seconds, result, err));
    LL_TRY_DONE(ll_limit_memory(1, &in_order, err));
    result->count = (double)c.items;
    result->bytes = result->count * (double)c.items * sizeof(float);
    result->limit = in_order / ((double)c.items * sizeof(float));
    LL_TRY_DONE(ll_text_fit(result->work, sizeof result->work, err,
                            "read %lld rows of the float32 matrix, one by one",
                            (long long)c.items));
    LL_TRY_DONE(ll_text_fit(result->limit_name, sizeof result->limit_name, err,
                            "memory read in order: %.1f GB/s", in_order / 1e9));
done:
    close_case(&c);
    return status;
}

ll_status ll_bench_store(const ll_bench_options *options, ll_bench_result *results, ll_error *err)
{
    LL_TRY(time_writing(options, &results[0], err));
    return time_reading(options, &results[1], err);
}
