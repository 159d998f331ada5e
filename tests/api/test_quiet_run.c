/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d_plan_run() with a workspace on one thread asks nothing of the system: no allocation, no
 * lock, no system call. A child process runs every candidate of a few problems. The linker sends
 * the library's calls of malloc and its kin through the wrappers below, and the parent stops the
 * child at each of its system calls (ptrace). Both count only while the shared page says so.
 * Prints three lines "name value limit N" for bench/check.py; exit status 77 without ptrace. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conv2d/conv2d.h"

typedef struct counts {
    atomic_bool counting;
    atomic_long allocations, locks, system_calls, runs;
} counts;

static counts nothing_yet;
static bool own_workspace;          /* runs lend none: the library's own costs locks */
static counts *seen = &nothing_yet; /* later: a page that parent and child share */

static const char *const problems[] = {
    "mb1ic64ih20oc16oh20kh3ph1", /* igemm_px needs a workspace here with every kernel */
    "mb1ic64ih20oc16oh20kh3ph1:mode=reflect",
    "mb2ic8ih14oc16oh14kh3ph1:in=nhwc:out=nhwc:res:act=silu",
    "mb1ic20ih9oc12oh9kh1ph0",
    "mb1ic20ih9oc12oh9kh1ph0:in=nhwc:out=nhwc",
    "g16mb1ic16ih12oc16oh12kh3ph1:act=clamp,0,6",
    "g16mb1ic16ih12oc16oh12kh3ph1:in=nhwc:out=nhwc",
    "g2mb1ic6ih11oc8oh5kh3sh2ph1dh1:mode=reflect",
    "mb1ic6ih11oc8oh11kh3ph1:in=nhwc:out=nchw:mode=circular",
    "mb1ic4ih7oc4oh7kh3ph1:dtype=f64",
    "mb1ic64ih20oc16oh20kh3ph1:dtype=f16:act=gelu",
    "mb1ic20ih9oc12oh9kh1ph0:in=nhwc:out=nhwc:dtype=bf16:res",
    "g16mb1ic16ih12oc16oh12kh3ph1:dtype=bf16",
};

/* -- what the library asks of libc ------------------------------------------------------------ */

static void count(atomic_long *counter)
{
    if (atomic_load(&seen->counting))
        atomic_fetch_add(counter, 1);
}

/* WRAP: a function of libc that is counted and then called. */
#define WRAP(counter, result, name, parameters, arguments) \
    result __real_##name parameters;                       \
    result __wrap_##name parameters;                       \
    result __wrap_##name parameters                        \
    {                                                      \
        count(&seen->counter);                             \
        return __real_##name arguments;                    \
    }
WRAP(allocations, void *, malloc, (size_t n), (n))
WRAP(allocations, void *, calloc, (size_t n, size_t bytes), (n, bytes))
WRAP(allocations, void *, realloc, (void *p, size_t n), (p, n))
WRAP(allocations, void *, aligned_alloc, (size_t align, size_t n), (align, n))
WRAP(allocations, int, posix_memalign, (void **p, size_t align, size_t n), (p, align, n))
WRAP(locks, int, pthread_mutex_lock, (pthread_mutex_t * m), (m))
WRAP(locks, int, pthread_mutex_trylock, (pthread_mutex_t * m), (m))
WRAP(locks, int, pthread_mutex_unlock, (pthread_mutex_t * m), (m))
WRAP(locks, int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
WRAP(locks, int, pthread_cond_signal, (pthread_cond_t * c), (c))
WRAP(locks, int, pthread_cond_broadcast, (pthread_cond_t * c), (c))
WRAP(locks, int, pthread_once, (pthread_once_t * once, void (*f)(void)), (once, f))

void __real_free(void *pointer);
void __wrap_free(void *pointer);
void __wrap_free(void *pointer)
{
    count(&seen->allocations);
    __real_free(pointer);
}

/* -- the child: runs ----------------------------------------------------------------------------
 */

static void stop(const char *what)
{
    fprintf(stderr, "quiet_run: %s: %s\n", what, conv2d_last_error());
    _exit(2);
}

static void give_memory(conv2d_tensor *tensor)
{
    if (!tensor->rank)
        return;
    size_t bytes = conv2d_dtype_bytes(tensor->dtype);
    for (int i = 0; i < tensor->rank; i++)
        bytes *= (size_t)tensor->sizes[i];
    tensor->data = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!tensor->data)
        stop("memory");
    memset(tensor->data, 0, bytes);
}

/* Two of each kind but one system call: a counter that counts nothing is found. The first block
 * makes libc ask the system for memory, before counting. */
static void ask_the_system(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    void *volatile block = malloc(100);
    free(block);
    atomic_store(&seen->counting, true);
    block = malloc(100);
    free(block);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    getppid();
    atomic_store(&seen->counting, false);
}

