/* host/pipeline/memory_meter.c - see memory_meter.h. */
#include "host/pipeline/memory_meter.h"

#include "host/base/usage.h"

#include <stddef.h>

static void pass_line(void *to, const char *text)
{
    const ll_memory_meter *const meter = to;
    ll_log_line(meter->next, "%s", text);
}

static void pass_detail(void *to, const char *text)
{
    const ll_memory_meter *const meter = to;
    ll_log_detail(meter->next, "%s", text);
}

static bool pass_first(void *to, const char *text)
{
    const ll_memory_meter *const meter = to;
    return meter->next == NULL || meter->next->first == NULL ||
           meter->next->first(meter->next->to, text);
}

static void pass_progress(void *to, const char *stage, int64_t done, int64_t total)
{
    ll_memory_meter *const meter = to;
    (void)ll_memory_meter_read(meter);
    ll_log_progress(meter->next, stage, done, total);
}

void ll_memory_meter_init(ll_memory_meter *meter, const ll_log *next)
{
    meter->next = next;
    meter->log = (ll_log){.to = meter,
                          .line = pass_line,
                          .detail = pass_detail,
                          .first = pass_first,
                          .progress = pass_progress};
    atomic_init(&meter->peak_bytes, 0);
}

int64_t ll_memory_meter_read(ll_memory_meter *meter)
{
    const int64_t now = ll_usage_anonymous_bytes();
    int64_t peak = atomic_load(&meter->peak_bytes);

    while (now > peak && !atomic_compare_exchange_weak(&meter->peak_bytes, &peak, now)) {
    }
    return now > peak ? now : peak;
}
