/* SPDX-License-Identifier: BSD-2-Clause
 * Kernels of tile registers: sums of 16 words at a time, as TDPBF16PS makes them, bit by bit, and
 * numbers in parts against float64 and the bound. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu/panel_kernel.h"
#include "cpu/parts.h"
#include "emulate_bf16.h"
#include "sums.h"

enum { MAX_TAPS = 3, MAX_BLOCKS = 3, BLOCK = 16, PARTS = C2_MAX_PARTS };

static void set_state(const c2_kernel *k, bool begin)
{
    for (int i = 0; i < c2_n_kernels; i++)
        if (c2_kernels[i].family == C2_FAMILY_TILES && !strcmp(c2_kernels[i].isa, k->isa))
            ((c2_tiles_fn)c2_kernels[i].fn)(begin);
}

/* sum + what one multiplication of registers adds to it: a[k] . b[k * step] of 16 words. */
static float add_block(float sum, const uint32_t *a, const uint32_t *b, ptrdiff_t step)
{
    float low = 0, high = 0;
    for (int k = 0; k < BLOCK; k++) {
        low = emulate_fma(emulate_half(a[k], 0), emulate_half(b[k * step], 0), low);
        high = emulate_fma(emulate_half(a[k], 1), emulate_half(b[k * step], 1), high);
    }
    return emulate_flush(emulate_flush(sum) + emulate_flush(low + high));
}

/* The number that the halves of words of its parts make. */
static double number_at(const uint32_t *words, ptrdiff_t part_pitch, int parts, int h)
{
    double x = 0;
    for (int i = 0; i < parts; i++)
        x += (double)emulate_half(words[i * part_pitch], h);
    return x;
}

static void count_exact(sums *s, int at, double a, double b)
{
    s->exact[at] += a * b;
    s->magnitude[at] += fabs(a * b);
    s->slack[at] += 4 * (double)FLT_MIN * (fabs(a) + fabs(b) + 3);
}

/* Words of random numbers' parts, part_pitch apart. */
static void draw_words(check *c, bool tiny, int parts, uint32_t *words, ptrdiff_t part_pitch)
{
    const double scale = tiny ? 0x1p-63 : 1;
    float rest[2];
    for (int h = 0; h < 2; h++) {
        rest[h] = c->integers ? (float)rng_range(c->random, -8, 8)
                              : (float)(rng_normal(c->random) * scale);
        if (parts == 1) /* bfloat16 as it is stored */
            rest[h] = c2_f32_of_bits(c2_part(rest[h], &(float){0}));
    }
    for (int i = 0; i < parts; i++) {
        const uint32_t low = c2_part(rest[0], &rest[0]), high = c2_part(rest[1], &rest[1]);
        words[i * part_pitch] = low >> 16 | high;
    }
}

/* Which parts of weights and pixels are multiplied, in order (kernels.h), of pixels and weights in
 * a panel; 0s behind the last. */
static const int products[PARTS + 1][6][2] = {
    [1] = {{0, 0}},
    [2] = {{1, 0}, {0, 0}, {0, 1}},
    [3] = {{0, 2}, {0, 1}, {1, 1}, {1, 0}, {2, 0}, {0, 0}},
};

/* The sums against float64: parts left out, and the roundings of a sum of so many. */
static bool near_exact(check *c, const sums *s, const float *acc, int m, int n)
{
    static const double left_out[] = {[1] = 0, [2] = 0x1p-15, [3] = 0x1p-24};
    const int parts = c2_kernel_parts(c->kernel);
    const double k = parts == 1 ? (double)s->n_products + 2
                                : 6.0 * ((double)s->n_products / (2 * BLOCK)) + 20;
    const double factor = 1.01 * (k * 0x1p-24 / (1 - k * 0x1p-24) + left_out[parts]);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            const int at = i * c->kernel->nr + j;
            const double error = fabs((double)acc[at] - s->exact[at]);
            const double bound = c->integers ? 0 : factor * s->magnitude[at] + s->slack[at];
            if (!(error <= bound)) {
                snprintf(c->why, c->why_bytes, "row %d, lane %d: error %g, bound %g", i, j, error,
                         bound);
                return false;
            }
        }
    return true;
}

