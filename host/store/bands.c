/* host/store/bands.c - see bands.h.
 *
 * Why: a tile's rows are segments of 2 KB. Written one by one they cost a page fault or a system
 * call each, and the disk receives small pages out of order and partly twice. What lies left of a
 * band is read back instead, from pages that are still in memory.
 *
 * The threads that deliver rectangles copy them into the band, without a lock on the values:
 * rectangles are disjoint, and the band is complete only when the last one is counted. A rectangle
 * of the next band that comes early waits in a list; it must not block its thread, for a tile that
 * would complete this band may have failed and never come. When a band is complete, every thread
 * that comes along helps to read back and to write.
 *
 * Written rows are in the page cache. A separate thread starts writeback, because that call blocks
 * if the disk is slower than memory, and gathering the next band should not wait. */
#define _GNU_SOURCE /* sync_file_range */
#include "host/store/bands.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/transpose.h"
#include "host/store/writer_state.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    READ_ROWS = 64,  /* read back in one job: 512 KB of 2048 float32 columns, which a cache holds */
    WRITE_ROWS = 64, /* written in one job */
    STRIP = 64,      /* columns mirrored at once where there are no bands */
};

enum phase { FILLING, READING, WRITING, FAILED };

/* A rectangle that came before its band's turn. */
struct early {
    struct early *next;
    int64_t row, rows, column, columns;
    uint8_t values[];
};

struct ll_bands {
    ll_writer *writer;
    int64_t max_bytes, items, value_bytes;
    int64_t band_rows; /* 0: no bands, all to their places */
    uint8_t *values;   /* (band_rows, items) in the stored type */
    size_t values_bytes;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool lock_made, changed_made;
    int64_t top, height; /* rows of the band being gathered; they stay while it is worked on */
    int64_t missing;     /* cells of the band, from its diagonal's block on */
    struct early *early;
    enum phase phase;
    int64_t next, jobs, running; /* of the phase */
    ll_status failure;
    ll_error why;
    pthread_t writeback_thread; /* hands rows above `top` to the disk until `closing` */
    bool has_writeback_thread, closing;
};

static int64_t offset_of(const ll_bands *bands, int64_t row, int64_t column)
{
    return bands->writer->offsets[LL_ARRAY_SIMILARITY] +
           (row * bands->items + column) * bands->value_bytes;
}

/* ---- a thread that hands pages to the disk ------------------------------------------------- */

/* Only hints: a file system that does not know them loses nothing, and fsync tells of errors. */
static void *run_writeback(void *context)
{
    ll_bands *const bands = context;
    int64_t row = 0;

    pthread_mutex_lock(&bands->lock);
    while (!bands->closing) {
        if (row == bands->top) {
            pthread_cond_wait(&bands->changed, &bands->lock);
            continue;
        }
        const int64_t end = bands->top;
        pthread_mutex_unlock(&bands->lock);
        (void)sync_file_range(bands->writer->fd, offset_of(bands, row, 0),
                              offset_of(bands, end, 0) - offset_of(bands, row, 0),
                              SYNC_FILE_RANGE_WRITE);
        row = end;
        pthread_mutex_lock(&bands->lock);
    }
    pthread_mutex_unlock(&bands->lock);
    return NULL;
}

static void stop_writeback(ll_bands *bands)
{
    if (!bands->has_writeback_thread) return;
    pthread_mutex_lock(&bands->lock);
    bands->closing = true;
    pthread_cond_broadcast(&bands->changed);
    pthread_mutex_unlock(&bands->lock);
    pthread_join(bands->writeback_thread, NULL);
}

/* ---- begin and end ---------------------------------------------------------------------- */

ll_status ll_bands_create(ll_writer *writer, int64_t max_bytes, ll_bands **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_bands *bands = NULL;

    *out = NULL;
    LL_TRY_DONE(ll_alloc("bands", 1, sizeof *bands, &bands, err));
    bands->writer = writer;
    bands->max_bytes = max_bytes;
    bands->items = writer->layout.extents.items;
    bands->value_bytes = (int64_t)ll_matrix_type_bytes(writer->layout.extents.matrix);
    bands->lock_made = pthread_mutex_init(&bands->lock, NULL) == 0;
    bands->changed_made = pthread_cond_init(&bands->changed, NULL) == 0;
    if (!bands->lock_made || !bands->changed_made) {
        status = ll_fail(err, LL_ERR_MEMORY, "bands: no memory for a lock");
        goto done;
    }
    *out = bands;
    return LL_OK;
done:
    ll_bands_free(bands);
    return status;
}

void ll_bands_free(ll_bands *bands)
{
    if (bands == NULL) return;
    stop_writeback(bands);
    while (bands->early != NULL) {
        struct early *const next = bands->early->next;
        free(bands->early);
        bands->early = next;
    }
    if (bands->changed_made) pthread_cond_destroy(&bands->changed);
    if (bands->lock_made) pthread_mutex_destroy(&bands->lock);
    if (bands->values != NULL) munmap(bands->values, bands->values_bytes);
    free(bands);
}

