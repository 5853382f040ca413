/* host/query/query_answer.c - ll_query_similar: a ranking becomes an answer with its texts. */
#include "host/query/query_answer.h"

#include "host/base/memory.h"
#include "host/query/query.h"
#include "host/query/query_filter.h"
#include "host/query/query_rank.h"
#include "host/query/query_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind an answer; `public` is first, so that a pointer to one is one to the other. */
typedef struct answer {
    ll_query_answer public;
    const char **attributes; /* (count, columns) */
    char *ids;
    char **texts; /* others to free */
    int64_t texts_count, texts_capacity;
} answer;

static ll_status keep_text(answer *to, char *text, ll_error *err)
{
    const ll_status status = ll_grow("answer", &to->texts, &to->texts_capacity, to->texts_count + 1,
                                     sizeof *to->texts, err);
    if (status != LL_OK)
        free(text);
    else
        to->texts[to->texts_count++] = text;
    return status;
}

/* In a large index the data of the hits are spread over memory. Prefetching them all at once
 * overlaps the cache misses, which are most of the time of an answer. */
static void prefetch_hits(const ll_query *query, const ll_query_ranking *ranking)
{
    for (int64_t i = 0; i < ranking->count; i++) {
        const int64_t row = ranking->entries[i].row;
        ll_reader_prefetch_id(query->reader, row);
        if (query->images == NULL) continue;
        __builtin_prefetch(&query->images[row]);
        for (int c = 0; c < query->columns; c++)
            __builtin_prefetch(&query->column_values[c][row]);
    }
}

/* Room for texts; what is mapped could change under us, and must not lead beyond it. */
struct room {
    char *next;
    size_t left;
};

static const char *put_id(const ll_query *query, int64_t row, struct room *room)
{
    size_t length = 0;
    const char *const id = ll_reader_id(query->reader, row, &length);
    char *const put = room->next;

    if (length >= room->left) length = room->left - 1;
    memcpy(put, id, length);
    put[length] = '\0';
    room->next += length + (length + 1 < room->left); /* the last byte is NUL for good */
    room->left -= length + (length + 1 < room->left);
    return put;
}

static int64_t id_bytes(const ll_query *query, int64_t row)
{
    size_t length = 0;
    __builtin_prefetch(ll_reader_id(query->reader, row, &length));
    return (int64_t)length + 1;
}

/* All ids of an answer, in one piece. */
static ll_status fill_ids(const ll_query *query, const ll_query_ranking *ranking, answer *to,
                          ll_error *err)
{
    ll_query_answer *const out = &to->public;
    int64_t bytes = out->row >= 0 ? id_bytes(query, out->row) : 0; /* a photo's name is its own */

    if (ranking->best.row >= 0) bytes += id_bytes(query, ranking->best.row);
    for (int64_t i = 0; i < ranking->count; i++)
        bytes += id_bytes(query, ranking->entries[i].row);
    LL_TRY(ll_alloc("answer", bytes, 1, &to->ids, err));
    struct room room = {to->ids, (size_t)bytes};
    if (out->row >= 0) out->id = put_id(query, out->row, &room);
    if (ranking->best.row >= 0) out->best_id = put_id(query, ranking->best.row, &room);
    for (int64_t i = 0; i < ranking->count; i++)
        out->hits[i].id = put_id(query, ranking->entries[i].row, &room);
    return LL_OK;
}

/* Image and attributes of a hit: borrowed from the handle when warm, read one by one when not. */
static ll_status hit_texts(ll_query *query, ll_query_hit *hit, const char **attributes, answer *to,
                           ll_error *err)
{
    ll_status status = LL_OK;
    char *image = NULL, **values = NULL;

    hit->attributes = attributes;
    if (query->images != NULL) {
        hit->image = query->images[hit->row];
        for (int c = 0; c < query->columns; c++)
            attributes[c] = query->column_values[c][hit->row];
        return LL_OK;
    }
    LL_TRY(ll_alloc("answer", query->columns, sizeof *values, &values, err));
    LL_TRY_DONE(ll_reader_item_texts(query->reader, hit->row, &image, values, err));
    hit->image = image;
    status = keep_text(to, image, err);
    for (int c = 0; c < query->columns; c++) {
        attributes[c] = values[c];
        if (status == LL_OK)
            status = keep_text(to, values[c], err);
        else
            free(values[c]);
    }
done:
    free(values);
    return status;
}

