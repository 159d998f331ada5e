/* SPDX-License-Identifier: BSD-2-Clause
 * Lives of files, contexts and weights: who shares what, what stays when something is closed,
 * replaced or released, what memory is whose; arguments; and many threads at once. */
#include <sys/stat.h>

#include "file_helpers.h"
#if TEST_THREADED
#include <pthread.h>
#endif

static void free_bytes(bytes *b)
{
    free(b->at);
}

static void test_shared_weights_are_held_once(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 32, 16, 3, 1, 8);
    conv2d_device *device = open_cpu(1), *second = open_cpu(1);
    conv2d_context *contexts[2] = {setup_context(&s, device), NULL}, *loaded[3];
    conv2d_params relu = s.params;
    const char *const names[] = {"plain", "with relu"};
    const conv2d_save_options o = setup_options(&s, NULL);
    bytes one = bytes_of(contexts[0], &o), both = {NULL, 0, 0};
    conv2d_file *file;
    (void)state;
    relu.activation = CONV2D_ACT_RELU;
    assert_ok(conv2d_context_with_params(contexts[0], &relu, &contexts[1]));
    assert_ok(conv2d_contexts_write(2, contexts, names, bytes_write, &both, &o));
    assert_true(both.n < one.n + 1024); /* a line of metadata more, no second weight */

    assert_ok(conv2d_file_open_memory(both.at, both.n, NULL, &file));
    assert_int_equal(conv2d_file_count(file), 2);
    assert_string_equal(conv2d_file_name(file, 0), "plain");
    assert_string_equal(conv2d_file_name(file, 1), "with relu");
    assert_null(conv2d_file_name(file, 2));
    assert_null(conv2d_file_name(file, -1));
    assert_ok(conv2d_file_context(file, device, "plain", &loaded[0]));
    assert_ok(conv2d_file_context(file, device, "with relu", &loaded[1]));
    assert_ok(conv2d_file_context(file, second, "plain", &loaded[2]));
    for (int i = 0; i < 2; i++) {
        box expected = setup_run(&s, contexts[i]), output = setup_run(&s, loaded[i]);
        assert_same_bits(&output, &expected);
        box_free(&expected);
        box_free(&output);
    }
    /* One form for both, and none for the other device, which has not run. */
    assert_int_equal(info_of(loaded[0]).times_loaded, 1);
    assert_int_equal(info_of(loaded[1]).times_loaded, 1);
    assert_int_equal(info_of(loaded[2]).times_loaded, 0);
    assert_int_equal(info_of(loaded[1]).params.activation, CONV2D_ACT_RELU);
    conv2d_context_destroy(loaded[0]);
    conv2d_context_destroy(loaded[1]);
    assert_ok(conv2d_file_context(file, device, "plain", &loaded[0])); /* weights made anew */
    assert_int_equal(info_of(loaded[0]).times_loaded, 0);
    conv2d_file_close(file);
    conv2d_context_destroy(loaded[0]);
    conv2d_context_destroy(loaded[2]);
    conv2d_context_destroy(contexts[0]);
    box output = setup_run(&s, contexts[1]); /* the weights live on in the other context */
    box_free(&output);
    conv2d_context_destroy(contexts[1]);
    conv2d_device_close(device);
    conv2d_device_close(second);
    free_bytes(&one);
    free_bytes(&both);
    setup_free(&s);
}

static void test_with_params(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 12, 4, 3, 3, 8), other = s;
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&s, device), *made, *refused = NULL;
    (void)state;
    other.params.stride[0] = other.params.stride[1] = 2;
    other.params.activation = CONV2D_ACT_TANH;
    other.params.weights = CONV2D_WEIGHTS_BORROW; /* ignored: the weights are there */
    assert_ok(conv2d_context_with_params(context, &other.params, &made));
    conv2d_context *direct = setup_context(&other, device);
    box first = setup_run(&s, context), output = setup_run(&other, made),
        expected = setup_run(&other, direct);
    assert_same_bits(&output, &expected);
    assert_int_equal(info_of(made).weight_bytes, info_of(context).weight_bytes);
    assert_int_equal(info_of(made).times_packed, info_of(context).times_packed);
    other.params.groups = 5;
    assert_refused(conv2d_context_with_params(context, &other.params, &refused), CONV2D_E_SHAPE,
                   "groups", "5");
    assert_refused(conv2d_context_with_params(NULL, NULL, &refused), CONV2D_E_ARGUMENT, "context",
                   NULL);
    assert_refused(conv2d_context_with_params(context, NULL, NULL), CONV2D_E_ARGUMENT,
                   "context_out", NULL);
    assert_null(refused);
    box_free(&first);
    box_free(&output);
    box_free(&expected);
    conv2d_context_destroy(context);
    conv2d_context_destroy(made);
    conv2d_context_destroy(direct);
    conv2d_device_close(device);
    setup_free(&s);
}

