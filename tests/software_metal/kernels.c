/* SPDX-License-Identifier: BSD-2-Clause
 * Kernels in the styles of the MSL specification (kernels/), compared with what C computes. The
 * test runs in every order of threads (CONV2D_SOFTWARE_METAL_ORDER=all), so all orders give one
 * result. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static int n_wrong;

static void check(bool holds, const char *what, int i)
{
    if (holds)
        return;
    printf("%s: element %d\n", what, i);
    n_wrong++;
}

static bool near(float a, double b)
{
    return fabs(a - b) <= 4e-6 * (fabs(b) + 1.0) || ((a != a) && isnan(b)) || (double)a == b;
}

static void test_types(void)
{
    const id p = load_kernel("types", "vectors", NULL), out = buffer(12 * 4, NULL);
    const command c = begin(p);
    bind(c, out, 0);
    dispatch(c, 1, 12);
    check(run(c), "vectors: status", 0);
    for (int i = 0; i < 12; i++)
        check(((float *)contents(out))[i] == 1.0f, "vectors", i);
    release(p);
    release(out);
}

/* As types.metal has it: float4 is aligned to 16 bytes. */
typedef struct particle {
    float position[3], mass, color[4];
    uint16_t size[2];
    unsigned char tag[4];
    uint32_t unused[2];
} particle;

static void test_spaces(void)
{
    particle in[3], one = {{1, 2, 3}, 4, {5, 6, 7, 8}, {0}, {1, 2, 3, 4}, {0}};
    memset(in, 0, sizeof in);
    for (int i = 0; i < 3; i++) {
        in[i].position[0] = (float)i;
        in[i].mass = 10.0f + (float)i;
        in[i].color[3] = 9.0f;
        in[i].tag[3] = (unsigned char)i;
    }
    const id p = load_kernel("types", "spaces", NULL), from = buffer(sizeof in, in),
             out = buffer(sizeof in, NULL);
    const command c = begin(p);
    bind(c, from, 0);
    bind_bytes(c, &one, sizeof one, 1);
    bind(c, out, 2);
    dispatch(c, 1, 3);
    run(c);
    const particle *r = contents(out);
    for (int i = 0; i < 3; i++)
        check(r[i].position[0] == 1.0f + (float)i && r[i].mass == 14.0f + (float)i &&
                  r[i].color[0] == 5.0f && r[i].color[3] == 9.0f && r[i].tag[3] == i,
              "spaces", i);
    release(p);
    release(from);
    release(out);
}

static id constants(bool has_scale, int offset, const float *factor)
{
    const id values = SEND0(id, h.get_class("MTLFunctionConstantValues"), "new");
    const unsigned char truth = has_scale;
#define SET(value, type, index)                                                                 \
    SEND(void, values, "setConstantValue:type:atIndex:", (const void *, uint_t, uint_t), value, \
         (uint_t)type, index)
    SET(&truth, BOOL, 0ul);
    SET(&offset, INT, 1ul);
    if (factor)
        SET(factor, FLOAT, 2ul);
    return values;
}

static void test_constants(void)
{
    const float x[4] = {1, 2, 3, 4}, scale[4] = {2, 2, 3, 3}, factor = 0.5f;
    for (int variant = 0; variant < 4; variant++) {
        const bool has_scale = variant & 1, has_factor = variant & 2;
        const id values = constants(has_scale, 100, has_factor ? &factor : NULL),
                 p = load_kernel("attributes", "scaled_f32", values), in = buffer(16, x),
                 out = buffer(16, NULL);
        const command c = begin(p);
        bind(c, in, 0);
        if (has_scale)
            bind_bytes(c, scale, sizeof scale, 1);
        bind(c, out, 2);
        dispatch(c, 2, 2);
        run(c);
        for (int i = 0; i < 4; i++) {
            const float v = x[i] * (has_factor ? factor : 10.0f) * (has_scale ? scale[i] : 1.0f);
            check(((float *)contents(out))[i] == 2.0f * (v + 200.0f), "constants", i);
        }
        release(values);
        release(p);
        release(in);
        release(out);
    }
}

static void test_positions(void)
{
    const uint32_t size[2] = {37, 11};
    const id p = load_kernel("attributes", "positions", NULL), out = buffer(37 * 11 * 16, NULL);
    const command c = begin(p);
    bind(c, out, 0);
    bind_bytes(c, size, sizeof size, 1);
    SEND(void, c.encoder, "dispatchThreadgroups:threadsPerThreadgroup:", (mtl_size, mtl_size),
         ((mtl_size){4, 3, 1}), ((mtl_size){10, 4, 1}));
    run(c);
    const uint32_t *r = contents(out);
    for (uint32_t i = 0; i < 37 * 11; i++)
        check(r[4 * i] == i % 37 && r[4 * i + 1] == i / 37 && r[4 * i + 2] == 1 &&
                  r[4 * i + 3] == 37 * 11 + 3,
              "positions", (int)i);
    release(p);
    release(out);
}

