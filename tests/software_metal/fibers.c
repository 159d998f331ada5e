/* SPDX-License-Identifier: BSD-2-Clause
 * The threads of one threadgroup. Each is a fiber with a stack of its own; it runs until it has to
 * wait for others, and the order decides who goes on then. Greedy orders let one thread run as far
 * as it can, which is what shows a missing barrier: taking turns hides it.
 * This file is not instrumented by the thread sanitizer: it is the scheduler that tells it who
 * waited for whom. See threads.h. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "threads.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sanitizers.h"

enum {
    MAX_THREADS = 1024,
    MAX_SIMDGROUPS = MAX_THREADS / MSL_SIMD_WIDTH,
    STACK_BYTES = 1 << 18,
    GUARD_BYTES = 4096,
    MAX_VARIABLES = 256,
    GAP_BYTES = 64, /* between pieces of threadgroup memory; a NaN pattern, checked */
    ARENA_BYTES = MSL_THREADGROUP_BYTES + (MAX_VARIABLES + MSL_MAX_ARGUMENTS + 2) * GAP_BYTES
};

typedef enum fiber_state { READY, AT_BARRIER, AT_SIMDGROUP, ENDED } fiber_state;

typedef struct fiber {
    void *stack_pointer;
    fiber_state state;
    unsigned line; /* where it waits */
    msl_position position;
    char *stack;
    void *asan_stack, *tsan_fiber;
} fiber;

/* The lanes of a simdgroup that have come to an exchange, and what they bring, twice: who is slow
 * to read finds its values after the next exchange as well. */
typedef struct simdgroup {
    uint32_t arrived, alive, active;
    unsigned line, parity;
    unsigned char slots[2][MSL_SIMD_WIDTH][MSL_SLOT_BYTES];
} simdgroup;

typedef struct variable {
    int place;
    size_t offset, bytes;
} variable;

struct sm_worker {
    sm_worker *next_free;
    const sm_dispatch *dispatch;
    msl_arguments arguments;
    sm_order order;
    uint64_t random;
    fiber *fibers, *current;
    unsigned n_fibers, n_made;
    unsigned queue[MAX_THREADS], head, n_ready;
    unsigned n_at_barrier, n_ended, barrier_line;
    simdgroup simdgroups[MAX_SIMDGROUPS];
    void *main_stack_pointer;
    sm_main_stack main_stack;
    bool failed;
    unsigned char *arena;
    size_t arena_used, threadgroup_used;
    variable variables[MAX_VARIABLES];
    unsigned n_variables;
    unsigned n_barriers; /* opened so far */
    /* For the thread sanitizer. A thread may come to the next meeting before another has left this
     * one, so each has two tags, taken in turn. */
    char dispatch_tag, start_tag, barrier_tags[2], lane_tags[MAX_SIMDGROUPS][2];
};

static _Thread_local sm_worker *worker;

/* ---- changing places: the registers a function keeps, and the stack */

void sm_switch_stack(void **save, void *to);
__asm__(".text\n"
        ".globl sm_switch_stack\n"
        ".hidden sm_switch_stack\n"
        ".type sm_switch_stack, @function\n"
        "sm_switch_stack:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size sm_switch_stack, . - sm_switch_stack\n");

SM_NOT_INSTRUMENTED static void enter(sm_worker *w, fiber *to)
{
    w->current = to;
    sm_before_switch_to(to->tsan_fiber);
}

/* From the main stack into the first fiber; comes back when none is ready any more. */
SM_NOT_INSTRUMENTED static void leave_main(sm_worker *w, fiber *to)
{
    enter(w, to);
    void *fake = NULL;
    sm_start_switch(&fake, to->stack, STACK_BYTES);
    sm_switch_stack(&w->main_stack_pointer, to->stack_pointer);
    sm_finish_switch(fake, NULL);
    w->current = NULL;
}

/* From a fiber to the next that is ready, or to the main stack if none is. */
SM_NOT_INSTRUMENTED static void go_on(sm_worker *w, fiber *from)
{
    fiber *to = NULL;
    if (w->n_ready && !w->failed) {
        to = &w->fibers[w->queue[w->head]];
        w->head = (w->head + 1) % MAX_THREADS;
        w->n_ready--;
    }
    if (to == from)
        return;
    const bool ends = from->state == ENDED;
    if (to) {
        enter(w, to);
        sm_start_switch(ends ? NULL : &from->asan_stack, to->stack, STACK_BYTES);
        sm_switch_stack(&from->stack_pointer, to->stack_pointer);
    } else {
        sm_before_switch_to(w->main_stack.tsan_fiber);
        sm_start_switch(ends ? NULL : &from->asan_stack, w->main_stack.bottom, w->main_stack.bytes);
        sm_switch_stack(&from->stack_pointer, w->main_stack_pointer);
    }
    sm_finish_switch(from->asan_stack, NULL);
}

