/* host/h5/h5.c - errors, handles, files and groups; see h5.h. */
#include "host/h5/h5.h"
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/h5/h5_driver.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_BYTES = 192,     /* of a file or an object in an error text, which has 256 */
    PAGE_BYTES = 4096,    /* objects this large start at a multiple of it */
    META_BYTES = 1 << 16, /* metadata is taken in pieces this large: it stays together */
};

/* Our only global: it guards the global state of HDF5. */
static pthread_mutex_t h5_mutex = PTHREAD_MUTEX_INITIALIZER;

void ll_h5_lock(void)
{
    const int failed = pthread_mutex_lock(&h5_mutex);
    assert(!failed);
    (void)failed;
}

void ll_h5_unlock(void)
{
    const int failed = pthread_mutex_unlock(&h5_mutex);
    assert(!failed);
    (void)failed;
}

void ll_h5_init(void)
{
    /* Without memory for these, the first real call fails in turn and says so. */
    (void)H5open();
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    (void)H5PLset_loading_state(0);
}

struct innermost {
    char text[160];
};

static herr_t copy_innermost(unsigned depth, const H5E_error2_t *entry, void *to)
{
    struct innermost *const found = to;
    if (depth == 0 && entry->desc != NULL)
        ll_text_say(found->text, sizeof found->text, "%s", entry->desc);
    return 0;
}

/* HDF5 can be wordy over several lines; ours is one. */
static void one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ') *text = ' ';
}

ll_status ll_h5_fail(ll_error *err, ll_status code, const char *name, const char *what)
{
    struct innermost found = {""};

    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, copy_innermost, &found);
    (void)H5Eclear2(H5E_DEFAULT);
    one_line(found.text);
    if (found.text[0] == '\0') return ll_fail(err, code, "%s: %s", name, what);
    return ll_fail(err, code, "%s: %s: %s", name, what, found.text);
}

/* "" for what has no name, or no longer. */
static void file_name(hid_t id, char name[NAME_BYTES])
{
    if (H5Fget_name(id, name, NAME_BYTES) < 0) name[0] = '\0';
    ll_text_mark_truncated(name, NAME_BYTES);
}

static void object_name(hid_t id, char name[NAME_BYTES])
{
    if (H5Iget_name(id, name, NAME_BYTES) < 0) name[0] = '\0';
    ll_text_mark_truncated(name, NAME_BYTES);
}

ll_status ll_h5_fail_at(ll_error *err, ll_status code, hid_t where, const char *child,
                        const char *what)
{
    char file[NAME_BYTES] = "", object[NAME_BYTES] = "";
    struct innermost found = {""};

    /* Asking for names clears the error stack, so what it holds is taken first. */
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, copy_innermost, &found);
    file_name(where, file);
    object_name(where, object);
    (void)H5Eclear2(H5E_DEFAULT);
    one_line(found.text);
    const bool slash = child != NULL && strcmp(object, "/") != 0;
    return ll_fail(err, code, "%s: %s%s%s: %s%s%s", file, object, slash ? "/" : "",
                   child != NULL ? child : "", what, found.text[0] != '\0' ? ": " : "", found.text);
}

const char *ll_h5_without_file(hid_t where, const ll_error *err)
{
    char file[NAME_BYTES] = "";

    file_name(where, file);
    const size_t length = strlen(file);
    const bool begins =
        strncmp(err->text, file, length) == 0 && strncmp(err->text + length, ": ", 2) == 0;
    return begins ? err->text + length + 2 : err->text;
}

void ll_h5_close(hid_t id)
{
    if (id < 0) return;
    (void)H5Idec_ref(id);
    (void)H5Eclear2(H5E_DEFAULT);
}

/* Everything about how a file is opened that is not its path. */
static hid_t file_access(bool writing)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0) return -1;
    /* SEMI: closing a file while one of our handles is open is a bug, and fails. */
    if ((writing || ll_h5_driver_set(access) >= 0) && H5Pset_file_locking(access, 0, 1) >= 0 &&
        H5Pset_fclose_degree(access, writing ? H5F_CLOSE_SEMI : H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110) >= 0 &&
        H5Pset_alignment(access, PAGE_BYTES, PAGE_BYTES) >= 0 &&
        H5Pset_meta_block_size(access, META_BYTES) >= 0)
        return access;
    ll_h5_close(access);
    return -1;
}

/* A FIFO or a device must not hang us inside HDF5, and "cannot open" is better said by the system.
 */
static ll_status check_regular(const char *path, int flags, ll_error *err)
{
    struct stat info;

    const int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    const int failed = fstat(fd, &info) != 0;
    const int cause = errno;
    close(fd);
    if (failed) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(cause));
    if (!S_ISREG(info.st_mode)) return ll_fail(err, LL_ERR_FORMAT, "%s: not a regular file", path);
    return LL_OK;
}

