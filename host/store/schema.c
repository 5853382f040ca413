/* host/store/schema.c - see schema.h. */
#include "host/store/schema.h"

#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
    double bound;
} k_matrices[] = {
    [LL_STORE_NONE] = {"none", 0, 0.0},
    [LL_STORE_FLOAT32] = {"float32", 4, 1e-6},
    [LL_STORE_FLOAT16] = {"float16", 2, 2.5e-4},
    [LL_STORE_UINT16] = {"uint16", 2, 1.0 / 131070.0 + 1e-6},
};

const char *ll_store_matrix_name(ll_store_matrix matrix)
{
    return k_matrices[matrix].name;
}

int ll_store_matrix_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof k_matrices / sizeof k_matrices[0]); i++)
        if (strcmp(name, k_matrices[i].name) == 0) return i;
    return -1;
}

size_t ll_store_matrix_bytes(ll_store_matrix matrix)
{
    return k_matrices[matrix].bytes;
}

double ll_store_matrix_bound(ll_store_matrix matrix)
{
    return k_matrices[matrix].bound;
}
