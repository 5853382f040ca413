/* tests/unit/catalog_fixture.h - a folder of this process's own, in which tests write catalogues.
 * Group setup and teardown make and remove it. */
#ifndef LL_TESTS_CATALOG_FIXTURE_H
#define LL_TESTS_CATALOG_FIXTURE_H

#include "tests/test.h"

#include <stdint.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIXTURE_PATH = 1024 };

/* Full path of `name`; "" gives the folder itself with a slash behind. */
static inline void fixture_path(const char *name, char out[FIXTURE_PATH])
{
    const char *const base = getenv("TMPDIR");
    const int length = snprintf(out, FIXTURE_PATH, "%s/lookloom-catalog-%ld/%s",
                                base != NULL ? base : "/tmp", (long)getpid(), name);
    assert_in_range(length, 1, FIXTURE_PATH - 1);
}

static inline void fixture_write(const char *name, const char *data, size_t length,
                                 char out[FIXTURE_PATH])
{
    fixture_path(name, out);
    FILE *const file = fopen(out, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void fixture_remove(const char *path)
{
    DIR *const folder = opendir(path);
    const struct dirent *entry = NULL;
    char below[FIXTURE_PATH + 257];
    struct stat info;

    if (folder == NULL) return;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        assert_true(snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < FIXTURE_PATH);
        if (lstat(below, &info) == 0 && S_ISDIR(info.st_mode))
            fixture_remove(below);
        else
            unlink(below);
    }
    closedir(folder);
    rmdir(path);
}

static inline int fixture_open(void **state)
{
    char path[FIXTURE_PATH];
    (void)state;
    fixture_path("", path);
    return mkdir(path, 0700);
}

static inline int fixture_close(void **state)
{
    char path[FIXTURE_PATH];
    (void)state;
    fixture_path("", path);
    fixture_remove(path);
    return 0;
}

#endif
