/* host/commands/cmd_weights.c - `lookloom weights`: get a network, make one, or ask what one is. */
#include "host/commands/command.h"

#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/vgg16/vgg16.h"
#include "weights/fetch.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

static const char k_program[] = "lookloom weights";

static ll_status print_info(const char *path, ll_error *err)
{
    ll_weights *weights = NULL;
    char parameters[LL_NUMBER_TEXT];

    LL_TRY(ll_weights_open(path, &weights, err));
    const ll_weights_info *const info = ll_weights_describe(weights);
    printf("path        %s\nname        %s\nlayout      %s\ntype        %s\n", info->path,
           info->name, info->layout, info->types);
    printf("trained     %s\nlast layer  %s\nparameters  %s\n",
           info->trained ? "yes" : "no, untrained", ll_vgg16_name(info->last_layer),
           ll_number_grouped(ll_vgg16_parameters(info->last_layer), parameters));
    printf("input       %s\nsha256      %s\n",
           info->scale == LL_INPUT_CAFFE ? "keras: BGR minus means" : "torchvision: RGB, scaled",
           info->sha256);
    if (info->license[0] != '\0') printf("licence     %s\n", info->license);
    ll_weights_close(weights);
    return LL_OK;
}

static ll_status fetch(const char *name, const char *output, int64_t timeout_s, const ll_log *log,
                       ll_error *err)
{
    ll_status status = LL_OK;
    char *target = NULL, *folder = NULL;
    const ll_weights_source *const source = ll_weights_source_find(name);

    if (source == NULL)
        return ll_fail(err, LL_ERR_ARGUMENT, "no weights called '%s'; known: keras, keras-notop",
                       name);
    if (output != NULL) {
        LL_TRY_DONE(ll_text_copy(output, strlen(output), &target, err));
    } else {
        LL_TRY_DONE(ll_weights_folder(&folder, err));
        LL_TRY_DONE(ll_text_format(&target, err, "%s/%s", folder, source->file));
    }
    LL_TRY_DONE(ll_weights_fetch(source, target, (long)timeout_s, log, err));
    printf("%s: %s\n", target, source->license);
done:
    free(folder);
    free(target);
    return status;
}

struct request {
    const char *output, *progress;
    int64_t seed, jobs, timeout_s;
};

static ll_status parse(int argc, const char *const *argv, struct request *r, ll_arguments **out,
                       ll_error *err)
{
    const ll_option options[] = {
        {"output", 'o', LL_OPTION_TEXT, &r->output, "FILE",
         "where the file goes (fetch: where --weights looks by itself)", 0, 0},
        {"seed", 0, LL_OPTION_INT, &r->seed, "S", "synth: which untrained network", 0, 9e15},
        {"jobs", 0, LL_OPTION_INT, &r->jobs, "N", "synth: threads", 1, 1024},
        {"timeout", 0, LL_OPTION_INT, &r->timeout_s, "SECONDS", "fetch: give up after; 0 is never",
         0, 1e6},
        {"progress", 0, LL_OPTION_WORD, &r->progress, LL_PROGRESS_WORDS,
         "a bar on a terminal, a JSON line a second, or nothing", 0, 0},
        LL_OPTION_END,
    };
    const ll_program program = {
        .name = k_program,
        .synopsis = "fetch keras|keras-notop | synth -o FILE | info FILE",
        .summary = "fetch: download the published VGG16, resumed and checked against its digest.\n"
                   "synth: make an untrained network for demos, tests and benchmarks.\n"
                   "info: describe a weights file.",
        .notes = "The published weights are CC-BY 4.0, Visual Geometry Group, Oxford."};
    return ll_arguments_parse(&program, argc, argv, options, out, err);
}

static ll_status run(const ll_arguments *arguments, const struct request *r, const ll_log *log,
                     ll_error *err)
{
    const char *const verb = ll_arguments_at(arguments, 0);
    const bool two = ll_arguments_count(arguments) == 2;

    if (strcmp(verb, "info") == 0 && two) return print_info(ll_arguments_at(arguments, 1), err);
    if (strcmp(verb, "fetch") == 0 && two)
        return fetch(ll_arguments_at(arguments, 1), r->output, r->timeout_s, log, err);
    if (strcmp(verb, "synth") == 0 && !two && r->output != NULL)
        return ll_pipeline_synth(r->output, (uint64_t)r->seed, (int)r->jobs, log, err);
    return ll_fail(err, LL_ERR_ARGUMENT,
                   "expected fetch keras, synth -o FILE or info FILE; %s --help", k_program);
}

int cmd_weights(int argc, const char *const *argv)
{
    struct request request = {.progress = "auto", .seed = 1, .jobs = ll_parallel_cores()};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;

    LL_TRY_DONE(parse(argc, argv, &request, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 2, &err));
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(request.progress),
                                      .quiet = ll_arguments_quiet(arguments)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    LL_TRY_DONE(run(arguments, &request, ll_progress_log(progress), &err));
done:
    ll_progress_free(progress);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, LL_EXIT_DONE);
}
