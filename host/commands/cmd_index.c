/* host/commands/cmd_index.c - `lookloom index`: the whole nightly run. */
#include "host/commands/command.h"

#include "host/backend/backend.h"
#include "host/base/parallel.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
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

/* The command line, as texts and numbers. */
struct request {
    const char *output, *weights, *backend, *precision, *layer, *preprocess, *resize, *exif, *alpha;
    const char *decoder, *matrix, *within, *id_column, *image_column, *image_template, *image_root;
    const char *delimiter, *progress;
    int64_t device, neighbors, jobs, batch, patience, max_pixels, max_bytes, memory;
    bool no_features, dry_run;
    double max_rejected, max_removed;
    ll_option_list keep;
};

static struct request defaults(void)
{
    const ll_image_options image = ll_image_options_default();

    return (struct request){
        .backend = "auto",
        .layer = "fc2",
        .exif = "ignore",
        .alpha = "drop",
        .decoder = "turbojpeg",
        .matrix = "float32",
        .progress = "auto",
        .neighbors = 100,
        .jobs = ll_parallel_cores(),
        .batch = LL_OPTION_UNSET,
        .patience = LL_OPTION_UNSET,
        .memory = LL_OPTION_UNSET,
        .max_pixels = image.max_pixels,
        .max_bytes = image.max_bytes,
        .max_rejected = 5.0,
        .max_removed = 20.0,
    };
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

static ll_image_options choose_image(const struct request *r)
{
    ll_image_options image = ll_image_options_default();

    if (r->preprocess != NULL && strcmp(r->preprocess, "torchvision") == 0)
        image.geometry = LL_GEOMETRY_TORCHVISION;
    if (r->resize != NULL)
        image.resize = strcmp(r->resize, "nearest") == 0 ? LL_RESIZE_NEAREST : LL_RESIZE_BILINEAR;
    image.exif = strcmp(r->exif, "apply") == 0 ? LL_EXIF_APPLY : LL_EXIF_IGNORE;
    image.alpha = strcmp(r->alpha, "white") == 0 ? LL_ALPHA_WHITE : LL_ALPHA_DROP;
    image.jpeg = strcmp(r->decoder, "stb") == 0 ? LL_DECODER_STB : LL_DECODER_TURBOJPEG;
    image.max_pixels = r->max_pixels;
    image.max_bytes = r->max_bytes;
    return image;
}

static ll_status choose(const struct request *r, const ll_log *log, ll_pipeline_options *out,
                        ll_error *err)
{
    if (r->output == NULL)
        return ll_fail(err, LL_ERR_ARGUMENT, "where to? add -o INDEX.h5; %s --help", k_program);
    *out = (ll_pipeline_options){
        .index_path = r->output,
        .catalog = {.id_column = r->id_column,
                    .image_column = r->image_column,
                    .image_template = r->image_template,
                    .image_root = r->image_root,
                    .keep = r->keep.items,
                    .keep_count = (int)r->keep.count},
        .weights_path = r->weights,
        .backend = r->backend,
        .precision = r->precision,
        .device = (int)r->device,
        .threads = (int)r->jobs,
        .batch = r->batch == LL_OPTION_UNSET ? 0 : (int)r->batch,
        .patience_s = r->patience == LL_OPTION_UNSET ? 0 : (int)r->patience,
        .layer = ll_vgg16_find(r->layer),
        .geometry_given = r->preprocess != NULL,
        .image = choose_image(r),
        .neighbors = r->neighbors,
        .matrix = (ll_matrix_type)ll_store_matrix_find(r->matrix),
        .leave_out_features = r->no_features,
        .within = r->within,
        .memory_bytes = r->memory == LL_OPTION_UNSET ? 0 : r->memory,
        .max_rejected = r->max_rejected,
        .max_removed = r->max_removed,
        .log = log,
    };
    return choose_delimiter(r->delimiter, &out->catalog.delimiter, err);
}

static ll_status parse(int argc, const char *const *argv, struct request *r, ll_arguments **out,
                       ll_error *err)
{
    const ll_option options[] = {
        {"output", 'o', LL_OPTION_TEXT, &r->output, "INDEX.h5", "the index to publish", 0, 0},
        {"weights", 0, LL_OPTION_TEXT, &r->weights, "FILE",
         "VGG16 weights; else $LOOKLOOM_WEIGHTS or what `lookloom weights fetch` left", 0, 0},
        {.kind = LL_OPTION_HEADING, .help = "The catalogue:"},
        {"id-column", 0, LL_OPTION_TEXT, &r->id_column, "NAME", "column of ids (id)", 0, 0},
        {"image-column", 0, LL_OPTION_TEXT, &r->image_column, "NAME", "column of paths (image)", 0,
         0},
        {"image-template", 0, LL_OPTION_TEXT, &r->image_template, "TEXT",
         "paths made from ids instead, e.g. 'images/{id}.jpg'", 0, 0},
        {"image-root", 0, LL_OPTION_TEXT, &r->image_root, "DIR",
         "folder that paths start from (the catalogue's)", 0, 0},
        {"delimiter", 0, LL_OPTION_TEXT, &r->delimiter, "CHAR", "',', ';' or tab (sniffed)", 0, 0},
        {"keep", 0, LL_OPTION_LIST, &r->keep, "COLUMN=VALUE", "index only these rows; repeatable",
         0, 0},
        {"max-rejected", 0, LL_OPTION_REAL, &r->max_rejected, "PERCENT",
         "publish nothing if more of the catalogue is rejected", 0, 100},
        {"max-removed", 0, LL_OPTION_REAL, &r->max_removed, "PERCENT",
         "publish nothing if more of the previous index is gone", 0, 100},
        {.kind = LL_OPTION_HEADING, .help = "From file to pixels:"},
        {"preprocess", 0, LL_OPTION_CHOICE, &r->preprocess, "keras|torchvision",
         "geometry (that of the weights)", 0, 0},
        {"resize", 0, LL_OPTION_CHOICE, &r->resize, "nearest|bilinear",
         "filter (that of the geometry)", 0, 0},
        {"exif", 0, LL_OPTION_CHOICE, &r->exif, "ignore|apply", "turn photos as EXIF says", 0, 0},
        {"alpha", 0, LL_OPTION_CHOICE, &r->alpha, "drop|white", "what transparency becomes", 0, 0},
        {"decoder", 0, LL_OPTION_CHOICE, &r->decoder, "turbojpeg|stb", "who decodes JPEG", 0, 0},
        {"max-pixels", 0, LL_OPTION_BYTES, &r->max_pixels, "N", "largest width x height", 1, 0},
        {"max-bytes", 0, LL_OPTION_BYTES, &r->max_bytes, "SIZE", "largest file", 1, 0},
        {.kind = LL_OPTION_HEADING, .help = "Features and scores:"},
        {"backend", 0, LL_OPTION_CHOICE, &r->backend, ll_backend_words(), "where to compute", 0, 0},
        {"device", 0, LL_OPTION_INT, &r->device, "N", "which CUDA device", 0, 1023},
        {"precision", 0, LL_OPTION_CHOICE, &r->precision, "fp32|tf32|fp16",
         "cpu: fp32; cuda: fp16 unless given", 0, 0},
        {"layer", 0, LL_OPTION_CHOICE, &r->layer, "fc2|fc1|pool5|gap", "which features", 0, 0},
        {"batch", 0, LL_OPTION_INT, &r->batch, "N", "images at a time (cpu 32, cuda 256)", 1, 4096},
        {"patience", 0, LL_OPTION_INT, &r->patience, "SECONDS",
         "how long cuda may try engines for all layers together (60)", 1, 86400},
        {"jobs", 0, LL_OPTION_INT, &r->jobs, "N", "threads", 1, 1024},
        {"memory", 0, LL_OPTION_BYTES, &r->memory, "SIZE",
         "memory of comparing, mapped files not counted: 512M, 4G (a quarter of the machine's)", 1,
         0},
        {.kind = LL_OPTION_HEADING, .help = "What the index holds:"},
        {"neighbors", 0, LL_OPTION_INT, &r->neighbors, "K", "best other items kept per item", 1,
         1024},
        {"matrix", 0, LL_OPTION_CHOICE, &r->matrix, "float32|float16|uint16|none",
         "how the full matrix is stored", 0, 0},
        {"within", 0, LL_OPTION_TEXT, &r->within, "COLUMN",
         "neighbours only among items of the same value", 0, 0},
        {"no-features", 0, LL_OPTION_FLAG, &r->no_features, NULL, "leave /features out", 0, 0},
        {.kind = LL_OPTION_HEADING, .help = "Talk:"},
        {"dry-run", 0, LL_OPTION_FLAG, &r->dry_run, NULL,
         "only say what it would take: disk, memory, seconds", 0, 0},
        {"progress", 0, LL_OPTION_CHOICE, &r->progress, LL_PROGRESS_WORDS,
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
    struct request request = defaults();
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;
    ll_pipeline_options options;

    LL_TRY_DONE(parse(argc, argv, &request, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 1, &err));
    const bool quiet = ll_arguments_quiet(arguments);
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(request.progress),
                                      .quiet = quiet,
                                      .verbose = ll_arguments_verbose(arguments)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    LL_TRY_DONE(choose(&request, ll_progress_log(progress), &options, &err));
    options.catalog_path = ll_arguments_at(arguments, 0);
    if (request.dry_run)
        LL_TRY_DONE(run_dry(&options, &code, &err));
    else
        LL_TRY_DONE(run_index(&options, quiet, &progress, &code, &err));
done:
    ll_progress_free(progress);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, code);
}