/* Groups of another number: the same weights in another packed form. */
static void test_with_other_groups(void **state)
{
    setup one = setup_of(CONV2D_FLOAT32, 12, 4, 3, 1, 8),
          three = setup_of(CONV2D_FLOAT32, 12, 4, 3, 3, 8);
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&one, device), *made;
    conv2d_context *direct = setup_context(&three, device);
    (void)state;
    assert_ok(conv2d_context_with_params(context, &three.params, &made));
    box first = setup_run(&one, context), output = setup_run(&three, made),
        expected = setup_run(&three, direct);
    assert_same_bits(&output, &expected);
    box_free(&first);
    box_free(&output);
    box_free(&expected);
    conv2d_context_destroy(context);
    conv2d_context_destroy(made);
    conv2d_context_destroy(direct);
    conv2d_device_close(device);
    setup_free(&one);
    setup_free(&three);
}

/* Mapped bytes are nobody's memory; read ones are the library's. */
static void test_whose_bytes(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 128, 64, 3, 1, 8);
    s.params.workspace_limit = s.weight.bytes / 2; /* less than what must not be copied */
    counter memory = {0};
    const conv2d_allocator allocator = counter_allocator(&memory);
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device;
    const char *path = temporary_path("whose");
    const conv2d_save_options save = setup_options(&s, NULL);
    (void)state;
    options.n_threads = 1;
    options.allocator = &allocator;
    assert_ok(conv2d_device_open("cpu", &options, &device));
    conv2d_context *context = setup_context(&s, device), *loaded;
    assert_ok(conv2d_context_save(context, path, &save));
    const size_t weights = s.weight.bytes + s.bias.bytes;
    box expected = setup_run(&s, context);
    const conv2d_context_info own = info_of(context);
    assert_int_equal(own.weight_bytes, weights);
    assert_true(own.packed_bytes >= s.weight.bytes);
    assert_int_equal(own.mapped_bytes, 0);
    conv2d_context_destroy(context);
    for (int read = 0; read < 2; read++) {
        conv2d_load_options load = CONV2D_LOAD_OPTIONS_INIT;
        load.read = read;
        const bool copied = read || !TEST_THREADED; /* a minimal library maps nothing */
        const size_t before = memory.live_bytes;
        assert_ok(conv2d_context_load(device, path, &load, &loaded));
        box output = setup_run(&s, loaded);
        assert_same_bits(&output, &expected);
        const conv2d_context_info info = info_of(loaded);
        assert_int_equal(info.times_packed, 0);
        assert_int_equal(info.weight_bytes, copied ? weights : 0);
        assert_int_equal(info.packed_bytes, copied ? own.packed_bytes : 0);
        assert_int_equal(info.mapped_bytes, copied ? 0 : weights + own.packed_bytes);
        /* No copy of the weights, packed or not, came from the device's allocator. */
        assert_true(memory.live_bytes - before < s.weight.bytes);
        /* Released forms can be taken from the file again. */
        assert_ok(conv2d_context_release_resources(loaded));
        assert_int_equal(info_of(loaded).packed_bytes, 0);
        assert_int_equal(info_of(loaded).mapped_bytes, copied ? 0 : weights);
        assert_int_equal(info_of(loaded).n_plans, 0);
        box again = setup_run(&s, loaded);
        assert_same_bits(&again, &expected);
        assert_int_equal(info_of(loaded).times_loaded, 2);
        assert_int_equal(info_of(loaded).n_plans, 1);
        box_free(&output);
        box_free(&again);
        conv2d_context_destroy(loaded);
    }
    conv2d_device_close(device);
    assert_int_equal(memory.live, 0);
    assert_int_equal(unlink(path), 0);
    box_free(&expected);
    setup_free(&s);
}

