/* SPDX-License-Identifier: BSD-2-Clause
 * Running the tasks of one convolution on the device's pool: limits workers to the workspace, sets
 * the floating-point mode inside tasks, looks at the cancel flag between them. */
#include "core/error.h"
#include "cpu/driver.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* Work below this runs on the calling thread: waking a thread costs about 10 us, in which one core
 * does a few hundred thousand operations. */
static const double serial_flops = 4e5;

/* Each thread begins with tasks of its own, the same in every run, and goes on with what others
 * have left: what it wrote is in its own caches when it comes back to it. */
enum { MOST_HANDS = 64 };

typedef struct hand {
    _Alignas(C2_ALIGN) atomic_size_t taken; /* on a line of its own */
    size_t n, first;                        /* its tasks: first, first + step, ... */
} hand;

typedef struct parallel_run {
    const c2_state *state;
    const c2_run_args *args;
    const c2_cpu_phase *phase;
    size_t n_hands, step; /* from a hand's task to its next */
    bool backwards;       /* from a hand's last task to its first */
    hand *hands;
    atomic_bool skipped; /* some task was not run: cancelled */
} parallel_run;

/* Tasks compute in one mode whatever the thread's is (a caller's may round otherwise or flush
 * denormals, and a thread keeps what its creator had): round to nearest, no traps, denormals as the
 * problem says. Otherwise bits would depend on which thread computed them. */
#if defined(__x86_64__)
typedef unsigned float_mode;
static float_mode set_float_mode(bool flush)
{
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(flush ? 0x1f80 | 0x8040 : 0x1f80); /* the default; FTZ, DAZ */
    return mode;
}
static void restore_float_mode(float_mode mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
typedef uint64_t float_mode;
static float_mode set_float_mode(bool flush)
{
    uint64_t mode;
    const uint64_t ours = flush ? UINT64_C(1) << 24 : 0; /* FZ */
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(ours));
    return mode;
}
static void restore_float_mode(float_mode mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}
#else
typedef int float_mode; /* no such mode is known here: denormals are computed */
static float_mode set_float_mode(bool flush) { return (int)flush; }
static void restore_float_mode(float_mode mode) { (void)mode; }
#endif

