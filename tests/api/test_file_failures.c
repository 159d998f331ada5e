/* SPDX-License-Identifier: BSD-2-Clause
 * The n-th allocation, lock and file operation fail, for every n, in every call that saves or loads
 * contexts: a status with a sentence, nothing leaked, no temporary file left, what was under the
 * name before still there, and the same call works when it is made again. */
#include <dirent.h>
#include <sys/stat.h>

#include "faults.h"
#include "file_helpers.h"

static const char folder[] = "file-failures";
static const char path[] = "file-failures/saved.conv2d";
static const char old_content[] = "what was there before";

/* All that calls need, made anew for each attempt. */
typedef struct world {
    setup s, s64; /* s64: another type, for one context more */
    setup across; /* a weight that must be copied to be dense */
    conv2d_device *device;
    conv2d_context *contexts[3]; /* the third shares the first's weights */
    conv2d_context *loaded;      /* from file: has used nothing of it yet */
    conv2d_file *file;
    bytes image; /* of all three in one file */
} world;

static const char *const names[] = {"a", "b", "c"};

static world world_make(void)
{
    world w = {.s = setup_of(CONV2D_FLOAT32, 6, 4, 3, 1, 6),
               .s64 = setup_of(CONV2D_FLOAT64, 3, 1, 1, 3, 4)};
    w.across = setup_of(CONV2D_FLOAT32, 5, 5, 3, 1, 6);
    w.across.params.weights = CONV2D_WEIGHTS_BORROW;
    swap_axes(&w.across.weight.t, 0, 1);
    conv2d_params other = w.s.params;
    const conv2d_tensor inputs[] = {w.s.input.t, w.s64.input.t};
    conv2d_save_options save = {sizeof save, 2, inputs, NULL, 0, 0};
    w.device = open_cpu(1);
    w.contexts[0] = setup_context(&w.s, w.device);
    w.contexts[1] = setup_context(&w.s64, w.device);
    other.activation = CONV2D_ACT_RELU;
    assert_ok(conv2d_context_with_params(w.contexts[0], &other, &w.contexts[2]));
    assert_ok(conv2d_contexts_write(3, w.contexts, names, bytes_write, &w.image, &save));
    assert_ok(conv2d_file_open_memory(w.image.at, w.image.n, NULL, &w.file));
    assert_ok(conv2d_file_context(w.file, w.device, "a", &w.loaded));
    return w;
}

static void world_free(world *w)
{
    for (int i = 0; i < 3; i++)
        conv2d_context_destroy(w->contexts[i]);
    conv2d_context_destroy(w->loaded);
    conv2d_file_close(w->file);
    conv2d_device_close(w->device);
    setup_free(&w->s);
    setup_free(&w->s64);
    setup_free(&w->across);
    free(w->image.at);
}

/* ---- the calls ---- */

static conv2d_status save(world *w, const char *isas, bool without_inputs)
{
    conv2d_tensor inputs[] = {w->s.input.t, w->s64.input.t};
    inputs[0].strides[0] = inputs[1].strides[0] = 1 << 20; /* descriptions, not the data there */
    conv2d_save_options o = {sizeof o, without_inputs ? 0 : 2, inputs, isas, 0, 0};
    return conv2d_contexts_save(3, w->contexts, names, path, &o);
}

static conv2d_status call_save_all_levels(world *w)
{
    return save(w, "all", false);
}
static conv2d_status call_save_held(world *w)
{
    return save(w, NULL, true);
}

static conv2d_status call_save_again(world *w)
{
    return conv2d_context_save(w->loaded, path, NULL);
}

static conv2d_status call_save_strided(world *w)
{
    conv2d_context *context = NULL;
    conv2d_status s =
        conv2d_prepack(w->device, &w->across.weight.t, NULL, &w->across.params, &context);
    if (!s)
        s = conv2d_context_save(context, path, NULL);
    conv2d_context_destroy(context);
    return s;
}

static int drop_bytes(void *user, const void *from, size_t n)
{
    (void)from;
    *(size_t *)user += n;
    return 0;
}