static void run_candidate(conv2d_device *device, conv2d_problem *p, const char *candidate)
{
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    size_t bytes = 0;
    p->params.algorithm = candidate;
    const conv2d_tensor *residual = p->residual.rank ? &p->residual : NULL;
    if (conv2d_prepack(device, &p->weight, p->bias.rank ? &p->bias : NULL, &p->params, &context) ||
        conv2d_plan_create(context, &p->input, residual, &p->output, &plan) ||
        conv2d_workspace_bytes(plan, &bytes))
        stop(candidate);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &p->input;
    args.residual = residual;
    args.output = &p->output;
    void *workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!workspace)
        stop("memory");
    args.workspace = own_workspace ? NULL : workspace;
    args.workspace_bytes = own_workspace ? 0 : bytes;

    atomic_store(&seen->counting, true);
    const conv2d_status first = conv2d_plan_run(plan, &args);
    const conv2d_status second = conv2d_plan_run(plan, &args);
    atomic_store(&seen->counting, false);
    if (first || second)
        stop(candidate);
    atomic_fetch_add(&seen->runs, 2);
    free(workspace);
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
}

static void run_all(void)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 1;
    conv2d_device *device = NULL;
    if (conv2d_device_open("cpu", &options, &device))
        stop("device");
    for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
        conv2d_problem problem = {.struct_size = sizeof(problem)};
        conv2d_plan *explained = NULL;
        conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
        if (conv2d_problem_parse(problems[i], &problem) ||
            conv2d_explain(device, &problem, &explained) || conv2d_plan_describe(explained, &info))
            stop(problems[i]);
        conv2d_tensor *const tensors[] = {&problem.input, &problem.weight, &problem.bias,
                                          &problem.residual, &problem.output};
        for (size_t t = 0; t < 5; t++)
            give_memory(tensors[t]);
        for (int c = 0; c < info.n_candidates; c++) {
            conv2d_candidate_info candidate = CONV2D_CANDIDATE_INFO_INIT;
            if (conv2d_plan_candidate(explained, c, &candidate))
                stop(problems[i]);
            char name[64];
            snprintf(name, sizeof(name), "%s/%s", candidate.algorithm, candidate.isa);
            if (!candidate.refusal[0])
                run_candidate(device, &problem, name);
        }
        conv2d_plan_destroy(explained);
        for (size_t t = 0; t < 5; t++)
            free(tensors[t]->data);
    }
    conv2d_device_close(device);
}

/* -- the parent: counts system calls --------------------------------------------------------------
 */

/* Runs `work` in a traced child; its exit status, or 77 where a child cannot be traced. */
static int trace(void (*work)(void))
{
    const pid_t child = fork();
    if (child < 0)
        return 77;
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
            _exit(77);
        raise(SIGSTOP);
        work();
        _exit(0);
    }
    int status = 0;
    bool inside = false; /* a system call stops the child twice: at its start and at its end */
    for (;;) {
        if (waitpid(child, &status, 0) < 0)
            return errno;
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        if (WIFSIGNALED(status)) {
            fprintf(stderr, "quiet_run: the child was ended by signal %d\n", WTERMSIG(status));
            return 2;
        }
        int signal_number = WSTOPSIG(status);
        if (signal_number == (SIGTRAP | 0x80)) {
            inside = !inside;
            if (inside)
                count(&seen->system_calls);
            signal_number = 0;
        } else if (signal_number == SIGSTOP) {
            ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD);
            signal_number = 0;
        }
        if (ptrace(PTRACE_SYSCALL, child, NULL, (void *)(long)signal_number))
            return 2;
    }
}

static long figure(const char *name, const atomic_long *counter)
{
    const long value = atomic_load(counter);
    printf("plan_run_%s %ld limit 0\n", name, value);
    return value;
}

int main(void)
{
    void *page =
        mmap(NULL, sizeof(counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 2;
    seen = page;
    int status = trace(ask_the_system);
    if (status == 77) {
        printf("skipped: no child can be traced here\n");
        return 77;
    }
    const long planted[] = {atomic_load(&seen->allocations), atomic_load(&seen->locks),
                            atomic_load(&seen->system_calls)};
    if (status || planted[0] != 2 || planted[1] != 2 || planted[2] != 1) {
        printf("the counters are wrong: %ld allocations, %ld locks, %ld system calls were seen "
               "where 2, 2 and 1 were made\n",
               planted[0], planted[1], planted[2]);
        return 1;
    }
    memset(page, 0, sizeof(counts));
    own_workspace = true;
    if (trace(run_all) || !atomic_load(&seen->locks)) {
        printf("runs with the library's own workspace take locks, but none was counted\n");
        return 1;
    }
    memset(page, 0, sizeof(counts));
    own_workspace = false;
    status = trace(run_all);
    const long bad = figure("allocations", &seen->allocations) + figure("locks", &seen->locks) +
                     figure("system_calls", &seen->system_calls);
    printf("in %ld runs\n", atomic_load(&seen->runs));
    return status ? status : bad != 0 || atomic_load(&seen->runs) < 20;
}
