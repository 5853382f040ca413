/* tests/cuda_net_fixture.c - see cuda_net_fixture.h. */
#include "tests/cuda_net_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

const struct ll_backend_ops *ll_backend_module(void); /* the module's one symbol */

static void keep_line(void *to, const char *text)
{
    net_card *const card = to;
    const size_t used = strlen(card->logged);
    snprintf(card->logged + used, sizeof card->logged - used, "%s\n", text);
}

static void keep_detail(void *to, const char *text)
{
    net_card *const card = to;
    const size_t used = strlen(card->details);
    snprintf(card->details + used, sizeof card->details - used, "%s\n", text);
}

void net_card_open(net_card *card, const char *precision, int batch)
{
    ll_error err = LL_ERROR_INIT;

    memset(card, 0, sizeof *card);
    card->log = (ll_log){.to = card, .line = keep_line, .detail = keep_detail};
    const ll_backend_options options = {
        .precision = precision, .batch = batch, .slots = 1, .log = &card->log};
    card->be.ops = ll_backend_module();
    card->be.slots = options.slots;
    card->be.rows = -1;
    card->be.weights_describe = ll_weights_describe;
    card->be.weights_load = ll_weights_load;
    if (card->be.ops->open(&card->be, &options, &err) != LL_OK) fail_msg("%s", err.text);
    card->be.batch = card->be.ops->describe(&card->be).batch;
    if (ll_weights_open("caffe:3:", &card->weights, &err) != LL_OK) fail_msg("%s", err.text);
}

void net_card_close(net_card *card)
{
    const ll_emulated *const emulated = ll_emulated_card();

    ll_weights_close(card->weights);
    card->be.ops->close(&card->be);
    assert_string_equal(emulated->misuse, "");
    assert_int_equal(emulated->alive, 0);
    assert_int_equal(emulated->used_bytes, 0);
}

ll_net *net_card_create(net_card *card, int layer, const char *engines)
{
    const ll_net_options options = {.layer = layer, .normalize = true, .engines = engines};
    ll_error err = LL_ERROR_INIT;
    ll_net *net = NULL;

    if (card->be.ops->net_create(&card->be, card->weights, &options, &net, &err) != LL_OK)
        fail_msg("%s", err.text);
    return net;
}

ll_status net_card_forward(net_card *card, ll_net *net, const uint8_t *pixels, int n,
                           float *features, float *norms, ll_error *err)
{
    LL_TRY(card->be.ops->forward_submit(&card->be, net, 0, pixels, n, err));
    return card->be.ops->forward_wait(&card->be, net, 0, features, norms, err);
}
