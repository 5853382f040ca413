/* tests/agree/known_answers.h - pictures and features drawn the same everywhere, and what the cpu
 * backend made of them on the machine that packed the tarball (tests/answers.bin in it): another
 * machine's card is set beside them (gpu_backend). */
#ifndef LL_TESTS_KNOWN_ANSWERS_H
#define LL_TESTS_KNOWN_ANSWERS_H

#include "tests/agree/emulated_work.h"

enum { KNOWN_IMAGES = 64, KNOWN_ROWS = 1500, KNOWN_COLS = 512 };

typedef struct known_shop {
    uint8_t *pixels; /* (KNOWN_IMAGES, 224, 224, 3): drawn garments, and the same upside down */
    float *features; /* (KNOWN_ROWS, KNOWN_COLS) unit; each fiftieth row is one and the same */
} known_shop;

/** LL_ERR_MEMORY. Release it whatever happens. */
LL_NODISCARD ll_status known_shop_draw(known_shop *shop, ll_error *err);
void known_shop_release(known_shop *shop);

/** What is asked of a shop: its pictures embedded up to fc2, its rows compared. */
work_order known_order(const known_shop *shop, const char *backend, int batch);

/** @param answers  of known_order() */
LL_NODISCARD ll_status known_answers_write(const char *path, const work_result *answers,
                                           ll_error *err);

/** `answers` without a matrix, yours to release. LL_ERR_IO; LL_ERR_FORMAT for another file. */
LL_NODISCARD ll_status known_answers_read(const char *path, work_result *answers, ll_error *err);

/** To the bit, of what is in the file. */
bool known_answers_equal(const work_result *a, const work_result *b);

#endif
