/* kernels/repeat.c - the CPU twin; see repeat.h. */
#include "kernels/repeat.h"

#include <stddef.h>
#include <string.h>

void ll_repeat_cpu(const void *x, int64_t size_bytes, int64_t period_bytes, uint32_t *differs)
{
    const char *const bytes = x;

    if (size_bytes <= period_bytes) return;
    if (memcmp(bytes, bytes + period_bytes, (size_t)(size_bytes - period_bytes)) != 0) *differs = 1;
}
