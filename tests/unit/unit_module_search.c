/* tests/unit/unit_module_search.c - libraries of NVIDIA's in the trees of pythons: of an active
 * venv, and of the python3 on PATH, whatever links lead to it. None of them is run. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "host/backend/module_search.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 256 };

static char root[64];
static char opened[8 * PATH]; /* of files below the root, a line each */

/* This machine's own libraries must not get in the way: the loader knows none, and nothing is found
 * outside the test's folder. */
void *dlopen(const char *path, int mode)
{
    void *(*real)(const char *, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "dlopen");
    const size_t used = strlen(opened);
    if (path != NULL && root[0] != '\0' && strncmp(path, root, strlen(root)) == 0)
        snprintf(opened + used, sizeof opened - used, "%s\n", path + strlen(root));
    return real(path != NULL && strncmp(path, "lib", 3) == 0 ? "hidden.so" : path, mode);
}

int glob(const char *pattern, int flags, int (*failed)(const char *, int), glob_t *found)
{
    int (*real)(const char *, int, int (*)(const char *, int), glob_t *) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "glob");
    if (strncmp(pattern, root, strlen(root)) != 0) return GLOB_NOMATCH;
    return real(pattern, flags, failed, found);
}

/* Folders and an empty file below the root. */
static void make_file(const char *path, mode_t mode)
{
    char full[PATH];

    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(full, 0755);
        *at = '/';
    }
    FILE *const file = fopen(full, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(full, mode), 0);
}

static void make_link(const char *target, const char *path)
{
    char full[PATH];

    make_file(path, 0644); /* for its folders */
    snprintf(full, sizeof full, "%s/%s", root, path);
    assert_int_equal(unlink(full), 0);
    assert_int_equal(symlink(target, full), 0);
}

/* A file and the folders above it that are empty then. */
static void remove_file(const char *path)
{
    char full[PATH];

    snprintf(full, sizeof full, "%s/%s", root, path);
    (void)unlink(full);
    for (*strrchr(full, '/') = '\0'; strlen(full) > strlen(root); *strrchr(full, '/') = '\0')
        (void)rmdir(full);
}

static int setup(void **state)
{
    char target[PATH];

    (void)state;
    snprintf(root, sizeof root, "/tmp/unit_module_search-XXXXXX");
    if (mkdtemp(root) == NULL) return -1;
    make_file("real/bin/python3.11", 0755);
    make_file("venv/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9", 0644);
    make_file("real/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.13", 0644);
    make_file("real/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.13.0",
              0644);
    make_file("module.so", 0644); /* no library: everything is looked for */
    snprintf(target, sizeof target, "%s/real/bin/python3.11", root);
    make_link(target, "venv/bin/python3");
    make_link("../../venv/bin/python3", "usr/bin/python3"); /* links may be relative */
    make_file("decoy/python3", 0644);                       /* not a program */
    make_link("python3", "circle/bin/python3");
    return 0;
}

static int teardown(void **state)
{
    static const char *const k_made[] = {
        "real/bin/python3.11",
        "venv/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9",
        "real/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.13",
        "real/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.13.0",
        "module.so",
        "venv/bin/python3",
        "usr/bin/python3",
        "decoy/python3",
        "circle/bin/python3"};

    (void)state;
    for (size_t i = 0; i < sizeof k_made / sizeof k_made[0]; i++)
        remove_file(k_made[i]);
    return rmdir(root);
}

/* What the search says with such variables; `%s` is the root. The caller frees it. */
static char *search(const char *path, const char *venv)
{
    char value[4 * PATH], *text = NULL;
    ll_error err = LL_ERROR_INIT;

    unsetenv("CONDA_PREFIX");
    unsetenv("VIRTUAL_ENV");
    setenv("HOME", "/nowhere", 1);
    snprintf(value, sizeof value, path, root, root, root);
    setenv("PATH", value, 1);
    if (venv != NULL) {
        snprintf(value, sizeof value, venv, root);
        setenv("VIRTUAL_ENV", value, 1);
    }
    if (ll_module_search_describe(&text, &err) != LL_OK) fail_msg("%s", err.text);
    return text;
}

static void assert_line(const char *text, const char *line)
{
    char want[2 * PATH];

    snprintf(want, sizeof want, line, root);
    if (strstr(text, want) == NULL) fail_msg("'%s' does not say '%s'", text, want);
}