/* ---- one band after another ------------------------------------------------------------- */

static void open_band(ll_bands *bands, int64_t top)
{
    bands->top = top;
    bands->height = ll_min_i64(bands->band_rows, bands->items - top);
    bands->missing = bands->height * (bands->items - top);
    bands->phase = FILLING;
}

ll_status ll_bands_begin(ll_bands *bands, int64_t band_rows, ll_error *err)
{
    const int64_t height = ll_min_i64(band_rows, bands->items);
    size_t bytes = 0;

    assert(band_rows > 0 && bands->band_rows == 0 && bands->value_bytes > 0);
    LL_TRY(ll_size_mul(height * bands->value_bytes, bands->items, &bytes, err));
    if (bytes == 0 || bytes > (size_t)ll_max_i64(bands->max_bytes, 0)) return LL_OK;
    void *const values =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (values == MAP_FAILED)
        return ll_fail(err, LL_ERR_MEMORY, "a band of the matrix: no memory for %zu bytes", bytes);
    /* Filled in columns of tiles, each row of one on another page: with large pages the processor
     * finds them faster. A hint. */
    (void)madvise(values, bytes, MADV_HUGEPAGE);
    bands->values = values;
    bands->values_bytes = bytes;
    bands->band_rows = band_rows;
    open_band(bands, 0);
    bands->has_writeback_thread = pthread_create(&bands->writeback_thread, NULL, run_writeback,
                                                 bands) == 0; /* or fsync does it all */
    return LL_OK;
}

static uint8_t *value_at(const ll_bands *bands, int64_t row, int64_t column)
{
    return bands->values + ((row - bands->top) * bands->items + column) * bands->value_bytes;
}

static bool in_band(const ll_bands *bands, int64_t row)
{
    return row < bands->top + bands->height;
}

/* Whether the rectangle's mirror image lies in its own band. */
static bool mirrored_here(const ll_bands *bands, int64_t row, int64_t column)
{
    return column > row && in_band(bands, column);
}

static void put(const ll_bands *bands, int64_t row, int64_t rows, int64_t column, int64_t columns,
                const uint8_t *values)
{
    const size_t bytes = (size_t)(columns * bands->value_bytes);

    for (int64_t r = 0; r < rows; r++)
        memcpy(value_at(bands, row + r, column), values + (size_t)r * bytes, bytes);
    if (mirrored_here(bands, row, column))
        ll_transpose(values, rows, columns, (size_t)bands->value_bytes,
                     value_at(bands, column, row), bands->items);
}

/* The cells that put() filled are no longer missing; the lock is held. */
static void count(ll_bands *bands, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    bands->missing -= rows * columns * (mirrored_here(bands, row, column) ? 2 : 1);
    assert(bands->missing >= 0);
}

/* What came early for the band just opened; the lock is held. */
static void put_early(ll_bands *bands)
{
    struct early **link = &bands->early;

    while (*link != NULL) {
        struct early *const e = *link;
        if (!in_band(bands, e->row)) {
            link = &e->next;
            continue;
        }
        put(bands, e->row, e->rows, e->column, e->columns, e->values);
        count(bands, e->row, e->rows, e->column, e->columns);
        *link = e->next;
        free(e);
    }
}

static ll_status keep_early(ll_bands *bands, int64_t row, int64_t rows, int64_t column,
                            int64_t columns, const void *values, ll_error *err)
{
    const size_t bytes = (size_t)(rows * columns * bands->value_bytes);
    struct early *const e = malloc(sizeof *e + bytes);

    if (e == NULL) return ll_fail(err, LL_ERR_MEMORY, "a band of the matrix: no memory");
    e->row = row;
    e->rows = rows;
    e->column = column;
    e->columns = columns;
    memcpy(e->values, values, bytes);
    e->next = bands->early;
    bands->early = e;
    return LL_OK;
}

/* ---- reading back and writing ----------------------------------------------------------- */

/* The columns of this band out of 64 rows above it become 64 columns of its rows. */
static ll_status read_back(ll_bands *bands, int64_t job, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_writer *const writer = bands->writer;
    const int64_t first = job * READ_ROWS, rows = ll_min_i64(READ_ROWS, bands->top - first);
    const size_t bytes = (size_t)(bands->height * bands->value_bytes);
    uint8_t *above = NULL; /* (rows, height) */

    LL_TRY_DONE(ll_alloc("a band of the matrix", rows, bytes, &above, err));
    for (int64_t r = 0; r < rows; r++)
        LL_TRY_DONE(ll_file_pread(writer->fd, above + (size_t)r * bytes, bytes,
                                  offset_of(bands, first + r, bands->top), writer->path, err));
    ll_transpose(above, rows, bands->height, (size_t)bands->value_bytes,
                 value_at(bands, bands->top, first), bands->items);
done:
    free(above);
    return status;
}

