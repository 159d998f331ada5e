/* SPDX-License-Identifier: BSD-2-Clause
 * Sizes, strides, dilations and paddings at 2^31, 2^32 and up to 2^63 - 1: the shape is right or
 * refused, a plan can be asked for anything, and runs over expanded or far-flung views give right
 * results with every algorithm that accepts them. Meant to run under UBSan. */
#include <math.h>
#include <sys/mman.h>

#include "helpers.h"
#include "support/guard.h"
#include "support/rng.h"

__extension__ typedef __int128 wide;

/* ---- shapes: against 128-bit arithmetic ---- */

static const int64_t extremes[] = {0,
                                   1,
                                   2,
                                   3,
                                   7,
                                   INT32_MAX,
                                   1ll << 31,
                                   1ll << 32,
                                   (1ll << 33) + 1,
                                   1ll << 40,
                                   1ll << 61,
                                   1ll << 62,
                                   INT64_MAX - 1,
                                   INT64_MAX};

static int64_t draw(rng *r)
{
    return rng_range(r, 0, 2) ? rng_range(r, 1, 9)
                              : extremes[rng_range(r, 0, sizeof extremes / sizeof *extremes - 1)];
}

typedef struct drawn {
    conv2d_problem problem;
    bool fits; /* every check of shape and extent passes in exact arithmetic */
    int64_t oh, ow;
} drawn;

static bool axis(const conv2d_params *p, int a, int64_t size, int64_t k, int64_t *out)
{
    const wide room =
        (wide)size + p->padding[a] + p->padding[a + 2] - (wide)p->dilation[a] * (k - 1) - 1;
    if (room < 0)
        return false;
    const wide extent = room / p->stride[a] + 1;
    *out = (int64_t)extent;
    return extent <= INT64_MAX;
}

static drawn draw_problem(uint64_t seed)
{
    rng r = {seed};
    drawn d = {.fits = true};
    conv2d_problem *q = &d.problem;
    const conv2d_params defaults = CONV2D_PARAMS_INIT;
    const conv2d_tensor tensor = CONV2D_TENSOR_INIT;
    q->struct_size = sizeof *q;
    q->params = defaults;
    q->input = q->weight = q->bias = q->residual = q->output = tensor;
    q->params.groups = rng_range(&r, 0, 3) ? 1 : draw(&r);
    for (int a = 0; a < 2; a++) {
        q->params.stride[a] = draw(&r);
        q->params.dilation[a] = draw(&r);
        q->params.padding[a] = draw(&r);
        q->params.padding[a + 2] = draw(&r);
        d.fits &= q->params.stride[a] > 0 && q->params.dilation[a] > 0;
    }
    q->input.rank = q->weight.rank = 4;
    for (int i = 0; i < 4; i++) {
        q->input.sizes[i] = draw(&r);
        q->weight.sizes[i] = draw(&r);
    }
    if (rng_range(&r, 0, 3))
        q->weight.sizes[1] = q->input.sizes[1] / (q->params.groups ? q->params.groups : 1);
    /* strides 0: the tensors themselves are one element */
    const int64_t g = q->params.groups;
    d.fits &= g > 0 && q->input.sizes[1] % (g ? g : 1) == 0 && q->weight.sizes[0] >= g &&
              q->weight.sizes[0] % (g ? g : 1) == 0 &&
              q->weight.sizes[1] == q->input.sizes[1] / (g ? g : 1);
    d.fits = d.fits && q->weight.sizes[2] > 0 && q->weight.sizes[3] > 0 &&
             axis(&q->params, 0, q->input.sizes[2], q->weight.sizes[2], &d.oh) &&
             axis(&q->params, 1, q->input.sizes[3], q->weight.sizes[3], &d.ow);
    const bool empty = q->input.sizes[0] == 0 || q->input.sizes[1] == 0;
    d.fits = d.fits && (empty || (q->input.sizes[2] > 0 && q->input.sizes[3] > 0));
    return d;
}

static bool is_clean(conv2d_status s)
{
    return s == CONV2D_E_ARGUMENT || s == CONV2D_E_SHAPE || s == CONV2D_E_STRIDE ||
           s == CONV2D_E_OVERFLOW || s == CONV2D_E_NOMEM || s == CONV2D_E_UNSUPPORTED;
}

