/* tests/unit/unit_emulated_library.c - the emulated card's kernels, products and convolutions are
 * right, and wait in their queues as on a card. */
#include "host/backend/cuda/conv/cuda_conv.h"
#include "host/backend/cuda/gemm/cuda_gemm.h"
#include "kernels/half.h"
#include "kernels/normalize.h"
#include "tests/cuda_emulated/card.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void ok_ll(ll_status status, const ll_error *err)
{
    if (status != LL_OK) fail_msg("%s", err->text);
}

static void a_kernel_waits_in_its_queue(void **state)
{
    (void)state;
    ll_emulated *const card = begin(0);
    float rows[2][2] = {{3.0f, 4.0f}, {0.0f, 2.0f}}, norms[2];
    cudaStream_t s = stream();
    float *const x = device(sizeof rows), *const lengths = device(sizeof norms);

    ok(cudaMemcpyAsync(x, rows, sizeof rows, cudaMemcpyHostToDevice, s));
    ok(ll_normalize_rows_cuda(x, 2, 2, lengths, s));
    assert_int_equal(card->launches, 0);
    ok(cudaMemcpyAsync(norms, lengths, sizeof norms, cudaMemcpyDeviceToHost, s));
    assert_int_equal(card->launches, 3);
    assert_true(norms[0] == 5.0f && norms[1] == 2.0f);
    ok(cudaStreamDestroy(s));
    ok(cudaFree(x));
    ok(cudaFree(lengths));
    nothing_left(card);
}

static void *put(const void *values, size_t bytes)
{
    void *const memory = device(bytes);
    ok(cudaMemcpy(memory, values, bytes, cudaMemcpyHostToDevice));
    return memory;
}

static float value(int i)
{
    return (float)((i * 37 + 11) % 17 - 8) / 8.0f;
}

/* c = relu(alpha a b^T + bias), halves in and out, against double. */
static void a_product_is_right(void **state)
{
    enum { M = 3, N = 5, K = 7 };
    const ll_gemm_shape shape = {.m = M, .n = N, .k = K, .type = LL_GEMM_FP16, .bias_relu = true};
    uint16_t a[M * K], b[N * K], c[M * N];
    uint16_t bias[N];
    char text[64];
    ll_gemm_library *library = NULL;
    ll_gemm *gemm = NULL;
    ll_error err = LL_ERROR_INIT;

    (void)state;
    ll_emulated *const card = begin(0);
    for (int i = 0; i < M * K; i++)
        a[i] = ll_half_bits(value(i));
    for (int i = 0; i < N * K; i++)
        b[i] = ll_half_bits(value(i + 5));
    for (int i = 0; i < N; i++)
        bias[i] = ll_half_bits(value(i + 3));
    ok_ll(ll_gemm_library_open(&library, text, &err), &err);
    ok_ll(ll_gemm_make(library, &shape, "sgemm 2", &gemm, &err), &err);
    void *const da = put(a, sizeof a), *const db = put(b, sizeof b), *const dc = device(sizeof c);
    void *const dbias = put(bias, sizeof bias);
    void *const workspace = device(ll_gemm_workspace_bytes(gemm));
    ok_ll(ll_gemm_run(gemm, 0.5f, da, db, dbias, dc, workspace, NULL, &err), &err);
    ok(cudaMemcpy(c, dc, sizeof c, cudaMemcpyDeviceToHost));
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double want = 0.0;
            for (int k = 0; k < K; k++)
                want += (double)value(i * K + k) * (double)value(j * K + k + 5);
            want = fmax(0.5 * want + (double)value(j + 3), 0.0);
            assert_int_equal(c[i * N + j], ll_half_bits((float)want));
        }
    void *const all[] = {da, db, dc, dbias, workspace};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ok(cudaFree(all[i]));
    ll_gemm_free(gemm);
    ll_gemm_library_close(library);
    nothing_left(card);
}

enum { SIDE = 10, IN = 4, OUT = 3, BATCH = 2, TAPS = 9 };

/* One value of the definition, before the pool. */
static double convolved(int image, int row, int column, int out)
{
    double sum = 0.0;
    for (int tap = 0; tap < TAPS; tap++)
        for (int i = 0; i < IN; i++) {
            const int r = row + tap / 3 - 1, c = column + tap % 3 - 1;
            if (r < 0 || r >= SIDE || c < 0 || c >= SIDE) continue;
            sum += (double)value(((image * SIDE + r) * SIDE + c) * IN + i) *
                   (double)value((out * TAPS + tap) * IN + i + 9);
        }
    return fmax(0.25 * sum + (double)value(out + 2), 0.0);
}

