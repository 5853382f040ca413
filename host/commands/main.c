/* host/commands/main.c - `lookloom`: find the command, run it, be its exit code. */
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/commands/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW(name, summary) {#name, cmd_##name, summary},
static const struct ll_command k_commands[] = {LL_COMMANDS(ROW)};
enum { COMMANDS = sizeof k_commands / sizeof k_commands[0] };

static void print_usage(FILE *to)
{
    fprintf(to, "usage: lookloom COMMAND [OPTION...] ...\n\n"
                "Visual product similarity, computed at night and served in microseconds.\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-10s  %s\n", k_commands[i].name, k_commands[i].summary);
    fprintf(to, "\n`lookloom COMMAND --help` lists a command's options; `lookloom-query` asks a "
                "finished index.\n");
}

int main(int argc, char **argv)
{
    const char *const word = argc > 1 ? argv[1] : "";

    /* This variable would override our request for no file locks; none are needed, since files
     * appear whole and never change. */
    (void)unsetenv("HDF5_USE_FILE_LOCKING");
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0 ||
        strcmp(word, "help") == 0) {
        print_usage(stdout);
        return ll_exit_report("lookloom", LL_OK, NULL, LL_EXIT_DONE);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-v") == 0) {
        printf("lookloom %s\n", ll_arguments_version());
        return ll_exit_report("lookloom", LL_OK, NULL, LL_EXIT_DONE);
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(word, k_commands[i].name) == 0)
            return k_commands[i].run(argc - 1, (const char *const *)argv + 1);
    if (word[0] == '\0')
        print_usage(stderr);
    else
        fprintf(stderr, "lookloom: no command '%s'; lookloom --help lists them\n", word);
    return LL_EXIT_USAGE;
}