/* A mapped file may be replaced, even by a save of the context that uses it. */
static void test_replaced_while_mapped(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 16, 8, 3, 1, 8);
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&s, device), *loaded, *again;
    const char *path = temporary_path("replaced");
    const conv2d_save_options o = setup_options(&s, "all");
    (void)state;
    assert_ok(conv2d_context_save(context, path, &o));
    assert_ok(conv2d_context_load(device, path, NULL, &loaded));
    assert_ok(conv2d_context_save(loaded, path, NULL)); /* nothing planned: the file's own forms */
    assert_ok(conv2d_context_load(device, path, NULL, &again));
    assert_int_equal(info_of(again).stored_forms, info_of(loaded).stored_forms);
    assert_int_equal(unlink(path), 0);
    conv2d_context *all[] = {context, loaded, again};
    box expected = setup_run(&s, context);
    for (int i = 1; i < 3; i++) {
        box output = setup_run(&s, all[i]);
        assert_same_bits(&output, &expected);
        assert_int_equal(info_of(all[i]).times_packed, 0);
        box_free(&output);
    }
    for (int i = 0; i < 3; i++)
        conv2d_context_destroy(all[i]);
    box_free(&expected);
    conv2d_device_close(device);
    setup_free(&s);
}

/* Bytes at an odd address, or with read = 1, are copied: the caller's may change. */
static void test_memory_is_kept_or_copied(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 8, 8, 3, 1, 8);
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&s, device), *loaded;
    const conv2d_save_options o = setup_options(&s, NULL);
    bytes b = bytes_of(context, &o);
    box expected = setup_run(&s, context);
    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        conv2d_load_options load = CONV2D_LOAD_OPTIONS_INIT;
        unsigned char *copy = malloc(b.n + 65);
        unsigned char *at = copy + (64 - (uintptr_t)copy % 64) % 64 + odd;
        conv2d_file *file;
        assert_non_null(copy);
        load.read = !odd;
        memcpy(at, b.at, b.n);
        assert_ok(conv2d_file_open_memory(at, b.n, &load, &file));
        memset(copy, 0xA5, b.n + 65);
        free(copy);
        assert_ok(conv2d_file_context(file, device, NULL, &loaded));
        conv2d_file_close(file);
        box output = setup_run(&s, loaded);
        assert_same_bits(&output, &expected);
        assert_int_equal(info_of(loaded).mapped_bytes, 0);
        box_free(&output);
        conv2d_context_destroy(loaded);
    }
    box_free(&expected);
    free_bytes(&b);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    setup_free(&s);
}

static int stop_at_once(void *user, const void *from, size_t n)
{
    (void)user;
    (void)from;
    return n > 0 ? 42 : 0;
}

