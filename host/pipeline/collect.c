/* host/pipeline/collect.c - see collect.h. */
#include "host/pipeline/collect.h"

#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

ll_status ll_collect_init(ll_collect *collect, const ll_work *work, int64_t width, ll_error *err)
{
    memset(collect, 0, sizeof *collect);
    collect->fd = -1;
    collect->width = width;
    LL_TRY(ll_work_path(work, "features.f32", &collect->path, err));
    collect->fd = open(collect->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (collect->fd < 0) return ll_fail(err, LL_ERR_IO, "%s: %s", collect->path, strerror(errno));
    return LL_OK;
}

static ll_status append_item(void *to, int64_t row, const uint8_t digest[LL_DIGEST_BYTES],
                             const float *features, float norm, ll_error *err)
{
    ll_collect *const c = to;
    const int64_t i = c->items;
    size_t bytes = 0;

    LL_TRY(ll_grow("items", &c->rows, &c->items_capacity, i + 1, sizeof *c->rows, err));
    LL_TRY(ll_grow("norms", &c->norms, &c->norms_capacity, i + 1, sizeof *c->norms, err));
    LL_TRY(ll_grow("digests", &c->digests, &c->digests_capacity, i + 1, sizeof *c->digests, err));
    LL_TRY(ll_size_mul(c->width, (int64_t)sizeof *features, &bytes, err));
    LL_TRY(ll_file_pwrite(c->fd, features, bytes, i * (int64_t)bytes, c->path, err));
    c->rows[i] = row;
    c->norms[i] = norm;
    memcpy(c->digests[i], digest, LL_DIGEST_BYTES);
    c->items = i + 1;
    return LL_OK;
}

static ll_status append_reject(void *to, int64_t row, const char *reason, ll_error *err)
{
    ll_collect *const c = to;

    LL_TRY(ll_grow("rejects", &c->rejects, &c->rejected_capacity, c->rejected + 1,
                   sizeof *c->rejects, err));
    c->rejects[c->rejected].row = row;
    ll_text_say(c->rejects[c->rejected].reason, sizeof c->rejects->reason, "%s", reason);
    c->rejected++;
    return LL_OK;
}

ll_extract_sink ll_collect_sink(ll_collect *collect)
{
    return (ll_extract_sink){.to = collect, .item = append_item, .reject = append_reject};
}

static int by_row(const void *a, const void *b)
{
    const struct ll_collect_reject *const x = a, *const y = b;
    return (x->row > y->row) - (x->row < y->row);
}

ll_status ll_collect_finish(ll_collect *collect, ll_error *err)
{
    if (collect->rejected > 0)
        qsort(collect->rejects, (size_t)collect->rejected, sizeof *collect->rejects, by_row);
    if (collect->items == 0) return LL_OK;
    LL_TRY(ll_size_mul(collect->items, collect->width * (int64_t)sizeof(float),
                       &collect->mapped_bytes, err));
    void *const memory = mmap(NULL, collect->mapped_bytes, PROT_READ, MAP_SHARED, collect->fd, 0);
    if (memory == MAP_FAILED)
        return ll_fail(err, LL_ERR_IO, "%s: cannot map it: %s", collect->path, strerror(errno));
    collect->features = memory;
    return LL_OK;
}

void ll_collect_release(ll_collect *collect)
{
    if (collect->features != NULL)
        munmap((void *)(uintptr_t)collect->features, collect->mapped_bytes);
    if (collect->fd >= 0) close(collect->fd);
    free(collect->path);
    free(collect->rows);
    free(collect->norms);
    free(collect->digests);
    free(collect->rejects);
    memset(collect, 0, sizeof *collect);
    collect->fd = -1;
}
