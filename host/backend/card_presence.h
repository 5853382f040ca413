/* host/backend/card_presence.h - whether this machine has an NVIDIA card, usable or not.
 *
 * Needs neither CUDA nor a driver: they are often what is missing. Floor 3. */
#ifndef LL_BACKEND_CARD_PRESENCE_H
#define LL_BACKEND_CARD_PRESENCE_H

#include <stdbool.h>

/** A display or 3D controller of vendor 0x10de on the PCI bus (/sys/bus/pci/devices), or a device
 *  file /dev/nvidia0, /dev/nvidia1, ...: a container has them without the bus, too. A card behind
 *  WSL2 shows neither, and counts as none.
 * @param root  "" for this machine; a test's own folder with sys/ and dev/ in it */
bool ll_card_present(const char *root);

#endif
