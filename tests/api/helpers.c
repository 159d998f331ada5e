/* SPDX-License-Identifier: BSD-2-Clause
 * Tensors, oracle and counting allocator of the API tests; see helpers.h. */
#include <math.h>
#include <stdatomic.h>

#include "helpers.h"

/* -3 .. 3 in half precision, by the bits. */
static uint16_t half_bits(int32_t dtype, int value)
{
    static const uint16_t f16[] = {0, 0x3c00, 0x4000, 0x4200};
    static const uint16_t bf16[] = {0, 0x3f80, 0x4000, 0x4040};
    const uint16_t bits = (dtype == CONV2D_FLOAT16 ? f16 : bf16)[abs(value)];
    return value < 0 ? (uint16_t)(bits | 0x8000) : bits;
}

static size_t element_bytes(int32_t dtype)
{
    return dtype == CONV2D_FLOAT64                                 ? sizeof(double)
           : dtype == CONV2D_FLOAT16 || dtype == CONV2D_BFLOAT16 ? sizeof(uint16_t)
                                                                   : sizeof(float);
}

box box_of(int32_t dtype, int order, int rank, const int64_t *sizes, unsigned seed)
{
    box b = {CONV2D_TENSOR_INIT, NULL, 0};
    int64_t count = 1;
    b.t.dtype = dtype;
    b.t.rank = rank;
    for (int i = 0; i < rank; i++) {
        b.t.sizes[i] = sizes[i];
        count *= sizes[i];
    }
    conv2d_tensor_set_order(&b.t, (conv2d_order)order);
    b.bytes = (size_t)count * element_bytes(dtype);
    /* Tests spoil sizes and types: what lies behind a tensor is no other's. */
    b.memory = aligned_alloc(64, (4 * b.bytes + 64) / 64 * 64);
    assert_non_null(b.memory);
    b.t.data = b.memory;
    unsigned state = seed * 2654435761u + 12345u;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        const int value = (int)(state >> 16) % 7 - 3;
        if (dtype == CONV2D_FLOAT64)
            ((double *)b.memory)[i] = value;
        else if (element_bytes(dtype) == sizeof(uint16_t))
            ((uint16_t *)b.memory)[i] = half_bits(dtype, value);
        else
            ((float *)b.memory)[i] = (float)value;
    }
    return b;
}

box box4(int order, int64_t n, int64_t c, int64_t h, int64_t w, unsigned seed)
{
    return box_of(CONV2D_FLOAT32, order, 4, (const int64_t[]){n, c, h, w}, seed);
}

box box3(int order, int64_t c, int64_t h, int64_t w, unsigned seed)
{
    return box_of(CONV2D_FLOAT32, order, 3, (const int64_t[]){c, h, w}, seed);
}

box box1(int64_t n, unsigned seed)
{
    return box_of(CONV2D_FLOAT32, CONV2D_NCHW, 1, (const int64_t[]){n}, seed);
}

void box_poison(box *b)
{
    memset(b->memory, 0xA5, b->bytes);
}

bool box_is_poisoned(const box *b)
{
    for (size_t i = 0; i < b->bytes; i++) {
        if (((const unsigned char *)b->memory)[i] != 0xA5)
            return false;
    }
    return true;
}

void box_free(box *b)
{
    free(b->memory);
    b->memory = NULL;
}

void swap_axes(conv2d_tensor *t, int a, int b)
{
    const int64_t size = t->sizes[a], stride = t->strides[a];
    t->sizes[a] = t->sizes[b];
    t->strides[a] = t->strides[b];
    t->sizes[b] = size;
    t->strides[b] = stride;
}

double element(const conv2d_tensor *t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    const int64_t at[4] = {n, c, h, w};
    int64_t offset = 0;
    for (int i = 0; i < t->rank; i++)
        offset += at[4 - t->rank + i] * t->strides[i];
    return t->dtype == CONV2D_FLOAT64 ? ((const double *)t->data)[offset]
                                      : (double)((const float *)t->data)[offset];
}

/* Coordinates of windows may not fit 63 bits. */
__extension__ typedef __int128 wide;

/* Index into an axis of `size` for coordinate i, or -1 for a zero: the pictures in conv2d.h. */
static int64_t source(int32_t mode, wide i, int64_t size)
{
    if (i >= 0 && i < size)
        return (int64_t)i;
    switch (mode) {
    case CONV2D_PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case CONV2D_PAD_REFLECT:
        return (int64_t)(i < 0 ? -i : 2 * ((wide)size - 1) - i);
    case CONV2D_PAD_CIRCULAR:
        return (int64_t)(i < 0 ? i + size : i - size);
    default:
        return -1;
    }
}

/* Where tap k of output position o falls on axis a. */
static wide coordinate(const conv2d_params *p, int a, int64_t o, int64_t k)
{
    return (wide)o * p->stride[a] + (wide)k * p->dilation[a] - p->padding[a];
}

static double activate(const conv2d_params *p, double x)
{
    if (isnan(x))
        return x;
    switch (p->activation) {
    case CONV2D_ACT_RELU:
        return x > 0 ? x : 0;
    case CONV2D_ACT_RELU6:
        return x > 6 ? 6 : x > 0 ? x : 0;
    case CONV2D_ACT_LEAKY_RELU:
        return x > 0 ? x : p->alpha * x;
    default:
        x = x < p->output_min ? p->output_min : x;
        return x > p->output_max ? p->output_max : x;
    }
}

