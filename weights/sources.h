/* weights/sources.h - the published files we know. Private to weights; fetch.h finds one by name.
 */
#ifndef LL_WEIGHTS_SOURCES_H
#define LL_WEIGHTS_SOURCES_H

#include "weights/fetch.h"

/** Source number `index` of 0, 1, ..., the best first; NULL after the last. */
const ll_weights_source *ll_weights_source_at(int index);

#endif