static bool judge(check *c, sums *s, const float *before, const float *acc, int m, int n)
{
    const int nr = c->kernel->nr;
    memcpy(s->expected + m * nr, before + m * nr,
           (size_t)((c->kernel->mr - m) * nr) * sizeof *before);
    return check_tile(c, acc, s->expected, m, n) && near_exact(c, s, acc, m, n);
}

/* What kernels do meanwhile here: they count, and spoil vector registers. */
static void count_piece(void *pieces)
{
    volatile float spoiled[64];
    for (int i = 0; i < 64; i++)
        spoiled[i] = (float)i;
    (void)spoiled;
    ++*(size_t *)pieces;
}

static bool pieces_done(check *c, const c2_meanwhile *m)
{
    const size_t done = *(const size_t *)m->state;
    if (done == m->pieces)
        return true;
    snprintf(c->why, c->why_bytes, "%zu pieces of %zu were done meanwhile", done, m->pieces);
    return false;
}

enum { MAX_TILES = 3, MAX_N = MAX_TILES * 32 };

/* Outputs of a row of tiles that are stored late, and what they must become. */
typedef struct outputs {
    c2_late to;
    guard_buffer pixels, bias;
    float *rows[32];
    float expected[32][MAX_N];
} outputs;

static const float untouched = -7.5e9f;

/* by_rows: a bias for each row, not for each lane. */
static void outputs_make(check *c, outputs *o, bool by_rows, int m, int n)
{
    rng *r = c->random;
    const int n_bias = by_rows ? m : n;
    *o = (outputs){.to = {.out = o->rows, .low = -INFINITY, .high = INFINITY, .m = m, .n = n},
                   .pixels = guard_alloc((size_t)(m * n) * sizeof(float), c->at_end),
                   .bias = guard_alloc((size_t)n_bias * sizeof(float), c->at_end)};
    float *pixels = o->pixels.data, *bias = o->bias.data;
    for (int i = 0; i < m; i++) {
        o->rows[i] = rng_range(r, 0, 9) ? pixels + (m - 1 - i) * n : NULL;
        for (int j = 0; j < n; j++)
            pixels[i * n + j] = o->expected[i][j] = untouched;
    }
    for (int j = 0; j < n_bias; j++)
        bias[j] = (float)rng_range(r, -9, 9);
    guard_protect(&o->bias, false);
    if (rng_range(r, 0, 1))
        o->to.bias = bias;
    if (rng_range(r, 0, 1))
        o->to.low = 0;
    if (rng_range(r, 0, 2) == 0)
        o->to.high = 6;
}

/* The lanes from `first` on of a tile are expected, of these sums. */
static void outputs_expect(outputs *o, bool by_rows, const float *from, int nr, int first)
{
    for (int i = 0; i < o->to.m; i++)
        for (int j = first; j < o->to.n && j < first + nr; j++) {
            const float sum = from[i * nr + j - first];
            const float x = o->to.bias ? sum + o->to.bias[by_rows ? i : j] : sum;
            o->expected[i][j] = fminf(o->to.high, fmaxf(o->to.low, x));
        }
}

static bool outputs_check(check *c, const outputs *o)
{
    const float *pixels = o->pixels.data;
    for (int i = 0; i < o->to.m; i++)
        for (int j = 0; j < o->to.n; j++) {
            const int at = (o->to.m - 1 - i) * o->to.n + j;
            const float expected = o->rows[i] ? o->expected[i][j] : untouched;
            if (pixels[at] != expected) {
                snprintf(c->why, c->why_bytes, "output %d, channel %d is %a, expected %a", i, j,
                         (double)pixels[at], (double)expected);
                return false;
            }
        }
    return true;
}

static void outputs_free(outputs *o)
{
    guard_free(&o->pixels);
    guard_free(&o->bias);
}