static ll_status open_file(const char *path, bool writing, hid_t *out, ll_error *err)
{
    *out = -1;
    LL_TRY(check_regular(path, writing ? O_RDWR : O_RDONLY, err));
    const hid_t access = file_access(writing);
    if (access < 0) return ll_h5_fail(err, LL_ERR_MEMORY, path, "cannot open it");
    ll_status status = LL_OK;
    *out = H5Fopen(path, writing ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access);
    /* At once, here and below: the next call of HDF5 forgets the cause. */
    if (*out < 0) status = ll_h5_fail(err, LL_ERR_FORMAT, path, "not a readable HDF5 file");
    ll_h5_close(access);
    return status;
}

ll_status ll_h5_file_open(const char *path, hid_t *out, ll_error *err)
{
    return open_file(path, false, out, err);
}

ll_status ll_h5_file_edit(const char *path, hid_t *out, ll_error *err)
{
    return open_file(path, true, out, err);
}

ll_status ll_h5_file_create(const char *path, hid_t *out, ll_error *err)
{
    *out = -1;
    LL_TRY(check_regular(path, O_RDWR | O_CREAT, err));

    const hid_t access = file_access(true);
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;

    if (access >= 0 && creation >= 0 && H5Pset_link_creation_order(creation, order) >= 0)
        *out = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    ll_status status = LL_OK;
    if (*out < 0) status = ll_h5_fail(err, LL_ERR_IO, path, "cannot create it");
    ll_h5_close(creation);
    ll_h5_close(access);
    return status;
}

ll_status ll_h5_file_finish(hid_t *file, ll_error *err)
{
    char path[NAME_BYTES] = "";
    const hid_t id = *file;

    *file = -1;
    file_name(id, path);
    if (H5Fflush(id, H5F_SCOPE_GLOBAL) < 0 || H5Fclose(id) < 0)
        return ll_h5_fail(err, LL_ERR_IO, path, "cannot write it");
    return LL_OK;
}

/* Our own reading of places in the file takes them as they are. */
static bool plain_addresses(hid_t file)
{
    size_t address_bytes = 0, length_bytes = 0;
    hsize_t user_block = 1;
    const hid_t creation = H5Fget_create_plist(file);
    const bool plain = creation >= 0 &&
                       H5Pget_sizes(creation, &address_bytes, &length_bytes) >= 0 &&
                       H5Pget_userblock(creation, &user_block) >= 0 && address_bytes == 8 &&
                       length_bytes == 8 && user_block == 0;

    ll_h5_close(creation);
    return plain;
}

ll_status ll_h5_map_open(hid_t file, ll_h5_map *out, ll_error *err)
{
    struct stat info;
    int fd = -1;
    void *handle = NULL; /* of the default driver: an int * */

    *out = (ll_h5_map){NULL, 0};
    if (!plain_addresses(file))
        return ll_h5_fail_at(err, LL_ERR_FORMAT, file, NULL, "has unusual addresses");
    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0 || handle == NULL)
        return ll_h5_fail_at(err, LL_ERR_IO, file, NULL, "has no file descriptor");
    memcpy(&fd, handle, sizeof fd);
    if (fstat(fd, &info) != 0) return ll_h5_fail_at(err, LL_ERR_IO, file, NULL, strerror(errno));
    void *const bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return ll_h5_fail_at(err, LL_ERR_IO, file, "(mapping it)", strerror(errno));
    *out = (ll_h5_map){bytes, (size_t)info.st_size};
    return LL_OK;
}

void ll_h5_map_advise(const ll_h5_map *map, bool random_access)
{
    /* advice: what becomes of it changes no byte that is read */
    if (map->bytes != NULL)
        (void)posix_madvise((void *)map->bytes, map->size_bytes,
                            random_access ? POSIX_MADV_RANDOM : POSIX_MADV_NORMAL);
}

void ll_h5_map_close(ll_h5_map *map)
{
    if (map->bytes != NULL) munmap((void *)map->bytes, map->size_bytes);
    *map = (ll_h5_map){NULL, 0};
}

bool ll_h5_exists(hid_t parent, const char *name)
{
    const htri_t found = H5Lexists(parent, name, H5P_DEFAULT);
    if (found < 0) (void)H5Eclear2(H5E_DEFAULT);
    return found > 0;
}

ll_status ll_h5_check_link(hid_t parent, const char *name, ll_error *err)
{
    H5L_info_t link;

    if (H5Lget_info(parent, name, &link, H5P_DEFAULT) < 0)
        return ll_h5_fail_at(err, LL_ERR_FORMAT, parent, name, "missing");
    if (link.type == H5L_TYPE_HARD) return LL_OK;
    return ll_h5_fail_at(err, LL_ERR_FORMAT, parent, name,
                         "is a link to elsewhere, which is refused");
}

