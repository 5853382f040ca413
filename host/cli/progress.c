/* host/cli/progress.c - see progress.h. */
#include "host/cli/progress.h"

#include "host/base/clock.h"
#include "host/base/digest.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_CELLS = 24, STAGE_BYTES = 32, REMEMBERED = 16 };
static const double k_bar_every_s = 0.1;  /* smooth to the eye, nothing to the run */
static const double k_json_every_s = 1.0; /* the contract of --progress json */

struct ll_progress {
    ll_log log;
    ll_progress_options options;
    pthread_mutex_t lock;
    char stage[STAGE_BYTES]; /* "" before the first call */
    int64_t done, total, first_done;
    double started_s, shown_s;
    bool bar_visible;
    uint64_t said[REMEMBERED]; /* digests of what was said once; beyond that all is new */
    int said_count;
};

ll_progress_mode ll_progress_find(const char *word)
{
    if (strcmp(word, "json") == 0) return LL_PROGRESS_JSON;
    if (strcmp(word, "none") == 0) return LL_PROGRESS_NONE;
    return LL_PROGRESS_AUTO;
}

static void bar_clear(ll_progress *progress)
{
    if (!progress->bar_visible) return;
    fputs("\r\033[K", progress->options.stream);
    progress->bar_visible = false;
}

/* 8.31 -> "8.3", 1234 -> "1234": two figures are enough for a rate. */
static const char *rate_text(double rate, char buffer[LL_NUMBER_TEXT])
{
    return ll_number_fixed(rate, rate < 10.0 ? 1 : 0, buffer);
}

static const char *seconds_text(double seconds, char buffer[LL_NUMBER_TEXT])
{
    const int64_t whole = (int64_t)(seconds + 0.5);
    if (whole >= 3600)
        return ll_text_exact(buffer, LL_NUMBER_TEXT, "%" PRId64 " h %02" PRId64 " min",
                             whole / 3600, whole / 60 % 60);
    if (whole >= 60)
        return ll_text_exact(buffer, LL_NUMBER_TEXT, "%" PRId64 " min %02" PRId64 " s", whole / 60,
                             whole % 60);
    return ll_text_exact(buffer, LL_NUMBER_TEXT, "%" PRId64 " s", whole);
}

/* Units a second of this stage, counted from its first report: work taken over from an earlier run
 * arrives in that one and would make the rate a fable. 0: not known yet. */
static double stage_rate(const ll_progress *progress, double now_s)
{
    const double spent_s = now_s - progress->started_s;
    return spent_s > 0.0 ? (double)(progress->done - progress->first_done) / spent_s : 0.0;
}

static void bar_draw(ll_progress *progress, double now_s)
{
    FILE *const stream = progress->options.stream;
    const int64_t done = progress->done, total = progress->total;
    const double rate = stage_rate(progress, now_s);
    char done_text[LL_NUMBER_TEXT], total_text[LL_NUMBER_TEXT], number[LL_NUMBER_TEXT];

    fprintf(stream, "\r%-10s ", progress->stage);
    if (total > 0) {
        const int cells = (int)((double)done / (double)total * BAR_CELLS);
        char bar[BAR_CELLS + 1];
        for (int i = 0; i < BAR_CELLS; i++)
            bar[i] = i < cells ? '#' : '.';
        bar[BAR_CELLS] = '\0';
        fprintf(stream, "%3d %% [%s] %s of %s", (int)(100.0 * (double)done / (double)total), bar,
                ll_number_grouped(done, done_text), ll_number_grouped(total, total_text));
    } else {
        fputs(ll_number_grouped(done, done_text), stream);
    }
    if (rate > 0.0) fprintf(stream, "  %s/s", rate_text(rate, number));
    if (rate > 0.0 && total > done)
        fprintf(stream, "  %s left", seconds_text((double)(total - done) / rate, number));
    fputs("\033[K", stream);
    fflush(stream);
    progress->bar_visible = true;
}

