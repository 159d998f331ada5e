/* SPDX-License-Identifier: BSD-2-Clause
 * Checks every kernel of kernels.inc that this machine can run, on random shapes around its tile,
 * with guard pages at both ends of all buffers and canaries behind the tile; --bench times them.
 *   kernel [--count N] [--seed S] [--kernel NAME] [--bench] [--emulated]
 * --emulated: the program's kernels need no features of the machine (kernel_emulated).
 * Prints cases per kernel. Exit code 1: a case failed or a usable kernel had none; the failure's
 * line repeats it. 77: the machine can run none of the kernels asked for. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "cpu/cpu.h"

/* What ctest takes for "not possible here": the kernel asked for needs another machine. */
enum { skip_code = 77 };

typedef struct options {
    long count;
    uint64_t seed;
    const char *kernel;
    bool bench, emulated;
} options;

static const check_family *const families[] = {
    &check_gemm_ch,    &check_gemm_px,  &check_dw_ch,     &check_dw_px,
    &check_grouped_ch, &check_epilogue, &check_peak,      &check_widen,
    &check_dwrow_ch,   &check_dwrow_px, &check_direct_px, &check_direct_rows, &check_direct_ch,
    &check_direct_sum,
    &check_wino_in,    &check_wino_gemm, &check_wino_groups, &check_wino_out, &check_box_down,
    &check_box_across, &check_dot_ch,    &check_dot_px,   &check_dot2_px,
    &check_dot2_ch,    &check_dot3_ch,  &check_parts,    &check_crossed,
    &check_dot3_px,    &check_pair,      &check_tiles,    &check_apart,
    &check_grouped_px, &check_dwimg_px};

static const check_family *family_of(const c2_kernel *k)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (families[i]->family == k->family)
            return families[i];
    return NULL;
}

/* The command that repeats the case being run, for a kernel that touches a guard page. */
static char repeat[160];

static void on_guard_page(int signal_number)
{
    static const char head[] = "FAIL: touched memory outside a buffer\n  repeat: ";
    ssize_t ignored = write(STDERR_FILENO, head, sizeof head - 1);
    ignored = write(STDERR_FILENO, repeat, strlen(repeat));
    (void)ignored;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Cases that passed, or -1 after the first failure. */
static long check_kernel(const c2_kernel *k, const options *o)
{
    const check_family *family = family_of(k);
    if (!family)
        return 0;
    for (long i = 0; i < o->count; i++) {
        char why[256] = "";
        rng random = {(o->seed + (uint64_t)i) * 0x632be59bd9b4e019u};
        snprintf(repeat, sizeof repeat, "kernel --kernel %s --count %ld --seed %llu\n", k->name,
                 i + 1, (unsigned long long)o->seed);
        check c = {k, &random, i % 2 == 0, i / 2 % 2 == 0, why, sizeof why};
        if (!family->one(&c)) {
            printf("FAIL %s: %s\n  repeat: %s", k->name, why, repeat);
            return -1;
        }
    }
    return o->count;
}

/* Processor time: other programs on the machine do not count. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Products a second, best of many short series. */
static double rate(const c2_kernel *k)
{
    const check_family *family = family_of(k);
    double best = 0;
    for (const double start = now(); now() - start < 0.1;) {
        double products = 0;
        const double before = now();
        while (products < 2e6)
            products += family->bench(k);
        const double seconds = now() - before;
        if (products / seconds > best)
            best = products / seconds;
    }
    return best;
}

static const c2_kernel *peak_of(const c2_kernel *k)
{
    for (int i = 0; i < c2_n_kernels; i++)
        if (c2_kernels[i].family == C2_FAMILY_PEAK && !strcmp(c2_kernels[i].isa, k->isa))
            return &c2_kernels[i];
    return k;
}

static void bench_kernel(const c2_kernel *k)
{
    if (k->family == C2_FAMILY_TILES) { /* no products */
        printf("\n");
        return;
    }
    const double products = rate(k), peak = rate(peak_of(k));
    if (k->family == C2_FAMILY_EPILOGUE || k->family == C2_FAMILY_WIDEN ||
        k->family == C2_FAMILY_PAIR || k->family == C2_FAMILY_PARTS ||
        k->family == C2_FAMILY_WINO_IN || k->family == C2_FAMILY_WINO_OUT ||
        k->family == C2_FAMILY_BOX_DOWN || k->family == C2_FAMILY_BOX_ACROSS)
        printf("  %.2f ns a float\n", 1e9 / products);
    else
        printf("  %7.1f GFLOP/s, %5.1f %% of peak %.1f\n", 2e-9 * products, 100 * products / peak,
               2e-9 * peak);
}

static bool read_options(int argc, char **argv, options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bench") == 0)
            o->bench = true;
        else if (strcmp(argv[i], "--emulated") == 0)
            o->emulated = true;
        else if (i + 1 == argc)
            return false;
        else if (strcmp(argv[i], "--count") == 0)
            o->count = atol(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--kernel") == 0)
            o->kernel = argv[++i];
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    options o = {400, 1, NULL, false, false};
    if (!read_options(argc, argv, &o)) {
        fprintf(stderr, "kernel [--count N] [--seed S] [--kernel NAME] [--bench] [--emulated]\n");
        return 2;
    }
    c2_machine machine;
    if (c2_machine_init(NULL, &machine)) {
        fprintf(stderr, "kernel: %s\n", c2_last_error());
        return 2;
    }
    signal(SIGSEGV, on_guard_page);
    signal(SIGBUS, on_guard_page);
    int failures = 0, checked = 0, skipped = 0;
    for (int i = 0; i < c2_n_kernels; i++) {
        const c2_kernel *k = &c2_kernels[i];
        if (o.kernel && strcmp(o.kernel, k->name) != 0)
            continue;
        if (k->need & ~machine.features && !o.emulated) {
            printf("%-30s not on this machine\n", k->name);
            skipped++;
            continue;
        }
        const long cases = check_kernel(k, &o);
        if (cases <= 0) {
            printf("%-30s %s\n", k->name, cases ? "FAILED" : "FAILED: no case");
            failures++;
            continue;
        }
        checked++;
        printf("%-30s %6ld cases%s", k->name, cases, o.bench ? "" : "\n");
        if (o.bench)
            bench_kernel(k);
    }
    printf("kernel: %s, seed %llu, %d kernels checked, %d failed\n", machine.isa,
           (unsigned long long)o.seed, checked, failures);
    if (!checked && !failures && skipped)
        return skip_code;
    return failures || !checked;
}
