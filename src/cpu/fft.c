/* SPDX-License-Identifier: BSD-2-Clause
 * The run of the fft algorithm. A task is a pair of tiles of an image and a group: rows of both are
 * fetched as complex numbers, padding included, and transformed; columns make a spectrum of each
 * input channel. For each output channel, products with the filters' spectra are added up, channel
 * after channel, and transformed back, columns first, then only the rows that are results. */
#include <string.h>

#include "core/dtype.h"
#include "core/half.h"
#include "cpu/fft.h"
#include "cpu/window.h"

struct c2_state {
    c2_fft_plan plan;
    c2_fft_states states;
    c2_window window; /* of one row */
    c2_epilogue_fn epilogue;
    int64_t element; /* bytes of a pixel */
};

/* One task. */
typedef struct pair {
    const c2_state *s;
    const c2_run_args *args;
    int64_t n, group;
    c2_block tile[2]; /* the second one may be empty */
    c2_complex *spectra, *sum, *plane, *row;
    float *reals[2];
    char *window;
} pair;

static c2_block tile_at(const c2_fft_plan *d, int64_t i)
{
    const int64_t ty = i / d->tiles[1].n, tx = i % d->tiles[1].n;
    if (ty >= d->tiles[0].n)
        return (c2_block){0, 0, 0, 0};
    const int64_t y = c2_split_begin(&d->tiles[0], ty), x = c2_split_begin(&d->tiles[1], tx);
    return (c2_block){y, x, c2_split_begin(&d->tiles[0], ty + 1) - y,
                      c2_split_begin(&d->tiles[1], tx + 1) - x};
}

/* Row y of what tile i reads of a channel, into one part of the complex row; where there is none,
 * zeros. */
static void fetch_row(const pair *t, int i, const char *image, int64_t y)
{
    const c2_fft_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    const c2_block *tile = &t->tile[i];
    float *part = &t->row->re + i;
    int64_t n = 0;
    if (tile->rows > 0 && y < tile->rows + d->extent[0] - 1) {
        n = tile->cols + d->extent[1] - 1;
        const c2_block row = {tile->y + y, tile->x, 1, n};
        c2_window_fill(&t->s->window, &row, image, p->input_stride + 1, 1, t->window);
        for (int64_t x = 0; x < n; x++)
            part[2 * x] = c2_load_f32(t->window, p->input_dtype, x);
    }
    for (int64_t x = n; x < d->size[1]; x++)
        part[2 * x] = 0;
}

static void transform_channel(const pair *t, int64_t c)
{
    const c2_fft_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    const int64_t channel = t->group * p->icg + c, pitch = c2_fft_pitch(d->size[1]);
    const char *image = (const char *)t->args->input.data +
                        (t->n * p->input_stride[0] + channel * p->input_stride[1]) * t->s->element;
    const int64_t rows = c2_max(t->tile[0].rows, t->tile[1].rows) + d->extent[0] - 1;
    for (int64_t y = 0; y < rows; y++) {
        fetch_row(t, 0, image, y);
        fetch_row(t, 1, image, y);
        c2_kiss_run(t->s->states.forward[1], t->row, 1, t->plane + y * pitch);
    }
    memset(t->plane + rows * pitch, 0, (size_t)((d->size[0] - rows) * pitch) * sizeof *t->plane);
    c2_fft_turn(d, &t->s->states, t->plane, t->spectra + c * d->points);
}

static void multiply(const c2_complex *restrict a, const c2_complex *restrict b, int64_t n,
                     c2_complex *restrict to)
{
    for (int64_t i = 0; i < n; i++) {
        to[i].re = a[i].re * b[i].re - a[i].im * b[i].im;
        to[i].im = a[i].re * b[i].im + a[i].im * b[i].re;
    }
}

static void multiply_add(const c2_complex *restrict a, const c2_complex *restrict b, int64_t n,
                         c2_complex *restrict to)
{
    for (int64_t i = 0; i < n; i++) {
        to[i].re += a[i].re * b[i].re - a[i].im * b[i].im;
        to[i].im += a[i].re * b[i].im + a[i].im * b[i].re;
    }
}

static void sum_products(const pair *t, const c2_complex *filters)
{
    const int64_t points = t->s->plan.points;
    multiply(t->spectra, filters, points, t->sum);
    for (int64_t c = 1; c < t->args->problem->icg; c++)
        multiply_add(t->spectra + c * points, filters + c * points, points, t->sum);
}

