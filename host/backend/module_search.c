/* host/backend/module_search.c - see module_search.h.
 *
 * A library loaded by its full path satisfies everyone who later asks for its name: the module asks
 * for cuDNN and cuBLASLt when it is loaded, cuDNN for NVRTC when it compiles an engine. What is
 * loaded stays loaded until the program ends. */
#define _GNU_SOURCE /* dlinfo */
#include "host/backend/module_search.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 }; /* PATH_MAX: what is longer, the system opens no file by */

/* In loading order: cuDNN needs the others. */
static const char *const k_libraries[] = {"libnvrtc.so.13", "libcublasLt.so.13", "libcudnn.so.9"};
enum { NVRTC, LIBRARIES = sizeof k_libraries / sizeof k_libraries[0] };

/* Patterns; a place starts with the value of `variable` unless that is NULL. */
static const struct search_dir {
    const char *variable, *pattern;
} k_search_dirs[] = {
    {NULL, "/usr/local/cuda/lib64"},
    {NULL, "/usr/local/cuda-13*/lib64"},
    {"VIRTUAL_ENV", "/lib/python3*/site-packages/nvidia/*/lib"},
    {"CONDA_PREFIX", "/lib/python3*/site-packages/nvidia/*/lib"},
    {"CONDA_PREFIX", "/lib"},
    {"PATH", "/lib/python3*/site-packages/nvidia/*/lib"}, /* above the python3 on it */
    {"HOME", "/.local/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/usr/local/lib/python3*/dist-packages/nvidia/*/lib"},
    {NULL, "/usr/local/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/usr/lib/python3*/dist-packages/nvidia/*/lib"},
    {NULL, "/usr/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/opt/*/lib/python3*/site-packages/nvidia/*/lib"},
};
enum { SEARCH_DIRS = sizeof k_search_dirs / sizeof k_search_dirs[0], LINKS = 8 };

/* ---- places ----------------------------------------------------------------------------- */

/* Looks at "<place>/<name>"; true: that is enough. */
typedef bool (*visit_fn)(void *to, const char *pattern);

static bool visit_below(const char *start, const struct search_dir *search_dir, const char *name,
                        visit_fn visit, void *to)
{
    char pattern[PATH_BYTES];

    return ll_text_fit(pattern, PATH_BYTES, NULL, "%s%s/%s", start, search_dir->pattern, name) ==
               LL_OK &&
           visit(to, pattern);
}

