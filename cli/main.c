/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d, the command-line tool: finds the command, parses its options, runs it, prints its error.
 * Exit codes: 0 done, 1 failed while running or a difference was found, 2 wrong usage, bad input or
 * unwritable output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"
#include "options.h"

static void print_help(FILE *to)
{
    fprintf(to, "Usage: conv2d COMMAND [OPTION]... [ARGUMENT]...\n\n"
                "2-D convolution of arrays and pictures, as deep-learning libraries define it.\n\n"
                "Commands:\n");
    for (int i = 0; cli_commands[i]; i++)
        fprintf(to, "  %-11s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fprintf(to, "\n"
                "  -h, --help     this text; `conv2d COMMAND --help` has the options of a command\n"
                "      --version  the library's version\n\n"
                "Examples:\n"
                "  conv2d run photo.jpg --weight gaussian:15 --padding same -o blurred.png\n"
                "  conv2d plan -v ic64ih56oc64oh56kh3ph1\n\n"
                "Exit code: 0 done; 1 failed while running, or a difference was found; 2 wrong "
                "usage,\nbad input or unwritable output.\n");
}

/* A closed descriptor 0, 1 or 2 would be given to the next file that is opened, and messages would
 * land in it. Standard output is replaced such that writing fails. */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
            continue;
        int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;
        if (open("/dev/null", flags) != fd)
            _exit(CLI_USAGE);
    }
}

/* Everything printed must have arrived. */
static int finish(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "conv2d: cannot write to standard output: %s\n",
            errno ? strerror(errno) : "write error");
    return code ? code : CLI_USAGE;
}

static void print_unknown(const char *name)
{
    fprintf(stderr, "conv2d: unknown command '%s', expected", name);
    for (int i = 0; cli_commands[i]; i++)
        fprintf(stderr, "%s %s",
                i == 0                ? ""
                : cli_commands[i + 1] ? ","
                                      : " or",
                cli_commands[i]->name);
    fprintf(stderr, "\nTry 'conv2d --help'.\n");
}

static int run_command(const cli_command *command, int argc, char **argv)
{
    cli_error error = {0};
    cli_options options;
    int code;
    switch (options_parse(command, argc, argv, &options, &error)) {
    case OPTIONS_HELP:
        options_print_help(command, stdout);
        return CLI_OK;
    case OPTIONS_GO:
        code = command->run(&options, &error);
        break;
    default:
        code = CLI_USAGE;
    }
    file_discard();
    if (code && error.text[0])
        fprintf(stderr, "conv2d %s: %s\n", command->name, error.text);
    if (code && error.is_usage)
        fprintf(stderr, "Try 'conv2d %s --help'.\n", command->name);
    return code;
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    file_install_cleanup();
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return finish(CLI_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("conv2d %s\n", conv2d_version());
        return finish(CLI_OK);
    }
    const cli_command *command = cli_command_by_name(argv[1]);
    if (!command) {
        print_unknown(argv[1]);
        return CLI_USAGE;
    }
    return finish(run_command(command, argc - 1, argv + 1));
}
