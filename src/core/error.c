/* SPDX-License-Identifier: BSD-2-Clause
 * The sentence of the last failure, one buffer a thread. A fixed array, because the failure to be
 * reported may be that there is no memory. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE_BYTES = 512 };
static _Thread_local char sentence[SENTENCE_BYTES];

conv2d_status c2_fail(conv2d_status status, const char *format, ...)
{
    /* Formatted aside: an argument may be the previous sentence itself. */
    char text[SENTENCE_BYTES];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0)
        text[0] = '\0';
    for (size_t i = 0; i < sizeof text; i++) {
        sentence[i] = text[i];
        if (text[i] == '\0')
            break;
    }
    return status;
}

const char *c2_last_error(void) { return sentence; }
