/* SPDX-License-Identifier: BSD-2-Clause
 * float16 and bfloat16 against their definitions: every value of both widened; float32 narrowed by
 * walking up the number line beside the table of all values, where the nearest one is found by
 * comparison alone. A sample of float32 by default, all 2^32 with --all. */
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cmocka_all.h"
#include "core/half.h"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum { BLOCK = 4096 };

typedef struct format {
    const char *name;
    int32_t dtype;
    int mantissa, bias; /* bits, and of the exponent */
    uint16_t infinity;  /* its bits: the first that is no finite number */
    void (*widen)(size_t n, const uint16_t *from, float *to);
    void (*narrow)(size_t n, const float *from, uint16_t *to);
} format;

static const format formats[] = {
    {"float16", CONV2D_FLOAT16, 10, 15, 0x7c00, conv2d_float16_to_float32,
     conv2d_float32_to_float16},
    {"bfloat16", CONV2D_BFLOAT16, 7, 127, 0x7f80, conv2d_bfloat16_to_float32,
     conv2d_float32_to_bfloat16},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static uint32_t step = 509; /* between float32 bit patterns, a prime; --all: 1 */

/* The number that positive bits mean; infinity's bits: what the number behind the largest one would
 * be if exponents went on. */
static double value_of(const format *f, uint32_t bits)
{
    const uint32_t m = bits & ((1u << f->mantissa) - 1), e = bits >> f->mantissa;
    return e ? ldexp(1 + ldexp(m, -f->mantissa), (int)e - f->bias)
             : ldexp(m, 1 - f->bias - f->mantissa);
}

static void test_widen(void **state)
{
    (void)state;
    for (int i = 0; i < N_FORMATS; i++) {
        const format *f = &formats[i];
        uint16_t all[1 << 16];
        static float wide[1 << 16];
        for (uint32_t h = 0; h < 1 << 16; h++)
            all[h] = (uint16_t)h;
        f->widen(1 << 16, all, wide);
        for (uint32_t h = 0; h < 1 << 16; h++) {
            const uint32_t a = h & 0x7fff, sign = h & 0x8000, bits = c2_bits_of_f32(wide[h]);
            assert_int_equal(bits >> 31, h >> 15);
            if (a < f->infinity)
                assert_true((double)wide[h] == (sign ? -value_of(f, a) : value_of(f, a)));
            else if (a == f->infinity)
                assert_int_equal(bits & 0x7fffffff, 0x7f800000);
            else /* quiet bit, and the payload at the top */
                assert_int_equal(bits & 0x7fffffff, 0x7fc00000 | (a - f->infinity)
                                                                     << (23 - f->mantissa));
            uint16_t back;
            f->narrow(1, &wide[h], &back); /* exact, so the way back is too */
            assert_int_equal(back, a > f->infinity ? h | 1u << (f->mantissa - 1) : h);
        }
    }
}

/* A place between two neighbours of the format: numbers up to `mid` (or below, if ties go up)
 * become bits, the next ones bits + 1. */
typedef struct place {
    const format *format;
    uint32_t bits;
    double mid;
} place;

static void place_at(place *p, uint32_t bits)
{
    p->bits = bits;
    p->mid = (value_of(p->format, bits) + value_of(p->format, bits + 1)) / 2;
}

static uint32_t nearest(place *p, double x)
{
    while (p->bits < p->format->infinity && (x > p->mid || (x == p->mid && (p->bits & 1))))
        place_at(p, p->bits + 1);
    return p->bits;
}

/* n float32 patterns from bits on, step apart, both signs; false after the last. */
static void check_block(place *p, uint32_t bits, size_t n)
{
    float from[BLOCK];
    uint16_t to[BLOCK];
    for (uint32_t sign = 0; sign < 2; sign++) {
        const place begin = *p;
        for (size_t i = 0; i < n; i++)
            from[i] = c2_f32_of_bits((bits + (uint32_t)i * step) | sign << 31);
        p->format->narrow(n, from, to);
        for (size_t i = 0; i < n; i++) {
            const uint32_t a = bits + (uint32_t)i * step;
            uint32_t expected;
            if (a > 0x7f800000) /* NaN: quiet bit, upper payload bits */
                expected = p->format->infinity | 1u << (p->format->mantissa - 1) |
                           (a & 0x7fffff) >> (23 - p->format->mantissa);
            else if (a == 0x7f800000)
                expected = p->format->infinity;
            else
                expected = nearest(p, (double)c2_f32_of_bits(a));
            if (to[i] != (expected | sign << 15))
                fail_msg("%s of bits %#" PRIx32 ": %#x, expected %#" PRIx32, p->format->name,
                         a | sign << 31, to[i], expected | sign << 15);
        }
        if (!sign)
            *p = begin;
    }
}

static void test_narrow(void **state)
{
    (void)state;
    for (int i = 0; i < N_FORMATS; i++) {
        place p = {.format = &formats[i]};
        uint64_t bits = 0, checked = 0;
        place_at(&p, 0);
        while (bits < 0x80000000u) {
            const uint64_t left = (0x7fffffffu - bits) / step + 1;
            const size_t n = left < BLOCK ? (size_t)left : BLOCK;
            check_block(&p, (uint32_t)bits, n);
            bits += (uint64_t)n * step;
            checked += 2 * n;
        }
        print_message("%s: %" PRIu64 " of 4294967296 float32 narrowed\n", p.format->name, checked);
        assert_true(checked > 4000000);
    }
}

/* Numbers beside the middle between two neighbours, by less than float32 can say: rounded once. */
static void test_store_float64(void **state)
{
    (void)state;
    for (int i = 0; i < N_FORMATS; i++) {
        const format *f = &formats[i];
        for (uint32_t h = 0; h < f->infinity; h++) {
            const double mid = (value_of(f, h) + value_of(f, h + 1)) / 2;
            const double near[] = {mid, nextafter(mid, 0), nextafter(mid, INFINITY),
                                   value_of(f, h)};
            const uint32_t expected[] = {h + (h & 1), h, h + 1, h};
            for (int k = 0; k < 8; k++) {
                uint16_t to[16] = {0xabcd, 0, 0xabcd}; /* room for any dtype */
                c2_store_f64(to, f->dtype, 1, k & 1 ? -near[k / 2] : near[k / 2]);
                assert_int_equal(to[1], expected[k / 2] | (k & 1 ? 0x8000u : 0));
                assert_int_equal(to[0], 0xabcd);
                assert_int_equal(to[2], 0xabcd);
            }
        }
        const double special[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e-300, -0.0};
        const uint32_t inf = f->infinity, minus = 0x8000;
        const uint32_t expected[] = {0, inf, inf | minus, inf, inf | minus, 0, minus};
        for (int k = 0; k < 7; k++) {
            uint16_t to[4]; /* room for any dtype */
            c2_store_f64(to, f->dtype, 0, special[k]);
            if (k)
                assert_int_equal(to[0], expected[k]);
            else
                assert_true((to[0] & 0x7fff) > inf);
        }
    }
}

static void test_load_float64(void **state)
{
    (void)state;
    const float f = 0x1.8p-140f;
    const double d = 0x1.8p-1040;
    const uint16_t h[2] = {0x3c01, 0x0001};
    assert_true(c2_load_f64(&f, CONV2D_FLOAT32, 0) == (double)f);
    assert_true(c2_load_f64(&d, CONV2D_FLOAT64, 0) == d);
    assert_true(c2_load_f64(h, CONV2D_FLOAT16, 0) == 1 + 0x1p-10);
    assert_true(c2_load_f64(h, CONV2D_FLOAT16, 1) == 0x1p-24);
    assert_true(c2_load_f64(h, CONV2D_BFLOAT16, 0) == 0x1.02p-7);
    assert_true(c2_load_f64(h, CONV2D_BFLOAT16, 1) == 0x1p-133);
}

/* The calling thread may round down and flush denormals: no bit changes. */
static void test_float_mode(void **state)
{
    (void)state;
    static float numbers[2][1 << 16], back[1 << 16];
    static uint16_t halves[2][1 << 16];
    for (int i = 0; i < N_FORMATS; i++) {
        const format *f = &formats[i];
        for (uint32_t k = 0; k < 1 << 16; k++) {
            numbers[0][k] = c2_f32_of_bits(k * 65521u);
            halves[0][k] = (uint16_t)k;
        }
        f->widen(1 << 16, halves[0], numbers[1]);
        f->narrow(1 << 16, numbers[0], halves[1]);
        static uint16_t narrowed[1 << 16];
#if defined(__SSE2__)
        const unsigned mode = _mm_getcsr();
        _mm_setcsr(mode | 0x8040);
#endif
        fesetround(FE_DOWNWARD);
        f->widen(1 << 16, halves[0], back);
        f->narrow(1 << 16, numbers[0], narrowed);
        fesetround(FE_TONEAREST);
#if defined(__SSE2__)
        _mm_setcsr(mode);
#endif
        assert_memory_equal(back, numbers[1], sizeof back);
        assert_memory_equal(narrowed, halves[1], sizeof narrowed);
    }
}

/* Exactly n elements are written, and 0 elements need no memory. */
static void test_counts(void **state)
{
    (void)state;
    for (int i = 0; i < N_FORMATS; i++) {
        const uint16_t from[9] = {0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80};
        for (size_t n = 0; n <= 8; n++) {
            float wide[9];
            uint16_t to[9];
            memset(wide, 0xff, sizeof wide);
            memset(to, 0xff, sizeof to);
            formats[i].widen(n, from, wide);
            formats[i].narrow(n, wide, to);
            for (size_t k = 0; k < 9; k++) {
                assert_int_equal(c2_bits_of_f32(wide[k]) == 0xffffffffu, k >= n);
                assert_int_equal(to[k], k < n ? 0x3f80 : 0xffff);
            }
        }
        formats[i].widen(0, NULL, NULL);
        formats[i].narrow(0, NULL, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--all") == 0)
        step = 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widen),         cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_store_float64), cmocka_unit_test(test_load_float64),
        cmocka_unit_test(test_float_mode),    cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
