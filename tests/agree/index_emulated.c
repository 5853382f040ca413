/* tests/agree/index_emulated.c - whole nights, with the cpu backend and with the cuda backend on an
 * emulated card, must agree.
 *
 * usage: index_emulated CATALOG WEIGHTS FOLDER LAYER
 *
 * Cosines of any two items within 1e-3 (fp16); the neighbours of an index are those of its own
 * features, scores to the bit, and its matrix lies within its type's bound. Later nights, of the
 * first few items only: engines from the cache, other kinds of matrix, --within, little memory. */
#include "host/image/decode.h"
#include "host/pipeline/pipeline.h"
#include "host/store/reader.h"
#include "host/vgg16/vgg16.h"
#include "kernels/rescore.h"
#include "tests/cuda_emulated/module.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { NEIGHBORS = 10, BATCH = 2, TWICE = 4, FEW = 7, LINE = 4096 };
static const size_t k_less_memory = (size_t)12 << 20; /* half of what half of TWICE saves */

static struct {
    const char *catalog, *weights, *layer;
    char few[512], cpu[512], cuda[512], later[512], halved[512];
    char log[LINE];
} given;

static void keep_line(void *to, const char *text)
{
    (void)to;
    const size_t used = strlen(given.log);
    snprintf(given.log + used, sizeof given.log - used, "%s\n", text);
}

static const ll_log k_log = {.line = keep_line};

static void build_index(const char *backend, const char *catalog, const char *index,
                        ll_matrix_type matrix, const char *within, int batch)
{
    ll_error err = LL_ERROR_INIT;
    ll_pipeline_summary summary;
    const ll_pipeline_options options = {
        .catalog_path = catalog,
        .index_path = index,
        .weights_path = given.weights,
        .backend = backend,
        .cuda_module = LL_EMULATED_MODULE,
        .threads = 2,
        .batch = batch,
        .layer = ll_vgg16_find(given.layer),
        .image = ll_image_options_default(),
        .neighbors = NEIGHBORS,
        .matrix = matrix,
        .within = within,
        .max_rejected = 5.0,
        .max_removed = 100.0,
        .log = &k_log,
    };

    if (ll_pipeline_index(&options, &summary, &err) != LL_OK) fail_msg("%s: %s", index, err.text);
    if (summary.refused[0] != '\0') fail_msg("%s: refused: %s", index, summary.refused);
}

static ll_reader *read_index(const char *path)
{
    ll_reader *reader = NULL;
    ll_error err = LL_ERROR_INIT;
    if (ll_reader_open(path, &reader, &err) != LL_OK) fail_msg("%s", err.text);
    return reader;
}

/* ---- what must hold ----------------------------------------------------------------------- */

static double dot(const ll_reader *of, int64_t i, int64_t j)
{
    const int64_t cols = ll_reader_extents(of)->features;
    const float *const x = ll_reader_features(of);
    return ll_rescore_dot_cpu(x + i * cols, x + j * cols, cols);
}

static float exact_score(const ll_reader *of, int64_t i, int64_t j)
{
    return ll_rescore_score(dot(of, i, j), dot(of, i, i), dot(of, j, j));
}

/* Of the rows both have. */
static void compare_cosines(const ll_reader *cpu, const ll_reader *cuda, const char *what)
{
    const int64_t rows = ll_reader_extents(cuda)->items;
    double most = 0.0;

    assert_int_equal(ll_reader_extents(cuda)->features, ll_reader_extents(cpu)->features);
    assert_true(rows > NEIGHBORS / 2 && rows <= ll_reader_extents(cpu)->items);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < i; j++)
            most = fmax(most, fabs(dot(cpu, i, j) - dot(cuda, i, j)));
    print_message("[   INFO   ] %s: %d items, %s: cosines differ by %.2g at most\n", what,
                  (int)rows, given.layer, most);
    if (!(most <= 1e-3)) fail_msg("more than 1e-3");
}

