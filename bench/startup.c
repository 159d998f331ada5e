/* SPDX-License-Identifier: BSD-2-Clause
 * startup [--order nchw|nhwc] [--rounds N] [--threads N] FILE
 * What it costs to be ready to run every layer of a file of problem texts: with weights that must
 * be copied and packed, and with contexts from a file that holds the packed forms. Parts: planning
 * (the same for both), copying, packing, opening and mapping, taking the stored forms, and their
 * checksums, which read every byte once. The least of some rounds: processor time of one thread, or
 * with more threads the clock on the wall, for these verify checksums together (packing is serial).
 * The file is in the page cache. Says what memory each way holds. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conv2d/conv2d.h"

enum { MAX_LAYERS = 512, LINE_BYTES = 256 };
static const char file_name[] = "startup.conv2d";

typedef struct layer {
    conv2d_problem problem;
    float *weight;
    char name[96];
} layer;

static layer layers[MAX_LAYERS];
static conv2d_context *contexts[MAX_LAYERS];
static conv2d_plan *plans[MAX_LAYERS];
static int n_layers;

/* Seconds of each part in one round. */
typedef enum part {
    PREPACK,  /* conv2d_prepack(): copies the weights */
    EXPLAIN,  /* planning without weights */
    PACKED,   /* planning and packing */
    OPEN,     /* conv2d_file_open() */
    CONTEXTS, /* conv2d_file_context() of all layers */
    LOADED,   /* planning, and taking the stored forms */
    PARTS
} part;

/* On a machine that others use as well, the clock on the wall counts them too. */
static clockid_t clock_used = CLOCK_PROCESS_CPUTIME_ID;

static double now(void)
{
    struct timespec t;
    clock_gettime(clock_used, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stop(const char *what)
{
    fprintf(stderr, "startup: %s: %s\n", what, conv2d_last_error());
    exit(2);
}

static void ok(conv2d_status status, const char *what)
{
    if (status)
        stop(what);
}

static void add_layer(const char *text, conv2d_order order)
{
    layer *l = &layers[n_layers];
    if (n_layers == MAX_LAYERS)
        stop("too many layers");
    ok(conv2d_problem_parse(text, &l->problem), text);
    conv2d_tensor_set_order(&l->problem.input, order);
    const conv2d_tensor *w = &l->problem.weight;
    const size_t n = (size_t)(w->sizes[0] * w->sizes[1] * w->sizes[2] * w->sizes[3]);
    l->weight = malloc(n * sizeof(float));
    if (!l->weight)
        stop("no memory");
    unsigned seed = (unsigned)n_layers;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        l->weight[i] = (float)(seed >> 8) * 0x1p-24f - 0.5f;
    }
    char name[sizeof l->name];
    snprintf(name, sizeof name, "%d %s", n_layers++, l->problem.name);
    memcpy(l->name, name, sizeof name);
}

static void read_layers(const char *path, conv2d_order order)
{
    char line[LINE_BYTES];
    FILE *f = fopen(path, "r");
    if (!f)
        stop(path);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] && line[0] != '#')
            add_layer(line, order);
    }
    fclose(f);
}

static conv2d_tensor output_of(const layer *l, conv2d_order order)
{
    conv2d_tensor out = l->problem.output;
    out.data = NULL;
    conv2d_tensor_set_order(&out, order);
    return out;
}

static void make_plans(conv2d_order order)
{
    for (int i = 0; i < n_layers; i++) {
        const conv2d_tensor out = output_of(&layers[i], order);
        ok(conv2d_plan_create(contexts[i], &layers[i].problem.input, NULL, &out, &plans[i]),
           layers[i].name);
    }
}

static void drop(void)
{
    for (int i = 0; i < n_layers; i++) {
        conv2d_plan_destroy(plans[i]);
        conv2d_context_destroy(contexts[i]);
    }
}

static void prepack(conv2d_device *device)
{
    for (int i = 0; i < n_layers; i++) {
        conv2d_tensor w = layers[i].problem.weight;
        w.data = layers[i].weight;
        ok(conv2d_prepack(device, &w, NULL, &layers[i].problem.params, &contexts[i]),
           layers[i].name);
    }
}

static void from_weights(conv2d_device *device, conv2d_order order, double t[PARTS])
{
    double start = now();
    prepack(device);
    t[PREPACK] = now() - start;
    start = now();
    for (int i = 0; i < n_layers; i++) {
        conv2d_problem p = layers[i].problem;
        conv2d_plan *plan;
        p.output = output_of(&layers[i], order);
        ok(conv2d_explain(device, &p, &plan), layers[i].name);
        conv2d_plan_destroy(plan);
    }
    t[EXPLAIN] = now() - start;
    start = now();
    make_plans(order);
    t[PACKED] = now() - start;
}

