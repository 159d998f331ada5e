/* SPDX-License-Identifier: BSD-2-Clause
 * The thread-local sentence behind conv2d_last_error(). */
#ifndef C2_CORE_ERROR_H
#define C2_CORE_ERROR_H

#include "conv2d/status.h"

#if defined(__GNUC__)
#define C2_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define C2_PRINTF(a, b)
#endif

/* Keep the formatted sentence (cut at 511 bytes) for this thread and return status. Never
 * allocates. */
conv2d_status c2_fail(conv2d_status status, const char *format, ...) C2_PRINTF(2, 3);

/* The sentence of this thread; "" at first. */
const char *c2_last_error(void);

#endif
