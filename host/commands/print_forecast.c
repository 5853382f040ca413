/* host/commands/print_forecast.c - what `lookloom index --dry-run` says: a result, so on stdout. */
#include "host/commands/command.h"

#include "host/base/number.h"
#include "host/base/size.h"
#include "host/pipeline/forecast.h"

#include <stdio.h>

static void print_size(FILE *to, const char *name, int64_t bytes, const char *about)
{
    char text[LL_NUMBER_TEXT];

    fprintf(to, "  %-24s %10s%s%s\n", name, ll_number_size((double)bytes, text),
            about[0] != '\0' ? "  " : "", about);
}

static void print_disk(FILE *to, const ll_forecast *f)
{
    for (int i = 0; i < f->file.count; i++)
        print_size(to, f->file.parts[i].name, f->file.parts[i].bytes, "");
    print_size(to, "the new index", f->file.bytes, "");
    print_size(to, "work folder", f->scratch_bytes, "features, until it is published");
    if (f->old_bytes > 0)
        print_size(to, "the index before", f->old_bytes, "stays as its previous one");
    print_size(to, "new and old together", f->file.bytes + f->old_bytes, "");
    print_size(to, "free space needed", f->needed_bytes, "with a margin");
    print_size(to, "free space", f->room_bytes, "");
}

static void print_memory(FILE *to, const ll_memory_plan *m)
{
    print_size(to, "memory, at the least", m->min_bytes,
               "anonymous, while comparing; mapped files and the network not counted");
    print_size(to, "memory, at most", m->limit_bytes,
               "--memory, or else a quarter of what there is");
}

static void print_seconds(FILE *to, const char *name, double seconds)
{
    fprintf(to, "  %-24s %8.1f s\n", name, seconds);
}

static void print_time(FILE *to, const ll_forecast *f)
{
    const ll_probe *const p = &f->probe;
    const ll_probe_seconds s = ll_probe_extrapolate(p, f->extents.items, f->file.bytes);

    fprintf(to, "  %-24s %d sampled, %d unusable; %.1f a second decoded, %.1f embedded\n", "photos",
            p->sampled, p->unusable, p->decode_rate, p->embed_rate);
    print_seconds(to, "weights", p->setup_seconds);
    print_seconds(to, "decode and embed", s.embed);
    print_seconds(to, "compare", s.compare);
    if (p->disk_rate > 0.0) print_seconds(to, "write, meanwhile", s.write);
    print_seconds(to, "rescore", s.rescore);
    print_seconds(to, "in all", s.total);
}

void ll_print_forecast(FILE *to, const char *index_path, const ll_forecast *forecast)
{
    char items[LL_NUMBER_TEXT];

    fprintf(to, "%s: %s items, %lld neighbours each, matrix %s\n", index_path,
            ll_number_grouped(forecast->extents.items, items),
            (long long)forecast->extents.neighbors, ll_store_matrix_name(forecast->extents.matrix));
    print_disk(to, forecast);
    if (forecast->memory.limit_bytes > 0) print_memory(to, &forecast->memory);
    if (forecast->probe.tile > 0) print_time(to, forecast);
}
