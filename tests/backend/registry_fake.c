/* SPDX-License-Identifier: BSD-2-Clause
 * The registry with the fake backend in it. Linked before the library, these two symbols keep the
 * archive's registry.o out; nothing else changes, so tests run the very objects users link. */
#include <string.h>

#include "cpu/cpu.h"
#include "fake_backend.h"

const c2_backend *const c2_backends[] = {&c2_cpu_backend, &c2_fake_backend, NULL};

const c2_backend *c2_backend_by_name(const char *name)
{
    for (const c2_backend *const *b = c2_backends; *b; b++)
        if (!strcmp((*b)->name, name) && (*b)->abi == C2_BACKEND_ABI)
            return *b;
    return NULL;
}
