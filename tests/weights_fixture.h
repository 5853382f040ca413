/* tests/weights_fixture.h - weights files of VGG16's full shapes that take no room on disk: what is
 * not set is a hole in the file, which reads as zeros. */
#ifndef LL_TESTS_WEIGHTS_FIXTURE_H
#define LL_TESTS_WEIGHTS_FIXTURE_H

#include "weights/weights.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a Keras file names its tensors: <folder><layer>/<layer><kernel>, or by class and number. */
typedef struct fixture_names {
    const char *layout; /* what ll_weights_describe must say */
    const char *folder, *kernel, *bias;
    bool by_class;
} fixture_names;

enum { FIXTURE_LAYOUTS = 6 };
extern const fixture_names fixture_layouts[FIXTURE_LAYOUTS];

/* Name of a layer's kernel (or bias) into `out`. */
void fixture_tensor(const fixture_names *names, int layer, bool bias, char out[128]);

/* Create a Keras file of all layers up to `last` at `path`; LL_VGG16_FC2 adds the classifier, too.
 */
void fixture_keras(const char *path, const fixture_names *names, int last);

/* Open one dataset of a file for change; close both with fixture_close. */
typedef struct fixture_set {
    hid_t file, set;
} fixture_set;
fixture_set fixture_open(const char *path, const char *name);
void fixture_close(fixture_set set);

/* Replace a dataset by one of another shape or type; `plan` may be H5P_DEFAULT. */
void fixture_replace(const char *path, const char *name, hid_t type, int rank, const hsize_t *shape,
                     hid_t plan);

/* Room for `count` values, and an open weights file that must be well-formed; both yours. */
float *fixture_floats(int64_t count);
ll_weights *fixture_weights(const char *path);

/* An empty folder of our own, and its removal with all files directly in it. */
void fixture_folder(char out[64]);
void fixture_remove(const char *folder);

#endif
