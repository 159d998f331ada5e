/* SPDX-License-Identifier: BSD-2-Clause
 * dot_ch, dot_px and pair: as gemm.c checks gemm_ch and gemm_px, on words of two bfloat16. Some
 * cases have numbers so small that products and sums are denormals, which the instructions make
 * zeros: what is expected comes from emulate_bf16.h, so this is also where hardware and emulation
 * are held against each other, bit by bit. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu/parts.h"
#include "emulate_bf16.h"
#include "sums.h"

enum { MAX_TAPS = 5, MAX_KLEN = 40 };

/* Small integers, ordinary numbers, or ones whose products are about the least normal number. */
static double draw(check *c, bool tiny)
{
    if (c->integers)
        return (double)rng_range(c->random, -8, 8);
    return rng_normal(c->random) * (tiny ? 0x1p-63 : 1);
}

/* Words whose halves from `channels` on within each row of words are 0, `lanes` words a step. */
static guard_buffer random_words(check *c, int rows, int channels, int lanes, bool tiny)
{
    const int words = (channels + 1) / 2;
    guard_buffer b = guard_alloc((size_t)(rows * words * lanes) * sizeof(uint32_t), c->at_end);
    for (int i = 0; i < rows * words * lanes; i++)
        for (int h = 0; h < 2; h++)
            c2_store_f64(b.data, CONV2D_BFLOAT16, 2 * i + h,
                         2 * (i / lanes % words) + h < channels ? draw(c, tiny) : 0);
    guard_protect(&b, false);
    return b;
}

static float half_at(const void *words, ptrdiff_t word, int h)
{
    return emulate_half(((const uint32_t *)words)[word], h);
}

static bool ch_case(check *c)
{
    if (c2_kernel_unit(c->kernel) > 1)
        return tiles_case(c);
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int m = check_size(r, k->mr, 1), n = check_size(r, k->nr, check_lanes(k));
    const int nr = k->nr, klen = check_size(r, MAX_KLEN, 2), words = (klen + 1) / 2;
    const int n_taps = (int)rng_range(r, 1, MAX_TAPS);
    const bool accumulate = rng_range(r, 0, 1), tiny = rng_range(r, 0, 3) == 0;
    guard_buffer weight = random_words(c, n_taps, klen, nr, tiny);
    guard_buffer pixels = guard_alloc((size_t)(3 * klen) * sizeof(uint16_t), c->at_end);
    for (int i = 0; i < 3 * klen; i++)
        c2_store_f64(pixels.data, CONV2D_BFLOAT16, i, draw(c, tiny));
    guard_protect(&pixels, false);
    guard_buffer table = guard_alloc((size_t)(n_taps * k->mr) * sizeof(void *), c->at_end);
    const void **rows = table.data;
    for (int i = 0; i < n_taps * k->mr; i++)
        rows[i] = i % k->mr < m ? (const uint16_t *)pixels.data + rng_range(r, 0, 2 * klen)
                                : (const void *)8;
    sums s;
    sums_begin(c, &s, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? s.expected : NULL);
    float before[SUMS_TILE];
    memcpy(before, acc.acc, (size_t)(k->mr * nr) * sizeof *before);
    for (int t = 0; t < n_taps; t++)
        for (int x = 0; x < 2 * words; x++) {
            const int channel = x ^ 1;
            for (int i = 0; channel < klen && i < m; i++)
                for (int j = 0; j < n; j++)
                    sums_add(c, &s, i * nr + j, check_pixel(k, rows[t * k->mr + i], channel),
                             half_at(weight.data, (t * words + channel / 2) * nr + j,
                                     channel % 2));
        }
    s.n_products = (size_t)(n_taps * klen);
    const c2_gemm_ch_args args = {.rows = rows,
                                  .n_tiles = 1,
                                  .n_taps = (size_t)n_taps,
                                  .klen = (size_t)klen,
                                  .weight = weight.data,
                                  .acc = acc.acc,
                                  .m = m,
                                  .n = n,
                                  .accumulate = accumulate};
    const bool ok = sums_finished(c, &args, s.expected) &&
                    (((c2_gemm_ch_fn)k->fn)(&args), sums_check(c, &s, before, acc.acc, m, n));
    guard_free(&acc.buffer);
    guard_free(&table);
    guard_free(&pixels);
    guard_free(&weight);
    return ok;
}

