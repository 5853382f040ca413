/* tests/cuda_emulated/emulated_clock.c - on an idle card the module's clock stands still.
 *
 * Engines are timed only as long as patience lasts. A test that forks before each call waits for
 * its children meanwhile, and a night that then times fewer engines makes other calls than the one
 * before. The linker sends the module's calls here (--wrap). */
#include "host/base/clock.h"
#include "tests/cuda_emulated/emulated.h"

double __real_ll_clock_seconds(void);
double __wrap_ll_clock_seconds(void);

double __wrap_ll_clock_seconds(void)
{
    return ll_emulated_card()->idle ? 0.0 : __real_ll_clock_seconds();
}
