/* host/pipeline/forecast.c - see forecast.h. */
#include "host/pipeline/forecast.h"

#include "host/base/file.h"
#include "host/base/number.h"
#include "host/vgg16/vgg16.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

int64_t ll_forecast_bytes(const ll_pipeline_options *options, int64_t rows)
{
    const double n = ceil((double)rows * (1.0 - options->max_rejected / 100.0));
    const double neighbors = fmin((double)options->neighbors, fmax(n - 1.0, 1.0));
    const double copies = options->leave_out_features ? 1.0 : 2.0;
    const double row = copies * (double)ll_vgg16_width(options->layer) * sizeof(float) +
                       neighbors * (double)(sizeof(uint32_t) + sizeof(float)) +
                       n * (double)ll_store_matrix_bytes(options->matrix);

    return n * row < 0x1p62 ? (int64_t)(n * row) : INT64_MAX;
}

ll_status ll_forecast_check(const ll_pipeline_options *options, int64_t rows, ll_error *err)
{
    const int64_t needed = ll_forecast_bytes(options, rows);
    char *folder = NULL, needed_text[LL_NUMBER_TEXT], free_text[LL_NUMBER_TEXT];
    struct statvfs disk;

    LL_TRY(ll_file_folder(options->index_path, &folder, err));
    const int failed = statvfs(folder, &disk) != 0;
    const int cause = errno;
    free(folder);
    if (failed) return ll_fail(err, LL_ERR_IO, "%s: %s", options->index_path, strerror(cause));
    const double room = (double)disk.f_bavail * (double)disk.f_frsize;
    if ((double)needed <= room) return LL_OK;
    return ll_fail(err, LL_ERR_IO, "%s: needs at least %s, the disk has %s free",
                   options->index_path, ll_number_size((double)needed, needed_text),
                   ll_number_size(room, free_text));
}
