/* host/backend/cpu/cpu_dnnl.c - see cpu_dnnl.h. */
#include "host/backend/cpu/cpu_dnnl.h"
#include "host/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ll_status ll_dnnl_status(ll_error *err, dnnl_status_t code, const char *call)
{
    static const char *const k_reasons[] = {
        [dnnl_success] = "success",
        [dnnl_out_of_memory] = "out of memory",
        [dnnl_invalid_arguments] = "invalid arguments",
        [dnnl_unimplemented] = "unimplemented",
        [dnnl_iterator_ends] = "no implementation",
        [dnnl_runtime_error] = "runtime error",
        [dnnl_not_required] = "not required",
    };
    const int length = (int)strcspn(call, "("); /* the function's name; its arguments say little */

    if (code == dnnl_success) return LL_OK;
    const ll_status kind = code == dnnl_out_of_memory   ? LL_ERR_MEMORY
                           : code == dnnl_unimplemented ? LL_ERR_UNSUPPORTED
                                                        : LL_ERR_DEVICE;
    return ll_fail(err, kind, "oneDNN: %s in %.*s", k_reasons[code], length, call);
}

ll_status ll_dnnl_tensor(dnnl_memory_desc_t *tensor, dnnl_format_tag_t tag, int dims,
                         const dnnl_dims_t sizes, ll_error *err)
{
    return LL_DNNL(dnnl_memory_desc_init_by_tag(tensor, dims, sizes, dnnl_f32, tag));
}

ll_status ll_dnnl_reorder(dnnl_engine_t engine, const dnnl_memory_desc_t *from, const void *src,
                          const dnnl_memory_desc_t *to, void *dst, ll_error *err)
{
    ll_status status = LL_OK;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_memory_t in = NULL, out = NULL;

    LL_TRY_DONE(LL_DNNL(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags)));
    /* oneDNN takes a writable handle for what it only reads. */
    LL_TRY_DONE(LL_DNNL(dnnl_memory_create(&in, from, engine, (void *)src)));
    LL_TRY_DONE(LL_DNNL(dnnl_memory_create(&out, to, engine, dst)));
    LL_TRY_DONE(LL_DNNL(dnnl_reorder_primitive_desc_create(&desc, from, engine, to, engine, NULL)));
    LL_TRY_DONE(LL_DNNL(dnnl_primitive_create(&reorder, desc)));
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, in}, {DNNL_ARG_TO, out}};
    LL_TRY_DONE(LL_DNNL(dnnl_primitive_execute(reorder, stream, 2, arguments)));
    LL_TRY_DONE(LL_DNNL(dnnl_stream_wait(stream)));
done:
    if (reorder != NULL) dnnl_primitive_destroy(reorder);
    if (desc != NULL) dnnl_primitive_desc_destroy(desc);
    if (out != NULL) dnnl_memory_destroy(out);
    if (in != NULL) dnnl_memory_destroy(in);
    if (stream != NULL) dnnl_stream_destroy(stream);
    return status;
}

static const char *isa_name(void)
{
    switch ((int)dnnl_get_effective_cpu_isa()) { /* values are masks; unknown newer ones may come */
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
    default: return "other isa";
    }
}

ll_status ll_dnnl_device(char **out, ll_error *err)
{
    const char *model = "unknown cpu";
    char *line = NULL;
    size_t capacity = 0;
    FILE *const file = fopen("/proc/cpuinfo", "r");

    while (file != NULL && getline(&line, &capacity, file) > 0) {
        char *const colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        line[strcspn(line, "\n")] = '\0';
        model = colon + 1 + strspn(colon + 1, " \t");
        break;
    }
    if (file != NULL) fclose(file);
    const ll_status status = ll_text_format(out, err, "%s, %s", model, isa_name());
    free(line);
    return status;
}
