/* host/backend/module_search.c - see module_search.h.
 *
 * A library loaded by its full path satisfies everyone who later asks for its name: the module asks
 * for cuDNN and cuBLASLt when it is loaded, cuDNN for NVRTC when it compiles an engine. What is
 * loaded stays loaded until the program ends. */
#define _GNU_SOURCE /* dlinfo */
#include "host/backend/module_search.h"
#include "host/base/memory.h"

#include <dlfcn.h>
#include <glob.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* In the order in which they must be loaded: cuDNN wants the others. */
static const char *const k_libraries[] = {"libnvrtc.so.13", "libcublasLt.so.13", "libcudnn.so.9"};
enum { LIBRARIES = sizeof k_libraries / sizeof k_libraries[0] };

/* Patterns; a place starts with the value of `variable` unless that is NULL; of a list of folders
 * (PATH), with each in turn. */
static const struct place {
    const char *variable, *pattern;
} k_places[] = {
    {NULL, "/usr/local/cuda/lib64"},
    {NULL, "/usr/local/cuda-13*/lib64"},
    {"VIRTUAL_ENV", "/lib/python3*/site-packages/nvidia/*/lib"},
    {"CONDA_PREFIX", "/lib/python3*/site-packages/nvidia/*/lib"},
    {"CONDA_PREFIX", "/lib"},
    {"HOME", "/.local/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/usr/local/lib/python3*/dist-packages/nvidia/*/lib"},
    {NULL, "/usr/local/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/usr/lib/python3*/dist-packages/nvidia/*/lib"},
    {NULL, "/usr/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/opt/*/lib/python3*/site-packages/nvidia/*/lib"},
    {"PATH", "/../lib/python3*/site-packages/nvidia/*/lib"}, /* beside whichever python3 it finds */
};
enum { PLACES = sizeof k_places / sizeof k_places[0] };

/* ---- libraries -------------------------------------------------------------------------- */

/* "<value of the variable><pattern>/<name>", for the `at`-th folder of the value; false after the
 * last one. "" for what is not set, not a full path or too long. */
static bool spell(const struct place *place, int at, const char *name, char out[PATH_BYTES])
{
    const char *start = place->variable == NULL ? "" : getenv(place->variable);

    out[0] = '\0';
    for (; at > 0 && start != NULL; at--) {
        start = strchr(start, ':');
        if (start != NULL) start++;
    }
    if (start == NULL) return false;
    if (place->variable != NULL && start[0] != '/') return true;
    const int length = snprintf(out, PATH_BYTES, "%.*s%s/%s", (int)strcspn(start, ":"), start,
                                place->pattern, name);
    if (length >= PATH_BYTES) out[0] = '\0';
    return true;
}

/* The first file that fits a pattern; `out` is left alone if there is none. */
static void find_file(const char *pattern, char out[PATH_BYTES])
{
    glob_t found = {0};

    if (pattern[0] == '\0') return;
    if (glob(pattern, 0, NULL, &found) == 0 && strlen(found.gl_pathv[0]) < PATH_BYTES)
        snprintf(out, PATH_BYTES, "%s", found.gl_pathv[0]);
    globfree(&found);
}

/* The path of a library outside the loader's own places; "" if there is none. */
static void find_library(const char *name, char out[PATH_BYTES])
{
    char pattern[PATH_BYTES];

    out[0] = '\0';
    for (int i = 0; i < PLACES; i++)
        for (int at = 0; out[0] == '\0' && spell(&k_places[i], at, name, pattern); at++)
            find_file(pattern, out);
}

static bool loads(const char *path)
{
    return dlopen(path, RTLD_LAZY | RTLD_GLOBAL) != NULL;
}

/* Each library the loader does not know is loaded from where else it may be. Whether that was
 * enough, loading the module will show. */
static void load_libraries(void)
{
    char path[PATH_BYTES];

    for (int i = 0; i < LIBRARIES; i++) {
        if (loads(k_libraries[i])) continue;
        find_library(k_libraries[i], path);
        if (path[0] != '\0') (void)loads(path);
    }
}

/* ---- the module ------------------------------------------------------------------------- */

/* It stays loaded after dlclose: CUDA's libraries leave work for the end of the program, and code
 * for that must still be there. */
enum { MODULE_MODE = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE };

ll_status ll_module_find(char **out, ll_error *err)
{
    char self[PATH_BYTES];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length > 0) {
        self[length] = '\0';
        *strrchr(self, '/') = '\0'; /* the kernel gives a full path */
        LL_TRY(ll_text_format(out, err, "%s/../lib/lookloom/lookloom-cuda.so", self));
        if (access(*out, R_OK) == 0) return LL_OK;
        free(*out);
    }
    return ll_text_format(out, err, "%s", LL_CUDA_MODULE);
}

ll_status ll_module_load(const char *path, void **out, ll_error *err)
{
    *out = NULL;
    /* A stranger's file, or none at all, is no reason to load a gigabyte of libraries. */
    if (access(path, R_OK) == 0) {
        *out = dlopen(path, MODULE_MODE);
        if (*out != NULL) return LL_OK;
        load_libraries();
    }
    *out = dlopen(path, MODULE_MODE);
    if (*out != NULL) return LL_OK;
    return ll_fail(err, LL_ERR_UNSUPPORTED, "%s", dlerror());
}

/* ---- in words --------------------------------------------------------------------------- */

/* Append a line to a growing text. */
static ll_status add_line(char **text, ll_error *err, const char *name, const char *what)
{
    char *longer = NULL;

    LL_TRY(ll_text_format(&longer, err, "%s%s%s: %s", *text == NULL ? "" : *text,
                          *text == NULL ? "" : "\n", name, what));
    free(*text);
    *text = longer;
    return LL_OK;
}

/* Where a library lies that is loaded, or that the loader finds; false if it finds none. */
static bool loaded_from(const char *name, char out[PATH_BYTES])
{
    struct link_map *map = NULL;
    void *const library = dlopen(name, RTLD_LAZY);

    if (library == NULL) return false;
    const bool known = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] == '/';
    snprintf(out, PATH_BYTES, "%s", known ? map->l_name : "found by the loader");
    return true; /* and stays loaded */
}

static ll_status describe_library(char **text, const char *name, ll_error *err)
{
    char path[PATH_BYTES];

    if (loaded_from(name, path)) return add_line(text, err, name, path);
    find_library(name, path);
    if (path[0] != '\0') return add_line(text, err, name, path);
    LL_TRY(add_line(text, err, name, "not found by the loader, nor as"));
    for (int i = 0; i < PLACES; i++)
        for (int at = 0; spell(&k_places[i], at, name, path); at++)
            if (path[0] != '\0') LL_TRY(add_line(text, err, "  looked at", path));
    return LL_OK;
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
