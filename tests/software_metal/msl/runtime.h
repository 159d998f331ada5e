/* SPDX-License-Identifier: BSD-2-Clause
 * What a compiled kernel and the runtime of software Metal agree on: the table of kernels a
 * compiled library exports, what a thread may ask about itself, and the points where threads meet.
 * Read as C17 by the runtime and as C++14 by the compiled kernels. */
#ifndef MSL_RUNTIME_H
#define MSL_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MSL_SIMD_WIDTH = 32,
    MSL_MAX_ARGUMENTS = 31, /* indices 0..30 of a kind, as Metal's argument table */
    MSL_SLOT_BYTES = 64,    /* largest value a simdgroup function passes between lanes */
    MSL_THREADGROUP_BYTES = 32768
};

/* A thread's own coordinates. */
typedef struct msl_position {
    uint32_t in_grid[3], in_threadgroup[3], group[3];
    uint32_t threadgroup_size[3], grid_size[3], n_threadgroups[3];
    uint32_t index, lane, simdgroup, n_simdgroups;
} msl_position;

/* What is bound when a kernel starts: buffers and bytes by index, threadgroup memory by index. */
typedef struct msl_arguments {
    void *buffer[MSL_MAX_ARGUMENTS];
    void *shared[MSL_MAX_ARGUMENTS];
} msl_arguments;

enum { MSL_PARAMETER_BUFFER, MSL_PARAMETER_THREADGROUP };

typedef struct msl_parameter {
    const char *name;
    int kind, index;
    size_t bytes, alignment; /* of what the pointer or reference leads to */
    int is_reference, is_const, is_present;
} msl_parameter;

typedef struct msl_kernel {
    const char *name;
    void (*launch)(const msl_arguments *, const msl_position *);
    const msl_parameter *parameters;
    int n_parameters;
    int max_threads; /* max_total_threads_per_threadgroup, 0 if not given */
} msl_kernel;

/* Values of a function constant's type, Metal's MTLDataType. */
enum {
    MSL_TYPE_FLOAT = 3,
    MSL_TYPE_HALF = 16,
    MSL_TYPE_INT = 29,
    MSL_TYPE_UINT = 33,
    MSL_TYPE_SHORT = 37,
    MSL_TYPE_USHORT = 41,
    MSL_TYPE_CHAR = 45,
    MSL_TYPE_UCHAR = 49,
    MSL_TYPE_BOOL = 53
};

/* Called while a compiled library is loaded: gives the value, or zero where none is set. */
void msl_function_constant(int index, const char *name, int type, void *value_out, size_t bytes);
int msl_function_constant_defined(int index);

/* Meeting points. `line` is where the call stands: threads that meet at different lines diverged.
 * The flags are those of mem_flags. */
void msl_threadgroup_barrier(unsigned flags, unsigned line);
void msl_simdgroup_barrier(unsigned flags, unsigned line);
/* Gives `bytes` bytes to the other lanes and returns those of all, MSL_SLOT_BYTES apart, valid
 * until the next but one meeting. `all` says that the operation needs every lane of the simdgroup.
 */
const unsigned char *msl_simd_exchange(const void *value, size_t bytes, int all, unsigned line);
uint32_t msl_lane(void);
uint32_t msl_active_lanes(void); /* a bit a lane that takes part in the latest exchange */
/* A variable a kernel declares in threadgroup memory, the same for all threads of the threadgroup;
 * its bytes are NaNs before the first of them writes. */
void *msl_threadgroup_variable(int place, size_t bytes, size_t alignment, unsigned line);

#ifdef __cplusplus
}
#endif
#endif
