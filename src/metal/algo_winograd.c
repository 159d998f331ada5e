/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd convolution of 3x3 kernels with stride 1, for every accuracy but strict, Apple7 and
 * later: winograd_f2x3 and winograd_f4x3, F(2,3) and F(4,3) of docs/numerics.md. Three dispatches a
 * pass: inputs to points, a product of matrices for each point, points to outputs; a pass has as
 * many tiles as the workspace holds. A variant is a tile of the products (gpu/tile.c).
 *
 * Bound: that of docs/numerics.md for the same sums on the CPU (the roundings of each step stand in
 * winograd.metal), with 2^-126 in place of 2^-149 where the GPU flushes denormals. A value that is
 * not finite spreads to all outputs of its tile. */
#include "core/half.h"
#include "gpu/winograd.h"
#include "metal/tiles.h"
#include "metal/workspace.h"

/* Of a pass, both arrays together: an estimate, so much that starting a pass costs little beside
 * it. */
enum { PASS_BYTES = 64 << 20, THREADS = 256 };

enum { TO_POINTS, PRODUCT, TO_PIXELS, STEPS };

struct c2_state {
    const c2_metal_pipeline *pipelines[STEPS];
    c2_gpu_winograd args; /* but positions and pass */
    int m, variant;
    int64_t total; /* tiles of a run */
    int64_t pass;  /* and of a pass, at most */
    c2_metal_workspaces *workspaces;
};

/* What m and a problem make. */
typedef struct tiling {
    int64_t points, tiles[2], total, pass;
    size_t tile_bytes; /* of workspace */
} tiling;

static tiling tiling_of(const c2_problem *p, int m)
{
    tiling s = {.points = (m + 2) * (m + 2)};
    for (int a = 0; a < 2; a++)
        s.tiles[a] = c2_div_up(c2_div_up(a ? p->ow : p->oh, p->dilation[a]), m);
    s.total = p->n * p->dilation[0] * s.tiles[0] * p->dilation[1] * s.tiles[1];
    s.tile_bytes = (size_t)(s.points * (p->ic + p->oc)) * sizeof(float);
    const uint64_t limit = p->workspace_limit < PASS_BYTES ? p->workspace_limit : PASS_BYTES;
    s.pass = c2_min((int64_t)(limit / s.tile_bytes), s.total);
    s.pass = s.pass > 0 ? s.pass : 1;
    return s;
}

static bool winograd_supports(const conv2d_device *device, const c2_problem *p, int variant,
                              c2_why *why)
{
    (void)variant;
    if (p->accuracy == CONV2D_ACCURACY_STRICT)
        return c2_refuse(why, "accuracy = strict: the errors of transformed sums are larger");
    if (p->kh != 3 || p->kw != 3)
        return c2_refuse(why, "kernel is %lld x %lld: 3 x 3 only", (long long)p->kh,
                         (long long)p->kw);
    if (p->stride[0] != 1 || p->stride[1] != 1)
        return c2_refuse(why, "stride is %lld, %lld: 1 only", (long long)p->stride[0],
                         (long long)p->stride[1]);
    if (p->icg == 1)
        return c2_refuse(why, "a group has 1 input channel: no sum that would pay for transforms");
    if (!p->weights_finite)
        return c2_refuse(why, "a weight is not finite: transforms would spread it");
    if (!c2_metal_tiles_ok(device, p, why))
        return false;
    const tiling s = tiling_of(p, 2);
    return s.total < INT32_MAX / 4 ||
           c2_refuse(why, "%lld tiles: at most 2^29", (long long)s.total);
}

static double winograd_bound(const c2_problem *p, int variant)
{
    (void)variant;
    const int64_t terms = C2_GPU_WINOGRAD_TERMS;
    const double n = (double)(c2_min(p->icg, terms) + c2_div_up(p->icg, terms) + 20);
    return n * 0x1p-24 / (1 - n * 0x1p-24);
}

