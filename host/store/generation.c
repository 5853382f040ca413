/* host/store/generation.c - see generation.h.
 *
 * The generation is one XXH3-128 over a stream of entries (name, type, shape, bytes). It cannot be
 * split among threads, so one thread runs along the stream while the others take the blocks of
 * rows: the pages both need are then read once. */
#include "host/store/generation.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"

#include <stdlib.h>
#include <string.h>

static const size_t k_piece = (size_t)16 << 20; /* between two calls of progress */

/* All texts of a dataset as they are digested: each its length (u64), then its bytes. */
struct packed {
    char *bytes;
    size_t size_bytes;
};

struct job {
    const ll_reader *reader;
    const ll_layout *layout;
    const ll_digests_options *options;
    ll_digests *out;
    struct packed texts[LL_TEXTS];
    struct packed *columns;
    ll_digest *stream;
    int64_t done_bytes, total_bytes; /* of the stream's thread */
};

static char *put_u64(char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (char)(value >> (8 * i)); /* little-endian on any machine */
    return to + 8;
}

static ll_status pack(const char *const *texts, int64_t count, struct packed *out, ll_error *err)
{
    size_t total = 0;

    for (int64_t i = 0; i < count; i++)
        total += 8 + strlen(texts[i]);
    LL_TRY(ll_alloc("texts to digest", (int64_t)total, 1, &out->bytes, err));
    out->size_bytes = total;
    char *to = out->bytes;
    for (int64_t i = 0; i < count; i++) {
        const size_t length = strlen(texts[i]);
        to = put_u64(to, length);
        memcpy(to, texts[i], length);
        to += length;
    }
    return LL_OK;
}

ll_status ll_digests_text(const char *text, uint64_t *out, ll_error *err)
{
    struct packed packed = {NULL, 0};

    LL_TRY(pack(&text, 1, &packed, err));
    *out = ll_digest_block(packed.bytes, packed.size_bytes);
    free(packed.bytes);
    return LL_OK;
}

/* ---- entries of the root's attributes --------------------------------------------------- */

/* Bytes that grow. */
struct entries {
    char *bytes;
    int64_t size_bytes, capacity;
};

static ll_status put(struct entries *to, const void *bytes, size_t size_bytes, ll_error *err)
{
    LL_TRY(ll_grow("attributes to digest", &to->bytes, &to->capacity,
                   to->size_bytes + (int64_t)size_bytes, 1, err));
    memcpy(to->bytes + to->size_bytes, bytes, size_bytes);
    to->size_bytes += (int64_t)size_bytes;
    return LL_OK;
}

static ll_status put_text(struct entries *to, const char *text, ll_error *err)
{
    char length[8];

    put_u64(length, strlen(text));
    LL_TRY(put(to, length, sizeof length, err));
    return put(to, text, strlen(text), err);
}

/* Of rank 0: no extents. */
static ll_status put_head(struct entries *to, const char *name, const char *type, ll_error *err)
{
    char rank[8];

    put_u64(rank, 0);
    LL_TRY(put_text(to, name, err));
    LL_TRY(put_text(to, type, err));
    return put(to, rank, sizeof rank, err);
}

static ll_status put_attribute_text(struct entries *to, const char *name, const char *text,
                                    ll_error *err)
{
    LL_TRY(put_head(to, name, "text", err));
    return put_text(to, text, err);
}

static ll_status put_attribute_int(struct entries *to, const char *name, const char *type,
                                   int64_t value, ll_error *err)
{
    char bytes[8];

    put_u64(bytes, (uint64_t)value);
    LL_TRY(put_head(to, name, type, err));
    return put(to, bytes, sizeof bytes, err);
}

static ll_status put_field(struct entries *to, const ll_store_provenance *provenance, int number,
                           ll_error *err)
{
    const ll_field field = ll_layout_field(number);
    const void *const value = ll_layout_field_in(provenance, number);

    switch (field.kind) {
    case LL_FIELD_TEXT: return put_attribute_text(to, field.name, *(const char *const *)value, err);
    case LL_FIELD_INT:
        return put_attribute_int(to, field.name, "int64", *(const int64_t *)value, err);
    case LL_FIELD_BOOL: return put_attribute_int(to, field.name, "bool", *(const bool *)value, err);
    }
    return LL_OK;
}