/* ---- who is next */

static uint64_t random_number(sm_worker *w)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return w->random >> 33;
}

static void add_ready(sm_worker *w, unsigned i, bool in_front)
{
    w->fibers[i].state = READY;
    if (in_front)
        w->head = (w->head + MAX_THREADS - 1) % MAX_THREADS;
    w->queue[in_front ? w->head : (w->head + w->n_ready) % MAX_THREADS] = i;
    w->n_ready++;
}

/* Make those of fibers [begin, end) ready that wait as `state`, all but `self`. */
static void wake(sm_worker *w, fiber_state state, unsigned begin, unsigned end, const fiber *self)
{
    unsigned list[MAX_THREADS], n = 0;
    for (unsigned i = begin; i < end; i++)
        if (w->fibers[i].state == state && &w->fibers[i] != self)
            list[n++] = i;
    const bool greedy = w->order == SM_GREEDY || w->order == SM_GREEDY_FORWARD;
    for (unsigned i = n; w->order == SM_RANDOM && i > 1; i--) {
        const unsigned j = (unsigned)(random_number(w) % i), x = list[i - 1];
        list[i - 1] = list[j];
        list[j] = x;
    }
    /* added in front, the last comes first: greedy goes on with the highest number */
    const bool backwards = w->order == SM_REVERSE || w->order == SM_GREEDY_FORWARD;
    for (unsigned i = 0; i < n; i++)
        add_ready(w, list[backwards ? n - 1 - i : i], greedy);
}

/* The thread that came last opens the meeting: greedy, it goes on at once; else it queues. */
static void opened(sm_worker *w, fiber *self, fiber_state state, unsigned begin, unsigned end)
{
    wake(w, state, begin, end, self);
    if (w->order == SM_GREEDY || w->order == SM_GREEDY_FORWARD) {
        self->state = READY;
        return;
    }
    add_ready(w, (unsigned)(self - w->fibers), w->order == SM_REVERSE);
    go_on(w, self);
}

/* ---- divergence */

static const char *kernel_name(const sm_worker *w)
{
    return w->dispatch->kernel.table->name;
}

static void diverged(sm_worker *w, const char *format, unsigned a, unsigned b)
{
    char text[200];
    snprintf(text, sizeof text, format, a, b); /* formats are the literals below */
    const uint32_t *at = w->fibers[0].position.group;
    sm_violation("divergent barrier", "kernel %s, threadgroup (%u, %u, %u): %s", kernel_name(w),
                 at[0], at[1], at[2], text);
    w->failed = true;
}

/* Leave a threadgroup whose threads cannot go on; its fibers are abandoned where they are. */
static void give_up(sm_worker *w, fiber *self)
{
    w->n_ready = 0;
    self->state = AT_BARRIER;
    go_on(w, self);
}

/* ---- meeting points, called by kernels */

SM_NOT_INSTRUMENTED void msl_threadgroup_barrier(unsigned flags, unsigned line)
{
    sm_worker *w = worker;
    fiber *self = w->current;
    if (w->n_at_barrier && w->barrier_line != line)
        diverged(w, "threads wait at the barriers of line %u and line %u", w->barrier_line, line);
    if (w->n_ended)
        diverged(w, "a thread waits at the barrier of line %u and %u threads have ended", line,
                 w->n_ended);
    if (w->failed) {
        give_up(w, self);
        return;
    }
    char *tag = &w->barrier_tags[w->n_barriers % 2];
    if (flags)
        sm_tsan_release(tag);
    w->barrier_line = line;
    self->state = AT_BARRIER;
    self->line = line;
    if (++w->n_at_barrier == w->n_fibers) {
        w->n_at_barrier = 0;
        w->n_barriers++;
        opened(w, self, AT_BARRIER, 0, w->n_fibers);
    } else {
        go_on(w, self);
    }
    if (flags)
        sm_tsan_acquire(tag);
}

static unsigned last_lane(const sm_worker *w, unsigned first)
{
    return first + MSL_SIMD_WIDTH < w->n_fibers ? first + MSL_SIMD_WIDTH : w->n_fibers;
}

