/* host/base/usage.c - see usage.h. */
#include "host/base/usage.h"
#include "host/base/size.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The numbers at the start of a small file of /proc or /sys; how many there are. */
static int read_numbers(const char *path, int64_t *numbers, int most)
{
    char text[256], *at = text;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    int count = 0;

    if (fd < 0) return 0;
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    while (count < most) {
        char *end = NULL;
        while (isspace((unsigned char)*at))
            at++;
        if (!isdigit((unsigned char)*at)) break; /* "max": no limit */
        numbers[count++] = strtoll(at, &end, 10);
        at = end;
    }
    return count;
}

int64_t ll_usage_machine_bytes(void)
{
    const int64_t pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    int64_t bytes = pages > 0 && page_bytes > 0 ? pages * page_bytes : 0, limit = 0;

    if (read_numbers("/sys/fs/cgroup/memory.max", &limit, 1) == 1 && limit > 0)
        bytes = bytes > 0 ? ll_min_i64(bytes, limit) : limit;
    return bytes;
}

int64_t ll_usage_anonymous_bytes(void)
{
    int64_t pages[3] = {0}; /* size, resident, shared */

    if (read_numbers("/proc/self/statm", pages, 3) < 3) return 0;
    return ll_max_i64(pages[1] - pages[2], 0) * sysconf(_SC_PAGESIZE);
}

int64_t ll_usage_peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

static double seconds_of(clockid_t clock)
{
    struct timespec now = {0};
    return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + 1e-9 * (double)now.tv_nsec : 0.0;
}

double ll_usage_cpu_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double ll_usage_thread_seconds(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}
