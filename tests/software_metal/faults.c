/* SPDX-License-Identifier: BSD-2-Clause
 * faults NAME: does one thing wrong with Metal and lets software Metal report it; the test looks
 * for the report. `faults --list` prints the names, and with each what has to be reported. Here are
 * the misuses of the interface and of threads; faulty texts are in texts.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

enum { N = 64 }; /* threads of most dispatches here */

/* A kernel of faults.metal, with buffer 0 of N floats that are x and, if it has two, buffer 1. */
static void run_fault(const char *name, unsigned threads)
{
    const id p = load_kernel("faults", name, NULL), in = buffer(N * 4, NULL),
             out = buffer(N * 4, NULL);
    const bool two = !strcmp(name, "removed_barrier");
    for (int i = 0; i < N; i++) {
        ((float *)contents(in))[i] = (float)i;
        ((float *)contents(out))[i] = 0.0f;
    }
    const command c = begin(p);
    bind(c, two ? in : out, 0);
    if (two)
        bind(c, out, 1);
    if (!strcmp(name, "beyond_argument"))
        SEND(void, c.encoder, "setThreadgroupMemoryLength:atIndex:", (uint_t, uint_t), N * 4ul,
             0ul);
    dispatch(c, 1, threads);
    run(c);
    release(p);
    release(in);
    release(out);
}

static void removed_barrier(void)
{
    run_fault("removed_barrier", N);
}

/* Without a violation: a NaN in the result is how the test finds it. */
static void unwritten(void)
{
    const id p = load_kernel("faults", "unwritten", NULL), out = buffer(N * 4, NULL);
    const command c = begin(p);
    bind(c, out, 0);
    dispatch(c, 1, N);
    run(c);
    const float *result = contents(out);
    int n_nan = 0;
    for (int i = 0; i < N; i++)
        n_nan += result[i] != result[i];
    printf("%d results are NaN\n", n_nan);
    release(p);
    release(out);
}

static void beyond_array(void)
{
    run_fault("beyond_array", N);
}
static void beyond_argument(void)
{
    run_fault("beyond_argument", N);
}
static void barrier_in_branch(void)
{
    run_fault("barrier_in_branch", N);
}
static void two_barriers(void)
{
    run_fault("two_barriers", N);
}
static void lanes_apart(void)
{
    run_fault("lanes_apart", N);
}
static void half_a_simdgroup(void)
{
    run_fault("half_a_simdgroup", 16);
}
static void too_much_memory(void)
{
    run_fault("too_much_memory", N);
}
static void race(void)
{
    run_fault("race", N);
}

static void race_of_groups(void)
{
    const id p = load_kernel("faults", "race_of_groups", NULL), out = buffer(N * 4, NULL);
    const command c = begin(p);
    bind(c, out, 0);
    dispatch(c, 3, N);
    run(c);
    release(p);
    release(out);
}

/* ---- objects */

static void over_release(void)
{
    const id b = buffer(16, NULL);
    release(b);
    release(b);
}

static void dead_object(void)
{
    const id b = buffer(16, NULL);
    release(b);
    SEND0(uint_t, b, "length");
}

static void autoreleased_twice(void)
{
    void *inner = h.push();
    const id s = text("given by the pool");
    release(s);
    h.pop(inner);
}

static void leak(void)
{
    buffer(16, NULL);
}

static void no_pool(void)
{
    h.pop(h.push()); /* the outer pool stays, so end it: */
    host_close();
    text("nobody releases it");
}

static void unknown_selector(void)
{
    SEND0(void, h.device, "makeCoffee");
}

static void no_function(void)
{
    const id d = SEND0(id, h.get_class("MTLComputePipelineDescriptor"), "new");
    SEND(id, h.device, "newComputePipelineStateWithDescriptor:options:reflection:error:",
         (id, uint_t, id *, id *), d, 0ul, NULL, NULL);
    release(d);
}

static void wrong_class(void)
{
    const id b = buffer(16, NULL);
    const command c = begin(b);
    SEND0(void, c.encoder, "endEncoding");
    release(b);
}

/* ---- encoding */

static command ones(id *pipeline_out, id *buffer_out)
{
    *pipeline_out = load_kernel("faults", "ones", NULL);
    *buffer_out = buffer(N * 4, NULL);
    return begin(*pipeline_out);
}

static void unbound(void)
{
    id p, b;
    const command c = ones(&p, &b);
    dispatch(c, 1, N);
    run(c);
    release(p);
    release(b);
}

static void bytes_for_output(void)
{
    id p, b;
    const float x[N] = {0};
    const command c = ones(&p, &b);
    bind_bytes(c, x, sizeof x, 0);
    dispatch(c, 1, N);
    run(c);
    release(p);
    release(b);
}

static void many_bytes(void)
{
    id p, b;
    static const char x[4097] = "";
    const command c = ones(&p, &b);
    bind_bytes(c, x, sizeof x, 3);
    run(c);
    release(p);
    release(b);
}

