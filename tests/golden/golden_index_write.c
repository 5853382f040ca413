/* tests/golden/golden_index_write.c - write the indexes golden_index.py judges.
 *
 *   golden_index_write FILE ITEMS FEATURES NEIGHBORS REJECTED MATRIX COLUMNS */
#include "host/base/number.h"
#include "tests/index_fixture.h"

#include <stdio.h>

static ll_status parse(char **argv, ll_fixture_spec *spec, ll_error *err)
{
    int64_t features = 0, columns = 0;

    LL_TRY(ll_number_int("items", argv[2], 1, 1 << 20, &spec->items, err));
    LL_TRY(ll_number_int("features", argv[3], 0, 1 << 20, &features, err));
    LL_TRY(ll_number_int("neighbors", argv[4], 1, 1 << 20, &spec->neighbors, err));
    LL_TRY(ll_number_int("rejected", argv[5], 0, 1 << 20, &spec->rejected, err));
    LL_TRY(ll_number_int("columns", argv[7], 0, 1 << 20, &columns, err));
    const int matrix = ll_store_matrix_find(argv[6]);
    if (matrix < 0) return ll_fail(err, LL_ERR_ARGUMENT, "no matrix type %s", argv[6]);
    spec->matrix = (ll_matrix_type)matrix;
    spec->columns = (int)columns;
    spec->without_features = features == 0;
    spec->features = features > 0 ? features : 24;
    return LL_OK;
}

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_fixture_spec spec = {.seed = 1};

    if (argc != 8) {
        fprintf(stderr, "usage: %s FILE ITEMS FEATURES NEIGHBORS REJECTED MATRIX COLUMNS\n",
                argv[0]);
        return 2;
    }
    if (parse(argv, &spec, &err) != LL_OK || ll_fixture_make(&spec, argv[1], &err) != LL_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    return 0;
}
