/* SPDX-License-Identifier: BSD-2-Clause
 * Options of all commands: one table makes the parser, the help texts and (by a test) the man page
 * agree. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdio.h>

#include "cli.h"

enum { OPTIONS_INPUTS = 65 }; /* one less may be given */

struct cli_options {
    conv2d_params params; /* from --stride, --padding, ..., --algorithm, --workspace-limit */
    const char *weight, *bias, *residual, *output;
    const char *context, *name; /* a file of contexts, and one of them */
    const char *isa, *device, *wisdom;
    const char *isas;                                              /* levels to pack for */
    const char *inputs[OPTIONS_INPUTS], *problems[OPTIONS_INPUTS]; /* NULL past the last */
    conv2d_order layout;
    int32_t dtype; /* 0 = the input's */
    int32_t n_threads;
    bool groups_given;
    const char *shaped_by; /* the last option given that says what is convolved how, or NULL */
    bool verify, json, csv, verbose, normalize, peak;
    int64_t repeat;
    int64_t n_random; /* 0 = not given */
    int64_t seed;
    double seconds;
    char *const *operands;
    int n_operands;
};

enum {
    OPTIONS_GO,   /* run the command */
    OPTIONS_HELP, /* --help was given */
    OPTIONS_BAD   /* error is filled */
};

/* Parse argv[1...] of a command (argv[0] is its name). */
int options_parse(const cli_command *command, int argc, char **argv, cli_options *out,
                  cli_error *error);

/* What completion and help know of an option. */
typedef struct option_info {
    const char *name, *argument; /* argument NULL = a flag */
    char letter;                 /* 0 = none */
    const char *words;           /* values to offer, separated by spaces; NULL = files */
    const char *help;
} option_info;

/* Option number i of a command, from 0; false past the last. */
bool options_info(const cli_command *command, int i, option_info *out);

/* The command's --help. */
void options_print_help(const cli_command *command, FILE *to);

#endif
