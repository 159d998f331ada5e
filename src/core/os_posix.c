/* SPDX-License-Identifier: BSD-2-Clause
 * The operating system by POSIX threads; the only file that includes pthread.h. On Linux the CPU
 * count follows the affinity mask and the cgroup's quota. Nothing here allocates. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT_S */
#endif
#include "core/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A started thread finds its function here, so that starting needs no memory. */
typedef struct posix_thread {
    pthread_t id;
    void (*main)(void *arg);
    void *arg;
} posix_thread;

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(c2_mutex), "c2_mutex is too small");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(c2_cond), "c2_cond is too small");
_Static_assert(sizeof(posix_thread) <= sizeof(c2_thread), "c2_thread is too small");

static pthread_mutex_t *mutex_of(c2_mutex *mutex) { return (pthread_mutex_t *)(void *)mutex; }
static pthread_cond_t *cond_of(c2_cond *cond) { return (pthread_cond_t *)(void *)cond; }
static posix_thread *thread_of(c2_thread *thread) { return (posix_thread *)(void *)thread; }

bool c2_mutex_init(c2_mutex *mutex) { return pthread_mutex_init(mutex_of(mutex), NULL) == 0; }
void c2_mutex_destroy(c2_mutex *mutex) { pthread_mutex_destroy(mutex_of(mutex)); }
void c2_mutex_lock(c2_mutex *mutex) { pthread_mutex_lock(mutex_of(mutex)); }
void c2_mutex_unlock(c2_mutex *mutex) { pthread_mutex_unlock(mutex_of(mutex)); }

bool c2_cond_init(c2_cond *cond) { return pthread_cond_init(cond_of(cond), NULL) == 0; }
void c2_cond_destroy(c2_cond *cond) { pthread_cond_destroy(cond_of(cond)); }
void c2_cond_wait(c2_cond *cond, c2_mutex *mutex)
{
    pthread_cond_wait(cond_of(cond), mutex_of(mutex));
}
void c2_cond_signal(c2_cond *cond) { pthread_cond_signal(cond_of(cond)); }
void c2_cond_broadcast(c2_cond *cond) { pthread_cond_broadcast(cond_of(cond)); }

static void *thread_main(void *arg)
{
    const posix_thread *t = arg;
    t->main(t->arg);
    return NULL;
}

/* Signals for the process are the program's to handle on its own threads; those that a fault in
 * this thread raises stay open for debuggers and crash handlers. */
static void fill_blocked(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(set, faults[i]);
}

/* pthread_create with a stack of its own choice: the default is 8 MiB of address space here and
 * 128 KiB there; kernels need far less than 512 KiB. */
static int create_with_stack(posix_thread *t)
{
    enum { STACK_BYTES = 512 * 1024 };
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error)
        return error;
    error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (error == 0)
        error = pthread_create(&t->id, &attributes, thread_main, t);
    pthread_attr_destroy(&attributes);
    return error;
}

bool c2_thread_start(c2_thread *thread, void (*main)(void *arg), void *arg)
{
    posix_thread *t = thread_of(thread);
    t->main = main;
    t->arg = arg;
    sigset_t blocked, before;
    fill_blocked(&blocked);
    if (pthread_sigmask(SIG_SETMASK, &blocked, &before) != 0)
        return false;
    int error = create_with_stack(t);
    if (error == EINVAL) /* this size is refused, as where thread-local data is large */
        error = pthread_create(&t->id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

void c2_thread_join(c2_thread *thread) { pthread_join(thread_of(thread)->id, NULL); }

double c2_now(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

long c2_process_id(void) { return (long)getpid(); }

static int affinity_count(void)
{
#ifdef __linux__
    cpu_set_t sets[16]; /* 16,384 CPUs: more than any kernel is built for */
    if (sched_getaffinity(0, sizeof sets, sets) == 0)
        return CPU_COUNT_S(sizeof sets, sets);
#endif
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > INT_MAX ? INT_MAX : (int)n;
}

/* Read a small file into text[capacity], always terminated; false if it cannot be read. */
static bool read_text(const char *path, char *text, size_t capacity)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    size_t length = 0;
    while (length + 1 < capacity) {
        const ssize_t n = read(file, text + length, capacity - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    close(file);
    text[length] = '\0';
    return length > 0;
}

/* ceil(quota / period) of a pair of numbers in a text; 0 where there is no limit. */
static int quota_cpus(const char *quota_text, const char *period_text)
{
    char *end;
    const long long quota = strtoll(quota_text, &end, 10); /* "max" in v2, -1 in v1: no limit */
    if (end == quota_text || quota <= 0)
        return 0;
    const char *second = period_text ? period_text : end; /* v2 has both on one line */
    const long long period = strtoll(second, &end, 10);
    if (end == second || period <= 0)
        return 0;
    const long long cpus = (quota - 1) / period + 1;
    return cpus > INT_MAX ? INT_MAX : (int)cpus;
}

/* The limit that one directory of the hierarchy states; 0 = none. */
static int directory_limit(const char *directory)
{
    char path[PATH_MAX + 32], quota[64], period[64];
    snprintf(path, sizeof path, "%s/cpu.max", directory);
    if (read_text(path, quota, sizeof quota))
        return quota_cpus(quota, NULL);
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", directory);
    if (!read_text(path, quota, sizeof quota))
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", directory);
    return read_text(path, period, sizeof period) ? quota_cpus(quota, period) : 0;
}

/* The lowest limit from the group at base/relative up to base itself: each level binds, and inside
 * a container the upper part of the path may not be there. 0 = none. */
static int hierarchy_limit(const char *base, const char *relative)
{
    char path[PATH_MAX];
    const int length = snprintf(path, sizeof path, "%s%s", base, relative);
    if (length < 0 || (size_t)length >= sizeof path)
        return 0;
    const size_t base_length = strlen(base);
    int lowest = 0;
    for (;;) {
        const int limit = directory_limit(path);
        if (limit > 0 && (lowest == 0 || limit < lowest))
            lowest = limit;
        char *slash = strrchr(path + base_length, '/');
        if (slash == NULL)
            return lowest;
        *slash = '\0';
    }
}

/* Is "cpu" one of the comma-separated names? */
static bool names_cpu(const char *names)
{
    for (const char *at = names; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0'))
            return true;
    }
    return false;
}

int c2_cgroup_cpu_limit(const char *membership, const char *root)
{
    char text[4096], base[PATH_MAX];
    if (!read_text(membership, text, sizeof text))
        return 0;
    int lowest = 0;
    char *rest = NULL;
    /* Lines are "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1). */
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *names = strchr(line, ':');
        char *path = names ? strchr(names + 1, ':') : NULL;
        if (path == NULL)
            continue;
        *path++ = '\0';
        names++;
        if (*names != '\0' && !names_cpu(names))
            continue;
        snprintf(base, sizeof base, "%s%s%s", root, *names ? "/" : "", names);
        const int limit = hierarchy_limit(base, path);
        if (limit > 0 && (lowest == 0 || limit < lowest))
            lowest = limit;
    }
    return lowest;
}

int c2_cpu_count(void)
{
    const int allowed = affinity_count();
    const int quota = c2_cgroup_cpu_limit("/proc/self/cgroup", "/sys/fs/cgroup");
    const int n = quota > 0 && quota < allowed ? quota : allowed;
    return n < 1 ? 1 : n;
}
