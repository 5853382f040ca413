/* tests/cli/make_sample.c - a small index for the scripts beside this file:
 *     make_sample FILE ITEMS WIDTH NEIGHBORS MATRIX
 *                 [no-features|untrained|within|awkward|hostile|distinct|digests|seed=S]... */
#include "tests/sample_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has(int argc, char **argv, const char *word)
{
    for (int i = 6; i < argc; i++)
        if (strcmp(argv[i], word) == 0) return true;
    return false;
}

static uint64_t seed_of(int argc, char **argv)
{
    for (int i = 6; i < argc; i++)
        if (strncmp(argv[i], "seed=", 5) == 0) return strtoull(argv[i] + 5, NULL, 10);
    return 1;
}

int main(int argc, char **argv)
{
    ll_sample sample;

    if (argc < 6 || ll_store_matrix_find(argv[5]) < 0) {
        fputs("make_sample FILE ITEMS WIDTH NEIGHBORS MATRIX "
              "[no-features|untrained|within|awkward|hostile|distinct|digests|seed=S]...\n",
              stderr);
        return 2;
    }
    const ll_sample_options options = {
        .seed = seed_of(argc, argv),
        .items = strtoll(argv[2], NULL, 10),
        .width = strtoll(argv[3], NULL, 10),
        .neighbors = strtoll(argv[4], NULL, 10),
        .matrix = (ll_matrix_type)ll_store_matrix_find(argv[5]),
        .features = !has(argc, argv, "no-features"),
        .trained = !has(argc, argv, "untrained"),
        .within = has(argc, argv, "within"),
        .awkward = has(argc, argv, "awkward"),
        .hostile = has(argc, argv, "hostile"),
        .distinct = has(argc, argv, "distinct"),
        .digests = has(argc, argv, "digests"),
    };
    ll_sample_make(argv[1], &options, &sample);
    ll_sample_release(&sample);
    return 0;
}