/* Threadgroup memory of n bytes. */
static void memory_of(uint_t n)
{
    id p, b;
    const command c = ones(&p, &b);
    SEND(void, c.encoder, "setThreadgroupMemoryLength:atIndex:", (uint_t, uint_t), n, 0ul);
    run(c);
    release(p);
    release(b);
}

static void much_memory(void)
{
    memory_of(32768 + 16);
}
static void odd_memory(void)
{
    memory_of(100);
}

static void no_end(void)
{
    id p, b;
    const command c = ones(&p, &b);
    SEND0(void, c.buffer, "commit");
    release(p);
    release(b);
}

static void no_commit(void)
{
    id p, b;
    void *inner = h.push();
    const command c = ones(&p, &b);
    bind(c, b, 0);
    dispatch(c, 1, N);
    SEND0(void, c.encoder, "endEncoding");
    h.pop(inner);
    release(p);
    release(b);
}

static void after_end(void)
{
    id p, b;
    const command c = ones(&p, &b);
    SEND0(void, c.encoder, "endEncoding");
    dispatch(c, 1, N);
    release(p);
    release(b);
}

static void double_commit(void)
{
    id p, b;
    const command c = ones(&p, &b);
    run(c);
    SEND0(void, c.buffer, "commit");
    release(p);
    release(b);
}

static void wait_first(void)
{
    id p, b;
    const command c = ones(&p, &b);
    SEND0(void, c.encoder, "endEncoding");
    SEND0(void, c.buffer, "waitUntilCompleted");
    release(p);
    release(b);
}

static void contents_early(void)
{
    id p, b;
    const command c = ones(&p, &b);
    h.delay(100000);
    bind(c, b, 0);
    dispatch(c, 1, N);
    SEND0(void, c.encoder, "endEncoding");
    SEND0(void, c.buffer, "commit");
    contents(b);
    SEND0(void, c.buffer, "waitUntilCompleted");
    release(p);
    release(b);
}

static void host_reads(void)
{
    id p, b;
    const command c = ones(&p, &b);
    const volatile float *memory = contents(b);
    h.delay(100000);
    bind(c, b, 0);
    dispatch(c, 1, N);
    SEND0(void, c.encoder, "endEncoding");
    SEND0(void, c.buffer, "commit");
    printf("%g\n", (double)memory[3]);
    SEND0(void, c.buffer, "waitUntilCompleted");
    release(p);
    release(b);
}

static void over_own_limit(void)
{
    run_fault("at_most_32", N);
}

static void many_threads(void)
{
    id p, b;
    const command c = ones(&p, &b);
    bind(c, b, 0);
    dispatch(c, 1, 1025);
    run(c);
    release(p);
    release(b);
}

static void no_threadgroups(void)
{
    id p, b;
    const command c = ones(&p, &b);
    bind(c, b, 0);
    dispatch(c, 0, N);
    run(c);
    release(p);
    release(b);
}

/* ---- constants and arguments of the wrong type */

static id constant(int type, int index, const void *value)
{
    const id values = SEND0(id, h.get_class("MTLFunctionConstantValues"), "new");
    if (value)
        SEND(void, values, "setConstantValue:type:atIndex:", (const void *, uint_t, uint_t), value,
             (uint_t)type, (uint_t)index);
    return values;
}

static void with_constant(id values, const void *bytes, size_t n, size_t offset)
{
    const id p = load_kernel("faults", "constant_wanted", values), b = buffer(N * 4, NULL);
    const command c = begin(p);
    bind(c, b, 0);
    if (bytes)
        bind_bytes(c, bytes, n, 1);
    else
        SEND(void, c.encoder, "setBuffer:offset:atIndex:", (id, uint_t, uint_t), b, offset, 1ul);
    dispatch(c, 1, N);
    run(c);
    release(values);
    release(p);
    release(b);
}

static const int seven = 7, pair[3] = {1, 2, 3};

static void constant_missing(void)
{
    with_constant(constant(INT, 0, NULL), pair, 8, 0);
}
static void constant_mistyped(void)
{
    with_constant(constant(UINT, 0, &seven), pair, 8, 0);
}
static void bytes_too_few(void)
{
    with_constant(constant(INT, 0, &seven), pair, 4, 0);
}
static void bytes_too_many(void)
{
    with_constant(constant(INT, 0, &seven), pair, 12, 0);
}
static void buffer_too_short(void)
{
    with_constant(constant(INT, 0, &seven), NULL, 0, N * 4 - 4);
}
static void misaligned(void)
{
    with_constant(constant(INT, 0, &seven), NULL, 0, 4);
}

static void fast_math(void)
{
    char *source = read_text("faults");
    release(library(source, false));
    free(source);
}

/* ---- */

typedef struct fault {
    const char *name;
    void (*make)(void);
    const char *expected; /* begin of the report's sentence, after "software metal: " */
    const char *order;    /* NULL: the default */
} fault;

