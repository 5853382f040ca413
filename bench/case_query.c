/* bench/case_query.c - the ten best of an item, from its id to every text of the answer: in an open
 * index by one thread, by several together, and as a process of its own.
 *
 * Ids are drawn over the whole index, so that at a million items little of what an answer needs is
 * in a cache. The limit of a process is starting /bin/true the same way. */
#include "bench/bench.h"
#include "bench/drawn_index.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/query/query.h"
#include "host/store/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ITEMS = 5000, QUESTIONS = 4096, CHECKED = 512, STARTS = 4, TOP = 10 };

struct query_case {
    char *path; /* of the index */
    bool ours;  /* a scratch file, removed in the end */
    ll_query *query;
    int threads;              /* of the run under way */
    char (*ids)[LL_DRAWN_ID]; /* (QUESTIONS) */
    const char *program;      /* to start */
    int64_t started;
};

/* ---- lookups ----------------------------------------------------------------------------- */

static ll_query_options question(const ll_query *query)
{
    ll_query_options options = ll_query_defaults(query);
    options.top = TOP;
    options.min_score = 0.0; /* ten answers, whatever made the index */
    return options;
}

static ll_status ask(const struct query_case *c, int64_t number, ll_error *err)
{
    const ll_query_options options = question(c->query);
    const char *const id = c->ids[number % QUESTIONS];
    const int64_t row = ll_query_find(c->query, id, strlen(id));
    ll_query_answer *answer = NULL;

    if (row < 0) return ll_fail(err, LL_ERR_FORMAT, "%s: no item %s", c->path, id);
    LL_TRY(ll_query_similar(c->query, row, &options, &answer, err));
    ll_query_answer_free(answer);
    return LL_OK;
}

static ll_status ask_some(void *context, int64_t task, int thread, ll_error *err)
{
    const struct query_case *const c = context;

    (void)thread;
    for (int64_t i = 0; i < QUESTIONS; i++)
        LL_TRY(ask(c, task * (QUESTIONS / c->threads) + i, err));
    return LL_OK;
}

static ll_status run_lookups(void *context, ll_error *err)
{
    const struct query_case *const c = context;
    return ll_parallel_run(c->threads, c->threads, ask_some, context, err);
}

/* Answers beside the stored neighbours, read another way. */
static ll_status check_answers(const struct query_case *c, ll_error *err)
{
    ll_status status = LL_OK;
    ll_reader *reader = NULL;
    ll_query_answer *answer = NULL;
    const ll_query_options options = question(c->query);

    LL_TRY_DONE(ll_reader_open(c->path, &reader, err));
    const int64_t count = ll_reader_extents(reader)->neighbors;
    for (int q = 0; q < CHECKED; q++) {
        const int64_t row = ll_reader_find(reader, c->ids[q], strlen(c->ids[q]));
        const uint32_t *const index = ll_reader_neighbor_index(reader) + row * count;
        const float *const score = ll_reader_neighbor_score(reader) + row * count;
        LL_TRY_DONE(ll_query_similar(c->query, row, &options, &answer, err));
        bool right = answer->count <= ll_min_i64(TOP, count) && strcmp(answer->id, c->ids[q]) == 0;
        for (int64_t i = 0; right && i < answer->count; i++)
            right = answer->hits[i].row == index[i] && answer->hits[i].score == score[i];
        if (right && answer->count < ll_min_i64(TOP, count))
            right = index[answer->count] == UINT32_MAX;
        if (!right) {
            status =
                ll_fail(err, LL_ERR_FORMAT, "%s: the answer for %s is wrong", c->path, c->ids[q]);
            goto done;
        }
        ll_query_answer_free(answer);
        answer = NULL;
    }
done:
    ll_query_answer_free(answer);
    ll_reader_close(reader);
    return status;
}

/* ---- processes --------------------------------------------------------------------------- */

