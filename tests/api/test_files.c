/* SPDX-License-Identifier: BSD-2-Clause
 * Contexts on disk: what was saved comes back with the same bits, packed forms are used where they
 * fit and made again where they do not, and weights that several contexts share stay shared. The
 * rules of the format are in test_file_rules.c, failing calls in test_file_failures.c. */
#include <math.h>

#include "file/checksum.h"
#include "file/safetensors.h"
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

static conv2d_device *open_level(const char *isa)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.n_threads = 1;
    options.isa = isa;
    assert_ok(conv2d_device_open("cpu", &options, &device));
    return device;
}

static conv2d_context *load_bytes(const bytes *b, conv2d_device *device)
{
    conv2d_file *file = NULL;
    conv2d_context *context = NULL;
    assert_ok(conv2d_file_open_memory(b->at, b->n, NULL, &file));
    assert_ok(conv2d_file_context(file, device, NULL, &context));
    conv2d_file_close(file);
    return context;
}

/* Forms for every level, packed by a device of the lowest one, are what each level's own device
 * packs: it takes them, and computes the bits that it computes from the weights. */
static void test_levels_pack_for_each_other(void **state)
{
    static const char *const levels[] = {"generic", "avx2", "avx512", "avx512_bf16", "amx",
                                         "neon"};
    conv2d_device *lowest = open_level("generic");
    int n = 0;
    (void)state;
    for (int kind = 0; kind < 4; kind++) { /* GEMM in both layouts, 1x1, depthwise */
        setup s = kind == 3 ? setup_of(CONV2D_FLOAT32, 40, 1, 3, 40, 9)
                            : setup_of(CONV2D_FLOAT32, 72, 48, kind == 2 ? 1 : 3, 1, 9);
        if (kind == 1)
            conv2d_tensor_set_order(&s.input.t, CONV2D_NHWC);
        conv2d_context *context = setup_context(&s, lowest);
        const conv2d_save_options o = setup_options(&s, "all");
        bytes b = bytes_of(context, &o);
        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
            conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
            conv2d_device *device = NULL;
            options.n_threads = 1;
            options.isa = levels[i];
            if (conv2d_device_open("cpu", &options, &device))
                continue; /* not this machine's */
            conv2d_context *loaded = load_bytes(&b, device), *direct = setup_context(&s, device);
            box output = setup_run(&s, loaded), expected = setup_run(&s, direct);
            assert_same_bits(&output, &expected);
            assert_int_equal(info_of(loaded).times_packed, 0);
            assert_int_equal(info_of(loaded).times_loaded, 1);
            box_free(&output);
            box_free(&expected);
            conv2d_context_destroy(loaded);
            conv2d_context_destroy(direct);
            conv2d_device_close(device);
            n++;
        }
        free(b.at);
        conv2d_context_destroy(context);
        setup_free(&s);
    }
    print_message("%d loads\n", n);
    assert_true(n >= 4);
    conv2d_device_close(lowest);
}

/* The first occurrence of `from` in the header becomes `to`, of equal length, and the file stays
 * valid: the header's checksum is switched by writing it anew. */
static void rename_in_header(bytes *b, const char *from, const char *to)
{
    const size_t length = strlen(from), rest = sizeof C2_ST_HEAD - 1 + C2_ST_DIGITS;
    size_t n = 0, found = 0;
    char digits[C2_ST_DIGITS + 1];
    for (int i = 7; i >= 0; i--)
        n = n << 8 | b->at[i];
    for (size_t i = 8; i + length <= 8 + n; i++) {
        if (memcmp(b->at + i, from, length) == 0) {
            memcpy(b->at + i, to, length);
            found++;
        }
    }
    assert_true(found > 0);
    snprintf(digits, sizeof digits, "%016llx",
             (unsigned long long)c2_checksum(b->at + 8 + rest, n - rest));
    memcpy(b->at + 8 + rest - C2_ST_DIGITS, digits, C2_ST_DIGITS);
}

/* Forms of another ISA, backend, version, algorithm or blocks do not fit: they are packed again. */
static void test_forms_that_do_not_fit(void **state)
{
    static const char *const changes[][2] = {{".packed/cpu/", ".packed/gpu/"},
                                             {"/generic/", "/genetic/"},
                                             {"/igemm_px/", "/igemm_py/"},
                                             {"/v1,", "/v2,"},
                                             {",g1,", ",g2,"}};
    setup s = setup_of(CONV2D_FLOAT32, 16, 8, 3, 1, 8);
    s.params.algorithm = "igemm_px"; /* named above */
    conv2d_device *device = open_level("generic");
    conv2d_context *context = setup_context(&s, device);
    const conv2d_save_options o = setup_options(&s, NULL);
    box expected = setup_run(&s, context);
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        bytes b = bytes_of(context, &o);
        rename_in_header(&b, changes[i][0], changes[i][1]);
        conv2d_context *loaded = load_bytes(&b, device);
        box output = setup_run(&s, loaded);
        assert_same_bits(&output, &expected);
        assert_int_equal(info_of(loaded).times_packed, 1);
        assert_int_equal(info_of(loaded).times_loaded, 0);
        assert_int_equal(info_of(loaded).stored_forms, i >= 3); /* of the device, whatever blocks */
        box_free(&output);
        conv2d_context_destroy(loaded);
        free(b.at);
    }
    box_free(&expected);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    setup_free(&s);
}