/* A tile of the call before waits, its sums in acc or elsewhere. */
static void draw_waiting(check *c, outputs *o, bool by_rows, float *from)
{
    rng *r = c->random;
    const int mr = c->kernel->mr, nr = c->kernel->nr;
    const int first = (int)rng_range(r, 0, MAX_TILES - 1) * nr;
    outputs_make(c, o, by_rows, (int)rng_range(r, 1, mr), first + check_size(r, nr, BLOCK));
    for (int i = 0; i < mr * nr; i++)
        from[i] = (float)rng_range(r, -99, 99);
    o->to.acc = from;
    o->to.first = first;
    outputs_expect(o, by_rows, from, nr, first);
}

static bool px_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int m = check_size(r, k->mr, BLOCK), n_last = check_size(r, k->nr, BLOCK);
    const int mr = k->mr, nr = k->nr, parts = c2_kernel_parts(k);
    const int blocks = (int)rng_range(r, 1, MAX_BLOCKS), klen = blocks * BLOCK;
    const int n_taps = (int)rng_range(r, 1, MAX_TAPS);
    const bool accumulate = rng_range(r, 0, 1), tiny = rng_range(r, 0, 3) == 0;
    const bool waits = rng_range(r, 0, 1), own = rng_range(r, 0, 1);
    const int n_tiles = own && !accumulate ? (int)rng_range(r, 1, MAX_TILES) : 1;
    const int each = mr * BLOCK; /* words of a block and a part */
    guard_buffer weight =
        guard_alloc((size_t)(n_taps * blocks * parts * each) * sizeof(uint32_t), c->at_end);
    uint32_t *w = weight.data;
    for (int b = 0; b < n_taps * blocks; b++)
        for (int i = 0; i < each; i++)
            draw_words(c, tiny, parts, w + b * parts * each + i, each);
    guard_protect(&weight, false);
    /* All taps and tiles in one buffer, a part behind the other; each begins somewhere in it. */
    const ptrdiff_t tile_words = n_tiles > 1 ? rng_range(r, 0, 40) : 0;
    const int widest = n_tiles > 1 ? nr : n_last;
    const ptrdiff_t pitch = widest + rng_range(r, 0, 20);
    const ptrdiff_t reach = (klen - 1) * pitch + (n_tiles - 1) * tile_words + widest;
    const ptrdiff_t part_pitch = reach + MAX_TAPS + rng_range(r, 0, 20);
    guard_buffer pixels = guard_alloc(
        (size_t)((parts - 1) * part_pitch + reach + MAX_TAPS) * sizeof(uint32_t), c->at_end);
    uint32_t *x = pixels.data;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)(pixels.bytes / sizeof *x) - (parts - 1) * part_pitch; i++)
        draw_words(c, tiny, parts, x + i, part_pitch);
    guard_protect(&pixels, false);
    c2_tap taps[MAX_TAPS];
    for (int t = 0; t < n_taps; t++)
        taps[t] = (c2_tap){x + rng_range(r, 0, MAX_TAPS), pitch};
    sums s;
    sums_begin(c, &s, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? s.expected : NULL);
    _Alignas(64) float waiting[SUMS_TILE];
    outputs last, mine;
    if (waits)
        draw_waiting(c, &last, true, accumulate || rng_range(r, 0, 1) ? waiting : acc.acc);
    float before[SUMS_TILE];
    memcpy(before, acc.acc, (size_t)(mr * nr) * sizeof *before);
    outputs_make(c, &mine, true, m, (n_tiles - 1) * nr + n_last);
    for (int t = 0; t < n_tiles; t++) {
        if (t > 0)
            sums_begin(c, &s, false);
        const int n = t + 1 < n_tiles ? nr : n_last;
        for (int b = 0; b < n_taps * blocks; b++) {
            const uint32_t *block = w + b * parts * each;
            const uint32_t *from = (const uint32_t *)taps[b / blocks].pixels + t * tile_words +
                                   b % blocks * BLOCK * pitch;
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++) {
                    float *sum = &s.expected[i * nr + j];
                    for (int q = 0; q < parts * (parts + 1) / 2; q++)
                        *sum = add_block(*sum, block + products[parts][q][0] * each + i * BLOCK,
                                         from + products[parts][q][1] * part_pitch + j, pitch);
                    for (int h = 0; h < 2 * BLOCK; h++)
                        count_exact(&s, i * nr + j,
                                    number_at(block + i * BLOCK + h / 2, each, parts, h % 2),
                                    number_at(from + h / 2 * pitch + j, part_pitch, parts, h % 2));
                }
        }
        if (t + 1 < n_tiles)
            outputs_expect(&mine, true, s.expected, nr, t * nr);
    }
    s.n_products = (size_t)(n_taps * klen * 2);
    size_t pieces = 0;
    const c2_gemm_px_args args = {.taps = taps,
                                  .n_taps = (size_t)n_taps,
                                  .klen = (size_t)klen,
                                  .weight = w,
                                  .acc = acc.acc,
                                  .m = m,
                                  .n = mine.to.n,
                                  .accumulate = accumulate,
                                  .part_pitch = part_pitch,
                                  .next = (uintptr_t)w + (uintptr_t)rng_range(r, 0, 9999),
                                  .next_lines = (size_t)rng_range(r, 0, 20),
                                  .meanwhile = {count_piece, &pieces, (size_t)rng_range(r, 0, 40)},
                                  .tile_words = tile_words,
                                  .late = waits ? &last.to : NULL,
                                  .own = own ? &mine.to : NULL};
    set_state(k, true);
    ((c2_gemm_px_fn)k->fn)(&args);
    set_state(k, false);
    const bool ok = judge(c, &s, before, acc.acc, m, n_last) && pieces_done(c, &args.meanwhile) &&
                    outputs_check(c, &mine) && (!waits || outputs_check(c, &last));
    outputs_free(&mine);
    if (waits)
        outputs_free(&last);
    guard_free(&acc.buffer);
    guard_free(&pixels);
    guard_free(&weight);
    return ok;
}