static void test_shapes_of_any_size(void **state)
{
    conv2d_device *device = open_cpu(2);
    int right = 0, refused = 0, planned = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 60000; seed++) {
        drawn d = draw_problem(seed);
        int64_t sizes[4] = {-9, -9, -9, -9};
        const conv2d_status s =
            conv2d_output_sizes(&d.problem.input, &d.problem.weight, &d.problem.params, sizes);
        if (s == CONV2D_OK) {
            right++;
            if (!d.fits || sizes[2] != d.oh || sizes[3] != d.ow)
                fail_msg("seed %d: %lld x %lld, expected %lld x %lld%s", (int)seed,
                         (long long)sizes[2], (long long)sizes[3], (long long)d.oh, (long long)d.ow,
                         d.fits ? "" : " and a refusal");
        } else {
            refused++;
            /* exact arithmetic in 128 bits may find a shape whose steps do not fit 63 */
            if (!is_clean(s) || sizes[0] != -9 || (d.fits && s != CONV2D_E_OVERFLOW))
                fail_msg("seed %d: %s \"%s\"", (int)seed, conv2d_status_name(s),
                         conv2d_last_error());
        }
        conv2d_plan *plan = NULL;
        const conv2d_status e = conv2d_explain(device, &d.problem, &plan);
        if (e == CONV2D_OK) {
            conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
            assert_ok(conv2d_plan_describe(plan, &info));
            if (!(info.cost_seconds >= 0 && isfinite(info.cost_seconds) && info.flops >= 0))
                fail_msg("seed %d: cost %g, flops %g", (int)seed, info.cost_seconds, info.flops);
            planned++;
        } else if (!is_clean(e) || (s == CONV2D_E_SHAPE && e != s)) {
            fail_msg("seed %d: shapes %s, plan %s \"%s\"", (int)seed, conv2d_status_name(s),
                     conv2d_status_name(e), conv2d_last_error());
        }
        conv2d_plan_destroy(plan);
    }
    print_message("%d shapes right, %d refused, %d planned\n", right, refused, planned);
    assert_true(right > 2000 && refused > 2000 && planned > 500);
    conv2d_device_close(device);
}

/* Strides of any size and sign, outputs, residuals and biases too: planned or refused cleanly. */
static void test_strides_of_any_size(void **state)
{
    conv2d_device *device = open_cpu(2);
    int planned = 0, refused[16] = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= 60000; seed++) {
        drawn d = draw_problem(seed);
        rng r = {seed ^ 0x5eed};
        conv2d_problem *q = &d.problem;
        conv2d_tensor *const tensors[] = {&q->input, &q->weight, &q->output, &q->residual};
        if (!d.fits && rng_range(&r, 0, 9))
            continue; /* few of the many that have no shape */
        if (conv2d_output_sizes(&q->input, &q->weight, &q->params, q->output.sizes) == CONV2D_OK) {
            q->output.rank = rng_range(&r, 0, 3) ? 4 : 0;
            memcpy(q->residual.sizes, q->output.sizes, sizeof q->output.sizes);
            q->residual.rank = rng_range(&r, 0, 1) ? 4 : 0;
            q->bias.rank = rng_range(&r, 0, 1) ? 1 : 0;
            q->bias.sizes[0] = q->weight.sizes[0];
            q->bias.strides[0] = draw(&r);
        }
        for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++) {
            conv2d_tensor_set_order(tensors[t], rng_range(&r, 0, 1) ? CONV2D_NCHW : CONV2D_NHWC);
            for (int a = 0; a < 4; a++)
                if (rng_range(&r, 0, 3) == 0)
                    tensors[t]->strides[a] = rng_range(&r, 0, 1) ? draw(&r) : -draw(&r);
        }
        conv2d_plan *plan = NULL;
        const conv2d_status s = conv2d_explain(device, q, &plan);
        if (s && !is_clean(s))
            fail_msg("seed %d: %s \"%s\"", (int)seed, conv2d_status_name(s), conv2d_last_error());
        planned += s == CONV2D_OK;
        refused[s]++;
        conv2d_plan_destroy(plan);
    }
    print_message("%d planned; refused: %d for strides, %d for overflow, %d for shapes\n", planned,
                  refused[CONV2D_E_STRIDE], refused[CONV2D_E_OVERFLOW], refused[CONV2D_E_SHAPE]);
    assert_true(planned > 300 && refused[CONV2D_E_STRIDE] > 100 &&
                refused[CONV2D_E_OVERFLOW] > 100);
    conv2d_device_close(device);
}

