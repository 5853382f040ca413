/* host/query/shared_streams.c - lets Debian's libhdf5.a be part of liblookloom-query.so.
 *
 * It is compiled for programs and reads `stderr` and `stdout` by a relative address, which no
 * shared library may do to a variable of libc. The linker's --wrap turns those two into variables
 * of this library (CMakeLists.txt), filled in before anything of it runs. */
#include <stdio.h>

extern FILE *__real_stderr, *__real_stdout; /* libc's, in the linker's spelling */
extern FILE *__wrap_stderr, *__wrap_stdout; /* what every other object here sees */
FILE *__wrap_stderr, *__wrap_stdout;

__attribute__((constructor)) static void bind_streams(void)
{
    __wrap_stderr = __real_stderr;
    __wrap_stdout = __real_stdout;
}