/* Where a panel kernel's pixels lie: in a panel, or in overlapping rows of halves that begin
 * anywhere, for each part at the same place of its own. Returns the words. */
static guard_buffer place_pixels(check *c, bool tiny, c2_panel_args *a, ptrdiff_t steps[MAX_TAPS])
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int parts = c2_kernel_parts(k), each = k->mr * BLOCK, n_steps = (int)a->n_steps;
    const bool panel = rng_range(r, 0, 1);
    const ptrdiff_t row = rng_range(r, 0, 40), reach = rng_range(r, 0, 100); /* halves */
    const ptrdiff_t words = panel ? each : (2 * reach + 15 * row + 2 * BLOCK + 1) / 2;
    const int blocks = panel ? n_steps : 1;
    guard_buffer b =
        guard_alloc((size_t)(blocks * parts * words) * sizeof(uint32_t), c->at_end);
    uint32_t *x = b.data;
    for (int s = 0; s < blocks; s++)
        for (ptrdiff_t i = 0; i < words; i++)
            draw_words(c, tiny, parts, x + s * parts * words + i, words);
    guard_protect(&b, false);
    if (panel) {
        c2_panel_pixels(a, x, parts, k->mr);
        return b;
    }
    for (int half = 0; half < 2; half++)
        a->pixels[half] = (const char *)b.data + 2 * rng_range(r, 0, reach);
    if (a->m <= BLOCK)
        a->pixels[1] = NULL;
    a->row = 2 * row;
    a->part = 4 * words;
    a->steps = steps;
    for (int s = 0; s < n_steps; s++)
        steps[s] = 2 * rng_range(r, 0, reach);
    return b;
}

/* The sums of a tile of a panel kernel, whose weights are w. */
static void panel_sums(const check *c, const c2_panel_args *args, const uint32_t *w, sums *s)
{
    const int nr = c->kernel->nr, parts = c2_kernel_parts(c->kernel);
    for (int step = 0; step < (int)args->n_steps; step++)
        for (int i = 0; i < args->m; i++)
            for (int j = 0; j < nr; j++) {
                uint32_t a[C2_MAX_PARTS * BLOCK];
                for (int u = 0; u < parts; u++)
                    memcpy(a + u * BLOCK,
                           (const char *)args->pixels[i / BLOCK] + i % BLOCK * args->row +
                               (args->steps ? args->steps[step] : step * args->step) +
                               u * args->part,
                           BLOCK * sizeof *a);
                const uint32_t *b = w + step * BLOCK * parts * nr + j;
                float *sum = &s->expected[i * nr + j];
                for (int q = 0; q < parts * (parts + 1) / 2; q++)
                    *sum = add_block(*sum, a + products[parts][q][0] * BLOCK,
                                     b + products[parts][q][1] * nr, parts * nr);
                for (int h = 0; h < 2 * BLOCK; h++)
                    count_exact(s, i * nr + j, number_at(a + h / 2, BLOCK, parts, h % 2),
                                number_at(b + h / 2 * parts * nr, nr, parts, h % 2));
            }
    s->n_products = args->n_steps * BLOCK * 2;
}

