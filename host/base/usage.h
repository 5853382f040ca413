/* host/base/usage.h - the resources of this machine and what this process uses of them. Floor 0.
 *
 * Anonymous memory cannot be reclaimed by the system: heap and stacks. Mapped files are not in it,
 * for the system drops their pages when it needs the room. */
#ifndef LL_BASE_USAGE_H
#define LL_BASE_USAGE_H

#include <stdint.h>

/** Bytes of memory this process may use: the machine's, or its control group's (version 2; of the
 *  groups around it too, so a systemd slice's) if that is less. */
int64_t ll_usage_machine_bytes(void);

/** Anonymous bytes resident now (resident less shared, /proc/self/statm); 0 if unknown. */
int64_t ll_usage_anonymous_bytes(void);

/** Resident bytes at their highest so far, mapped files included. */
int64_t ll_usage_peak_bytes(void);

/** Seconds of processor time of all threads so far. */
double ll_usage_cpu_seconds(void);

/** Seconds of processor time of the calling thread so far. */
double ll_usage_thread_seconds(void);

#endif