/* All of them, or for the generation (`generation` is NULL then) those that belong to it. */
static ll_status put_attributes(struct entries *to, const ll_layout *layout,
                                const ll_store_provenance *provenance, const char *generation,
                                ll_error *err)
{
    const ll_store_extents *const extents = &layout->extents;

    LL_TRY(put_attribute_text(to, "format", LL_STORE_FORMAT, err));
    LL_TRY(put_attribute_int(to, "format_version", "int64", LL_STORE_VERSION, err));
    if (generation != NULL) LL_TRY(put_attribute_text(to, "generation", generation, err));
    LL_TRY(put_attribute_int(to, "items", "int64", extents->items, err));
    LL_TRY(put_attribute_int(to, "neighbors", "int64", extents->neighbors, err));
    for (int i = 0; i < ll_layout_fields(); i++)
        if (generation != NULL ? ll_layout_has_field(provenance, i)
                               : ll_layout_field(i).in_generation)
            LL_TRY(put_field(to, provenance, i, err));
    return LL_OK;
}

ll_status ll_digests_root(const ll_layout *layout, const ll_store_provenance *provenance,
                          const char *generation, uint64_t *out, ll_error *err)
{
    struct entries entries = {NULL, 0, 0};

    const ll_status status = put_attributes(&entries, layout, provenance, generation, err);
    if (status == LL_OK) *out = ll_digest_block(entries.bytes, (size_t)entries.size_bytes);
    free(entries.bytes);
    return status;
}

/* ---- the stream ------------------------------------------------------------------------ */

static void stream_u64(struct job *job, uint64_t value)
{
    char bytes[8];
    put_u64(bytes, value);
    ll_digest_update(job->stream, bytes, sizeof bytes);
}

static void stream_text(struct job *job, const char *text)
{
    const size_t length = strlen(text);
    stream_u64(job, length);
    ll_digest_update(job->stream, text, length);
}

/* What comes behind an entry's name and before its bytes. */
static void stream_shape(struct job *job, const char *type, int rank, const int64_t *extents)
{
    stream_text(job, type);
    stream_u64(job, (uint64_t)rank);
    for (int i = 0; i < rank; i++)
        stream_u64(job, (uint64_t)extents[i]);
}

static void stream_head(struct job *job, const char *name, const char *type, int rank,
                        const int64_t *extents)
{
    stream_text(job, name);
    stream_shape(job, type, rank, extents);
}

/* Of a column, whose name is as long as it is. */
static void stream_column_head(struct job *job, const char *column)
{
    static const char k_folder[] = "/items/attributes/";
    const size_t length = strlen(column);

    stream_u64(job, sizeof k_folder - 1 + length);
    ll_digest_update(job->stream, k_folder, sizeof k_folder - 1);
    ll_digest_update(job->stream, column, length);
    stream_shape(job, "text", 1, &job->layout->extents.items);
}

static void stream_bytes(struct job *job, const char *bytes, size_t size_bytes)
{
    while (size_bytes > 0) {
        const size_t piece = size_bytes < k_piece ? size_bytes : k_piece;
        ll_digest_update(job->stream, bytes, piece);
        bytes += piece;
        size_bytes -= piece;
        job->done_bytes += (int64_t)piece;
        ll_log_progress(job->options->log, "digest", job->done_bytes, job->total_bytes);
    }
}

static ll_status stream_attributes(struct job *job, const ll_store_provenance *provenance,
                                   ll_error *err)
{
    struct entries entries = {NULL, 0, 0};

    const ll_status status = put_attributes(&entries, job->layout, provenance, NULL, err);
    if (status == LL_OK) ll_digest_update(job->stream, entries.bytes, (size_t)entries.size_bytes);
    free(entries.bytes);
    return status;
}

