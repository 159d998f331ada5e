/* SPDX-License-Identifier: BSD-2-Clause
 * The built-in backends. A test that brings a backend of its own links this file's two symbols in
 * its place. */
#include <string.h>

#include "cpu/cpu.h"
#if defined(CONV2D_METAL)
#include "metal/metal.h"
#endif

const c2_backend *const c2_backends[] = {
    &c2_cpu_backend,
#if defined(CONV2D_METAL)
    &c2_metal_backend,
#endif
    NULL,
};

const c2_backend *c2_backend_by_name(const char *name)
{
    for (const c2_backend *const *b = c2_backends; *b; b++)
        if (!strcmp((*b)->name, name) && (*b)->abi == C2_BACKEND_ABI)
            return *b;
    return NULL;
}
