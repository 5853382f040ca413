/* host/store/check.c - `verify`: what can be opened, digests, then what the numbers mean; see
 * check.h. */
#include "host/store/check.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/store/check_state.h"
#include "host/store/generation.h"

#include <stdlib.h>
#include <string.h>

/* Rows of one array whose checksums differ, neighbouring blocks as one range. */
static void compare_blocks(ll_check *check, ll_array array, const uint64_t *computed)
{
    const ll_layout *const layout = &check->reader->layout;
    const int64_t blocks = ll_layout_length(layout, LL_AXIS_BLOCK);
    const uint64_t *const stored =
        check->reader->arrays[LL_ARRAY_SUM_FEATURES + (array - LL_ARRAY_FEATURES)];
    ll_finding_kind kind = {&check->findings, ll_layout_array(layout, array).path, 0};

    for (int64_t first = 0; first < blocks; first++) {
        int64_t last = first;
        if (stored[first] == computed[first]) continue;
        while (last + 1 < blocks && stored[last + 1] != computed[last + 1])
            last++;
        const int64_t end = ll_min_i64((last + 1) * LL_STORE_CHECK_ROWS, layout->extents.items);
        ll_finding(&kind, " rows %lld-%lld: damaged", (long long)first * LL_STORE_CHECK_ROWS,
                   (long long)end - 1);
        first = last;
    }
    ll_finding_end(&kind);
}

/* A dataset with one checksum, in its attribute. */
static void compare_sum(ll_check *check, hid_t parent, const char *name, const char *path,
                        uint64_t computed, bool unreadable)
{
    uint64_t stored = 0;
    ll_finding_kind kind = {&check->findings, path, 0};

    const hid_t dataset = H5Dopen2(parent, name, H5P_DEFAULT);
    const bool known = dataset >= 0 && ll_h5_attribute_read_sum(dataset, LL_CHECKSUM_ATTRIBUTE,
                                                                &stored, NULL) == LL_OK;
    ll_h5_close(dataset);
    (void)H5Eclear2(H5E_DEFAULT);
    if (unreadable)
        ll_finding(&kind, ": damaged: cannot be read");
    else if (!known)
        ll_finding(&kind, ": its checksum is missing");
    else if (stored != computed)
        ll_finding(&kind, ": damaged");
}

static ll_status compare_columns(ll_check *check, const ll_digests *digests, ll_error *err)
{
    const ll_reader *const reader = check->reader;
    char *path = NULL;

    for (int i = 0; i < reader->columns; i++) {
        LL_TRY(ll_text_format(&path, err, "/items/attributes/%s", reader->column_names[i]));
        compare_sum(check, reader->groups[LL_GROUP_ATTRIBUTES], reader->column_names[i], path,
                    digests->columns[i], digests->unreadable_columns[i]);
        free(path);
    }
    return LL_OK;
}

/* Files that were made before this checksum was have none. */
static ll_status compare_root(ll_check *check, ll_error *err)
{
    const ll_reader *const reader = check->reader;
    uint64_t stored = 0, computed = 0;
    ll_finding_kind kind = {&check->findings, "/", 0};

    if (H5Aexists(reader->file, LL_CHECKSUM_ATTRIBUTE) <= 0) return LL_OK;
    LL_TRY(
        ll_digests_root(&reader->layout, &reader->provenance, reader->generation, &computed, err));
    if (ll_h5_attribute_read_sum(reader->file, LL_CHECKSUM_ATTRIBUTE, &stored, NULL) != LL_OK ||
        stored != computed)
        ll_finding(&kind, ": an attribute is damaged");
    return LL_OK;
}

static ll_status compare_sums(ll_check *check, const ll_digests *digests, uint64_t run,
                              bool run_unreadable, ll_error *err)
{
    const ll_reader *const reader = check->reader;
    const ll_layout *const layout = &reader->layout;

    for (int i = 0; i < LL_ARRAYS; i++) {
        const ll_layout_object object = ll_layout_array(layout, (ll_array)i);
        const bool is_sum = i >= LL_ARRAY_SUM_FEATURES;
        if (!ll_layout_has_array(layout, (ll_array)i) || ll_digests_in_blocks(layout, (ll_array)i))
            continue;
        /* The stored list of checksums, not the one it should have been: see ll_digests. */
        const uint64_t sum =
            is_sum ? ll_digest_block(reader->arrays[i], ll_layout_bytes(layout, (ll_array)i))
                   : digests->arrays[i];
        compare_sum(check, reader->groups[object.group], object.name, object.path, sum, false);
    }
    for (int i = 0; i < LL_TEXTS; i++) {
        const ll_layout_object object = ll_layout_text((ll_text)i);
        if (ll_layout_has_text(layout, (ll_text)i))
            compare_sum(check, reader->groups[object.group], object.name, object.path,
                        digests->texts[i], digests->unreadable_texts[i]);
    }
    compare_sum(check, reader->file, "run", "/run", run, run_unreadable);
    LL_TRY(compare_root(check, err));
    return compare_columns(check, digests, err);
}

static ll_status digest_run(ll_check *check, uint64_t *sum, bool *unreadable, ll_error *err)
{
    const char *run = NULL;

    *unreadable = ll_reader_run(check->reader, &run, NULL) != LL_OK;
    return *unreadable ? LL_OK : ll_digests_text(run, sum, err);
}

ll_status ll_check_digests(ll_check *check, ll_error *err)
{
    ll_status status = LL_OK;
    ll_digests digests;
    uint64_t run = 0;
    bool run_unreadable = false;
    const ll_layout *const layout = &check->reader->layout;
    const ll_digests_options options = {check->threads, true, check->log};
    ll_finding_kind kind = {&check->findings, "generation", 0};

    LL_TRY(ll_digests_compute(check->reader, &check->reader->provenance, &options, &digests, err));
    LL_TRY_DONE(digest_run(check, &run, &run_unreadable, err));
    for (int i = 0; i < LL_BLOCK_ARRAYS; i++)
        if (ll_layout_has_array(layout, (ll_array)i) && ll_digests_in_blocks(layout, (ll_array)i))
            compare_blocks(check, (ll_array)i, digests.blocks[i]);
    ll_h5_lock();
    status = compare_sums(check, &digests, run, run_unreadable, err);
    ll_h5_unlock();
    /* A web copy carries the generation of the whole index it was made from. */
    if (status == LL_OK && !layout->web &&
        strcmp(digests.generation, check->reader->generation) != 0)
        ll_finding(&kind, ": is %s, the content's is %s", check->reader->generation,
                   digests.generation);
done:
    ll_digests_release(&digests);
    return status;
}

ll_status ll_store_check(ll_reader *reader, int64_t sample, int threads, const ll_log *log,
                         int64_t *damages, ll_error *err)
{
    ll_status status = LL_OK;
    ll_check check = {
        .reader = reader,
        .extents = &reader->layout.extents,
        .threads = threads > 1 ? threads : 1,
        .log = log,
        .findings = {.log = log},
    };

    *damages = 0;
    LL_TRY_DONE(ll_check_objects(&check, err));
    LL_TRY_DONE(ll_check_digests(&check, err));
    LL_TRY_DONE(ll_check_lookup(&check, err));
    LL_TRY_DONE(ll_check_groups(&check, err));
    LL_TRY_DONE(ll_check_rows(&check, err));
    LL_TRY_DONE(ll_check_matrix(&check, err));
    LL_TRY_DONE(ll_check_sample(&check, sample, err));
done:
    *damages = atomic_load(&check.findings.total);
    free(check.group);
    free(check.group_sizes);
    return status;
}