/* All but what tells the question. */
static ll_status answer_fill(ll_query *query, const ll_query_ranking *ranking, answer *to,
                             ll_error *err)
{
    ll_query_answer *const out = &to->public;

    prefetch_hits(query, ranking);
    LL_TRY(ll_alloc("answer", ranking->count, sizeof *out->hits, &out->hits, err));
    LL_TRY(ll_alloc("answer", ranking->count * (int64_t)query->columns, sizeof *to->attributes,
                    &to->attributes, err));
    LL_TRY(fill_ids(query, ranking, to, err));
    out->generation = ll_reader_generation(query->reader);
    out->complete = ranking->complete;
    out->exact = ranking->exact;
    out->columns = query->columns;
    out->column_names = query->column_names;
    out->best_score = NAN;
    if (ranking->best.row >= 0) out->best_score = (double)ranking->best.score;
    for (int64_t i = 0; i < ranking->count; i++) {
        ll_query_hit *const hit = &out->hits[i];
        hit->row = ranking->entries[i].row;
        hit->score = ranking->entries[i].score;
        LL_TRY(hit_texts(query, hit, to->attributes + i * query->columns, to, err));
    }
    out->count = ranking->count;
    return LL_OK;
}

/* How many items the filters leave. */
static ll_status count_others(ll_query *query, ll_query_filter *filter, int64_t *count,
                              ll_error *err)
{
    LL_TRY(ll_query_filter_keep_within(query, filter, err));
    for (int64_t row = 0; row < query->extents->items; row++)
        *count += ll_query_filter_accepts(filter, row);
    return LL_OK;
}

ll_status ll_query_similar(ll_query *query, int64_t row, const ll_query_options *options,
                           ll_query_answer **out, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_query_options chosen = options != NULL ? *options : ll_query_defaults(query);
    ll_query_filter filter = {0};
    ll_query_ranking ranking = {0};
    answer *made = NULL;

    *out = NULL;
    if (row < 0 || row >= query->extents->items)
        return ll_fail(err, LL_ERR_ARGUMENT, "row %lld of %lld", (long long)row,
                       (long long)query->extents->items);
    LL_TRY_DONE(ll_query_filter_init(query, row, &chosen, &filter, err));
    LL_TRY_DONE(ll_query_rank(query, &filter, &chosen, &ranking, err));
    LL_TRY_DONE(ll_alloc("answer", 1, sizeof *made, &made, err));
    made->public.row = row;
    LL_TRY_DONE(answer_fill(query, &ranking, made, err));
    if (ranking.count == 0) LL_TRY_DONE(count_others(query, &filter, &made->public.others, err));
    *out = &made->public;
    made = NULL;
done:
    if (made != NULL) ll_query_answer_free(&made->public);
    free(ranking.entries);
    ll_query_filter_release(&filter);
    return status;
}

ll_status ll_query_answer_photo(ll_query *query, const char *name, const ll_query_ranking *ranking,
                                int64_t others, ll_query_answer **out, ll_error *err)
{
    ll_status status = LL_OK;
    answer *made = NULL;
    char *id = NULL;

    *out = NULL;
    LL_TRY_DONE(ll_alloc("answer", 1, sizeof *made, &made, err));
    made->public.row = -1;
    made->public.others = others;
    LL_TRY_DONE(ll_text_copy(name, strlen(name), &id, err));
    LL_TRY_DONE(keep_text(made, id, err));
    made->public.id = id;
    LL_TRY_DONE(answer_fill(query, ranking, made, err));
    *out = &made->public;
    made = NULL;
done:
    if (made != NULL) ll_query_answer_free(&made->public);
    return status;
}

void ll_query_answer_free(ll_query_answer *public)
{
    if (public == NULL) return;
    answer *const whole = (answer *)public;
    for (int64_t i = 0; i < whole->texts_count; i++)
        free(whole->texts[i]);
    free(whole->texts);
    free(whole->ids);
    free(whole->attributes);
    free(public->hits);
    free(whole);
}