static conv2d_status call_write(world *w)
{
    size_t n = 0;
    const conv2d_save_options o = setup_options(&w->s, "all");
    return conv2d_contexts_write(1, w->contexts, NULL, drop_bytes, &n, &o);
}

static conv2d_status open_path(bool read)
{
    conv2d_file *file = NULL;
    conv2d_load_options o = CONV2D_LOAD_OPTIONS_INIT;
    o.read = read;
    const conv2d_status s = conv2d_file_open(path, &o, &file);
    assert_true((s == CONV2D_OK) == (file != NULL));
    conv2d_file_close(file);
    return s;
}

static conv2d_status call_open(world *w)
{
    (void)w;
    return open_path(false);
}
static conv2d_status call_open_read(world *w)
{
    (void)w;
    return open_path(true);
}

static conv2d_status call_open_memory(world *w)
{
    conv2d_file *file = NULL;
    conv2d_load_options o = CONV2D_LOAD_OPTIONS_INIT;
    o.read = 1;
    const conv2d_status s = conv2d_file_open_memory(w->image.at, w->image.n, &o, &file);
    assert_true((s == CONV2D_OK) == (file != NULL));
    conv2d_file_close(file);
    return s;
}

static conv2d_status call_context(world *w)
{
    conv2d_context *context = NULL;
    const conv2d_status s = conv2d_file_context(w->file, w->device, "b", &context);
    assert_true((s == CONV2D_OK) == (context != NULL));
    conv2d_context_destroy(context);
    return s;
}

static conv2d_status call_load(world *w)
{
    conv2d_context *context = NULL;
    const conv2d_status s = conv2d_context_load(w->device, path, NULL, &context);
    assert_true((s == CONV2D_OK) == (context != NULL));
    conv2d_context_destroy(context);
    return s;
}

static conv2d_status call_with_params(world *w)
{
    conv2d_context *context = NULL;
    const conv2d_status s = conv2d_context_with_params(w->loaded, NULL, &context);
    assert_true((s == CONV2D_OK) == (context != NULL));
    conv2d_context_destroy(context);
    return s;
}

/* Plans with a form from the file, and with one that the file lacks. */
static conv2d_status call_plan(world *w)
{
    conv2d_plan *plan = NULL;
    conv2d_tensor output = w->s.input.t;
    output.sizes[1] = 6;
    output.sizes[2] -= 2;
    output.sizes[3] -= 2;
    conv2d_tensor_set_order(&output, CONV2D_NCHW);
    const conv2d_status s = conv2d_plan_create(w->loaded, &w->s.input.t, NULL, &output, &plan);
    assert_true((s == CONV2D_OK) == (plan != NULL));
    conv2d_plan_destroy(plan);
    return s;
}

static conv2d_status call_info(world *w)
{
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    return conv2d_context_get_info(w->loaded, &info);
}

typedef struct call {
    const char *name;
    conv2d_status (*make)(world *);
    bool writes, reads; /* path */
} call;

static const call calls[] = {
    {"save, all levels", call_save_all_levels, true, false},
    {"save, held forms", call_save_held, true, false},
    {"save a loaded context", call_save_again, true, false},
    {"save a strided weight", call_save_strided, true, false},
    {"write", call_write, false, false},
    {"open, map", call_open, false, true},
    {"open, read", call_open_read, false, true},
    {"open memory", call_open_memory, false, false},
    {"context", call_context, false, false},
    {"load", call_load, false, true},
    {"with_params", call_with_params, false, false},
    {"plan", call_plan, false, false},
    {"info", call_info, false, false},
};

/* ---- the driver ---- */

