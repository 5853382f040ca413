/* host/h5/h5.h - HDF5 without its leaks: errors become one line, handles are closed, shapes are
 * checked. Floor 1; includes base. */
#ifndef LL_H5_H
#define LL_H5_H

#include "host/base/status.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

/** Call once before the first use: turns HDF5's own error printing off and its plugins away. */
void ll_h5_init(void);

/** LL_FAIL with "NAME: WHAT: <innermost HDF5 message>". */
ll_status ll_h5_fail(ll_error *err, ll_status code, const char *name, const char *what);

#endif
