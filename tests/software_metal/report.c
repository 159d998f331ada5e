/* SPDX-License-Identifier: BSD-2-Clause
 * Options from the environment, the list of violations, ordered failures. See report.h. */
#include "report.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "software_metal.h"

static sm_options options;
static pthread_once_t options_once = PTHREAD_ONCE_INIT;

static const char *const order_names[SM_N_ORDERS] = {
    [SM_FORWARD] = "forward", [SM_REVERSE] = "reverse",
    [SM_GREEDY] = "greedy",   [SM_GREEDY_FORWARD] = "greedy-forward",
    [SM_RANDOM] = "random",
};

static void parse_order(const char *text)
{
    options.order = SM_GREEDY;
    if (!text)
        return;
    options.all_orders = !strcmp(text, "all");
    for (int i = 0; i < SM_N_ORDERS; i++) {
        const size_t n = strlen(order_names[i]);
        if (!strncmp(text, order_names[i], n) && (text[n] == 0 || text[n] == ':')) {
            options.order = (sm_order)i;
            options.seed = text[n] ? strtoull(text + n + 1, NULL, 10) : 1;
            return;
        }
    }
    if (!options.all_orders)
        sm_violation("option",
                     "CONV2D_SOFTWARE_METAL_ORDER is '%s'; it is forward, reverse, "
                     "greedy, greedy-forward, random:SEED or all",
                     text);
}

static void parse_failure(const char *text)
{
    char what[16] = "";
    int nth = 0;
    long code = 0;
    if (text && (sscanf(text, "%15[a-z]:%d:%ld", what, &nth, &code) < 2 ||
                 software_metal_fail(what, nth, code)))
        sm_violation("option", "CONV2D_SOFTWARE_METAL_FAIL is '%s'; it is WHAT:NTH[:CODE]", text);
}

static void read_options(void)
{
    const char *violation = getenv("CONV2D_SOFTWARE_METAL_ON_VIOLATION");
    options.continue_after = violation && !strcmp(violation, "continue");
    const char *leaks = getenv("CONV2D_SOFTWARE_METAL_LEAKS");
    options.ignore_leaks = leaks && !strcmp(leaks, "0");
    options.report_path = getenv("CONV2D_SOFTWARE_METAL_REPORT");
    const char *threads = getenv("CONV2D_SOFTWARE_METAL_THREADS");
    const long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    options.n_threads = threads ? atoi(threads) : (int)(n_cpus < 1 ? 1 : n_cpus > 8 ? 8 : n_cpus);
    options.seed = 1;
}

const sm_options *sm_get_options(void)
{
    pthread_once(&options_once, read_options);
    return &options;
}

/* What may itself be reported as wrong is read after the rest. */
__attribute__((constructor)) static void read_the_rest(void)
{
    sm_get_options();
    parse_order(getenv("CONV2D_SOFTWARE_METAL_ORDER"));
    parse_failure(getenv("CONV2D_SOFTWARE_METAL_FAIL"));
    const char *delay = getenv("CONV2D_SOFTWARE_METAL_DELAY");
    if (delay)
        software_metal_delay(atol(delay));
}

/* ---- violations */

static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int n_violations;
static char last[4096];

void sm_violation(const char *kind, const char *format, ...)
{
    const sm_options *o = sm_get_options();
    char sentence[sizeof last - 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&report_lock);
    n_violations++;
    snprintf(last, sizeof last, "software metal: %.32s: %s", kind, sentence);
    fprintf(stderr, "%s\n", last);
    FILE *file = o->report_path ? fopen(o->report_path, "a") : NULL;
    if (file) {
        fprintf(file, "%s\n", last);
        fclose(file);
    }
    if (!o->continue_after)
        abort();
    pthread_mutex_unlock(&report_lock);
}

int software_metal_violations(void)
{
    return n_violations;
}

const char *software_metal_last_violation(void)
{
    return last;
}

/* A process that went on after violations ends with a status that tells, where one is given. */
__attribute__((destructor)) static void at_exit(void)
{
    if (!sm_get_options()->ignore_leaks)
        software_metal_report_leaks();
    const char *status = getenv("CONV2D_SOFTWARE_METAL_EXIT_STATUS");
    if (n_violations && status) {
        fflush(NULL);
        _exit(atoi(status));
    }
}

/* ---- failures and delays to order */

static const char *const failure_names[SM_N_FAILURES] = {
    [SM_FAIL_DEVICE] = "device",
    [SM_FAIL_QUEUE] = "queue",
    [SM_FAIL_BUFFER] = "buffer",
    [SM_FAIL_LIBRARY] = "library",
    [SM_FAIL_FUNCTION] = "function",
    [SM_FAIL_PIPELINE] = "pipeline",
    [SM_FAIL_ENCODER] = "encoder",
    [SM_FAIL_COMMAND] = "command",
    [SM_FAIL_DATA] = "data",
    [SM_FAIL_ARCHIVE] = "archive",
    [SM_FAIL_ARCHIVE_ADD] = "archiveadd",
    [SM_FAIL_ARCHIVE_WRITE] = "archivewrite",
};
static struct {
    int nth;
    long code;
} failures[SM_N_FAILURES];
static pthread_mutex_t failure_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_long delay_us;

int software_metal_fail(const char *what, int nth, long code)
{
    for (int i = 0; i < SM_N_FAILURES; i++) {
        if (strcmp(what, failure_names[i]))
            continue;
        pthread_mutex_lock(&failure_lock);
        failures[i].nth = nth;
        failures[i].code = code;
        pthread_mutex_unlock(&failure_lock);
        return 0;
    }
    return -1;
}

bool sm_must_fail(sm_failure what, long *code_out)
{
    pthread_mutex_lock(&failure_lock);
    const bool fails = failures[what].nth > 0 && --failures[what].nth == 0;
    if (fails && code_out)
        *code_out = failures[what].code;
    pthread_mutex_unlock(&failure_lock);
    return fails;
}

void software_metal_delay(long microseconds)
{
    delay_us = microseconds;
}

long sm_get_delay(void)
{
    return delay_us;
}