/* A damaged form is an error when it is used, not a silent repacking; unless nobody looks. */
static void test_damaged_forms(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 16, 8, 3, 1, 8);
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&s, device), *loaded;
    const conv2d_save_options o = setup_options(&s, NULL);
    bytes b = bytes_of(context, &o);
    int64_t sizes[4];
    (void)state;
    assert_ok(conv2d_output_sizes(&s.input.t, &s.weight.t, &s.params, sizes));
    for (int weights = 0; weights < 2;
         weights++) { /* the form; the weights, which run without it */
        const size_t at = weights ? b.n - 100 : b.n - s.weight.bytes - 2048;
        b.at[at] ^= 0x10;
        conv2d_load_options load = CONV2D_LOAD_OPTIONS_INIT;
        for (load.skip_checksums = 0; load.skip_checksums < 2; load.skip_checksums++) {
            conv2d_file *file;
            box output = box_of(CONV2D_FLOAT32, CONV2D_NCHW, 4, sizes, 1);
            conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
            args.input = &s.input.t;
            args.output = &output.t;
            assert_ok(conv2d_file_open_memory(b.at, b.n, &load, &file));
            assert_ok(conv2d_file_context(file, device, NULL, &loaded));
            conv2d_file_close(file);
            box_poison(&output);
            if (weights || load.skip_checksums) {
                assert_ok(conv2d_run(loaded, &args));
            } else {
                for (int again = 0; again < 2; again++)
                    assert_refused(conv2d_run(loaded, &args), CONV2D_E_IO, ".packed/", "damaged");
                assert_true(box_is_poisoned(&output));
            }
            if (weights && !load.skip_checksums) /* needs all of it */
                assert_refused(
                    conv2d_contexts_write(1, &loaded, NULL, bytes_write, &(bytes){0}, NULL),
                    CONV2D_E_IO, "context.weight", "damaged");
            conv2d_context_destroy(loaded);
            box_free(&output);
        }
        b.at[at] ^= 0x10;
    }
    free(b.at);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    setup_free(&s);
}

/* Several inputs for several contexts: each is planned where it fits. */
static void test_inputs_of_several_contexts(void **state)
{
    setup a = setup_of(CONV2D_FLOAT32, 8, 4, 3, 1, 8), d = setup_of(CONV2D_FLOAT64, 6, 5, 1, 1, 7);
    conv2d_device *device = open_cpu(1);
    conv2d_context *contexts[] = {setup_context(&a, device), setup_context(&d, device)}, *loaded;
    const char *const names[] = {"first", "second"};
    const conv2d_tensor inputs[] = {a.input.t, d.input.t};
    const conv2d_save_options o = {sizeof o, 2, inputs, NULL, 0, 0};
    const setup *setups[] = {&a, &d};
    bytes b = {NULL, 0, 0};
    conv2d_file *file;
    (void)state;
    assert_ok(conv2d_contexts_write(2, contexts, names, bytes_write, &b, &o));
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    for (int i = 0; i < 2; i++) {
        assert_ok(conv2d_file_context(file, device, names[i], &loaded));
        box output = setup_run(setups[i], loaded), expected = setup_run(setups[i], contexts[i]);
        assert_same_bits(&output, &expected);
        assert_int_equal(info_of(loaded).times_packed, 0);
        assert_int_equal(info_of(loaded).stored_forms, 1);
        box_free(&output);
        box_free(&expected);
        conv2d_context_destroy(loaded);
        conv2d_context_destroy(contexts[i]);
    }
    conv2d_file_close(file);
    conv2d_device_close(device);
    free(b.at);
    setup_free(&a);
    setup_free(&d);
}

/* Weights that are not all finite stay so, and weights with strides of their own come back dense.
 */
static void test_unusual_weights(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 8, 8, 3, 1, 8);
    (void)state;
    ((float *)s.weight.memory)[5] = INFINITY;
    s.params.padding[0] = s.params.padding[2] = 1;
    round_trip(&s, "infinite");
    ((float *)s.weight.memory)[5] = 1;
    swap_axes(&s.weight.t, 0, 1);
    swap_axes(&s.weight.t, 2, 3);
    round_trip(&s, "transposed");
    s.params.weights = CONV2D_WEIGHTS_BORROW;
    round_trip(&s, "borrowed");
    s.weight.t.strides[1] = 0;
    round_trip(&s, "expanded");
    setup_free(&s);
}

/* Weights without elements: a tensor of no bytes at the end of the file. */
static void test_empty_weights(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 4, 0, 1, 1, 5);
    conv2d_device *device = open_cpu(1);
    (void)state;
    s.has_bias = false;
    conv2d_context *context = setup_context(&s, device);
    bytes b = bytes_of(context, NULL);
    conv2d_context *loaded = load_bytes(&b, device);
    assert_int_equal(info_of(loaded).weight.sizes[0], 4);
    assert_int_equal(info_of(loaded).weight.sizes[1], 0);
    assert_int_equal(info_of(loaded).mapped_bytes, 0);
    box output = setup_run(&s, loaded);
    assert_int_equal(output.bytes, 0);
    box_free(&output);
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
        cmocka_unit_test(test_levels_pack_for_each_other),
        cmocka_unit_test(test_forms_that_do_not_fit),
        cmocka_unit_test(test_damaged_forms),
        cmocka_unit_test(test_inputs_of_several_contexts),
        cmocka_unit_test(test_unusual_weights),
        cmocka_unit_test(test_empty_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
