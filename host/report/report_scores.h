/* host/report/report_scores.h - how the scores of an index spread: what the histograms and the
 * coverage of a report show. Floor 4. */
#ifndef LL_REPORT_SCORES_H
#define LL_REPORT_SCORES_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/store/reader.h"

#include <stdbool.h>
#include <stdint.h>

enum { LL_REPORT_BINS = 50, LL_REPORT_THRESHOLDS = 6 };

extern const double ll_report_thresholds[LL_REPORT_THRESHOLDS]; /* ascending; 0.80 is one */

typedef struct ll_report_scores {
    /* All scores, or those of drawn rows. */
    int64_t all[LL_REPORT_BINS];    /* [i / 50, (i + 1) / 50); 1 is in the last */
    int64_t all_count, all_similar; /* all; of these 0.80 or more */
    int64_t rows;                   /* how many rows were read; all of them: each pair once */
    bool from_matrix;               /* false: scores of stored neighbours only */

    /* Each item's best score, always of all items. */
    int64_t best[LL_REPORT_BINS];
    int64_t best_count, best_similar; /* items that have a neighbour at all */
    double best_median;               /* NAN if none has */

    /* Items with one and with ten neighbours at each threshold; ten is -1 if fewer are stored than
     * there are. */
    int64_t one[LL_REPORT_THRESHOLDS], ten[LL_REPORT_THRESHOLDS];
} ll_report_scores;

/** `most` bounds how many scores are read for `all`; rows are drawn by `seed` where that is fewer
 *  than there are. Memory: four bytes an item. LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_report_scores_count(const ll_reader *reader, int64_t most, uint64_t seed,
                                              const ll_log *log, ll_report_scores *out,
                                              ll_error *err);

/** `count` rows out of `rows`, ascending, one out of each of `count` equal stretches, by `seed`:
 *  the same on every machine. `count` at most `rows`. */
void ll_report_draw_rows(int64_t rows, int64_t count, uint64_t seed, int64_t *out);

#endif
