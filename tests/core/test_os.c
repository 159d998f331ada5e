/* SPDX-License-Identifier: BSD-2-Clause
 * The system layer: locks, threads' signals and stacks, CPU counts under affinity and cgroups. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cmocka_all.h"
#include "core/os.h"

typedef struct ball {
    c2_mutex mutex;
    c2_cond cond;
    int side, hits;
} ball;

static void hit(ball *b, int side)
{
    for (int i = 0; i < 1000; i++) {
        c2_mutex_lock(&b->mutex);
        while (b->side != side)
            c2_cond_wait(&b->cond, &b->mutex);
        b->hits++;
        b->side = 1 - side;
        if (i % 2)
            c2_cond_signal(&b->cond);
        else
            c2_cond_broadcast(&b->cond);
        c2_mutex_unlock(&b->mutex);
    }
}

static void other_player(void *arg) { hit(arg, 1); }

static void locks_and_conditions_work(void **state)
{
    (void)state;
    ball b = {.side = 0};
    c2_thread thread;
    assert_true(c2_mutex_init(&b.mutex));
    assert_true(c2_cond_init(&b.cond));
    assert_true(c2_thread_start(&thread, other_player, &b));
    hit(&b, 0);
    c2_thread_join(&thread);
    assert_int_equal(b.hits, 2000);
    c2_cond_destroy(&b.cond);
    c2_mutex_destroy(&b.mutex);
}

typedef struct facts {
    sigset_t blocked;
    size_t stack_bytes;
} facts;

static void look_around(void *arg)
{
    facts *f = arg;
    pthread_attr_t attributes;
    pthread_sigmask(SIG_SETMASK, NULL, &f->blocked);
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &f->stack_bytes);
        pthread_attr_destroy(&attributes);
    }
}

static void threads_leave_signals_to_the_program(void **state)
{
    (void)state;
    sigset_t before, after, original;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2); /* some mask that is neither empty nor full */
    pthread_sigmask(SIG_SETMASK, &before, &original);
    facts f = {.stack_bytes = 0};
    c2_thread thread;
    assert_true(c2_thread_start(&thread, look_around, &f));
    c2_thread_join(&thread);
    pthread_sigmask(SIG_SETMASK, &original, &after);
    static const int asynchronous[] = {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD, SIGPROF, SIGHUP};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof asynchronous / sizeof asynchronous[0]; i++)
        assert_int_equal(sigismember(&f.blocked, asynchronous[i]), 1);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        assert_int_equal(sigismember(&f.blocked, faults[i]), 0);
    for (int s = 1; s < 32; s++)
        assert_int_equal(sigismember(&before, s), sigismember(&after, s));
    assert_true(f.stack_bytes >= 512 * 1024);
}

static void clock_moves_forward(void **state)
{
    (void)state;
    const double start = c2_now();
    double last = start;
    while (last < start + 0.002) {
        const double now = c2_now();
        assert_true(now >= last);
        last = now;
    }
}

static void cpu_count_follows_affinity(void **state)
{
    (void)state;
    cpu_set_t before, one;
    const int all = c2_cpu_count();
    assert_true(all >= 1 && all <= sysconf(_SC_NPROCESSORS_CONF));
    if (sched_getaffinity(0, sizeof before, &before) != 0)
        skip();
    size_t cpu = 0;
    while (!CPU_ISSET(cpu, &before))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    const int restricted = c2_cpu_count();
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(restricted, 1);
    assert_int_equal(c2_cpu_count(), all);
}

/* ---- a pretended cgroup file system --------------------------------------------------------- */

static char root[] = "/tmp/conv2d_cgroup_XXXXXX";

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* Write root/path, making its folders. */
static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(full, 0777);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int limit_of(const char *membership)
{
    char path[512];
    put("membership", membership);
    snprintf(path, sizeof path, "%s/membership", root);
    return c2_cgroup_cpu_limit(path, root);
}

static void cgroup_v2_quota(void **state)
{
    (void)state;
    put("a/b/cpu.max", "250000 100000\n");
    assert_int_equal(limit_of("0::/a/b\n"), 3);
    put("a/cpu.max", "max 100000\n");
    assert_int_equal(limit_of("0::/a/b\n"), 3);
    put("a/cpu.max", "100000 100000\n");
    assert_int_equal(limit_of("0::/a/b\n"), 1);
    put("a/cpu.max", "50000 100000\n"); /* half a CPU is still one worker */
    assert_int_equal(limit_of("0::/a/b\n"), 1);
    assert_int_equal(limit_of("0::/a/b/not/mounted/here\n"), 1);
    assert_int_equal(limit_of("0::/elsewhere\n"), 0);
    put("cpu.max", "400000 100000\n"); /* inside a container: the root is the group */
    assert_int_equal(limit_of("0::/\n"), 4);
    put("cpu.max", "garbage\n");
    assert_int_equal(limit_of("0::/\n"), 0);
    put("cpu.max", "100000 0\n");
    assert_int_equal(limit_of("0::/\n"), 0);
    put("cpu.max", "99999999999999999 1\n");
    assert_int_equal(limit_of("0::/\n"), 2147483647);
}

static void cgroup_v1_quota(void **state)
{
    (void)state;
    put("cpu.max", "max 100000\n");
    put("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "150000\n");
    put("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
    put("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_int_equal(limit_of("12:cpuset:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n"),
                     2);
    assert_int_equal(limit_of("4:cpu,cpuacct:/\n"), 0);
    assert_int_equal(limit_of("4:cpuacct:/docker/x\n"), 0);
    assert_int_equal(limit_of("\n::\n7\nno colons\n4:cpu\n"), 0);
    assert_int_equal(limit_of(""), 0);
    assert_int_equal(c2_cgroup_cpu_limit("/nonexistent/file", root), 0);
}

static void process_id_differs_in_a_child(void **state)
{
    (void)state;
    const long mine = c2_process_id();
    assert_int_equal(c2_process_id(), mine);
    const pid_t child = fork();
    if (child == 0)
        _exit(c2_process_id() != mine ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_and_conditions_work),
        cmocka_unit_test(threads_leave_signals_to_the_program),
        cmocka_unit_test(clock_moves_forward),
        cmocka_unit_test(cpu_count_follows_affinity),
        cmocka_unit_test(cgroup_v2_quota),
        cmocka_unit_test(cgroup_v1_quota),
        cmocka_unit_test(process_id_differs_in_a_child),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
