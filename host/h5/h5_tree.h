/* host/h5/h5_tree.h - opens every object of a file, as a general HDF5 reader would. Floor 1;
 * includes base. */
#ifndef LL_H5_TREE_H
#define LL_H5_TREE_H

#include "host/base/status.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ll_h5_object {
    char *path;         /* from the root, which is "/" */
    hobj_ref_t address; /* two paths to one object have the same */
    H5I_type_t kind;    /* H5I_GROUP, H5I_DATASET, ...; H5I_BADID: it cannot be opened */
} ll_h5_object;

typedef struct ll_h5_tree {
    ll_h5_object *objects; /* one for each hard link, the root first */
    int64_t count, capacity;
} ll_h5_tree;

/** Follow every hard link, by name and by order of creation, open every object and read every
 *  attribute, once each. Each object that cannot be opened or read is one call of `fault` with
 *  "PATH: what: cause"; so is a dangling soft link. Links to other files are not followed. The
 *  only failure is LL_ERR_MEMORY. `out` is yours: ll_h5_tree_release. */
LL_NODISCARD ll_status ll_h5_tree_read(hid_t file, void (*fault)(void *to, const char *text),
                                       void *to, ll_h5_tree *out, ll_error *err);
void ll_h5_tree_release(ll_h5_tree *tree);

/** NULL if no link leads there. */
const ll_h5_object *ll_h5_tree_find(const ll_h5_tree *tree, const char *path);
/** Is it the address of an object that can be opened? */
bool ll_h5_tree_has(const ll_h5_tree *tree, hobj_ref_t address);

#endif