static bool px_case(check *c)
{
    if (c2_kernel_unit(c->kernel) > 1)
        return tiles_case(c);
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int m = check_size(r, k->mr, 1), n = check_size(r, k->nr, check_lanes(k));
    const int nr = k->nr, klen = check_size(r, MAX_KLEN / 2, 2);
    const int n_taps = (int)rng_range(r, 1, MAX_TAPS);
    const bool accumulate = rng_range(r, 0, 1), tiny = rng_range(r, 0, 3) == 0;
    guard_buffer weight = random_words(c, n_taps, 2 * klen, k->mr, tiny);
    guard_buffer pixels[MAX_TAPS];
    c2_tap taps[MAX_TAPS];
    for (int t = 0; t < n_taps; t++) {
        const ptrdiff_t pitch = rng_range(r, -2 * n, 2 * n), reach = (klen - 1) * pitch;
        pixels[t] = random_words(c, 1, 2, (int)((reach < 0 ? -reach : reach) + n), tiny);
        taps[t] = (c2_tap){(const uint32_t *)pixels[t].data - (reach < 0 ? reach : 0), pitch};
    }
    sums s;
    sums_begin(c, &s, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? s.expected : NULL);
    float before[SUMS_TILE];
    memcpy(before, acc.acc, (size_t)(k->mr * nr) * sizeof *before);
    for (int t = 0; t < n_taps; t++)
        for (int x = 0; x < 2 * klen; x++)
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                    sums_add(c, &s, i * nr + j,
                             half_at(taps[t].pixels, x / 2 * taps[t].pitch + j, 1 - x % 2),
                             half_at(weight.data, (t * klen + x / 2) * k->mr + i, 1 - x % 2));
    s.n_products = (size_t)(n_taps * 2 * klen);
    const c2_gemm_px_args args = {taps, (size_t)n_taps, (size_t)klen, weight.data, acc.acc, m,
                                  n,    accumulate,     0, 0, 0, {0}, 0, NULL, NULL};
    ((c2_gemm_px_fn)k->fn)(&args);
    const bool ok = sums_check(c, &s, before, acc.acc, m, n);
    guard_free(&acc.buffer);
    for (int t = 0; t < n_taps; t++)
        guard_free(&pixels[t]);
    guard_free(&weight);
    return ok;
}

/* Numbers of all sizes, now and then one that is not finite or whose rounding would not be. */
static float any_number(rng *r)
{
    static const float specials[] = {INFINITY, -INFINITY, NAN, FLT_MAX, -0x1.fffp127f, 0, -0.0f};
    if (rng_range(r, 0, 15) == 0)
        return specials[rng_range(r, 0, 6)];
    return (float)ldexp(rng_normal(r), (int)rng_range(r, -140, 120));
}

/* Whether bfloat16 parts are those of x (parts.h): as their head says. */
static bool right_parts(float x, const uint32_t *words, ptrdiff_t pitch, int n, int h)
{
    double left = (double)x;
    if (!isfinite(x)) {
        bool ok = isnan(x) ? isnan(emulate_half(words[0], h)) : emulate_half(words[0], h) == x;
        for (int i = 1; i < n; i++)
            ok = ok && emulate_half(words[i * pitch], h) == 0;
        return ok;
    }
    for (int i = 0; i < n; i++) {
        const double part = (double)emulate_half(words[i * pitch], h), before = fabs(left);
        left -= part;
        /* To nearest, or cut. */
        const double most = fabs((double)x) < 0x1.fp127 ? 0x1p-8 : 0x1p-7;
        if (!(fabs(left) <= before * most + 0x1p-134) || !isfinite(part))
            return false;
    }
    return n < 3 || fabs((double)x) < 0x1p-100 || left == 0;
}