static void from_file(conv2d_device *device, conv2d_order order, bool unchecked, double t[PARTS])
{
    conv2d_load_options o = CONV2D_LOAD_OPTIONS_INIT;
    conv2d_file *file;
    o.skip_checksums = unchecked;
    double start = now();
    ok(conv2d_file_open(file_name, &o, &file), file_name);
    t[OPEN] = now() - start;
    start = now();
    for (int i = 0; i < n_layers; i++)
        ok(conv2d_file_context(file, device, layers[i].name, &contexts[i]), layers[i].name);
    t[CONTEXTS] = now() - start;
    start = now();
    make_plans(order);
    t[LOADED] = now() - start;
    conv2d_file_close(file);
}

static void save(conv2d_order order)
{
    const char *names[MAX_LAYERS];
    for (int i = 0; i < n_layers; i++)
        names[i] = layers[i].name;
    const double start = now();
    ok(conv2d_contexts_save(n_layers, contexts, names, file_name, NULL), file_name);
    printf("saved %d contexts (%s) in %.1f ms\n", n_layers, order ? "nhwc" : "nchw",
           (now() - start) * 1e3);
}

/* A line of /proc/self/status in MB, 0 where there is none. */
static double resident_mb(const char *key)
{
    char line[LINE_BYTES];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            kb = strtol(line + strlen(key) + 1, NULL, 10);
    if (f)
        fclose(f);
    return (double)kb / 1024;
}

static void print_memory(const char *what, double anonymous, double mapped)
{
    double own = 0, foreign = 0;
    unsigned long long packed = 0, loaded = 0;
    for (int i = 0; i < n_layers; i++) {
        conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
        ok(conv2d_context_get_info(contexts[i], &info), "info");
        own += (double)(info.weight_bytes + info.packed_bytes);
        foreign += (double)info.mapped_bytes;
        packed += info.times_packed;
        loaded += info.times_loaded;
    }
    printf("%-13s packed %llu times, loaded %llu; own %.1f MB, mapped %.1f MB; resident: own "
           "%+.1f MB, file %+.1f MB\n",
           what, packed, loaded, own / 1048576, foreign / 1048576,
           resident_mb("RssAnon:") - anonymous, resident_mb("RssFile:") - mapped);
}

static void keep_least(double least[PARTS], const double t[PARTS], part first, part last)
{
    for (int p = (int)first; p <= (int)last; p++)
        if (least[p] == 0 || t[p] < least[p])
            least[p] = t[p];
}

int main(int argc, char **argv)
{
    conv2d_order order = CONV2D_NCHW;
    int rounds = 9, threads = 1;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--order") && i + 1 < argc)
            order = !strcmp(argv[++i], "nhwc") ? CONV2D_NHWC : CONV2D_NCHW;
        else if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
            rounds = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            threads = atoi(argv[++i]);
        else
            path = argv[i];
    }
    if (!path || rounds < 1 || threads < 1) {
        fprintf(stderr,
                "usage: startup [--order nchw|nhwc] [--rounds N] [--threads N] FILE\n");
        return 2;
    }
    conv2d_device *device;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = threads;
    if (threads > 1)
        clock_used = CLOCK_MONOTONIC;
    ok(conv2d_device_open("cpu", &options, &device), "device");
    read_layers(path, order);
    double t[PARTS], least[PARTS] = {0}, unchecked[PARTS] = {0};
    double anonymous = resident_mb("RssAnon:"), mapped = resident_mb("RssFile:");
    for (int r = 0; r < rounds; r++) {
        from_weights(device, order, t);
        keep_least(least, t, PREPACK, PACKED);
        if (r == 0) {
            print_memory("from weights:", anonymous, mapped);
            save(order);
        }
        drop();
    }
    for (int r = 0; r < 2 * rounds; r++) {
        anonymous = resident_mb("RssAnon:");
        mapped = resident_mb("RssFile:");
        from_file(device, order, r & 1, t);
        keep_least(r & 1 ? unchecked : least, t, OPEN, LOADED);
        if (r == 0)
            print_memory("from file:", anonymous, mapped);
        drop();
    }
    const double packing = least[PACKED] - least[EXPLAIN], open = least[OPEN] + least[CONTEXTS];
    const double taking = least[LOADED] - least[EXPLAIN];
    const double taking_unchecked = unchecked[LOADED] - least[EXPLAIN];
    printf("planning %.1f ms, copying weights %.1f ms, packing %.1f ms\n", least[EXPLAIN] * 1e3,
           least[PREPACK] * 1e3, packing * 1e3);
    printf("opening %.2f ms, contexts %.2f ms, taking the forms %.2f ms (%.2f without checksums)\n",
           least[OPEN] * 1e3, least[CONTEXTS] * 1e3, taking * 1e3, taking_unchecked * 1e3);
    const double from_weights = least[PREPACK] + packing;
    printf(
        "loading / packing: %.1f %% (opening, mapping, contexts and forms / copying and packing; "
        "with every checksum verified %.1f %%)\n",
        100 * (open + taking_unchecked) / from_weights, 100 * (open + taking) / from_weights);
    printf("ready to run: %.1f ms from weights, %.1f ms from the file\n",
           (least[PREPACK] + least[PACKED]) * 1e3, (open + least[LOADED]) * 1e3);
    for (int i = 0; i < n_layers; i++)
        free(layers[i].weight);
    conv2d_device_close(device);
    unlink(file_name);
    return 0;
}
