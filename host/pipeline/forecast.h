/* host/pipeline/forecast.h - can the disk hold tonight's index? Asked before hours of work, not met
 * at the end of them. Floor 5. */
#ifndef LL_PIPELINE_FORECAST_H
#define LL_PIPELINE_FORECAST_H

#include "host/pipeline/pipeline.h"

#include <stdint.h>

/** Bytes a run over `rows` catalogue rows writes at the least: as many rejects as --max-rejected
 *  allows, texts left out. The features count twice, for they wait in the work folder. Beyond what
 *  int64_t counts: INT64_MAX. */
int64_t ll_forecast_bytes(const ll_pipeline_options *options, int64_t rows);

/** LL_ERR_IO "needs at least 7.7 GB, the disk has 3.2 GB free" if the disk of options->index_path
 *  has less room than that. */
LL_NODISCARD ll_status ll_forecast_check(const ll_pipeline_options *options, int64_t rows,
                                         ll_error *err);

#endif