/* The values of --within's column; NULL: everybody is of one group. */
static const char *const *groups_of(ll_reader *reader)
{
    const char *const *values = NULL;
    ll_error err = LL_ERROR_INIT;
    const char *const within = ll_reader_provenance(reader)->within;

    for (int c = 0; within[0] != '\0' && c < ll_reader_columns(reader); c++)
        if (strcmp(ll_reader_column_name(reader, c), within) == 0 &&
            ll_reader_column(reader, c, &values, &err) != LL_OK)
            fail_msg("%s", err.text);
    assert_true(within[0] == '\0' || values != NULL);
    return values;
}

/* Each score is the exact one, of an item of the same group; nobody better was left out. */
static void check_row(const ll_reader *cuda, const char *const *groups, int64_t i)
{
    const int64_t rows = ll_reader_extents(cuda)->items, k = ll_reader_extents(cuda)->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(cuda) + i * k;
    const float *const score = ll_reader_neighbor_score(cuda) + i * k;
    int64_t kept = 0, fellows = 0, better = 0;

    while (kept < k && index[kept] != UINT32_MAX)
        kept++;
    for (int64_t n = 0; n < kept; n++) {
        const int64_t j = index[n];
        if (j >= rows || j == i || score[n] != exact_score(cuda, i, j))
            fail_msg("row %d, neighbour %d: %.9g is not its score", (int)i, (int)j,
                     (double)score[n]);
        if (groups != NULL && strcmp(groups[i], groups[j]) != 0)
            fail_msg("row %d, neighbour %d is of another group", (int)i, (int)j);
    }
    for (int64_t j = 0; j < rows; j++) {
        if (j == i || (groups != NULL && strcmp(groups[i], groups[j]) != 0)) continue;
        fellows++;
        better += kept > 0 && exact_score(cuda, i, j) > score[kept - 1];
    }
    if (kept != (fellows < k ? fellows : k) || (kept > 0 && better >= kept))
        fail_msg("row %d: %d of %d neighbours, %d better than the last", (int)i, (int)kept,
                 (int)fellows, (int)better);
}

static void check_matrix(const ll_reader *cuda)
{
    static const double k_bounds[] = {[LL_MATRIX_FLOAT32] = 1e-6,
                                      [LL_MATRIX_FLOAT16] = 2.5e-4,
                                      [LL_MATRIX_UINT16] = 1.0 / 131070 + 1e-6};
    const int64_t rows = ll_reader_extents(cuda)->items;
    const double bound = k_bounds[ll_reader_extents(cuda)->matrix];

    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j <= i; j++) {
            const float got = ll_reader_score(cuda, i, j), transposed = ll_reader_score(cuda, j, i);
            const double want = i == j ? 1.0 : (double)exact_score(cuda, i, j);
            if (got != transposed || !(fabs((double)got - want) <= (i == j ? 0.0 : bound)))
                fail_msg("(%d, %d): %.9g and %.9g instead of %.9g", (int)i, (int)j, (double)got,
                         (double)transposed, want);
        }
}

static void check_index(ll_reader *cuda)
{
    const char *const *const groups = groups_of(cuda);

    for (int64_t i = 0; i < ll_reader_extents(cuda)->items; i++)
        check_row(cuda, groups, i);
    check_matrix(cuda);
    assert_non_null(strstr(ll_reader_provenance(cuda)->engines, "; conv5_3 "));
    assert_non_null(strstr(ll_reader_provenance(cuda)->engines, "; tiles of "));
}

/* ---- nights ------------------------------------------------------------------------------- */

static void runs_agree(void **state)
{
    ll_emulated *const card = emulated_reset(2);

    (void)state;
    build_index("cpu", given.catalog, given.cpu, LL_MATRIX_FLOAT32, NULL, BATCH);
    build_index("cuda", given.catalog, given.cuda, LL_MATRIX_FLOAT32, NULL, BATCH);
    emulated_all_well(card, "a night");
    ll_reader *const cpu = read_index(given.cpu), *const cuda = read_index(given.cuda);
    assert_int_equal(ll_reader_extents(cuda)->items, ll_reader_extents(cpu)->items);
    compare_cosines(cpu, cuda, "first night");
    check_index(cuda);
    ll_reader_close(cpu);
    ll_reader_close(cuda);
}

