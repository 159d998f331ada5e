/* SPDX-License-Identifier: BSD-2-Clause
 * Contexts on disk: what was saved comes back with the same bits, packed forms are used where they
 * fit and made again where they do not, and weights that several contexts share stay shared. The
 * rules of the format are in test_file_rules.c, failing calls in test_file_failures.c. */
#include <fcntl.h>
#include <sys/stat.h>

#include "file_helpers.h"

/* Save, load and run; the same bits, and no packing if forms were stored. */
static void round_trip(const setup *s, const char *what)
{
    const char *path = temporary_path(what);
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(s, device), *loaded = NULL;
    box expected = setup_run(s, context);
    for (int mode = 0; mode < 4; mode++) { /* held forms, planned forms, none, read into memory */
        conv2d_save_options save = mode == 1 ? setup_options(s, "all") : setup_options(s, NULL);
        conv2d_load_options load = CONV2D_LOAD_OPTIONS_INIT;
        save.without_packed = mode == 2;
        if (mode == 0)
            save.n_inputs = 0;
        load.read = mode == 3;
        assert_ok(conv2d_context_save(context, path, &save));
        assert_ok(conv2d_context_load(device, path, &load, &loaded));
        box output = setup_run(s, loaded);
        assert_same_bits(&output, &expected);
        const conv2d_context_info info = info_of(loaded);
        assert_int_equal(info.times_packed, mode == 2);
        assert_int_equal(info.times_loaded, mode != 2);
        assert_int_equal(info.stored_forms > 0, mode != 2);
        assert_int_equal(info.weight.rank, 4);
        assert_memory_equal(info.weight.sizes, s->weight.t.sizes, sizeof info.weight.sizes);
        assert_int_equal(info.weight.dtype, s->weight.t.dtype);
        assert_int_equal(info.bias.rank, s->has_bias ? 1 : 0);
        box_free(&output);
        conv2d_context_destroy(loaded);
    }
    assert_int_equal(unlink(path), 0);
    box_free(&expected);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
}

static void test_round_trip_of_dtypes(void **state)
{
    static const int32_t dtypes[] = {CONV2D_FLOAT32, CONV2D_FLOAT64, CONV2D_FLOAT16,
                                     CONV2D_BFLOAT16};
    (void)state;
    for (int i = 0; i < 4; i++) {
        for (int odd = 0; odd < 2; odd++) { /* 7 * 3 * 3 * 3 elements fill no line */
            setup s = setup_of(dtypes[i], odd ? 7 : 16, odd ? 3 : 8, 3, 1, 9);
            s.has_bias = !odd;
            round_trip(&s, "dtype");
            setup_free(&s);
        }
    }
}

static void test_round_trip_of_parameters(void **state)
{
    (void)state;
    for (int mode = CONV2D_PAD_ZEROS; mode <= CONV2D_PAD_CIRCULAR; mode++) {
        setup s = setup_of(CONV2D_FLOAT32, 12, 3, 3, 2, 8);
        s.params.padding_mode = mode;
        for (int i = 0; i < 4; i++)
            s.params.padding[i] = i;
        s.params.stride[0] = 2;
        s.params.dilation[1] = 2;
        round_trip(&s, "padding");
        setup_free(&s);
    }
    for (int activation = 0; activation <= CONV2D_ACT_MISH; activation++) {
        setup s = setup_of(CONV2D_FLOAT32, 8, 1, 3, 8, 8);
        s.params.activation = activation;
        s.params.alpha = 0.1;
        if (activation == CONV2D_ACT_CLAMP)
            s.params.output_max = 1.0 / 3;
        s.params.accuracy = activation % 2 ? CONV2D_ACCURACY_STRICT : CONV2D_ACCURACY_FAST;
        s.params.flush_denormals = activation % 2;
        s.params.auto_pad = activation % 2 ? CONV2D_AUTO_PAD_SAME : CONV2D_AUTO_PAD_VALID;
        round_trip(&s, "activation");
        setup_free(&s);
    }
}

/* Every member of the parameters comes back, also those that no run of the test depends on. */
static void test_parameters_come_back(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 4, 2, 3, 2, 8);
    conv2d_params *p = &s.params;
    (void)state;
    *p = (conv2d_params){sizeof *p,
                         CONV2D_PAD_REFLECT,
                         {3, INT64_MAX},
                         {1, 2, 3, INT64_MAX},
                         {5, 6},
                         2,
                         CONV2D_AUTO_PAD_NONE,
                         CONV2D_ACT_CLAMP,
                         -0.1,
                         1e300,
                         0.3,
                         CONV2D_ACCURACY_TF32,
                         1,
                         12345678901234567890u,
                         "igemm_px/avx2",
                         CONV2D_WEIGHTS_COPY,
                         0};
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&s, device), *loaded;
    bytes b = bytes_of(context, NULL);
    conv2d_file *file;
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    assert_ok(conv2d_file_context(file, device, "context", &loaded));
    conv2d_file_close(file);
    conv2d_context_info info = info_of(loaded);
    assert_string_equal(info.params.algorithm, p->algorithm);
    info.params.algorithm = p->algorithm;
    assert_memory_equal(&info.params, p, sizeof *p);
    conv2d_context_destroy(loaded);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    free(b.at);
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_of_dtypes),
        cmocka_unit_test(test_round_trip_of_parameters),
        cmocka_unit_test(test_parameters_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
