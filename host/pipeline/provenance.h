/* host/pipeline/provenance.h - what made this index, as text that can be compared between runs.
 * Floor 5. */
#ifndef LL_PIPELINE_PROVENANCE_H
#define LL_PIPELINE_PROVENANCE_H

#include "host/backend/backend.h"
#include "host/pipeline/pipeline.h"
#include "weights/weights.h"

#include "host/base/clock.h"
#include "host/base/digest.h"

typedef struct ll_provenance {
    ll_store_provenance store; /* for ll_writer_finish; borrows from the rest and from its makers */
    char created[LL_CLOCK_TEXT];
    char fingerprint[LL_DIGEST_HEX];
} ll_provenance;

/** Fill `out` from what was chosen. Equal fingerprints promise equal features: it covers weights,
 *  layer, preprocessing, decoder, backend, batch, precision, device and engines.
 *  `image` is what was really used, geometry resolved. */
LL_NODISCARD ll_status ll_provenance_init(ll_provenance *out, const ll_pipeline_options *options,
                                          const ll_image_options *image,
                                          const ll_weights_info *weights,
                                          const ll_backend_info *backend, ll_error *err);

#endif
