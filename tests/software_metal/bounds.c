/* SPDX-License-Identifier: BSD-2-Clause
 * What compiled kernels call where an index leaves its array (clang's -fsanitize=bounds), in builds
 * that have no sanitizer's library: the report says the line of the kernel's text. */
#include "sanitizers.h"

#include <stdint.h>
#include <stdlib.h>

#include "report.h"

#if !SM_ASAN && !SM_TSAN
/* As clang lays it out. */
typedef struct out_of_bounds {
    const char *file;
    uint32_t line, column;
    const void *array_type, *index_type;
} out_of_bounds;

void __ubsan_handle_out_of_bounds_abort(const out_of_bounds *place, uintptr_t index);
void __ubsan_handle_out_of_bounds_abort(const out_of_bounds *place, uintptr_t index)
{
    sm_violation("out of bounds", "%s:%u:%u: index %ld is outside of the array", place->file,
                 place->line, place->column, (long)index);
    abort(); /* the kernel cannot go on, whatever the options say */
}
#endif