/* Outputs of whole tiles are computed, the last ones too. */
static double cost(const c2_problem *p, int m, int variant)
{
    const tiling s = tiling_of(p, m);
    const c2_gpu_shape whole = {.n = p->n,
                                .oh = s.tiles[0] * p->dilation[0] * m,
                                .ow = s.tiles[1] * p->dilation[1] * m,
                                .groups = p->groups,
                                .icg = p->icg,
                                .ocg = p->ocg,
                                .taps = 9};
    return c2_gpu_seconds(m == 2 ? C2_GPU_WAY_WINOGRAD_2 : C2_GPU_WAY_WINOGRAD_4, variant, &whole);
}

static c2_bytes memory(const c2_problem *p, int m)
{
    const tiling s = tiling_of(p, m);
    const size_t packed = c2_metal_bias_bytes(p) +
                          (size_t)(s.points * p->oc * p->icg) * sizeof(float);
    return (c2_bytes){packed, (size_t)s.pass * s.tile_bytes, 0};
}

/* Bias as everywhere, then [point][OC][IC/G] in float32. */
static void pack(const c2_problem *p, int m, const c2_weight_view *view, conv2d_buffer *packed)
{
    const int64_t *stride = p->weight_stride, filters = p->oc * p->icg;
    float points[C2_GPU_WINOGRAD_MOST_POINTS];
    float *to = (float *)(void *)((char *)packed->host + c2_metal_bias_bytes(p));
    c2_metal_pack_bias(p, view, packed);
    for (int64_t o = 0; o < p->oc; o++)
        for (int64_t c = 0; c < p->icg; c++, to++) {
            double g[9];
            for (int t = 0; t < 9; t++)
                g[t] = c2_load_f64(view->weight, p->weight_dtype,
                                   o * stride[0] + c * stride[1] + t / 3 * stride[2] +
                                       t % 3 * stride[3]);
            c2_gpu_winograd_filter(m, g, points);
            for (int i = 0; i < (m + 2) * (m + 2); i++)
                to[i * filters] = points[i];
        }
}

/* ---- plans ---- */

