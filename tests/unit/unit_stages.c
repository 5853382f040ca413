/* tests/unit/unit_stages.c - which stage a night waited for, what it could have been, and what a
 * dry run makes of its probes. */
#include "host/base/parallel.h"
#include "host/pipeline/collect.h"
#include "host/pipeline/memory_plan.h"
#include "host/pipeline/probe.h"
#include "host/pipeline/stages.h"
#include "host/store/store_size.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ll_pipeline_summary summary_of(bool shares_processor)
{
    ll_pipeline_summary s = {.items = 1000, .file_bytes = 4000000, .write_seconds = 1.0};

    s.shares_processor = shares_processor;
    s.extract = (ll_extract_summary){.items = 1000,
                                     .rejected = 10,
                                     .decode_cpu_seconds = 2.0,
                                     .cpu_seconds = 22.0,
                                     .batch_seconds = 0.1,
                                     .wall_seconds = 20.0,
                                     .batch = 256};
    s.similarity = (ll_similarity_summary){.tile_seconds = 3.0, .rescore_seconds = 0.5};
    return s;
}

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%g instead of %g", got, want);
}

static void shared_cores_are_told_apart_by_their_seconds(void **state)
{
    const ll_pipeline_summary s = summary_of(true);
    const ll_stages one = ll_stages_of(&s, 1);

    (void)state;
    assert_string_equal(one.bottleneck, "network");
    assert_near(one.share, 20.0 / 24.5);
    assert_near(one.stage[0].rate, 1010.0 / 20.0);
    assert_near(one.stage[0].limit, 1010.0 / 2.0);
    assert_near(one.stage[1].limit, 1000.0 / 20.0);
    assert_near(one.stage[2].rate, 1000.0 * 1001.0 / 2.0 / 3.0);
    assert_near(one.stage[4].rate, 1e6); /* written while comparing, too */
    assert_int_equal(one.feeding_cores, 0);
    const ll_stages many = ll_stages_of(&s, 1 << 20); /* cores there are not do not count */
    assert_near(many.stage[0].limit, 1010.0 / 2.0 * ll_parallel_cores());
}

static void a_card_waits_for_decoding(void **state)
{
    ll_pipeline_summary s = summary_of(false);
    ll_stages stages = ll_stages_of(&s, 1);

    (void)state;
    assert_near(stages.stage[1].limit, 2560.0);
    assert_string_equal(stages.bottleneck, "decode");
    assert_int_equal(stages.feeding_cores, 6); /* 2560 of 505 a core */
    s.extract.batch_seconds = 1.0;
    stages = ll_stages_of(&s, 1);
    assert_string_equal(stages.bottleneck, "network");
    assert_int_equal(stages.feeding_cores, 0);
}

static void other_stages_can_be_the_longest(void **state)
{
    ll_pipeline_summary s = summary_of(true);

    (void)state;
    s.similarity.tile_seconds = 50.0;
    assert_string_equal(ll_stages_of(&s, 2).bottleneck, "compare");
    s.write_seconds = 60.0;
    assert_string_equal(ll_stages_of(&s, 2).bottleneck, "write");
    s.similarity.rescore_seconds = 70.0;
    assert_string_equal(ll_stages_of(&s, 2).bottleneck, "rescore");
    s = (ll_pipeline_summary){.items = 0};
    assert_string_equal(ll_stages_of(&s, 2).bottleneck, "");
}

static void probes_are_extrapolated(void **state)
{
    ll_probe probe = {.setup_seconds = 3.0,
                      .sampled = 32,
                      .unusable = 8,
                      .decode_rate = 100.0,
                      .embed_rate = 10.0,
                      .tile = 500,
                      .tile_seconds = 0.5,
                      .row_seconds = 0.001,
                      .disk_rate = 1e6,
                      .digest_rate = 4e6,
                      .shared = true};
    ll_probe_seconds s = ll_probe_extrapolate(&probe, 2000, 8000000);

    (void)state;
    assert_near(s.embed, 20.0 + 150.0);
    assert_near(s.compare, 5.0); /* ten tiles */
    assert_near(s.write, 8.0 + 2.0);
    assert_near(s.total, 3.0 + 170.0 + 10.0 + 2.0);
    probe.shared = false;
    s = ll_probe_extrapolate(&probe, 2000, 8000000);
    assert_near(s.embed, 150.0);
    s = ll_probe_extrapolate(&(ll_probe){.tile = 0}, 2000, 8000000); /* nothing was measured */
    assert_near(s.total, 0.0);
}