/* Engines from the cache; other company in the batch. */
static void a_later_run_has_the_same_features(void **state)
{
    ll_emulated *const card = emulated_reset(1);
    const bool pool5 = strcmp(given.layer, "pool5") == 0;

    (void)state;
    build_index("cuda", given.few, given.later, pool5 ? LL_MATRIX_UINT16 : LL_MATRIX_FLOAT16,
                "collection", BATCH);
    emulated_all_well(card, "a later night");
    ll_reader *const first = read_index(given.cuda), *const later = read_index(given.later);
    const size_t count =
        (size_t)(ll_reader_extents(later)->items * ll_reader_extents(later)->features);
    assert_int_equal(ll_reader_extents(later)->items, FEW);
    assert_memory_equal(ll_reader_features(later), ll_reader_features(first),
                        count * sizeof(float));
    assert_string_equal(ll_reader_provenance(later)->fingerprint,
                        ll_reader_provenance(first)->fingerprint);
    check_index(later);
    ll_reader_close(first);
    ll_reader_close(later);
}

/* A card on which the batch does not fit takes half of it: the night is that of a run with half the
 * batch. How much is too little, a night on an idle card tells. pool5 alone takes less than what
 * comparing leaves to the driver, so this is not for it. */
static void little_memory_halves_the_batch(void **state)
{
    ll_emulated *card = emulated_reset(0);

    (void)state;
    if (strcmp(given.layer, "pool5") == 0) return;
    card->idle = true;
    build_index("cuda", given.few, given.halved, LL_MATRIX_UINT16, NULL, TWICE);
    const size_t enough = card->peak_bytes;
    if (unlink(given.halved) != 0) fail_msg("%s: not published", given.halved);
    card = emulated_reset(0);
    card->memory_bytes = enough - k_less_memory;
    given.log[0] = '\0';
    build_index("cuda", given.few, given.halved, LL_MATRIX_UINT16, NULL, TWICE);
    emulated_all_well(card, "little memory");
    if (strstr(given.log, "batch 4 does not fit") == NULL) fail_msg("log: %s", given.log);
    ll_reader *const first = read_index(given.cpu), *const halved = read_index(given.halved);
    ll_reader *const whole = read_index(given.cuda);
    compare_cosines(first, halved, "half the batch");
    check_index(halved);
    assert_string_equal(ll_reader_provenance(halved)->fingerprint,
                        ll_reader_provenance(whole)->fingerprint);
    ll_reader_close(first);
    ll_reader_close(halved);
    ll_reader_close(whole);
}

/* The header and the first few items, beside the photos. */
static void write_few(void)
{
    char line[LINE];
    FILE *const from = fopen(given.catalog, "r"), *const to = fopen(given.few, "w");

    for (int i = 0; from != NULL && to != NULL && i <= FEW; i++)
        if (fgets(line, sizeof line, from) != NULL) fputs(line, to);
    if (from != NULL) fclose(from);
    if (to != NULL) fclose(to);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_agree),
        cmocka_unit_test(a_later_run_has_the_same_features),
        cmocka_unit_test(little_memory_halves_the_batch),
    };

    if (argc != 5) return 2;
    given.catalog = argv[1], given.weights = argv[2], given.layer = argv[4];
    snprintf(given.few, sizeof given.few, "%s.few.csv", given.catalog);
    snprintf(given.cpu, sizeof given.cpu, "%s/cpu.h5", argv[3]);
    snprintf(given.cuda, sizeof given.cuda, "%s/cuda.h5", argv[3]);
    snprintf(given.later, sizeof given.later, "%s/later.h5", argv[3]);
    snprintf(given.halved, sizeof given.halved, "%s/halved.h5", argv[3]);
    write_few();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
