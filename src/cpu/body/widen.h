/* SPDX-License-Identifier: BSD-2-Clause
 * widen: pixels of any strides and type as rows of float32 channels, for the windows of gemm_ch.
 * Channels that are neighbours are copied by vectors; else VF pixels of VF channels at a time are
 * loaded along the pixels and transposed in registers. */
#include "cpu/body/body.h"

/* n pixels, at most VF of them. */
C2_ALWAYS_INLINE vf load_part(const px *p, ptrdiff_t stride, int n)
{
    if (stride == 1)
        return n >= VF ? px_load(p) : px_load_n(p, n);
    if (stride == 2) {
        const int all = 2 * (n < VF ? n : VF) - 1; /* with those between, none behind the last */
        const vf low = all >= VF ? px_load(p) : px_load_n(p, all);
        return vf_evens(low, all > VF ? px_load_n(p + VF, all - VF) : vf_zero());
    }
    px lanes[VF] = {0};
    for (int i = 0; i < n && i < VF; i++)
        lanes[i] = p[i * stride];
    return px_load(lanes);
}

C2_ALWAYS_INLINE void store_part(float *p, vf x, int n)
{
    if (n >= VF)
        vf_store(p, x);
    else
        vf_store_n(p, x, n);
}

static void copy_rows(const c2_widen_args *a)
{
    const px *from = a->from;
    float *to = a->to;
    for (int i = 0; i < a->n_pixels; i++, from += a->pixel_stride, to += a->to_stride)
        for (int c = 0; c < a->n_channels; c += VF)
            store_part(to + c, load_part(from + c, 1, a->n_channels - c), a->n_channels - c);
}

/* m <= VF pixels of n <= VF channels. */
C2_ALWAYS_INLINE void transpose_block(const c2_widen_args *a, ptrdiff_t pixel_stride,
                                      const px *from, int m, int n, float *to)
{
    const ptrdiff_t channel_stride = a->channel_stride, to_stride = a->to_stride;
    vf x[VF];
    C2_UNROLL
    for (int j = 0; j < VF; j++)
        x[j] = j < n ? load_part(from + j * channel_stride, pixel_stride, m) : vf_zero();
    vf_transpose(x);
    C2_UNROLL
    for (int i = 0; i < VF; i++)
        if (i < m)
            store_part(to + i * to_stride, x[i], n);
}

/* A vector of channels at a time along all pixels: more streams than that, and the processor no
 * longer sees them coming. */
C2_ALWAYS_INLINE void transpose_rows(const c2_widen_args *a, ptrdiff_t pixel_stride)
{
    for (int c = 0; c < a->n_channels; c += VF) {
        const px *from = (const px *)a->from + c * a->channel_stride;
        float *to = a->to + c;
        const int n = a->n_channels - c;
        int i = 0;
        for (; n >= VF && i + VF <= a->n_pixels; i += VF)
            transpose_block(a, pixel_stride, from + i * pixel_stride, VF, VF,
                            to + i * a->to_stride);
        for (; i < a->n_pixels; i += VF)
            transpose_block(a, pixel_stride, from + i * pixel_stride, a->n_pixels - i, n,
                            to + i * a->to_stride);
    }
}

c2_widen_kernel C2_K(widen);
void C2_K(widen)(const c2_widen_args *a)
{
    if (a->channel_stride == 1 || a->n_channels == 1)
        copy_rows(a);
    else if (a->pixel_stride == 1)
        transpose_rows(a, 1);
    else if (a->pixel_stride == 2)
        transpose_rows(a, 2);
    else
        transpose_rows(a, a->pixel_stride);
}
