/* SPDX-License-Identifier: BSD-2-Clause
 * Images, places and the values in them. */
#include "case_data.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/half.h"
#include "support/rng.h"

/* A quiet NaN with a payload, as float32 and, doubled, as float64; for half types twice a NaN that
 * is one in both. */
uint32_t case_filler(int32_t dtype)
{
    return conv2d_dtype_bytes(dtype) == 2 ? 0x7fde7fdeu : 0x7fc0c0deu;
}

static void *get_memory(size_t bytes)
{
    void *p = malloc(bytes + 1);
    if (!p) {
        fprintf(stderr, "no memory for a test case\n");
        exit(2);
    }
    return p;
}

conv2d_tensor *case_tensor(conv2d_problem *q, int which)
{
    conv2d_tensor *const tensors[] = {&q->input, &q->weight, &q->bias, &q->residual, &q->output};
    return tensors[which];
}

static int64_t count(const conv2d_tensor *t)
{
    int64_t n = t->rank > 0;
    for (int a = 0; a < t->rank; ++a)
        n *= t->sizes[a];
    return n;
}

/* Step to the next element in logical order; false after the last. */
static bool advance(const conv2d_tensor *t, int64_t at[4], int64_t *offset)
{
    for (int a = t->rank - 1; a >= 0; --a) {
        *offset += t->strides[a];
        if (++at[a] < t->sizes[a])
            return true;
        *offset -= at[a] * t->strides[a];
        at[a] = 0;
    }
    return false;
}

void case_store(const conv2d_tensor *t, int64_t offset, double x)
{
    c2_store_f64(t->data, t->dtype, offset, x);
}

static void make_image(conv2d_tensor *t, case_image *image)
{
    int64_t low = 0, high = count(t) > 0 ? 0 : -1;
    for (int a = 0; high >= 0 && a < t->rank; ++a)
        *(t->strides[a] < 0 ? &low : &high) += (t->sizes[a] - 1) * t->strides[a];
    const size_t bytes = conv2d_dtype_bytes(t->dtype);
    image->origin = -low;
    image->n_bytes = (size_t)(high - low + 1) * bytes;
    image->bytes = get_memory(image->n_bytes);
    const uint32_t filler = case_filler(t->dtype);
    for (size_t i = 0; i < image->n_bytes; i += bytes)
        for (size_t j = 0; j < bytes; j += sizeof filler)
            memcpy(image->bytes + i + j, &filler, bytes < sizeof filler ? bytes : sizeof filler);
    t->data = image->bytes + (size_t)image->origin * bytes;
}

/* One value of a tensor whose elements have the given scale. */
static double draw_value(rng *r, const random_case *c, double scale)
{
    if (c->values == VALUES_INTEGER)
        return (double)rng_range(r, -c->integer_max, c->integer_max);
    const double x = rng_normal(r);
    return rng_unit(r) < c->zero_share ? 0 : x * scale;
}

static void fill(rng *r, const random_case *c, conv2d_tensor *t, double scale)
{
    int64_t at[4] = {0, 0, 0, 0}, offset = 0;
    if (count(t) == 0)
        return;
    do
        case_store(t, offset, draw_value(r, c, scale));
    while (advance(t, at, &offset));
}

/* Which of EXPECTED_... the problem may have: F(6,3) runs at accuracy fast alone. */
static bool has_kind(const conv2d_problem *p, int kind)
{
    switch (kind) {
    case EXPECTED_WINDOW:
        return true;
    case EXPECTED_DOT:
        return oracle_has_pairs(p);
    case EXPECTED_FACTORS:
        return p->weight.sizes[1] == 1 && p->params.accuracy != CONV2D_ACCURACY_STRICT;
    case EXPECTED_FFT:
        return oracle_has_fft(p);
    case EXPECTED_SPLIT_2:
    case EXPECTED_SPLIT_3:
        return oracle_has_parts(p, kind - EXPECTED_SPLIT_2 + 2);
    case EXPECTED_SPLIT_TILE_2:
    case EXPECTED_SPLIT_TILE_4:
        return oracle_has_tiles(p) && oracle_has_parts(p, 3);
    case EXPECTED_TILE_6:
        return oracle_has_tiles(p) && p->params.accuracy == CONV2D_ACCURACY_FAST;
    default:
        return oracle_has_tiles(p);
    }
}

