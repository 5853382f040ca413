/* bench/limit_jpeg.c - how fast libjpeg-turbo decodes when it does nothing else; see limits.h. */
#include "bench/limits.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h> /* wants stdio.h before it */

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf leave;
};

struct buffer {
    uint8_t *pixels;
    int64_t capacity;
};

struct run {
    const ll_limit_jpeg_file *files;
    struct buffer *buffers; /* (threads) */
};

static void on_error(j_common_ptr jpeg)
{
    struct decoder *const self = jpeg->client_data;
    longjmp(self->leave, 1);
}

static void on_message(j_common_ptr jpeg)
{
    (void)jpeg; /* a warning: the decoder of host/image passes over it too */
}

/* May jump. */
static ll_status decode(struct decoder *self, const ll_limit_jpeg_file *file, struct buffer *to,
                        ll_error *err)
{
    self->jpeg.err = jpeg_std_error(&self->errors);
    self->errors.error_exit = on_error;
    self->errors.output_message = on_message;
    self->jpeg.client_data = self;
    jpeg_create_decompress(&self->jpeg);
    jpeg_mem_src(&self->jpeg, file->bytes, (unsigned long)file->size_bytes);
    (void)jpeg_read_header(&self->jpeg, TRUE);
    if (self->jpeg.num_components == 3) self->jpeg.out_color_space = JCS_RGB;
    (void)jpeg_start_decompress(&self->jpeg);
    const int64_t row_bytes = (int64_t)self->jpeg.output_width * self->jpeg.output_components;
    LL_TRY(ll_grow("pixels", &to->pixels, &to->capacity, row_bytes * self->jpeg.output_height, 1,
                   err));
    while (self->jpeg.output_scanline < self->jpeg.output_height) {
        JSAMPROW rows[16];
        const JDIMENSION first = self->jpeg.output_scanline;
        JDIMENSION count = self->jpeg.output_height - first;
        if (count > 16) count = 16;
        for (JDIMENSION i = 0; i < count; i++)
            rows[i] = to->pixels + (int64_t)(first + i) * row_bytes;
        (void)jpeg_read_scanlines(&self->jpeg, rows, count);
    }
    (void)jpeg_finish_decompress(&self->jpeg);
    return LL_OK;
}

static ll_status decode_file(void *context, int64_t task, int thread, ll_error *err)
{
    const struct run *const run = context;
    struct decoder self;
    ll_status status = LL_OK;

    if (setjmp(self.leave) == 0)
        status = decode(&self, &run->files[task], &run->buffers[thread], err);
    else
        status = ll_fail(err, LL_ERR_FORMAT, "JPEG number %lld: not decoded", (long long)task);
    jpeg_destroy_decompress(&self.jpeg);
    return status;
}

ll_status ll_limit_jpeg(const ll_limit_jpeg_file *files, int64_t count, int threads, int rounds,
                        double *seconds, ll_error *err)
{
    ll_status status = LL_OK;
    struct run run = {.files = files};

    *seconds = 0.0;
    LL_TRY(ll_alloc("buffers", threads, sizeof *run.buffers, &run.buffers, err));
    for (int round = 0; round < rounds; round++) {
        const double start = ll_clock_seconds();
        LL_TRY_DONE(ll_parallel_run(threads, count, decode_file, &run, err));
        const double took = ll_clock_seconds() - start;
        if (round == 0 || took < *seconds) *seconds = took;
    }
done:
    for (int i = 0; i < threads; i++)
        free(run.buffers[i].pixels);
    free(run.buffers);
    return status;
}
