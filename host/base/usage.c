/* host/base/usage.c - see usage.h. */
#include "host/base/usage.h"
#include "host/base/memory.h"
#include "host/base/size.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The least limit of a control group and of those around it, as far as they are seen here; 0: none.
 * `name` ("/user.slice/night.service") is cut from its end. */
static int64_t min_limit_bytes(char *name)
{
    int64_t least = 0;

    for (;;) { /* the group, the one around it, ..., the root's, which may be a container's own */
        int64_t limit = 0;
        char *path = NULL;
        if (ll_text_format(&path, NULL, "/sys/fs/cgroup%s/memory.max", name) != LL_OK) return least;
        if (read_numbers(path, &limit, 1) == 1 && limit > 0)
            least = least > 0 ? ll_min_i64(least, limit) : limit;
        free(path);
        char *const end = strrchr(name, '/');
        if (end == NULL) return least;
        *end = '\0';
    }
}

/* Of this process's group. Version 2 alone: "0::/user.slice/night.service" in /proc/self/cgroup. */
static int64_t group_limit_bytes(void)
{
    char *line = NULL, root[] = "";
    size_t capacity = 0;
    bool told = false;
    FILE *const file = fopen("/proc/self/cgroup", "r");

    while (file != NULL && !told && getline(&line, &capacity, file) > 0)
        told = strncmp(line, "0::/", strlen("0::/")) == 0;
    if (file != NULL) fclose(file);
    if (told) line[strcspn(line, "\n")] = '\0';
    const int64_t least = min_limit_bytes(told ? line + strlen("0::") : root);
    free(line);
    return least;
}

int64_t ll_usage_machine_bytes(void)
{
    const int64_t pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    const int64_t bytes = pages > 0 && page_bytes > 0 ? pages * page_bytes : 0;
    const int64_t limit = group_limit_bytes();

    if (limit == 0) return bytes;
    return bytes > 0 ? ll_min_i64(bytes, limit) : limit;
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
