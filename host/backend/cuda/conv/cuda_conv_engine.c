/* host/backend/cuda/conv/cuda_conv_engine.c - which of cuDNN's engines may run a graph, their
 * names, and from a name back to a plan.
 *
 * A name is the engine's global index and every knob the heuristics set: "e4 k2=1,k13=0". Both mean
 * something within one version of cuDNN only, which is why caches of names are kept by version. */
#include "host/backend/cuda/conv/cuda_conv_graph.h"
#include "host/base/number.h"
#include "host/base/text.h"

#include <inttypes.h>
#include <string.h>

static const char k_splits[] = "splits sums by place";
enum { SPLIT_WORKSPACE = 4096 }; /* bytes: less is no partial sums of a tile, which take 64 KB */
/* Knobs have numbers; a cuDNN younger than its header may have more of them than that knows. */
enum { MAX_CONFIGS = 48, MAX_KNOBS = 64, MAX_KNOB = 999, MAX_NOTES = 32, FIELD = 24 };

/* An array of empty descriptors for GetAttribute to fill. */
static ll_status make_many(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out,
                           int count, ll_error *err)
{
    for (int i = 0; i < count; i++)
        LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(type, &out[i])));
    return LL_OK;
}

static void free_many(cudnnBackendDescriptor_t *descriptors, int count)
{
    for (int i = 0; i < count; i++)
        if (descriptors[i] != NULL) (void)cudnnBackendDestroyDescriptor(descriptors[i]);
}

static ll_status engine_of(const ll_conv_graph *graph, int64_t index, cudnnBackendDescriptor_t *out,
                           ll_error *err)
{
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, out)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph->graph)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64,
                                             1, &index)));
    if (graph->target.device != NULL)
        LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINE_DEVICEPROP,
                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                                 &graph->target.device)));
    return LL_CUDNN(cudnnBackendFinalize(*out));
}

/* ---- what an engine may do -------------------------------------------------------------- */

/* Some knobs cut sums where tiles happen to lie (stream-K): the tiles of the last wave are added up
 * in parts, the others are not, so an image's bits would depend on its place in the batch. */
static bool splits_sums(cudnnBackendKnobType_t type, int64_t value)
{
    switch (type) {
    case CUDNN_KNOB_TYPE_STREAM_K: return value != 0;
    case CUDNN_KNOB_TYPE_SPLIT_K_BUF:
    case CUDNN_KNOB_TYPE_SPLIT_K_SLC: return value > 1;
    default: return false;
    }
}

/* Another knob with the same effect: if it is 0, the precompiled engines for Hopper cards may use a
 * workspace, and those that do keep partial sums in it; if it is 1, they never do. */
static bool may_split_sums(cudnnBackendKnobType_t type, int64_t value)
{
    return type == CUDNN_KNOB_TYPE_WORKSPACE && value == 0;
}

/* Would results of this engine be what the type promises? */
static ll_conv_rule rule_of(cudnnBackendNumericalNote_t note, ll_conv_type type)
{
    const bool strict = type == LL_CONV_FP32;

    switch (note) {
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC: return LL_CONV_NOT_DETERMINISTIC;
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION: return LL_CONV_LOW_SUMS;
    case CUDNN_NUMERICAL_NOTE_FFT: return LL_CONV_FFT;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13: return LL_CONV_WINOGRAD;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
        /* rounds about ten times as much as a sum does */
        return strict ? LL_CONV_WINOGRAD : LL_CONV_ALLOWED;
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE: return strict ? LL_CONV_TENSOR_CORES : LL_CONV_ALLOWED;
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
        /* of fp32 inputs to TF32 that is what was asked for; of fp16 there is nothing to take */
        return strict ? LL_CONV_ROUNDED_INPUTS : LL_CONV_ALLOWED;
    default: return LL_CONV_ALLOWED;
    }
}