double oracle_element(const conv2d_tensor *input, const conv2d_tensor *weight,
                      const conv2d_tensor *bias, const conv2d_tensor *residual,
                      const conv2d_params *params, const int64_t at[4])
{
    const int64_t *in = input->sizes + input->rank - 3; /* c h w */
    const int64_t icg = weight->sizes[1], ocg = weight->sizes[0] / params->groups;
    const int64_t group = at[1] / ocg;
    double sum = bias ? element(bias, 0, 0, 0, at[1]) : 0;
    if (residual)
        sum += element(residual, at[0], at[1], at[2], at[3]);
    for (int64_t c = 0; c < icg; c++) {
        for (int64_t ky = 0; ky < weight->sizes[2]; ky++) {
            const int64_t y = source(params->padding_mode, coordinate(params, 0, at[2], ky), in[1]);
            for (int64_t kx = 0; kx < weight->sizes[3]; kx++) {
                const int64_t x =
                    source(params->padding_mode, coordinate(params, 1, at[3], kx), in[2]);
                if (y >= 0 && x >= 0)
                    sum += element(weight, at[1], c, ky, kx) *
                           element(input, at[0], group * icg + c, y, x);
            }
        }
    }
    return activate(params, sum);
}

void assert_oracle(const conv2d_tensor *output, const conv2d_tensor *input,
                   const conv2d_tensor *weight, const conv2d_tensor *bias,
                   const conv2d_tensor *residual, const conv2d_params *params)
{
    const conv2d_params defaults = CONV2D_PARAMS_INIT;
    const int64_t n = output->rank == 4 ? output->sizes[0] : 1;
    const int64_t *out = output->sizes + output->rank - 3;
    int64_t at[4];
    for (at[0] = 0; at[0] < n; at[0]++) {
        for (at[1] = 0; at[1] < out[0]; at[1]++) {
            for (at[2] = 0; at[2] < out[1]; at[2]++) {
                for (at[3] = 0; at[3] < out[2]; at[3]++) {
                    const double want = oracle_element(input, weight, bias, residual,
                                                       params ? params : &defaults, at);
                    const double got = element(output, at[0], at[1], at[2], at[3]);
                    /* Winograd rounds sums of integers; a wrong one is off by 1 or more. */
                    const bool strict = params && params->accuracy == CONV2D_ACCURACY_STRICT;
                    const double allowed = strict ? 0 : 1e-3;
                    if (!(got == want || fabs(got - want) <= allowed ||
                          (isnan(got) && isnan(want))))
                        fail_msg("output[%d, %d, %d, %d] is %.9g, expected %.9g", (int)at[0],
                                 (int)at[1], (int)at[2], (int)at[3], got, want);
                }
            }
        }
    }
}

void check_ok(conv2d_status status, const char *what, const char *file, int line)
{
    if (status == CONV2D_OK)
        return;
    print_error("%s\n  returned %s: %s\n", what, conv2d_status_name(status), conv2d_last_error());
    _fail(file, line);
}

void check_refused(conv2d_status status, conv2d_status expected, const char *needle1,
                   const char *needle2, const char *file, int line)
{
    const char *sentence = conv2d_last_error();
    if (status == expected && (!needle1 || strstr(sentence, needle1)) &&
        (!needle2 || strstr(sentence, needle2)))
        return;
    print_error("got %s \"%s\"\n  expected %s with \"%s\" and \"%s\"\n", conv2d_status_name(status),
                sentence, conv2d_status_name(expected), needle1 ? needle1 : "",
                needle2 ? needle2 : "");
    _fail(file, line);
}

conv2d_device *open_cpu(int n_threads)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.n_threads = n_threads;
    assert_ok(conv2d_device_open("cpu", &options, &device));
    return device;
}

static void *count_allocate(void *user, size_t bytes, size_t alignment)
{
    counter *c = user;
    atomic_fetch_add(&c->calls, 1);
    size_t left = atomic_load(&c->fail_at);
    while (left && !atomic_compare_exchange_weak(&c->fail_at, &left, left - 1)) {
    }
    if (left == 1)
        return NULL;
    void *pointer = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (pointer) {
        memset(pointer, 0xEE, bytes); /* nobody may rely on zeros */
        atomic_fetch_add(&c->live_bytes, bytes);
        atomic_fetch_add(&c->live, 1);
    }
    return pointer;
}

static void count_release(void *user, void *pointer, size_t bytes)
{
    counter *c = user;
    atomic_fetch_sub(&c->live_bytes, bytes);
    atomic_fetch_sub(&c->live, 1);
    free(pointer);
}

conv2d_allocator counter_allocator(counter *c)
{
    conv2d_allocator a = CONV2D_ALLOCATOR_INIT;
    a.user = c;
    a.allocate = count_allocate;
    a.release = count_release;
    return a;
}

void counter_arm(counter *c, size_t n)
{
    atomic_store(&c->fail_at, n);
}
