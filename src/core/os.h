/* SPDX-License-Identifier: BSD-2-Clause
 * The operating system, as little of it as is needed: threads, locks, once, clock, cpu count.
 * os_posix.c is the only file that includes pthread.h; with CONV2D_MINIMAL os_minimal.c has no
 * threads at all. */
#ifndef C2_CORE_OS_H
#define C2_CORE_OS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct c2_mutex { _Alignas(16) unsigned char opaque[64]; } c2_mutex;
typedef struct c2_cond { _Alignas(16) unsigned char opaque[64]; } c2_cond;
typedef struct c2_thread { _Alignas(16) unsigned char opaque[32]; } c2_thread;

/* False if the system refuses; the object is then not initialised. */
bool c2_mutex_init(c2_mutex *mutex);
void c2_mutex_destroy(c2_mutex *mutex);
void c2_mutex_lock(c2_mutex *mutex);
void c2_mutex_unlock(c2_mutex *mutex);
bool c2_cond_init(c2_cond *cond);
void c2_cond_destroy(c2_cond *cond);
void c2_cond_wait(c2_cond *cond, c2_mutex *mutex);
void c2_cond_signal(c2_cond *cond);
void c2_cond_broadcast(c2_cond *cond);
/* Start a thread with all signals blocked but those that a fault of its own raises; false if the
 * system refuses. *thread stays where it is until joined. */
bool c2_thread_start(c2_thread *thread, void (*main)(void *arg), void *arg);
void c2_thread_join(c2_thread *thread);

/* Monotonic time in seconds. */
double c2_now(void);
/* CPUs this process may use: affinity mask and cgroup quota (v1, v2), at least 1. */
int c2_cpu_count(void);
/* CPUs that the cgroup quota alone allows, rounded up, 0 = no limit: membership is the path of a
 * /proc/self/cgroup, root that of the mounted hierarchy. */
int c2_cgroup_cpu_limit(const char *membership, const char *root);
/* Number that differs in a forked child: the process id. */
long c2_process_id(void);

#endif