/* The last of its notes that refuses it. */
static ll_status engine_rule(cudnnBackendDescriptor_t engine, ll_conv_type type, ll_conv_rule *rule,
                             ll_error *err)
{
    cudnnBackendNumericalNote_t notes[MAX_NOTES];
    int64_t count = 0;

    LL_TRY(LL_CUDNN(cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                             CUDNN_TYPE_NUMERICAL_NOTE, MAX_NOTES, &count, notes)));
    *rule = LL_CONV_ALLOWED;
    for (int64_t i = 0; i < count && i < MAX_NOTES; i++)
        if (rule_of(notes[i], type) != LL_CONV_ALLOWED) *rule = rule_of(notes[i], type);
    return LL_OK;
}

void ll_conv_tally_text(const ll_conv_tally *tally, char text[256])
{
    static const char *const k_rules[LL_CONV_RULES] = {
        "",         "not deterministic", "sums below fp32", "FFT",
        "Winograd", "tensor cores",      "rounded inputs",  "split sums",
        "unable"};
    const int all = tally->offered + tally->known;
    int refused = 0;

    for (int i = 0; i < LL_CONV_RULES; i++)
        refused += tally->refused[i];
    ll_text_say(text, 256, "%d offered", tally->offered);
    if (tally->known > 0) ll_text_say_more(text, 256, ", %d known", tally->known);
    if (tally->added > 0) ll_text_say_more(text, 256, ", %d added", tally->added);
    for (int i = 0, told = 0; i < LL_CONV_RULES; i++) {
        if (tally->refused[i] == 0) continue;
        if (told == 0) ll_text_say_more(text, 256, ", %d refused (", refused);
        told += tally->refused[i];
        ll_text_say_more(text, 256, "%s %d%s", k_rules[i], tally->refused[i],
                         told < refused ? ", " : ")");
    }
    if (refused == all && tally->added == 0 && tally->last[0] != '\0')
        ll_text_say_more(text, 256, "; %s", tally->last);
}

/* ---- names ------------------------------------------------------------------------------ */

/* "k2=1,k13=0" of a configuration, behind what `text` already has. */
static ll_status append_knobs(cudnnBackendDescriptor_t config, char text[LL_CONV_ENGINE_TEXT],
                              ll_conv_rule *rule, ll_error *err)
{
    ll_status status = LL_OK;
    cudnnBackendDescriptor_t knobs[MAX_KNOBS] = {NULL};
    int64_t count = 0;

    LL_TRY_DONE(make_many(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, knobs, MAX_KNOBS, err));
    LL_TRY_DONE(LL_CUDNN(cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                                  CUDNN_TYPE_BACKEND_DESCRIPTOR, MAX_KNOBS, &count,
                                                  knobs)));
    *rule = count <= MAX_KNOBS ? LL_CONV_ALLOWED : LL_CONV_UNABLE;
    for (int64_t i = 0; i < count && *rule == LL_CONV_ALLOWED; i++) {
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        int64_t value = 0, got = 0;
        LL_TRY_DONE(LL_CUDNN(cudnnBackendGetAttribute(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                                                      CUDNN_TYPE_KNOB_TYPE, 1, &got, &type)));
        LL_TRY_DONE(LL_CUDNN(cudnnBackendGetAttribute(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                                                      CUDNN_TYPE_INT64, 1, &got, &value)));
        const size_t used = strlen(text);
        if (ll_text_fit(text + used, LL_CONV_NAME_TEXT - used, NULL, "%sk%d=%" PRId64,
                        i == 0 ? " " : ",", (int)type, value) != LL_OK)
            *rule = LL_CONV_UNABLE;
        if (splits_sums(type, value)) *rule = LL_CONV_SPLIT_SUMS;
    }
done:
    free_many(knobs, MAX_KNOBS);
    return status;
}

