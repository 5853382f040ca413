/* host/cli/exit_code.c - see exit_code.h. */
#include "host/cli/exit_code.h"

#include <errno.h>
#include <string.h>

int ll_exit_code(ll_status status)
{
    switch (status) {
    case LL_OK: return LL_EXIT_DONE;
    case LL_ERR_ARGUMENT: return LL_EXIT_USAGE;
    case LL_ERR_IO:
    case LL_ERR_FORMAT:
    case LL_ERR_MEMORY:
    case LL_ERR_DEVICE:
    case LL_ERR_UNSUPPORTED: break;
    }
    return LL_EXIT_FAILED;
}

ll_status ll_exit_flush(FILE *stream, const char *name, ll_error *err)
{
    const int failed_before = ferror(stream);
    errno = 0;
    if (fflush(stream) == 0 && !failed_before) return LL_OK;
    return ll_fail(err, LL_ERR_IO, "%s: %s", name, errno != 0 ? strerror(errno) : "write failed");
}

int ll_exit_report(const char *program, ll_status status, const ll_error *err, int code)
{
    ll_error unwritten = LL_ERROR_INIT;

    /* Where both go to one terminal, the failure comes last. */
    const ll_status flushed = ll_exit_flush(stdout, "standard output", &unwritten);
    if (status == LL_OK && flushed == LL_OK) return code;
    if (status == LL_OK) {
        status = flushed;
        err = &unwritten;
    }
    const char *const text =
        err != NULL && err->text[0] != '\0' ? err->text : ll_status_name(status);
    fprintf(stderr, "%s: %s\n", program, text);
    return ll_exit_code(status);
}