static void check_convolution(const float *y, bool pool)
{
    const int side = pool ? SIDE / 2 : SIDE;
    for (int k = 0; k < BATCH * side * side * OUT; k++) {
        const int o = k % OUT, c = k / OUT % side, r = k / OUT / side % side;
        const int image = k / OUT / side / side;
        double want = pool ? 0.0 : convolved(image, r, c, o);
        for (int i = 0; pool && i < 4; i++)
            want = fmax(want, convolved(image, 2 * r + i / 2, 2 * c + i % 2, o));
        if (fabs((double)y[k] - want) > 1e-5)
            fail_msg("pool %d, value %d: %g instead of %g", pool, k, (double)y[k], want);
    }
}

static void a_convolution_is_right(void **state)
{
    static float x[BATCH * SIDE * SIDE * IN], w[OUT * TAPS * IN], y[BATCH * SIDE * SIDE * OUT];
    float bias[OUT];
    char version[LL_CONV_VERSION_TEXT], engines[8][LL_CONV_ENGINE_TEXT], why[256];
    ll_conv_library *library = NULL;
    ll_error err = LL_ERROR_INIT;
    int count = 0;

    (void)state;
    ll_emulated *const card = begin(0);
    for (int i = 0; i < BATCH * SIDE * SIDE * IN; i++)
        x[i] = value(i);
    for (int i = 0; i < OUT * TAPS * IN; i++)
        w[i] = value(i + 9);
    for (int i = 0; i < OUT; i++)
        bias[i] = value(i + 2);
    void *const dx = put(x, sizeof x), *const dw = put(w, sizeof w), *const dy = device(sizeof y);
    float *const dbias = put(bias, sizeof bias);
    ok_ll(ll_conv_library_open(&library, version, &err), &err);
    for (int pool = 0; pool < 2; pool++) {
        const ll_conv_shape shape = {BATCH, SIDE, IN, OUT, LL_CONV_FP32, pool, false};
        ok_ll(ll_conv_engines(library, &shape, engines, 8, &count, why, &err), &err);
        int made = 0;
        for (int e = 0; e < count; e++) {
            ll_conv *conv = NULL;
            const ll_status status = ll_conv_make(library, &shape, engines[e], 0.25f, &conv, &err);
            if (status == LL_ERR_UNSUPPORTED) continue;
            ok_ll(status, &err);
            void *workspace = NULL;
            ok(cudaMalloc(&workspace, ll_conv_workspace_bytes(conv)));
            ok_ll(ll_conv_run(conv, dx, dw, dbias, dy, workspace, NULL, &err), &err);
            ok(cudaMemcpy(y, dy, sizeof y, cudaMemcpyDeviceToHost));
            check_convolution(y, pool);
            ok(cudaFree(workspace));
            ll_conv_free(conv);
            made++;
        }
        assert_true(made >= 2 && made < count);
    }
    ok(cudaFree(dx));
    ok(cudaFree(dw));
    ok(cudaFree(dy));
    ok(cudaFree(dbias));
    ll_conv_library_close(library);
    nothing_left(card);
}

/* Names as long as they may be, whose ends count, stay whole behind "plain ". */
static void plain_names_are_whole(void **state)
{
    char engines[2][LL_CONV_ENGINE_TEXT];
    ll_conv_shape shape = {.type = LL_CONV_FP32};

    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(engines[i], '1', sizeof engines[i]);
        memcpy(engines[i], "e4 k2=", 6);
        engines[i][LL_CONV_NAME_TEXT - 2] = (char)('2' + i);
        engines[i][LL_CONV_NAME_TEXT - 1] = '\0';
    }
    ll_conv_plain_mark(engines, 2);
    for (int i = 0; i < 2; i++) {
        const char *engine = engines[i];
        ok_ll(ll_conv_plain_read(&engine, &shape, NULL), NULL);
        assert_true(shape.plain);
        assert_int_equal(strlen(engine), LL_CONV_NAME_TEXT - 1);
        assert_int_equal(engine[LL_CONV_NAME_TEXT - 2], '2' + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_waits_in_its_queue),
        cmocka_unit_test(a_product_is_right),
        cmocka_unit_test(a_convolution_is_right),
        cmocka_unit_test(plain_names_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