static ll_status start_once(const struct query_case *c, const char *id, ll_error *err)
{
    extern char **environ;
    char *argv[] = {(char *)c->program, c->path, (char *)id, "--min-score=0", "--quiet", NULL};
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    int result = 0;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    const int cause = posix_spawn(&child, c->program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (cause != 0) return ll_fail(err, LL_ERR_IO, "%s: %s", c->program, strerror(cause));
    while (waitpid(child, &result, 0) < 0)
        if (errno != EINTR) return ll_fail(err, LL_ERR_IO, "%s: %s", c->program, strerror(errno));
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
        return ll_fail(err, LL_ERR_IO, "%s: did not exit with 0", c->program);
    return LL_OK;
}

static ll_status run_starts(void *context, ll_error *err)
{
    struct query_case *const c = context;
    for (int i = 0; i < STARTS; i++)
        LL_TRY(start_once(c, c->ids[c->started++ % QUESTIONS], err));
    return LL_OK;
}

/* lookloom-query beside the running program, or in bin/ beside its folder (tests), yours to free();
 * NULL: neither. */
static ll_status find_program(char **out, ll_error *err)
{
    static const char *const k_programs[] = {"/lookloom-query", "/../bin/lookloom-query"};
    ll_status status = LL_OK;
    char *self = NULL, *path = NULL;

    *out = NULL;
    if (ll_file_link("/proc/self/exe", &self, NULL) != LL_OK) return LL_OK;
    *strrchr(self, '/') = '\0'; /* the kernel gives a full path */
    for (size_t i = 0; i < sizeof k_programs / sizeof k_programs[0] && *out == NULL; i++) {
        LL_TRY_DONE(ll_text_format(&path, err, "%s%s", self, k_programs[i]));
        if (access(path, X_OK) == 0)
            *out = path;
        else
            free(path);
    }
done:
    free(self);
    return status;
}

static ll_status measure_starts(struct query_case *c, const ll_bench_options *options,
                                ll_bench_result *result, ll_error *err)
{
    ll_status status = LL_OK;
    ll_bench_result empty = {0};
    char *program = NULL;

    LL_TRY_DONE(find_program(&program, err));
    if (program == NULL) {
        ll_log_line(options->log, "no lookloom-query beside this program: not started");
        goto done;
    }
    c->program = program;
    LL_TRY_DONE(ll_bench_repeat(run_starts, c, options->seconds, result, err));
    LL_TRY_DONE(ll_text_fit(result->work, sizeof result->work, err,
                            "lookloom-query as a process, %lld items",
                            (long long)ll_query_items(c->query)));
    result->count = STARTS;
    result->threads = 1;
    c->program = "/bin/true";
    if (access(c->program, X_OK) != 0) goto done;
    LL_TRY_DONE(ll_bench_repeat(run_starts, c, options->seconds, &empty, err));
    result->limit = STARTS / empty.median_s;
    LL_TRY_DONE(ll_text_fit(result->limit_name, sizeof result->limit_name, err,
                            "/bin/true, %.2f ms", 1e3 * empty.median_s / STARTS));
done:
    free(program);
    return status;
}

/* ---- the case ---------------------------------------------------------------------------- */

/* The index to ask: one that is there, one to keep, or a scratch one. */
static ll_status find_index(struct query_case *c, const ll_bench_options *options, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_drawn_index about = {.items = options->items > 0 ? options->items : ITEMS,
                                  .features = options->cols,
                                  .matrix = options->no_matrix ? LL_MATRIX_NONE : LL_MATRIX_FLOAT32,
                                  .threads = options->threads,
                                  .log = options->log};
    const char *const folder = getenv("TMPDIR");
    char *draft = NULL;

    if (options->path != NULL && options->keep != NULL)
        return ll_fail(err, LL_ERR_ARGUMENT, "--keep: nothing is drawn with --index");
    if (options->path != NULL)
        return ll_text_copy(options->path, strlen(options->path), &c->path, err);
    if (options->keep == NULL) {
        LL_TRY(ll_text_format(&c->path, err, "%s/lookloom-bench-%ld.h5",
                              folder != NULL && folder[0] != '\0' ? folder : "/tmp",
                              (long)getpid()));
        c->ours = true;
        return ll_drawn_index_write(c->path, &about, err);
    }
    LL_TRY_DONE(ll_text_copy(options->keep, strlen(options->keep), &c->path, err));
    LL_TRY_DONE(ll_file_check_target(c->path, err));
    LL_TRY_DONE(ll_text_format(&draft, err, "%s.draft", c->path));
    LL_TRY_DONE(ll_drawn_index_write(draft, &about, err));
    status = ll_file_publish(draft, c->path, err);
    if (status != LL_OK) unlink(draft);
done:
    free(draft);
    return status;
}

static ll_status draw_questions(struct query_case *c, ll_error *err)
{
    uint64_t seed = 88172645463325252u;

    LL_TRY(ll_alloc("questions", QUESTIONS, sizeof *c->ids, &c->ids, err));
    for (int q = 0; q < QUESTIONS; q++) {
        size_t length = 0;
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        const char *const id =
            ll_query_id(c->query, (int64_t)(seed % (uint64_t)ll_query_items(c->query)), &length);
        if (length >= LL_DRAWN_ID)
            return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: ids of %d bytes and more are not measured",
                           c->path, LL_DRAWN_ID);
        memcpy(c->ids[q], id, length); /* the NUL is there: ll_alloc clears */
    }
    return LL_OK;
}

static ll_status measure_lookups(struct query_case *c, const ll_bench_options *options, int threads,
                                 ll_bench_result *result, ll_error *err)
{
    c->threads = threads;
    LL_TRY(ll_bench_repeat(run_lookups, c, options->seconds, result, err));
    result->threads = threads;
    result->count = (double)QUESTIONS * threads;
    LL_TRY(ll_text_fit(result->work, sizeof result->work, err,
                       "ten best by id in the open library, %lld items",
                       (long long)ll_query_items(c->query)));
    return LL_OK;
}

ll_status ll_bench_query(const ll_bench_options *options, ll_bench_result *results, ll_error *err)
{
    const int threads = options->threads > 0 ? options->threads : ll_parallel_cores();
    struct query_case c = {.ours = false};
    ll_status status = LL_OK;

    for (int i = 0; i < LL_BENCH_RESULTS; i++)
        results[i] = (ll_bench_result){.stage = "query", .unit = "query"};
    LL_TRY_DONE(find_index(&c, options, err));
    LL_TRY_DONE(ll_query_open(c.path, &c.query, err));
    LL_TRY_DONE(ll_query_warm(c.query, err));
    LL_TRY_DONE(draw_questions(&c, err));
    LL_TRY_DONE(check_answers(&c, err));
    LL_TRY_DONE(measure_lookups(&c, options, 1, &results[0], err));
    if (threads > 1) LL_TRY_DONE(measure_lookups(&c, options, threads, &results[1], err));
    LL_TRY_DONE(measure_starts(&c, options, &results[2], err));
done:
    ll_query_close(c.query);
    if (c.ours) unlink(c.path);
    free(c.ids);
    free(c.path);
    return status;
}
