/* host/pipeline/probe.h - times a small part of each stage, to predict how long a run takes.
 *
 * Takes a second or two on a processor; used by dry runs only. Floor 5. */
#ifndef LL_PIPELINE_PROBE_H
#define LL_PIPELINE_PROBE_H

#include "host/backend/backend.h"
#include "host/pipeline/pipeline.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_probe {
    double setup_seconds;  /* reading and packing the weights */
    int sampled, unusable; /* photos of the catalogue, spread evenly over it */
    double decode_rate;    /* photos a second on all threads; 0: not measured, like all here */
    double embed_rate;     /* photos a second through the network */
    int64_t tile;          /* rows of a tile */
    double tile_seconds;   /* of one, on all threads together */
    double row_seconds;    /* from candidates to neighbours, a row */
    double disk_rate;      /* bytes a second written in order, with fsync */
    double digest_rate;    /* bytes a second read back and digested */
    bool shared;           /* decoding and the network take the same cores */
} ll_probe;

/** Decode some of the catalogue's photos and embed them. `net` gives `cols` features. */
LL_NODISCARD ll_status ll_probe_photos(const ll_pipeline_options *options,
                                       const ll_catalog *catalog, const ll_image_options *image,
                                       ll_backend *be, ll_net *net, int64_t cols, ll_probe *probe,
                                       ll_error *err);

/** Compare drawn rows of `cols` features, with `neighbors` of each. */
LL_NODISCARD ll_status ll_probe_compare(ll_backend *be, int64_t cols, int64_t rows,
                                        int64_t neighbors, ll_matrix_type matrix, ll_probe *probe,
                                        ll_error *err);

/** Write to the disk of `index_path`, into a file without a name. A disk that knows no such files
 *  is not measured. */
LL_NODISCARD ll_status ll_probe_disk(const char *index_path, ll_probe *probe, ll_error *err);

typedef struct ll_probe_seconds {
    double embed, compare, rescore, write, total; /* total: compare and write go on together */
} ll_probe_seconds;

/** What the whole work would take at these rates: `items` photos, an index of `file_bytes`. */
ll_probe_seconds ll_probe_extrapolate(const ll_probe *probe, int64_t items, int64_t file_bytes);

#endif
