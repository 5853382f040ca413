/* tests/unit/unit_cuda_engines.c - engines chosen before: kept in a file that may be cut short,
 * changed, of another card or driver, or impossible to write; and taken from an index. And what a
 * comparison says of its products.
 *
 * On the emulated card, idle, with weights of zero: what is computed is not looked at here. */
#include "host/backend/cuda/engines/cuda_engine_text.h"
#include "host/base/file.h"
#include "host/vgg16/vgg16.h"
#include "tests/cuda_net_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONV1_2 = 1, PATH = 512, TEXT = 4096, MAX_BYTES = 1 << 16 };

static char home[64], folder[PATH];

/* ---- files ------------------------------------------------------------------------------ */

/* The files of the cache; the last one's path. */
static int files(char path[PATH])
{
    DIR *const open = opendir(folder);
    int count = 0;

    path[0] = '\0';
    if (open == NULL) return 0;
    for (const struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, PATH, "%.200s/%.255s", folder, entry->d_name);
        count++;
    }
    closedir(open);
    return count;
}

static void only_file(char path[PATH])
{
    assert_int_equal(files(path), 1);
}

static void empty_cache(void)
{
    char path[PATH];

    while (files(path) > 0)
        assert_int_equal(remove(path), 0);
}

static size_t read_all(const char *path, uint8_t **bytes)
{
    ll_error err = LL_ERROR_INIT;
    size_t size = 0;

    if (ll_file_read(path, MAX_BYTES, bytes, &size, &err) != LL_OK) fail_msg("%s", err.text);
    return size;
}

static void write_all(const char *path, const void *bytes, size_t size)
{
    ll_error err = LL_ERROR_INIT;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(ll_file_pwrite(fd, bytes, size, 0, path, &err), LL_OK);
    close(fd);
}

static int setup(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/unit_cuda_engines-XXXXXX");
    if (mkdtemp(home) == NULL) return -1;
    snprintf(folder, sizeof folder, "%s/lookloom", home);
    return setenv("XDG_CACHE_HOME", home, 1);
}

static int teardown(void **state)
{
    (void)state;
    empty_cache();
    rmdir(folder);
    return rmdir(home);
}

/* ---- the file, without a network ---------------------------------------------------------- */

static struct sheet {
    struct cuda_state state;
    ll_net net;
    ll_log log;
    char said[TEXT];
} sheet;

static void keep_line(void *to, const char *text)
{
    (void)to;
    const size_t used = strlen(sheet.said);
    snprintf(sheet.said + used, sizeof sheet.said - used, "%s\n", text);
}

