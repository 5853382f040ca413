/* kernels/periodic.c - the CPU twin; see periodic.h. */
#include "kernels/periodic.h"

#include <stddef.h>
#include <string.h>

void ll_check_periodic_cpu(const void *x, int64_t size_bytes, int64_t period_bytes,
                           uint32_t *differs)
{
    const char *const bytes = x;

    if (size_bytes <= period_bytes) return;
    if (memcmp(bytes, bytes + period_bytes, (size_t)(size_bytes - period_bytes)) != 0) *differs = 1;
}
