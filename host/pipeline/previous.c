/* host/pipeline/previous.c - see previous.h. */
#include "host/pipeline/previous.h"

#include "host/base/number.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

ll_status ll_previous_open(const char *path, ll_reader **out, ll_error *err)
{
    ll_error why = LL_ERROR_INIT;

    *out = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) return LL_OK;
    const ll_status status = ll_reader_open(path, out, &why);
    if (status == LL_OK) return LL_OK;
    return ll_fail(err, status, "%s%s", why.text,
                   status == LL_ERR_FORMAT ? "; move it away to begin anew" : "");
}

ll_status ll_previous_check_backend(const ll_reader *previous, const char *asked,
                                    const ll_backend_info *opened, ll_error *err)
{
    char rows[LL_NUMBER_TEXT];

    if (previous == NULL || strcmp(asked, "auto") != 0) return LL_OK;
    const char *const made_with = ll_reader_provenance(previous)->backend;
    if (strcmp(made_with, opened->name) == 0) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "index was made with %s, %s; --backend %s recomputes all %s",
                   made_with, opened->shares_processor ? "no device now" : "a device is there now",
                   opened->name, ll_number_grouped(ll_reader_extents(previous)->items, rows));
}

const char *ll_previous_engines(const ll_reader *previous, const ll_backend_info *backend)
{
    if (previous == NULL) return NULL;
    const ll_store_provenance *const made = ll_reader_provenance(previous);
    const bool same = strcmp(made->backend, backend->name) == 0 &&
                      strcmp(made->device, backend->device) == 0 &&
                      strcmp(made->precision, backend->precision) == 0;
    return same ? made->engines : NULL;
}

ll_previous_change ll_previous_compare(const ll_reader *previous, const ll_catalog *catalog)
{
    const int64_t rows = ll_catalog_rows(catalog);
    ll_previous_change change = {.added = rows};

    if (previous == NULL) return change;
    for (int64_t row = 0; row < rows; row++) {
        const char *const id = ll_catalog_id(catalog, row);
        change.kept += ll_reader_find(previous, id, strlen(id)) >= 0;
    }
    change.added = rows - change.kept;
    change.removed = ll_reader_extents(previous)->items - change.kept;
    return change;
}