/* One configuration: its name, or that it is not for us. */
static ll_status describe(cudnnBackendDescriptor_t config, ll_conv_type type,
                          char text[LL_CONV_ENGINE_TEXT], ll_conv_rule *rule, ll_error *err)
{
    ll_status status = LL_OK;
    cudnnBackendDescriptor_t engine = NULL;
    int64_t index = -1, got = 0;

    *rule = LL_CONV_UNABLE;
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine)));
    LL_TRY_DONE(LL_CUDNN(cudnnBackendGetAttribute(
        config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &got, &engine)));
    LL_TRY_DONE(LL_CUDNN(cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX,
                                                  CUDNN_TYPE_INT64, 1, &got, &index)));
    LL_TRY_DONE(engine_rule(engine, type, rule, err));
    if (*rule != LL_CONV_ALLOWED) goto done;
    ll_text_exact(text, LL_CONV_NAME_TEXT, "e%" PRId64, index);
    LL_TRY_DONE(append_knobs(config, text, rule, err));
done:
    if (status != LL_OK) *rule = LL_CONV_UNABLE;
    free_many(&engine, 1);
    return status;
}

/* ---- heuristics ------------------------------------------------------------------------- */

static ll_status heuristics(const ll_conv_graph *graph, cudnnBackendHeurMode_t mode,
                            cudnnBackendDescriptor_t *out,
                            cudnnBackendDescriptor_t configs[MAX_CONFIGS], int64_t *offered,
                            ll_error *err)
{
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, out)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph->graph)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE,
                                             1, &mode)));
    if (graph->target.device != NULL)
        LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                                 &graph->target.device)));
    LL_TRY(LL_CUDNN(cudnnBackendFinalize(*out)));
    return LL_CUDNN(cudnnBackendGetAttribute(*out, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, MAX_CONFIGS, offered,
                                             configs));
}

static bool known(char (*engines)[LL_CONV_ENGINE_TEXT], int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (strcmp(engines[i], text) == 0) return true;
    return false;
}

static void refuse(ll_conv_tally *tally, ll_conv_rule rule, const ll_error *refused)
{
    tally->refused[rule]++;
    if (refused->text[0] != '\0') ll_text_say(tally->last, sizeof tally->last, "%s", refused->text);
}

/* Would this engine split sums at this batch size? Then change `text` to the variant that never
 * does; the heuristics offer that variant for some engines only, and perhaps not for their first
 * choice. */
static bool use_unsplit_variant(const ll_conv_graph *graph, char text[LL_CONV_ENGINE_TEXT])
{
    ll_error err = LL_ERROR_INIT;
    cudnnBackendDescriptor_t plan = NULL;
    char knob[FIELD];

    ll_text_exact(knob, sizeof knob, "k%d=0", (int)CUDNN_KNOB_TYPE_WORKSPACE);
    char *const at = strstr(text, knob);
    if (at == NULL) return false;
    const ll_status status = ll_conv_graph_plan(graph, text, &plan, &err);
    free_many(&plan, 1);
    if (status == LL_OK || strstr(err.text, k_splits) == NULL) return false;
    at[strlen(knob) - 1] = '1';
    return true;
}

/* Add what one mode offers. That it offers nothing, for whatever reason, is an answer: there are
 * others to ask. */
static ll_status add_offers(const ll_conv_graph *graph, cudnnBackendHeurMode_t mode,
                            ll_conv_type type, char (*engines)[LL_CONV_ENGINE_TEXT], int max,
                            int *count, ll_conv_tally *tally, ll_error *err)
{
    ll_status status = LL_OK;
    ll_error refused = LL_ERROR_INIT;
    cudnnBackendDescriptor_t asked = NULL, configs[MAX_CONFIGS] = {NULL};
    int64_t offered = 0;

    LL_TRY_DONE(make_many(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, configs, MAX_CONFIGS, err));
    if (heuristics(graph, mode, &asked, configs, &offered, &refused) != LL_OK) {
        ll_text_say(tally->last, sizeof tally->last, "%s", refused.text);
        goto done;
    }
    for (int64_t i = 0; i < offered && i < MAX_CONFIGS && *count < max; i++) {
        char text[LL_CONV_ENGINE_TEXT] = "";
        ll_conv_rule rule = LL_CONV_ALLOWED;
        refused = (ll_error)LL_ERROR_INIT;
        (void)describe(configs[i], type, text, &rule, &refused); /* a failure is a rule too */
        const bool twin = rule == LL_CONV_ALLOWED && use_unsplit_variant(graph, text);
        if (rule == LL_CONV_ALLOWED && !twin && known(engines, *count, text)) continue;
        tally->offered++;
        if (rule != LL_CONV_ALLOWED || twin)
            refuse(tally, twin ? LL_CONV_SPLIT_SUMS : rule, &refused);
        if (rule != LL_CONV_ALLOWED || known(engines, *count, text)) continue;
        memcpy(engines[(*count)++], text, sizeof text);
        tally->added += twin;
    }
done:
    free_many(configs, MAX_CONFIGS);
    free_many(&asked, 1);
    return status;
}

