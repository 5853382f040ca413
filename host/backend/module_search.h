/* host/backend/module_search.h - finds lookloom-cuda.so and the NVIDIA libraries it needs.
 *
 * The module: beside our own program, ../lib/lookloom/ of where that lies, so that an unpacked
 * archive works anywhere; else where it was installed. Never along LD_LIBRARY_PATH.
 * The libraries: where the loader finds them (LD_LIBRARY_PATH, the system); else in the toolkit's
 * folder; else in a python's site-packages/nvidia tree, as pip leaves them: that of the environment
 * that is active, of the python3 on PATH (which is not run), of the user, of the system.
 * Floor 3; includes base. */
#ifndef LL_BACKEND_MODULE_SEARCH_H
#define LL_BACKEND_MODULE_SEARCH_H

#include "host/base/status.h"

/** Path of the module: the first place that has it, or the last one looked at. Yours to free(). */
LL_NODISCARD ll_status ll_module_find(char **out, ll_error *err);

/** Load the module at `path`, and first what it needs where the loader alone does not find it; a
 *  dlopen handle, yours to dlclose(). LL_ERR_UNSUPPORTED with what is missing. */
LL_NODISCARD ll_status ll_module_load(const char *path, void **out, ll_error *err);

/** What the search finds now, a line each ("libcudnn.so.9: /usr/lib/libcudnn.so.9"), the places
 *  looked at where it finds nothing; yours to free(). For `lookloom info`. */
LL_NODISCARD ll_status ll_module_search_describe(char **out, ll_error *err);

#endif