/* ---- runs ---- */

/* Run with each instruction set and each algorithm that accepts the problem; returns how many. */
static int run_all(const conv2d_tensor *input, const conv2d_tensor *weight,
                   const conv2d_params *params, box *output)
{
    static const char *const isas[] = {"generic", "avx2", "avx512", "avx512_bf16", "amx",
                                       "neon"};
    static const char *const algorithms[] = {
        "reference",    "igemm_ch",     "igemm_px",   "gemm1x1_ch",        "gemm1x1_px",
        "depthwise_ch", "depthwise_px", "grouped_ch", "depthwise_rows_ch", "depthwise_rows_px",
        "grouped_px", "depthwise_image_px"};
    int n = 0;
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
        conv2d_device *device = NULL;
        options.n_threads = 2;
        options.isa = isas[i];
        if (conv2d_device_open("cpu", &options, &device))
            continue; /* not this machine's */
        for (size_t a = 0; a < sizeof algorithms / sizeof *algorithms; a++) {
            conv2d_params p = *params;
            p.algorithm = algorithms[a];
            const conv2d_status s = conv2d(device, input, weight, NULL, NULL, &p, &output->t);
            if (s != CONV2D_E_UNSUPPORTED) {
                assert_ok(s);
                assert_oracle(&output->t, input, weight, NULL, NULL, params);
                n++;
            }
        }
        conv2d_device_close(device);
    }
    return n;
}

/* One number seen as pictures of 2^33 x 2^24, sampled at a few places far apart. */
static void test_expanded_input_of_2_to_57_pixels(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 1, 1, 1, 1), weight = box4(CONV2D_NCHW, 2, 3, 3, 3, 2);
    conv2d_params params = CONV2D_PARAMS_INIT;
    (void)state;
    *(float *)input.memory = 2;
    const int64_t sizes[4] = {2, 3, 1ll << 33, 1ll << 24};
    memcpy(input.t.sizes, sizes, sizeof sizes);
    memset(input.t.strides, 0, sizeof input.t.strides);
    params.stride[0] = 1ll << 32;
    params.stride[1] = 1ll << 22;
    params.dilation[0] = (1ll << 31) - 5;
    params.dilation[1] = (1ll << 21) + 3;
    params.padding[0] = 1ll << 31;
    params.padding[2] = 1ll << 32;
    params.padding[3] = 1ll << 21;
    int64_t out[4];
    assert_ok(conv2d_output_sizes(&input.t, &weight.t, &params, out));
    assert_true(out[2] >= 2 && out[2] <= 5 && out[3] >= 2 && out[3] <= 5);
    box output = box_of(CONV2D_FLOAT32, CONV2D_NCHW, 4, out, 3);
    assert_true(run_all(&input.t, &weight.t, &params, &output) >= 1);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* Output and padding of 2^40 and more around one pixel. */
static void test_huge_padding(void **state)
{
    static const int64_t paddings[] = {1ll << 31, 1ll << 32, 1ll << 40, 1ll << 61};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (int mode = CONV2D_PAD_ZEROS; mode <= CONV2D_PAD_REPLICATE; mode += 2) {
            box input = box4(CONV2D_NCHW, 1, 2, 3, 2, 1), weight = box4(CONV2D_NCHW, 3, 2, 3, 3, 2);
            conv2d_params params = CONV2D_PARAMS_INIT;
            int64_t out[4];
            params.padding_mode = mode;
            for (int side = 0; side < 4; side++)
                params.padding[side] = paddings[i];
            params.stride[0] = params.stride[1] = paddings[i] - 1;
            params.dilation[0] = paddings[i] / 2;
            assert_ok(conv2d_output_sizes(&input.t, &weight.t, &params, out));
            box output = box_of(CONV2D_FLOAT32, CONV2D_NHWC, 4, out, 3);
            assert_true(run_all(&input.t, &weight.t, &params, &output) >= 1);
            box_free(&input);
            box_free(&weight);
            box_free(&output);
        }
    }
}