static void store_row(const pair *t, const c2_target *target, int i, int64_t y)
{
    const c2_block *tile = &t->tile[i];
    if (y >= tile->rows)
        return;
    const float *part = &t->row->re + i;
    for (int64_t x = 0; x < tile->cols; x++)
        t->reals[i][x] = part[2 * x];
    const c2_lanes lanes = {0, tile->cols, tile->cols, tile->cols, tile->y + y, tile->x};
    c2_store_channel_rows(target, t->reals[i], tile->cols, 1, &lanes);
}

static void make_results(const pair *t, int64_t oc)
{
    const c2_fft_plan *d = &t->s->plan;
    const c2_target target = c2_target_of(t->args, t->s->epilogue, t->n, oc);
    const int64_t pitch = c2_fft_pitch(d->size[0]);
    const int64_t rows = c2_max(t->tile[0].rows, t->tile[1].rows);
    for (int64_t x = 0; x < d->size[1]; x++)
        c2_kiss_run(t->s->states.inverse[0], t->sum + x * d->size[0], 1, t->plane + x * pitch);
    for (int64_t y = 0; y < rows; y++) {
        c2_kiss_run(t->s->states.inverse[1], t->plane + y, (int)pitch, t->row);
        store_row(t, &target, 0, y);
        store_row(t, &target, 1, y);
    }
}

static void carve(pair *t, char *scratch)
{
    const c2_fft_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    t->spectra = (c2_complex *)(void *)scratch;
    t->sum = t->spectra + p->icg * d->points;
    t->plane = (c2_complex *)(void *)(scratch += (size_t)((p->icg + 1) * d->points) *
                                                 sizeof *t->sum);
    t->row = (c2_complex *)(void *)(scratch += d->plane_bytes);
    t->reals[0] = (float *)(void *)(scratch += d->row_bytes);
    t->reals[1] = t->reals[0] + d->size[1];
    t->window = scratch + d->row_bytes;
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_fft_plan *d = &s->plan;
    const c2_problem *p = args->problem;
    const int64_t at = (int64_t)task, i = at / p->groups % d->n_pairs;
    pair t = {.s = s,
              .args = args,
              .n = at / p->groups / d->n_pairs,
              .group = at % p->groups,
              .tile = {tile_at(d, 2 * i), tile_at(d, 2 * i + 1)}};
    carve(&t, (char *)args->workspace + (size_t)worker * d->scratch_bytes);
    for (int64_t c = 0; c < p->icg; c++)
        transform_channel(&t, c);
    const c2_complex *filters = args->packed->host;
    for (int64_t oc = t.group * p->ocg; oc < (t.group + 1) * p->ocg; oc++) {
        sum_products(&t, filters + oc * p->icg * d->points);
        make_results(&t, oc);
    }
}

conv2d_status c2_fft_run(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    return c2_cpu_parallel(s, args, (size_t)(p->n * p->groups * s->plan.n_pairs), run_task);
}

void c2_fft_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_fft_states_free(&device->allocator, &s->states);
    c2_free(&device->allocator, s, sizeof *s);
}

conv2d_status c2_fft_create(conv2d_device *device, const c2_problem *p, const c2_fft_plan *plan,
                            c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    const conv2d_status status = c2_fft_states_make(&device->allocator, plan, &s->states);
    if (status != CONV2D_OK) {
        c2_free(&device->allocator, s, sizeof *s);
        return status;
    }
    const c2_kernel *epilogue = c2_cpu_kernel(device, C2_FAMILY_EPILOGUE, 0);
    /* A kernel of one tap: windows are rows of the padded image. */
    c2_problem rows = *p;
    rows.kh = rows.kw = rows.stride[0] = rows.stride[1] = rows.dilation[0] = rows.dilation[1] = 1;
    size_t bytes;
    c2_window_init(&s->window, &rows, false, false);
    c2_window_use(&s->window, epilogue);
    c2_window_set_block(&s->window, 1, plan->size[1], 1, (double)plan->row_bytes, &bytes);
    s->plan = *plan;
    s->epilogue = c2_cpu_epilogue(epilogue, p->output_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    *state_out = s;
    return CONV2D_OK;
}
