/* SPDX-License-Identifier: BSD-2-Clause
 * Permission for AMX on Linux: arch_prctl(2), since 5.16; refused by older kernels, and by some
 * sandboxes. */
#define _GNU_SOURCE /* syscall() */
#include "cpu/tile_state.h"

#include <errno.h>

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

int c2_tile_state_request(void)
{
#if defined(__linux__) && defined(__x86_64__)
    /* Numbers of <asm/prctl.h> and of the state component, XTILEDATA, which older headers lack. */
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
    const int saved = errno;
    const int error = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) ? errno : 0;
    errno = saved;
    return error;
#else
    return ENOSYS;
#endif
}