static bool panel_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int mr = k->mr, nr = k->nr, parts = c2_kernel_parts(k);
    const int m = (int)rng_range(r, 1, mr / BLOCK) * BLOCK, n = check_size(r, nr, BLOCK);
    const int n_steps = (int)rng_range(r, 1, MAX_TAPS);
    const bool accumulate = rng_range(r, 0, 1), tiny = rng_range(r, 0, 3) == 0;
    const bool waits = rng_range(r, 0, 1), own = rng_range(r, 0, 1);
    const int n_tiles = own && !accumulate ? (int)rng_range(r, 1, MAX_TILES) : 1;
    const ptrdiff_t a_tile = n_steps * BLOCK * parts * nr, tile_words = a_tile + 16;
    guard_buffer weight = guard_alloc(
        (size_t)((n_tiles - 1) * tile_words + a_tile) * sizeof(uint32_t), c->at_end);
    uint32_t *w = weight.data;
    for (int t = 0; t < n_tiles; t++)
        for (int q = 0; q < n_steps * BLOCK; q++)
            for (int j = 0; j < nr; j++)
                draw_words(c, tiny, parts, w + t * tile_words + q * parts * nr + j, nr);
    guard_protect(&weight, false);
    size_t pieces = 0;
    /* Fetched ahead: the pages behind the weights are no one's. */
    c2_panel_args args = {.weight = w,
                          .n_steps = (size_t)n_steps,
                          .m = m,
                          .n = (n_tiles - 1) * nr + n,
                          .accumulate = accumulate,
                          .tile_words = tile_words,
                          .next = (uintptr_t)w + (uintptr_t)rng_range(r, 0, 9999),
                          .next_lines = (size_t)rng_range(r, 0, 20),
                          .out = (uintptr_t)w + (uintptr_t)rng_range(r, 0, 9999),
                          .out_row = rng_range(r, -9999, 9999),
                          .out_rows = (size_t)rng_range(r, 0, 2),
                          .meanwhile = {count_piece, &pieces, (size_t)rng_range(r, 0, 40)}};
    ptrdiff_t at[MAX_TAPS];
    guard_buffer pixels = place_pixels(c, tiny, &args, at);
    sums s;
    sums_begin(c, &s, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? s.expected : NULL);
    args.acc = acc.acc;
    _Alignas(64) float waiting[SUMS_TILE];
    outputs last, mine;
    if (waits) {
        draw_waiting(c, &last, false, accumulate || rng_range(r, 0, 1) ? waiting : acc.acc);
        args.late = &last.to;
    }
    float before[SUMS_TILE];
    memcpy(before, acc.acc, (size_t)(mr * nr) * sizeof *before);
    outputs_make(c, &mine, false, (int)rng_range(r, m - BLOCK + 1, m), args.n);
    if (own)
        args.own = &mine.to;
    for (int t = 0; t < n_tiles; t++) {
        if (t > 0)
            sums_begin(c, &s, false);
        panel_sums(c, &args, w + t * tile_words, &s);
        if (t + 1 < n_tiles)
            outputs_expect(&mine, false, s.expected, nr, t * nr);
    }
    set_state(k, true);
    ((c2_panel_fn)k->fn)(&args);
    set_state(k, false);
    const bool ok = judge(c, &s, before, acc.acc, m, n) && pieces_done(c, &args.meanwhile) &&
                    outputs_check(c, &mine) && (!waits || outputs_check(c, &last));
    outputs_free(&mine);
    if (waits)
        outputs_free(&last);
    guard_free(&acc.buffer);
    guard_free(&pixels);
    guard_free(&weight);
    return ok;
}

