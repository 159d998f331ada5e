/* SPDX-License-Identifier: BSD-2-Clause
 * The built-in thread pool behind conv2d_pool. Threads start at the first parallel_for that can use
 * them; if some cannot start, the rest do the work; a nested call runs serially on its thread; a
 * forked child gets fresh threads of its own at its first call. */
#ifndef C2_CORE_POOL_H
#define C2_CORE_POOL_H

#include "conv2d/conv2d.h"

typedef struct c2_pool c2_pool;

/* n_threads >= 1, the calling thread included. CONV2D_OK or CONV2D_E_NOMEM. */
conv2d_status c2_pool_create(const conv2d_allocator *allocator, int n_threads, c2_pool **pool_out);
/* Joins the threads (only those of this process). NULL is allowed. */
void c2_pool_destroy(c2_pool *pool);
/* The public face; user is the pool. Several threads may call parallel_for at once: one has the
 * workers, the others run serially, each with a worker number that no concurrent call of THAT
 * parallel_for uses (scratch belongs to one run, so numbers of different runs may be equal). */
conv2d_pool c2_pool_interface(c2_pool *pool);

#endif