/* Element x of filter o's row: 0, 1 and -1, or a number where rounded products of two are close
 * enough; element 0 is 1. */
static double row_factor(const random_case *c, const conv2d_tensor *t, int64_t o, int64_t x)
{
    const int64_t room = (t->sizes[2] - 1) * (t->sizes[3] - 1);
    if (x == 0)
        return 1;
    if (c->values == VALUES_INTEGER || t->dtype != CONV2D_FLOAT32 || room < 9)
        return (double)((x * x + o) % 3 - 1);
    rng r = {c->seed + (uint64_t)(o * 4096 + x)};
    return rng_normal(&r);
}

/* Make filters of the problem's form: column 0 times a row, or (box) one value. */
static void separate(const random_case *c, conv2d_tensor *t)
{
    int64_t at[4] = {0, 0, 0, 0}, offset = 0;
    if (c->problem.weights_form == CONV2D_WEIGHTS_ANY)
        return;
    do {
        const bool box = c->problem.weights_form == CONV2D_WEIGHTS_BOX;
        const int64_t o = c->problem.weights_form >= CONV2D_WEIGHTS_ALIKE ? 0 : at[0];
        const int64_t y = box ? 0 : at[2];
        const double column =
            c2_load_f64(t->data, t->dtype, o * t->strides[0] + y * t->strides[2]);
        case_store(t, offset, column * (box ? 1 : row_factor(c, t, o, at[3])));
    } while (advance(t, at, &offset));
}

static void list_offsets(case_data *d)
{
    const conv2d_tensor *t = &d->problem.output;
    int64_t at[4] = {0, 0, 0, 0}, offset = 0;
    d->n_values = count(t);
    d->offsets = get_memory((size_t)d->n_values * sizeof *d->offsets);
    d->values = get_memory((size_t)d->n_values * sizeof *d->values);
    for (int i = 0; i < EXPECTED_KINDS; ++i)
        if (has_kind(&d->problem, i))
            d->expected[i] = get_memory((size_t)d->n_values * sizeof *d->expected[i]);
    for (int64_t i = 0; i < d->n_values; ++i) {
        d->offsets[i] = offset;
        advance(t, at, &offset);
    }
}

void case_data_make(const random_case *source, case_data *d)
{
    *d = (case_data){.source = source, .problem = source->problem};
    const double addend = source->input_scale * source->weight_scale;
    const double scales[] = {source->input_scale, source->weight_scale, addend, addend, 0};
    rng r = {source->seed ^ 0x632be59bd9b4e019u}; /* not the stream of the shape */
    r.state = rng_u64(&r);
    for (int i = 0; i < CASE_TENSORS; ++i) {
        conv2d_tensor *t = case_tensor(&d->problem, i);
        if (t->rank == 0 || (i == CASE_RESIDUAL && source->in_place))
            continue;
        make_image(t, &d->images[i]);
        if (i != CASE_OUTPUT)
            fill(&r, source, t, scales[i]);
    }
    separate(source, &d->problem.weight);
    if (source->in_place) { /* the residual's values are the output's old ones */
        d->problem.residual.data = d->problem.output.data;
        fill(&r, source, &d->problem.residual, addend);
    }
    list_offsets(d);
}

/* An element with the sum v before the activation, known to within `bound`. */
static expected_value expect(const conv2d_problem *q, bool exact, oracle_value v, long double bound)
{
    const int32_t dtype = q->output.dtype;
    expected_value e = {.want = oracle_activate(&q->params, v.y)};
    if (exact)
        e.want = oracle_round(dtype, e.want);
    if (isnan(e.want) || exact)
        return e;
    /* An infinity in the window: what is finite beside it does not matter, and the activation of an
     * infinity is infinite or a limit that the dtype holds to its last place. */
    e.allowed = isinf(e.want) || isinf(v.s)
                    ? oracle_ulp(dtype, isinf(e.want) ? 0 : e.want)
                    : oracle_bound_after(q, v.y, bound);
    e.may_overflow = conv2d_dtype_bytes(dtype) == 2 && !isinf(e.want) &&
                     isinf(oracle_round(dtype, fabsl(e.want) + e.allowed));
    return e;
}

