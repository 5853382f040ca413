/* tests/reference/stub_driver.c - a libcuda.so.1 that says a version and fails at everything else.
 *
 *   STUB_DRIVER_VERSION   what cuDriverGetVersion says, e.g. 12080
 *   STUB_DRIVER_INIT      what cuInit returns: 100 (no device), 999 (unknown)
 *
 * CUDA's runtime asks such a library for cuGetProcAddress and, through it, for everything else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_FOUND = 500, NOT_INITIALIZED = 3 };

int cuDriverGetVersion(int *version);
int cuInit(unsigned flags);
int cuGetProcAddress(const char *name, void **out, int version, uint64_t flags);
int cuGetProcAddress_v2(const char *name, void **out, int version, uint64_t flags, int *found);
int cuGetExportTable(const void **table, const void *id);

static int number(const char *variable)
{
    const char *const text = getenv(variable);
    return text == NULL ? 0 : (int)strtol(text, NULL, 10);
}

int cuDriverGetVersion(int *version)
{
    *version = number("STUB_DRIVER_VERSION");
    return 0;
}

int cuInit(unsigned flags)
{
    (void)flags;
    return number("STUB_DRIVER_INIT");
}

static int never(void)
{
    return NOT_INITIALIZED;
}

int cuGetExportTable(const void **table, const void *id)
{
    (void)id;
    *table = NULL;
    return NOT_FOUND;
}

int cuGetProcAddress_v2(const char *name, void **out, int version, uint64_t flags, int *found)
{
    typedef void (*function)(void); /* stands for any */
    function answer = (function)never;

    (void)version, (void)flags;
    if (strcmp(name, "cuDriverGetVersion") == 0) answer = (function)cuDriverGetVersion;
    if (strcmp(name, "cuInit") == 0) answer = (function)cuInit;
    if (strcmp(name, "cuGetExportTable") == 0) answer = (function)cuGetExportTable;
    if (strcmp(name, "cuGetProcAddress") == 0) answer = (function)cuGetProcAddress_v2;
    memcpy(out, &answer, sizeof answer);
    if (found != NULL) *found = 0;
    return 0;
}

int cuGetProcAddress(const char *name, void **out, int version, uint64_t flags)
{
    return cuGetProcAddress_v2(name, out, version, flags, NULL);
}
