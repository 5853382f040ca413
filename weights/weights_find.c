/* weights/weights_find.c - where weights lie when nobody said where. See weights.h.
 *
 * Folders follow the XDG base directory specification. Synthetic weights have no name here: they
 * are never used unasked. */
#include "host/base/memory.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <unistd.h>

static const char k_machine_folder[] = "/var/lib/lookloom";

/* The best first: a no-top file serves pool5 and gap only. Names of sources.c, and what a person
 * would call torchvision's, of which no published file can be pinned. */
static const char *const k_names[] = {"keras.h5", "vgg16.safetensors", "keras-notop.h5"};
enum { NAMES = sizeof k_names / sizeof k_names[0] };

/* An empty variable counts as unset. */
static const char *variable(const char *name)
{
    const char *const value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

ll_status ll_weights_folder(char **out, ll_error *err)
{
    const char *const data = variable("XDG_DATA_HOME"), *const home = variable("HOME");

    *out = NULL;
    /* The specification: a relative path is to be ignored. */
    if (data != NULL && data[0] == '/') return ll_text_format(out, err, "%s/lookloom", data);
    if (home != NULL) return ll_text_format(out, err, "%s/.local/share/lookloom", home);
    return ll_fail(err, LL_ERR_ARGUMENT, "neither XDG_DATA_HOME nor HOME is set");
}

/* *out stays NULL if the folder holds no file of a known name. */
static ll_status find_in(const char *folder, char **out, ll_error *err)
{
    for (int i = 0; i < NAMES; i++) {
        LL_TRY(ll_text_format(out, err, "%s/%s", folder, k_names[i]));
        if (access(*out, R_OK) == 0) return LL_OK;
        free(*out);
        *out = NULL;
    }
    return LL_OK;
}

ll_status ll_weights_find(char **out, ll_error *err)
{
    ll_status status = LL_OK;
    const char *const named = variable("LOOKLOOM_WEIGHTS");
    char *folder = NULL;

    *out = NULL;
    /* Taken even if it is not there: opening it then says so by name. */
    if (named != NULL) return ll_text_format(out, err, "%s", named);
    if (ll_weights_folder(&folder, NULL) == LL_OK) LL_TRY_DONE(find_in(folder, out, err));
    if (*out == NULL) LL_TRY_DONE(find_in(k_machine_folder, out, err));
    if (*out == NULL)
        status = ll_fail(err, LL_ERR_ARGUMENT, "no weights; run: lookloom weights fetch keras");
done:
    free(folder);
    return status;
}
