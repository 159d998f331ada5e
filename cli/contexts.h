/* SPDX-License-Identifier: BSD-2-Clause
 * Files of contexts, as `conv2d pack` writes and `conv2d run --context` reads them. */
#ifndef CLI_CONTEXTS_H
#define CLI_CONTEXTS_H

#include "cli.h"
#include "convolution.h"
#include "json.h"

typedef struct cli_context {
    conv2d_context *context; /* NULL = none */
    const char *path;
    char name[256];
    conv2d_context_info info;
} cli_context;
#define CLI_CONTEXT_INIT {NULL, NULL, "", CONV2D_CONTEXT_INFO_INIT}

/* The context of that name in a file; name NULL = the only one. */
bool context_open(const char *path, const char *name, conv2d_device *device, cli_context *out,
                  cli_error *error);
void context_close(cli_context *context);

/* Descriptions of weight and bias and the parameters, into c; the library has the data. */
void context_describe(const cli_context *context, cli_convolution *c);

/* Weight and bias themselves, read from the file, for the float64 reference. */
bool context_read_weights(const cli_context *context, cli_convolution *c, cli_error *error);

/* Name of the tensors of context `name` in the file's header, "" + ".weight"; NULL if there is no
 * such context. It lives as long as the header. */
const char *context_stem(const json_t *header, const char *name);

#endif