static void test_functions(void)
{
    enum { N = 8 };
    const float x[N] = {0.0f, 1.0f, -1.5f, 2.75f, -0.3f, 7.5f, NAN, INFINITY};
    const id p = load_kernel("functions", "unary", NULL), in = buffer(sizeof x, x),
             out = buffer(N * 64, NULL);
    const command c = begin(p);
    bind(c, in, 0);
    bind(c, out, 1);
    dispatch(c, N, 1);
    run(c);
    for (int i = 0; i < N; i++) {
        const float *r = (const float *)contents(out) + 16 * i;
        const double v = (double)x[i], a = fabs(v);
        const double expected[16] = {exp(v),
                                     exp(v),
                                     log(a),
                                     sqrt(a),
                                     tanh(v),
                                     floor(v) + ceil(v) + trunc(v) + rint(v) + round(v),
                                     1.0 / sqrt(a + 1.0),
                                     v * v + 1.0,
                                     fmin(fmax(v, -1.0), 1.0) + fmax(v, 0.5) + fmin(v, 0.5),
                                     v + (2.0 - v) * 0.25,
                                     (v > 0) - (v < 0) + (v < 0.0 ? 0.0 : 1.0) +
                                         fmin(fmax(v, 0.0), 1.0),
                                     pow(a, 1.5),
                                     v < 0.0 ? -v : v,
                                     isnan(v)   ? 1.0
                                     : isinf(v) ? 2.0
                                                : 3.0,
                                     2.0 * v,
                                     copysign(2.0, v)};
        for (int k = 0; k < 16; k++) {
            const bool half_rounds = k == 14, undefined = isnan(v) && (k == 10 || k == 9);
            check(undefined || near(r[k], expected[k]) ||
                      (half_rounds && fabs((double)r[k] - 2.0 * v) < 2e-3),
                  "functions", 16 * i + k);
        }
    }
    release(p);
    release(in);
    release(out);
}

static void test_contraction(void)
{
    const float a = 1.0f + 0x1p-20f, b = 1.0f - 0x1p-21f, x[3] = {a, b, a * b};
    const id p = load_kernel("functions", "contracted", NULL), in = buffer(sizeof x, x),
             out = buffer(8, NULL);
    const command c = begin(p);
    bind(c, in, 0);
    bind(c, out, 1);
    dispatch(c, 1, 1);
    run(c);
    const float *r = contents(out);
    check(r[0] == 0.0f && r[1] == fmaf(a, b, -x[2]) && r[1] != 0.0f, "contraction", 0);
    release(p);
    release(in);
    release(out);
}

static void test_integers(void)
{
    static const int expected[8] = {8 + 31 + 3, 5 + 4 - 3 + 7, 3, 24, 1, 0xbc, 7 + 1, 2};
    const id p = load_kernel("functions", "integers", NULL), out = buffer(32, NULL);
    const command c = begin(p);
    bind(c, out, 0);
    dispatch(c, 1, 1);
    run(c);
    for (int i = 0; i < 8; i++)
        check(((int *)contents(out))[i] == expected[i], "integers", i);
    release(p);
    release(out);
}

static void test_vectors(void)
{
    const float x[8] = {1, 2, 3, 4, -1, 0.5f, 2, -3};
    const id p = load_kernel("functions", "vectors", NULL), in = buffer(sizeof x, x),
             out = buffer(32, NULL);
    const command c = begin(p);
    bind(c, in, 0);
    bind(c, out, 1);
    dispatch(c, 1, 2);
    run(c);
    for (int i = 0; i < 2; i++) {
        const float *v = x + 4 * i, *r = (const float *)contents(out) + 4 * i;
        double positive = 0.0;
        for (int k = 0; k < 4; k++)
            positive += v[k] > 0 ? (double)v[k] * (double)v[k] : 0.0;
        check(near(r[0], 2.0 * (double)(v[0] * v[3] + v[1] * v[2])), "dot", i);
        check(near(r[1], sqrt(positive) + (double)(v[0] + v[1])), "length", i);
        check(near(r[2], (double)(v[1] * v[1] + v[1])), "fma", i);
        check(near(r[3], (double)(v[0] * v[2] - v[1] * v[1]) + fabs((double)v[0]) +
                             fmin(fmax((double)v[3], 0.0), 1.0)),
              "cross", i);
    }
    release(p);
    release(in);
    release(out);
}

