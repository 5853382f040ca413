/* host/commands/print_run.c - the stages of the run that made an index, out of its /run. The file
 * may be another program's or an older version's: what is not there is not printed. */
#include "host/commands/command.h"

#include "host/base/number.h"
#include "host/base/text.h"
#include "host/cli/records.h"

#include <jansson.h>
#include <string.h>

static ll_status print_stage(ll_records *to, const char *name, const json_t *stage, ll_error *err)
{
    const char *const unit = json_string_value(json_object_get(stage, "unit"));
    const json_t *const limit = json_object_get(stage, "limit_per_second");
    char text[160], took[LL_NUMBER_TEXT], rate[LL_NUMBER_TEXT], most[LL_NUMBER_TEXT];
    const char *const cells[] = {name, text};

    if (unit == NULL) return LL_OK;
    const double seconds = json_number_value(json_object_get(stage, "seconds"));
    const double of = json_number_value(limit);
    ll_rate_text(json_number_value(json_object_get(stage, "per_second")), unit, rate);
    ll_rate_text(of, unit, most);
    ll_text_exact(text, sizeof text, "%s s, %s/s%s%s%s", ll_number_fixed(seconds, 1, took), rate,
                  of > 0.0 ? " of " : "", of > 0.0 ? most : "", of > 0.0 ? "/s" : "");
    return ll_records_row(to, cells, err);
}

static ll_status print_text(ll_records *to, const char *name, const char *text, ll_error *err)
{
    const char *const cells[] = {name, text};
    return text != NULL && text[0] != '\0' ? ll_records_row(to, cells, err) : LL_OK;
}

ll_status ll_print_run(ll_records *to, const char *run_json, ll_error *err)
{
    static const char *const k_stages[] = {"decode", "network", "compare", "rescore", "write"};
    ll_status status = LL_OK;
    json_t *const run = json_loads(run_json, 0, NULL);
    const json_t *const stages = json_object_get(run, "stages");
    const json_t *const memory = json_object_get(run, "anonymous_memory_bytes");
    char size[LL_NUMBER_TEXT];

    for (size_t i = 0; i < sizeof k_stages / sizeof k_stages[0]; i++)
        LL_TRY_DONE(print_stage(to, k_stages[i], json_object_get(stages, k_stages[i]), err));
    LL_TRY_DONE(
        print_text(to, "bottleneck", json_string_value(json_object_get(run, "bottleneck")), err));
    if (json_is_number(memory))
        LL_TRY_DONE(print_text(to, "anonymous_memory",
                               ll_number_size(json_number_value(memory), size), err));
done:
    json_decref(run);
    return status;
}