/* Every engine that knows a graph of this kind, without knobs: what is left where the heuristics
 * stay silent, which they do for graphs that only engines compiled at run time can take. */
static ll_status add_all(const ll_conv_graph *graph, ll_conv_type type,
                         char (*engines)[LL_CONV_ENGINE_TEXT], int max, int *count,
                         ll_conv_tally *tally, ll_error *err)
{
    int64_t all = 0, got = 0;

    LL_TRY(LL_CUDNN(cudnnBackendGetAttribute(graph->graph,
                                             CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT,
                                             CUDNN_TYPE_INT64, 1, &got, &all)));
    for (int64_t index = 0; index < all && *count < max; index++) {
        ll_error refused = LL_ERROR_INIT;
        cudnnBackendDescriptor_t engine = NULL;
        ll_conv_rule rule = LL_CONV_UNABLE;
        ll_status status = engine_of(graph, index, &engine, &refused);
        if (status == LL_OK) status = engine_rule(engine, type, &rule, &refused);
        if (rule == LL_CONV_ALLOWED)
            ll_text_exact(engines[(*count)++], LL_CONV_NAME_TEXT, "e%" PRId64, index);
        else
            refuse(tally, rule, &refused);
        tally->known++;
        free_many(&engine, 1);
    }
    return LL_OK;
}

ll_status ll_conv_graph_engines(const ll_conv_graph *graph, ll_conv_type type,
                                char (*engines)[LL_CONV_ENGINE_TEXT], int max, int *count,
                                ll_conv_tally *tally, ll_error *err)
{
    *count = 0;
    *tally = (ll_conv_tally){0};
    LL_TRY(add_offers(graph, CUDNN_HEUR_MODE_A, type, engines, max, count, tally, err));
    LL_TRY(add_offers(graph, CUDNN_HEUR_MODE_FALLBACK, type, engines, max, count, tally, err));
    if (*count > 0) return LL_OK;
    return add_all(graph, type, engines, max, count, tally, err);
}

/* ---- from a name to a plan -------------------------------------------------------------- */

/* "k13=0" up to a comma or the end, at *text, which moves behind it. */
static ll_status read_knob(const char **text, cudnnBackendKnobType_t *type, int64_t *value,
                           ll_error *err)
{
    char field[FIELD];
    int64_t number = 0;
    const size_t length = strcspn(*text, ",");
    const char *const equals = memchr(*text, '=', length);

    if (length >= sizeof field || **text != 'k' || equals == NULL)
        return ll_fail(err, LL_ERR_FORMAT, "engine: '%s' is no knob", *text);
    memcpy(field, *text + 1, length - 1);
    field[length - 1] = '\0';
    field[equals - *text - 1] = '\0';
    LL_TRY(ll_number_int("engine: knob", field, 0, MAX_KNOB, &number, err));
    *type = (cudnnBackendKnobType_t)number;
    LL_TRY(
        ll_number_int("engine: knob", field + (equals - *text), INT32_MIN, INT32_MAX, value, err));
    *text += length;
    if (**text == ',') (*text)++;
    return LL_OK;
}

