/* host/commands/cmd_index.c - `lookloom index`: the whole nightly run. */
#include "host/commands/command.h"

#include "host/backend/backend.h"
#include "host/base/parallel.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/image/settings.h"
#include "host/vgg16/vgg16.h"

#include <string.h>

static const char k_program[] = "lookloom index";

static const ll_program k_index = {
    .name = k_program,
    .synopsis = "CATALOG -o INDEX.h5",
    .summary = "Read a catalogue (a CSV file or a folder), embed every photo with VGG16,\n"
               "compare every item with every other and publish one HDF5 file.",
    .notes = "The index appears whole or not at all; the one before stays as "
             "INDEX.previous.h5."};

/* What the options are read into. */
typedef struct request {
    ll_pipeline_options run;
    ll_option_list keep;
    const char *delimiter;
    const char *progress;
    bool dry_run;
} request;

static const int k_layers[] = {LL_VGG16_FC2, LL_VGG16_FC1, LL_VGG16_POOL5, LL_VGG16_GAP};
static const int k_matrices[] = {LL_MATRIX_FLOAT32, LL_MATRIX_FLOAT16, LL_MATRIX_UINT16,
                                 LL_MATRIX_NONE};

/* What is 0 or NULL here is found out later, or comes from below. */
static request defaults(void)
{
    request c = {
        .run = {.backend = "auto",
                .threads = ll_parallel_cores(),
                .layer = LL_VGG16_FC2,
                .image = ll_image_options_default(),
                .neighbors = 100,
                .matrix = LL_MATRIX_FLOAT32,
                .max_rejected = 5.0,
                .max_removed = 20.0},
        .progress = "auto",
    };
    c.run.image.geometry = LL_GEOMETRY_OF_WEIGHTS;
    return c;
}

static ll_status choose_delimiter(const char *text, char *out, ll_error *err)
{
    *out = '\0';
    if (text == NULL) return LL_OK;
    if (strcmp(text, ",") == 0 || strcmp(text, ";") == 0 || strcmp(text, "\t") == 0)
        *out = text[0];
    else if (strcmp(text, "tab") == 0)
        *out = '\t';
    else
        return ll_fail(err, LL_ERR_ARGUMENT, "--delimiter: '%s' is not ',', ';' or tab", text);
    return LL_OK;
}

/* What no option can store as it is meant. */
static ll_status complete(request *c, ll_error *err)
{
    if (c->run.index_path == NULL)
        return ll_fail(err, LL_ERR_ARGUMENT, "where to? add -o INDEX.h5; %s --help", k_program);
    c->run.catalog.keep = c->keep.items;
    c->run.catalog.keep_count = (int)c->keep.count;
    return choose_delimiter(c->delimiter, &c->run.catalog.delimiter, err);
}

/* clang-format off: kind and variable of a row */
#define FLAG(to)  LL_OPTION_FLAG, to, NULL
#define BYTES(to) LL_OPTION_BYTES, to
#define CHOICE(to, values)                                                                         \
    LL_OPTION_CHOICE, &(ll_choice)                                                                 \
    {                                                                                              \
        to, values                                                                                 \
    }