static int64_t part(const ll_store_size *size, const char *name)
{
    for (int i = 0; i < size->count; i++)
        if (strcmp(size->parts[i].name, name) == 0) return size->parts[i].bytes;
    return -1;
}

static void sizes_are_those_of_the_datasets(void **state)
{
    const ll_store_text_size texts = {.id_bytes = 8000, .other_texts = 2000, .other_bytes = 30000};
    ll_store_extents extents = {
        .items = 1000, .features = 4096, .neighbors = 100, .matrix = LL_MATRIX_UINT16};
    ll_store_size size;
    int64_t sum = 0;

    (void)state;
    assert_int_equal(ll_store_size_of(&extents, &texts, &size, NULL), LL_OK);
    assert_int_equal(part(&size, "/similarity"), 2000000);
    assert_int_equal(part(&size, "/features"), 16384000);
    assert_int_equal(part(&size, "/neighbors/index"), 400000);
    assert_int_equal(part(&size, "/lookup/id_start"), 8008);
    for (int i = 0; i < size.count; i++)
        sum += size.parts[i].bytes;
    assert_int_equal(size.bytes, sum);
    extents.matrix = LL_MATRIX_NONE;
    extents.features = 0;
    assert_int_equal(ll_store_size_of(&extents, &texts, &size, NULL), LL_OK);
    assert_int_equal(part(&size, "/similarity"), -1);
    assert_int_equal(part(&size, "/features"), -1);
    extents.items = 0;
    assert_int_equal(ll_store_size_of(&extents, &texts, &size, NULL), LL_ERR_ARGUMENT);
}

static void memory_grows_with_the_items_and_not_with_their_square(void **state)
{
    const ll_backend_options options = {.name = "cpu", .threads = 2, .slots = 1};
    ll_pipeline_options run_options = {.matrix = LL_MATRIX_FLOAT32};
    ll_store_extents extents = {
        .items = 100000, .features = 4096, .neighbors = 100, .matrix = LL_MATRIX_FLOAT32};
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;

    (void)state;
    assert_int_equal(ll_backend_open(&options, &be, NULL), LL_OK);
    const ll_memory_plan small = ll_memory_plan_make(&run_options, be, &extents, 4096, 2);
    extents.items *= 10;
    const ll_memory_plan large = ll_memory_plan_make(&run_options, be, &extents, 4096, 2);
    assert_true(large.min_bytes < 10 * small.min_bytes);
    assert_true(large.min_bytes < INT64_C(2) << 30); /* a million items */
    assert_true(small.limit_bytes >= small.min_bytes);
    assert_int_equal(ll_memory_plan_check(&large, &extents, &err), LL_OK);
    run_options.memory_bytes = 512 << 20;
    const ll_memory_plan given = ll_memory_plan_make(&run_options, be, &extents, 4096, 2);
    assert_int_equal(given.limit_bytes, 512 << 20);
    assert_int_equal(given.spare_bytes, 0);
    assert_int_equal(ll_memory_plan_check(&given, &extents, &err), LL_ERR_MEMORY);
    assert_non_null(strstr(err.text, "1 000 000 items with 100 neighbours need"));
    assert_non_null(strstr(err.text, "; 537 MB given"));
    ll_backend_close(be);
}

/* The reason why a photo was left out goes into the index: one too long for it ends in dots. */
static void long_reasons_end_in_dots(void **state)
{
    char reason[1000];
    ll_error err = LL_ERROR_INIT;
    ll_collect collect = {.fd = -1};
    const ll_extract_sink sink = ll_collect_sink(&collect);

    (void)state;
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    assert_int_equal(sink.reject(sink.to, 7, reason, &err), LL_OK);
    assert_int_equal(collect.rejected, 1);
    assert_int_equal(strlen(collect.rejects[0].reason), LL_IMAGE_REASON - 1);
    assert_string_equal(collect.rejects[0].reason + LL_IMAGE_REASON - 1 - 4, "r...");
    ll_collect_release(&collect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_cores_are_told_apart_by_their_seconds),
        cmocka_unit_test(a_card_waits_for_decoding),
        cmocka_unit_test(other_stages_can_be_the_longest),
        cmocka_unit_test(probes_are_extrapolated),
        cmocka_unit_test(sizes_are_those_of_the_datasets),
        cmocka_unit_test(memory_grows_with_the_items_and_not_with_their_square),
        cmocka_unit_test(long_reasons_end_in_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
