/* host/backend/cuda/engines/cuda_engine_names.c - see cuda_engine_names.h. */
#include "host/backend/cuda/engines/cuda_engine_names.h"
#include "host/base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char k_between[] = "; ", k_with_pool[] = " with pool";

ll_status ll_cuda_engine_names_join(const char *start, const ll_cuda_engine_name *names, int count,
                                    char **out, ll_error *err)
{
    char *text = NULL;

    *out = NULL;
    ll_status status = ll_text_format(&text, err, "%s", start);
    for (int i = 0; i < count && status == LL_OK; i++)
        status = ll_text_append(&text, err, "%s%s %s%s", k_between, names[i].layer, names[i].engine,
                                names[i].pooled ? k_with_pool : "");
    if (status != LL_OK) {
        free(text);
        return status;
    }
    *out = text;
    return LL_OK;
}

bool ll_cuda_engine_names_find(const char *text, const char *layer, const char **engine,
                               size_t *length, bool *pooled)
{
    const size_t name = strlen(layer), suffix = strlen(k_with_pool);
    const char *at = strstr(text, k_between);

    for (; at != NULL; at = strstr(at, k_between)) {
        at += strlen(k_between);
        if (strncmp(at, layer, name) == 0 && at[name] == ' ') break;
    }
    if (at == NULL) return false;
    *engine = at + name + 1;
    *length = strcspn(*engine, ";");
    *pooled = *length > suffix && memcmp(*engine + *length - suffix, k_with_pool, suffix) == 0;
    if (*pooled) *length -= suffix;
    return *length > 0;
}