static ll_status write_rows(ll_bands *bands, int64_t job, ll_error *err)
{
    const ll_writer *const writer = bands->writer;
    const int64_t row = bands->top + job * WRITE_ROWS;
    const int64_t rows = ll_min_i64(WRITE_ROWS, bands->top + bands->height - row);
    const int64_t bytes = rows * bands->items * bands->value_bytes;

    return ll_file_pwrite(writer->fd, value_at(bands, row, 0), (size_t)bytes,
                          offset_of(bands, row, 0), writer->path, err);
}

/* The phase's jobs are done: go on to the next; the lock is held. */
static void advance(ll_bands *bands)
{
    bands->next = bands->running = 0;
    if (bands->phase == FILLING) {
        bands->phase = READING;
        bands->jobs = ll_ceil_div(bands->top, READ_ROWS);
    } else if (bands->phase == READING) {
        bands->phase = WRITING;
        bands->jobs = ll_ceil_div(bands->height, WRITE_ROWS);
    } else {
        open_band(bands, bands->top + bands->height);
        put_early(bands);
        bands->jobs = 0;
    }
    pthread_cond_broadcast(&bands->changed);
}

/* Help until the band that is complete is written; the lock is held, but for the work itself. */
static void help(ll_bands *bands)
{
    while (bands->phase == READING || bands->phase == WRITING ||
           (bands->phase == FILLING && bands->missing == 0 && bands->height > 0)) {
        if (bands->phase == FILLING || (bands->next == bands->jobs && bands->running == 0)) {
            advance(bands);
        } else if (bands->next < bands->jobs) {
            const int64_t job = bands->next++;
            const bool reading = bands->phase == READING;
            ll_error why = LL_ERROR_INIT;
            bands->running++;
            pthread_mutex_unlock(&bands->lock);
            const ll_status status =
                reading ? read_back(bands, job, &why) : write_rows(bands, job, &why);
            pthread_mutex_lock(&bands->lock);
            bands->running--;
            if (status != LL_OK && bands->phase != FAILED) {
                bands->failure = status;
                bands->why = why;
                bands->phase = FAILED;
            }
            if (bands->running == 0 || bands->phase == FAILED)
                pthread_cond_broadcast(&bands->changed);
        } else {
            pthread_cond_wait(&bands->changed, &bands->lock);
        }
    }
}

/* ---- what callers see ------------------------------------------------------------------- */

static ll_status failure_of(const ll_bands *bands, ll_error *err)
{
    return bands->phase != FAILED ? LL_OK : ll_fail(err, bands->failure, "%s", bands->why.text);
}

/* Without bands: the rectangle, and its mirror image strip by strip, so that little memory is taken
 * where memory is short. */
static ll_status write_both(ll_bands *bands, int64_t row, int64_t rows, int64_t column,
                            int64_t columns, const uint8_t *values, ll_error *err)
{
    ll_status status = LL_OK;
    const size_t width = (size_t)bands->value_bytes;
    void *strip = NULL; /* (STRIP, rows) */

    LL_TRY(ll_writer_matrix(bands->writer, row, rows, column, columns, values, err));
    if (row == column) return LL_OK;
    LL_TRY_DONE(ll_alloc("a tile", STRIP * rows, width, &strip, err));
    for (int64_t c = 0; c < columns; c += STRIP) {
        const int64_t wide = ll_min_i64(STRIP, columns - c);
        ll_transpose_strided(values + (size_t)c * width, rows, wide, columns, width, strip, rows);
        LL_TRY_DONE(ll_writer_matrix(bands->writer, column + c, wide, row, rows, strip, err));
    }
done:
    free(strip);
    return status;
}

ll_status ll_bands_add(ll_bands *bands, int64_t row, int64_t rows, int64_t column, int64_t columns,
                       const void *values, ll_error *err)
{
    ll_status status = LL_OK;

    assert(row == column ? rows == columns : row + rows <= column);
    if (bands->band_rows == 0) return write_both(bands, row, rows, column, columns, values, err);
    assert(row / bands->band_rows == (row + rows - 1) / bands->band_rows);
    assert(column / bands->band_rows == (column + columns - 1) / bands->band_rows);
    pthread_mutex_lock(&bands->lock);
    help(bands);
    LL_TRY_DONE(failure_of(bands, err));
    if (!in_band(bands, row)) {
        LL_TRY_DONE(keep_early(bands, row, rows, column, columns, values, err));
        goto done;
    }
    pthread_mutex_unlock(&bands->lock);
    put(bands, row, rows, column, columns, values);
    pthread_mutex_lock(&bands->lock);
    count(bands, row, rows, column, columns);
    help(bands);
    LL_TRY_DONE(failure_of(bands, err));
done:
    pthread_mutex_unlock(&bands->lock);
    return status;
}

ll_status ll_bands_finish(ll_bands *bands, ll_error *err)
{
    LL_TRY(failure_of(bands, err));
    if (bands->band_rows == 0 || bands->top == bands->items) return LL_OK;
    return ll_fail(err, LL_ERR_FORMAT, "%s: rows %lld on of the matrix are incomplete",
                   bands->writer->path, (long long)bands->top);
}
