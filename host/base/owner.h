/* host/base/owner.h - which process of which machine holds something, in words another process can
 * read, and whether that process still lives.
 *
 * A process is its number and the moment it started, since numbers are given out again, within one
 * boot of one kernel and one space of numbers (a container has its own). What cannot be known from
 * here is LL_OWNER_ELSEWHERE, never a guess. Linux tells all of it in /proc. Floor 0. */
#ifndef LL_BASE_OWNER_H
#define LL_BASE_OWNER_H

#include "host/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that is not known is "-". */
typedef struct ll_owner {
    char host[65];             /* its name among people: not enough to tell machines apart */
    char machine[17];          /* XXH3-64 of /etc/machine-id, which itself is not to be shown around
                                  (machine-id(5)) */
    char boot[40];             /* /proc/sys/kernel/random/boot_id */
    char space[32];            /* of process numbers: "pid:[4026531836]" */
    char since[LL_CLOCK_TEXT]; /* when this was filled in, UTC */
    int64_t process, start;    /* start: clock ticks after the boot; 0 where it is not known */
} ll_owner;

enum { LL_OWNER_TEXT = 320 };

typedef enum ll_owner_state {
    LL_OWNER_LIVES,
    LL_OWNER_GONE,      /* ended, or of an earlier boot of this machine */
    LL_OWNER_ELSEWHERE, /* on another machine or in another container: cannot be asked from here */
} ll_owner_state;

/** This process. */
void ll_owner_here(ll_owner *out);

/** As lines, and back: false if `text` does not begin with such lines. */
void ll_owner_write(const ll_owner *owner, char text[LL_OWNER_TEXT]);
bool ll_owner_read(const char *text, ll_owner *out);

/** Does `owner` live, as far as `here` (from ll_owner_here) can tell? A process that waits for its
 *  parent to hear of its end is gone. */
ll_owner_state ll_owner_look(const ll_owner *owner, const ll_owner *here);

#endif
