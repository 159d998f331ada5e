/* SPDX-License-Identifier: BSD-2-Clause
 * Metal devices: opening with and without Metal, the caller's own device and queue, facts, kernels,
 * buffers, and that "auto" stays the CPU. */
#include <dlfcn.h>
#include <unistd.h>

#include "metal_helpers.h"

static void test_auto_is_the_cpu(void **state)
{
    (void)state;
    conv2d_device *device = NULL;
    assert_ok(conv2d_device_open("auto", NULL, &device));
    assert_string_equal(conv2d_device_name(device), "cpu");
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_facts(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    assert_string_equal(conv2d_device_name(device), "metal");
    assert_ok(conv2d_device_get_info(device, &info));
    assert_string_equal(info.backend, "metal");
    assert_true(strlen(info.model) > 0);
    assert_non_null(strstr(info.features, "apple7"));
    assert_int_equal(info.threadgroup_bytes, 32768);
    assert_true(info.max_buffer_bytes >= (size_t)1 << 30);
    assert_non_null(strstr(info.proven, "never run on Apple hardware"));
    double flops = -1;
    assert_refused(conv2d_device_measure_peak(device, 0.1, &flops), CONV2D_E_UNSUPPORTED, "peak",
                   NULL);
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_kernels_are_listed(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    const int n = conv2d_device_kernel_count(device);
    int plain = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        conv2d_kernel_info info = CONV2D_KERNEL_INFO_INIT;
        assert_ok(conv2d_device_kernel(device, i, &info));
        assert_int_equal(info.available, 1);
        plain += strncmp(info.name, "plain_", 6) == 0;
    }
    assert_int_equal(plain, 2);
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_bad_options(void **state)
{
    (void)state;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.isa = "avx2";
    assert_refused(conv2d_device_open("metal", &options, &device), CONV2D_E_ARGUMENT, "isa",
                   "avx2");
    assert_null(device);
}

static void test_absent_library(void **state)
{
    (void)state;
    char *path = strdup(getenv("CONV2D_METAL_LIBRARY"));
    conv2d_device *device = NULL;
    setenv("CONV2D_METAL_LIBRARY", "/nonexistent/metal.so", 1);
    assert_refused(conv2d_device_open("metal", NULL, &device), CONV2D_E_DEVICE, "metal",
                   "/nonexistent/metal.so");
    setenv("CONV2D_METAL_LIBRARY", "libm.so.6", 1);
    assert_refused(conv2d_device_open("metal", NULL, &device), CONV2D_E_DEVICE, "metal",
                   "objc_msgSend");
    unsetenv("CONV2D_METAL_LIBRARY");
    assert_refused(conv2d_device_open("metal", NULL, &device), CONV2D_E_DEVICE, "metal", "libobjc");
    assert_null(device);
    setenv("CONV2D_METAL_LIBRARY", path, 1);
    free(path);
}

static void test_buffers(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    conv2d_buffer *buffer = NULL, *empty = NULL;
    assert_ok(conv2d_buffer_create(device, 1000, &buffer));
    assert_int_equal(conv2d_buffer_bytes(buffer), 1000);
    assert_non_null(conv2d_buffer_host_pointer(buffer));
    assert_ok(conv2d_buffer_create(device, 0, &empty));
    assert_int_equal(conv2d_buffer_bytes(empty), 0);
    conv2d_buffer *huge = NULL;
    assert_refused(conv2d_buffer_create(device, SIZE_MAX / 2, &huge), CONV2D_E_NOMEM, "bytes",
                   NULL);
    assert_null(huge);
    conv2d_device_close(device); /* buffers keep what they need */
    conv2d_buffer_destroy(buffer);
    conv2d_buffer_destroy(empty);
    assert_nothing_alive();
}

/* One convolution between two buffers, checked. */
static void check_between(conv2d_device *device, const box *input, conv2d_buffer *in,
                          conv2d_buffer *out)
{
    box weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2), output = box4(CONV2D_NCHW, 1, 4, 6, 6, 3);
    conv2d_context *context = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_tensor ti = input->t, to = output.t;
    ti.data = to.data = NULL;
    ti.buffer = in;
    to.buffer = out;
    args.input = &ti;
    args.output = &to;
    assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
    assert_ok(conv2d_run(context, &args));
    assert_ok(conv2d_copy_to_host(&to, &output.t));
    assert_oracle(&output.t, &input->t, &weight.t, NULL, NULL, NULL);
    conv2d_context_destroy(context);
    box_free(&weight);
    box_free(&output);
}

/* The caller's pages are used in place: what is written there is what the GPU reads. */
static void test_wrapped_pages(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    box input = box4(CONV2D_NCHW, 1, 3, 8, 8, 1);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = aligned_alloc(page, 2 * page);
    conv2d_buffer *in = NULL, *out = NULL, *none = NULL;
    assert_ok(conv2d_buffer_wrap(device, pages, page, &in));
    assert_ok(conv2d_buffer_wrap(device, pages + page, page, &out));
    assert_ptr_equal(conv2d_buffer_host_pointer(in), pages);
    memcpy(pages, input.memory, input.bytes);
    check_between(device, &input, in, out);
    assert_refused(conv2d_buffer_wrap(device, pages + 64, page, &none), CONV2D_E_ARGUMENT, "memory",
                   "pages");
    assert_refused(conv2d_buffer_wrap(device, pages, page - 1, &none), CONV2D_E_ARGUMENT, "memory",
                   "pages");
    assert_int_equal(soft.fail_nth("buffer", 1, 0), 0);
    assert_refused(conv2d_buffer_wrap(device, pages, page, &none), CONV2D_E_NOMEM, "memory", NULL);
    assert_null(none);
    conv2d_buffer_destroy(in);
    conv2d_buffer_destroy(out);
    free(pages);
    box_free(&input);
    conv2d_device_close(device);
    assert_nothing_alive();
}

/* What a program has from Metal itself; here by way of software Metal's symbols. */
typedef void *(*sender)(void *self, void *selector);
typedef void *(*buffer_maker)(void *self, void *selector, unsigned long n, unsigned long options);

static void *symbol(const char *name)
{
    void *address = dlsym(soft.handle, name);
    assert_non_null(address);
    return address;
}

static void *selector(const char *name)
{
    void *(*find)(const char *);
    void *address = symbol("sel_registerName");
    memcpy(&find, &address, sizeof find);
    return find(name);
}

/* The caller's MTLDevice, MTLCommandQueue and MTLBuffers. */
static void test_objects_of_the_callers(void **state)
{
    (void)state;
    void *(*create)(void), *address = symbol("MTLCreateSystemDefaultDevice");
    sender send;
    buffer_maker make;
    memcpy(&create, &address, sizeof create);
    address = symbol("objc_msgSend");
    memcpy(&send, &address, sizeof send);
    memcpy(&make, &address, sizeof make);
    void *gpu = create(), *queue = send(gpu, selector("newCommandQueue"));
    box input = box4(CONV2D_NCHW, 1, 3, 8, 8, 1);
    for (int with_queue = 0; with_queue < 2; with_queue++) {
        conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
        conv2d_device *device = NULL;
        *(with_queue ? &options.native_queue : &options.native_device) = with_queue ? queue : gpu;
        assert_ok(conv2d_device_open("metal", &options, &device));
        void *native_in = make(gpu, selector("newBufferWithLength:options:"), input.bytes, 0);
        void *native_out = make(gpu, selector("newBufferWithLength:options:"), 4 * 36 * 4, 0);
        conv2d_buffer *in = NULL, *out = NULL;
        assert_ok(conv2d_buffer_import(device, native_in, &in));
        assert_ok(conv2d_buffer_import(device, native_out, &out));
        send(native_in, selector("release")); /* the import has a reference of its own */
        send(native_out, selector("release"));
        assert_int_equal(conv2d_buffer_bytes(in), input.bytes);
        memcpy(conv2d_buffer_host_pointer(in), input.memory, input.bytes);
        check_between(device, &input, in, out);
        conv2d_buffer_destroy(in);
        conv2d_buffer_destroy(out);
        conv2d_device_close(device);
    }
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.native_queue = queue;
    options.native_device = &options; /* compared, not used */
    assert_refused(conv2d_device_open("metal", &options, &device), CONV2D_E_ARGUMENT,
                   "native_queue", "native_device");
    assert_null(device);
    send(queue, selector("release"));
    send(gpu, selector("release"));
    box_free(&input);
    assert_nothing_alive();
}

/* Tensors in host memory are refused, in words. */
static void test_host_tensors_are_refused(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    box input = box4(CONV2D_NCHW, 1, 1, 4, 4, 1), weight = box4(CONV2D_NCHW, 1, 1, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 2, 2, 3);
    box_poison(&output);
    assert_refused(conv2d(device, &input.t, &weight.t, NULL, NULL, NULL, &output.t),
                   CONV2D_E_ARGUMENT, "input", "buffer");
    assert_true(box_is_poisoned(&output));
    box_free(&input);
    box_free(&weight);
    box_free(&output);
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_float64_is_refused(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    conv2d_problem problem;
    conv2d_plan *plan = NULL;
    assert_ok(conv2d_problem_parse("g1mb1ic3ih8oc4oh6kh3:dtype=f64", &problem));
    assert_refused(conv2d_explain(device, &problem, &plan), CONV2D_E_UNSUPPORTED, "float64",
                   "float16");
    assert_null(plan);
    conv2d_device_close(device);
    assert_nothing_alive();
}

int main(void)
{
    software_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto_is_the_cpu),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_kernels_are_listed),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_absent_library),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_wrapped_pages),
        cmocka_unit_test(test_objects_of_the_callers),
        cmocka_unit_test(test_host_tensors_are_refused),
        cmocka_unit_test(test_float64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
