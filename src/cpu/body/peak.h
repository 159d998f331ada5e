/* SPDX-License-Identifier: BSD-2-Clause
 * peak: MR rows of NR lanes of independent FMAs in registers, nothing else: the most this machine
 * can attain now. The sum goes to a volatile, so that the compiler may not drop the chains. */
#include "cpu/body/body.h"

c2_peak_kernel C2_K(peak);
void C2_K(peak)(size_t rounds)
{
    vf acc[C2_MR * C2_NV];
    const vf x = vf_keep(vf_set1(0.5f)), y = vf_keep(vf_set1(0x1p-20f));
    C2_UNROLL
    for (int i = 0; i < C2_MR * C2_NV; i++)
        acc[i] = vf_set1((float)i);
    for (; rounds != 0; rounds--) {
        C2_UNROLL
        for (int i = 0; i < C2_MR * C2_NV; i++)
            acc[i] = vf_keep(vf_fma(acc[i], x, y));
    }
    vf sum = vf_zero();
    C2_UNROLL
    for (int i = 0; i < C2_MR * C2_NV; i++)
        sum = vf_add(sum, acc[i]);
    float lanes[VF];
    vf_store(lanes, sum);
    volatile float sink = lanes[0];
    (void)sink;
}
