/* SPDX-License-Identifier: BSD-2-Clause
 * What is in a file: contexts, tensors of a safetensors file, the array of an .npy file. */
#ifndef CLI_INFO_FILE_H
#define CLI_INFO_FILE_H

#include "cli.h"

/* Print what `conv2d info FILE` does. */
bool info_file(const char *path, const cli_options *options, cli_error *error);

#endif