static int count_entries(const char *name)
{
    DIR *d = opendir(name);
    int n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int open_descriptors(void)
{
    return count_entries("/proc/self/fd");
}

/* What is under the name before the call. */
static void prepare(const call *c, world *w)
{
    if (c->reads) {
        assert_ok(conv2d_contexts_save(1, w->contexts, NULL, path, NULL));
        return;
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(old_content, 1, sizeof old_content, f), sizeof old_content);
    assert_int_equal(fclose(f), 0);
}

static bool has_old_content(void)
{
    char content[sizeof old_content + 1] = "";
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(content, 1, sizeof content, f);
    fclose(f);
    return n == sizeof old_content && memcmp(content, old_content, n) == 0;
}

static void check_left(const call *c, conv2d_status s)
{
    assert_int_equal(count_entries(folder), 3); /* ., .. and the file */
    if (!c->writes)
        return;
    if (s)
        assert_true(has_old_content());
    else
        assert_ok(open_path(true));
}

/* One attempt; true if there was an n-th request. */
static bool attempt(const call *c, fault_kind kind, bool sticky, size_t n, size_t *failures)
{
    world w = world_make();
    prepare(c, &w);
    const long live[2] = {fault_live(FAULT_MEMORY), fault_live(FAULT_LOCK)};
    const int descriptors = open_descriptors();
    fault_arm(kind, n, sticky);
    const conv2d_status s = c->make(&w);
    const bool fired = fault_disarm(kind);
    const conv2d_status expected = kind == FAULT_FILE ? CONV2D_E_IO : CONV2D_E_NOMEM;
    if (s != CONV2D_OK && (s != expected || !fired))
        fail_msg("%s, request %zu fails: %s \"%s\"", c->name, n, conv2d_status_name(s),
                 conv2d_last_error());
    /* Closing a file that was read, and syncing the folder, may fail without harm. */
    if (s == CONV2D_OK && fired && kind != FAULT_FILE)
        fail_msg("%s, request %zu fails: the call returned CONV2D_OK", c->name, n);
    if (s && kind == FAULT_FILE && !strstr(conv2d_last_error(), path))
        fail_msg("%s: \"%s\" does not name the file", c->name, conv2d_last_error());
    *failures += s != CONV2D_OK;
    check_left(c, s);
    assert_int_equal(open_descriptors(), descriptors);
    if (s && (live[0] != fault_live(FAULT_MEMORY) || live[1] != fault_live(FAULT_LOCK)))
        fail_msg("%s, request %zu fails: %ld blocks and %ld locks left", c->name, n,
                 fault_live(FAULT_MEMORY) - live[0], fault_live(FAULT_LOCK) - live[1]);
    assert_ok(c->make(&w)); /* once more, with nothing in the way */
    box output = setup_run(&w.s, w.loaded);
    box_free(&output);
    world_free(&w);
    return fired;
}

/* Failures of all calls together. */
static size_t exhaust(fault_kind kind, bool sticky)
{
    size_t total = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long live[2] = {fault_live(FAULT_MEMORY), fault_live(FAULT_LOCK)};
        size_t n = 1, failures = 0;
        while (attempt(&calls[i], kind, sticky, n, &failures))
            n++;
        assert_int_equal(fault_live(FAULT_MEMORY), live[0]);
        assert_int_equal(fault_live(FAULT_LOCK), live[1]);
        assert_true(n < 1000);
        if (kind == FAULT_FILE && (calls[i].writes || calls[i].reads))
            assert_true(failures >= 3);
        total += failures;
    }
    print_message("%zu failures\n", total);
    return total;
}

static void test_memory(void **state)
{
    (void)state;
    assert_true(exhaust(FAULT_MEMORY, false) > 200);
    assert_true(exhaust(FAULT_MEMORY, true) > 200);
}

static void test_locks(void **state)
{
    (void)state;
    assert_true(exhaust(FAULT_LOCK, false) >= 8);
}

static void test_files(void **state)
{
    (void)state;
    assert_true(exhaust(FAULT_FILE, false) > 40);
    assert_true(exhaust(FAULT_FILE, true) > 40);
}

/* The system may read and write less than it is asked to. */
static void test_short_transfers(void **state)
{
    world w = world_make();
    (void)state;
    fault_short_transfers(7);
    assert_ok(call_save_all_levels(&w));
    assert_ok(open_path(true));
    fault_short_transfers(0);
    assert_ok(open_path(false));
    world_free(&w);
}

static int make_folder(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    return mkdir(folder, 0777);
}

static int remove_folder(void **state)
{
    (void)state;
    return unlink(path) || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_short_transfers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