/* NVRTC of a python's tree finds its builtins only if they are loaded before. */
static void builtins_are_loaded_before_nvrtc(void **state)
{
    char module[PATH];
    void *handle = NULL;
    ll_error err = LL_ERROR_INIT;

    (void)state;
    free(search("%s/usr/bin", NULL)); /* sets PATH */
    snprintf(module, sizeof module, "%s/module.so", root);
    opened[0] = '\0';
    assert_int_equal(ll_module_load(module, &handle, &err), LL_ERR_UNSUPPORTED);
    const char *const builtins = strstr(opened, "/libnvrtc-builtins.so.13.0\n");
    const char *const nvrtc = strstr(opened, "/libnvrtc.so.13\n");
    if (builtins == NULL || nvrtc == NULL || builtins > nvrtc) fail_msg("opened: %s", opened);
}

static void the_python_on_path_is_followed(void **state)
{
    /* Directly, by one link, past what is no program, and before a second one. */
    static const struct {
        const char *path, *venv;
    } k_cases[] = {
        {"%s/venv/bin", "%s/venv"},
        {"%s/usr/bin", "%s/usr/bin/../../venv"},
        {"%s/decoy:%s/usr/bin", "%s/usr/bin/../../venv"},
        {"relative::%s/venv/bin:%s/real/bin", "%s/venv"},
    };
    char want[PATH];

    (void)state;
    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        char *const text = search(k_cases[i].path, NULL);
        snprintf(want, sizeof want, "libcudnn.so.9: %s%s", k_cases[i].venv,
                 "/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9");
        assert_line(text, want);
        /* one link further: what the venv's own python has */
        assert_line(text,
                    "libnvrtc.so.13: "
                    "%s/real/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.13");
        assert_line(text, "libcublasLt.so.13: not found by the loader, nor as\n"
                          "  looked at: /usr/local/cuda/lib64/libcublasLt.so.13");
        snprintf(want, sizeof want, "  looked at: %s%s", k_cases[i].venv,
                 "/lib/python3*/site-packages/nvidia/*/lib/libcublasLt.so.13");
        assert_line(text, want);
        free(text);
    }
}

static void an_active_venv_needs_no_python(void **state)
{
    (void)state;
    char *const text = search("%s/decoy", "%s/venv");
    assert_line(text, "libcudnn.so.9: %s/venv/lib/");
    assert_line(text, "libnvrtc.so.13: not found");
    free(text);
}

static void odd_paths_end_the_search(void **state)
{
    static const char *const k_paths[] = {"", ":", "%s/circle/bin", "%s/nothing", "bin:./bin"};

    (void)state;
    for (size_t i = 0; i < sizeof k_paths / sizeof k_paths[0]; i++) {
        char *const text = search(k_paths[i], NULL);
        assert_line(text, "libcudnn.so.9: not found by the loader, nor as");
        free(text);
    }
    setenv("PATH", "", 1);
    unsetenv("PATH");
    char *text = NULL;
    assert_int_equal(ll_module_search_describe(&text, NULL), LL_OK);
    free(text);
}

/* A python's tree for CUDA 12 holds files of the same names: one for CUDA 13 that lies further on
 * is taken before it, and if there is none its version will be refused. What pip put there is told
 * by its notes; of a tree with both the files may be either's. */
static void cudnn_for_cuda_12_is_passed_over(void **state)
{
    static const struct {
        const char *file, *found; /* what is put there; where cuDNN is found then */
    } k_steps[] = {
        {"venv/lib/python3.11/site-packages/nvidia_cudnn_cu12-9.19.0.56.dist-info/RECORD",
         "libcudnn.so.9: %s/venv/lib/python3.11/"}, /* there is no other */
        {"real/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9",
         "libcudnn.so.9: %s/real/lib/python3.11/"},
        {"venv/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9",
         "libcudnn.so.9: %s/venv/lib/python3.12/"},
        {"venv/lib/python3.11/site-packages/nvidia_cudnn_cu13-9.19.0.56.dist-info/RECORD",
         "libcudnn.so.9: %s/venv/lib/python3.11/"},
    };
    enum { STEPS = sizeof k_steps / sizeof k_steps[0] };

    (void)state;
    for (int i = 0; i < STEPS; i++) {
        make_file(k_steps[i].file, 0644);
        char *const text = search("%s/venv/bin", NULL);
        assert_line(text, k_steps[i].found);
        free(text);
    }
    for (int i = 0; i < STEPS; i++)
        remove_file(k_steps[i].file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_python_on_path_is_followed),
        cmocka_unit_test(builtins_are_loaded_before_nvrtc),
        cmocka_unit_test(cudnn_for_cuda_12_is_passed_over),
        cmocka_unit_test(an_active_venv_needs_no_python),
        cmocka_unit_test(odd_paths_end_the_search),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