static const fault faults[] = {
    {"removed_barrier", removed_barrier, "thread order: kernel removed_barrier", "all"},
    {"race", race, "thread order: kernel race", "all"},
    {"race_of_groups", race_of_groups, "thread order: kernel race_of_groups", "all"},
    {"unwritten", unwritten, "1 results are NaN", NULL},
    {"beyond_array", beyond_array, "out of bounds: program_source:", NULL},
    {"beyond_argument", beyond_argument,
     "threadgroup memory: kernel beyond_argument writes beside its threadgroup memory", NULL},
    {"barrier_in_branch", barrier_in_branch, "divergent barrier: kernel barrier_in_branch", NULL},
    {"two_barriers", two_barriers, "divergent barrier: kernel two_barriers", NULL},
    {"lanes_apart", lanes_apart, "divergent barrier: kernel lanes_apart", NULL},
    {"half_a_simdgroup", half_a_simdgroup, "divergent barrier: kernel half_a_simdgroup", NULL},
    {"too_much_memory", too_much_memory, "threadgroup memory: kernel too_much_memory", NULL},
    {"over_release", over_release, "over-release: release sent to a dead MTLBuffer", NULL},
    {"dead_object", dead_object, "over-release: length sent to a dead MTLBuffer", NULL},
    {"autoreleased_twice", autoreleased_twice, "over-release: release sent to a dead NSString",
     NULL},
    {"leak", leak, "leak: a MTLBuffer is still alive, with 1 references", NULL},
    {"no_pool", no_pool, "autorelease pool: a NSString is autoreleased with no pool", NULL},
    {"unknown_selector", unknown_selector,
     "selector: -[MTLDevice makeCoffee]: unrecognized selector", NULL},
    {"no_function", no_function, "argument: computeFunction is nil", NULL},
    {"wrong_class", wrong_class, "argument: pipeline state is a MTLBuffer", NULL},
    {"unbound", unbound, "unbound argument: kernel ones: nothing is bound to parameter out", NULL},
    {"bytes_for_output", bytes_for_output, "mistyped argument: kernel ones may write", NULL},
    {"many_bytes", many_bytes, "setBytes: 4097 bytes at index 3", NULL},
    {"much_memory", much_memory, "threadgroup memory: 32784 bytes in all", NULL},
    {"odd_memory", odd_memory, "threadgroup memory: length 100 at index 0", NULL},
    {"no_end", no_end, "encoding: -[MTLCommandBuffer commit] with an encoder", NULL},
    {"no_commit", no_commit, "encoding: a command buffer with encoded work is destroyed", NULL},
    {"after_end", after_end, "encoding: -[MTLComputeCommandEncoder dispatch", NULL},
    {"double_commit", double_commit, "encoding: -[MTLCommandBuffer commit] after commit", NULL},
    {"wait_first", wait_first, "encoding: -[MTLCommandBuffer waitUntilCompleted] before", NULL},
    {"contents_early", contents_early, "use before completion: -[MTLBuffer contents]", NULL},
    {"host_reads", host_reads, "host access: the host touches byte 12 of a buffer of 256", NULL},
    {"over_own_limit", over_own_limit, "dispatch: kernel at_most_32: 64 threads", NULL},
    {"many_threads", many_threads, "dispatch: kernel ones: 1025 threads in a threadgroup", NULL},
    {"no_threadgroups", no_threadgroups, "dispatch: kernel ones: 0 x 1 x 1 threadgroups", NULL},
    {"constant_missing", constant_missing,
     "function constant: kernel constant_wanted needs function constant chosen", NULL},
    {"constant_mistyped", constant_mistyped, "function constant: function constant chosen", NULL},
    {"bytes_too_few", bytes_too_few, "mistyped argument: kernel constant_wanted: 4 bytes", NULL},
    {"bytes_too_many", bytes_too_many, "mistyped argument: kernel constant_wanted: setBytes", NULL},
    {"buffer_too_short", buffer_too_short, "mistyped argument: kernel constant_wanted: 4 bytes",
     NULL},
    {"misaligned", misaligned, "mistyped argument: kernel constant_wanted: offset 4", NULL},
    {"fast_math", fast_math, "fast math: a library is compiled with fast math", NULL},
};
enum { N_FAULTS = sizeof faults / sizeof faults[0] };

int main(int argc, char **argv)
{
    for (int i = 0; argc == 2 && i < N_FAULTS; i++) {
        if (!strcmp(argv[1], "--list")) {
            printf("%s\t%s\n", faults[i].name, faults[i].expected);
        } else if (!strcmp(argv[1], faults[i].name)) {
            if (faults[i].order)
                setenv("CONV2D_SOFTWARE_METAL_ORDER", faults[i].order, 1);
            if (faults[i].make == host_reads)
                setenv("CONV2D_SOFTWARE_METAL_GUARD", "1", 1);
            host_open(true);
            faults[i].make();
            host_close();
            return 0;
        }
    }
    return argc == 2 && !strcmp(argv[1], "--list") ? 0 : 2;
}