static void test_save_arguments(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 4, 4, 3, 1, 6);
    conv2d_device *device = open_cpu(1);
    conv2d_context *c = setup_context(&s, device), *pair[] = {c, c}, *hole[] = {c, NULL};
    const char *const names[] = {"a", "b"}, *const twins[] = {"a", "a"}, *const empty[] = {""},
                      *const bad[] = {"\xff"}, *const none[] = {NULL};
    char name[202] = "";
    const char *const long_name[] = {name};
    const char *path = temporary_path("arguments");
    conv2d_save_options o = CONV2D_SAVE_OPTIONS_INIT;
    (void)state;
    memset(name, 'n', 201);
    const struct {
        int n;
        conv2d_context *const *contexts;
        const char *const *names;
        const char *path, *needle;
    } calls[] = {
        {0, pair, names, path, "n is 0"},
        {1, NULL, NULL, path, "contexts is NULL"},
        {2, pair, NULL, path, "names is NULL"},
        {2, hole, names, path, "contexts[1] is NULL"},
        {2, pair, twins, path, "both \"a\""},
        {1, pair, empty, path, "names[0] is empty"},
        {1, pair, bad, path, "names[0] is not UTF-8"},
        {1, pair, none, path, "names[0] is NULL"},
        {1, pair, long_name, path, "names[0] is too long"},
        {1, pair, NULL, NULL, "path is NULL"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        assert_refused(conv2d_contexts_save(calls[i].n, calls[i].contexts, calls[i].names,
                                            calls[i].path, NULL),
                       CONV2D_E_ARGUMENT, calls[i].needle, NULL);
    name[200] = '\0'; /* the longest */
    assert_ok(conv2d_contexts_save(1, pair, long_name, path, NULL));
    assert_ok(conv2d_contexts_save(2, pair, names, path, NULL));
    o.struct_size = 0;
    assert_refused(conv2d_context_save(c, path, &o), CONV2D_E_ARGUMENT, "struct_size", NULL);
    o.struct_size = sizeof o;
    o.reserved = 1;
    assert_refused(conv2d_context_save(c, path, &o), CONV2D_E_ARGUMENT, "reserved", NULL);
    o.reserved = 0;
    o.without_packed = 2;
    assert_refused(conv2d_context_save(c, path, &o), CONV2D_E_ARGUMENT, "without_packed", NULL);
    o.without_packed = 0;
    o.n_inputs = 1;
    assert_refused(conv2d_context_save(c, path, &o), CONV2D_E_ARGUMENT, "n_inputs", NULL);
    o = setup_options(&s, "generic,,");
    assert_refused(conv2d_context_save(c, path, &o), CONV2D_E_ARGUMENT, "isas", "generic,,");
    o.isas = "mmx";
    assert_refused(conv2d_context_save(c, path, &o), CONV2D_E_ARGUMENT, "mmx", NULL);
    box wrong = box4(CONV2D_NCHW, 1, 5, 6, 6, 1);
    o.isas = NULL;
    o.inputs = &wrong.t;
    assert_refused(conv2d_context_save(c, path, &o), CONV2D_E_SHAPE, "channels", "5");
    assert_refused(conv2d_context_save(NULL, path, NULL), CONV2D_E_ARGUMENT, "context", NULL);
    assert_refused(conv2d_contexts_write(1, pair, NULL, NULL, NULL, NULL), CONV2D_E_ARGUMENT,
                   "write", NULL);
    assert_refused(conv2d_contexts_write(1, pair, NULL, stop_at_once, NULL, NULL), CONV2D_E_IO,
                   "42", NULL);
    assert_refused(conv2d_context_save(c, "no-such-folder/x", NULL), CONV2D_E_IO,
                   "no-such-folder/x", NULL);
    assert_int_equal(unlink(path), 0);
    box_free(&wrong);
    conv2d_context_destroy(c);
    conv2d_device_close(device);
    setup_free(&s);
}

static void test_load_arguments(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 4, 4, 3, 1, 6);
    conv2d_device *device = open_cpu(1);
    conv2d_context *c = setup_context(&s, device), *pair[] = {c, c}, *loaded = NULL;
    const char *const names[] = {"a", "b"};
    bytes b = {NULL, 0, 0};
    conv2d_file *file = NULL;
    conv2d_load_options o = CONV2D_LOAD_OPTIONS_INIT;
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    (void)state;
    assert_ok(conv2d_contexts_write(2, pair, names, bytes_write, &b, NULL));
    assert_refused(conv2d_file_open(NULL, NULL, &file), CONV2D_E_ARGUMENT, "path", NULL);
    assert_refused(conv2d_file_open("x", NULL, NULL), CONV2D_E_ARGUMENT, "file_out", NULL);
    assert_refused(conv2d_file_open("no-such-file", NULL, &file), CONV2D_E_IO, "no-such-file",
                   NULL);
    if (TEST_THREADED) /* the C library alone cannot tell */
        assert_refused(conv2d_file_open(".", NULL, &file), CONV2D_E_IO, "regular", NULL);
    assert_refused(conv2d_file_open_memory(NULL, 9, NULL, &file), CONV2D_E_ARGUMENT, "bytes", NULL);
    o.struct_size = 4;
    assert_refused(conv2d_file_open_memory(b.at, b.n, &o, &file), CONV2D_E_ARGUMENT, "struct_size",
                   NULL);
    o = (conv2d_load_options){sizeof o, 2, 0, 0};
    assert_refused(conv2d_file_open_memory(b.at, b.n, &o, &file), CONV2D_E_ARGUMENT, "read", NULL);
    o = (conv2d_load_options){sizeof o, 0, -1, 0};
    assert_refused(conv2d_file_open_memory(b.at, b.n, &o, &file), CONV2D_E_ARGUMENT,
                   "skip_checksums", NULL);
    o = (conv2d_load_options){sizeof o, 0, 0, 1};
    assert_refused(conv2d_file_open_memory(b.at, b.n, &o, &file), CONV2D_E_ARGUMENT, "reserved",
                   NULL);
    assert_null(file);
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    assert_refused(conv2d_file_context(file, device, NULL, &loaded), CONV2D_E_ARGUMENT,
                   "2 contexts", NULL);
    assert_refused(conv2d_file_context(file, device, "c", &loaded), CONV2D_E_ARGUMENT, "\"c\"",
                   NULL);
    assert_refused(conv2d_file_context(NULL, device, "a", &loaded), CONV2D_E_ARGUMENT, "file",
                   NULL);
    assert_refused(conv2d_file_context(file, NULL, "a", &loaded), CONV2D_E_ARGUMENT, "device",
                   NULL);
    assert_refused(conv2d_file_context(file, device, "a", NULL), CONV2D_E_ARGUMENT, "context_out",
                   NULL);
    assert_refused(conv2d_context_load(device, "no-such-file", NULL, &loaded), CONV2D_E_IO,
                   "no-such-file", NULL);
    assert_refused(conv2d_context_load(NULL, "x", NULL, &loaded), CONV2D_E_ARGUMENT, "device",
                   NULL);
    assert_refused(conv2d_context_get_info(NULL, &info), CONV2D_E_ARGUMENT, "context", NULL);
    assert_refused(conv2d_context_get_info(c, NULL), CONV2D_E_ARGUMENT, "info_out", NULL);
    info.struct_size = 8;
    assert_refused(conv2d_context_get_info(c, &info), CONV2D_E_ARGUMENT, "struct_size", NULL);
    assert_null(loaded);
    assert_int_equal(conv2d_file_count(NULL), 0);
    assert_null(conv2d_file_name(NULL, 0));
    conv2d_file_close(NULL);
    conv2d_file_close(file);
    free_bytes(&b);
    conv2d_context_destroy(c);
    conv2d_device_close(device);
    setup_free(&s);
}

