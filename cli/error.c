/* SPDX-License-Identifier: BSD-2-Clause
 * Errors of the command-line tool, and progress on a terminal. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

bool cli_fail(cli_error *error, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->code = code;
    error->is_usage = false;
    return false;
}

bool cli_fail_usage(cli_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->code = CLI_USAGE;
    error->is_usage = true;
    return false;
}

/* The library names its parameters; people gave options. */
typedef struct renamed {
    const char *parameter, *option;
} renamed;
static const renamed renamed_parameters[] = {
    {"params.stride", "--stride"},
    {"params.padding_mode", "--padding-mode"},
    {"params.padding", "--padding"},
    {"params.dilation", "--dilation"},
    {"params.groups", "--groups"},
    {"params.activation", "--activation"},
    {"params.output_min", "--activation clamp: the lower bound"},
    {"params.alpha", "--activation leaky_relu: the slope"},
    {"params.algorithm", "--algorithm"},
    {"name is ", "--device is "},
    {"isa is ", "--isa is "},
};

bool cli_fail_library(cli_error *error, conv2d_status status, const char *what)
{
    bool ran = status == CONV2D_E_NOMEM || status == CONV2D_E_STATE || status == CONV2D_E_DEVICE ||
               status == CONV2D_E_CANCELLED;
    const char *sentence = conv2d_last_error();
    if (sentence[0] == '\0')
        sentence = conv2d_status_text(status);
    const char *head = "";
    for (size_t i = 0; i < sizeof renamed_parameters / sizeof renamed_parameters[0]; i++) {
        size_t n = strlen(renamed_parameters[i].parameter);
        if (strncmp(sentence, renamed_parameters[i].parameter, n) == 0) {
            head = renamed_parameters[i].option;
            sentence += n;
            break;
        }
    }
    return cli_fail(error, ran ? CLI_FAILED : CLI_USAGE, "%s%s%s%s", what, what[0] ? ": " : "",
                    head, sentence);
}

bool cli_prefix(cli_error *error, const char *format, ...)
{
    char old[sizeof error->text];
    memcpy(old, error->text, sizeof old);
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (n >= 0 && (size_t)n < sizeof error->text) {
        size_t room = sizeof error->text - (size_t)n;
        snprintf(error->text + n, room, ": %.*s", (int)(room > 3 ? room - 3 : 0), old);
    }
    return false;
}

void cli_progress(const char *command, long done, long total)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (total == 0)
        fprintf(stderr, "\r\033[K");
    else
        fprintf(stderr, "\rconv2d %s: %ld of %ld", command, done, total);
    fflush(stderr);
}

void cli_progress_share(const char *command, long done, long total, double share)
{
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\rconv2d %s: %ld of %ld, %3.0f %%", command, done, total, 100 * share);
    fflush(stderr);
}
