/* tests/unit/unit_card_presence.c - machines with and without a card, as folders that look like
 * them. */
#include "host/backend/card_presence.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 256 };

static char root[64];

static void make_file(const char *path, const char *text)
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
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The file, and the folders above it that are empty then. */
static void remove_file(const char *path)
{
    char full[PATH];

    snprintf(full, sizeof full, "%s/%s", root, path);
    assert_int_equal(unlink(full), 0);
    for (*strrchr(full, '/') = '\0'; strlen(full) > strlen(root); *strrchr(full, '/') = '\0')
        (void)rmdir(full);
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/unit_card_presence.XXXXXX");
    return mkdtemp(root) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(root);
}

static void on_the_bus(void **state)
{
    static const struct {
        const char *vendor, *class_code;
        bool card;
    } k_devices[] = {
        {"0x10de\n", "0x030000\n", true},  /* a card with a plug for a screen */
        {"0x10de\n", "0x030200\n", true},  /* one without, as in servers */
        {"0x10de\n", "0x040300\n", false}, /* the sound of such a plug */
        {"0x10de\n", "0x0c0330\n", false}, /* its USB */
        {"0x10de\n", "0x020700\n", false}, /* a network card */
        {"0x1002\n", "0x030000\n", false}, /* somebody else's card */
        {"0x1414\n", "0x030200\n", false}, {"", "0x030000\n", false}, {"0x10de\n", "", false},
    };
    const char *const other = "sys/bus/pci/devices/0000:00:01.0";
    const char *const device = "sys/bus/pci/devices/0000:17:00.0";
    char path[PATH];

    (void)state;
    assert_false(ll_card_present(root)); /* no bus at all */
    snprintf(path, sizeof path, "%s/vendor", other);
    make_file(path, "0x8086\n");
    for (size_t i = 0; i < sizeof k_devices / sizeof k_devices[0]; i++) {
        snprintf(path, sizeof path, "%s/vendor", device);
        make_file(path, k_devices[i].vendor);
        snprintf(path, sizeof path, "%s/class", device);
        make_file(path, k_devices[i].class_code);
        if (ll_card_present(root) != k_devices[i].card) fail_msg("device %zu", i);
    }
    remove_file(path);
    snprintf(path, sizeof path, "%s/vendor", device);
    assert_false(ll_card_present(root)); /* without a class */
    remove_file(path);
    assert_false(ll_card_present(root));
    snprintf(path, sizeof path, "%s/vendor", other);
    remove_file(path);
}

static void as_a_device_file(void **state)
{
    static const struct {
        const char *path;
        bool card;
    } k_files[] = {
        {"dev/nvidia0", true},    {"dev/nvidia12", true},     {"dev/nvidia", false},
        {"dev/nvidiactl", false}, {"dev/nvidia-uvm", false},  {"dev/nvidia0p", false},
        {"dev/null", false},      {"dev/nvidia-caps", false}, {"dev/nvram0", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof k_files / sizeof k_files[0]; i++) {
        make_file(k_files[i].path, "");
        if (ll_card_present(root) != k_files[i].card) fail_msg("%s", k_files[i].path);
        remove_file(k_files[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_the_bus),
        cmocka_unit_test(as_a_device_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