ll_status ll_h5_find(hid_t parent, const char *path, hid_t *out, ll_error *err)
{
    ll_status status = LL_OK;
    char step[NAME_BYTES];
    hid_t at = H5Oopen(parent, ".", H5P_DEFAULT);

    *out = -1;
    if (at < 0) return ll_h5_fail_at(err, LL_ERR_FORMAT, parent, NULL, "cannot be opened");
    while (*path != '\0') {
        const size_t length = strcspn(path, "/");
        LL_TRY_DONE(ll_text_fit(step, sizeof step, err, "%.*s", (int)length, path));
        path += length + (path[length] == '/');
        if (H5Iget_type(at) != H5I_GROUP || H5Lexists(at, step, H5P_DEFAULT) == 0) goto done;
        LL_TRY_DONE(ll_h5_check_link(at, step, err));
        const hid_t next = H5Oopen(at, step, H5P_DEFAULT);
        if (next < 0) {
            status = ll_h5_fail_at(err, LL_ERR_FORMAT, at, step, "cannot be opened");
            goto done;
        }
        ll_h5_close(at);
        at = next;
    }
    *out = at;
    return LL_OK;
done:
    ll_h5_close(at);
    return status;
}

ll_status ll_h5_group_create(hid_t parent, const char *name, hid_t *out, ll_error *err)
{
    const hid_t link = H5Pcreate(H5P_LINK_CREATE);
    const hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;

    *out = -1;
    if (link >= 0 && creation >= 0 && H5Pset_char_encoding(link, H5T_CSET_UTF8) >= 0 &&
        H5Pset_obj_track_times(creation, 0) >= 0 &&
        H5Pset_link_creation_order(creation, order) >= 0)
        *out = H5Gcreate2(parent, name, link, creation, H5P_DEFAULT);
    ll_status status = LL_OK;
    if (*out < 0) status = ll_h5_fail_at(err, LL_ERR_IO, parent, name, "cannot create the group");
    ll_h5_close(creation);
    ll_h5_close(link);
    return status;
}

ll_status ll_h5_group_open(hid_t parent, const char *name, hid_t *out, ll_error *err)
{
    *out = -1;
    LL_TRY(ll_h5_check_link(parent, name, err));
    *out = H5Gopen2(parent, name, H5P_DEFAULT);
    if (*out < 0) return ll_h5_fail_at(err, LL_ERR_FORMAT, parent, name, "is no readable group");
    return LL_OK;
}

struct member {
    char *name;
    int64_t order; /* of creation; 0 where the file keeps none */
};

struct member_list {
    struct member *members;
    int64_t count, capacity;
    ll_status status;
    ll_error *err;
};

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *info, void *to)
{
    struct member_list *const list = to;
    struct member member = {NULL, info->corder_valid ? info->corder : 0};

    (void)group;
    list->status = ll_grow("names", &list->members, &list->capacity, list->count + 1,
                           sizeof *list->members, list->err);
    if (list->status != LL_OK) return -1;
    list->status = ll_text_copy(name, strlen(name), &member.name, list->err);
    if (list->status != LL_OK) return -1;
    list->members[list->count++] = member;
    return 0;
}

static int by_order(const void *a, const void *b)
{
    const struct member *const x = a, *const y = b;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

bool ll_h5_group_ordered(hid_t group)
{
    unsigned order = 0;
    const hid_t creation = H5Gget_create_plist(group);

    if (creation < 0 || H5Pget_link_creation_order(creation, &order) < 0) order = 0;
    ll_h5_close(creation);
    return (order & H5P_CRT_ORDER_TRACKED) != 0;
}

ll_status ll_h5_group_names_by(hid_t group, H5_index_t index, char ***out, int *count,
                               ll_error *err)
{
    struct member_list list = {.err = err};
    char **names = NULL;
    hsize_t at = 0;

    *out = NULL;
    *count = 0;
    /* Sorted here: where a group of many members is damaged, libhdf5 1.10 cleans up a table for
     * sorting that it has not filled (H5G__dense_build_table), and ends with a segmentation fault.
     */
    const herr_t walked = H5Literate(group, index, H5_ITER_NATIVE, &at, add_member, &list);
    if (list.status == LL_OK && walked < 0)
        list.status = ll_h5_fail_at(err, LL_ERR_FORMAT, group, NULL, "cannot list its members");
    if (list.status == LL_OK)
        list.status = ll_alloc("names", list.count, sizeof *names, &names, err);
    if (list.status == LL_OK && list.count > 0)
        qsort(list.members, (size_t)list.count, sizeof *list.members,
              index == H5_INDEX_NAME ? by_name : by_order);
    for (int64_t i = 0; i < list.count; i++)
        if (list.status == LL_OK)
            names[i] = list.members[i].name;
        else
            free(list.members[i].name);
    free(list.members);
    if (list.status != LL_OK) return list.status;
    *out = names;
    *count = (int)list.count;
    return LL_OK;
}

ll_status ll_h5_group_names(hid_t group, char ***out, int *count, ll_error *err)
{
    return ll_h5_group_names_by(
        group, ll_h5_group_ordered(group) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, out, count, err);
}

void ll_h5_names_free(char **names, int count)
{
    for (int i = 0; names != NULL && i < count; i++)
        free(names[i]);
    free(names);
}