/* clang-format on */
#define SETTING(field, s)                                                                          \
    CHOICE(&r->image.field, ll_setting_values(LL_SETTING_##s)), ll_setting_words(LL_SETTING_##s)

static ll_status parse(int argc, const char *const *argv, request *c, ll_arguments **out,
                       ll_error *err)
{
    ll_pipeline_options *const r = &c->run;
    const ll_option options[] = {
        {"output", 'o', LL_OPTION_TEXT, &r->index_path, "INDEX.h5", "the index to publish", 0, 0},
        {"weights", 0, LL_OPTION_TEXT, &r->weights_path, "FILE",
         "VGG16 weights; else $LOOKLOOM_WEIGHTS or what `lookloom weights fetch` left", 0, 0},
        {.kind = LL_OPTION_HEADING, .help = "The catalogue:"},
        {"id-column", 0, LL_OPTION_TEXT, &r->catalog.id_column, "NAME", "column of ids (id)", 0, 0},
        {"image-column", 0, LL_OPTION_TEXT, &r->catalog.image_column, "NAME",
         "column of paths (image)", 0, 0},
        {"image-template", 0, LL_OPTION_TEXT, &r->catalog.image_template, "TEXT",
         "paths made from ids instead, e.g. 'images/{id}.jpg'", 0, 0},
        {"image-root", 0, LL_OPTION_TEXT, &r->catalog.image_root, "DIR",
         "folder that paths start from (the catalogue's)", 0, 0},
        {"delimiter", 0, LL_OPTION_TEXT, &c->delimiter, "CHAR", "',', ';' or tab (sniffed)", 0, 0},
        {"keep", 0, LL_OPTION_LIST, &c->keep, "COLUMN=VALUE", "index only these rows; repeatable",
         0, 0},
        {"max-rejected", 0, LL_OPTION_REAL, &r->max_rejected, "PERCENT",
         "publish nothing if more of the catalogue is rejected", 0, 100},
        {"max-removed", 0, LL_OPTION_REAL, &r->max_removed, "PERCENT",
         "publish nothing if more of the previous index is gone", 0, 100},
        {.kind = LL_OPTION_HEADING, .help = "From file to pixels:"},
        {"preprocess", 0, SETTING(geometry, PREPROCESS), "geometry (that of the weights)", 0, 0},
        {"resize", 0, SETTING(resize, RESIZE), "filter (that of the geometry)", 0, 0},
        {"exif", 0, SETTING(exif, EXIF), "turn photos as EXIF says", 0, 0},
        {"alpha", 0, SETTING(alpha, ALPHA), "what transparency becomes", 0, 0},
        {"decoder", 0, SETTING(jpeg, JPEG), "who decodes JPEG", 0, 0},
        {"max-pixels", 0, BYTES(&r->image.max_pixels), "N", "largest width x height", 1, 0},
        {"max-bytes", 0, BYTES(&r->image.max_bytes), "SIZE", "largest file", 1, 0},
        {.kind = LL_OPTION_HEADING, .help = "Features and scores:"},
        {"backend", 0, LL_OPTION_WORD, &r->backend, ll_backend_words(), "where to compute", 0, 0},
        {"device", 0, LL_OPTION_INT32, &r->device, "N", "which CUDA device", 0, 1023},
        {"precision", 0, LL_OPTION_WORD, &r->precision, "fp32|tf32|fp16",
         "cpu: fp32; cuda: fp16 unless given", 0, 0},
        {"layer", 0, CHOICE(&r->layer, k_layers), "fc2|fc1|pool5|gap", "which features", 0, 0},
        {"batch", 0, LL_OPTION_INT32, &r->batch, "N", "images at a time (cpu 32, cuda 256)", 1,
         4096},
        {"patience", 0, LL_OPTION_INT32, &r->patience_s, "SECONDS",
         "how long cuda may try engines for all layers together (60)", 1, 86400},
        {"jobs", 0, LL_OPTION_INT32, &r->threads, "N", "threads", 1, 1024},
        {"memory", 0, BYTES(&r->memory_bytes), "SIZE",
         "memory of comparing, mapped files not counted: 512M, 4G (a quarter of the machine's)", 1,
         0},
        {.kind = LL_OPTION_HEADING, .help = "What the index holds:"},
        {"neighbors", 0, LL_OPTION_INT, &r->neighbors, "K", "best other items kept per item", 1,
         1024},
        {"matrix", 0, CHOICE(&r->matrix, k_matrices), "float32|float16|uint16|none",
         "how the full matrix is stored", 0, 0},
        {"within", 0, LL_OPTION_TEXT, &r->within, "COLUMN",
         "neighbours only among items of the same value", 0, 0},
        {"no-features", 0, FLAG(&r->leave_out_features), "leave /features out", 0, 0},
        {.kind = LL_OPTION_HEADING, .help = "Talk:"},
        {"dry-run", 0, FLAG(&c->dry_run), "only say what it would take: disk, memory, seconds", 0,
         0},
        {"progress", 0, LL_OPTION_WORD, &c->progress, LL_PROGRESS_WORDS,
         "a bar on a terminal, a JSON line a second, or nothing", 0, 0},
        LL_OPTION_END,
    };
    return ll_arguments_parse(&k_index, argc, argv, options, out, err);
}

/* The forecast is printed even where the disk cannot hold it: it says what takes the room. */
static ll_status run_dry(const ll_pipeline_options *options, int *code, ll_error *err)
{
    ll_forecast forecast;
    const ll_status status = ll_pipeline_forecast(options, &forecast, err);

    if (forecast.refused[0] != '\0') {
        fprintf(stderr, "%s: nothing would be published: %s\n", k_program, forecast.refused);
        *code = LL_EXIT_NO;
    } else if (forecast.extents.items > 0) {
        ll_print_forecast(stdout, options->index_path, &forecast);
    }
    return status;
}

static ll_status run_index(const ll_pipeline_options *options, bool quiet, ll_progress **progress,
                           int *code, ll_error *err)
{
    ll_pipeline_summary summary;

    LL_TRY(ll_pipeline_index(options, &summary, err));
    ll_progress_free(*progress);
    *progress = NULL;
    if (summary.refused[0] != '\0') {
        fprintf(stderr, "%s: nothing published: %s\n", k_program, summary.refused);
        *code = LL_EXIT_NO;
    } else if (!quiet) {
        ll_print_summary(stderr, options->index_path, &summary);
    }
    return LL_OK;
}

int cmd_index(int argc, const char *const *argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    int code = LL_EXIT_DONE;
    request chosen = defaults();
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;

    LL_TRY_DONE(parse(argc, argv, &chosen, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 1, &err));
    const bool quiet = ll_arguments_quiet(arguments);
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(chosen.progress),
                                      .quiet = quiet,
                                      .verbose = ll_arguments_verbose(arguments)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    LL_TRY_DONE(complete(&chosen, &err));
    chosen.run.catalog_path = ll_arguments_at(arguments, 0);
    chosen.run.log = ll_progress_log(progress);
    if (chosen.dry_run)
        LL_TRY_DONE(run_dry(&chosen.run, &code, &err));
    else
        LL_TRY_DONE(run_index(&chosen.run, quiet, &progress, &code, &err));
done:
    ll_progress_free(progress);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, code);
}