static ll_status read_knobs(const char *text, cudnnBackendDescriptor_t *knobs, int *count,
                            bool *may_split, ll_error *err)
{
    while (*text != '\0') {
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        int64_t value = 0;
        if (*count == MAX_KNOBS) return ll_fail(err, LL_ERR_FORMAT, "engine: too many knobs");
        LL_TRY(read_knob(&text, &type, &value, err));
        if (splits_sums(type, value))
            return ll_fail(err, LL_ERR_UNSUPPORTED, "engine: %s", k_splits);
        *may_split = *may_split || may_split_sums(type, value);
        cudnnBackendDescriptor_t *const knob = &knobs[(*count)++];
        LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, knob)));
        LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                                                 CUDNN_TYPE_KNOB_TYPE, 1, &type)));
        LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                                                 CUDNN_TYPE_INT64, 1, &value)));
        LL_TRY(LL_CUDNN(cudnnBackendFinalize(*knob)));
    }
    return LL_OK;
}

static ll_status config_of(cudnnBackendDescriptor_t engine, const cudnnBackendDescriptor_t *knobs,
                           int count, cudnnBackendDescriptor_t *out, ll_error *err)
{
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, out)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINECFG_ENGINE,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine)));
    if (count > 0)
        LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, count, knobs)));
    return LL_CUDNN(cudnnBackendFinalize(*out));
}

static ll_status plan_of(const ll_conv_graph *graph, cudnnBackendDescriptor_t config,
                         cudnnBackendDescriptor_t *out, ll_error *err)
{
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, out)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config)));
    if (graph->target.handle != NULL)
        LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
                                                 CUDNN_TYPE_HANDLE, 1, &graph->target.handle)));
    else
        LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                                 &graph->target.device)));
    return LL_CUDNN(cudnnBackendFinalize(*out));
}

ll_status ll_conv_plan_workspace(cudnnBackendDescriptor_t plan, size_t *bytes, ll_error *err)
{
    int64_t wanted = 0, got = 0;

    LL_TRY(LL_CUDNN(cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                             CUDNN_TYPE_INT64, 1, &got, &wanted)));
    *bytes = wanted > 0 ? (size_t)wanted : 0;
    return LL_OK;
}

/* How many tiles a last wave has, and so whether sums are split, depends on the batch. */
static ll_status refuse_split(cudnnBackendDescriptor_t plan, const char *engine, ll_error *err)
{
    size_t bytes = 0;

    LL_TRY(ll_conv_plan_workspace(plan, &bytes, err));
    if (bytes <= SPLIT_WORKSPACE) return LL_OK;
    return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: it wants %zu bytes of workspace: engine %s",
                   k_splits, bytes, engine);
}

ll_status ll_conv_graph_plan(const ll_conv_graph *graph, const char *engine,
                             cudnnBackendDescriptor_t *out, ll_error *err)
{
    ll_status status = LL_OK;
    cudnnBackendDescriptor_t made = NULL, config = NULL, knobs[MAX_KNOBS] = {NULL};
    int knob_count = 0;
    bool may_split = false;
    int64_t index = -1;
    char field[FIELD];
    const size_t length = strcspn(engine, " ");

    *out = NULL;
    if (engine[0] != 'e' || length >= sizeof field)
        return ll_fail(err, LL_ERR_FORMAT, "engine: '%s' is no engine", engine);
    memcpy(field, engine + 1, length - 1);
    field[length - 1] = '\0';
    LL_TRY(ll_number_int("engine", field, 0, INT32_MAX, &index, err));
    LL_TRY_DONE(
        read_knobs(engine + length + (engine[length] == ' '), knobs, &knob_count, &may_split, err));
    LL_TRY_DONE(engine_of(graph, index, &made, err));
    LL_TRY_DONE(config_of(made, knobs, knob_count, &config, err));
    LL_TRY_DONE(plan_of(graph, config, out, err));
    if (may_split) LL_TRY_DONE(refuse_split(*out, engine, err));
done:
    if (status != LL_OK) {
        free_many(out, 1);
        *out = NULL;
    }
    free_many(&config, 1);
    free_many(&made, 1);
    free_many(knobs, MAX_KNOBS);
    return status;
}
