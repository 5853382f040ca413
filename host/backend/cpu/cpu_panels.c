/* host/backend/cpu/cpu_panels.c - see cpu_panels.h.
 *
 * A thread gets both panels or neither, and packs its own before it waits for a panel that another
 * thread packs. So with two panels at least one thread can always go on: no deadlock. */
#define _DEFAULT_SOURCE /* madvise */
#include "host/backend/cpu/cpu_panels.h"
#include "host/backend/cpu/cpu_dots.h"
#include "host/base/memory.h"
#include "host/base/size.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Four blocks of a band, and a column of it for every four threads, and the next. */
enum { BAND = 4, MIN_PANELS = BAND + 1 };
static const int64_t k_max_bytes = INT64_C(256) << 20; /* beyond MIN_PANELS */

struct panel {
    int64_t block; /* -1: none */
    int64_t used;  /* when it was taken last */
    int users;
    bool packed;
    float *values;
};

struct ll_cpu_panels {
    const float *features;
    int64_t rows, cols, block;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a panel was packed or given back */
    int64_t clock;
    int count;
    struct panel *panel;
};

static int wanted_panels(int64_t floats, int64_t blocks, int threads)
{
    const int64_t affordable =
        ll_max_i64(k_max_bytes / ll_max_i64(floats * (int64_t)sizeof(float), 1), MIN_PANELS);
    const int64_t useful = MIN_PANELS + 1 + ll_ceil_div(threads, BAND);
    return (int)ll_min_i64(ll_max_i64(blocks, 1), ll_min_i64(useful, affordable));
}

int64_t ll_cpu_panels_bytes(int64_t rows, int64_t cols, int64_t block, int threads)
{
    const int64_t floats = ll_cpu_dots_panel_floats(ll_min_i64(block, rows), cols);

    return wanted_panels(floats, ll_ceil_div(rows, block), threads) * floats *
           (int64_t)sizeof(float);
}

/* Not zeroed: packing writes all that is read. Huge pages where the system has them: a slice is 1
 * MiB, read through in no time, again and again. */
static ll_status make_values(struct panel *p, int64_t floats, ll_error *err)
{
    const size_t page = (size_t)2 << 20;
    size_t bytes = 0;

    LL_TRY(ll_size_mul(floats, (int64_t)sizeof *p->values, &bytes, err));
    bytes = (bytes + page - 1) / page * page;
    p->values = aligned_alloc(page, bytes);
    if (p->values == NULL)
        return ll_fail(err, LL_ERR_MEMORY, "packed rows: no memory for %zu bytes", bytes);
#ifdef MADV_HUGEPAGE
    (void)madvise(p->values, bytes, MADV_HUGEPAGE); /* a hint: failure does not matter */
#endif
    return LL_OK;
}

ll_status ll_cpu_panels_create(const float *features, int64_t rows, int64_t cols, int64_t block,
                               int threads, ll_cpu_panels **out, ll_error *err)
{
    const int64_t floats = ll_cpu_dots_panel_floats(ll_min_i64(block, rows), cols);
    ll_cpu_panels *panels = NULL;
    ll_status status = LL_OK;

    *out = NULL;
    LL_TRY(ll_alloc("packed rows", 1, sizeof *panels, &panels, err));
    panels->features = features;
    panels->rows = rows;
    panels->cols = cols;
    panels->block = block;
    pthread_mutex_init(&panels->lock, NULL); /* with default attributes neither can fail */
    pthread_cond_init(&panels->changed, NULL);
    const int count = wanted_panels(floats, ll_ceil_div(rows, block), threads);
    LL_TRY_DONE(ll_alloc("packed rows", count, sizeof *panels->panel, &panels->panel, err));
    for (; panels->count < count; panels->count++) {
        struct panel *const p = &panels->panel[panels->count];
        p->block = -1;
        LL_TRY_DONE(make_values(p, floats, err));
    }
    *out = panels;
    return LL_OK;
done:
    ll_cpu_panels_free(panels);
    return status;
}

void ll_cpu_panels_free(ll_cpu_panels *panels)
{
    if (panels == NULL) return;
    for (int i = 0; i < panels->count; i++)
        free(panels->panel[i].values);
    free(panels->panel);
    pthread_cond_destroy(&panels->changed);
    pthread_mutex_destroy(&panels->lock);
    free(panels);
}

/* The panel that holds `block`; else the free one not used for longest; else NULL. Never `other`.
 */
static struct panel *find(ll_cpu_panels *panels, int64_t block, const struct panel *other)
{
    struct panel *oldest = NULL;

    for (int i = 0; i < panels->count; i++) {
        struct panel *const p = &panels->panel[i];
        if (p->block == block) return p;
        if (p == other || p->users > 0) continue;
        if (oldest == NULL || p->used < oldest->used) oldest = p;
    }
    return oldest;
}

/* Count one more user; true if the caller must pack it. */
static bool claim(ll_cpu_panels *panels, struct panel *p, int64_t block)
{
    p->users++;
    p->used = ++panels->clock;
    if (p->block == block) return false;
    p->block = block;
    p->packed = false;
    return true;
}

static void pack(ll_cpu_panels *panels, struct panel *p)
{
    const int64_t first = p->block * panels->block;

    ll_cpu_dots_pack(panels->features + first * panels->cols,
                     ll_min_i64(panels->block, panels->rows - first), panels->cols, p->values);
    pthread_mutex_lock(&panels->lock);
    p->packed = true;
    pthread_cond_broadcast(&panels->changed);
    pthread_mutex_unlock(&panels->lock);
}

void ll_cpu_panels_acquire(ll_cpu_panels *panels, int64_t i, int64_t j, const float **x,
                           const float **y)
{
    struct panel *p = NULL, *q = NULL;

    pthread_mutex_lock(&panels->lock);
    for (;;) {
        /* Look for a packed panel first, so that packing the other one does not evict it. */
        q = find(panels, j, NULL);
        if (q != NULL && q->block != j) q = NULL;
        p = find(panels, i, q);
        if (q == NULL && p != NULL) q = i == j ? p : find(panels, j, p);
        if (p != NULL && q != NULL) break;
        pthread_cond_wait(&panels->changed, &panels->lock);
    }
    const bool pack_p = claim(panels, p, i), pack_q = claim(panels, q, j);
    pthread_mutex_unlock(&panels->lock);
    if (pack_p) pack(panels, p);
    if (pack_q) pack(panels, q);
    pthread_mutex_lock(&panels->lock);
    while (!p->packed || !q->packed)
        pthread_cond_wait(&panels->changed, &panels->lock);
    pthread_mutex_unlock(&panels->lock);
    *x = p->values;
    *y = q->values;
}

static void drop(ll_cpu_panels *panels, int64_t block)
{
    for (int i = 0; i < panels->count; i++)
        if (panels->panel[i].block == block) {
            assert(panels->panel[i].users > 0);
            panels->panel[i].users--;
            return;
        }
    assert(!"a panel nobody took");
}

void ll_cpu_panels_return(ll_cpu_panels *panels, int64_t i, int64_t j)
{
    pthread_mutex_lock(&panels->lock);
    drop(panels, i);
    drop(panels, j);
    pthread_cond_broadcast(&panels->changed);
    pthread_mutex_unlock(&panels->lock);
}