/* A net with engines, and a cache that holds them alone. */
static void fill_sheet(void)
{
    static char card[] = "A card, 9.0, 132 SMs", libraries[] = "driver 13.0, cuDNN 9.19.0";
    ll_error err = LL_ERROR_INIT;

    memset(&sheet, 0, sizeof sheet);
    sheet.log = (ll_log){.line = keep_line};
    sheet.state.log = &sheet.log;
    sheet.state.device_text = card;
    sheet.state.libraries = libraries;
    sheet.net.state = &sheet.state;
    sheet.net.last = LL_VGG16_FC2;
    sheet.net.batch = 256;
    for (int i = 0; i <= sheet.net.last; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            snprintf(sheet.net.layers[i].engine, LL_CONV_ENGINE_TEXT, "e%d k2=1,k13=0", i);
    sheet.net.layers[CONV1_2].pooled = true;
    empty_cache();
    if (ll_cuda_cache_write(&sheet.net, &err) != LL_OK) fail_msg("%s", err.text);
}

static bool cached(struct cuda_layer layers[LL_CUDA_LAYERS])
{
    ll_error err = LL_ERROR_INIT;
    bool found = false;

    memset(layers, 0, LL_CUDA_LAYERS * sizeof *layers);
    sheet.said[0] = '\0';
    if (ll_cuda_cache_read(&sheet.net, layers, &found, &err) != LL_OK) fail_msg("%s", err.text);
    return found;
}

static void same_engines(const struct cuda_layer got[])
{
    for (int i = 0; i <= sheet.net.last; i++) {
        assert_string_equal(got[i].engine, sheet.net.layers[i].engine);
        assert_int_equal(got[i].pooled, sheet.net.layers[i].pooled);
    }
}

static void what_is_written_is_read(void **state)
{
    static struct cuda_layer got[LL_CUDA_LAYERS];
    ll_error err = LL_ERROR_INIT;
    char path[PATH], leftover[PATH + 32];

    (void)state;
    fill_sheet();
    assert_true(cached(got));
    same_engines(got);
    assert_string_equal(sheet.said, "");

    only_file(path); /* a run of our number that was killed */
    snprintf(leftover, sizeof leftover, "%s.%ld", path, (long)getpid());
    write_all(leftover, "half", 4);
    assert_int_equal(ll_cuda_cache_write(&sheet.net, &err), LL_OK);
    only_file(path);
    assert_true(cached(got));
}

/* Cut short anywhere, any byte changed, something added: not believed, and said once. */
static void broken_files_are_not_believed(void **state)
{
    static struct cuda_layer got[LL_CUDA_LAYERS];
    char path[PATH];
    uint8_t *bytes = NULL;

    (void)state;
    fill_sheet();
    only_file(path);
    const size_t size = read_all(path, &bytes);
    for (size_t cut = 0; cut < size; cut++) {
        write_all(path, bytes, cut);
        if (cached(got)) fail_msg("believed %zu of %zu bytes", cut, size);
        assert_non_null(strstr(sheet.said, "not as we left it; engines are chosen anew\n"));
    }
    for (size_t at = 0; at < size; at++) {
        for (int flip = 0; flip < 3; flip++) {
            const uint8_t was = bytes[at];
            bytes[at] = flip == 0 ? (uint8_t)(was ^ 1) : flip == 1 ? 0 : '\n';
            write_all(path, bytes, size);
            if (bytes[at] != was && cached(got)) fail_msg("believed with byte %zu changed", at);
            bytes[at] = was;
        }
    }
    bytes[size - 1] = '\n';
    write_all(path, bytes, size);
    assert_true(cached(got)); /* the loop put everything back */
    const int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\n", 1), 1);
    close(fd);
    assert_false(cached(got));
    free(bytes);
}

static void other_machines_have_other_files(void **state)
{
    static char card[] = "Another card, 9.0, 132 SMs", driver[] = "driver 13.1, cuDNN 9.19.0";
    static char cudnn[] = "driver 13.0, cuDNN 9.20.0";
    static struct cuda_layer got[LL_CUDA_LAYERS];
    char path[PATH], ours[PATH];
    uint8_t *bytes = NULL;
    ll_error err = LL_ERROR_INIT;

    (void)state;
    fill_sheet();
    only_file(ours);
    const size_t size = read_all(ours, &bytes);
    for (int what = 0; what < 5; what++) {
        const struct cuda_state was = sheet.state;
        const int batch = sheet.net.batch;
        if (what == 0) sheet.state.device_text = card;
        if (what == 1) sheet.state.libraries = driver;
        if (what == 2) sheet.state.libraries = cudnn;
        if (what == 3) sheet.state.precision = LL_CONV_TF32;
        if (what == 4) sheet.net.batch = 128;
        assert_false(cached(got));
        assert_string_equal(sheet.said, ""); /* nothing is wrong */

        empty_cache(); /* and under its own name, whole as it is, ours is not believed */
        assert_int_equal(ll_cuda_cache_write(&sheet.net, &err), LL_OK);
        only_file(path);
        assert_string_not_equal(path, ours);
        write_all(path, bytes, size);
        assert_false(cached(got));
        sheet.state = was;
        sheet.net.batch = batch;
    }
    free(bytes);
}

/* The key is whole: what differs in the last of many characters differs. */
static void no_key_is_too_long(void **state)
{
    static struct cuda_layer got[LL_CUDA_LAYERS];
    static char libraries[MAX_BYTES + 1];
    ll_error err = LL_ERROR_INIT;

    (void)state;
    fill_sheet();
    memset(libraries, 'x', MAX_BYTES);
    sheet.state.libraries = libraries;
    assert_int_equal(ll_cuda_cache_write(&sheet.net, &err), LL_OK);
    assert_true(cached(got));
    same_engines(got);
    libraries[MAX_BYTES - 1] = 'y';
    assert_false(cached(got));
    assert_string_equal(sheet.said, "");
}

static void caches_that_cannot_be_written(void **state)
{
    static struct cuda_layer got[LL_CUDA_LAYERS];
    char path[PATH];
    ll_error err = LL_ERROR_INIT;

    (void)state;
    fill_sheet();
    only_file(path);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkdir(path, 0755), 0); /* a folder of that name */
    assert_false(cached(got));
    assert_int_equal(ll_cuda_cache_write(&sheet.net, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, folder));
    assert_null(strchr(err.text, '\n'));
    only_file(path); /* nothing half-made is left beside it */

    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    err = (ll_error)LL_ERROR_INIT;
    assert_false(cached(got));
    assert_int_equal(ll_cuda_cache_write(&sheet.net, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "/dev/null"));
    setenv("XDG_CACHE_HOME", "relative", 1); /* neither variable is of use */
    setenv("HOME", "", 1);
    assert_false(cached(got));
    assert_int_equal(ll_cuda_cache_write(&sheet.net, &err), LL_OK);
    setenv("XDG_CACHE_HOME", home, 1);
}

