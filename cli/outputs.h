/* SPDX-License-Identifier: BSD-2-Clause
 * Names of the outputs of `conv2d run`: one for each input, none twice, none that is also read. */
#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

#include "cli.h"

/* names_out has one name an input, given (outputs_free). With one input and an OUT that is no
 * directory and has no {name}, OUT itself. */
bool outputs_name(const cli_options *options, char ***names_out, cli_error *error);
void outputs_free(char **names, int n);

#endif
