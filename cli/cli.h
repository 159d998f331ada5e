/* SPDX-License-Identifier: BSD-2-Clause
 * What every file of the command-line tool shares: exit codes, the error that functions fill, and
 * the table of commands. A function that can fail returns bool and fills a cli_error; only main.c
 * prints it. The tool uses the public headers of the library alone. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include "conv2d/conv2d.h"

#if defined(__GNUC__)
#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CLI_PRINTF(text, first)
#endif

enum {
    CLI_OK = 0,
    CLI_FAILED = 1, /* failed while running, or verify found a difference */
    CLI_USAGE = 2   /* wrong usage, bad input, unwritable output */
};

typedef struct cli_error {
    int code;      /* CLI_FAILED or CLI_USAGE */
    bool is_usage; /* an option or operand is wrong: main.c points at --help */
    char text[1024];
} cli_error;

/* Fill error and return false: `return cli_fail(error, CLI_USAGE, "...", ...);` */
bool cli_fail(cli_error *error, int code, const char *format, ...) CLI_PRINTF(3, 4);

/* The same for a mistake on the command line itself. */
bool cli_fail_usage(cli_error *error, const char *format, ...) CLI_PRINTF(2, 3);

/* A library call failed: what was done, and the library's sentence. Errors in arguments are
 * CLI_USAGE, the others CLI_FAILED. */
bool cli_fail_library(cli_error *error, conv2d_status status, const char *what);

/* Put "text: " in front of the sentence; returns false. */
bool cli_prefix(cli_error *error, const char *format, ...) CLI_PRINTF(2, 3);

typedef struct cli_options cli_options;

/* Commands, as bits: the table of options says which have one. */
enum {
    CLI_RUN = 1,
    CLI_PACK = 2,
    CLI_PLAN = 4,
    CLI_TUNE = 8,
    CLI_INFO = 16,
    CLI_VERIFY = 32,
    CLI_BENCH = 64,
    CLI_COMPLETION = 128
};

typedef struct cli_command {
    const char *name;
    int bit;
    const char *summary;  /* one line of `conv2d --help` */
    const char *usage;    /* what follows "conv2d NAME" */
    const char *about;    /* paragraphs of the command's help */
    const char *examples; /* lines, indented by two */
    /* Returns the exit code; error is filled if it is not CLI_OK. */
    int (*run)(const cli_options *options, cli_error *error);
} cli_command;

extern const cli_command cli_command_run, cli_command_pack, cli_command_plan, cli_command_tune,
    cli_command_info, cli_command_verify, cli_command_bench, cli_command_completion;

/* commands.c: all of them in the order of the help, NULL at the end; and by name, NULL if none. */
extern const cli_command *const cli_commands[];
const cli_command *cli_command_by_name(const char *name);

/* Open the device that --device, --isa and --threads ask for, with the wisdom of --wisdom. */
bool cli_open_device(const cli_options *options, conv2d_device **device_out, cli_error *error);

/* "command: done of total" on stderr, if that is a terminal; total 0 clears the line. */
void cli_progress(const char *command, long done, long total);
/* The same with a share of the one under way. */
void cli_progress_share(const char *command, long done, long total, double share);

#endif
