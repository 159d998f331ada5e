/* SPDX-License-Identifier: BSD-2-Clause
 * Random sequences of calls from several threads, with failures of memory, threads, locks and files
 * thrown in: every result that comes out must be right, every failure must say why and leave the
 * output alone. One thread does the same steps for the same seed.
 *     sequence [--steps N] [--threads T] [--seed S] [--no-faults] */
#include "sequence.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sequence_cases.h"
#include "sequence_faults.h"
#include "sequence_steps.h"

pool seq_pool;

/* From so many steps on every step must have been done, and every kind of fault been tried (one
 * thread: where the same happens each time). */
enum { STEPS_MIN = 8000, FAULTS_MIN = 20000 };

/* Kinds of faults that calls can meet. */
#define BIT(kind) (UINT32_C(1) << FAULT_##kind)
enum {
    MEMORY = BIT(MEMORY) | BIT(LOCK),
    THREADS = MEMORY | BIT(THREAD),
    READING = MEMORY | BIT(OPEN) | BIT(STAT) | BIT(READ) | BIT(MAP),
    WRITING = MEMORY | BIT(OPEN) | BIT(WRITE) | BIT(SYNC) | BIT(CLOSE) | BIT(RENAME),
};

/* Weights: objects are made more often than destroyed, runs are the most. */
const seq_step seq_steps[] = {
    {"device open", 40, MEMORY, step_device_open},
    {"device close", 8, MEMORY, step_device_close},
    {"wisdom", 15, MEMORY, step_wisdom},
    {"tune", 1, THREADS, step_tune},
    {"one-shot", 25, THREADS, step_one_shot},
    {"buffer", 20, THREADS, step_buffer},
    {"prepack", 60, MEMORY, step_prepack},
    {"with_params", 25, MEMORY, step_with_params},
    {"release", 30, MEMORY, step_release},
    {"context destroy", 60, MEMORY, step_context_destroy},
    {"info", 20, MEMORY, step_info},
    {"run", 140, THREADS, step_run},
    {"plan create", 50, MEMORY, step_plan_create},
    {"plan run", 140, THREADS, step_plan_run},
    {"plan text", 15, MEMORY, step_plan_text},
    {"plan destroy", 30, MEMORY, step_plan_destroy},
    {"save", 25, WRITING, step_save},
    {"save several", 20, WRITING, step_save_several},
    {"write", 10, MEMORY, step_write},
    {"load", 30, READING, step_load},
    {"file open", 30, READING, step_file_open},
    {"file open memory", 15, MEMORY, step_file_open_memory},
    {"file context", 60, MEMORY, step_file_context},
    {"file close", 25, MEMORY, step_file_close},
};
const int seq_n_steps = sizeof seq_steps / sizeof seq_steps[0];
_Static_assert(sizeof seq_steps / sizeof seq_steps[0] <= N_STEPS_MAX, "room for the counts");