/* ---- whole networks ----------------------------------------------------------------------- */

static ll_status zero_weights(ll_weights *weights, int layer, float *kernel, float *bias,
                              ll_error *err)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer);

    (void)weights, (void)err;
    memset(kernel, 0, (size_t)ll_vgg16_kernel_count(layer) * sizeof *kernel);
    memset(bias, 0, (size_t)shape->out_channels * sizeof *bias);
    return LL_OK;
}

/* What became of a net: its engines, what was logged, and how often convolutions ran. */
struct outcome {
    char engines[TEXT], said[TEXT];
    bool timed;
};

/* Timing runs each engine of each layer four times; making a net by itself runs each layer once,
 * and a few small things around it. */
static void make_net(const char *engines, int driver, struct outcome *out)
{
    ll_emulated *const emulated = ll_emulated_card();
    net_card card;

    ll_emulated_reset(emulated);
    emulated->idle = true;
    emulated->driver_version = driver;
    net_card_open(&card, "tf32", 1);
    card.be.weights_load = zero_weights;
    ll_net *const net = net_card_create(&card, LL_VGG16_POOL5, engines);
    out->timed = emulated->launches > 200;
    snprintf(out->engines, sizeof out->engines, "%s", card.be.ops->describe(&card.be).engines);
    snprintf(out->said, sizeof out->said, "%s", card.logged);
    card.be.ops->net_free(&card.be, net);
    net_card_close(&card);
}

static void a_run_takes_what_the_one_before_chose(void **state)
{
    static struct outcome first, second;
    char path[PATH];

    (void)state;
    empty_cache();
    make_net(NULL, 13000, &first);
    assert_true(first.timed);
    assert_null(strstr(first.said, "kept"));
    assert_non_null(strstr(first.engines, "; batch 1; scale 1; conv1_1 e4 k2=1,k13=0; conv1_2 e4 "
                                          "k2=1,k13=0 with pool; conv2_1 "));
    only_file(path);

    make_net(NULL, 13000, &second); /* from the cache */
    assert_false(second.timed);
    assert_string_equal(second.engines, first.engines);
    assert_string_equal(second.said, "");

    make_net(NULL, 13010, &second); /* another driver's is another */
    assert_true(second.timed);
    assert_int_equal(files(path), 2);
}

static void broken_caches_are_made_anew(void **state)
{
    static struct outcome first, second;
    static char gone[TEXT];
    char path[PATH];
    uint8_t *bytes = NULL, *again = NULL;

    (void)state;
    empty_cache();
    make_net(NULL, 13000, &first);
    only_file(path);
    const size_t size = read_all(path, &bytes);
    write_all(path, bytes, size / 2);
    make_net(NULL, 13000, &second);
    assert_true(second.timed);
    assert_non_null(strstr(second.said, "not as we left it"));
    assert_string_equal(second.engines, first.engines);
    assert_int_equal(read_all(path, &again), size);
    assert_memory_equal(again, bytes, size);

    setenv("XDG_CACHE_HOME", "/dev/null", 1); /* nothing to read, nowhere to write: no matter */
    make_net(NULL, 13000, &second);
    assert_true(second.timed);
    assert_non_null(strstr(second.said, "engines are not kept: /dev/null"));
    assert_string_equal(second.engines, first.engines);

    /* An engine that cannot any more, as an index may name it. */
    snprintf(gone, sizeof gone, "%s", first.engines);
    char *const at = strstr(gone, "; conv3_1 e");
    assert_non_null(at);
    at[strlen("; conv3_1 e")] = '8';
    make_net(gone, 13000, &second);
    assert_true(second.timed);
    assert_non_null(strstr(second.said, "conv3_1: engine e8 k2=1,k13=0 is gone"));
    assert_string_equal(second.engines, first.engines);
    setenv("XDG_CACHE_HOME", home, 1);
    free(again);
    free(bytes);
}

