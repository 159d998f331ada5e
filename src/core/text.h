/* SPDX-License-Identifier: BSD-2-Clause
 * Problem text (docs/problem-text.md), both ways, and a bounded text builder. */
#ifndef C2_CORE_TEXT_H
#define C2_CORE_TEXT_H

#include <stddef.h>

#include "conv2d/conv2d.h"
#include "core/error.h"

/* Appends like snprintf into text[capacity] (capacity may be 0); length counts what the whole text
 * needs. */
typedef struct c2_text {
    char *text;
    size_t capacity, length;
} c2_text;
void c2_text_add(c2_text *t, const char *format, ...) C2_PRINTF(2, 3);

/* The bodies of conv2d_problem_parse() and conv2d_problem_format(). */
conv2d_status c2_problem_from_text(const char *text, conv2d_problem *problem_out);
conv2d_status c2_problem_to_text(const conv2d_problem *problem, c2_text *out);

#endif
