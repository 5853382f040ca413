/* tests/cli/other_machine.c - a library to preload into our programs, which then run on another
 * machine, as far as they can tell:
 *
 *   OTHER_FLOCK=37         its file systems have no locks: flock fails with this number
 *   OTHER_HOST=node9       its name
 *   OTHER_ROOT=/tmp/node9  files and folders that are there below it are its own:
 *                          /tmp/node9/proc/sys/kernel/random/boot_id, /tmp/node9/dev */
#define _GNU_SOURCE /* RTLD_NEXT, open64 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PATH = 4096 };

static void find(const char *name, void *function)
{
    *(void **)function = dlsym(RTLD_NEXT, name);
    if (*(void **)function == NULL) abort();
}

int flock(int fd, int operation)
{
    const char *const code = getenv("OTHER_FLOCK");
    int (*real)(int, int) = NULL;

    find("flock", &real);
    if (code == NULL) return real(fd, operation);
    errno = (int)strtol(code, NULL, 10);
    return -1;
}

int uname(struct utsname *system)
{
    const char *const other = getenv("OTHER_HOST");
    int (*real)(struct utsname *) = NULL;

    find("uname", &real);
    const int code = real(system);
    if (other != NULL) snprintf(system->nodename, sizeof system->nodename, "%s", other);
    return code;
}

/* The path to take instead; `path` itself if the other machine has no such thing. */
static const char *there(const char *path, char other[PATH])
{
    const char *const root = getenv("OTHER_ROOT");

    if (root == NULL || path[0] != '/') return path;
    const int length = snprintf(other, PATH, "%s%s", root, path);
    return length > 0 && length < PATH && access(other, F_OK) == 0 ? other : path;
}

DIR *opendir(const char *path)
{
    char other[PATH];
    DIR *(*real)(const char *) = NULL;

    find("opendir", &real);
    return real(there(path, other));
}

/* With 64-bit offsets, as all of ours are compiled. */
int open64(const char *path, int flags, ...)
{
    char other[PATH];
    int (*real)(const char *, int, ...) = NULL;
    va_list rest;

    find("open64", &real);
    va_start(rest, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return real(there(path, other), flags, mode);
}
