/* tests/cuda_net_fixture.h - the cuda backend linked into the test, on the emulated card, with a
 * drawn network: for tests that look into what lookloom-cuda-emulated.so hides. */
#ifndef LL_TESTS_CUDA_NET_FIXTURE_H
#define LL_TESTS_CUDA_NET_FIXTURE_H

#include "host/backend/cuda/net/cuda_net.h"
#include "tests/cuda_emulated/emulated.h"
#include "weights/weights.h"

typedef struct net_card {
    ll_backend be;
    ll_weights *weights;
    ll_log log;
    char logged[4096], details[1 << 17];
} net_card;

/** The card as it is now (ll_emulated_reset() first), slots 1; fails the test if it does not open.
 *  The backend is `card->be`, its weights caffe-scaled, of seed 3. */
void net_card_open(net_card *card, const char *precision, int batch);
void net_card_close(net_card *card); /* and nothing of the card may be left in use */

/** Fails the test with the error's text if it cannot. `engines` as in ll_net_options. */
ll_net *net_card_create(net_card *card, int layer, const char *engines);

/** One batch of `n` photos, to the end; `norms` may be NULL. */
LL_NODISCARD ll_status net_card_forward(net_card *card, ll_net *net, const uint8_t *pixels, int n,
                                        float *features, float *norms, ll_error *err);

#endif
