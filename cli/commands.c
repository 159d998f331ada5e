/* SPDX-License-Identifier: BSD-2-Clause
 * The table of commands, in the order of the help. */
#include <stddef.h>
#include <string.h>

#include "cli.h"

const cli_command *const cli_commands[] = {
    &cli_command_run,  &cli_command_pack,       &cli_command_plan,
    &cli_command_tune, &cli_command_verify,     &cli_command_bench,
    &cli_command_info, &cli_command_completion, NULL,
};

const cli_command *cli_command_by_name(const char *name)
{
    for (int i = 0; cli_commands[i]; i++) {
        if (strcmp(name, cli_commands[i]->name) == 0)
            return cli_commands[i];
    }
    return NULL;
}
