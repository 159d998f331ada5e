/* SPDX-License-Identifier: BSD-2-Clause
 * The objects behind the handles: weights, contexts, plans, and how they hold each other.
 *
 *   context -> weights <- plan -> packed blob (shared by plans of one algorithm and variant)
 *   context -> cached plans
 *
 * Arrows are counted references, so any order of destruction is right. */
#ifndef C2_API_OBJECT_H
#define C2_API_OBJECT_H

#include "core/os.h"
#include "plan/plan.h"

/* What tells packed forms of one weights object apart, "backend/isa/algorithm/packing". */
enum { C2_PACKED_KEY = 192 };
typedef struct c2_packed_key {
    char text[C2_PACKED_KEY];
} c2_packed_key;
c2_packed_key c2_packed_key_of(const conv2d_device *device, const c2_problem *problem,
                               const c2_algorithm *algorithm, int variant);

/* Packed weights; refs are guarded by weights->mutex. */
typedef struct c2_packed {
    struct c2_packed *next;
    c2_packed_key key;
    int refs;
    bool stored; /* its bytes are in the weights' file, and used there */
    conv2d_buffer *buffer;
} c2_packed;

typedef struct c2_weights {
    atomic_int refs;
    conv2d_device *device; /* retained */
    conv2d_tensor weight;  /* description; data is ours (dense), borrowed or in the file */
    conv2d_tensor bias;    /* dense, ours or in the file; rank 0 if absent */
    void *weight_copy;     /* NULL if borrowed or in the file */
    size_t weight_bytes;
    void *bias_copy; /* NULL if absent or in the file */
    size_t bias_bytes;
    bool finite;                /* every weight is finite */
    conv2d_weights_form form;
    conv2d_file *file;          /* retained; NULL if not loaded */
    int stored;                 /* which of the file's weights */
    struct c2_weights *of_file; /* the next in file->live, guarded by its mutex */
    c2_mutex mutex;             /* guards the rest */
    c2_packed *packed;
    uint64_t times_packed, times_loaded;
} c2_weights;

/* Checks memory, copies unless borrow. weights_out: one reference. */
conv2d_status c2_weights_create(conv2d_device *device, const conv2d_tensor *weight,
                                const conv2d_tensor *bias, bool borrow, c2_weights **weights_out);
/* The weights of an open file on a device: those alive, or new ones over the file's bytes. */
conv2d_status c2_weights_from_file(conv2d_device *device, conv2d_file *file, int stored,
                                   c2_weights **weights_out);
void c2_weights_retain(c2_weights *weights);
void c2_weights_release(c2_weights *weights); /* NULL allowed */
/* Find or make the packed form; one reference, given back by c2_packed_release(). */
conv2d_status c2_packed_get(c2_weights *weights, const c2_problem *problem,
                            const c2_candidate *candidate, c2_packed **packed_out);
void c2_packed_release(c2_weights *weights, c2_packed *packed);

enum { C2_CACHE_PLANS = 16 }; /* input shapes a context remembers; the least recently used goes */

typedef struct c2_cache_entry {
    conv2d_plan *plan; /* one reference; NULL = free */
    uint64_t used;     /* time of the last use, counted in uses */
} c2_cache_entry;

struct conv2d_context {
    conv2d_device *device; /* retained */
    c2_weights *weights;
    conv2d_params params;
    char algorithm[sizeof((c2_problem *)0)->algorithm];
    c2_mutex mutex; /* guards clock, cache */
    uint64_t clock;
    c2_cache_entry cache[C2_CACHE_PLANS];
};

/* A context over weights, whose reference it takes on success, with parameters that were checked
 * with them. */
conv2d_status c2_context_make(conv2d_device *device, const conv2d_params *checked,
                              c2_weights *weights, conv2d_context **context_out);

/* Workspace of one run at a time. */
typedef struct c2_slot {
    struct c2_slot *next;
    conv2d_plan *plan;
    void *memory; /* plan->workspace_bytes */
} c2_slot;

struct conv2d_plan {
    atomic_int refs;
    conv2d_device *device; /* retained */
    c2_weights *weights;   /* retained; NULL: made by conv2d_explain(), cannot run */
    c2_problem problem;
    int rank; /* of input and output as the caller gave them */
    c2_choice choice;
    c2_packed *packed;
    c2_state *state;
    int n_workers;
    size_t workspace_bytes;
    bool has_mutex;
    c2_mutex mutex; /* guards slots */
    c2_slot *slots; /* free ones */
    char *problem_text;
    size_t problem_text_bytes;
    const char *layout;
};

/* Choose, and with weights pack and prepare. plan_out: one reference. */
conv2d_status c2_plan_make(conv2d_device *device, c2_weights *weights,
                           const conv2d_problem *descriptions, conv2d_plan **plan_out);
void c2_plan_retain(conv2d_plan *plan);
void c2_plan_release(conv2d_plan *plan); /* NULL allowed */
/* Run with tensors that were checked to fit the plan. */
conv2d_status c2_plan_execute(conv2d_plan *plan, const conv2d_run_args *args);
/* args itself: not NULL, struct_size, reserved, tensors present. args_out is a copy in which an
 * absent residual is NULL. */
conv2d_status c2_check_run_args(const conv2d_run_args *args, conv2d_run_args *args_out);

#endif