/* Channel k of a row, or 0 beyond them, in words. */
static void row_words(const uint16_t *row, int klen, int block, uint32_t words[BLOCK])
{
    for (int q = 0; q < BLOCK; q++) {
        const int k = 2 * (block * BLOCK + q);
        words[q] = (k < klen ? row[k] : 0u) | (k + 1 < klen ? (uint32_t)row[k + 1] << 16 : 0u);
    }
}

static bool ch_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int m = check_size(r, k->mr, 1), n = check_size(r, k->nr, BLOCK), nr = k->nr;
    const int klen = check_size(r, MAX_BLOCKS * 2 * BLOCK, 2 * BLOCK);
    const int blocks = (klen + 2 * BLOCK - 1) / (2 * BLOCK);
    const int n_taps = (int)rng_range(r, 1, MAX_TAPS);
    const bool accumulate = rng_range(r, 0, 1), tiny = rng_range(r, 0, 3) == 0;
    guard_buffer weight =
        guard_alloc((size_t)(n_taps * blocks * BLOCK * nr) * sizeof(uint32_t), c->at_end);
    uint32_t *w = weight.data;
    for (int i = 0; i < n_taps * blocks * BLOCK * nr; i++) {
        const int channel = 2 * (i / nr % (blocks * BLOCK));
        draw_words(c, tiny, 1, w + i, 0);
        w[i] &= channel >= klen ? 0 : channel + 1 >= klen ? 0xffff : 0xffffffff;
    }
    guard_protect(&weight, false);
    /* Rows an equal distance apart, forwards or backwards, or anywhere. */
    const int distance = (int)rng_range(r, 0, klen + 3), way = (int)rng_range(r, 0, 2);
    const int reach = distance * (m - 1) + klen;
    guard_buffer pixels = guard_alloc((size_t)reach * sizeof(uint16_t), c->at_end);
    for (int i = 0; i < reach; i++) {
        uint32_t word;
        draw_words(c, tiny, 1, &word, 0);
        ((uint16_t *)pixels.data)[i] = (uint16_t)word;
    }
    guard_protect(&pixels, false);
    guard_buffer table = guard_alloc((size_t)(n_taps * k->mr) * sizeof(void *), c->at_end);
    const void **rows = table.data;
    for (int i = 0; i < n_taps * k->mr; i++) {
        const int row = i % k->mr;
        const int at = way == 0   ? distance * row
                       : way == 1 ? distance * (m - 1 - row)
                                  : (int)rng_range(r, 0, reach - klen);
        rows[i] = row < m ? (const uint16_t *)pixels.data + at : (const void *)8;
    }
    sums s;
    sums_begin(c, &s, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? s.expected : NULL);
    float before[SUMS_TILE];
    memcpy(before, acc.acc, (size_t)(k->mr * nr) * sizeof *before);
    for (int b = 0; b < n_taps * blocks; b++)
        for (int i = 0; i < m; i++) {
            uint32_t words[BLOCK];
            row_words(rows[b / blocks * k->mr + i], klen, b % blocks, words);
            for (int j = 0; j < n; j++) {
                const uint32_t *lane = w + b * BLOCK * nr + j;
                s.expected[i * nr + j] = add_block(s.expected[i * nr + j], words, lane, nr);
                for (int h = 0; h < 2 * BLOCK; h++)
                    count_exact(&s, i * nr + j, number_at(words + h / 2, 0, 1, h % 2),
                                number_at(lane + h / 2 * nr, 0, 1, h % 2));
            }
        }
    s.n_products = (size_t)(n_taps * klen);
    const c2_gemm_ch_args args = {.rows = rows,
                                  .n_tiles = 1,
                                  .n_taps = (size_t)n_taps,
                                  .klen = (size_t)klen,
                                  .weight = w,
                                  .acc = acc.acc,
                                  .m = m,
                                  .n = n,
                                  .accumulate = accumulate};
    set_state(k, true);
    ((c2_gemm_ch_fn)k->fn)(&args);
    set_state(k, false);
    const bool ok = judge(c, &s, before, acc.acc, m, n);
    guard_free(&acc.buffer);
    guard_free(&table);
    guard_free(&pixels);
    guard_free(&weight);
    return ok;
}