uint64_t seq_random(worker *w)
{
    uint64_t x = w->random += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

int seq_below(worker *w, int below)
{
    return (int)(seq_random(w) >> 33) % below;
}

void seq_fail(const worker *w, const char *file, int line, const char *what)
{
    fprintf(stderr,
            "%s:%d: thread %d, seed %llu, step %ld (%s): %s\n  last sentence: %s\n  faults:", file,
            line, w->number, (unsigned long long)w->seed, w->step, w->name, what,
            conv2d_last_error());
    for (int i = 0; i < FAULT_KINDS; i++)
        if (w->failed >> i & 1)
            fprintf(stderr, " %s", fault_names[i]);
    fprintf(stderr, "\n");
    abort();
}

/* ---- calls with faults ----------------------------------------------------------------------- */

void seq_begin(worker *w)
{
    /* A sentence that no other call can give, so that an old one is not taken for a new one. */
    conv2d_workspace_bytes(NULL, NULL);
    w->failed = 0;
    if (!seq_pool.inject || seq_below(w, 3) != 0)
        return;
    /* One kind at one of its first requests, or whatever comes at any moment. */
    const uint32_t all = seq_steps[w->current].faults;
    const bool is_single = seq_below(w, 4) != 0;
    int kind = seq_below(w, FAULT_KINDS);
    while (!(all >> kind & 1))
        kind = seq_below(w, FAULT_KINDS);
    const uint32_t kinds = is_single ? UINT32_C(1) << kind : all;
    const bool is_many = !is_single || kind == FAULT_MEMORY; /* a call has many such requests */
    const size_t n = 1 + (size_t)seq_below(w, is_many ? 40 : 2);
    fault_arm(kinds, n, (size_t)seq_below(w, 4));
}

bool seq_end(worker *w, conv2d_status s, uint32_t allowed)
{
    w->failed = fault_disarm();
    w->seen |= w->failed;
    if (s == CONV2D_OK) {
        w->n_ok[w->current]++;
        return true;
    }
    w->n_refused[w->current]++;
    const char *sentence = conv2d_last_error();
    char text[512];
    snprintf(text, sizeof text, "%s", sentence);
    conv2d_workspace_bytes(NULL, NULL);
    seq_check(w, text[0] && strcmp(text, conv2d_last_error()) != 0, "failed without a sentence");
    const uint32_t by_faults = UINT32_C(1) << CONV2D_E_NOMEM | UINT32_C(1) << CONV2D_E_IO;
    const bool expected = (allowed >> s & 1) || (w->failed && (by_faults >> s & 1));
    seq_check(w, expected, text);
    return false;
}

/* ---- slots ----------------------------------------------------------------------------------- */

slot *seq_use(worker *w, slot *slots, int n)
{
    slot *s = &slots[seq_below(w, n)];
    if (pthread_rwlock_tryrdlock(&s->lock) != 0)
        return NULL;
    if (s->object)
        return s;
    pthread_rwlock_unlock(&s->lock);
    return NULL;
}

slot *seq_take(worker *w, slot *slots, int n, bool full)
{
    slot *s = &slots[seq_below(w, n)];
    if (pthread_rwlock_trywrlock(&s->lock) != 0)
        return NULL;
    if ((s->object != NULL) == full)
        return s;
    pthread_rwlock_unlock(&s->lock);
    return NULL;
}

void seq_put(slot *s)
{
    pthread_rwlock_unlock(&s->lock);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void *work(void *argument)
{
    worker *w = argument;
    int total = 0;
    for (int i = 0; i < seq_n_steps; i++)
        total += seq_steps[i].weight;
    while (w->step < w->n_steps) {
        int pick = seq_below(w, total);
        w->current = 0;
        while (pick >= seq_steps[w->current].weight)
            pick -= seq_steps[w->current++].weight;
        w->name = seq_steps[w->current].name;
        const long before = w->n_ok[w->current] + w->n_refused[w->current];
        seq_steps[w->current].run(w);
        if (w->n_ok[w->current] + w->n_refused[w->current] == before)
            w->n_busy++; /* no call was made: not a step */
        else
            w->step++;
    }
    return NULL;
}

static void each_slot(void (*visit)(slot *s))
{
    slot *const groups[] = {seq_pool.devices, seq_pool.contexts, seq_pool.plans, seq_pool.files};
    static const int sizes[] = {N_DEVICES, N_CONTEXTS, N_PLANS, N_FILES};
    for (int g = 0; g < 4; g++)
        for (int i = 0; i < sizes[g]; i++)
            visit(&groups[g][i]);
}

static void make_lock(slot *s)
{
    if (pthread_rwlock_init(&s->lock, NULL) != 0)
        exit(2);
}

static void free_lock(slot *s)
{
    pthread_rwlock_destroy(&s->lock);
}

static void destroy_all(void)
{
    /* Devices first: what was made on them keeps what it needs. */
    for (int i = 0; i < N_DEVICES; i++)
        conv2d_device_close(seq_pool.devices[i].object);
    for (int i = 0; i < N_FILES; i++)
        conv2d_file_close(seq_pool.files[i].object);
    for (int i = 0; i < N_CONTEXTS; i++)
        conv2d_context_destroy(seq_pool.contexts[i].object);
    for (int i = 0; i < N_PLANS; i++)
        conv2d_plan_destroy(seq_pool.plans[i].object);
    for (int i = 0; i < seq_pool.n_blobs; i++)
        free(seq_pool.blobs[i].bytes);
}

/* Only the files that were saved may be left; removes them. */
static bool clean_folder(const char *folder)
{
    bool ok = true;
    DIR *entries = opendir(folder);
    if (!entries)
        return false;
    for (struct dirent *e; (e = readdir(entries));) {
        char path[512];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (strncmp(e->d_name, "saved-", 6) != 0 || strlen(e->d_name) != 7) {
            fprintf(stderr, "left behind: %s\n", e->d_name);
            ok = false;
        }
        unlink(path);
    }
    closedir(entries);
    return rmdir(folder) == 0 && ok;
}

/* Counts, and whether each step and each kind of fault was really tried. */
static bool report(const worker *workers, int n_workers, long n_steps)
{
    long busy = 0;
    uint32_t seen = 0;
    bool ok = true;
    for (int k = 0; k < n_workers; k++) {
        busy += workers[k].n_busy;
        seen |= workers[k].seen;
    }
    for (int i = 0; i < seq_n_steps; i++) {
        long n_ok = 0, n_refused = 0;
        for (int k = 0; k < n_workers; k++) {
            n_ok += workers[k].n_ok[i];
            n_refused += workers[k].n_refused[i];
        }
        printf("  %-18s %8ld done %8ld refused\n", seq_steps[i].name, n_ok, n_refused);
        if (n_ok == 0 && n_steps >= STEPS_MIN) {
            fprintf(stderr, "%s was never done\n", seq_steps[i].name);
            ok = false;
        }
    }
    printf("  faults:");
    for (int i = 0; i < FAULT_KINDS; i++) {
        printf("%s%s", seen >> i & 1 ? " " : " no ", fault_names[i]);
        if (!(seen >> i & 1) && seq_pool.inject && n_workers == 1 && n_steps >= FAULTS_MIN) {
            fprintf(stderr, "no %s fault was tried\n", fault_names[i]);
            ok = false;
        }
    }
    printf("\n%ld steps, %d threads, %ld without a call: nothing wrong\n", n_steps, n_workers,
           busy);
    return ok;
}

static void run_workers(worker *workers, int n, long n_steps, uint64_t seed)
{
    for (int i = 0; i < n; i++) {
        worker *w = &workers[i];
        w->number = i;
        w->seed = seed;
        w->random = seed * UINT64_C(0x2545F4914F6CDD1D) + (uint64_t)i;
        w->n_steps = n_steps / n;
        w->output = malloc(seq_output_room());
        if (!w->output)
            exit(2);
    }
    for (int i = 1; i < n; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            exit(2);
    }
    work(&workers[0]);
    for (int i = 1; i < n; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < n; i++)
        free(workers[i].output);
}

int main(int argc, char **argv)
{
    enum { THREADS_MAX = 16 };
    static worker workers[THREADS_MAX];
    long n_steps = 20000, n_threads = 3;
    uint64_t seed = 1;
    seq_pool.inject = true;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--no-faults") == 0)
            seq_pool.inject = false;
        else if (strcmp(argv[i], "--steps") == 0)
            n_steps = atol(value), i++;
        else if (strcmp(argv[i], "--threads") == 0)
            n_threads = atol(value), i++;
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(value, NULL, 10), i++;
        else
            n_threads = 0;
    }
    if (n_threads < 1 || n_threads > THREADS_MAX || n_steps < n_threads) {
        fprintf(stderr, "usage: sequence [--steps N] [--threads 1..%d] [--seed S] [--no-faults]\n",
                THREADS_MAX);
        return 2;
    }
    const char *parent = getenv("TMPDIR");
    char folder[100];
    snprintf(folder, sizeof folder, "%.60s/conv2d-sequence-XXXXXX", parent ? parent : P_tmpdir);
    if (!mkdtemp(folder)) {
        perror(folder);
        return 2;
    }
    for (int i = 0; i < N_PATHS; i++)
        snprintf(seq_pool.paths[i], sizeof seq_pool.paths[i], "%s/saved-%d", folder, i);
    pthread_mutex_init(&seq_pool.blobs_mutex, NULL);
    each_slot(make_lock);
    seq_cases_make();
    printf("seed %llu\n", (unsigned long long)seed);
    run_workers(workers, (int)n_threads, n_steps, seed);
    destroy_all();
    each_slot(free_lock);
    seq_cases_free();
    bool ok = clean_folder(folder);
    if (atomic_load(&seq_pool.live) != 0) {
        fprintf(stderr, "%ld allocations of the devices are live\n", atomic_load(&seq_pool.live));
        ok = false;
    }
    return report(workers, (int)n_threads, n_steps) && ok ? 0 : 1;
}
