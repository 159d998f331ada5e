/* SPDX-License-Identifier: BSD-2-Clause
 * Random small problems for `conv2d verify --random`. */
#ifndef CLI_RANDOM_PROBLEM_H
#define CLI_RANDOM_PROBLEM_H

#include "cli.h"
#include "tensor.h"

/* Draw one; its text is given (free). NULL without memory, or if the library refuses what it should
 * not; conv2d_last_error() has the reason then. */
char *random_problem_text(cli_random *random);

#endif
