/* SPDX-License-Identifier: BSD-2-Clause
 * The problems that `conv2d verify` runs when none is named: layers of known networks, so that each
 * kernel of a GPU is used and its time means something. */
#ifndef CLI_STANDARD_PROBLEMS_H
#define CLI_STANDARD_PROBLEMS_H

extern const char *const standard_problems[]; /* NULL at the end */
enum { STANDARD_RANDOM = 200 };               /* random problems beside them */

#endif
