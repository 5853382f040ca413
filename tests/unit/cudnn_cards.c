/* tests/unit/cudnn_cards.c - see cudnn_cards.h. */
#include "tests/unit/cudnn_cards.h"
#include "host/backend/cuda/conv/cuda_conv_shape.h"
#include "host/base/file.h"
#include "host/vgg16/vgg16.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 16 };

static const char *const k_types[] = {"fp16", "tf32", "fp32"};

/* ---- cards ------------------------------------------------------------------------------ */

static int open_card(cudnn_card *card)
{
    static const char k_memory[] = "\"totalGlobalMem\": ";
    uint8_t *json = NULL;
    size_t size_bytes = 0;
    ll_error err = LL_ERROR_INIT;

    ll_status status = ll_file_read(card->path, MAX_BYTES - 1, &json, &size_bytes, &err);
    if (status == LL_OK)
        status = ll_conv_device_of((const char *)json, size_bytes, &card->target.device, &err);
    if (status != LL_OK) printf("%s\n", err.text);
    for (size_t i = 0; status == LL_OK && i + sizeof k_memory < size_bytes; i++)
        if (memcmp(json + i, k_memory, sizeof k_memory - 1) == 0)
            card->memory_bytes = strtoull((const char *)json + i + sizeof k_memory - 1, NULL, 10);
    free(json);
    if (strstr(err.text, "SUBLIBRARY_LOADING_FAILED") != NULL) return 77;
    return status == LL_OK ? 0 : 1;
}

int cudnn_cards_open(cudnn_card cards[CUDNN_CARDS])
{
    cards[0] = (cudnn_card){.name = "sm_90", .path = "tests/reference/h200_properties.json"};
    cards[1] = (cudnn_card){.name = "sm_80", .path = "tests/reference/a100_properties.json"};
    const int closed = open_card(&cards[0]);
    return closed != 0 ? closed : open_card(&cards[1]);
}

void cudnn_cards_close(cudnn_card cards[CUDNN_CARDS])
{
    for (int i = 0; i < CUDNN_CARDS; i++)
        if (cards[i].target.device != NULL) cudnnBackendDestroyDescriptor(cards[i].target.device);
}

/* ---- engines ---------------------------------------------------------------------------- */

ll_conv_shape cudnn_shape(int layer, int batch, ll_conv_type type)
{
    return ll_conv_shape_of(layer, type, batch, false);
}

/* What cuDNN said last of why an engine cannot. */
static bool lacks_driver;

static void listen(cudnnSeverity_t severity, void *to, const cudnnDebug_t *about, const char *text)
{
    (void)severity, (void)to, (void)about;
    if (strstr(text, "libcuda == nullptr") != NULL) lacks_driver = true;
}

static cudnn_verdict compute_verdict(const cudnn_card *card, const ll_conv_graph *graph,
                                     const char *engine, char reason[CUDNN_REASON])
{
    ll_error err = LL_ERROR_INIT;
    cudnnBackendDescriptor_t plan = NULL;
    size_t bytes = 0;

    lacks_driver = false;
    ll_status status = ll_conv_graph_plan(graph, engine, &plan, &err);
    if (status == LL_OK) {
        status = ll_conv_plan_workspace(plan, &bytes, &err);
        cudnnBackendDestroyDescriptor(plan);
    }
    if (status == LL_OK && bytes <= ll_conv_workspace_max(card->memory_bytes)) return CUDNN_PLAN;
    if (lacks_driver || strstr(err.text, "RUNTIME_PREREQUISITE_MISSING") != NULL ||
        strstr(err.text, "EXECUTION_FAILED_CUDA_DRIVER") != NULL) /* a libcuda without one */
        return CUDNN_MISSING;
    if (status == LL_OK)
        snprintf(reason, CUDNN_REASON, "engine %.100s wants %zu bytes", engine, bytes);
    else
        snprintf(reason, CUDNN_REASON, "%.255s", err.text);
    return status == LL_OK ? CUDNN_LARGE : CUDNN_UNABLE;
}

