/* SPDX-License-Identifier: BSD-2-Clause
 * What the depthwise algorithms share; see depthwise.h. */
#include "cpu/depthwise.h"

#include <math.h>

#include "core/dtype.h"

bool c2_dw_supports(const c2_problem *p, c2_why *why)
{
    return p->icg == 1 ||
           c2_refuse(why, "a group has %lld input channels: depthwise has 1", (long long)p->icg);
}

int64_t c2_dw_channel_tiles(const c2_kernel *kernel, const c2_problem *p)
{
    return c2_div_up(p->groups, kernel->nr);
}

/* One pass of the multiplier, seen as the packing of `groups` filters of one channel. */
static c2_problem one_pass(const c2_problem *p)
{
    c2_problem pass = *p;
    pass.groups = 1;
    pass.ocg = p->groups;
    pass.weight_stride[0] = p->weight_stride[0] * p->ocg;
    return pass;
}

static c2_pack_shape pass_shape(const c2_kernel *kernel, const c2_problem *p)
{
    const int64_t taps = p->kh * p->kw;
    return (c2_pack_shape){{c2_dw_channel_tiles(kernel, p), kernel->nr, 0}, kernel->nr, taps, taps};
}

c2_bytes c2_dw_memory(const c2_kernel *kernel, const c2_problem *p)
{
    const c2_pack_shape shape = pass_shape(kernel, p);
    const c2_problem pass = one_pass(p);
    size_t bytes;
    if (!c2_size_mul_ok(c2_pack_bytes(&pass, &shape), (size_t)p->ocg, &bytes))
        bytes = SIZE_MAX;
    return (c2_bytes){bytes, 0, 0};
}

void c2_dw_packing(const c2_kernel *kernel, const c2_problem *p, c2_text *out)
{
    const c2_pack_shape shape = pass_shape(kernel, p);
    c2_pack_name(p, &shape, out);
}

void c2_dw_pack(const c2_kernel *kernel, const c2_problem *p, const c2_weight_view *view,
                float *packed)
{
    const c2_pack_shape shape = pass_shape(kernel, p);
    const c2_problem pass = one_pass(p);
    const size_t floats = c2_pack_bytes(&pass, &shape) / sizeof(float);
    for (int64_t j = 0; j < p->ocg; j++) {
        const int64_t first = j * p->weight_stride[0] * (int64_t)c2_dtype_bytes(p->weight_dtype);
        const c2_weight_view of_pass = {(const char *)view->weight + first, NULL};
        c2_pack_weights(&pass, &shape, &of_pass, packed + (size_t)j * floats);
    }
}

size_t c2_dw_filters_bytes(const c2_problem *p)
{
    const c2_pack_shape shape = c2_pack_filters(p);
    return c2_pack_bytes(p, &shape);
}

void c2_dw_filters_packing(const conv2d_device *device, const c2_problem *p, int variant,
                           c2_text *out)
{
    (void)device;
    (void)p;
    (void)variant;
    c2_text_add(out, "v1");
}

conv2d_status c2_dw_filters_pack(conv2d_device *device, const c2_problem *p, int variant,
                                 const c2_weight_view *view, conv2d_buffer *packed)
{
    (void)device;
    (void)variant;
    const c2_pack_shape shape = c2_pack_filters(p);
    c2_pack_weights(p, &shape, view, packed->host);
    return CONV2D_OK;
}
