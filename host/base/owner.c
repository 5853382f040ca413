/* host/base/owner.c - see owner.h. */
#include "host/base/owner.h"
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char k_unknown[] = "-";
/* PROC_PID_INIT_INO of the kernel: of no container. Containers of one image may have one name and
 * one machine-id on two machines. */
static const char k_init_namespace[] = "pid:[4026531836]";
enum { STAT_BYTES = 1024 }; /* of /proc/PID/stat: 52 numbers and a name of 64 bytes at most */

/* ---- what the system says -------------------------------------------------------------- */

/* The beginning of a file of /proc or /etc, as text; false if there is none. */
static bool read_text(const char *path, char *text, size_t size_bytes)
{
    size_t used = 0;
    ssize_t got = 1;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    text[0] = '\0';
    if (fd < 0) return false;
    while (got > 0 && used < size_bytes - 1) {
        got = read(fd, text + used, size_bytes - 1 - used);
        if (got > 0) used += (size_t)got;
        if (got < 0 && errno == EINTR) got = 1;
    }
    close(fd);
    text[used] = '\0';
    return got >= 0 && used > 0;
}

/* The first line, of print and without blanks, so that it can be written as one word. */
static void make_word(char *text)
{
    text[strcspn(text, "\n")] = '\0';
    for (char *at = text; *at != '\0'; at++)
        if (!isgraph((unsigned char)*at)) *at = '?';
    if (text[0] == '\0') memcpy(text, k_unknown, sizeof k_unknown);
}

typedef struct process_stat {
    int64_t process, threads, start;
    char state;
} process_stat;

/* /proc/PID/stat, proc(5): the name, field 2, may hold blanks and brackets itself. */
static bool read_stat(const char *path, process_stat *out)
{
    char text[STAT_BYTES];
    const char *after = NULL;

    if (!read_text(path, text, sizeof text)) return false;
    after = strrchr(text, ')');
    if (after == NULL || sscanf(text, "%18" SCNd64, &out->process) != 1) return false;
    /* Fields 3, 20 and 22. */
    return sscanf(after + 1,
                  " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                  " %18" SCNd64 " %*s %18" SCNd64,
                  &out->state, &out->threads, &out->start) == 3;
}

void ll_owner_self(ll_owner *out)
{
    char machine[64];
    process_stat self;
    struct utsname system;
    char *namespace_link = NULL;

    memset(out, 0, sizeof *out);
    if (uname(&system) == 0 &&
        ll_text_fit(out->host, sizeof out->host, NULL, "%s", system.nodename) != LL_OK)
        out->host[0] = '\0';
    make_word(out->host);
    if (read_text("/etc/machine-id", machine, sizeof machine) &&
        strspn(machine, "0123456789abcdef") == 32) /* it may say "uninitialized" as well */
        (void)ll_text_exact(out->machine, sizeof out->machine, "%016" PRIx64,
                            ll_digest_block(machine, strlen(machine)));
    make_word(out->machine);
    (void)read_text("/proc/sys/kernel/random/boot_id", out->boot, sizeof out->boot);
    make_word(out->boot);
    if (ll_file_link("/proc/self/ns/pid", &namespace_link, NULL) == LL_OK &&
        ll_text_fit(out->pid_namespace, sizeof out->pid_namespace, NULL, "%s", namespace_link) !=
            LL_OK)
        out->pid_namespace[0] = '\0';
    free(namespace_link);
    make_word(out->pid_namespace);
    (void)ll_clock_utc(out->since);
    out->process = getpid();
    /* A /proc of another PID namespace lists other processes under our PIDs: do not read it
     * then. */
    if (read_stat("/proc/self/stat", &self) && self.process == out->process)
        out->start = self.start;
}

/* ---- written and read ------------------------------------------------------------------ */

void ll_owner_write(const ll_owner *owner, char text[LL_OWNER_TEXT])
{
    (void)ll_text_exact(text, LL_OWNER_TEXT,
                        "host %s\nmachine %s\nboot %s\nspace %s\nprocess %" PRId64
                        "\nstart %" PRId64 "\nsince %s\n",
                        owner->host, owner->machine, owner->boot, owner->pid_namespace,
                        owner->process, owner->start, owner->since);
}

bool ll_owner_read(const char *text, ll_owner *out)
{
    memset(out, 0, sizeof *out);
    return sscanf(text,
                  "host %64s machine %16s boot %39s space %31s process %18" SCNd64
                  " start %18" SCNd64 " since %31s",
                  out->host, out->machine, out->boot, out->pid_namespace, &out->process,
                  &out->start, out->since) == 7 &&
           out->process > 0 && out->process <= INT_MAX && out->start >= 0;
}

/* ---- does it live? --------------------------------------------------------------------- */

static bool is_known(const char *text)
{
    return strcmp(text, k_unknown) != 0;
}

static bool same_known(const char *a, const char *b)
{
    return is_known(a) && strcmp(a, b) == 0;
}

static ll_owner_state check_process(const ll_owner *owner, const ll_owner *here)
{
    char path[64];
    process_stat found;

    if (kill((pid_t)owner->process, 0) != 0 && errno == ESRCH) return LL_OWNER_DEAD;
    if (owner->start == 0 || here->start == 0) return LL_OWNER_ALIVE;
    (void)ll_text_exact(path, sizeof path, "/proc/%" PRId64 "/stat", owner->process);
    if (!read_stat(path, &found)) return LL_OWNER_ALIVE; /* other people's may be hidden */
    if (found.start != owner->start) return LL_OWNER_DEAD;
    /* Z and X: nothing is left of its first thread. Another may still be caught in a write. */
    if ((found.state == 'Z' || found.state == 'X') && found.threads <= 1) return LL_OWNER_DEAD;
    return LL_OWNER_ALIVE;
}

ll_owner_state ll_owner_check(const ll_owner *owner, const ll_owner *here)
{
    if (same_known(owner->boot, here->boot)) /* whatever the machine is called now */
        return same_known(owner->pid_namespace, here->pid_namespace) ? check_process(owner, here)
                                                                     : LL_OWNER_UNREACHABLE;
    const bool restarted = is_known(owner->boot) && is_known(here->boot) &&
                           strcmp(owner->pid_namespace, k_init_namespace) == 0 &&
                           strcmp(here->pid_namespace, k_init_namespace) == 0 &&
                           same_known(owner->host, here->host) &&
                           same_known(owner->machine, here->machine);
    return restarted ? LL_OWNER_DEAD : LL_OWNER_UNREACHABLE;
}
