/* bench/peers/similarity_matrix.c - one timed comparison, for similarity_sklearn.py to set beside
 * sklearn's.
 *
 *   similarity-matrix FEATURES ROWS COLS THREADS NEIGHBORS [MATRIX]
 *
 * FEATURES is raw float32, unit rows; NEIGHBORS 0 leaves neighbours out. After one run to warm up
 * it waits for lines on stdin and answers each with the seconds of one more run, by the clock and
 * of processor time (all threads, system calls too), the memory for the matrix taken inside the
 * measurement as sklearn does. MATRIX: write the scores there first. */
#define _DEFAULT_SOURCE /* madvise */
#include "host/backend/backend.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/size.h"
#include "host/base/transpose.h"
#include "host/similarity/similarity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static const size_t k_huge_page = (size_t)2 << 20;

struct job {
    int64_t rows, cols, threads, neighbors;
    float *features; /* (rows, cols) */
    float *matrix;   /* (rows, rows) */
    int64_t seen;    /* neighbours handed over */
};

static ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              const void *values, ll_error *err)
{
    const struct job *const job = to;

    (void)err;
    for (int64_t r = 0; r < rows; r++)
        memcpy(job->matrix + (row + r) * job->rows + column, (const float *)values + r * columns,
               (size_t)columns * sizeof(float));
    if (row != column)
        ll_transpose(values, rows, columns, sizeof(float), job->matrix + column * job->rows + row,
                     job->rows);
    return LL_OK;
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    struct job *const job = to;

    (void)row, (void)index, (void)score, (void)err;
    job->seen += rows * job->neighbors;
    return LL_OK;
}

struct spent {
    double wall, cpu; /* seconds */
};

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static struct spent now(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage); /* cannot fail with these arguments */
    return (struct spent){ll_clock_seconds(),
                          seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)};
}

static ll_status run(struct job *job, ll_backend *be, struct spent *spent, ll_error *err)
{
    const ll_similarity_options options = {.features = job->features,
                                           .rows = job->rows,
                                           .cols = job->cols,
                                           .neighbors = (int)job->neighbors,
                                           .matrix = LL_MATRIX_FLOAT32,
                                           .matrix_sink = {job, receive_tile},
                                           .neighbor_sink = {job, receive_neighbors},
                                           .threads = (int)job->threads};
    const size_t bytes = (size_t)job->rows * (size_t)job->rows * sizeof *job->matrix;
    const struct spent start = now();
    ll_similarity_summary summary;

    free(job->matrix);
    job->matrix = aligned_alloc(k_huge_page, (bytes + k_huge_page - 1) / k_huge_page * k_huge_page);
    if (job->matrix == NULL) return ll_fail(err, LL_ERR_MEMORY, "no memory for the matrix");
#ifdef MADV_HUGEPAGE
    (void)madvise(job->matrix, bytes, MADV_HUGEPAGE); /* as numpy does for its arrays */
#endif
    const ll_status status = ll_similarity_run(be, &options, &summary, err);
    const struct spent end = now();
    *spent = (struct spent){end.wall - start.wall, end.cpu - start.cpu};
    return status;
}

/* `count` floats between the file and `values`. */
static ll_status transfer(const char *path, const char *mode, float *values, size_t count,
                          ll_error *err)
{
    FILE *const file = fopen(path, mode);
    size_t done = 0;

    if (file == NULL) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    done = mode[0] == 'r' ? fread(values, sizeof *values, count, file)
                          : fwrite(values, sizeof *values, count, file);
    if (fclose(file) != 0 || done != count)
        return ll_fail(err, LL_ERR_IO, "%s: %zu of %zu floats", path, done, count);
    return LL_OK;
}

static ll_status parse(int argc, char **argv, struct job *job, ll_error *err)
{
    if (argc < 6 || argc > 7)
        return ll_fail(err, LL_ERR_ARGUMENT,
                       "similarity-matrix FEATURES ROWS COLS THREADS NEIGHBORS [MATRIX]");
    LL_TRY(ll_number_int("ROWS", argv[2], 1, 1 << 16, &job->rows, err));
    LL_TRY(ll_number_int("COLS", argv[3], 1, 1 << 16, &job->cols, err));
    LL_TRY(ll_number_int("THREADS", argv[4], 1, 1024, &job->threads, err));
    return ll_number_int("NEIGHBORS", argv[5], 0, ll_max_i64(job->rows - 1, 1), &job->neighbors,
                         err);
}

int main(int argc, char **argv)
{
    struct job job = {0};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    ll_backend *be = NULL;
    struct spent spent = {0};

    LL_TRY_DONE(parse(argc, argv, &job, &err));
    const size_t cells = (size_t)job.rows * (size_t)job.rows;
    const ll_backend_options backend = {.name = "cpu", .threads = (int)job.threads, .slots = 1};
    LL_TRY_DONE(
        ll_alloc("features", job.rows * job.cols, sizeof *job.features, &job.features, &err));
    LL_TRY_DONE(transfer(argv[1], "rb", job.features, (size_t)(job.rows * job.cols), &err));
    LL_TRY_DONE(ll_backend_open(&backend, &be, &err));
    LL_TRY_DONE(run(&job, be, &spent, &err));
    if (argc == 7) LL_TRY_DONE(transfer(argv[6], "wb", job.matrix, cells, &err));
    puts("ready");
    fflush(stdout);
    for (int c = getchar(); c != EOF; c = getchar()) {
        if (c != '\n') continue;
        LL_TRY_DONE(run(&job, be, &spent, &err));
        printf("%.6f %.6f\n", spent.wall, spent.cpu);
        fflush(stdout);
    }
done:
    ll_backend_close(be);
    free(job.matrix);
    free(job.features);
    if (status != LL_OK) fprintf(stderr, "similarity-matrix: %s\n", err.text);
    return status == LL_OK ? 0 : status == LL_ERR_ARGUMENT ? 2 : 3;
}
