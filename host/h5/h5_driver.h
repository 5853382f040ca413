/* host/h5/h5_driver.h - the file driver libhdf5 uses for files that are only read. Private to
 * host/h5. Floor 1.
 *
 * libhdf5 1.10 trusts the sizes it finds in a global heap, which has no checksum: one flipped bit
 * sends it beyond its buffers. So each heap is checked before libhdf5 gets it, and an invalid one
 * (h5_heap.h) becomes a read error, which libhdf5 handles. */
#ifndef LL_H5_DRIVER_H
#define LL_H5_DRIVER_H

#include <hdf5.h>

/** Use this driver for files opened with these access properties. Negative: HDF5's error. */
herr_t ll_h5_driver_set(hid_t access);

#endif
