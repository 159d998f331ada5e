/* SPDX-License-Identifier: BSD-2-Clause
 * Memory of buffers, and its guard: with CONV2D_SOFTWARE_METAL_GUARD=1 a buffer is mapped twice,
 * for the host and for kernels, and while a command buffer that writes it is under way the host's
 * view has no access at all, so that reading results too early ends in a report and not in luck. */
#define _GNU_SOURCE /* memfd_create */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "metal.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sm_buffer *_Atomic guarded; /* all guarded buffers; the signal handler walks along them */
static struct sigaction before;

static bool is_on(void)
{
    const char *value = getenv("CONV2D_SOFTWARE_METAL_GUARD");
    return value && !strcmp(value, "1");
}

static size_t pages(size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (n + page - 1) / page * page;
}

/* An access that faulted. What is no buffer under way is left to whoever was there before. */
static void faulted(int signal_number, siginfo_t *info, void *context)
{
    const unsigned char *at = info->si_addr;
    for (sm_buffer *b = guarded; b; b = b->next_guarded) {
        if (at < b->bytes || at >= b->bytes + pages(b->n) || !b->in_flight)
            continue;
        sm_violation("host access",
                     "the host touches byte %zu of a buffer of %zu bytes while a "
                     "command buffer that uses it is under way",
                     (size_t)(at - b->bytes), b->n);
        mprotect(b->bytes, pages(b->n), PROT_READ | PROT_WRITE);
        return;
    }
    if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) {
        before.sa_sigaction(signal_number, info, context);
        return;
    }
    signal(SIGSEGV, SIG_DFL); /* the access is made again, and ends the process */
}

static void watch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = faulted;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, &before);
}

bool sm_buffer_allocate(sm_buffer *b, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    b->n = n;
    if (!is_on()) {
        b->bytes = b->gpu_bytes = malloc(n);
        return b->bytes != NULL;
    }
    pthread_once(&once, watch);
    const int fd = memfd_create("software-metal-buffer", MFD_CLOEXEC);
    if (fd < 0)
        return false;
    void *views[2] = {MAP_FAILED, MAP_FAILED};
    for (int i = 0; i < 2 && !ftruncate(fd, (off_t)pages(n)); i++)
        views[i] = mmap(NULL, pages(n), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (views[0] == MAP_FAILED || views[1] == MAP_FAILED)
        return false;
    b->bytes = views[0];
    b->gpu_bytes = views[1];
    pthread_mutex_lock(&lock);
    b->next_guarded = guarded;
    guarded = b;
    pthread_mutex_unlock(&lock);
    return true;
}

void sm_buffer_free(sm_buffer *b)
{
    if (b->bytes == b->gpu_bytes) {
        free(b->bytes);
        return;
    }
    pthread_mutex_lock(&lock);
    sm_buffer *_Atomic *link = &guarded;
    while (*link != b)
        link = &(*link)->next_guarded;
    *link = b->next_guarded;
    pthread_mutex_unlock(&lock);
    munmap(b->bytes, pages(b->n));
    munmap(b->gpu_bytes, pages(b->n));
}

void sm_buffer_count(sm_buffer *b, int by, bool is_written)
{
    if (b->bytes == b->gpu_bytes) {
        b->in_flight += by;
        return;
    }
    pthread_mutex_lock(&lock);
    b->in_flight += by;
    b->n_writers += is_written ? by : 0;
    const int access = b->n_writers ? PROT_NONE : b->in_flight ? PROT_READ : PROT_READ | PROT_WRITE;
    mprotect(b->bytes, pages(b->n), access);
    pthread_mutex_unlock(&lock);
}
