/* host/query/evaluate.h - do items look like their own kind? Stored neighbours against a column.
 *
 * Every item with a value in the label column and at least one other item of that value is asked
 * for its first k neighbours; an item is never its own answer. Relevant are the other items of the
 * same value (R of them). hit(i) is 1 if the i-th neighbour is relevant, else 0.
 *
 *   precision@k = sum of hit(i), i <= k, / k
 *   recall@k    = the same sum / R
 *   AP@k        = sum of hit(i) * precision@i, i <= k, / min(R, k);  mAP@k is its mean
 *   nDCG@k      = sum of hit(i) / log2(i + 1), i <= k, / sum of 1 / log2(i + 1), i <= min(R, k)
 *
 * A value is the mean over items. An item without a value is not asked and relevant to nobody, but
 * stays in the lists, as a shop would show it. An item alone in its class is not asked either:
 * there is nothing to find. A list shorter than k misses its last places. In an index made --within
 * a column the other items are those that may be neighbours, for R too. `chance` is what neighbours
 * in random order would reach on average, exactly. Floor 3; includes base, store. */
#ifndef LL_QUERY_EVALUATE_H
#define LL_QUERY_EVALUATE_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/query/query.h"

#include <stdint.h>

enum { LL_EVALUATION_CUTS = 16 };

typedef enum ll_measure {
    LL_MEASURE_PRECISION,
    LL_MEASURE_RECALL,
    LL_MEASURE_MAP,
    LL_MEASURE_NDCG,
    LL_MEASURES,
} ll_measure;

/** "precision", "recall", "mAP", "nDCG". */
const char *ll_measure_name(ll_measure measure);

typedef struct ll_evaluation_options {
    const char *label;   /* a column */
    const int64_t *cuts; /* (cut_count): the values of k, each 1 or more */
    int cut_count;       /* 1 .. LL_EVALUATION_CUTS */
    int64_t resamples;   /* of the bootstrap; 0: no intervals */
    uint64_t seed;
    int threads;
    const ll_log *log;
} ll_evaluation_options;

typedef struct ll_estimate {
    double value;
    double low, high; /* 95 % by bootstrap over items; NAN without resamples */
    double chance;
} ll_estimate;

typedef struct ll_evaluation_class {
    const char *label;      /* NULL: all together; borrowed from the query */
    int64_t items;          /* that were asked */
    ll_estimate *estimates; /* (cuts, LL_MEASURES) */
} ll_evaluation_class;

typedef struct ll_evaluation {
    int64_t items, asked;
    int64_t unlabelled, alone;    /* not asked, and why */
    int64_t class_count;          /* 0 if nothing was asked */
    ll_evaluation_class *classes; /* all together, then by label in byte order */
    ll_estimate *estimates;       /* of all classes */
} ll_evaluation;

/** LL_ERR_ARGUMENT if there is no such column, or a k is more than the index holds neighbours. */
LL_NODISCARD ll_status ll_evaluate(ll_query *query, const ll_evaluation_options *options,
                                   ll_evaluation **out, ll_error *err);
void ll_evaluation_free(ll_evaluation *evaluation); /* accepts NULL */

#endif