static void json_print(const ll_progress *progress, json_t *object)
{
    if (object == NULL) return; /* out of memory: a message less */
    json_dumpf(object, progress->options.stream, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', progress->options.stream);
    fflush(progress->options.stream);
    json_decref(object);
}

static void json_progress(const ll_progress *progress, double now_s)
{
    const double rate = stage_rate(progress, now_s);
    json_t *const object = json_pack(
        "{s:s, s:I, s:I, s:f, s:f}", "stage", progress->stage, "done", (json_int_t)progress->done,
        "total", (json_int_t)progress->total, "seconds", now_s - progress->started_s, "rate", rate);
    if (object != NULL && rate > 0.0 && progress->total > 0)
        json_object_set_new(object, "left_s",
                            json_real((double)(progress->total - progress->done) / rate));
    json_print(progress, object);
}

static void on_line(void *to, const char *text)
{
    ll_progress *const progress = to;

    if (progress->options.quiet) return;
    pthread_mutex_lock(&progress->lock);
    if (progress->options.mode == LL_PROGRESS_JSON) {
        json_print(progress, json_pack("{s:s}", "message", text));
    } else {
        const bool redraw = progress->bar_visible;
        bar_clear(progress);
        fprintf(progress->options.stream, "%s: %s\n", progress->options.program, text);
        fflush(progress->options.stream);
        if (redraw) bar_draw(progress, ll_clock_seconds());
    }
    pthread_mutex_unlock(&progress->lock);
}

static bool on_first(void *to, const char *text)
{
    ll_progress *const progress = to;
    const uint64_t digest = ll_digest_block(text, strlen(text));
    bool known = false;

    pthread_mutex_lock(&progress->lock);
    for (int i = 0; i < progress->said_count; i++)
        known |= progress->said[i] == digest;
    if (!known && progress->said_count < REMEMBERED)
        progress->said[progress->said_count++] = digest;
    pthread_mutex_unlock(&progress->lock);
    return !known;
}

static void on_progress(void *to, const char *stage, int64_t done, int64_t total)
{
    ll_progress *const progress = to;
    const bool json = progress->options.mode == LL_PROGRESS_JSON;
    char shown[STAGE_BYTES];

    if (progress->options.quiet || progress->options.mode == LL_PROGRESS_NONE) return;
    pthread_mutex_lock(&progress->lock);
    const double now_s = ll_clock_seconds();
    ll_text_say(shown, sizeof shown, "%s", stage);
    const bool begins = strcmp(shown, progress->stage) != 0;
    if (begins) {
        bar_clear(progress);
        memcpy(progress->stage, shown, strlen(shown) + 1);
        progress->first_done = done;
        progress->started_s = now_s;
    }
    progress->done = done;
    progress->total = total;
    const bool ends = total > 0 && done >= total;
    if (begins || ends || now_s - progress->shown_s >= (json ? k_json_every_s : k_bar_every_s)) {
        progress->shown_s = now_s;
        if (json)
            json_progress(progress, now_s);
        else
            bar_draw(progress, now_s);
    }
    pthread_mutex_unlock(&progress->lock);
}

ll_status ll_progress_create(const ll_progress_options *options, ll_progress **out, ll_error *err)
{
    *out = NULL;
    ll_progress *progress = NULL;
    LL_TRY(ll_alloc("progress", 1, sizeof *progress, &progress, err));
    progress->options = *options;
    progress->log =
        (ll_log){.to = progress, .line = on_line, .first = on_first, .progress = on_progress};
    if (options->verbose) progress->log.detail = on_line;
    if (progress->options.stream == NULL) progress->options.stream = stderr;
    if (progress->options.mode == LL_PROGRESS_AUTO) {
        const char *const terminal = getenv("TERM");
        const bool bar = isatty(fileno(progress->options.stream)) &&
                         !(terminal != NULL && strcmp(terminal, "dumb") == 0);
        progress->options.mode = bar ? LL_PROGRESS_BAR : LL_PROGRESS_NONE;
    }
    if (pthread_mutex_init(&progress->lock, NULL) != 0) {
        free(progress);
        return ll_fail(err, LL_ERR_MEMORY, "progress: no mutex");
    }
    *out = progress;
    return LL_OK;
}

void ll_progress_free(ll_progress *progress)
{
    if (progress == NULL) return;
    bar_clear(progress);
    fflush(progress->options.stream);
    pthread_mutex_destroy(&progress->lock);
    free(progress);
}

const ll_log *ll_progress_log(const ll_progress *progress)
{
    return &progress->log;
}
