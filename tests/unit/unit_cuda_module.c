/* tests/unit/unit_cuda_module.c - lookloom-cuda.so where it cannot work: no driver, drivers that
 * fail or are too old, no cuDNN, no NVRTC, another interface number. One line each time, the right
 * one.
 *
 * Which libcuda.so.1 is loaded is settled when a process starts, so this program starts itself once
 * more for each case, with "open" as its argument; the child prints what ll_backend_open said. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "host/backend/backend.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dlfcn.h>

enum { TEXT = 512 };

static const char k_module[] = LL_TEST_MODULE;

/* dlopen of the whole program, the module's too: what $HIDDEN_LIBRARY begins is not to be had. */
void *dlopen(const char *path, int mode)
{
    const char *const hidden = getenv("HIDDEN_LIBRARY");
    const char *const name =
        path == NULL || strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    void *(*real)(const char *, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "dlopen");
    if (hidden != NULL && name != NULL && strncmp(name, hidden, strlen(hidden)) == 0)
        return real("hidden.so", mode); /* so that dlerror() has something to say */
    return real(path, mode);
}

/* In the child. */
static int open_and_tell(const char *module)
{
    const ll_backend_options options = {
        .name = "cuda", .cuda_module = module, .threads = 1, .slots = 1};
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;

    const ll_status status = ll_backend_open(&options, &be, &err);
    printf("%s: %s\n", ll_status_name(status), err.text);
    ll_backend_close(be);
    return 0;
}

/* Start the child in such an environment; its line comes back. */
static void ask(const char *library_path, const char *version, const char *init, const char *module,
                char said[TEXT])
{
    int ends[2], exit_status = -1;
    size_t used = 0;

    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        setenv("LD_LIBRARY_PATH", library_path, 1);
        setenv("STUB_DRIVER_VERSION", version, 1);
        setenv("STUB_DRIVER_INIT", init, 1);
        execl("/proc/self/exe", "unit_cuda_module", "open", module, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t got = 1; got > 0 && used<TEXT - 1; used += got> 0 ? (size_t)got : 0)
        got = read(ends[0], said + used, TEXT - 1 - used);
    said[used] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &exit_status, 0), child);
    assert_int_equal(exit_status, 0);
}

static void assert_says(const char *said, const char *want)
{
    if (strstr(said, want) == NULL) fail_msg("'%s' does not say '%s'", said, want);
    const char *const end = strchr(said, '\n');
    assert_non_null(end);
    assert_string_equal(end, "\n"); /* one line */
}

static void without_a_driver(void **state)
{
    char said[TEXT];

    (void)state;
    if (access("/dev/nvidia0", F_OK) == 0 || access("/dev/dxg", F_OK) == 0) skip();
    ask("", "0", "0", k_module, said);
    assert_says(said, "unsupported: no NVIDIA driver");
}

static void old_drivers_are_named_by_their_branch(void **state)
{
    static const struct {
        const char *version, *want;
    } k_cases[] = {
        {"12080", "unsupported: driver 570 is too old; lookloom needs 580"},
        {"12090", "unsupported: driver 575 is too old; lookloom needs 580"},
        {"12020", "unsupported: driver 535 is too old; lookloom needs 580"},
    };
    char said[TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        ask(LL_TEST_STUB, k_cases[i].version, "0", k_module, said);
        assert_says(said, k_cases[i].want);
    }
}

static void drivers_that_fail(void **state)
{
    char said[TEXT];

    (void)state;
    ask(LL_TEST_STUB, "13000", "100", k_module, said);
    assert_says(said, "unsupported: no CUDA device");
    ask(LL_TEST_STUB, "13000", "999", k_module, said);
    assert_says(said, "device: CUDA: ");
}

static void without_nvrtc(void **state)
{
    char said[TEXT];

    (void)state;
    setenv("HIDDEN_LIBRARY", "libnvrtc.so", 1);
    ask(LL_TEST_STUB, "13000", "100", k_module, said);
    unsetenv("HIDDEN_LIBRARY");
    assert_says(said, "unsupported: no NVRTC, with which cuDNN compiles engines: hidden.so");
}

/* Modules that ask for a version nobody has. */
static void without_cudnn_or_cublaslt(void **state)
{
    char said[TEXT];

    (void)state;
    ask("", "0", "0", LL_TEST_BIN "/module_cudnn.so", said);
    assert_says(said, "unsupported: no cuDNN: libcudnn.so.99: cannot open");
    ask("", "0", "0", LL_TEST_BIN "/module_cublasLt.so", said);
    assert_says(said, "unsupported: no cuBLASLt: libcublasLt.so.99: cannot open");
}

static void another_interface_number(void **state)
{
    char said[TEXT];

    (void)state;
    ask("", "0", "0", LL_TEST_BIN "/module_old.so", said);
    assert_says(said, "unsupported: " LL_TEST_BIN "/module_old.so: made for interface");
    ask("", "0", "0", LL_TEST_BIN "/module_empty.so", said);
    assert_says(said, "not a lookloom module");
    ask("", "0", "0", "/nowhere/lookloom-cuda.so", said);
    assert_says(said, "unsupported: /nowhere/lookloom-cuda.so");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_driver),
        cmocka_unit_test(old_drivers_are_named_by_their_branch),
        cmocka_unit_test(drivers_that_fail),
        cmocka_unit_test(without_nvrtc),
        cmocka_unit_test(without_cudnn_or_cublaslt),
        cmocka_unit_test(another_interface_number),
    };
    if (argc == 3 && strcmp(argv[1], "open") == 0) return open_and_tell(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
