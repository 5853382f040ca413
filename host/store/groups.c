/* host/store/groups.c - see groups.h. */
#include "host/store/groups.h"
#include "host/base/memory.h"

#include <stdlib.h>
#include <string.h>

struct value {
    const char *text;
    int64_t row;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct value *)a)->text, ((const struct value *)b)->text);
}

ll_status ll_store_number_groups(const char *const *texts, int64_t count, uint32_t *group,
                                 ll_error *err)
{
    struct value *values = NULL;
    uint32_t number = 0;

    LL_TRY(ll_alloc("groups", count, sizeof *values, &values, err));
    for (int64_t row = 0; row < count; row++)
        values[row] = (struct value){texts[row], row};
    qsort(values, (size_t)count, sizeof *values, by_text);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(values[i - 1].text, values[i].text) != 0) number++;
        group[values[i].row] = number;
    }
    free(values);
    return LL_OK;
}
