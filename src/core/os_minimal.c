/* SPDX-License-Identifier: BSD-2-Clause
 * The operating system without threads, for CONV2D_MINIMAL: no thread starts, so locks have
 * nothing to guard and a program must use the library from one thread at a time. */
#include "core/os.h"

#include <time.h>

bool c2_mutex_init(c2_mutex *mutex) { return (void)mutex, true; }
void c2_mutex_destroy(c2_mutex *mutex) { (void)mutex; }
void c2_mutex_lock(c2_mutex *mutex) { (void)mutex; }
void c2_mutex_unlock(c2_mutex *mutex) { (void)mutex; }
bool c2_cond_init(c2_cond *cond) { return (void)cond, true; }
void c2_cond_destroy(c2_cond *cond) { (void)cond; }
void c2_cond_wait(c2_cond *cond, c2_mutex *mutex) { (void)cond, (void)mutex; }
void c2_cond_signal(c2_cond *cond) { (void)cond; }
void c2_cond_broadcast(c2_cond *cond) { (void)cond; }

bool c2_thread_start(c2_thread *thread, void (*main)(void *arg), void *arg)
{
    (void)thread, (void)main, (void)arg;
    return false;
}
void c2_thread_join(c2_thread *thread) { (void)thread; }

double c2_now(void)
{
    /* C has no monotonic clock; this one may step when the time of day is set. */
    struct timespec t;
    return timespec_get(&t, TIME_UTC) ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec : 0.0;
}

int c2_cpu_count(void) { return 1; }
int c2_cgroup_cpu_limit(const char *membership, const char *root)
{
    return (void)membership, (void)root, 0;
}
long c2_process_id(void) { return 1; } /* no threads, so a fork has nothing to lose */
