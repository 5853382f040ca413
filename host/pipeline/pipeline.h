/* host/pipeline/pipeline.h - one run: reads a catalogue, publishes an index.
 *
 *   catalogue -> photos -> features -> scores -> INDEX.h5.work/index.h5 -> INDEX.h5
 *
 * At any moment, even if the run is killed, INDEX.h5 is the complete old file or the complete new
 * one. Floor 5; what it includes is in host/README.md. */
#ifndef LL_PIPELINE_H
#define LL_PIPELINE_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/catalog/catalog.h"
#include "host/extract/extract.h"
#include "host/image/decode.h"
#include "host/similarity/similarity.h"
#include "host/store/schema.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_pipeline_options {
    const char *catalog_path;
    const char *index_path;
    ll_catalog_options catalog;
    const char *weights_path; /* NULL: where ll_weights_find looks */

    const char *backend;     /* ll_backend_options.name */
    const char *precision;   /* NULL: the backend's default */
    const char *cuda_module; /* NULL: the one installed with us (ll_backend_options) */
    int device, threads, batch;
    int patience_s; /* ll_backend_options.patience_s */

    int layer; /* LL_VGG16_* */
    ll_image_options image;

    int64_t neighbors; /* K before it is cut to N - 1 */
    ll_matrix_type matrix;
    bool leave_out_features;
    const char *within; /* column, or NULL */

    int64_t memory_bytes; /* --memory; 0: a quarter of the machine's */

    double max_rejected; /* percent of the catalogue's rows */
    double max_removed;  /* percent of the previous index's items */
    const ll_log *log;

    /* Benches and tests: features from here and not from photos; no weights are opened. */
    const struct ll_feature_source *source;
} ll_pipeline_options;

typedef struct ll_pipeline_summary {
    char refused[256]; /* why nothing was published (exit 1), or "" */
    int64_t rows;      /* of the catalogue */
    int64_t items, rejected;
    int64_t added, kept, removed; /* ids against the previous index; added = items without one */
    ll_extract_summary extract;
    ll_similarity_summary similarity;
    double tile_limit; /* pairs a second of multiplying alone; 0: not measured */
    /* Time spent writing outside of comparing: features, checksums, the fsync when publishing.
     * /run, which is stored in the file, only has the part before the checksums. */
    double write_seconds;
    double total_seconds;
    int threads; /* as given */
    int64_t file_bytes;
    int64_t peak_bytes;      /* resident memory at its highest, mapped files included */
    int64_t anonymous_bytes; /* without them, while comparing and writing (memory_meter.h) */
    char backend[16], generation[40];
    bool shares_processor; /* of the backend: ll_backend_info */
} ll_pipeline_summary;

/** Run the whole night. @return LL_OK, also when `summary->refused` says that nothing was
 *  published; otherwise the first failure, with the old index untouched. */
LL_NODISCARD ll_status ll_pipeline_index(const ll_pipeline_options *options,
                                         ll_pipeline_summary *summary, ll_error *err);

/** Make untrained weights: kernels from `seed`, biases calibrated on this machine. */
LL_NODISCARD ll_status ll_pipeline_synth(const char *path, uint64_t seed, int threads,
                                         const ll_log *log, ll_error *err);

#endif
