/* SPDX-License-Identifier: BSD-2-Clause
 * Plans and runs of the algorithms on simdgroup matrices. */
#include "metal/tiles.h"

struct c2_state {
    const c2_metal_pipeline *pipeline;
    c2_gpu_gemm args; /* but the positions */
    c2_mtl_size groups;
};

int c2_metal_tile_variants(const conv2d_device *device)
{
    (void)device;
    return C2_GPU_TILES;
}

const char *c2_metal_tile_isa(const conv2d_device *device, int variant)
{
    (void)device;
    return c2_gpu_tiles[variant].name;
}

bool c2_metal_tiles_ok(const conv2d_device *device, const c2_problem *p, c2_why *why)
{
    const c2_metal_device *d = (const c2_metal_device *)device;
    if (!d->simdgroup_matrix)
        return c2_refuse(why, "%s lacks simdgroup matrices (family Apple7)", d->model);
    return c2_metal_dtype_ok(p, why) && c2_metal_positions_ok(p, why) && c2_metal_zeros_ok(p, why);
}

int c2_metal_channel_kind(const c2_problem *p)
{
    if (p->icg % C2_GPU_CHUNK == 0)
        return C2_GPU_CHANNELS_ALIGNED;
    return p->icg <= C2_GPU_FEW_LIMIT ? C2_GPU_CHANNELS_FEW : C2_GPU_CHANNELS_ANY;
}

bool c2_metal_channels_last(const c2_problem *p)
{
    return p->ic > 1 && p->input_stride[1] == 1;
}

/* Sizes and strides were found to fit by c2_metal_tiles_ok(); strides of axes without steps are
 * 0. */
static void fill_args(const c2_problem *p, c2_gpu_gemm *a)
{
    a->pixels = (int)(p->n * p->oh * p->ow);
    a->sum = (int)c2_problem_k(p);
    a->oh = (int)p->oh, a->ow = (int)p->ow;
    a->icg = (int)p->icg, a->ocg = (int)p->ocg, a->groups = (int)p->groups;
    a->h = (int)p->h, a->w = (int)p->w, a->kw = (int)p->kw;
    for (int i = 0; i < 2; i++) {
        a->stride[i] = (int)p->stride[i];
        a->dilation[i] = (int)p->dilation[i];
        a->pad[i] = (int)p->pad[i];
    }
    for (int i = 0; i < 4; i++) {
        a->input_stride[i] = (int)p->input_stride[i];
        a->residual_stride[i] = (int)p->residual_stride[i];
        a->output_stride[i] = (int)p->output_stride[i];
    }
    c2_metal_fill_epilogue(p, &a->epilogue);
}

conv2d_status c2_metal_tile_pipeline(conv2d_device *device, const c2_metal_key *key,
                                     const c2_metal_pipeline **pipeline_out)
{
    const c2_metal_pipeline *pipeline = NULL;
    conv2d_status s = c2_metal_pipeline_get(c2_metal_of(device), key, &pipeline);
    if (s)
        return s;
    if (pipeline->max_threads < C2_GPU_GEMM_THREADS || pipeline->simd_width != 32)
        return c2_fail(CONV2D_E_DEVICE,
                       "kernel %s runs with %zu threads in simdgroups of %zu here: expected %d "
                       "and 32",
                       key->function, pipeline->max_threads, pipeline->simd_width,
                       (int)C2_GPU_GEMM_THREADS);
    *pipeline_out = pipeline;
    return CONV2D_OK;
}

conv2d_status c2_metal_tile_plan(conv2d_device *device, const c2_problem *p,
                                 const c2_metal_key *key, c2_mtl_size groups, c2_state **state_out)
{
    c2_state *state = c2_alloc_zero(&device->allocator, sizeof *state);
    if (!state)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    conv2d_status s = c2_metal_tile_pipeline(device, key, &state->pipeline);
    if (s) {
        c2_free(&device->allocator, state, sizeof *state);
        return s;
    }
    fill_args(p, &state->args);
    state->groups = groups;
    *state_out = state;
    return CONV2D_OK;
}

void c2_metal_tile_plan_destroy(conv2d_device *device, c2_state *state)
{
    c2_free(&device->allocator, state, sizeof *state);
}

conv2d_status c2_metal_tile_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    c2_gpu_gemm a = state->args;
    a.input_at = c2_metal_element(p, &args->input);
    a.residual_at = c2_metal_element(p, &args->residual);
    a.output_at = c2_metal_element(p, &args->output);
    c2_metal_command c;
    conv2d_status s = c2_metal_begin_bound(args, state->pipeline, &c);
    if (s)
        return s;
    c2_metal_dispatch(&c, &a, sizeof a, state->groups, C2_GPU_GEMM_THREADS);
    c2_metal_commit(&c);
    return CONV2D_OK;
}

c2_mtl_size c2_metal_tile_groups(const c2_problem *p, int variant)
{
    const c2_gpu_tile *tile = &c2_gpu_tiles[variant];
    return (c2_mtl_size){(c2_uint)c2_div_up(p->n * p->oh * p->ow, tile->bm),
                         (c2_uint)c2_div_up(p->ocg, tile->bn), (c2_uint)p->groups};
}
