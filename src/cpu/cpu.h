/* SPDX-License-Identifier: BSD-2-Clause
 * The CPU device: machine facts, kernel choice, and helpers shared by the algorithms. */
#ifndef C2_CPU_CPU_H
#define C2_CPU_CPU_H

#include "backend/backend.h"
#include "cpu/kernels.h"

typedef struct c2_machine {
    uint32_t detected;              /* C2_CPU_* */
    uint32_t features;              /* detected, cut to the isa asked for */
    const char *isa, *isa_detected; /* "generic", "avx2", "amx", "neon" */
    uint32_t refused;               /* C2_CPU_AMX, if the system keeps it from us: not detected */
    int refused_error;              /* the error number of that */
    char feature_text[160];
    char model[96];
    const char *cores; /* "intel", "amd", "amd-zen5" and later ones, or "" for any other */
    size_t l1d_bytes, l2_bytes, l3_bytes; /* with defaults where unknown */
} c2_machine;

/* Detect once (thread-safe), then cut to isa (NULL = the environment's CONV2D_CPU, else best).
 * CONV2D_E_ARGUMENT for an unknown level, CONV2D_E_DEVICE for one the machine lacks. */
conv2d_status c2_machine_init(const char *isa, c2_machine *machine_out);
/* A level whether this machine has it or not: for packing, which runs no kernel that the machine
 * has not `detected`. */
conv2d_status c2_machine_init_foreign(const char *isa, c2_machine *machine_out);
/* Levels that this build has kernels for, lowest first; NULL past the last. */
const char *c2_machine_level(int index);

typedef struct c2_cpu_device {
    conv2d_device base;
    c2_machine machine;
    /* indices into c2_kernels of the usable ones of each family, best ISA first */
    int n_family[C2_N_FAMILIES];
    int family[C2_N_FAMILIES][16];
    atomic_bool forwards; /* the tasks that were begun last go from the first to the last */
} c2_cpu_device;

extern const c2_backend c2_cpu_backend;

/* The variant-th usable kernel of a family (0 = best), or NULL; and how many there are: of those
 * for float32, of families dot_... of all. */
const c2_kernel *c2_cpu_kernel(const conv2d_device *device, c2_family family, int variant);
int c2_cpu_kernel_count(const conv2d_device *device, c2_family family);
/* The kernel of another dtype that has the family, tile and ISA of `kernel`, or NULL. */
const c2_kernel *c2_cpu_kernel_of(const c2_kernel *kernel, int32_t dtype);
/* A family's first kernel of the same ISA as `kernel`, or of the one that this ISA adds to, for
 * tensors of dtype, or NULL; and the epilogue among them. */
c2_any_fn c2_cpu_helper(const c2_kernel *kernel, c2_family family, int32_t dtype);
c2_epilogue_fn c2_cpu_epilogue(const c2_kernel *kernel, int32_t dtype);

/* Run n tasks on the device's pool with at most args->n_workers at once, from the first to the last
 * and the next time on this device from the last to the first: sets denormal mode inside tasks,
 * skips tasks once args->cancel is triggered; records args->event; calls args->done if it returns
 * CONV2D_OK. Else CONV2D_E_CANCELLED. task's worker is < args->n_workers. */
typedef void (*c2_cpu_task)(const c2_state *state, const c2_run_args *args, size_t i, int worker);
conv2d_status c2_cpu_parallel(const c2_state *state, const c2_run_args *args, size_t n,
                              c2_cpu_task task);
/* The same, each worker beginning with a run of neighbours, for layers that wait for memory: what
 * it reads twice and its outputs stay in its caches. Otherwise tasks are dealt in turn, so that all
 * end at once. */
conv2d_status c2_cpu_parallel_runs(const c2_state *state, const c2_run_args *args, size_t n,
                                   c2_cpu_task task);
/* A task that also prepares the worker's next one among its own products. */
enum { C2_CPU_NO_TASK = -1 };
typedef struct c2_cpu_turn {
    int64_t task, next; /* next: or C2_CPU_NO_TASK */
    bool prepared;      /* the task was `next` of the worker's turn before */
    int side;           /* the task's own from turn to turn, at first 0 */
    int worker;
    char *stack; /* C2_STACK_BYTES that last from a worker's first turn to its last */
} c2_cpu_turn;
typedef void (*c2_cpu_turn_task)(const c2_state *state, const c2_run_args *args,
                                 c2_cpu_turn *turn);
/* In phases, each of which begins when all tasks of the one before have ended. */
typedef struct c2_cpu_phase {
    size_t n;
    c2_cpu_task task;
    bool runs;
    c2_cpu_turn_task turn; /* in place of task */
    bool ahead;            /* of turns: they are told the next one of the worker's own */
} c2_cpu_phase;
conv2d_status c2_cpu_parallel_phases(const c2_state *state, const c2_run_args *args,
                                     const c2_cpu_phase *phases, int n_phases);

/* Record the end of a run; event may be NULL. (c2_cpu_parallel does it.) */
void c2_cpu_event_record(conv2d_event *event, conv2d_status status);

extern const c2_algorithm c2_algo_ref, c2_algo_gemm1x1_ch, c2_algo_gemm1x1_px, c2_algo_igemm_ch,
    c2_algo_igemm_px, c2_algo_depthwise_ch, c2_algo_depthwise_px, c2_algo_grouped_ch,
    c2_algo_grouped_px, c2_algo_depthwise_rows_ch, c2_algo_depthwise_rows_px,
    c2_algo_depthwise_image_px;
extern const c2_algorithm c2_algo_direct_ch, c2_algo_direct_sum, c2_algo_direct_px,
    c2_algo_direct_rows, c2_algo_separable, c2_algo_fft;
extern const c2_algorithm c2_algo_dot_ch, c2_algo_dot_px, c2_algo_split2_px, c2_algo_split3_px;
extern const c2_algorithm c2_algo_split2_ch, c2_algo_split3_ch, c2_algo_split3_rows,
    c2_algo_split3_groups, c2_algo_split3_crossed;
extern const c2_algorithm c2_algo_winograd_f2x3, c2_algo_winograd_f4x3, c2_algo_winograd_f6x3;
extern const c2_algorithm c2_algo_split3_f2x3, c2_algo_split3_f4x3;

#endif
