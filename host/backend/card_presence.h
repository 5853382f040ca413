/* host/backend/card_presence.h - is there an NVIDIA card in this machine, whether it can be used or
 * not?
 *
 * Asked without CUDA and without a driver, since what is missing is often just that. Floor 3. */
#ifndef LL_BACKEND_CARD_PRESENCE_H
#define LL_BACKEND_CARD_PRESENCE_H

#include <stdbool.h>

/** A display or 3D controller of vendor 0x10de on the PCI bus (/sys/bus/pci/devices), or a device
 *  file /dev/nvidia0, /dev/nvidia1, ...: a container has them without the bus, too. A card behind
 *  WSL2 shows neither, and counts as none.
 * @param root  "" for this machine; a test's own folder with sys/ and dev/ in it */
bool ll_card_is_there(const char *root);

#endif
