/* host/pipeline/memory_plan.c - see memory_plan.h. */
#include "host/pipeline/memory_plan.h"

#include "host/base/number.h"
#include "host/base/size.h"
#include "host/base/usage.h"
#include "host/similarity/similarity.h"

enum {
    SHARE = 4,               /* of the machine's memory, unless --memory says otherwise */
    HEAP_BYTES = 56 << 20,   /* stacks, the caches of HDF5 and oneDNN, what malloc keeps */
    ITEM_BYTES = 2 * 28 + 4, /* row, norm and digest, in arrays that doubled; group */
    POINTERS = 2,            /* id, image: and a text column more each */
    SORT_BYTES = 20 + 16,    /* the order of ids, while it is made; id_start and ids */
};

ll_memory_plan ll_memory_plan_make(const ll_pipeline_options *options, const ll_backend *be,
                                   const ll_store_extents *extents, int64_t cols, int text_columns)
{
    const int64_t share = ll_usage_machine_bytes() / SHARE;
    const int64_t texts = (POINTERS + text_columns) * (int64_t)sizeof(char *);
    const ll_similarity_options compare = {.rows = extents->items,
                                           .cols = cols,
                                           .neighbors = (int)extents->neighbors,
                                           .matrix = options->matrix};
    ll_memory_plan plan = {
        .catalog_bytes = ll_usage_anonymous_bytes() + HEAP_BYTES +
                         extents->items * (ITEM_BYTES + texts + SORT_BYTES),
        .compare_bytes = ll_similarity_host_bytes(be, &compare),
    };

    plan.min_bytes = plan.catalog_bytes + plan.compare_bytes;
    plan.limit_bytes =
        options->memory_bytes > 0 ? options->memory_bytes : ll_max_i64(share, plan.min_bytes);
    plan.spare_bytes = ll_max_i64(plan.limit_bytes - plan.min_bytes, 0);
    return plan;
}

ll_status ll_memory_plan_check(const ll_memory_plan *plan, const ll_store_extents *extents,
                               ll_error *err)
{
    char least[LL_NUMBER_TEXT], given[LL_NUMBER_TEXT], items[LL_NUMBER_TEXT];

    if (plan->min_bytes <= plan->limit_bytes) return LL_OK;
    return ll_fail(err, LL_ERR_MEMORY, "--memory: %s items with %lld neighbours need %s; %s given",
                   ll_number_grouped(extents->items, items), (long long)extents->neighbors,
                   ll_number_size((double)plan->min_bytes, least),
                   ll_number_size((double)plan->limit_bytes, given));
}