/* Without any cache: the engines of the index, slower ones too, if they are of these libraries. */
static void an_index_brings_its_engines(void **state)
{
    static struct outcome first, second;
    static char slower[TEXT];

    (void)state;
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    make_net(NULL, 13000, &first);
    assert_true(first.timed);
    const char *const at = strstr(first.engines, "e4 k2=1,k13=0 with pool");
    assert_non_null(at);
    snprintf(slower, sizeof slower, "%.*se1 k2=0%s", (int)(at - first.engines), first.engines,
             at + strlen("e4 k2=1,k13=0 with pool"));
    make_net(slower, 13000, &second);
    assert_false(second.timed);
    assert_string_equal(second.engines, slower);
    assert_string_equal(second.said, "");

    make_net(slower, 13010, &second); /* another driver */
    assert_true(second.timed);
    assert_string_not_equal(second.engines, slower);
    slower[strlen(slower) - 40] = '\0'; /* conv5_3 is not there */
    make_net(slower, 13000, &second);
    assert_true(second.timed);
    make_net("nothing of the kind", 13000, &second);
    assert_true(second.timed);
    assert_string_equal(second.engines, first.engines);
    setenv("XDG_CACHE_HOME", home, 1);
}

/* ---- comparing ---------------------------------------------------------------------------- */

static ll_status drop_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                           const void *values, ll_error *err)
{
    (void)to, (void)row, (void)rows, (void)column, (void)columns, (void)values, (void)err;
    return LL_OK;
}

/* What multiplies the tiles is said behind the libraries, and what the one before had is gone. */
static void a_comparison_names_its_products(void **state)
{
    enum { ROWS = 3, COLS = 300 }; /* one part of 256 columns and one of 44 */
    static float features[ROWS * COLS];
    char before[TEXT], want[2 * TEXT];
    ll_error err = LL_ERROR_INIT;
    net_card card;

    (void)state;
    for (int row = 0; row < ROWS; row++)
        features[row * COLS + row] = 1.0f;
    ll_emulated_reset(ll_emulated_card());
    net_card_open(&card, "fp16", 1);
    const struct ll_backend_ops *const ops = card.be.ops;
    snprintf(before, sizeof before, "%s", ops->describe(&card.be).engines);
    ll_compare_options options = {.features = features,
                                  .rows = ROWS,
                                  .cols = COLS,
                                  .matrix = LL_MATRIX_FLOAT32,
                                  .sink = {NULL, drop_tile}};
    for (int kind = 0; kind < 2; kind++) {
        if (ops->compare_begin(&card.be, &options, &err) != LL_OK) fail_msg("%s", err.text);
        snprintf(want, sizeof want, "%s; tiles of 512 sgemm%s", before, kind == 0 ? ", sgemm" : "");
        assert_string_equal(ops->describe(&card.be).engines, want);
        ops->compare_end(&card.be);
        options.matrix = LL_MATRIX_NONE;
    }
    options.rows = 0;
    assert_int_equal(ops->compare_begin(&card.be, &options, &err), LL_OK);
    assert_string_equal(ops->describe(&card.be).engines, before);
    ops->compare_end(&card.be);
    net_card_close(&card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(broken_files_are_not_believed),
        cmocka_unit_test(other_machines_have_other_files),
        cmocka_unit_test(no_key_is_too_long),
        cmocka_unit_test(caches_that_cannot_be_written),
        cmocka_unit_test(a_run_takes_what_the_one_before_chose),
        cmocka_unit_test(broken_caches_are_made_anew),
        cmocka_unit_test(an_index_brings_its_engines),
        cmocka_unit_test(a_comparison_names_its_products),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