/* Stores past the caches (vf_stream) are not in the order of others: done before a worker ends. */
static void finish_streams(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

/* A worker, on its way through all hands, its own first. */
typedef struct taker {
    parallel_run *run;
    size_t first, passed; /* hands; of them those that are empty */
} taker;

/* A task that is left of the hand the worker is at, or C2_CPU_NO_TASK. */
static int64_t take_here(const taker *t)
{
    const parallel_run *run = t->run;
    hand *h = &run->hands[(t->first + t->passed) % run->n_hands];
    const size_t i = atomic_fetch_add_explicit(&h->taken, 1, memory_order_relaxed);
    if (i >= h->n)
        return C2_CPU_NO_TASK;
    return (int64_t)(h->first + (run->backwards ? h->n - 1 - i : i) * run->step);
}

/* The same of all hands. */
static int64_t take(taker *t)
{
    for (; t->passed < t->run->n_hands; t->passed++) {
        const int64_t task = take_here(t);
        if (task != C2_CPU_NO_TASK)
            return task;
    }
    return C2_CPU_NO_TASK;
}

/* Whether a task that was taken is to be left, for the run is cancelled. */
static bool leaves(parallel_run *run)
{
    const conv2d_cancel *cancel = run->args->cancel;
    if (!cancel || !atomic_load_explicit(&cancel->triggered, memory_order_relaxed))
        return false;
    atomic_store_explicit(&run->skipped, true, memory_order_relaxed);
    return true;
}

static void work_tasks(parallel_run *run, taker *t, int worker)
{
    for (int64_t task = take(t); task != C2_CPU_NO_TASK && !leaves(run); task = take(t))
        run->phase->task(run->state, run->args, (size_t)task, worker);
}

/* The next task comes from the worker's own hand: those of others may be about to take theirs. */
static void work_turns(parallel_run *run, taker *t, int worker)
{
    _Alignas(64) char stack[C2_STACK_BYTES];
    c2_cpu_turn turn = {.next = take(t), .worker = worker, .stack = stack};
    while (turn.next != C2_CPU_NO_TASK && !leaves(run)) {
        turn.task = turn.next;
        turn.next = run->phase->ahead && t->passed == 0 ? take_here(t) : C2_CPU_NO_TASK;
        run->phase->turn(run->state, run->args, &turn);
        turn.prepared = turn.next != C2_CPU_NO_TASK;
        if (!turn.prepared)
            turn.next = take(t);
    }
}

/* One worker takes tasks until none is left. Its scratch is number i: unique among the workers of
 * this run whatever numbers the pool gives. */
static void work(void *arg, size_t i, int worker)
{
    parallel_run *run = arg;
    const float_mode mode = set_float_mode(run->args->problem->flush_denormals);
    taker t = {.run = run, .first = (size_t)worker % run->n_hands};
    if (run->phase->turn)
        work_turns(run, &t, (int)i);
    else
        work_tasks(run, &t, (int)i);
    finish_streams();
    restore_float_mode(mode);
}

/* What was written last is still in the caches when the next layer, or phase, begins to read it: so
 * this one begins where the one before it ended. */
static bool turns_back(conv2d_device *device)
{
    atomic_bool *forwards = &((c2_cpu_device *)device)->forwards;
    const bool back = atomic_load_explicit(forwards, memory_order_relaxed);
    atomic_store_explicit(forwards, !back, memory_order_relaxed);
    return back;
}

/* False if a task was not run: cancelled. */
static bool run_phase(const c2_state *state, const c2_run_args *args, const c2_cpu_phase *phase)
{
    const conv2d_pool *pool = &args->device->pool;
    size_t workers = (size_t)args->n_workers < phase->n ? (size_t)args->n_workers : phase->n;
    if (workers < 1 || c2_problem_flops(args->problem) < serial_flops)
        workers = 1;
    const size_t n_hands = workers < MOST_HANDS ? workers : MOST_HANDS;
    const c2_split runs = c2_split_even((int64_t)phase->n, (int64_t)n_hands);
    hand hands[MOST_HANDS];
    for (size_t i = 0; i < n_hands; i++) {
        const size_t first = (size_t)c2_split_begin(&runs, (int64_t)i);
        atomic_init(&hands[i].taken, 0);
        hands[i].n = (size_t)c2_split_begin(&runs, (int64_t)i + 1) - first;
        hands[i].first = phase->runs ? first : i;
    }
    parallel_run run = {.state = state,
                        .args = args,
                        .phase = phase,
                        .n_hands = n_hands,
                        .step = phase->runs ? 1 : n_hands,
                        .backwards = phase->n > 1 && turns_back(args->device),
                        .hands = hands};
    atomic_init(&run.skipped, false);
    if (workers > 1)
        pool->parallel_for(pool->user, workers, work, &run);
    else
        work(&run, 0, 0);
    return !atomic_load(&run.skipped);
}

conv2d_status c2_cpu_parallel_phases(const c2_state *state, const c2_run_args *args,
                                     const c2_cpu_phase *phases, int n_phases)
{
    bool all = true;
    for (int i = 0; i < n_phases && all; i++)
        all = run_phase(state, args, &phases[i]);
    const conv2d_status s =
        all ? CONV2D_OK : c2_fail(CONV2D_E_CANCELLED, "cancelled while it ran");
    c2_cpu_event_record(args->event, s);
    if (!s)
        args->done(args->owner);
    return s;
}

conv2d_status c2_cpu_parallel(const c2_state *state, const c2_run_args *args, size_t n,
                              c2_cpu_task task)
{
    return c2_cpu_parallel_phases(state, args, &(c2_cpu_phase){.n = n, .task = task}, 1);
}

conv2d_status c2_cpu_parallel_runs(const c2_state *state, const c2_run_args *args, size_t n,
                                   c2_cpu_task task)
{
    return c2_cpu_parallel_phases(state, args, &(c2_cpu_phase){.n = n, .task = task, .runs = true},
                                   1);
}