/* m of the kind's tiles; 0 of fft. */
static int tile_of(int kind)
{
    if (kind == EXPECTED_FFT)
        return 0;
    const int first = kind < EXPECTED_SPLIT_TILE_2 ? EXPECTED_TILE_2 : EXPECTED_SPLIT_TILE_2;
    return 2 * (kind - first) + 2;
}

static long double tile_bound(const conv2d_problem *q, int kind, long double s)
{
    if (kind == EXPECTED_FFT)
        return oracle_fft_bound(q, s);
    return kind < EXPECTED_SPLIT_TILE_2 ? oracle_tile_bound(q, tile_of(kind), s)
                                        : oracle_tile_parts_bound(q, tile_of(kind), s);
}

/* The same of a Winograd algorithm, or of fft; s: S without bias and residual, `addend` their
 * magnitude. F(2,3) of integers is exact while S is below 2^22: all its terms are multiples of
 * 1/4. */
static expected_value expect_tile(const conv2d_problem *q, int kind, bool integers, oracle_value v,
                                  long double s, long double addend)
{
    if (isfinite(addend))
        s += addend;
    const bool in_range = s <= (long double)FLT_MAX / 2;
    const bool exact = integers && tile_of(kind) == 2 && s < 0x1p22L;
    expected_value e = expect(q, exact, v, tile_bound(q, kind, s));
    e.is_never_finite = !in_range && !isfinite(v.y);
    e.may_be_any = !in_range && isfinite(v.y);
    return e;
}

static void solve_tiles(case_data *d, int kind)
{
    const conv2d_problem *q = &d->problem;
    long double *sums = get_memory((size_t)d->n_values * sizeof *sums);
    conv2d_problem sum_alone = *q; /* no bias, no residual: what is left of s is theirs */
    sum_alone.bias.rank = sum_alone.residual.rank = 0;
    oracle_value *window = get_memory((size_t)d->n_values * sizeof *window);
    oracle_run(&sum_alone, window);
    if (kind == EXPECTED_FFT)
        oracle_fft_sums(q, sums);
    else
        oracle_tile_sums(q, tile_of(kind), kind >= EXPECTED_SPLIT_TILE_2, sums);
    for (int64_t i = 0; i < d->n_values; ++i)
        d->expected[kind][i] =
            expect_tile(q, kind, d->source->values == VALUES_INTEGER, d->values[i], sums[i],
                        d->values[i].s - window[i].s);
    free(window);
    free(sums);
}

/* Parts make NaN of infinities; of numbers whose sums are in range they hold the bound. */
static void solve_parts(case_data *d, int parts)
{
    const conv2d_problem *q = &d->problem;
    for (int64_t i = 0; i < d->n_values; ++i) {
        const oracle_value v = d->values[i];
        expected_value e = expect(q, d->source->values == VALUES_INTEGER, v,
                                  oracle_parts_bound(q, parts, v));
        e.is_never_finite = !isfinite(v.y);
        e.may_be_any = isfinite(v.y) && !(v.s <= (long double)FLT_MAX / 2);
        d->expected[EXPECTED_SPLIT_2 + parts - 2][i] = e;
    }
}

/* The expected values of algorithms whose bound is that of n roundings of each product. */
static void solve_windows(case_data *d, int kind, int64_t n)
{
    const conv2d_problem *q = &d->problem;
    const int64_t k = q->weight.sizes[1] * q->weight.sizes[2] * q->weight.sizes[3];
    const long double underflow = oracle_bound(q->output.dtype, k, 0);
    for (int64_t i = 0; i < d->n_values; ++i) {
        const long double s = d->values[i].s;
        const long double roundings =
            oracle_bound(q->output.dtype, n - 2, s) - oracle_bound(q->output.dtype, n - 2, 0);
        d->expected[kind][i] = expect(q, d->source->values == VALUES_INTEGER, d->values[i],
                                      isfinite(s) ? roundings + underflow : s);
    }
}