bool tiles_case(check *c)
{
    return c->kernel->family == C2_FAMILY_DOT_CH ? ch_case(c) : px_case(c);
}

/* Twice, and given up twice, as tasks of one thread do it. */
static bool state_case(check *c)
{
    for (int i = 0; i < 4; i++)
        set_state(c->kernel, i % 2 == 0);
    return true;
}

/* 4 blocks of words, in the L1 cache; not zeros, on which the clock is higher. */
enum { BENCH_BLOCKS = 4 };
static _Alignas(64) uint32_t bench_weight[BENCH_BLOCKS * PARTS * 32 * BLOCK];
static _Alignas(64) uint32_t bench_pixels[PARTS * BENCH_BLOCKS * BLOCK * 64];
static _Alignas(64) float bench_acc[SUMS_TILE];

double tiles_bench(const c2_kernel *k)
{
    rng random = {1};
    check c = {.random = &random};
    if (!bench_weight[0]) {
        for (size_t i = 0; i < sizeof bench_weight / sizeof *bench_weight; i++)
            draw_words(&c, false, 1, bench_weight + i, 0);
        for (size_t i = 0; i < sizeof bench_pixels / sizeof *bench_pixels; i++)
            draw_words(&c, false, 1, bench_pixels + i, 0);
    }
    set_state(k, true);
    if (k->family == C2_FAMILY_DOT_CH) {
        const void *rows[SUMS_MR];
        for (int i = 0; i < k->mr; i++)
            rows[i] = bench_pixels + i * BENCH_BLOCKS * BLOCK;
        const c2_gemm_ch_args args = {.rows = rows, .n_tiles = 1, .n_taps = 1,
                                      .klen = (size_t)(BENCH_BLOCKS * 2 * BLOCK),
                                      .weight = bench_weight, .acc = bench_acc,
                                      .m = k->mr, .n = k->nr, .accumulate = true};
        ((c2_gemm_ch_fn)k->fn)(&args);
    } else if (k->family == C2_FAMILY_DOT2_CH || k->family == C2_FAMILY_DOT3_CH) {
        c2_panel_args args = {.weight = bench_weight,
                              .n_steps = BENCH_BLOCKS,
                              .acc = bench_acc,
                              .m = k->mr,
                              .n = k->nr,
                              .accumulate = true};
        c2_panel_pixels(&args, bench_pixels, c2_kernel_parts(k), k->mr);
        ((c2_panel_fn)k->fn)(&args);
    } else {
        const c2_tap tap = {bench_pixels, k->nr};
        const c2_gemm_px_args args = {.taps = &tap,
                                      .n_taps = 1,
                                      .klen = (size_t)(BENCH_BLOCKS * BLOCK),
                                      .weight = bench_weight,
                                      .acc = bench_acc,
                                      .m = k->mr,
                                      .n = k->nr,
                                      .accumulate = true,
                                      .part_pitch = (ptrdiff_t)(BENCH_BLOCKS * BLOCK) * k->nr};
        ((c2_gemm_px_fn)k->fn)(&args);
    }
    set_state(k, false);
    return 2.0 * k->mr * k->nr * (double)(BENCH_BLOCKS * BLOCK);
}

static double state_bench(const c2_kernel *k)
{
    set_state(k, true);
    set_state(k, false);
    return 0;
}

const check_family check_dot2_px = {C2_FAMILY_DOT2_PX, px_case, tiles_bench};
const check_family check_dot3_px = {C2_FAMILY_DOT3_PX, px_case, tiles_bench};
const check_family check_dot2_ch = {C2_FAMILY_DOT2_CH, panel_case, tiles_bench};
const check_family check_dot3_ch = {C2_FAMILY_DOT3_CH, panel_case, tiles_bench};
const check_family check_tiles = {C2_FAMILY_TILES, state_case, state_bench};