SM_NOT_INSTRUMENTED static void meet_lanes(sm_worker *w, fiber *self, int all, unsigned line)
{
    simdgroup *g = &w->simdgroups[self->position.simdgroup];
    const unsigned first = self->position.simdgroup * MSL_SIMD_WIDTH, end = last_lane(w, first);
    if (g->arrived && g->line != line)
        diverged(w, "lanes of a simdgroup wait at line %u and line %u", g->line, line);
    if (all && g->alive != MSL_SIMD_WIDTH)
        diverged(w, "line %u needs all 32 lanes of the simdgroup, %u are there", line, g->alive);
    if (w->failed) {
        give_up(w, self);
        return;
    }
    g->line = line;
    self->state = AT_SIMDGROUP;
    self->line = line;
    if (++g->arrived == g->alive) {
        g->arrived = 0;
        g->parity ^= 1;
        g->active = 0;
        for (unsigned i = first; i < end; i++)
            g->active |= (w->fibers[i].state == AT_SIMDGROUP ? 1u : 0u) << (i - first);
        opened(w, self, AT_SIMDGROUP, first, end);
    } else {
        go_on(w, self);
    }
}

SM_NOT_INSTRUMENTED void msl_simdgroup_barrier(unsigned flags, unsigned line)
{
    sm_worker *w = worker;
    fiber *self = w->current;
    const unsigned g = self->position.simdgroup;
    char *tag = &w->lane_tags[g][w->simdgroups[g].parity];
    if (flags)
        sm_tsan_release(tag);
    meet_lanes(w, self, 0, line);
    if (flags)
        sm_tsan_acquire(tag);
}

SM_NOT_INSTRUMENTED const unsigned char *msl_simd_exchange(const void *value, size_t bytes, int all,
                                                           unsigned line)
{
    sm_worker *w = worker;
    fiber *self = w->current;
    simdgroup *g = &w->simdgroups[self->position.simdgroup];
    const unsigned parity = g->parity;
    volatile unsigned char *slot = g->slots[parity][self->position.lane];
    for (size_t i = 0; i < bytes; i++)
        slot[i] = ((const unsigned char *)value)[i];
    meet_lanes(w, self, all, line);
    return &g->slots[parity][0][0];
}

SM_NOT_INSTRUMENTED uint32_t msl_lane(void)
{
    return worker->current->position.lane;
}

SM_NOT_INSTRUMENTED uint32_t msl_active_lanes(void)
{
    return worker->simdgroups[worker->current->position.simdgroup].active;
}

/* ---- threadgroup memory: NaNs at first, and NaNs in the gaps for ever */

SM_NOT_INSTRUMENTED static void fill(unsigned char *p, size_t n)
{
    for (volatile unsigned char *q = p; q < p + n; q++) /* no memset: the sanitizer would see it */
        *q = 0xff;
}

SM_NOT_INSTRUMENTED static void *take(sm_worker *w, size_t bytes, size_t alignment)
{
    w->threadgroup_used += bytes;
    if (w->threadgroup_used > MSL_THREADGROUP_BYTES) {
        sm_violation("threadgroup memory",
                     "kernel %s uses more than the %d bytes a threadgroup has", kernel_name(w),
                     MSL_THREADGROUP_BYTES);
        w->threadgroup_used -= bytes;
        return w->arena;
    }
    const size_t at = (w->arena_used + alignment - 1) / alignment * alignment;
    w->arena_used = at + (bytes + 15) / 16 * 16 + GAP_BYTES;
    sm_asan_unpoison(w->arena + at, bytes);
    return w->arena + at;
}

SM_NOT_INSTRUMENTED void *msl_threadgroup_variable(int place, size_t bytes, size_t alignment,
                                                   unsigned line)
{
    sm_worker *w = worker;
    (void)line;
    for (unsigned i = 0; i < w->n_variables; i++)
        if (w->variables[i].place == place && w->variables[i].bytes == bytes)
            return w->arena + w->variables[i].offset;
    unsigned char *p = take(w, bytes, alignment > 16 ? alignment : 16);
    if (w->n_variables < MAX_VARIABLES)
        w->variables[w->n_variables++] = (variable){place, (size_t)(p - w->arena), bytes};
    return p;
}

