/* host/pipeline/memory_meter.h - the peak of anonymous memory during a part of the run, sampled at
 * every progress call: the kernel keeps no such peak (VmHWM counts mapped files too). Floor 5. */
#ifndef LL_PIPELINE_MEMORY_METER_H
#define LL_PIPELINE_MEMORY_METER_H

#include "host/base/log.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct ll_memory_meter {
    const ll_log *next; /* the log that messages are passed on to; may be NULL */
    ll_log log;         /* to give to what is measured, in place of `next` */
    _Atomic int64_t peak_bytes;
} ll_memory_meter;

/** @param meter  stays where it is: the log points at it */
void ll_memory_meter_init(ll_memory_meter *meter, const ll_log *next);

/** Look now; the peak so far. */
int64_t ll_memory_meter_read(ll_memory_meter *meter);

#endif
