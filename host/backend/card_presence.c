/* host/backend/card_presence.c - see card_presence.h. */
#include "host/backend/card_presence.h"
#include "host/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* Is this directory entry evidence of a card? */
typedef bool (*match_fn)(const char *folder, const char *name);

static bool any_entry(const char *root, const char *folder_name, match_fn matches)
{
    char path[PATH_BYTES];
    const struct dirent *entry = NULL;
    bool found = false;
    DIR *const folder = ll_text_fit(path, sizeof path, NULL, "%s%s", root, folder_name) == LL_OK
                            ? opendir(path)
                            : NULL;

    if (folder == NULL) return false;
    while (!found && (entry = readdir(folder)) != NULL)
        found = entry->d_name[0] != '.' && matches(path, entry->d_name);
    closedir(folder);
    return found;
}

/* The number in a file of sysfs, as "0x10de"; 0 if there is none. */
static unsigned long number_in(const char *folder, const char *device, const char *name)
{
    char path[PATH_BYTES], text[32] = "";
    const bool whole =
        ll_text_fit(path, sizeof path, NULL, "%s/%s/%s", folder, device, name) == LL_OK;
    const int fd = whole ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0) return 0;
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    return got > 0 ? strtoul(text, NULL, 16) : 0;
}

/* Class codes of the PCI Code and ID Assignment Specification, 1.4: base class 03 is a display
 * controller, with subclass 00 for VGA and 02 for 3D (cards without a display connector). NVIDIA
 * also makes sound, USB and network devices. */
static bool is_card(const char *folder, const char *device)
{
    enum { NVIDIA = 0x10de, VGA = 0x0300, THREE_D = 0x0302 };
    const unsigned long class_code = number_in(folder, device, "class") >> 8;

    return number_in(folder, device, "vendor") == NVIDIA &&
           (class_code == VGA || class_code == THREE_D);
}

/* nvidia0, not nvidiactl or nvidia-uvm, which are there without a card. */
static bool is_device_file(const char *folder, const char *name)
{
    static const char k_stem[] = "nvidia";
    const size_t stem = sizeof k_stem - 1;

    (void)folder;
    return strncmp(name, k_stem, stem) == 0 && name[stem] != '\0' &&
           strspn(name + stem, "0123456789") == strlen(name + stem);
}

bool ll_card_present(const char *root)
{
    return any_entry(root, "/sys/bus/pci/devices", is_card) ||
           any_entry(root, "/dev", is_device_file);
}