static void fill_args(const c2_problem *p, const tiling *s, c2_gpu_winograd *a)
{
    a->ic = (int)p->ic, a->oc = (int)p->oc, a->groups = (int)p->groups;
    a->oh = (int)p->oh, a->ow = (int)p->ow, a->h = (int)p->h, a->w = (int)p->w;
    for (int i = 0; i < 2; i++) {
        a->tiles[i] = (int)s->tiles[i];
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

static conv2d_status get_pipelines(conv2d_device *device, const c2_problem *p, c2_state *state)
{
    c2_metal_key keys[STEPS] = {0};
    for (int i = 0; i < STEPS; i++)
        keys[i].family = C2_METAL_WINOGRAD;
    c2_metal_key_function(&keys[TO_POINTS], "winograd_input_%s_%d", c2_metal_dtype_name(p),
                          state->m);
    c2_metal_key_bool(&keys[TO_POINTS], C2_GPU_PIXELS_FIRST, !c2_metal_channels_last(p));
    c2_metal_key_int(&keys[TO_POINTS], C2_GPU_PADDING_MODE, p->padding_mode);
    c2_metal_key_function(&keys[PRODUCT], "winograd_product_%s", c2_gpu_tiles[state->variant].name);
    c2_metal_key_bool(&keys[PRODUCT], C2_GPU_PIXELS_FIRST, false);
    c2_metal_key_bool(&keys[PRODUCT], C2_GPU_CHANNELS_LAST, true);
    c2_metal_key_function(&keys[TO_PIXELS], "winograd_output_%s_%d", c2_metal_dtype_name(p),
                          state->m);
    c2_metal_key_epilogue(&keys[TO_PIXELS], p);
    conv2d_status s = c2_metal_tile_pipeline(device, &keys[PRODUCT], &state->pipelines[PRODUCT]);
    for (int i = 0; i < STEPS && !s; i++)
        if (i != PRODUCT)
            s = c2_metal_pipeline_get(c2_metal_of(device), &keys[i], &state->pipelines[i]);
    return s;
}

static void winograd_plan_destroy(conv2d_device *device, c2_state *state)
{
    if (!state)
        return;
    c2_metal_workspaces_destroy(state->workspaces);
    c2_free(&device->allocator, state, sizeof *state);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int m, int variant,
                                 c2_state **state_out)
{
    c2_state *state = c2_alloc_zero(&device->allocator, sizeof *state);
    if (!state)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    const tiling s = tiling_of(p, m);
    state->m = m;
    state->variant = variant;
    state->total = s.total;
    state->pass = s.pass;
    fill_args(p, &s, &state->args);
    conv2d_status status = get_pipelines(device, p, state);
    if (!status)
        status = c2_metal_workspaces_create(device, (size_t)s.pass * s.tile_bytes,
                                            &state->workspaces);
    if (status) {
        winograd_plan_destroy(device, state);
        return status;
    }
    *state_out = state;
    return CONV2D_OK;
}

/* ---- runs ---- */

/* Queue a dispatch of one thread an item. */
static void dispatch_items(const c2_metal_command *c, const c2_metal_pipeline *pipeline,
                           const c2_gpu_winograd *a, int64_t items)
{
    const size_t most = pipeline->max_threads, threads = most < THREADS ? most : (size_t)THREADS;
    const c2_uint groups = ((size_t)items + threads - 1) / threads;
    c2_metal_dispatch(c, a, sizeof *a, (c2_mtl_size){groups, 1, 1}, threads);
}

/* The three dispatches of a pass; V and P lie one after the other in the workspace. */
static void encode_pass(const c2_state *state, const c2_run_args *args, const c2_metal_command *c,
                        const c2_gpu_winograd *a, const conv2d_buffer *workspace)
{
    const c2_problem *p = args->problem;
    const int64_t points = (state->m + 2) * (state->m + 2);
    const size_t products_at = (size_t)(points * state->pass * p->ic) * sizeof(float);
    const c2_gpu_tile *tile = &c2_gpu_tiles[state->variant];
    c2_metal_set_pipeline(c, state->pipelines[TO_POINTS]);
    c2_metal_bind(c, args->input.buffer, 0, C2_GPU_INPUT);
    c2_metal_bind(c, workspace, 0, C2_GPU_OUTPUT);
    dispatch_items(c, state->pipelines[TO_POINTS], a, (int64_t)a->count * p->ic);

    c2_metal_set_pipeline(c, state->pipelines[PRODUCT]);
    c2_metal_bind(c, workspace, 0, C2_GPU_INPUT);
    c2_metal_bind(c, args->packed, c2_metal_bias_bytes(p), C2_GPU_WEIGHT);
    c2_metal_bind(c, workspace, products_at, C2_GPU_OUTPUT);
    const c2_mtl_size groups = {(c2_uint)c2_div_up(a->count, tile->bm),
                                (c2_uint)c2_div_up(p->ocg, tile->bn),
                                (c2_uint)(points * p->groups)};
    c2_metal_dispatch(c, a, sizeof *a, groups, C2_GPU_GEMM_THREADS);

    c2_metal_set_pipeline(c, state->pipelines[TO_PIXELS]);
    c2_metal_bind(c, workspace, products_at, C2_GPU_INPUT);
    if (p->has_bias)
        c2_metal_bind(c, args->packed, 0, C2_GPU_BIAS);
    if (p->has_residual)
        c2_metal_bind(c, args->residual.buffer, 0, C2_GPU_RESIDUAL);
    c2_metal_bind(c, args->output.buffer, 0, C2_GPU_OUTPUT);
    dispatch_items(c, state->pipelines[TO_PIXELS], a, (int64_t)a->count * p->oc);
}

static conv2d_status winograd_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    c2_gpu_winograd a = state->args;
    a.input_at = c2_metal_element(p, &args->input);
    a.residual_at = c2_metal_element(p, &args->residual);
    a.output_at = c2_metal_element(p, &args->output);
    c2_metal_workspace *workspace = NULL;
    conv2d_status s = c2_metal_workspace_take(state->workspaces, args, &workspace);
    if (s)
        return s;
    c2_metal_command c;
    s = c2_metal_begin(args, &c);
    if (s) {
        c2_metal_workspace_give(state->workspaces, workspace);
        return s;
    }
    c2_metal_use(&c, workspace->buffer, &workspace->borrowed);
    for (int64_t first = 0; first < state->total; first += state->pass) {
        a.first = (int)first;
        a.count = (int)c2_min(state->pass, state->total - first);
        encode_pass(state, args, &c, &a, workspace->buffer);
    }
    c2_metal_commit(&c);
    return CONV2D_OK;
}

/* ---- the two algorithms: what differs in m alone ---- */

static const char *winograd_variant_name_2(const conv2d_device *device, int variant)
{
    static const char *const names[C2_GPU_TILES] = {"winograd_f2x3_32x32", "winograd_f2x3_64x32",
                                                    "winograd_f2x3_64x64"};
    (void)device;
    return names[variant];
}
static const char *winograd_variant_name_4(const conv2d_device *device, int variant)
{
    static const char *const names[C2_GPU_TILES] = {"winograd_f4x3_32x32", "winograd_f4x3_64x32",
                                                    "winograd_f4x3_64x64"};
    (void)device;
    return names[variant];
}

static const char *winograd_bound_text_2(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "g(n) * S + n * 2^-122, S of F(2,3) (a GPU may flush denormals)";
}
static const char *winograd_bound_text_4(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "g(n) * S + n * 2^-119, S of F(4,3) (a GPU may flush denormals)";
}

#define ALGORITHM(m)                                                                               \
    static double winograd_cost_##m(const conv2d_device *device, const c2_problem *p, int variant) \
    {                                                                                              \
        (void)device;                                                                              \
        return cost(p, m, variant);                                                                \
    }                                                                                              \
    static c2_bytes winograd_memory_##m(const conv2d_device *device, const c2_problem *p,          \
                                        int variant)                                               \
    {                                                                                              \
        (void)device;                                                                              \
        (void)variant;                                                                             \
        return memory(p, m);                                                                       \
    }                                                                                              \
    static conv2d_status winograd_pack_##m(conv2d_device *device, const c2_problem *p,             \
                                           int variant, const c2_weight_view *view,                \
                                           conv2d_buffer *packed)                                  \
    {                                                                                              \
        (void)device;                                                                              \
        (void)variant;                                                                             \
        pack(p, m, view, packed);                                                                  \
        return CONV2D_OK;                                                                          \
    }                                                                                              \
    static conv2d_status winograd_plan_create_##m(conv2d_device *device, const c2_problem *p,      \
                                                  int variant, c2_state **state_out)               \
    {                                                                                              \
        return plan_create(device, p, m, variant, state_out);                                      \
    }                                                                                              \
    const c2_algorithm c2_metal_algo_winograd_f##m##x3 = {                                         \
        .name = "winograd_f" #m "x3",                                                              \
        .variants = c2_metal_tile_variants,                                                        \
        .variant_name = winograd_variant_name_##m,                                                 \
        .variant_isa = c2_metal_tile_isa,                                                          \
        .supports = winograd_supports,                                                             \
        .cost = winograd_cost_##m,                                                                 \
        .bound = winograd_bound,                                                                   \
        .bound_text = winograd_bound_text_##m,                                                     \
        .memory = winograd_memory_##m,                                                             \
        .packing = c2_metal_packing,                                                               \
        .pack = winograd_pack_##m,                                                                 \
        .plan_create = winograd_plan_create_##m,                                                   \
        .plan_destroy = winograd_plan_destroy,                                                     \
        .run = winograd_run,                                                                       \
    }
ALGORITHM(2);
ALGORITHM(4);