static void stream_array(struct job *job, ll_array array)
{
    const ll_layout_object object = ll_layout_array(job->layout, array);
    const ll_h5_shape shape = ll_layout_shape(job->layout, &object);
    const size_t size_bytes = ll_layout_bytes(job->layout, array);
    const bool is_sum = array >= LL_ARRAY_SUM_FEATURES;
    const void *const bytes = is_sum ? (const void *)job->out->blocks[array - LL_ARRAY_SUM_FEATURES]
                                     : job->reader->arrays[array];

    stream_head(job, object.path, ll_h5_type_name(shape.type), shape.rank, shape.extents);
    stream_bytes(job, bytes, size_bytes);
    if (array == LL_ARRAY_SIMILARITY && shape.type == LL_H5_UINT16) {
        const float scale = LL_STORE_SCALE;
        stream_head(job, "/similarity@scale_factor", "float32", 0, NULL);
        ll_digest_update(job->stream, &scale, sizeof scale);
    }
}

static void stream_texts(struct job *job)
{
    for (int i = 0; i < LL_TEXTS; i++) {
        const ll_layout_object object = ll_layout_text((ll_text)i);
        const ll_h5_shape shape = ll_layout_shape(job->layout, &object);
        if (!ll_layout_has_text(job->layout, (ll_text)i)) continue;
        stream_head(job, object.path, "text", shape.rank, shape.extents);
        stream_bytes(job, job->texts[i].bytes, job->texts[i].size_bytes);
    }
    for (int i = 0; i < job->reader->columns; i++) {
        stream_column_head(job, job->reader->column_names[i]);
        stream_bytes(job, job->columns[i].bytes, job->columns[i].size_bytes);
    }
}

/* ---- blocks ---------------------------------------------------------------------------- */

static int64_t blocks_of(const ll_layout *layout)
{
    return ll_layout_length(layout, LL_AXIS_BLOCK);
}

static void sum_block(const struct job *job, ll_array array, int64_t block)
{
    const int64_t row = block * LL_STORE_CHECK_ROWS;
    const int64_t rows = ll_min_i64(LL_STORE_CHECK_ROWS, job->layout->extents.items - row);
    const size_t row_bytes = ll_layout_row_bytes(job->layout, array);
    const char *const bytes = job->reader->arrays[array];

    job->out->blocks[array][block] =
        ll_digest_block(bytes + (size_t)row * row_bytes, (size_t)rows * row_bytes);
}

/* Task 0 is the stream; it is handed out first and takes longest. */
static ll_status run_task(void *context, int64_t task, int thread, ll_error *err)
{
    struct job *const job = context;
    const int64_t blocks = blocks_of(job->layout);

    (void)thread;
    (void)err;
    if (task == 0) {
        for (int i = 0; i < LL_ARRAY_SUM_FEATURES; i++)
            if (ll_layout_has_array(job->layout, (ll_array)i)) stream_array(job, (ll_array)i);
        return LL_OK;
    }
    const ll_array array = (ll_array)((task - 1) / blocks);
    if (ll_layout_has_array(job->layout, array)) sum_block(job, array, (task - 1) % blocks);
    return LL_OK;
}

/* ---- all of it ------------------------------------------------------------------------- */

static ll_status pack_text(ll_reader *reader, ll_text text, struct packed *out, ll_error *err)
{
    ll_h5_texts texts = {NULL, 0, NULL};

    LL_TRY(ll_reader_read_text(reader, text, &texts, err));
    const ll_status status = pack((const char *const *)texts.items, texts.count, out, err);
    ll_h5_texts_release(&texts);
    return status;
}

static ll_status pack_column(ll_reader *reader, int column, struct packed *out, ll_error *err)
{
    ll_h5_texts texts = {NULL, 0, NULL};

    LL_TRY(ll_reader_read_column(reader, column, &texts, err));
    const ll_status status = pack((const char *const *)texts.items, texts.count, out, err);
    ll_h5_texts_release(&texts);
    return status;
}

/* Unreadable is not the same as out of memory: only the former is the file's fault. */
static ll_status note_unreadable(const struct job *job, ll_status status, const ll_error *cause,
                                 bool *unreadable, ll_error *err)
{
    if (status == LL_OK) return LL_OK;
    *unreadable = job->options->tolerant && (status == LL_ERR_FORMAT || status == LL_ERR_IO);
    return *unreadable ? LL_OK : ll_fail(err, status, "%s", cause->text);
}

