/* host/base/owner.h - identifies a process across machines, as text that another process can read,
 * and tells whether it is still running.
 *
 * A process is identified by its PID and start time, since PIDs are reused, and by the boot and the
 * PID namespace they belong to (a container has its own). If its state cannot be known, the answer
 * is LL_OWNER_UNREACHABLE, never a guess. All of it is read from /proc. Floor 0. */
#ifndef LL_BASE_OWNER_H
#define LL_BASE_OWNER_H

#include "host/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that is not known is "-". */
typedef struct ll_owner {
    char host[65];             /* host name, for messages: not enough to tell machines apart */
    char machine[17];          /* XXH3-64 of /etc/machine-id, which itself is not to be shown around
                                  (machine-id(5)) */
    char boot[40];             /* /proc/sys/kernel/random/boot_id */
    char pid_namespace[32];    /* of process numbers: "pid:[4026531836]" */
    char since[LL_CLOCK_TEXT]; /* when this was filled in, UTC */
    int64_t process, start;    /* start: clock ticks after the boot; 0 where it is not known */
} ll_owner;

enum { LL_OWNER_TEXT = 320 };

typedef enum ll_owner_state {
    LL_OWNER_ALIVE,
    LL_OWNER_DEAD,        /* ended, or of an earlier boot of this machine */
    LL_OWNER_UNREACHABLE, /* on another machine or in another container: cannot be asked from here
                           */
} ll_owner_state;

/** This process. */
void ll_owner_self(ll_owner *out);

/** As lines, and back: false if `text` does not begin with such lines. */
void ll_owner_write(const ll_owner *owner, char text[LL_OWNER_TEXT]);
bool ll_owner_read(const char *text, ll_owner *out);

/** Does `owner` live, as far as `here` (from ll_owner_self) can tell? A zombie counts as ended. */
ll_owner_state ll_owner_check(const ll_owner *owner, const ll_owner *here);

#endif