/* The first python3 that PATH names, as PATH names it. */
static bool find_python(char out[PATH_BYTES])
{
    const char *at = getenv("PATH");

    while (at != NULL && *at != '\0') {
        const size_t length = strcspn(at, ":");
        if (at[0] == '/' &&
            ll_text_fit(out, PATH_BYTES, NULL, "%.*s/python3", (int)length, at) == LL_OK &&
            access(out, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

/* Where the link at `path` points to, in its place; false if it is none. One link at a time: what
 * lies between the first and the last is of interest. */
static bool follow(char path[PATH_BYTES])
{
    char *target = NULL;

    if (ll_file_link(path, &target, NULL) != LL_OK) return false;
    const size_t kept = target[0] == '/' ? 0 : (size_t)(strrchr(path, '/') + 1 - path);
    const bool fits = ll_text_fit(path + kept, PATH_BYTES - kept, NULL, "%s", target) == LL_OK;
    free(target);
    return fits;
}

/* A python3 on PATH may be a link to one in a venv, which is a link to the system's: each of them
 * may have libraries of its own. */
static bool visit_python_prefixes(const struct search_dir *search_dir, const char *name,
                                  visit_fn visit, void *to)
{
    char path[PATH_BYTES], prefix[PATH_BYTES];
    bool more = find_python(path);

    for (int link = 0; link < LINKS && more; link++) {
        memcpy(prefix, path, strlen(path) + 1);
        for (int up = 0; up < 2 && strrchr(prefix, '/') != NULL; up++)
            *strrchr(prefix, '/') = '\0'; /* python3, bin */
        if (visit_below(prefix, search_dir, name, visit, to)) return true;
        more = follow(path);
    }
    return false;
}

/* Every place in order, until one is enough. */
static void visit_search_dirs(const char *name, visit_fn visit, void *to)
{
    for (int i = 0; i < SEARCH_DIRS; i++) {
        const struct search_dir *const search_dir = &k_search_dirs[i];
        const char *const start = search_dir->variable == NULL ? "" : getenv(search_dir->variable);
        const bool python =
            search_dir->variable != NULL && strcmp(search_dir->variable, "PATH") == 0;
        if (start == NULL) continue;
        if (search_dir->variable != NULL && !python && start[0] != '/') continue;
        if (python ? visit_python_prefixes(search_dir, name, visit, to)
                   : visit_below(start, search_dir, name, visit, to))
            return;
    }
}

/* ---- libraries -------------------------------------------------------------------------- */

/* Is there such a thing in the folder that the first `length` characters of `path` name? */
static bool beside(const char *path, size_t length, const char *name)
{
    char pattern[PATH_BYTES];
    glob_t found = {0};
    const bool is =
        ll_text_fit(pattern, PATH_BYTES, NULL, "%.*s/%s", (int)length, path, name) == LL_OK &&
        glob(pattern, 0, NULL, &found) == 0;

    globfree(&found);
    return is;
}

/* A cuDNN for CUDA 12, whose files have the same names: pip notes beside "nvidia" which it is. */
static bool is_for_cuda_12(const char *path)
{
    static const char k_tail[] = "/nvidia/cudnn/lib/libcudnn.so.9";
    const size_t length = strlen(path);

    if (length < sizeof k_tail || strcmp(path + length - (sizeof k_tail - 1), k_tail) != 0)
        return false;
    const size_t kept = length - (sizeof k_tail - 1);
    return beside(path, kept, "nvidia_cudnn_cu12-*") && !beside(path, kept, "nvidia_cudnn_cu13-*");
}

/* One for CUDA 12 is kept only until a better one is found: it will be refused by its version. */
static bool match_library(void *to, const char *pattern)
{
    char *const out = to, path[PATH_BYTES];
    glob_t found = {0};
    bool good = false;

    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && !good; i++) {
            if (ll_text_fit(path, PATH_BYTES, NULL, "%s", found.gl_pathv[i]) != LL_OK) continue;
            good = !is_for_cuda_12(path);
            if (good || out[0] == '\0') memcpy(out, path, strlen(path) + 1);
        }
    globfree(&found);
    return good;
}

/* The path of a library outside the loader's own places; "" if there is none. */
static void find_library(const char *name, char out[PATH_BYTES])
{
    out[0] = '\0';
    visit_search_dirs(name, match_library, out);
}

static bool loads(const char *path)
{
    return dlopen(path, RTLD_LAZY | RTLD_GLOBAL) != NULL;
}

/* NVRTC opens its builtins by name when it compiles, and, as pip leaves it, says nowhere that they
 * lie beside it: without them every engine that is compiled at run time fails. Once loaded by their
 * path, dlopen finds them by name. */
static void load_builtins(const char *nvrtc)
{
    char pattern[PATH_BYTES];
    glob_t found = {0};
    const char *const name = strrchr(nvrtc, '/');

    if (ll_text_fit(pattern, PATH_BYTES, NULL, "%.*s/libnvrtc-builtins.so.13*", (int)(name - nvrtc),
                    nvrtc) == LL_OK &&
        glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            (void)loads(found.gl_pathv[i]);
    globfree(&found);
}

/* A library the loader does not know is loaded from where else it may be. If that was not enough,
 * loading or opening the module fails. */
static void load_library(const char *name)
{
    char path[PATH_BYTES];

    if (loads(name)) return;
    find_library(name, path);
    if (path[0] == '\0') return;
    if (strcmp(name, k_libraries[NVRTC]) == 0) load_builtins(path);
    (void)loads(path);
}

/* ---- the module ------------------------------------------------------------------------- */

/* It stays loaded after dlclose: CUDA's libraries leave work for the end of the program, and code
 * for that must still be there. */
enum { MODULE_MODE = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE };

ll_status ll_module_find(char **out, ll_error *err)
{
    char *self = NULL;

    if (ll_file_link("/proc/self/exe", &self, NULL) == LL_OK) {
        *strrchr(self, '/') = '\0'; /* the kernel gives a full path */
        const ll_status status =
            ll_text_format(out, err, "%s/../lib/lookloom/lookloom-cuda.so", self);
        free(self);
        LL_TRY(status);
        if (access(*out, R_OK) == 0) return LL_OK;
        free(*out);
    }
    return ll_text_format(out, err, "%s", LL_CUDA_MODULE);
}

static ll_status refuse(const char *why, ll_error *err)
{
    if (strncmp(why, "libcudnn", 8) == 0)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "no cuDNN: %s", why);
    if (strncmp(why, "libcublas", 9) == 0)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "no cuBLASLt: %s", why);
    return ll_fail(err, LL_ERR_UNSUPPORTED, "%s", why);
}

ll_status ll_module_load(const char *path, void **out, ll_error *err)
{
    *out = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return ll_fail(err, LL_ERR_UNSUPPORTED,
                       "%s: not installed; lookloom makes it where nvcc and cuDNN are", path);
    /* Do not load a gigabyte of libraries for a file that is not our module. */
    if (access(path, R_OK) == 0) {
        *out = dlopen(path, MODULE_MODE);
        for (int i = 0; i < LIBRARIES && *out == NULL; i++)
            load_library(k_libraries[i]);
    }
    if (*out == NULL) *out = dlopen(path, MODULE_MODE);
    if (*out == NULL) return refuse(dlerror(), err);
    /* Nothing links to NVRTC, but cuDNN needs it at run time. */
    if (dlsym(*out, "cudnnGetVersion") != NULL) load_library(k_libraries[NVRTC]);
    return LL_OK;
}

/* ---- in words --------------------------------------------------------------------------- */

/* Append a line to a growing text. */
static ll_status add_line(char **text, ll_error *err, const char *name, const char *what)
{
    return ll_text_append(text, err, "%s%s: %s", *text == NULL ? "" : "\n", name, what);
}

/* Where a library lies that is loaded, or that the loader finds; NULL if it finds none. Borrowed
 * for ever: the library stays loaded. */
static const char *loaded_from(const char *name)
{
    struct link_map *map = NULL;
    void *const library = dlopen(name, RTLD_LAZY);

    if (library == NULL) return NULL;
    const bool known = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] == '/';
    return known ? map->l_name : "found by the loader";
}

struct listing {
    char **text;
    ll_status status;
    ll_error *err;
};

static bool list_search_dir(void *to, const char *pattern)
{
    struct listing *const listing = to;

    listing->status = add_line(listing->text, listing->err, "  looked at", pattern);
    return listing->status != LL_OK;
}

static ll_status describe_library(char **text, const char *name, ll_error *err)
{
    struct listing listing = {text, LL_OK, err};
    char path[PATH_BYTES];

    const char *const loaded = loaded_from(name);
    if (loaded != NULL) return add_line(text, err, name, loaded);
    find_library(name, path);
    if (path[0] != '\0') return add_line(text, err, name, path);
    LL_TRY(add_line(text, err, name, "not found by the loader, nor as"));
    visit_search_dirs(name, list_search_dir, &listing);
    return listing.status;
}

ll_status ll_module_search_describe(char **out, ll_error *err)
{
    ll_status status = LL_OK;
    char *module = NULL, *text = NULL;

    *out = NULL;
    LL_TRY_DONE(ll_module_find(&module, err));
    LL_TRY_DONE(add_line(&text, err, "module",
                         access(module, R_OK) == 0 ? module : "lookloom-cuda.so is not installed"));
    for (int i = 0; i < LIBRARIES; i++)
        LL_TRY_DONE(describe_library(&text, k_libraries[i], err));
    *out = text;
    text = NULL;
done:
    free(text);
    free(module);
    return status;
}