static ll_status read_texts(ll_reader *reader, struct job *job, ll_error *err)
{
    ll_digests *const out = job->out;

    for (int i = 0; i < LL_TEXTS; i++) {
        ll_error cause = LL_ERROR_INIT;
        struct packed *const to = &job->texts[i];
        if (!ll_layout_has_text(job->layout, (ll_text)i)) continue;
        const ll_status status = pack_text(reader, (ll_text)i, to, &cause);
        LL_TRY(note_unreadable(job, status, &cause, &out->unreadable_texts[i], err));
        out->texts[i] = ll_digest_block(to->bytes, to->size_bytes);
    }
    for (int i = 0; i < reader->columns; i++) {
        ll_error cause = LL_ERROR_INIT;
        struct packed *const to = &job->columns[i];
        const ll_status status = pack_column(reader, i, to, &cause);
        LL_TRY(note_unreadable(job, status, &cause, &out->unreadable_columns[i], err));
        out->columns[i] = ll_digest_block(to->bytes, to->size_bytes);
    }
    return LL_OK;
}

static ll_status make_room(struct job *job, ll_error *err)
{
    LL_TRY(ll_alloc("columns", job->reader->columns, sizeof *job->columns, &job->columns, err));
    LL_TRY(ll_alloc("columns", job->reader->columns, sizeof *job->out->columns, &job->out->columns,
                    err));
    LL_TRY(ll_alloc("columns", job->reader->columns, sizeof *job->out->unreadable_columns,
                    &job->out->unreadable_columns, err));
    for (int i = 0; i < LL_ARRAY_SUM_FEATURES; i++) {
        if (!ll_layout_has_array(job->layout, (ll_array)i)) continue;
        job->total_bytes += (int64_t)ll_layout_bytes(job->layout, (ll_array)i);
        if (i < LL_BLOCK_ARRAYS)
            LL_TRY(ll_alloc("checksums", blocks_of(job->layout), sizeof *job->out->blocks[i],
                            &job->out->blocks[i], err));
    }
    return ll_digest_create(&job->stream, err);
}

bool ll_digests_in_blocks(const ll_layout *layout, ll_array array)
{
    return (int)array < LL_BLOCK_ARRAYS && !layout->web;
}

static void sum_arrays(struct job *job)
{
    for (int i = 0; i < LL_ARRAYS; i++) {
        const bool is_sum = i >= LL_ARRAY_SUM_FEATURES;
        const void *const bytes = is_sum ? (const void *)job->out->blocks[i - LL_ARRAY_SUM_FEATURES]
                                         : job->reader->arrays[i];
        if (!ll_layout_has_array(job->layout, (ll_array)i) ||
            ll_digests_in_blocks(job->layout, (ll_array)i))
            continue;
        job->out->arrays[i] = ll_digest_block(bytes, ll_layout_bytes(job->layout, (ll_array)i));
    }
}

ll_status ll_digests_compute(ll_reader *reader, const ll_store_provenance *provenance,
                             const ll_digests_options *options, ll_digests *out, ll_error *err)
{
    ll_status status = LL_OK;
    struct job job = {.reader = reader, .layout = &reader->layout, .options = options, .out = out};

    memset(out, 0, sizeof *out);
    LL_TRY_DONE(make_room(&job, err));
    LL_TRY_DONE(read_texts(reader, &job, err));
    LL_TRY_DONE(stream_attributes(&job, provenance, err));
    stream_texts(&job);
    LL_TRY_DONE(ll_parallel_run(options->threads, 1 + LL_BLOCK_ARRAYS * blocks_of(job.layout),
                                run_task, &job, err));
    for (int i = LL_ARRAY_SUM_FEATURES; i < LL_ARRAYS; i++)
        if (ll_layout_has_array(job.layout, (ll_array)i)) stream_array(&job, (ll_array)i);
    sum_arrays(&job);
    ll_digest_hex(job.stream, out->generation);
done:
    for (int i = 0; i < LL_TEXTS; i++)
        free(job.texts[i].bytes);
    for (int i = 0; job.columns != NULL && i < reader->columns; i++)
        free(job.columns[i].bytes);
    free(job.columns);
    ll_digest_free(job.stream);
    if (status != LL_OK) ll_digests_release(out);
    return status;
}

void ll_digests_release(ll_digests *digests)
{
    for (int i = 0; i < LL_BLOCK_ARRAYS; i++)
        free(digests->blocks[i]);
    free(digests->columns);
    free(digests->unreadable_columns);
    memset(digests, 0, sizeof *digests);
}
