/* SPDX-License-Identifier: BSD-2-Clause
 * Values of options. Each function parses a text into the member of cli_options it is told of, and
 * refuses with the option's name, the text and what was expected. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "cli.h"

typedef struct option_value {
    const char *option; /* without dashes */
    const char *text;
} option_value;

bool value_text(const option_value *value, void *member, cli_error *error);         /* const char * */
bool value_positive(const option_value *value, void *member, cli_error *error);     /* int64_t >= 1 */
bool value_natural(const option_value *value, void *member, cli_error *error);      /* int64_t >= 0 */
bool value_bytes(const option_value *value, void *member, cli_error *error);        /* uint64_t */
bool value_threads(const option_value *value, void *member, cli_error *error);      /* int32_t */
bool value_seconds(const option_value *value, void *member, cli_error *error);      /* double */
bool value_pair(const option_value *value, void *member, cli_error *error);         /* int64_t[2] */
bool value_padding(const option_value *value, void *member, cli_error *error);      /* conv2d_params */
bool value_padding_mode(const option_value *value, void *member, cli_error *error); /* int32_t */
bool value_activation(const option_value *value, void *member, cli_error *error);   /* conv2d_params */
bool value_layout(const option_value *value, void *member, cli_error *error);       /* conv2d_order */
bool value_dtype(const option_value *value, void *member, cli_error *error);        /* int32_t */
bool value_accuracy(const option_value *value, void *member, cli_error *error);     /* int32_t */

/* "relu", "leaky_relu", ...: the name of a conv2d_activation. */
const char *value_activation_name(int32_t activation);

#endif
