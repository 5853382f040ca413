/* tests/agree/index_emulated.c - whole nights, with the cpu backend and with the cuda backend on an
 * emulated card, must agree.
 *
 * usage: index_emulated CATALOG WEIGHTS FOLDER LAYER
 *
 * Cosines of any two items within 1e-3 (fp16); the neighbours of the second index are those of its
 * own features, scores to the bit. Then nights in which a call fails: one line, no index. */
#include "host/base/memory.h"
#include "host/image/decode.h"
#include "host/pipeline/pipeline.h"
#include "host/store/reader.h"
#include "host/vgg16/vgg16.h"
#include "kernels/rescore.h"
#include "tests/cuda_emulated/module.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { NEIGHBORS = 10, BATCH = 4, NIGHTS_THAT_FAIL = 4 };

static struct {
    const char *catalog, *weights, *folder, *layer;
    char cpu[512], cuda[512], again[512];
} given;

static ll_status night(const char *backend, const char *index, ll_error *err)
{
    ll_pipeline_summary summary;
    const ll_pipeline_options options = {
        .catalog_path = given.catalog,
        .index_path = index,
        .weights_path = given.weights,
        .backend = backend,
        .cuda_module = LL_EMULATED_MODULE,
        .threads = 2,
        .batch = BATCH,
        .layer = ll_vgg16_find(given.layer),
        .image = ll_image_options_default(),
        .neighbors = NEIGHBORS,
        .matrix = LL_STORE_NONE,
        .max_rejected = 5.0,
        .max_removed = 100.0,
    };

    LL_TRY(ll_pipeline_index(&options, &summary, err));
    if (summary.refused[0] == '\0') return LL_OK;
    return ll_fail(err, LL_ERR_FORMAT, "refused: %s", summary.refused);
}

static ll_reader *read_index(const char *path)
{
    ll_reader *reader = NULL;
    ll_error err = LL_ERROR_INIT;
    if (ll_reader_open(path, &reader, &err) != LL_OK) fail_msg("%s", err.text);
    return reader;
}

static void compare_cosines(const ll_reader *cpu, const ll_reader *cuda)
{
    const int64_t rows = ll_reader_extents(cpu)->items, cols = ll_reader_extents(cpu)->features;
    const float *const a = ll_reader_features(cpu), *const b = ll_reader_features(cuda);
    double most = 0.0;

    assert_int_equal(ll_reader_extents(cuda)->items, rows);
    assert_int_equal(ll_reader_extents(cuda)->features, cols);
    assert_true(rows > NEIGHBORS / 2);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < i; j++)
            most = fmax(most, fabs(ll_rescore_dot_cpu(a + i * cols, a + j * cols, cols) -
                                   ll_rescore_dot_cpu(b + i * cols, b + j * cols, cols)));
    print_message("[   INFO   ] %d items, %s: cosines differ by %.2g at most\n", (int)rows,
                  given.layer, most);
    assert_true(most <= 1e-3);
}

/* Each score is the exact one, and no item left out has a better. */
static void check_neighbors(const ll_reader *cuda)
{
    const int64_t rows = ll_reader_extents(cuda)->items, cols = ll_reader_extents(cuda)->features;
    const int64_t k = ll_reader_extents(cuda)->neighbors;
    const float *const x = ll_reader_features(cuda);
    const uint32_t *const index = ll_reader_neighbor_index(cuda);
    const float *const score = ll_reader_neighbor_score(cuda);

    for (int64_t i = 0; i < rows; i++) {
        int64_t better = 0;
        const float least = score[i * k + k - 1];
        for (int64_t j = 0; j < rows; j++) {
            const float *const a = x + i * cols, *const b = x + j * cols;
            const float exact =
                ll_rescore_score(ll_rescore_dot_cpu(a, b, cols), ll_rescore_dot_cpu(a, a, cols),
                                 ll_rescore_dot_cpu(b, b, cols));
            better += j != i && exact > least;
            for (int64_t n = 0; n < k; n++)
                if (index[i * k + n] == (uint32_t)j && score[i * k + n] != exact)
                    fail_msg("row %d, neighbour %d: %.9g, exactly %.9g", (int)i, (int)j,
                             (double)score[i * k + n], (double)exact);
        }
        if (better >= k) fail_msg("row %d: an item with a better score was left out", (int)i);
    }
}

static void nights_agree(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_emulated *const card = emulated_reset(2);

    (void)state;
    if (night("cpu", given.cpu, &err) != LL_OK) fail_msg("%s", err.text);
    if (night("cuda", given.cuda, &err) != LL_OK) fail_msg("%s", err.text);
    emulated_all_well(card, "a night");
    ll_reader *const cpu = read_index(given.cpu), *const cuda = read_index(given.cuda);
    compare_cosines(cpu, cuda);
    check_neighbors(cuda);
    ll_reader_close(cpu);
    ll_reader_close(cuda);
}

static void same_features(const char *path, const char *as)
{
    ll_reader *const a = read_index(path), *const b = read_index(as);
    const size_t count = (size_t)(ll_reader_extents(b)->items * ll_reader_extents(b)->features);
    if (memcmp(ll_reader_features(a), ll_reader_features(b), count * sizeof(float)) != 0)
        fail_msg("a second night, its engines from the cache, has other features");
    ll_reader_close(a);
    ll_reader_close(b);
}

/* The calls of a night, spread over it, made to fail: nothing is published. */
static void a_night_that_fails_publishes_nothing(void **state)
{
    ll_error unexpected = LL_ERROR_INIT;

    (void)state;
    emulated_reset(1);
    if (night("cuda", given.again, &unexpected) != LL_OK) fail_msg("%s", unexpected.text);
    const int64_t calls = emulated_card()->calls; /* with engines from the cache */
    same_features(given.again, given.cuda);
    for (int i = 0; i < NIGHTS_THAT_FAIL; i++) {
        ll_emulated *const card = emulated_reset(0);
        char path[600], repro[128];
        ll_error err = LL_ERROR_INIT;

        snprintf(path, sizeof path, "%s/failed-%d-%s.h5", given.folder, i, given.layer);
        card->fail_at = calls * (2 * i + 1) / (2 * NIGHTS_THAT_FAIL);
        card->sticky = true;
        const ll_status status = night("cuda", path, &err);
        snprintf(repro, sizeof repro, "call %d (%s)", (int)card->fail_at, card->failed_call);
        emulated_all_well(card, repro);
        if (status == LL_OK || access(path, F_OK) == 0) fail_msg("%s: published", repro);
        if (err.text[0] == '\0' || strchr(err.text, '\n') != NULL)
            fail_msg("%s: '%s' is not one line", repro, err.text);
        print_message("[   INFO   ] %s: %s\n", repro, err.text);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nights_agree),
        cmocka_unit_test(a_night_that_fails_publishes_nothing),
    };

    if (argc != 5) return 2;
    given.catalog = argv[1], given.weights = argv[2], given.folder = argv[3];
    given.layer = argv[4];
    snprintf(given.cpu, sizeof given.cpu, "%s/cpu-%s.h5", given.folder, given.layer);
    snprintf(given.cuda, sizeof given.cuda, "%s/cuda-%s.h5", given.folder, given.layer);
    snprintf(given.again, sizeof given.again, "%s/again-%s.h5", given.folder, given.layer);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