/* A row of one case: words[i * pitch] are the parts of its first lane. */
static bool right_words(check *c, const void *const side[2], int64_t at, int n,
                        const uint32_t *words, ptrdiff_t pitch)
{
    const int parts = c->kernel->mr;
    for (int j = 0; j < n; j++)
        for (int h = 0; h < 2; h++) {
            const float x = side[h] ? check_pixel(c->kernel, side[h], at + j) : 0;
            const uint32_t half = h ? words[j] >> 16 : words[j] & 0xffff;
            const bool ok =
                c->kernel->dtype == CONV2D_FLOAT32 ? right_parts(x, words + j, pitch, parts, h)
                : side[h] ? half == ((const uint16_t *)side[h])[at + j]
                          : half == 0;
            if (!ok) {
                snprintf(c->why, c->why_bytes, "word %d of %d lanes is %08x", j, n,
                         (unsigned)words[j]);
                return false;
            }
        }
    return true;
}

static bool pair_case(check *c)
{
    rng *r = c->random;
    const int n = check_size(r, 70, c->kernel->nr), parts = c->kernel->mr;
    const int rows = (int)rng_range(r, 1, 3), step = n + (int)rng_range(r, 0, 9);
    const bool both = rng_range(r, 0, 3) != 0;
    const int n_elements = (rows - 1) * step + n;
    guard_buffer side[2];
    for (int h = 0; h < 2; h++) {
        side[h] = guard_alloc((size_t)n_elements * check_pixel_bytes(c->kernel), c->at_end);
        for (int i = 0; i < n_elements; i++)
            c2_store_f64(side[h].data, c->kernel->dtype, i, (double)any_number(r));
        guard_protect(&side[h], false);
    }
    const ptrdiff_t to_step = n + rng_range(r, 0, 9);
    const ptrdiff_t pitch = rows * to_step + rng_range(r, 0, 9);
    const size_t n_words = (size_t)((parts - 1) * pitch + (rows - 1) * to_step + n);
    guard_buffer to = guard_alloc(n_words * sizeof(uint32_t), c->at_end);
    memset(to.data, 0x5a, to.bytes);
    const c2_pair_args args = {side[0].data, both ? side[1].data : NULL, to.data, n, pitch,
                               rows,         step,                       to_step};
    ((c2_pair_fn)c->kernel->fn)(&args);
    const void *const sides[2] = {args.a, args.b};
    bool ok = true;
    for (int i = 0; ok && i < rows; i++)
        ok = right_words(c, sides, i * step, n, args.to + i * to_step, pitch);
    for (ptrdiff_t i = 0; ok && i < (ptrdiff_t)n_words; i++) {
        const ptrdiff_t at = i % pitch, row = at / to_step;
        if (row >= rows || at % to_step >= n)
            ok = args.to[i] == 0x5a5a5a5a;
        if (!ok)
            snprintf(c->why, c->why_bytes, "word %d is written", (int)i);
    }
    guard_free(&to);
    guard_free(&side[1]);
    guard_free(&side[0]);
    return ok;
}

