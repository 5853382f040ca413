/* host/query/query_absent.c - ll_query_absent: finds out why an id is unknown: rejected, or a
 * typing error.
 *
 * Suggestions are the ids with the fewest edits (insert, delete, replace, swap two letters; case is
 * not an edit) from what was asked, or that begin with it. Only ids near it in byte order are
 * looked at, so that a wrong id costs the same in a shop of a million. */
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/query/query.h"
#include "host/query/query_state.h"

#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 1 << 15,   /* ids looked at on either side */
    LONGEST = 64,       /* bytes of an id that are compared: an edit beyond is no slip */
    NEVER = LONGEST + 1 /* a distance no id is suggested at */
};

static int lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Edits between two texts of at most LONGEST bytes, or NEVER as soon as they exceed `limit`
 * (optimal string alignment, three rows of its table). */
static int edit_distance(const char *a, size_t a_length, const char *b, size_t b_length, int limit)
{
    int rows[3][LONGEST + 1];

    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int *const now = rows[i % 3];
        const int *const above = rows[(i + 2) % 3], *const two_above = rows[(i + 1) % 3];
        int least = now[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            const bool equal = lower(a[i - 1]) == lower(b[j - 1]);
            now[j] = min_int(above[j - 1] + !equal, min_int(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                now[j] = min_int(now[j], two_above[j - 2] + 1);
            least = min_int(least, now[j]);
        }
        if (least > limit) return NEVER;
    }
    return rows[a_length % 3][b_length] <= limit ? rows[a_length % 3][b_length] : NEVER;
}

/* How far `id` is from what was asked; an id that only goes on after it is half an edit away. */
static int distance(const char *asked, size_t asked_length, const char *id, size_t id_length,
                    int limit)
{
    if (asked_length > LONGEST || id_length > LONGEST) return NEVER;
    if (id_length > asked_length && memcmp(id, asked, asked_length) == 0) return 1;
    const size_t gap =
        id_length > asked_length ? id_length - asked_length : asked_length - id_length;
    if ((int)gap > limit) return NEVER;
    const int edits = edit_distance(asked, asked_length, id, id_length, limit);
    return edits == NEVER ? NEVER : 2 * edits;
}

static void suggest(const ll_query *query, const char *asked, size_t length, ll_query_absence *out)
{
    int distances[LL_QUERY_SUGGESTIONS];
    const int limit = length < 4 ? 1 : length < 12 ? 2 : 3; /* edits still taken for a slip */
    const int64_t here = ll_reader_lower_bound(query->reader, asked, length);
    const int64_t last = ll_min_i64(here + WINDOW, query->extents->items);

    for (int64_t position = ll_max_i64(here - WINDOW, 0); position < last; position++) {
        size_t id_length = 0;
        const int64_t row = ll_reader_row_in_order(query->reader, position);
        const char *const id = ll_reader_id(query->reader, row, &id_length);
        const int edits = distance(asked, length, id, id_length, limit);
        int at = out->suggestions;
        if (edits == NEVER) continue;
        if (at == LL_QUERY_SUGGESTIONS && edits >= distances[at - 1]) continue;
        if (at < LL_QUERY_SUGGESTIONS)
            out->suggestions++;
        else
            at--;
        for (; at > 0 && distances[at - 1] > edits; at--) {
            distances[at] = distances[at - 1];
            out->rows[at] = out->rows[at - 1];
        }
        distances[at] = edits;
        out->rows[at] = row;
    }
}

ll_status ll_query_absent(ll_query *query, const char *id, size_t length, ll_query_absence *out,
                          ll_error *err)
{
    ll_reader_rejects rejects = {0};

    *out = (ll_query_absence){0};
    LL_TRY(ll_reader_rejected(query->reader, &rejects, err));
    for (int64_t i = 0; i < rejects.count; i++)
        if (strlen(rejects.ids[i]) == length && memcmp(rejects.ids[i], id, length) == 0) {
            out->rejected = rejects.reasons[i];
            return LL_OK;
        }
    suggest(query, id, length, out);
    return LL_OK;
}
