/* host/report/report.h - the sections of `lookloom report`, one file each. Each writes its part
 * of the page to report->to; cmd_report.c says in which order. Floor 4. */
#ifndef LL_REPORT_H
#define LL_REPORT_H

#include "host/base/log.h"
#include "host/base/number.h"
#include "host/base/status.h"
#include "host/query/duplicate_groups.h"
#include "host/query/query.h"
#include "host/report/report_scores.h"
#include "host/store/reader.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { LL_REPORT_SHEET = 12, LL_REPORT_SHEET_MAX = 200, LL_REPORT_NEAREST = 10 };

/* Photos from this score on are near-identical: the default of `lookloom duplicates`. */
#define LL_REPORT_ALIKE 0.999

typedef struct ll_report {
    FILE *to;
    ll_reader *reader; /* the same index twice: by rows, and as one asks it */
    ll_query *query;
    const ll_log *log;
    const char *title;      /* heading of the page */
    const char *version;    /* of this program */
    const char *image_root; /* folder that photos' paths start from */
    const int64_t *chosen;  /* (chosen_count) rows of --item, ascending, each once */
    int64_t chosen_count;
    int64_t sheet; /* how many drawn items follow them */
    uint64_t seed;
    ll_report_scores scores;
    const ll_duplicate_groups *groups;
    ll_reader_rejects rejects;
    int64_t photos, photos_missing; /* wanted so far; those that a placeholder stands for */
} ll_report;

/* report_page.c: the frame. Sections lie between begin and end. */
void ll_report_begin(const ll_report *report);
void ll_report_section(const ll_report *report, const char *id, const char *heading);
void ll_report_section_end(const ll_report *report);
void ll_report_end(const ll_report *report);

/* report.css, which report_style.c.in holds: what goes into <style>. */
void ll_report_style(FILE *to);

/* report_glance.c: the few figures to know. */
void ll_report_glance(const ll_report *report);

/* report_sheet.c: items with their ten nearest. */
LL_NODISCARD ll_status ll_report_sheet(ll_report *report, ll_error *err);

/* report_histogram.c: how scores spread. */
void ll_report_histograms(const ll_report *report);

/* report_coverage.c: how many items have something to show, by threshold. */
void ll_report_coverage(const ll_report *report);

/* report_duplicates.c: the largest groups, with photos. */
LL_NODISCARD ll_status ll_report_duplicates(ll_report *report, ll_error *err);

/* report_rejects.c: what was left out, by reason. */
LL_NODISCARD ll_status ll_report_rejects(const ll_report *report, ll_error *err);

/* report_run.c: the stages of the night, as far as /run tells. */
LL_NODISCARD ll_status ll_report_run(const ll_report *report, ll_error *err);

/* report_provenance.c: what made the index. */
void ll_report_provenance(const ll_report *report);

/** Part of a whole as "61 %", "0.4 %" or "0 %" into `buffer`, which is returned. */
const char *ll_report_percent(int64_t part, int64_t whole, char buffer[LL_NUMBER_TEXT]);

/** A score as "0.913" into `buffer`: cut and not rounded, so that what is below 0.80 never reads as
 *  0.800. "-" for NAN. */
const char *ll_report_score(double score, char buffer[LL_NUMBER_TEXT]);

#endif
