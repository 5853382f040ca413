/* tests/installed/ask_many.c - a program of somebody else: it knows only what is installed. Several
 * threads share one open index and answer the ids of the command line, in their order.
 *     cc ask_many.c $(pkg-config --cflags --libs lookloom-query) -pthread -o ask_many
 *     ask_many INDEX.h5 THREADS ID...
 * Prints one line of JSON an id. */
#include <lookloom/answer_text.h>
#include <lookloom/query.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 64 };

struct work {
    ll_query *query;
    char **ids, **lines; /* (count) */
    int count, threads;
};

struct worker {
    struct work *work;
    int number;
    pthread_t thread;
};

/* The answer for an id as JSON, or why there is none; yours to free(). */
static char *answer_line(ll_query *query, const char *id)
{
    ll_query_answer *answer = NULL;
    ll_error err = LL_ERROR_INIT;
    char text[LL_QUERY_HINT_TEXT], *line = NULL;
    const int64_t row = ll_query_find(query, id, strlen(id));

    if (row < 0) {
        if (ll_query_absence_text(query, id, strlen(id), text, &err) == LL_OK) return strdup(text);
        return strdup(err.text);
    }
    if (ll_query_similar(query, row, NULL, &answer, &err) != LL_OK ||
        ll_query_answer_json(answer, &line, &err) != LL_OK)
        line = strdup(err.text);
    ll_query_answer_free(answer);
    return line;
}

/* Every `threads`-th id. */
static void *answer_some(void *context)
{
    const struct worker *const worker = context;
    struct work *const work = worker->work;

    for (int i = worker->number; i < work->count; i += work->threads)
        work->lines[i] = answer_line(work->query, work->ids[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    struct worker workers[MAX_THREADS];
    ll_error err = LL_ERROR_INIT;
    struct work work = {0};

    if (argc < 4) {
        fprintf(stderr, "usage: ask_many INDEX.h5 THREADS ID...\n");
        return 2;
    }
    work.ids = argv + 3;
    work.count = argc - 3;
    work.threads = (int)strtol(argv[2], NULL, 10);
    if (work.threads < 1 || work.threads > MAX_THREADS) return 2;
    work.lines = calloc((size_t)work.count, sizeof *work.lines);
    if (work.lines == NULL) return 3;
    if (ll_query_open(argv[1], &work.query, &err) != LL_OK ||
        ll_query_warm(work.query, &err) != LL_OK) {
        fprintf(stderr, "ask_many: %s (%s)\n", err.text, ll_status_name(err.code));
        ll_query_close(work.query);
        free(work.lines);
        return 3;
    }
    for (int t = 0; t < work.threads; t++) {
        workers[t] = (struct worker){.work = &work, .number = t};
        if (pthread_create(&workers[t].thread, NULL, answer_some, &workers[t]) != 0) return 3;
    }
    for (int t = 0; t < work.threads; t++)
        pthread_join(workers[t].thread, NULL);
    for (int i = 0; i < work.count; i++) {
        puts(work.lines[i] != NULL ? work.lines[i] : "out of memory");
        free(work.lines[i]);
    }
    free(work.lines);
    ll_query_close(work.query);
    return 0;
}