/* Reflection and wrapping around an expanded axis of 2^62 + 2 rows. */
static void test_padding_of_a_huge_axis(void **state)
{
    (void)state;
    for (int mode = CONV2D_PAD_ZEROS; mode <= CONV2D_PAD_CIRCULAR; mode++) {
        box input = box4(CONV2D_NCHW, 1, 1, 1, 1, 1), weight = box4(CONV2D_NCHW, 3, 1, 3, 1, 2);
        conv2d_params params = CONV2D_PARAMS_INIT;
        int64_t out[4];
        *(float *)input.memory = 2;
        input.t.sizes[2] = (1ll << 62) + 2;
        input.t.strides[2] = 0;
        params.padding_mode = mode;
        params.padding[0] = params.padding[2] = (1ll << 60) + 1;
        params.stride[0] = (1ll << 60) + 7;
        params.dilation[0] = 1ll << 59;
        assert_ok(conv2d_output_sizes(&input.t, &weight.t, &params, out));
        box output = box_of(CONV2D_FLOAT32, CONV2D_NCHW, 4, out, 3);
        assert_true(run_all(&input.t, &weight.t, &params, &output) >= 1);
        box_free(&input);
        box_free(&weight);
        box_free(&output);
    }
}

/* Steps that lead nowhere: a stride or dilation of 2^63 - 1 where only position 0 counts. */
static void test_steps_of_2_to_63(void **state)
{
    box input = box4(CONV2D_NCHW, 2, 4, 5, 6, 1), weight = box4(CONV2D_NCHW, 4, 4, 1, 1, 2);
    box output = box4(CONV2D_NCHW, 2, 4, 1, 1, 3), whole = box4(CONV2D_NCHW, 2, 4, 5, 6, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    (void)state;
    params.dilation[0] = params.dilation[1] = INT64_MAX;
    assert_true(run_all(&input.t, &weight.t, &params, &whole) >= 1);
    params.stride[0] = params.stride[1] = INT64_MAX;
    assert_true(run_all(&input.t, &weight.t, &params, &output) >= 1);
    /* depthwise, and two taps so far apart that only one meets the picture */
    box deep = box4(CONV2D_NCHW, 4, 1, 2, 2, 2);
    params.groups = 4;
    params.dilation[0] = params.dilation[1] = 1ll << 62;
    params.padding[0] = params.padding[1] = 1ll << 62;
    assert_true(run_all(&input.t, &deep.t, &params, &output) >= 1);
    box_free(&input);
    box_free(&weight);
    box_free(&deep);
    box_free(&output);
    box_free(&whole);
}

/* A kernel larger than the picture, inside enough padding. */
static void test_kernel_larger_than_input(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 3, 2, 3, 1), weight = box4(CONV2D_NCHW, 4, 3, 9, 11, 2);
    box output = box4(CONV2D_NCHW, 1, 4, 4, 5, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    (void)state;
    params.padding[0] = 5;
    params.padding[1] = 6;
    params.padding[2] = 5;
    params.padding[3] = 6;
    assert_true(run_all(&input.t, &weight.t, &params, &output) >= 1);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* Strides that no axis uses may be any number: sizes of 1. */
static void test_unused_strides_of_any_size(void **state)
{
    static const int64_t strides[] = {0, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1ll << 62};
    (void)state;
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) {
        box input = box4(CONV2D_NCHW, 1, 1, 6, 7, 1), weight = box4(CONV2D_NCHW, 1, 1, 3, 3, 2);
        box output = box4(CONV2D_NCHW, 1, 1, 4, 5, 3);
        const conv2d_params params = CONV2D_PARAMS_INIT;
        for (int a = 0; a < 2; a++)
            input.t.strides[a] = weight.t.strides[a] = output.t.strides[a] = strides[i];
        assert_true(run_all(&input.t, &weight.t, &params, &output) >= 1);
        box_free(&input);
        box_free(&weight);
        box_free(&output);
    }
}

/* Rows, channels and pictures 2^31 elements and more apart, in address space that is mostly never
 * touched. An index kept in 32 bits lands elsewhere. */
static void test_elements_far_apart(void **state)
{
    enum { FAR = 4 };
    const size_t bytes = (size_t)FAR << 34; /* FAR steps of 2^32 elements */
    float *space[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        space[i] = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (space[i] == MAP_FAILED) {
            if (i)
                munmap(space[0], bytes);
            print_message("no 64 GiB of address space here\n");
            skip();
        }
    }
    for (int far_axis = 0; far_axis < 4; far_axis++) {
        for (int way = 1; way >= -1; way -= 2) {
            box input = box4(CONV2D_NCHW, 2, 3, 3, 3, 1), weight = box4(CONV2D_NCHW, 2, 3, 2, 2, 2);
            box output = box4(CONV2D_NCHW, 2, 2, 2, 2, 3);
            const conv2d_params params = CONV2D_PARAMS_INIT;
            input.t.strides[far_axis] = output.t.strides[far_axis] = way * (1ll << 32);
            conv2d_tensor *const both[2] = {&input.t, &output.t};
            for (int i = 0; i < 2; i++)
                both[i]->data = space[i] + (way < 0 ? (1ll << 32) * 3 + 64 : 0);
            for (int64_t at = 0; at < 2 * 3 * 3 * 3; at++) { /* the same numbers, spread out */
                const int64_t i[4] = {at / 27, at / 9 % 3, at / 3 % 3, at % 3};
                int64_t offset = 0;
                for (int a = 0; a < 4; a++)
                    offset += i[a] * input.t.strides[a];
                ((float *)input.t.data)[offset] = (float)(at % 7 - 3);
            }
            assert_true(run_all(&input.t, &weight.t, &params, &output) >= 1);
            box_free(&input);
            box_free(&weight);
            box_free(&output);
        }
    }
    munmap(space[0], bytes);
    munmap(space[1], bytes);
}

/* Weights that are expanded to more elements than memory: refused in time, not walked. */
static void test_expanded_weights_beyond_memory(void **state)
{
    conv2d_device *device = open_cpu(1);
    box weight = box4(CONV2D_NCHW, 1, 1, 1, 1, 1);
    (void)state;
    for (int32_t weights = CONV2D_WEIGHTS_COPY; weights <= CONV2D_WEIGHTS_BORROW; weights++) {
        for (int a = 0; a < 4; a++) {
            conv2d_params params = CONV2D_PARAMS_INIT;
            conv2d_context *context = NULL;
            conv2d_tensor t = weight.t;
            params.weights = weights;
            t.sizes[a] = 1ll << 55;
            memset(t.strides, 0, sizeof t.strides);
            const conv2d_status s = conv2d_prepack(device, &t, NULL, &params, &context);
            if (s && s != CONV2D_E_NOMEM && s != CONV2D_E_OVERFLOW)
                fail_msg("%s \"%s\"", conv2d_status_name(s), conv2d_last_error());
            conv2d_context_destroy(context);
        }
    }
    box_free(&weight);
    conv2d_device_close(device);
}

/* 3x3 with a stride of 4 uses three of four pixels: of a row that ends with the memory no fourth
 * one is read. Every algorithm, windows of a hundred lanes. */
static void test_strided_rows_end_with_the_memory(void **state)
{
    enum { OW = 100, W = 4 * (OW - 1) + 3 };
    guard_buffer memory = guard_alloc(3 * W * sizeof(float), true);
    const int64_t sizes[4] = {1, 1, 3, W};
    box input = box_of(CONV2D_FLOAT32, CONV2D_NCHW, 4, sizes, 1);
    box weight = box4(CONV2D_NCHW, 2, 1, 3, 3, 2), output = box4(CONV2D_NCHW, 1, 2, 1, OW, 3);
    static const char *const algorithms[] = {"direct_px", "direct_rows", "igemm_px", "reference"};
    float first[2 * OW];
    (void)state;
    memcpy(memory.data, input.memory, memory.bytes);
    input.t.data = memory.data;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        conv2d_params params = CONV2D_PARAMS_INIT;
        params.stride[0] = params.stride[1] = 4;
        params.algorithm = algorithms[i];
        box_poison(&output);
        assert_ok(conv2d(NULL, &input.t, &weight.t, NULL, NULL, &params, &output.t));
        if (i == 0)
            memcpy(first, output.memory, sizeof first);
        assert_memory_equal(output.memory, first, sizeof first);
    }
    box_free(&input);
    box_free(&weight);
    box_free(&output);
    guard_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_of_any_size),
        cmocka_unit_test(test_strides_of_any_size),
        cmocka_unit_test(test_expanded_input_of_2_to_57_pixels),
        cmocka_unit_test(test_huge_padding),
        cmocka_unit_test(test_padding_of_a_huge_axis),
        cmocka_unit_test(test_steps_of_2_to_63),
        cmocka_unit_test(test_kernel_larger_than_input),
        cmocka_unit_test(test_unused_strides_of_any_size),
        cmocka_unit_test(test_elements_far_apart),
        cmocka_unit_test(test_expanded_weights_beyond_memory),
        cmocka_unit_test(test_strided_rows_end_with_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