static void solve_pairs(case_data *d, int64_t k)
{
    const conv2d_problem *q = &d->problem;
    for (int64_t i = 0; i < d->n_values; ++i)
        d->expected[EXPECTED_DOT][i] =
            expect(q, d->source->values == VALUES_INTEGER, d->values[i],
                   oracle_dot_bound(q->output.dtype, k, d->values[i]));
}

void case_data_solve(case_data *d)
{
    const int64_t *w = d->problem.weight.sizes;
    const int64_t strict = w[1] * w[2] * w[3] + 2, factors = w[2] + w[3] + 10;
    oracle_run(&d->problem, d->values);
    solve_windows(d, EXPECTED_WINDOW, strict);
    if (d->expected[EXPECTED_FACTORS])
        solve_windows(d, EXPECTED_FACTORS, factors < strict ? factors : strict);
    static const int tiles[] = {EXPECTED_TILE_2, EXPECTED_TILE_4, EXPECTED_TILE_6, EXPECTED_FFT,
                                EXPECTED_SPLIT_TILE_2, EXPECTED_SPLIT_TILE_4};
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; ++i)
        if (d->expected[tiles[i]])
            solve_tiles(d, tiles[i]);
    for (int parts = 2; parts <= 3; ++parts)
        if (d->expected[EXPECTED_SPLIT_2 + parts - 2])
            solve_parts(d, parts);
    if (d->expected[EXPECTED_DOT])
        solve_pairs(d, strict - 2);
}

void case_data_free(case_data *d)
{
    for (int i = 0; i < CASE_TENSORS; ++i)
        free(d->images[i].bytes);
    free(d->offsets);
    free(d->values);
    for (int i = 0; i < EXPECTED_KINDS; ++i)
        free(d->expected[i]);
}

void case_place_make(const case_data *data, bool at_end, case_place *place)
{
    *place = (case_place){.data = data, .problem = data->problem};
    for (int i = 0; i < CASE_TENSORS; ++i) {
        const case_image *image = &data->images[i];
        conv2d_tensor *t = case_tensor(&place->problem, i);
        if (!image->bytes)
            continue;
        place->buffers[i] = guard_alloc(image->n_bytes, at_end);
        memcpy(place->buffers[i].data, image->bytes, image->n_bytes);
        t->data =
            (char *)place->buffers[i].data + (size_t)image->origin * conv2d_dtype_bytes(t->dtype);
        if (i != CASE_OUTPUT)
            guard_protect(&place->buffers[i], false);
    }
    if (data->source->in_place)
        place->problem.residual.data = place->problem.output.data;
}

void case_place_free(case_place *place)
{
    for (int i = 0; i < CASE_TENSORS; ++i)
        guard_free(&place->buffers[i]);
}

void case_place_reset(case_place *place)
{
    const case_image *image = &place->data->images[CASE_OUTPUT];
    memcpy(place->buffers[CASE_OUTPUT].data, image->bytes, image->n_bytes);
}

bool case_place_untouched(const case_place *place)
{
    const case_image *image = &place->data->images[CASE_OUTPUT];
    return memcmp(place->buffers[CASE_OUTPUT].data, image->bytes, image->n_bytes) == 0;
}

bool case_place_intact(const case_place *place, char *why, size_t capacity)
{
    const case_data *d = place->data;
    const case_image *image = &d->images[CASE_OUTPUT];
    const size_t bytes = conv2d_dtype_bytes(d->problem.output.dtype);
    if ((size_t)d->n_values * bytes == image->n_bytes)
        return true; /* dense: nothing lies between */
    unsigned char *seen = get_memory(image->n_bytes);
    memcpy(seen, place->buffers[CASE_OUTPUT].data, image->n_bytes);
    for (int64_t i = 0; i < d->n_values; ++i) {
        const size_t at = (size_t)(image->origin + d->offsets[i]) * bytes;
        memcpy(seen + at, image->bytes + at, bytes);
    }
    size_t at = 0;
    while (at < image->n_bytes && seen[at] == image->bytes[at])
        ++at;
    free(seen);
    if (at < image->n_bytes)
        snprintf(why, capacity, "byte %zu of the output's memory, between its elements, changed",
                 at);
    return at == image->n_bytes;
}

long double case_place_value(const case_place *place, int64_t i)
{
    return oracle_load(&place->problem.output, place->data->offsets[i]);
}