SM_NOT_INSTRUMENTED static void make_memory(sm_worker *w)
{
    sm_asan_unpoison(w->arena, ARENA_BYTES);
    fill(w->arena, w->arena_used < ARENA_BYTES ? w->arena_used + GAP_BYTES : ARENA_BYTES);
    sm_forget(w->arena, ARENA_BYTES);
    sm_asan_poison(w->arena, ARENA_BYTES);
    w->arena_used = GAP_BYTES;
    w->threadgroup_used = 0;
    w->n_variables = 0;
    for (int i = 0; i < MSL_MAX_ARGUMENTS; i++) {
        const size_t bytes = w->dispatch->threadgroup_bytes[i];
        w->arguments.shared[i] = bytes ? take(w, bytes, 16) : NULL;
        /* recorded as a variable of no place, so that the gap after it is checked */
        if (bytes && w->n_variables < MAX_VARIABLES)
            w->variables[w->n_variables++] = (variable){
                -1 - i, (size_t)((unsigned char *)w->arguments.shared[i] - w->arena), bytes};
    }
}

/* What was written beside the pieces, where no address sanitizer sees it. */
SM_NOT_INSTRUMENTED static void check_gaps(sm_worker *w)
{
    sm_asan_unpoison(w->arena, ARENA_BYTES);
    size_t from = 0;
    for (unsigned v = 0; v <= w->n_variables; v++) {
        const size_t to = v < w->n_variables ? w->variables[v].offset : w->arena_used;
        for (size_t i = from; i < to; i++) {
            if (w->arena[i] == 0xff)
                continue;
            sm_violation("threadgroup memory", "kernel %s writes beside its threadgroup memory",
                         kernel_name(w));
            w->failed = true;
            return;
        }
        if (v < w->n_variables)
            from = to + w->variables[v].bytes;
    }
}

/* ---- a threadgroup */

SM_NOT_INSTRUMENTED static void fiber_main(void)
{
    sm_worker *w = worker;
    fiber *self = w->current;
    sm_finish_switch(NULL, &w->main_stack);
    sm_tsan_acquire(&w->start_tag);
    w->dispatch->kernel.table->launch(&w->arguments, &self->position);
    sm_tsan_release(&w->dispatch_tag);
    self->state = ENDED;
    w->n_ended++;
    if (w->n_at_barrier)
        diverged(w, "%u threads wait at the barrier of line %u and another has ended",
                 w->n_at_barrier, w->barrier_line);
    simdgroup *g = &w->simdgroups[self->position.simdgroup];
    const unsigned first = self->position.simdgroup * MSL_SIMD_WIDTH, end = last_lane(w, first);
    if (--g->alive && g->arrived == g->alive) {
        g->arrived = 0;
        g->parity ^= 1;
        g->active = 0;
        for (unsigned i = first; i < end; i++)
            g->active |= (w->fibers[i].state == AT_SIMDGROUP ? 1u : 0u) << (i - first);
        wake(w, AT_SIMDGROUP, first, end, NULL);
    }
    go_on(w, self);
    abort(); /* nobody switches to a fiber that has ended */
}

static void make_fibers(sm_worker *w, unsigned n)
{
    for (; w->n_made < n; w->n_made++) {
        fiber *f = &w->fibers[w->n_made];
        char *stack = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stack == MAP_FAILED)
            sm_violation("memory", "no stack for thread %u of a threadgroup", w->n_made);
        mprotect(stack, GUARD_BYTES, PROT_NONE); /* recursion ends here, not in other memory */
        f->stack = stack + GUARD_BYTES;
        f->tsan_fiber = sm_tsan_create();
    }
}

SM_NOT_INSTRUMENTED static void place_thread(msl_position *p, const sm_dispatch *d,
                                             const uint32_t at[3], unsigned i)
{
    const uint32_t *size = d->threads;
    p->in_threadgroup[0] = i % size[0];
    p->in_threadgroup[1] = i / size[0] % size[1];
    p->in_threadgroup[2] = i / size[0] / size[1];
    for (int k = 0; k < 3; k++) {
        p->group[k] = at[k];
        p->threadgroup_size[k] = size[k];
        p->n_threadgroups[k] = d->n_threadgroups[k];
        p->grid_size[k] = d->n_threadgroups[k] * size[k];
        p->in_grid[k] = at[k] * size[k] + p->in_threadgroup[k];
    }
    p->index = i;
    p->lane = i % MSL_SIMD_WIDTH;
    p->simdgroup = i / MSL_SIMD_WIDTH;
    p->n_simdgroups = (size[0] * size[1] * size[2] + MSL_SIMD_WIDTH - 1) / MSL_SIMD_WIDTH;
}

