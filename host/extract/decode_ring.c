/* host/extract/decode_ring.c - see decode_ring.h.
 *
 * One mutex guards everything but the pixels: it is taken twice a photo, and a photo takes
 * milliseconds. A row uses slot row % capacity, which belongs to a decoder until `ready`, then to
 * the owner until the owner asks for the next row. */
#include "host/extract/decode_ring.h"

#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/usage.h"

#include <pthread.h>
#include <stdlib.h>

struct slot {
    bool ready;
    ll_image_facts facts;
};

struct ll_decode_ring {
    ll_decode_ring_options options;
    int64_t rows, capacity;
    struct slot *slots; /* (capacity) */
    uint8_t *pixels;    /* (capacity, LL_IMAGE_BYTES) */

    pthread_mutex_t lock;
    pthread_cond_t room, filled;
    int64_t claimed;  /* rows given to decoders */
    int64_t consumed; /* rows the owner has asked for */
    bool stop;
    ll_status status; /* the first failure of a decoder */
    ll_error err;
    double seconds, cpu_seconds;

    pthread_t *threads;
    int started;
};

/* The next row to decode, or -1 when there is none left or the ring stops. Called locked. */
static int64_t claim(ll_decode_ring *ring)
{
    /* The owner still reads row consumed - 1, so `capacity` slots reach to row consumed - 2 +
     * capacity.
     */
    while (!ring->stop && ring->claimed < ring->rows &&
           ring->claimed > ring->consumed - 2 + ring->capacity)
        pthread_cond_wait(&ring->room, &ring->lock);
    if (ring->stop || ring->claimed >= ring->rows) return -1;
    return ring->claimed++;
}

static void *work(void *argument)
{
    ll_decode_ring *const ring = argument;

    pthread_mutex_lock(&ring->lock);
    for (int64_t row = claim(ring); row >= 0; row = claim(ring)) {
        struct slot *const slot = &ring->slots[row % ring->capacity];
        ll_error err = LL_ERROR_INIT;

        pthread_mutex_unlock(&ring->lock);
        const double start = ll_clock_seconds(), cpu_start = ll_usage_thread_seconds();
        if (ring->options.disturb != NULL) ring->options.disturb(row);
        const ll_status status = ll_photo_load(
            &ring->options.photos, ring->options.image, row,
            ring->pixels + (row % ring->capacity) * LL_IMAGE_BYTES, &slot->facts, &err);
        const double seconds = ll_clock_seconds() - start;
        const double cpu_seconds = ll_usage_thread_seconds() - cpu_start;
        pthread_mutex_lock(&ring->lock);
        ring->seconds += seconds;
        ring->cpu_seconds += cpu_seconds;
        slot->ready = true;
        if (status != LL_OK && ring->status == LL_OK) {
            ring->status = status;
            ring->err = err;
            ring->stop = true;
            pthread_cond_broadcast(&ring->room);
        }
        pthread_cond_signal(&ring->filled);
    }
    pthread_mutex_unlock(&ring->lock);
    return NULL;
}

static ll_status start_threads(ll_decode_ring *ring, int threads, ll_error *err)
{
    LL_TRY(ll_alloc("decoder threads", threads, sizeof *ring->threads, &ring->threads, err));
    for (int i = 0; i < threads; i++) {
        if (pthread_create(&ring->threads[i], NULL, work, ring) != 0) break;
        ring->started++;
    }
    if (ring->started == 0) return ll_fail(err, LL_ERR_MEMORY, "cannot start a decoder thread");
    return LL_OK;
}

ll_status ll_decode_ring_open(const ll_decode_ring_options *options, ll_decode_ring **out,
                              ll_error *err)
{
    ll_status status = LL_OK;
    ll_decode_ring *ring = NULL;

    *out = NULL;
    LL_TRY(ll_alloc("decode ring", 1, sizeof *ring, &ring, err));
    ring->options = *options;
    ring->rows = options->photos.count;
    ring->capacity = ll_max_i64(2, options->capacity); /* one to read, one to fill */
    pthread_mutex_init(&ring->lock, NULL);
    pthread_cond_init(&ring->room, NULL);
    pthread_cond_init(&ring->filled, NULL);
    LL_TRY_DONE(ll_alloc("decode ring", ring->capacity, sizeof *ring->slots, &ring->slots, err));
    LL_TRY_DONE(ll_alloc("decode ring", ring->capacity, LL_IMAGE_BYTES, &ring->pixels, err));
    LL_TRY_DONE(start_threads(ring, (int)ll_max_i64(1, options->threads), err));
    *out = ring;
    ring = NULL;
done:
    ll_decode_ring_close(ring);
    return status;
}

ll_status ll_decode_ring_next(ll_decode_ring *ring, const uint8_t **pixels,
                              const ll_image_facts **facts, ll_error *err)
{
    ll_status status = LL_OK;

    pthread_mutex_lock(&ring->lock);
    const int64_t row = ring->consumed++;
    struct slot *const slot = &ring->slots[row % ring->capacity];
    if (row > 0) ring->slots[(row - 1) % ring->capacity].ready = false;
    pthread_cond_broadcast(&ring->room);
    while (!slot->ready && ring->status == LL_OK)
        pthread_cond_wait(&ring->filled, &ring->lock);
    if (ring->status != LL_OK) status = ll_fail(err, ring->status, "%s", ring->err.text);
    pthread_mutex_unlock(&ring->lock);
    *pixels = ring->pixels + (row % ring->capacity) * LL_IMAGE_BYTES;
    *facts = &slot->facts;
    return status;
}

void ll_decode_ring_seconds(ll_decode_ring *ring, double *seconds, double *cpu_seconds)
{
    pthread_mutex_lock(&ring->lock);
    *seconds = ring->seconds;
    *cpu_seconds = ring->cpu_seconds;
    pthread_mutex_unlock(&ring->lock);
}

void ll_decode_ring_close(ll_decode_ring *ring)
{
    if (ring == NULL) return;
    pthread_mutex_lock(&ring->lock);
    ring->stop = true;
    pthread_cond_broadcast(&ring->room);
    pthread_mutex_unlock(&ring->lock);
    for (int i = 0; i < ring->started; i++)
        pthread_join(ring->threads[i], NULL);
    pthread_cond_destroy(&ring->filled);
    pthread_cond_destroy(&ring->room);
    pthread_mutex_destroy(&ring->lock);
    free(ring->threads);
    free(ring->pixels);
    free(ring->slots);
    free(ring);
}
