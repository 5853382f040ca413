/* bench/limits.h - the upper limits of this machine, measured in the same run as the stage they are
 * compared with: multiplying, reading memory, writing to the disk of a folder, decoding. For the
 * cases. Floor 6. */
#ifndef LL_BENCH_LIMITS_H
#define LL_BENCH_LIMITS_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** FLOP a second of `threads` threads at once that multiply and add f32 in registers: the best of
 * many short rounds and of all widths of vectors the processor has. `vectors`: the width that was
 * best, "plain", "avx", "avx2" or "avx512", static. */
LL_NODISCARD ll_status ll_limit_multiply(int threads, double *flop_a_second, const char **vectors,
                                         ll_error *err);

/** Bytes a second read from memory by `threads` threads at once, each its own 64 MiB in order, into
 *  a buffer that a cache holds: best of a few rounds. */
LL_NODISCARD ll_status ll_limit_memory(int threads, double *bytes_a_second, ll_error *err);

/** Write `bytes` to the new file `path` in pieces of 1 MiB, in order, and fsync it: what
 *  `dd bs=1M conv=fsync` does. The file is left to the caller, after a failure too. */
LL_NODISCARD ll_status ll_limit_disk(const char *path, int64_t bytes, double *seconds,
                                     ll_error *err);

/** Bytes of one JPEG in memory, borrowed. */
typedef struct ll_limit_jpeg_file {
    const uint8_t *bytes;
    size_t size_bytes;
} ll_limit_jpeg_file;

/** Seconds libjpeg-turbo needs to decode all of them to RGB with the settings host/image has
 *  (accurate DCT, fancy upsampling) on `threads` threads, each into one buffer of its own that it
 *  keeps: best of `rounds`. LL_ERR_FORMAT for what it cannot decode. */
LL_NODISCARD ll_status ll_limit_jpeg(const ll_limit_jpeg_file *files, int64_t count, int threads,
                                     int rounds, double *seconds, ll_error *err);

/** The folder for scratch files: `path` if given, else $TMPDIR, else /tmp. Borrowed. */
const char *ll_limit_folder(const char *path);

#endif