/* A fiber that begins at fiber_main(): its first switch pops six registers and returns there. */
SM_NOT_INSTRUMENTED static void start_fiber(fiber *f)
{
    uintptr_t *top = (uintptr_t *)(f->stack + STACK_BYTES - 64);
    *--top = 0;
    *--top = (uintptr_t)fiber_main;
    for (int i = 0; i < 6; i++)
        *--top = 0;
    f->stack_pointer = top;
    f->asan_stack = NULL;
    f->state = AT_BARRIER;
}

SM_NOT_INSTRUMENTED static void run_fibers(sm_worker *w, const uint32_t at[3])
{
    const unsigned n = w->n_fibers;
    make_fibers(w, n);
    sm_tsan_note_main(&w->main_stack);
    for (unsigned i = 0; i < n; i++) {
        place_thread(&w->fibers[i].position, w->dispatch, at, i);
        start_fiber(&w->fibers[i]);
    }
    for (unsigned g = 0; g * MSL_SIMD_WIDTH < n; g++) {
        const unsigned first = g * MSL_SIMD_WIDTH;
        simdgroup *s = &w->simdgroups[g];
        s->arrived = s->active = s->parity = 0; /* not the slots: no memset, see copy_arguments() */
        s->alive = last_lane(w, first) - first;
    }
    w->head = w->n_ready = w->n_at_barrier = w->n_ended = 0;
    wake(w, AT_BARRIER, 0, n, NULL);
    sm_tsan_release(&w->start_tag);
    fiber *to = &w->fibers[w->queue[w->head]];
    w->head = (w->head + 1) % MAX_THREADS;
    w->n_ready--;
    leave_main(w, to);
    for (unsigned i = 0; i < n && !w->failed; i++)
        if (w->fibers[i].state != ENDED)
            diverged(w, "thread %u waits at line %u for others that wait elsewhere", i,
                     w->fibers[i].line);
}

/* Threads that never meet run one after the other on this stack. */
static void run_loop(sm_worker *w, const uint32_t at[3])
{
    fiber *f = &w->fibers[0];
    w->current = f;
    for (unsigned i = 0; i < w->n_fibers; i++) {
        const bool backwards = w->order == SM_REVERSE || w->order == SM_GREEDY;
        place_thread(&f->position, w->dispatch, at, backwards ? w->n_fibers - 1 - i : i);
        w->dispatch->kernel.table->launch(&w->arguments, &f->position);
    }
    w->current = NULL;
}

static sm_worker *worker_create(void)
{
    sm_worker *w = calloc(1, sizeof *w);
    w->fibers = calloc(MAX_THREADS, sizeof *w->fibers);
    w->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    w->arena_used = ARENA_BYTES;
    return w;
}

static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;
static sm_worker *free_workers;

sm_worker *sm_worker_take(void)
{
    pthread_mutex_lock(&free_lock);
    sm_worker *w = free_workers;
    if (w)
        free_workers = w->next_free;
    pthread_mutex_unlock(&free_lock);
    if (!w)
        w = worker_create();
    w->main_stack = (sm_main_stack){NULL, 0, NULL}; /* another thread's, perhaps */
    return w;
}

/* Not after each threadgroup: two of one dispatch have no order, even if one thread ran both. */
void sm_worker_give_back(sm_worker *w)
{
    sm_tsan_acquire(&w->dispatch_tag);
    pthread_mutex_lock(&free_lock);
    w->next_free = free_workers;
    free_workers = w;
    pthread_mutex_unlock(&free_lock);
}

/* What kernels read without a word to the thread sanitizer is written so as well: by memcpy() it
 * would see it. */
SM_NOT_INSTRUMENTED static void copy_arguments(sm_worker *w, const sm_dispatch *d)
{
    for (volatile int i = 0; i < MSL_MAX_ARGUMENTS; i++)
        w->arguments.buffer[i] = d->arguments.buffer[i];
}

SM_NOT_INSTRUMENTED bool sm_run_threadgroup(sm_worker *w, const sm_dispatch *d,
                                            const uint32_t at[3], sm_order order, uint64_t seed)
{
    w->dispatch = d;
    copy_arguments(w, d);
    w->order = order;
    w->random = seed;
    w->failed = false;
    w->n_fibers = d->threads[0] * d->threads[1] * d->threads[2];
    worker = w;
    make_memory(w);
    if (d->kernel.meets || SM_TSAN) /* that sanitizer sees what two threads do, not one */
        run_fibers(w, at);
    else
        run_loop(w, at);
    check_gaps(w);
    worker = NULL;
    return !w->failed;
}