/* Rows anywhere, words of their channels in a panel with gaps. */
/* Pixels of 16 channels or fewer: parts 1, 0, 0 and 2, 8 words of each. */
static bool crossed_case(check *c)
{
    enum { ROWS = 16, MOST = 16, EACH = MOST / 2, WORDS = 4 * EACH };
    rng *r = c->random;
    const int run = check_size(r, MOST, 1), m = (int)rng_range(r, 1, ROWS);
    const ptrdiff_t row_pitch = rng_range(r, 2, 4) * 16;
    guard_buffer from = guard_alloc((size_t)(2 * run) * sizeof(float), c->at_end);
    for (int i = 0; i < 2 * run; i++)
        ((float *)from.data)[i] = any_number(r);
    guard_protect(&from, false);
    const void *rows[ROWS];
    for (int i = 0; i < m; i++)
        rows[i] = (const float *)from.data + rng_range(r, 0, run);
    const size_t words = (size_t)((m - 1) * row_pitch + WORDS);
    guard_buffer to = guard_alloc(words * sizeof(uint32_t), c->at_end);
    memset(to.data, 0x5a, to.bytes);
    bool special = false, expected = false;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < run; j++)
            expected |= !isfinite(((const float *)rows[i])[j]);
    const c2_parts_args args = {rows, m, (size_t)run, to.data, 0, 0, row_pitch, &special};
    ((c2_parts_fn)c->kernel->fn)(&args);
    bool ok = special || !expected;
    if (!ok)
        snprintf(c->why, c->why_bytes, "a number that is not finite is not told");
    const uint32_t *all = to.data;
    for (ptrdiff_t i = 0; ok && i < (ptrdiff_t)words; i++) {
        const ptrdiff_t row = i / row_pitch, at = i % row_pitch;
        if (at >= WORDS) {
            ok = all[i] == 0x5a5a5a5a;
        } else if (at < EACH) { /* in the order of right_parts */
            const uint32_t parts[] = {all[i + EACH], all[i], all[i + 3 * EACH]};
            ok = all[i + 2 * EACH] == parts[0];
            for (int h = 0; h < 2; h++) {
                const ptrdiff_t k = 2 * at + h;
                ok = ok && right_parts(k < run ? ((const float *)rows[row])[k] : 0, parts, 1, 3, h);
            }
        }
        if (!ok)
            snprintf(c->why, c->why_bytes, "word %td of %d rows of %d is %08x", i, m, run,
                     (unsigned)all[i]);
    }
    guard_free(&to);
    guard_free(&from);
    return ok;
}

static bool parts_case(check *c)
{
    enum { ROWS = 16, WORDS = 16, STEP = 2 * WORDS, MOST = 3 };
    rng *r = c->random;
    const int run = check_size(r, MOST * STEP, STEP), m = (int)rng_range(r, 1, ROWS);
    const int parts = c->kernel->mr, n_steps = (run + STEP - 1) / STEP;
    const ptrdiff_t row_pitch = rng_range(r, 1, 3) * WORDS;
    const ptrdiff_t part_pitch = m * row_pitch + rng_range(r, 0, 2) * WORDS;
    const ptrdiff_t step_pitch = part_pitch * parts + rng_range(r, 0, 2) * WORDS;
    guard_buffer from = guard_alloc((size_t)(2 * run) * sizeof(float), c->at_end);
    for (int i = 0; i < 2 * run; i++)
        ((float *)from.data)[i] = any_number(r);
    guard_protect(&from, false);
    const void *rows[ROWS];
    for (int i = 0; i < m; i++)
        rows[i] = (const float *)from.data + rng_range(r, 0, run);
    const size_t words =
        (size_t)((n_steps - 1) * step_pitch + (parts - 1) * part_pitch + (m - 1) * row_pitch +
                 WORDS);
    guard_buffer to = guard_alloc(words * sizeof(uint32_t), c->at_end);
    memset(to.data, 0x5a, to.bytes);
    bool special = false, expected = false;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < run; j++)
            expected |= !isfinite(((const float *)rows[i])[j]);
    const c2_parts_args args = {rows,       m,          (size_t)run, to.data,
                                step_pitch, part_pitch, row_pitch,   &special};
    ((c2_parts_fn)c->kernel->fn)(&args);
    bool ok = true;
    if (expected && !special) {
        snprintf(c->why, c->why_bytes, "a number that is not finite is not told");
        ok = false;
    }
    const uint32_t *all = to.data;
    for (ptrdiff_t i = 0; ok && i < (ptrdiff_t)words; i++) {
        const ptrdiff_t step = i / step_pitch, part = i % step_pitch / part_pitch;
        const ptrdiff_t at = i % step_pitch % part_pitch, row = at / row_pitch;
        const ptrdiff_t k = step * STEP + i % WORDS * 2;
        if (part >= parts || row >= m || at % row_pitch >= WORDS) {
            ok = all[i] == 0x5a5a5a5a;
        } else if (part == 0) {
            for (int h = 0; h < 2; h++)
                ok = ok && right_parts(k + h < run ? ((const float *)rows[row])[k + h] : 0,
                                       all + i, part_pitch, parts, h);
        }
        if (!ok)
            snprintf(c->why, c->why_bytes, "word %td of %d rows of %d is %08x", i, m, run,
                     (unsigned)all[i]);
    }
    guard_free(&to);
    guard_free(&from);
    return ok;
}

