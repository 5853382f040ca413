/* host/store/schema.c - see schema.h. */
#include "host/store/schema.h"

#include <string.h>

static const struct {
    const char *name;
    double bound;
} k_matrices[] = {
    [LL_MATRIX_NONE] = {"none", 0.0},
    [LL_MATRIX_FLOAT32] = {"float32", 1e-6},
    [LL_MATRIX_FLOAT16] = {"float16", 2.5e-4},
    [LL_MATRIX_UINT16] = {"uint16", 1.0 / 131070.0 + 1e-6},
};

const char *ll_store_matrix_name(ll_matrix_type matrix)
{
    return k_matrices[matrix].name;
}

int ll_store_matrix_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof k_matrices / sizeof k_matrices[0]); i++)
        if (strcmp(name, k_matrices[i].name) == 0) return i;
    return -1;
}

double ll_store_matrix_bound(ll_matrix_type matrix)
{
    return k_matrices[matrix].bound;
}
