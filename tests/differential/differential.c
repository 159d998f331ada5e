/* SPDX-License-Identifier: BSD-2-Clause
 * Differential test: random problems through every candidate that accepts them, against the oracle,
 * with every buffer beside a guard page: first at its start, then at its end.
 * A failure prints the command that repeats it. Usage: differential --help */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "case_run.h"
#include "cpu/cpu.h"
#include "matrix.h"

enum { MAX_JOBS = 64 };

typedef struct options {
    uint64_t count, seed;
    bool one_case, integers, print_matrix;
    uint64_t min_cell;
    int threads, jobs; /* threads 0: 1 and 3 in turn */
    int failures;      /* a job ends after so many */
    const char *device, *isa, *cores, *match;
} options;

/* What one job found; lies in memory shared with its parent. */
typedef struct tally {
    matrix counts;
    uint64_t problems, runs, refusals;
    int failures;
} tally;

typedef struct session {
    const options *opt;
    tally *tally;
    conv2d_device *devices[2];
    candidate list[MAX_CANDIDATES];
    int n;
} session;

/* What the signal handler prints: the case that is running. */
static char running[512];

static void on_signal(int signal_number)
{
    static const char text[] = "\nFAIL the program died (guard page, illegal instruction?) in\n";
    (void)!write(2, text, sizeof text - 1);
    (void)!write(2, running, strlen(running));
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static const char *const path_names[CALL_PATHS] = {"conv2d", "context", "plan"};

/* Some plans depend on the class of machine: a test of them must not depend on this one. */
static conv2d_device *open_machine(const options *opt, int threads)
{
    conv2d_device *device = open_device(opt->device, threads, opt->isa);
    if (opt->cores && strcmp(opt->device, "cpu") == 0)
        ((c2_cpu_device *)device)->machine.cores = opt->cores;
    return device;
}

/* The command that repeats a case. */
static void repeat_text(const options *opt, uint64_t seed, char *text, size_t capacity)
{
    snprintf(text, capacity,
             "repeat: differential --device %s --case %llu%s%s%s%s%s%s%s --threads %d",
             opt->device, (unsigned long long)seed, opt->integers ? " --integers" : "",
             opt->isa ? " --isa " : "", opt->isa ? opt->isa : "",
             opt->cores ? " --cores " : "", opt->cores ? opt->cores : "",
             opt->match ? " --match " : "", opt->match ? opt->match : "", opt->threads);
}

static void report(session *s, const random_case *c, const char *who, const char *why)
{
    char repeat[256], problem[1024];
    repeat_text(s->opt, c->seed, repeat, sizeof repeat);
    if (conv2d_problem_format(&c->problem, problem, sizeof problem, NULL) != CONV2D_OK)
        snprintf(problem, sizeof problem, "(no text: %s)", conv2d_last_error());
    printf("FAIL %s\n  %s\n  %s\n  %s\n", who, why, problem, repeat);
    fflush(stdout);
    ++s->tally->failures;
}

/* Run one candidate (NULL: the planner's choice) in one place, and judge. turn varies the path,
 * the thread count and who keeps the weights. */
static bool run_one(session *s, const random_case *c, case_place *place, const char *force,
                    bool at_end, uint64_t turn)
{
    char why[WHY_BYTES], who[160];
    const run_how how = {.device = s->devices[turn & 1],
                         .algorithm = force,
                         .path = (call_path)(turn / 2 % CALL_PATHS),
                         .borrow = turn / 6 & 1,
                         .workspace_at_end = at_end};
    snprintf(who, sizeof who, "%s, %s, buffers at the %s, device %d, weights %s",
             force ? force : "planner's choice", path_names[how.path], at_end ? "end" : "start",
             (int)(turn & 1), how.borrow ? "borrowed" : "copied");
    char repeat[256];
    repeat_text(s->opt, c->seed, repeat, sizeof repeat);
    snprintf(running, sizeof running, "  %s\n  %s\n", who, repeat);
    ++s->tally->runs;
    const conv2d_status status = case_run(place, &how, why);
    if (status == CONV2D_OK && case_judge(place, why))
        return true;
    report(s, c, who, why);
    return false;
}

/* A candidate that the planner refuses must refuse to be forced, and touch nothing (NULL: the
 * planner, where it refuses all). */
static void run_refused(session *s, const random_case *c, case_place *place, const char *force)
{
    char why[WHY_BYTES];
    const run_how how = {.device = s->devices[0], .algorithm = force, .path = CALL_ONESHOT};
    const conv2d_status status = case_run(place, &how, why);
    ++s->tally->refusals;
    /* Weights may happen to be of a form that the problem does not name. */
    const bool by_chance = force && strncmp(force, "separable", sizeof "separable" - 1) == 0 &&
                           c->problem.weights_form == CONV2D_WEIGHTS_ANY;
    if (by_chance && status == CONV2D_OK) {
        if (!case_judge(place, why))
            report(s, c, force, why);
    } else if (status != CONV2D_E_UNSUPPORTED || !why[0]) {
        snprintf(why, sizeof why, "refused when listed, but forced it returns %s",
                 conv2d_status_name(status));
        report(s, c, force ? force : "planner's choice", why);
    } else if (!case_place_untouched(place)) {
        report(s, c, force ? force : "planner's choice", "refused, but the output was written");
    }
}

static void test_case(session *s, const random_case *c)
{
    char why[WHY_BYTES];
    bool accepted[MAX_CANDIDATES];
    ++s->tally->problems;
    if (!ask_candidates(s->devices[0], c, s->list, s->n, accepted, why)) {
        report(s, c, "candidates", why);
        return;
    }
    case_data data;
    case_data_make(c, &data);
    case_data_solve(&data);
    for (int side = 0; side < 2; ++side) {
        case_place place;
        case_place_make(&data, side == 1, &place);
        uint64_t turn = c->seed * 5 + (side ? 7 : 0);
        if (case_unsupported(&data, accepted, s->n)) {
            run_refused(s, c, &place, NULL);
            case_place_free(&place);
            continue;
        }
        bool right = run_one(s, c, &place, NULL, side == 1, turn);
        if (side == 1 && right)
            matrix_count(&s->tally->counts, ROW_PLANNER, c->label);
        const int n_refused = (int)(c->seed % (uint64_t)s->n);
        for (int i = 0; i < s->n; ++i) {
            if (s->list[i].shadowed ||
                (s->opt->match && !matrix_wants(s->list[i].algorithm, s->opt->match)))
                continue;
            if (accepted[i]) {
                right = run_one(s, c, &place, s->list[i].force, side == 1, ++turn);
                if (side == 1 && right)
                    matrix_count(&s->tally->counts, i, c->label);
            } else if (side == 0 && i == n_refused && data.n_values > 0) {
                run_refused(s, c, &place, s->list[i].force);
            }
        }
        case_place_free(&place);
    }
    case_data_free(&data);
}

/* With --match: what the algorithms of that name ask of dtype and accuracy. */
static void bend(random_case *c, const char *match)
{
    conv2d_problem *q = &c->problem;
    const bool dot = oracle_is_dot(match), split = oracle_parts(match) > 0;
    if (!dot && !split)
        return;
    const int32_t dtype = dot ? CONV2D_BFLOAT16 : CONV2D_FLOAT32;
    c->label[AXIS_DTYPE] = dot ? DTYPE_BF16 : DTYPE_F32;
    q->input.dtype = q->weight.dtype = q->output.dtype = dtype;
    q->bias.dtype = q->residual.dtype = dtype;
    if (c->seed % 16) /* the others are for the refusal */
        q->params.accuracy = split ? CONV2D_ACCURACY_FAST : CONV2D_ACCURACY_DEFAULT;
}

/* Seeds first, first + step, ... of opt->count. */
static void run_job(const options *opt, tally *t, int first, int step)
{
    session s = {.opt = opt, .tally = t};
    s.devices[0] = open_machine(opt, opt->threads ? opt->threads : 1);
    s.devices[1] = open_machine(opt, opt->threads ? opt->threads : 3);
    s.n = list_candidates(s.devices[0], s.list);
    for (uint64_t i = (uint64_t)first; i < opt->count; i += (uint64_t)step) {
        random_case c;
        random_case_make(opt->seed + i, opt->integers ? VALUES_INTEGER : VALUES_REAL, &c);
        if (opt->match)
            bend(&c, opt->match);
        test_case(&s, &c);
        if (t->failures >= opt->failures) {
            printf("stopped after %d failures\n", t->failures);
            break;
        }
    }
    conv2d_device_close(s.devices[0]);
    conv2d_device_close(s.devices[1]);
}

/* All jobs in child processes; false if one died. */
static bool run_jobs(const options *opt, tally *tallies)
{
    pid_t children[MAX_JOBS];
    bool ok = true;
    fflush(stdout);
    for (int j = 0; j < opt->jobs; ++j) {
        children[j] = fork();
        if (children[j] < 0) {
            perror("fork");
            exit(2);
        }
        if (children[j] == 0) {
            run_job(opt, &tallies[j], j, opt->jobs);
            fflush(stdout);
            _exit(0);
        }
    }
    for (int j = 0; j < opt->jobs; ++j) {
        int status = 0;
        waitpid(children[j], &status, 0);
        ok &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return ok;
}

static int usage(void)
{
    printf("differential [--count N] [--seed S] [--case SEED] [--integers] [--isa NAME]\n"
           "             [--cores NAME] [--device NAME] [--threads N] [--jobs N] [--matrix]\n"
           "             [--min-cell N] [--match TEXT] [--failures N]\n"
           "  --case SEED   one problem, in this process (for a debugger)\n"
           "  --integers    integer data, results equal to the oracle's\n"
           "  --cores       of the CPU device: plans are made as on those of the cost model\n"
           "  --match       algorithms whose names begin so, and problems that they take\n"
           "  --matrix      print the count matrix; --min-cell: fail below N cases a cell\n"
           "  --failures    a job ends after so many (10)\n");
    return 2;
}

static bool parse(int argc, char **argv, options *opt)
{
    for (int i = 1; i < argc; ++i) {
        const char *name = argv[i];
        if (strcmp(name, "--integers") == 0) {
            opt->integers = true;
            continue;
        }
        if (strcmp(name, "--matrix") == 0) {
            opt->print_matrix = true;
            continue;
        }
        if (i + 1 == argc)
            return false;
        const char *value = argv[++i];
        if (strcmp(name, "--isa") == 0 || strcmp(name, "--device") == 0) {
            *(strcmp(name, "--isa") == 0 ? &opt->isa : &opt->device) = value;
            continue;
        }
        if (strcmp(name, "--match") == 0 || strcmp(name, "--cores") == 0) {
            *(strcmp(name, "--match") == 0 ? &opt->match : &opt->cores) = value;
            continue;
        }
        const uint64_t number = strtoull(value, NULL, 10);
        if (strcmp(name, "--count") == 0)
            opt->count = number;
        else if (strcmp(name, "--seed") == 0)
            opt->seed = number;
        else if (strcmp(name, "--min-cell") == 0)
            opt->min_cell = number;
        else if (strcmp(name, "--threads") == 0)
            opt->threads = (int)number;
        else if (strcmp(name, "--jobs") == 0)
            opt->jobs = (int)number;
        else if (strcmp(name, "--failures") == 0)
            opt->failures = (int)number;
        else if (strcmp(name, "--case") == 0)
            opt->seed = number, opt->one_case = true;
        else
            return false;
    }
    return opt->jobs >= 0 && opt->jobs <= MAX_JOBS;
}

int main(int argc, char **argv)
{
    options opt = {.count = 1000, .seed = 1, .jobs = 2, .failures = 10, .device = "cpu"};
    if (!parse(argc, argv, &opt))
        return usage();
    if (opt.one_case)
        opt.count = 1, opt.jobs = 0;
    conv2d_device_close(open_machine(&opt, 1)); /* ends here if there is none */
    const int n_tallies = opt.jobs ? opt.jobs : 1;
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; ++i)
        signal(signals[i], on_signal);
    tally *tallies = mmap(NULL, (size_t)n_tallies * sizeof *tallies, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tallies == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    bool ok = true;
    if (opt.jobs)
        ok = run_jobs(&opt, tallies);
    else
        run_job(&opt, &tallies[0], 0, 1);
    for (int j = 1; j < n_tallies; ++j) {
        matrix_add(&tallies[0].counts, &tallies[j].counts);
        tallies[0].problems += tallies[j].problems;
        tallies[0].runs += tallies[j].runs;
        tallies[0].refusals += tallies[j].refusals;
        tallies[0].failures += tallies[j].failures;
    }

    conv2d_device *device = open_machine(&opt, 1);
    candidate list[MAX_CANDIDATES];
    const int n = list_candidates(device, list);
    const bool gpu = !device->backend->host_memory;
    if (opt.print_matrix)
        matrix_print(&tallies[0].counts, list, n, gpu);
    const int thin = opt.min_cell
                         ? matrix_check(&tallies[0].counts, list, n, gpu, (uint32_t)opt.min_cell,
                                        opt.match)
                         : 0;
    conv2d_device_close(device);
    printf("differential%s: seeds %llu..%llu, %llu problems, %llu runs, %llu forced refusals, "
           "%d failures, %d thin cells\n",
           opt.integers ? " --integers" : "", (unsigned long long)opt.seed,
           (unsigned long long)(opt.seed + opt.count - 1), (unsigned long long)tallies[0].problems,
           (unsigned long long)tallies[0].runs, (unsigned long long)tallies[0].refusals,
           tallies[0].failures, thin);
    return ok && tallies[0].failures == 0 && thin == 0 ? 0 : 1;
}
