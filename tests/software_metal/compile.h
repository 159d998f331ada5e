/* SPDX-License-Identifier: BSD-2-Clause
 * MSL text to kernels: compiled by msl/compile.py and clang, kept in a folder by the hash of all
 * that goes into it, loaded once for each set of function constants. */
#ifndef SM_COMPILE_H
#define SM_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msl/runtime.h"

enum { SM_MAX_CONSTANTS = 64, SM_CONSTANT_BYTES = 16 };

/* Values given for function constants; the type is 0 where none is given. */
typedef struct sm_constants {
    unsigned char value[SM_MAX_CONSTANTS][SM_CONSTANT_BYTES];
    int type[SM_MAX_CONSTANTS];
} sm_constants;

/* A compiled text: files of that name, ended by .so and .info. Never freed, one a text. */
typedef struct sm_image sm_image;

/* A kernel as one set of constants makes it. */
typedef struct sm_kernel {
    const msl_kernel *table;
    bool meets; /* has barriers or simdgroup functions */
} sm_kernel;

/* Compile or find. NULL with the compiler's words in *error_out (free() it) if it is no MSL. */
const sm_image *sm_compile(const char *text, int language, char **error_out);
/* Load with these constants and find the kernel. false with *error_out (free() it) if there is none
 * of that name; a constant without a value or of another type is a violation. */
bool sm_load(const sm_image *image, const sm_constants *constants, const char *name,
             sm_kernel *kernel_out, char **error_out);
/* A number of a kernel as these constants make it; the same in every process. */
uint64_t sm_identity(const sm_image *image, const sm_constants *constants, const char *name);
/* Names of all kernels, for functionNames; *n_out of them. */
const msl_kernel *sm_list(const sm_image *image, int *n_out);

#endif
