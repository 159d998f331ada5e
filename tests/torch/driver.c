/* SPDX-License-Identifier: BSD-2-Clause
 * torch_driver: runs the cases of a case file (tests/golden/README.md) through the public API and
 * says which differ from what the file expects; each runs as the planner likes, and then by every
 * other candidate that can do it. compare.py makes such files from PyTorch.
 *   torch_driver [--device NAME] [--isa NAME] [--threads N] [--entry N] [--algorithm NAME] FILE|-
 * Values of dtypes that the device lacks (a GPU: float64, bfloat16) are passed over.
 * Prints "FAIL <number> <category> (<candidate>): <difference>"; exit 0 none, 1 some, 2 usage. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "golden/case.h"

typedef struct options {
    const char *path, *device, *isa, *algorithm;
    int threads, entry; /* entry -1: as the case says */
} options;

static int usage(void)
{
    fputs("usage: torch_driver [--device NAME] [--isa NAME] [--threads N] [--entry 0|1|2] "
          "[--algorithm NAME] FILE|-\n",
          stderr);
    return 2;
}

static int parse(int argc, char **argv, options *o)
{
    *o = (options){.device = "cpu", .entry = -1};
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || !strcmp(argv[i], "-")) {
            o->path = argv[i];
            continue;
        }
        if (i + 1 == argc)
            return usage();
        const char *name = argv[i], *value = argv[++i];
        if (!strcmp(name, "--device"))
            o->device = value;
        else if (!strcmp(name, "--isa"))
            o->isa = value;
        else if (!strcmp(name, "--algorithm"))
            o->algorithm = value;
        else if (!strcmp(name, "--threads"))
            o->threads = atoi(value);
        else if (!strcmp(name, "--entry"))
            o->entry = atoi(value);
        else
            return usage();
    }
    return o->path && o->entry < CASE_N_ENTRIES ? 0 : usage();
}

/* How often each candidate ran, in order of appearance. */
typedef struct tally {
    int n;
    char name[CASE_MAX_NAMES][56];
    int count[CASE_MAX_NAMES];
} tally;

static void count_run(tally *t, const char *name)
{
    int i = 0;
    while (i < t->n && strcmp(t->name[i], name))
        i++;
    if (i == CASE_MAX_NAMES)
        return;
    if (i == t->n)
        snprintf(t->name[t->n++], sizeof t->name[0], "%s", name);
    t->count[i]++;
}

/* True if the case passes with algorithm (NULL: the planner's choice); else says so. */
static bool run_one(conv2d_device *device, const test_case *c, int entry, const char *algorithm)
{
    case_result result;
    char why[256];
    case_run(device, c, (case_entry)entry, algorithm, &result);
    const bool ok = case_check(c, &result, why);
    case_result_free(&result);
    if (!ok)
        printf("FAIL %" PRId64 " %s (%s): %s\n", c->id, c->category,
               algorithm ? algorithm : "default", why);
    return ok;
}

/* The planner's choice (or the one asked for), then every candidate that can do it. */
static bool run_case(conv2d_device *device, const test_case *c, const options *o, tally *t)
{
    const int entry = o->entry < 0 ? (int)c->entry : o->entry;
    bool ok = run_one(device, c, entry, o->algorithm);
    case_names names = {.n = 0};
    if (!o->algorithm)
        case_candidates(device, c, &names);
    for (int i = 0; i < names.n; i++) {
        ok = run_one(device, c, (entry + i) % CASE_N_ENTRIES, names.name[i]) && ok;
        count_run(t, names.name[i]);
    }
    return ok;
}

/* A result in a dtype of which the device has no kernels. */
static bool lacks(const conv2d_device *device, const test_case *c)
{
    return !device->backend->host_memory && !c->error && c->input.dtype != CONV2D_FLOAT32 &&
           c->input.dtype != CONV2D_FLOAT16;
}

/* 0 or 1; -1 if the file is damaged. */
static int run_all(conv2d_device *device, const options *o, case_reader *reader)
{
    tally t = {.n = 0};
    test_case c;
    char why[256];
    int more, n = 0, n_failed = 0, n_lacking = 0;
    while ((more = case_next(reader, &c, why)) == 1) {
        n++;
        if (lacks(device, &c)) {
            n_lacking++;
            continue;
        }
        n_failed += !run_case(device, &c, o, &t);
    }
    if (more < 0) {
        fprintf(stderr, "torch_driver: %s\n", why);
        return -1;
    }
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    if (conv2d_device_get_info(device, &info) == CONV2D_OK)
        printf("%d cases on %s (%s, %" PRId32 " threads), %d passed over, %d failed\n", n,
               info.backend, info.isa, info.n_threads, n_lacking, n_failed);
    for (int i = 0; i < t.n; i++)
        printf("%8d more times by %s\n", t.count[i], t.name[i]);
    return n_failed > 0;
}

int main(int argc, char **argv)
{
    options o;
    if (parse(argc, argv, &o))
        return 2;
    case_reader reader;
    char why[256];
    if (!case_open(o.path, &reader, why)) {
        fprintf(stderr, "torch_driver: %s\n", why);
        return 2;
    }
    conv2d_device_options device_options = CONV2D_DEVICE_OPTIONS_INIT;
    device_options.isa = o.isa;
    device_options.n_threads = o.threads;
    conv2d_device *device = NULL;
    int rc = -1;
    if (conv2d_device_open(o.device, &device_options, &device))
        fprintf(stderr, "torch_driver: %s\n", conv2d_last_error());
    else
        rc = run_all(device, &o, &reader);
    conv2d_device_close(device);
    case_close(&reader);
    return rc < 0 ? 2 : rc;
}