static void test_reversed(void)
{
    enum { N = 320 };
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = (float)i;
    const id p = load_kernel("groups", "reversed", NULL), in = buffer(sizeof x, x),
             out = buffer(sizeof x, NULL);
    const command c = begin(p);
    bind(c, in, 0);
    bind(c, out, 1);
    dispatch(c, N / 80, 80);
    run(c);
    for (int i = 0; i < N; i++)
        check(((float *)contents(out))[i] == x[i / 80 * 80 + 79 - i % 80], "reversed", i);
    release(p);
    release(in);
    release(out);
}

static void test_sum(void)
{
    enum { N = 1000 };
    float x[N];
    double expected = 0.0;
    const uint32_t n = N;
    for (int i = 0; i < N; i++) {
        x[i] = (float)(i % 7) - 3.0f;
        expected += (double)(x[i] * x[i]);
    }
    const id p = load_kernel("groups", "sum_of_squares", NULL), in = buffer(sizeof x, x),
             out = buffer(4, NULL);
    const command c = begin(p);
    bind(c, in, 0);
    bind(c, out, 1);
    bind_bytes(c, &n, sizeof n, 2);
    SEND(void, c.encoder, "setThreadgroupMemoryLength:atIndex:", (uint_t, uint_t), 32ul, 0ul);
    dispatch(c, 1, 160);
    run(c);
    check((double)*(float *)contents(out) == expected, "sum_of_squares", 0);
    release(p);
    release(in);
    release(out);
}

static void test_lanes(void)
{
    const id p = load_kernel("groups", "lanes", NULL), out = buffer(32 * 8 * 4, NULL);
    const command c = begin(p);
    bind(c, out, 0);
    dispatch(c, 1, 32);
    run(c);
    for (uint32_t i = 0; i < 32; i++) {
        const uint32_t *r = (const uint32_t *)contents(out) + 8 * i, q = i & 28;
        const uint32_t expected[8] = {(i + 1) % 32 * 3,
                                      i ^ 5,
                                      i + 4 > 31 ? i : i + 4,
                                      i * (i - 1) / 2,
                                      31,
                                      7,
                                      0x11111111u,
                                      3 + (i == 0 ? 4u : 0u) + (4 * q + 6) * 8};
        for (int k = 0; k < 8; k++)
            check(r[k] == expected[k], "lanes", (int)(8 * i) + k);
    }
    release(p);
    release(out);
}

static uint16_t half_of(float x) /* of small integers */
{
    const _Float16 value = (_Float16)x;
    uint16_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void test_product(bool is_half)
{
    enum { M = 16, K = 24 };
    float a[M * K], b[K * M];
    uint16_t a_half[M * K], b_half[K * M];
    for (int i = 0; i < M * K; i++) {
        a[i] = (float)(i * 7 % 11) - 5.0f;
        b[i] = (float)(i * 5 % 13) - 6.0f;
        a_half[i] = half_of(a[i]);
        b_half[i] = half_of(b[i]);
    }
    const id p = load_kernel("groups", is_half ? "product_f16" : "product_f32", NULL),
             left = is_half ? buffer(sizeof a_half, a_half) : buffer(sizeof a, a),
             right = is_half ? buffer(sizeof b_half, b_half) : buffer(sizeof b, b),
             out = buffer(M * M * 4, NULL);
    const command c = begin(p);
    bind(c, left, 0);
    bind(c, right, 1);
    bind(c, out, 2);
    dispatch(c, 1, 128);
    run(c);
    for (int i = 0; i < M * M; i++) {
        float sum = 0.0f;
        for (int k = 0; k < K; k++)
            sum += a[i / M * K + k] * b[k * M + i % M];
        check(((float *)contents(out))[i] == sum, "product", i);
    }
    release(p);
    release(left);
    release(right);
    release(out);
}

static void test_histogram(void)
{
    enum { N = 640 };
    unsigned char x[N];
    uint32_t expected[16] = {0};
    for (int i = 0; i < N; i++) {
        x[i] = (unsigned char)(i * i % 251);
        expected[x[i] % 16]++;
    }
    const uint32_t zeros[16] = {0};
    const id p = load_kernel("groups", "histogram", NULL), in = buffer(N, x),
             bins = buffer(64, zeros);
    const command c = begin(p);
    bind(c, in, 0);
    bind(c, bins, 1);
    dispatch(c, N / 64, 64);
    run(c);
    check(!memcmp(contents(bins), expected, sizeof expected), "histogram", 0);
    release(p);
    release(in);
    release(bins);
}

int main(void)
{
    host_open(false);
    test_types();
    test_spaces();
    test_constants();
    test_positions();
    test_functions();
    test_contraction();
    test_integers();
    test_vectors();
    test_reversed();
    test_sum();
    test_lanes();
    test_product(false);
    test_product(true);
    test_histogram();
    host_close();
    if (h.violations() || h.live_objects()) {
        printf("violation: %s; %ld objects live\n", h.last_violation(), h.live_objects());
        n_wrong++;
    }
    printf("%d wrong\n", n_wrong);
    return n_wrong != 0;
}
