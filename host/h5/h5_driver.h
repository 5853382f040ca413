/* host/h5/h5_driver.h - how libhdf5 gets at the bytes of a file we only read. Private to host/h5.
 * Floor 1.
 *
 * libhdf5 1.10 trusts the sizes it finds in a global heap, which has no checksum: one flipped bit
 * sends it beyond its buffers. So each heap is looked through before it is handed over, and one
 * that is not whole (h5_heap.h) is an error of reading, which libhdf5 takes well. */
#ifndef LL_H5_DRIVER_H
#define LL_H5_DRIVER_H

#include <hdf5.h>

/** Have files opened with these access properties be read so. Negative: HDF5's error. */
herr_t ll_h5_driver_set(hid_t access);

#endif