static bool is_among(char (*engines)[LL_CONV_ENGINE_TEXT], int count, const char *engine)
{
    for (int i = 0; i < count; i++)
        if (strcmp(engines[i], engine) == 0) return true;
    return false;
}

ll_status cudnn_row_fill(const cudnn_card *card, const ll_conv_shape *shape, cudnn_effort effort,
                         cudnn_row *row, ll_error *err)
{
    static char engines[CUDNN_ENGINES][LL_CONV_ENGINE_TEXT];
    static char strict[CUDNN_ENGINES][LL_CONV_ENGINE_TEXT];
    ll_status status = LL_OK;
    ll_conv_graph graph;
    ll_conv_tally unused;
    int strict_count = 0;

    memset(row, 0, sizeof *row);
    cudnnSetCallback(CUDNN_SEV_ERROR_EN | CUDNN_SEV_WARNING_EN, NULL, listen);
    LL_TRY(ll_conv_graph_build(&card->target, shape, 1.0f, &graph, err));
    LL_TRY_DONE(ll_conv_graph_engines(&graph, shape->type, engines, CUDNN_ENGINES, &row->count,
                                      &row->tally, err));
    if (effort != CUDNN_FIRST)
        LL_TRY_DONE(ll_conv_graph_engines(&graph, LL_CONV_FP32, strict, CUDNN_ENGINES,
                                          &strict_count, &unused, err));
    for (int i = 0; i < row->count && !(effort != CUDNN_ALL && cudnn_row_left(row) > 0); i++) {
        const cudnn_verdict verdict = compute_verdict(card, &graph, engines[i], row->reason);
        row->verdicts[verdict]++;
        if (verdict != CUDNN_PLAN && verdict != CUDNN_MISSING) continue;
        row->tensor += effort != CUDNN_FIRST && !is_among(strict, strict_count, engines[i]);
        if (cudnn_row_left(row) == 1) memcpy(row->first, engines[i], sizeof row->first);
    }
done:
    ll_conv_graph_release(&graph);
    return status;
}

int cudnn_row_left(const cudnn_row *row)
{
    return row->verdicts[CUDNN_PLAN] + row->verdicts[CUDNN_MISSING];
}

/* ---- the table -------------------------------------------------------------------------- */

static ll_status print_row(const cudnn_card *card, int layer, const ll_conv_shape *shape,
                           ll_error *err)
{
    cudnn_row row;
    char tally[256];

    LL_TRY(cudnn_row_fill(card, shape, CUDNN_ALL, &row, err));
    ll_conv_tally_text(&row.tally, tally);
    printf("%s %-7s %s%-6s %3d  %2d left, %2d of them on tensor cores, first %s; "
           "%2d too large, %2d unable, %2d to be compiled; %s\n",
           card->name, ll_vgg16_name(layer), k_types[shape->type],
           shape->pool    ? " pool"
           : shape->plain ? " plain"
                          : "",
           shape->batch, cudnn_row_left(&row), row.tensor,
           row.first[0] != '\0' ? row.first : "none", row.verdicts[CUDNN_LARGE],
           row.verdicts[CUDNN_UNABLE], row.verdicts[CUDNN_MISSING], tally);
    return LL_OK;
}

ll_status cudnn_table_print(const cudnn_card cards[CUDNN_CARDS], int batch, ll_error *err)
{
    for (int c = 0; c < CUDNN_CARDS; c++)
        for (int type = 0; type < 3; type++)
            for (int i = 0; i < LL_VGG16_POOL5; i++) {
                ll_conv_shape shape = cudnn_shape(i, batch, (ll_conv_type)type);
                if (ll_vgg16_layer_at(i)->kind != LL_VGG16_CONV) continue;
                LL_TRY(print_row(&cards[c], i, &shape, err));
                shape.pool = true;
                if (ll_vgg16_layer_at(i + 1)->kind == LL_VGG16_POOL)
                    LL_TRY(print_row(&cards[c], i, &shape, err));
                shape.pool = false;
                shape.plain = true;
                if (shape.type != LL_CONV_FP16) LL_TRY(print_row(&cards[c], i, &shape, err));
            }
    return LL_OK;
}
