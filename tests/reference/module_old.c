/* tests/reference/module_old.c - a backend module of another interface number. */
#include "host/backend/backend_ops.h"

const struct ll_backend_ops *ll_backend_module(void);

const struct ll_backend_ops *ll_backend_module(void)
{
    static const struct ll_backend_ops k_ops = {.abi = LL_BACKEND_ABI + 1, .name = "old"};
    return &k_ops;
}
