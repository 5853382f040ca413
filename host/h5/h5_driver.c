/* host/h5/h5_driver.c - see h5_driver.h.
 *
 * The same as libhdf5's own "sec2" but for writing, and for the look at heaps. Source: HDF5 1.10,
 * H5FDpublic.h and H5FDsec2.c; heaps are read as H5FD_MEM_DRAW, from their beginning
 * (H5F_block_read, H5C_load_entry). */
#include "host/h5/h5_driver.h"
#include "host/base/text.h"
#include "host/h5/h5_heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

struct file {
    H5FD_t base; /* libhdf5's own, first */
    int fd;
    hid_t driver; /* held to the end: H5FD_close lets go of its own before it calls close */
    haddr_t end_of_file;
    haddr_t end_of_addresses; /* as the superblock says */
};

/* What a failing call says: the innermost entry of HDF5's error stack. */
static herr_t fail(const char *text)
{
    (void)H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, H5E_READERROR,
                   "%s", text);
    return -1;
}

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t max_address)
{
    struct stat info;

    (void)max_address;
    if ((flags & H5F_ACC_RDWR) != 0) return NULL;
    struct file *const file = calloc(1, sizeof *file);
    if (file == NULL) return NULL;
    file->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (file->fd >= 0 && fstat(file->fd, &info) == 0) {
        file->end_of_file = (haddr_t)info.st_size;
        file->driver = H5Pget_driver(access);
        if (H5Iinc_ref(file->driver) >= 0) return &file->base;
    } else {
        (void)fail(strerror(errno));
    }
    if (file->fd >= 0) close(file->fd);
    free(file);
    return NULL;
}

static herr_t close_file(H5FD_t *base)
{
    struct file *const file = (struct file *)base;
    const hid_t driver = file->driver;
    const int failed = close(file->fd);
    free(file);
    return H5Idec_ref(driver) >= 0 && !failed ? 0 : -1;
}

static herr_t query(const H5FD_t *base, unsigned long *flags)
{
    (void)base;
    *flags = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_POSIX_COMPAT_HANDLE |
             H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t get_end_of_addresses(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct file *)base)->end_of_addresses;
}

static herr_t set_end_of_addresses(H5FD_t *base, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct file *)base)->end_of_addresses = end;
    return 0;
}

static haddr_t get_end_of_file(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct file *)base)->end_of_file;
}

static herr_t get_handle(H5FD_t *base, hid_t access, void **out)
{
    (void)access;
    *out = &((struct file *)base)->fd;
    return 0;
}

/* What lies behind the end of the file is zeros, as elsewhere in HDF5. */
static herr_t read_bytes(const struct file *file, haddr_t address, size_t size_bytes, uint8_t *to)
{
    while (size_bytes > 0) {
        const ssize_t got = pread(file->fd, to, size_bytes, (off_t)address);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(strerror(errno));
        if (got == 0) break;
        to += got;
        address += (haddr_t)got;
        size_bytes -= (size_t)got;
    }
    memset(to, 0, size_bytes);
    return 0;
}

static herr_t check_heap(const struct file *file, haddr_t address, const uint8_t *head)
{
    char text[80];
    uint8_t *heap = NULL;
    const uint64_t available = file->end_of_file - address;
    const uint64_t size_bytes = ll_h5_heap_bytes(head);
    bool sound = false;

    if (size_bytes <= available) {
        heap = malloc(size_bytes > 0 ? size_bytes : 1);
        if (heap == NULL) return fail("no memory for a global heap");
        if (read_bytes(file, address, size_bytes, heap) < 0) {
            free(heap);
            return -1;
        }
        sound = ll_h5_heap_valid(heap, size_bytes);
        free(heap);
    }
    if (sound) return 0;
    ll_text_exact(text, sizeof text, "the global heap at byte %llu is damaged",
                  (unsigned long long)address);
    return fail(text);
}

static herr_t read_file(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                        size_t size_bytes, void *to)
{
    const struct file *const file = (const struct file *)base;
    const haddr_t end = file->end_of_file;

    (void)transfer;
    if (address > INT64_MAX || size_bytes > INT64_MAX - address) return fail("no such address");
    if (read_bytes(file, address, size_bytes, to) < 0) return -1;
    if (type == H5FD_MEM_DRAW && address < end &&
        ll_h5_is_heap(to, size_bytes < end - address ? size_bytes : end - address))
        return check_heap(file, address, to);
    return 0;
}

/* libhdf5 takes no driver without one. */
static herr_t write_file(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                         size_t size_bytes, const void *from)
{
    (void)base;
    (void)type;
    (void)transfer;
    (void)address;
    (void)size_bytes;
    (void)from;
    return -1;
}

static const H5FD_class_t k_driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 600, /* of those left to anyone for trying */
#endif
    .name = "lookloom",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = open_file,
    .close = close_file,
    .query = query,
    .get_eoa = get_end_of_addresses,
    .set_eoa = set_end_of_addresses,
    .get_eof = get_end_of_file,
    .get_handle = get_handle,
    .read = read_file,
    .write = write_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

herr_t ll_h5_driver_set(hid_t access)
{
    const hid_t driver = H5FDregister(&k_driver);
    if (driver < 0) return -1;
    const herr_t set = H5Pset_driver(access, driver, NULL);
    (void)H5FDunregister(driver); /* the properties, and each open file, hold it on their own */
    return set;
}
