/* SPDX-License-Identifier: BSD-2-Clause
 * Results do not depend on the floating-point mode of the calling thread, nor on that of the thread
 * that was running when the pool's threads started; and the caller's mode is left as it was. */
#include <fenv.h>

#include "helpers.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* Modes a program may be in: rounding, and on x86 denormals flushed as by -ffast-math. */
typedef struct mode {
    const char *name;
    int rounding;
    unsigned flush; /* bits of MXCSR */
} mode;
static const mode modes[] = {
    {"as started", FE_TONEAREST, 0},
    {"upward", FE_UPWARD, 0},
    {"toward zero", FE_TOWARDZERO, 0},
#if defined(__x86_64__)
    {"flushing", FE_TONEAREST, 0x8040},
    {"downward, flushing", FE_DOWNWARD, 0x8040},
#endif
};
enum { N_MODES = sizeof modes / sizeof modes[0] };

static void enter(const mode *m)
{
    fesetround(m->rounding);
#if defined(__x86_64__)
    _mm_setcsr((_mm_getcsr() & ~0x8040u) | m->flush);
#endif
}

static bool still_in(const mode *m)
{
    bool same = fegetround() == m->rounding;
#if defined(__x86_64__)
    same = same && (_mm_getcsr() & 0x8040u) == m->flush;
#endif
    return same;
}

/* Values whose sums round, every seventh a denormal. */
static void fill_rounding(box *b, uint32_t seed)
{
    float *x = b->memory;
    for (size_t i = 0; i < b->bytes / sizeof *x; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = ((float)(seed >> 8) * 0x1p-24f - 0.5f) * (i % 7 ? 1.0f : 0x1p-127f);
    }
}

/* Open, run in mode `first`, run again in mode `second` into output; the mode is as started when it
 * returns. False if a run failed or changed the caller's mode. */
static bool run_twice(const mode *first, const mode *second, const char *algorithm, int n_threads,
                      const conv2d_tensor *input, const conv2d_tensor *weight,
                      conv2d_tensor *output)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = n_threads;
    conv2d_params params = CONV2D_PARAMS_INIT;
    params.activation = CONV2D_ACT_SILU; /* calls the C library inside */
    params.algorithm = algorithm;
    conv2d_device *device = NULL;
    bool good = conv2d_device_open("cpu", &options, &device) == CONV2D_OK;
    const mode *const order[2] = {first, second};
    for (int i = 0; i < 2 && good; i++) {
        enter(order[i]);
        good = conv2d(device, input, weight, NULL, NULL, &params, output) == CONV2D_OK &&
               still_in(order[i]);
        enter(&modes[0]);
    }
    conv2d_device_close(device);
    return good;
}

static void bits_do_not_depend_on_the_mode(void **state)
{
    (void)state;
    static const char *const algorithms[] = {NULL, "reference"};
    box input = box4(CONV2D_NCHW, 2, 8, 20, 20, 1), weight = box4(CONV2D_NCHW, 8, 8, 3, 3, 2);
    box expected = box4(CONV2D_NCHW, 2, 8, 18, 18, 3);
    box output = box4(CONV2D_NCHW, 2, 8, 18, 18, 3);
    fill_rounding(&input, 1);
    fill_rounding(&weight, 2);
    for (size_t a = 0; a < sizeof algorithms / sizeof algorithms[0]; a++) {
        assert_true(run_twice(&modes[0], &modes[0], algorithms[a], 1, &input.t, &weight.t,
                              &expected.t));
        for (int first = 0; first < N_MODES; first++)
            for (int second = 0; second < N_MODES; second++)
                for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
                    box_poison(&output);
                    const bool good = run_twice(&modes[first], &modes[second], algorithms[a],
                                                n_threads, &input.t, &weight.t, &output.t);
                    if (!good || memcmp(output.memory, expected.memory, output.bytes))
                        print_message("%d threads, first '%s', then '%s'\n", n_threads,
                                      modes[first].name, modes[second].name);
                    assert_true(good);
                    assert_memory_equal(output.memory, expected.memory, output.bytes);
                }
    }
    box_free(&input);
    box_free(&weight);
    box_free(&expected);
    box_free(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bits_do_not_depend_on_the_mode)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