/* 64 words: weights and pixels together stay below 32 KiB. A word is two products. */
enum { BENCH_K = 64 };
static _Alignas(64) float bench_weight[BENCH_K * 64], bench_pixels[BENCH_K * 64];
static _Alignas(64) float bench_acc[SUMS_TILE];

static double ch_bench(const c2_kernel *k)
{
    if (c2_kernel_unit(k) > 1)
        return tiles_bench(k);
    const void *rows[SUMS_MR];
    for (int i = 0; i < k->mr; i++)
        rows[i] = bench_pixels + i * BENCH_K;
    const c2_gemm_ch_args args = {.rows = rows,
                                  .n_tiles = 1,
                                  .n_taps = 1,
                                  .klen = 2 * BENCH_K,
                                  .weight = bench_weight,
                                  .acc = bench_acc,
                                  .m = k->mr,
                                  .n = k->nr,
                                  .accumulate = true};
    ((c2_gemm_ch_fn)k->fn)(&args);
    return 2.0 * k->mr * k->nr * (double)BENCH_K;
}

static double px_bench(const c2_kernel *k)
{
    if (c2_kernel_unit(k) > 1)
        return tiles_bench(k);
    const c2_tap tap = {bench_pixels + 1, k->nr};
    const c2_gemm_px_args args = {&tap, 1, BENCH_K, bench_weight, bench_acc, k->mr, k->nr, true, 0,
                                  0,     0, {0}, 0, NULL, NULL};
    ((c2_gemm_px_fn)k->fn)(&args);
    return 2.0 * k->mr * k->nr * (double)BENCH_K;
}

static double pair_bench(const c2_kernel *k)
{
    const int64_t n = SUMS_TILE / 4;
    uint32_t *to = (uint32_t *)(void *)bench_acc;
    const c2_pair_args args = {bench_pixels, bench_weight, to, n, n, 1, 0, 0};
    ((c2_pair_fn)k->fn)(&args);
    return (double)n;
}

static double parts_bench(const c2_kernel *k)
{
    enum { RUN = 128, ROWS = 8 };
    const void *rows[ROWS];
    for (int i = 0; i < ROWS; i++)
        rows[i] = bench_pixels + i * RUN;
    static _Alignas(64) uint32_t panel[C2_MAX_PARTS * ROWS * RUN / 2];
    const ptrdiff_t part_pitch = 16 * ROWS;
    const c2_parts_args args = {rows, ROWS, RUN, panel, k->mr * part_pitch, part_pitch, 16,
                                NULL};
    ((c2_parts_fn)k->fn)(&args);
    return (double)(ROWS * RUN);
}

static double crossed_bench(const c2_kernel *k)
{
    enum { RUN = 16, ROWS = 16 };
    const void *rows[ROWS];
    for (int i = 0; i < ROWS; i++)
        rows[i] = bench_pixels + i * RUN;
    static _Alignas(64) uint32_t words[ROWS * 2 * RUN];
    const c2_parts_args args = {rows, ROWS, RUN, words, 0, 0, 2 * RUN, NULL};
    ((c2_parts_fn)k->fn)(&args);
    return (double)(ROWS * RUN);
}

const check_family check_dot_ch = {C2_FAMILY_DOT_CH, ch_case, ch_bench};
const check_family check_dot_px = {C2_FAMILY_DOT_PX, px_case, px_bench};
const check_family check_parts = {C2_FAMILY_PARTS, parts_case, parts_bench};
const check_family check_crossed = {C2_FAMILY_CROSSED, crossed_case, crossed_bench};
const check_family check_pair = {C2_FAMILY_PAIR, pair_case, pair_bench};
