/* host/similarity/redo.c - see redo.h.
 *
 * What is kept of a row that was scored is its K + 1 best with itself among them: its byte-equal
 * rows have the same K + 1 and leave out themselves instead. That needs little memory, so many rows
 * can be kept, and byte-equal rows need not be adjacent. */
#include "host/similarity/redo.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/similarity/ranking.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEPT = 64,     /* rows remembered */
    MAX_ROWS = 32, /* scored in one go: more gain nothing on any backend */
};
static const int64_t k_score_bytes = 64 << 20; /* of those rows with all, or one row's if more */

struct kept {
    int64_t row;  /* -1: none yet */
    int64_t used; /* when, for throwing out the one not used for longest */
    int64_t count;
    uint32_t *columns; /* (K + 1) */
    float *scores;     /* (K + 1) */
};

struct ll_redo {
    ll_redo_options options;
    int64_t at_once, clock;
    float *all;         /* (at_once, rows) exact scores; NULL until the first row */
    uint32_t *columns;  /* (KEPT, K + 1) */
    float *scores;      /* (KEPT, K + 1) */
    struct kept **from; /* (most) where each row asked for is kept */
    struct kept kept[KEPT];
    struct kept *fresh[MAX_ROWS]; /* to be scored */
};

static int64_t rows_at_once(const ll_redo_options *options)
{
    const int64_t row_bytes = ll_max_i64(options->rows, 1) * (int64_t)sizeof(float);
    const int64_t most = ll_min_i64(MAX_ROWS, options->most);

    return ll_max_i64(ll_min_i64(k_score_bytes / row_bytes, most), 1);
}

int64_t ll_redo_bytes(const ll_redo_options *options)
{
    const int64_t pair_bytes = sizeof(uint32_t) + sizeof(float);

    return rows_at_once(options) * options->rows * (int64_t)sizeof(float) +
           KEPT * (options->neighbors + 1) * pair_bytes +
           options->most * (int64_t)sizeof(struct kept *);
}

ll_status ll_redo_create(const ll_redo_options *options, ll_redo **out, ll_error *err)
{
    const int64_t width = options->neighbors + 1;
    ll_status status = LL_OK;
    ll_redo *redo = NULL;

    *out = NULL;
    LL_TRY(ll_alloc("redone rows", 1, sizeof *redo, &redo, err));
    redo->options = *options;
    redo->at_once = rows_at_once(options);
    LL_TRY_DONE(ll_alloc("redone rows", KEPT * width, sizeof *redo->columns, &redo->columns, err));
    LL_TRY_DONE(ll_alloc("redone rows", KEPT * width, sizeof *redo->scores, &redo->scores, err));
    LL_TRY_DONE(ll_alloc("redone rows", options->most, sizeof(struct kept *), &redo->from, err));
    for (int k = 0; k < KEPT; k++)
        redo->kept[k] = (struct kept){
            .row = -1, .columns = redo->columns + k * width, .scores = redo->scores + k * width};
    *out = redo;
    return LL_OK;
done:
    ll_redo_free(redo);
    return status;
}

void ll_redo_free(ll_redo *redo)
{
    if (redo == NULL) return;
    free(redo->from);
    free(redo->scores);
    free(redo->columns);
    free(redo->all);
    free(redo);
}

/* Where a byte-equal row of the same group is kept; NULL: nowhere. */
static struct kept *find(ll_redo *redo, int64_t row)
{
    const ll_redo_options *const o = &redo->options;
    const size_t bytes = (size_t)o->cols * sizeof *o->features;

    for (int k = 0; k < KEPT; k++) {
        const int64_t other = redo->kept[k].row;
        if (other < 0 || (o->group != NULL && o->group[other] != o->group[row])) continue;
        if (memcmp(o->features + other * o->cols, o->features + row * o->cols, bytes) == 0)
            return &redo->kept[k];
    }
    return NULL;
}

static struct kept *oldest(ll_redo *redo)
{
    struct kept *kept = &redo->kept[0];
    for (int k = 1; k < KEPT; k++)
        if (redo->kept[k].used < kept->used) kept = &redo->kept[k];
    return kept;
}

/* Find or allocate a cache entry for each row from `start` on, until as many new rows are found as
 * can be scored at once, or all entries are used by this call. Fills redo->fresh and redo->from.
 * @return the row after the last, start + 1 or more */
static int64_t gather(ll_redo *redo, const uint32_t *which, int64_t start, int64_t count,
                      int64_t *fresh)
{
    const int64_t turn = redo->clock;
    int64_t end = start;

    *fresh = 0;
    for (; end < count; end++) {
        struct kept *kept = find(redo, which[end]);
        if (kept == NULL) {
            kept = oldest(redo);
            if (*fresh == redo->at_once || kept->used > turn) break;
            kept->row = which[end];
            redo->fresh[(*fresh)++] = kept;
        }
        kept->used = ++redo->clock;
        redo->from[end] = kept;
    }
    return end;
}

static ll_status rank(void *context, int64_t task, int thread, ll_error *err)
{
    ll_redo *const redo = context;
    const ll_redo_options *const o = &redo->options;
    struct kept *const kept = redo->fresh[task];

    (void)thread;
    (void)err;
    kept->count = ll_ranking_best(redo->all + task * o->rows, o->rows, kept->row, o->group,
                                  o->neighbors + 1, kept->columns, kept->scores);
    return LL_OK;
}

static ll_status score_fresh(ll_redo *redo, int64_t fresh, ll_error *err)
{
    const ll_redo_options *const o = &redo->options;
    uint32_t rows[MAX_ROWS];

    if (redo->all == NULL)
        LL_TRY(
            ll_alloc("redone rows", redo->at_once * o->rows, sizeof *redo->all, &redo->all, err));
    for (int64_t r = 0; r < fresh; r++)
        rows[r] = (uint32_t)redo->fresh[r]->row;
    LL_TRY(ll_rescore_rows(o->be, rows, fresh, redo->all, err));
    return ll_parallel_run(o->threads, fresh, rank, redo, err);
}

ll_status ll_redo_rows(ll_redo *redo, const uint32_t *which, int64_t count, int64_t first,
                       uint32_t *index, float *score, ll_error *err)
{
    const int64_t wanted = redo->options.neighbors;

    for (int64_t start = 0, end = 0; start < count; start = end) {
        int64_t fresh = 0;
        end = gather(redo, which, start, count, &fresh);
        if (fresh > 0) LL_TRY(score_fresh(redo, fresh, err));
        for (int64_t i = start; i < end; i++) {
            const struct kept *const kept = redo->from[i];
            const int64_t offset = (which[i] - first) * wanted;
            ll_ranking_without_self(kept->columns, kept->scores, kept->count, which[i], wanted,
                                    index + offset, score + offset);
        }
    }
    return LL_OK;
}
