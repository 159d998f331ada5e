/* SPDX-License-Identifier: BSD-2-Clause
 * Results as JSON: the parts that several commands print. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli.h"
#include "json.h"

/* A string whatever its bytes are (invalid UTF-8 becomes '?'), a number or null if not finite. */
json_t *report_text(const char *text);
json_t *report_number(double value);

/* Members of an object; a value that could not be made is left out. */
void report_set(json_t *object, const char *key, json_t *value);

json_t *report_plan(const conv2d_plan_info *info);
json_t *report_candidate(const conv2d_candidate_info *info);
json_t *report_sizes(const conv2d_tensor *tensor);

/* The device: name, features, limits; its kernels; and this system. */
json_t *report_device(const conv2d_device_info *info);
json_t *report_kernels(const conv2d_device *device); /* all that it was built with */
json_t *report_system(void);

/* Whether this build has JSON; says so if not. */
bool report_possible(cli_error *error);
/* Print on standard output and free. */
void report_print(json_t *root);
/* Write to a file (file.h: staged, then renamed) and free. */
bool report_write(json_t *root, const char *path, cli_error *error);

/* "3x512x512" */
enum { REPORT_SIZES_BYTES = 96 };
void report_sizes_text(const conv2d_tensor *tensor, char text[REPORT_SIZES_BYTES]);

#endif
