/* SPDX-License-Identifier: BSD-2-Clause
 * Problems named on the command line: problem text, or a model file with one problem a line. */
#ifndef CLI_PROBLEMS_H
#define CLI_PROBLEMS_H

#include "cli.h"

typedef struct cli_problems {
    conv2d_problem **list; /* pointers, because a problem points into itself */
    int n, capacity;
} cli_problems;

/* Each operand is a file if one of that name is there, else problem text. In a file, '#' begins a
 * comment and empty lines are skipped. dtype not 0: all tensors get it (--dtype). */
bool problems_read(char *const *operands, int n, int32_t dtype, cli_problems *out,
                   cli_error *error);
void problems_free(cli_problems *problems);

void problem_set_dtype(conv2d_problem *problem, int32_t dtype);

/* Text of a problem; given (free), NULL without memory or if it has none. */
char *problem_text(const conv2d_problem *problem);

#endif
