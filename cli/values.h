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

/* An option_parser and the type of its member. */
typedef bool option_parser(const option_value *value, void *member, cli_error *error);
option_parser value_text;           /* const char * */
option_parser value_list;           /* const char *[OPTIONS_INPUTS]: one more */
option_parser value_positive;       /* int64_t, at least 1 */
option_parser value_natural;        /* int64_t, at least 0 */
option_parser value_bytes;          /* uint64_t */
option_parser value_threads;        /* int32_t */
option_parser value_seconds;        /* double */
option_parser value_pair;           /* int64_t[2] */
option_parser value_padding;        /* conv2d_params */
option_parser value_padding_mode;   /* int32_t */
option_parser value_activation;     /* conv2d_params */
option_parser value_layout;         /* conv2d_order */
option_parser value_dtype;          /* int32_t */
option_parser value_accuracy;       /* int32_t */

/* "f32", "f16", ...: the short name of a dtype, "?" if it has none here. */
const char *value_dtype_name(int32_t dtype);
/* "relu", "leaky_relu", ...: the name of a conv2d_activation. */
const char *value_activation_name(int32_t activation);

#endif
