/* host/pipeline/forecast.c - see forecast.h. */
#include "host/pipeline/forecast.h"

#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/store/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Other programs write to the disk too, and no night should end on its last block. */
enum { MARGIN_SHARE = 64, MARGIN_BYTES = 16 << 20 };

/* ---- the texts --------------------------------------------------------------------------- */

static int64_t count_items(const ll_catalog *catalog)
{
    const int64_t rows = ll_catalog_rows(catalog);
    int64_t items = 0;

    for (int64_t row = 0; row < rows; row++)
        items += ll_catalog_reject_reason(catalog, row) == NULL;
    return items;
}

static ll_store_text_size measure_texts(const ll_catalog *catalog)
{
    const int64_t rows = ll_catalog_rows(catalog);
    const int columns = ll_catalog_columns(catalog);
    ll_store_text_size size = {.other_texts = rows * (1 + columns)};

    for (int64_t row = 0; row < rows; row++) {
        size.id_bytes += (int64_t)strlen(ll_catalog_id(catalog, row));
        size.other_bytes += (int64_t)strlen(ll_catalog_image(catalog, row));
        for (int c = 0; c < columns; c++)
            size.other_bytes += (int64_t)strlen(ll_catalog_value(catalog, row, c));
    }
    return size;
}

/* ---- the disk ---------------------------------------------------------------------------- */

static int64_t file_bytes(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_size : 0;
}

/* What a killed run left in the work folder is overwritten or removed before anything is made. */
static int64_t leftover_bytes(const char *index_path)
{
    static const char *const k_names[] = {"index.h5", "features.f32"};
    int64_t bytes = 0;

    for (size_t i = 0; i < sizeof k_names / sizeof k_names[0]; i++) {
        char *path = NULL;
        struct stat info;
        if (ll_text_format(&path, NULL, "%s.work/%s", index_path, k_names[i]) != LL_OK) continue;
        if (stat(path, &info) == 0) bytes += (int64_t)info.st_blocks * 512;
        free(path);
    }
    return bytes;
}

static ll_status measure_room(const char *index_path, int64_t *room, ll_error *err)
{
    char *folder = NULL;
    struct statvfs disk;

    LL_TRY(ll_file_folder(index_path, &folder, err));
    const int failed = statvfs(folder, &disk) != 0;
    const int cause = errno;
    free(folder);
    if (failed) return ll_fail(err, LL_ERR_IO, "%s: %s", index_path, strerror(cause));
    *room = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize + leftover_bytes(index_path);
    return LL_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* Needed bytes if the file had this matrix and these features, on top of the same scratch. */
static ll_status needed_with(const ll_forecast *f, ll_matrix_type matrix, int64_t features,
                             ll_store_size *file, int64_t *needed, ll_error *err)
{
    ll_store_extents extents = f->extents;

    extents.matrix = matrix;
    extents.features = features;
    LL_TRY(ll_store_size_of(&extents, &f->texts, file, err));
    const double bytes = (double)file->bytes + (double)f->scratch_bytes;
    const double all = bytes + bytes / MARGIN_SHARE + MARGIN_BYTES;
    *needed = all < 0x1p62 ? (int64_t)all : INT64_MAX;
    return LL_OK;
}

ll_status ll_forecast_make(const ll_pipeline_options *options, const ll_catalog *catalog,
                           int64_t cols, ll_forecast *out, ll_error *err)
{
    const int64_t items = ll_max_i64(count_items(catalog), 1);
    ll_forecast f = {
        .extents = {.items = items,
                    .features = options->leave_out_features ? 0 : cols,
                    .neighbors = ll_min_i64(options->neighbors, ll_max_i64(items - 1, 1)),
                    .rejected = ll_catalog_rows(catalog) - items,
                    .matrix = options->matrix},
        .cols = cols,
        .texts = measure_texts(catalog),
        .scratch_bytes = items * cols * (int64_t)sizeof(float),
        .old_bytes = file_bytes(options->index_path),
    };

    if (f.extents.rejected < 0) f.extents.rejected = 0;
    LL_TRY(needed_with(&f, f.extents.matrix, f.extents.features, &f.file, &f.needed_bytes, err));
    LL_TRY(measure_room(options->index_path, &f.room_bytes, err));
    *out = f;
    return LL_OK;
}

/* "; --matrix uint16 needs 2.0 TB", appended to `text`. */
static void name_choice(const ll_forecast *f, const char *choice, ll_matrix_type matrix,
                        int64_t features, char *text, size_t size_bytes)
{
    char size[LL_NUMBER_TEXT];
    ll_store_size file;
    int64_t needed = 0;

    if (needed_with(f, matrix, features, &file, &needed, NULL) != LL_OK) return;
    ll_text_say_more(text, size_bytes, "; %s %s", choice, ll_number_size((double)needed, size));
}

ll_status ll_forecast_check(const ll_forecast *forecast, const ll_pipeline_options *options,
                            ll_error *err)
{
    const ll_store_extents *const e = &forecast->extents;
    char choices[128] = "", needed[LL_NUMBER_TEXT], room[LL_NUMBER_TEXT];

    if (forecast->needed_bytes <= forecast->room_bytes) return LL_OK;
    if (e->matrix == LL_MATRIX_FLOAT32)
        name_choice(forecast, "--matrix uint16 halves to", LL_MATRIX_UINT16, e->features, choices,
                    sizeof choices);
    if (e->matrix != LL_MATRIX_NONE)
        name_choice(forecast, "--matrix none leaves", LL_MATRIX_NONE, e->features, choices,
                    sizeof choices);
    else if (e->features > 0)
        name_choice(forecast, "--no-features leaves", LL_MATRIX_NONE, 0, choices, sizeof choices);
    return ll_fail(err, LL_ERR_IO, "%s: needs %s, the disk has %s free%s", options->index_path,
                   ll_number_size((double)forecast->needed_bytes, needed),
                   ll_number_size((double)forecast->room_bytes, room), choices);
}
