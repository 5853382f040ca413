/* tests/agree/write_answers.c - write what the cpu backend makes of the drawn shop of
 * known_answers.h: tools/package puts it beside the GPU tests.
 *
 *   write_answers FILE */
#include "tests/agree/known_answers.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    known_shop shop = {0};
    work_result answers = {0}, read = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: write_answers FILE\n");
        return 2;
    }
    LL_TRY_DONE(known_shop_draw(&shop, &err));
    const work_order order = known_order(&shop, "cpu", WORK_MAX_BATCH);
    LL_TRY_DONE(work_do(&order, &answers, &err));
    LL_TRY_DONE(known_answers_write(argv[1], &answers, &err));
    LL_TRY_DONE(known_answers_read(argv[1], &read, &err)); /* as the card's machine will */
    if (!known_answers_equal(&answers, &read))
        status = ll_fail(&err, LL_ERR_IO, "%s: what is read is not what was written", argv[1]);
done:
    work_release(&read);
    work_release(&answers);
    known_shop_release(&shop);
    if (status != LL_OK) fprintf(stderr, "write_answers: %s\n", err.text);
    return status == LL_OK ? 0 : 3;
}