#if TEST_THREADED
enum { THREADS = 8, ROUNDS = 12 };

typedef struct crowd {
    const setup *s;
    const box *expected;
    conv2d_device *device;
    conv2d_file *file;
    conv2d_context *shared;
    const char *path;
} crowd;

static void *load_run_save(void *arg)
{
    const crowd *c = arg;
    for (int i = 0; i < ROUNDS; i++) {
        conv2d_context *loaded, *other;
        assert_ok(conv2d_file_context(c->file, c->device, NULL, &loaded));
        box a = setup_run(c->s, loaded), b = setup_run(c->s, c->shared);
        assert_same_bits(&a, c->expected);
        assert_same_bits(&b, c->expected);
        assert_ok(conv2d_context_save(i & 1 ? loaded : c->shared, c->path, NULL));
        assert_ok(conv2d_context_release_resources(c->shared));
        assert_ok(conv2d_context_load(c->device, c->path, NULL, &other));
        conv2d_context_destroy(loaded);
        box d = setup_run(c->s, other);
        assert_same_bits(&d, c->expected);
        conv2d_context_destroy(other);
        box_free(&a);
        box_free(&b);
        box_free(&d);
    }
    return NULL;
}

static void test_threads(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 16, 8, 3, 1, 8);
    conv2d_device *device = open_cpu(2);
    conv2d_context *context = setup_context(&s, device);
    const conv2d_save_options o = setup_options(&s, NULL);
    box expected = setup_run(&s, context);
    crowd c = {&s, &expected, device, NULL, context, temporary_path("threads")};
    pthread_t threads[THREADS];
    (void)state;
    assert_ok(conv2d_context_save(context, c.path, &o));
    assert_ok(conv2d_file_open(c.path, NULL, &c.file));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_run_save, &c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    conv2d_file_close(c.file);
    assert_int_equal(unlink(c.path), 0);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    box_free(&expected);
    setup_free(&s);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_weights_are_held_once),
        cmocka_unit_test(test_with_params),
        cmocka_unit_test(test_with_other_groups),
        cmocka_unit_test(test_whose_bytes),
        cmocka_unit_test(test_replaced_while_mapped),
        cmocka_unit_test(test_memory_is_kept_or_copied),
        cmocka_unit_test(test_save_arguments),
        cmocka_unit_test(test_load_arguments),
#if TEST_THREADED
        cmocka_unit_test(test_threads),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
