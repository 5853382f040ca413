/* host/catalog/folder.c - see folder.h. */
#include "host/catalog/folder.h"
#include "host/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef enum entry_kind { ENTRY_FILE, ENTRY_FOLDER, ENTRY_OTHER } entry_kind;

static ll_status push(ll_folder *list, char *name, ll_error *err)
{
    const ll_status status = ll_grow("file names", &list->names, &list->capacity, list->count + 1,
                                     sizeof *list->names, err);
    if (status != LL_OK) {
        free(name);
        return status;
    }
    list->names[list->count++] = name;
    return LL_OK;
}

static ll_status join(const char *folder, const char *name, char **out, ll_error *err)
{
    const size_t length = strlen(folder);
    const int slash = length > 0 && folder[length - 1] != '/';
    return ll_text_format(out, err, "%s%s%s", folder, slash ? "/" : "", name);
}

static ll_status entry_kind_of(DIR *open_folder, const char *folder, const char *name,
                               entry_kind *kind, ll_error *err)
{
    struct stat info;
    const int fd = dirfd(open_folder);

    *kind = ENTRY_OTHER;
    if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return LL_OK; /* deleted since it was listed */
        return ll_fail(err, LL_ERR_IO, "%s/%s: %s", folder, name, strerror(errno));
    }
    if (S_ISREG(info.st_mode)) *kind = ENTRY_FILE;
    if (S_ISDIR(info.st_mode)) *kind = ENTRY_FOLDER;
    if (S_ISLNK(info.st_mode) && (fstatat(fd, name, &info, 0) != 0 || S_ISREG(info.st_mode)))
        *kind = ENTRY_FILE;
    return LL_OK;
}

/* One folder: its files go to `files`, its folders to `todo`, both relative to `root`. */
static ll_status list_one(const char *root, const char *relative, ll_folder *files, ll_folder *todo,
                          ll_error *err)
{
    ll_status status = LL_OK;
    DIR *open_folder = NULL;
    char *folder = NULL;

    LL_TRY_DONE(join(root, relative, &folder, err));
    open_folder = opendir(folder);
    while (open_folder != NULL) {
        entry_kind kind = ENTRY_OTHER;
        char *name = NULL;

        errno = 0;
        const struct dirent *const entry = readdir(open_folder);
        if (entry == NULL) break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        LL_TRY_DONE(entry_kind_of(open_folder, folder, entry->d_name, &kind, err));
        if (kind == ENTRY_OTHER) continue;
        LL_TRY_DONE(join(relative, entry->d_name, &name, err));
        LL_TRY_DONE(push(kind == ENTRY_FILE ? files : todo, name, err));
    }
    if (open_folder == NULL || errno != 0)
        status = ll_fail(err, LL_ERR_IO, "%s: %s", folder, strerror(errno));
done:
    if (open_folder != NULL) closedir(open_folder);
    free(folder);
    return status;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

ll_status ll_folder_walk(const char *path, ll_folder *out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_folder todo = {.names = NULL};

    *out = (ll_folder){.names = NULL};
    LL_TRY_DONE(list_one(path, "", out, &todo, err));
    while (todo.count > 0) {
        char *const next = todo.names[--todo.count];
        status = list_one(path, next, out, &todo, err);
        free(next);
        if (status != LL_OK) goto done;
    }
    if (out->count > 0) qsort(out->names, (size_t)out->count, sizeof *out->names, by_bytes);
done:
    ll_folder_release(&todo);
    if (status != LL_OK) ll_folder_release(out);
    return status;
}

void ll_folder_release(ll_folder *folder)
{
    for (int64_t i = 0; i < folder->count; i++)
        free(folder->names[i]);
    free(folder->names);
    *folder = (ll_folder){.names = NULL};
}
