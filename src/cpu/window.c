/* SPDX-License-Identifier: BSD-2-Clause
 * Copying windows of the input; see window.h for the layout. */
#include "cpu/window.h"

#include <string.h>

#include "core/dtype.h"
#include "core/mem.h"
#include "cpu/planes.h"

static c2_axis axis_of(const c2_problem *p, int i, bool split)
{
    c2_axis a = {
        i ? p->kw : p->kh, p->stride[i], p->dilation[i], p->pad[i], i ? p->w : p->h, 0, 0, split};
    /* tap * dilation modulo stride repeats with this period */
    const int64_t period = a.stride / c2_gcd(a.stride, a.dilation);
    a.n_phases = split ? a.k : c2_min(a.k, period);
    a.reach = split ? 0 : (a.k - 1) * a.dilation / a.stride;
    return a;
}

void c2_window_init(c2_window *w, const c2_problem *p, bool split_y, bool split_x)
{
    *w = (c2_window){.y = axis_of(p, 0, split_y),
                     .x = axis_of(p, 1, split_x),
                     .padding_mode = p->padding_mode,
                     .element = (int32_t)c2_dtype_bytes(p->input_dtype),
                     .whole_pixels = p->input_stride[1] == 1 && p->input_stride[3] == p->ic};
}

void c2_window_use(c2_window *w, const c2_kernel *kernel)
{
    w->apart = (c2_apart_fn)c2_cpu_helper(kernel, C2_FAMILY_APART, CONV2D_FLOAT32);
}

bool c2_window_set_block(c2_window *w, int64_t rows, int64_t cols, int64_t n_channels,
                         double most_bytes, size_t *bytes_out)
{
    /* In floating point first, where nothing overflows. */
    const double phases = (double)w->y.n_phases * (double)w->x.n_phases;
    const double about = phases * ((double)rows + (double)w->y.reach) *
                         ((double)cols + (double)w->x.reach) * (double)n_channels;
    if (about * w->element > most_bytes)
        return false;
    const int64_t pitch = cols + w->x.reach;
    const int64_t elements = w->y.n_phases * w->x.n_phases * (rows + w->y.reach) * pitch;
    int64_t channel_pitch = (int64_t)c2_round_up((size_t)elements, 16);
    /* Channels a multiple of 4 KiB apart would share one set of the L1 cache. */
    if (channel_pitch % 256 == 0)
        channel_pitch += 16;
    const int64_t all = n_channels * channel_pitch + C2_WINDOW_SLACK;
    if ((double)all * w->element > most_bytes)
        return false;
    w->rows = rows;
    w->cols = cols;
    w->pitch = pitch;
    w->channel_pitch = channel_pitch;
    *bytes_out = (size_t)all * (size_t)w->element;
    return true;
}

static int64_t phase_of(const c2_axis *a, int64_t tap)
{
    return tap % a->n_phases;
}
static int64_t phase_base(const c2_axis *a, int64_t phase)
{
    return a->split ? phase * a->dilation : phase * a->dilation % a->stride;
}
static int64_t lane_of(const c2_axis *a, int64_t tap)
{
    return a->split ? 0 : tap * a->dilation / a->stride;
}

int64_t c2_window_tap(const c2_window *w, int64_t ky, int64_t kx)
{
    const int64_t phase = phase_of(&w->y, ky) * w->x.n_phases + phase_of(&w->x, kx);
    return (phase * (w->rows + w->y.reach) + lane_of(&w->y, ky)) * w->pitch + lane_of(&w->x, kx);
}

/* Copies of one phase of a row: lanes [begin, end) lie inside the image. */
typedef struct span {
    int64_t first; /* image coordinate of lane 0; may be outside */
    int64_t n, begin, end;
} span;

static span span_of(const c2_axis *a, int64_t phase, int64_t out, int64_t n)
{
    span s = {out * a->stride + phase_base(a, phase) - a->pad, n, 0, n};
    /* first + i * stride >= 0, and < size */
    if (s.first < 0)
        s.begin = c2_min(n, (-s.first + a->stride - 1) / a->stride);
    s.end = s.first < a->size ? c2_min(n, (a->size - 1 - s.first) / a->stride + 1) : 0;
    s.end = c2_max(s.end, s.begin);
    return s;
}

/* to[i] = from[2 * i]. Vectors as long as the float after their last one is needed as well: nothing
 * behind the row is read. */
static void copy_every_second(const float *from, int64_t n, float *to)
{
    typedef float four __attribute__((vector_size(16)));
    int64_t i = 0;
    for (; i + 4 < n; i += 4) {
        four a, b;
        memcpy(&a, from + 2 * i, sizeof a);
        memcpy(&b, from + 2 * i + 4, sizeof b);
        a = __builtin_shufflevector(a, b, 0, 2, 4, 6);
        memcpy(to + i, &a, sizeof a);
    }
    for (; i < n; i++)
        to[i] = from[2 * i];
}

/* Lanes [begin, end) of a row one by one, padded ones among them. */
C2_FOR_EACH_SIZE void copy_lanes(const int64_t element, const c2_window *w, int64_t first,
                                 int64_t begin, int64_t end, const char *row, int64_t x_stride,
                                 char *to)
{
    for (int64_t i = begin; i < end; i++) {
        const int64_t x = c2_pad_index(w->padding_mode, first + i * w->x.stride, w->x.size);
        if (x < 0)
            memset(to + i * element, 0, (size_t)element);
        else
            memcpy(to + i * element, row + x * x_stride * element, (size_t)element);
    }
}

C2_FOR_EACH_SIZE void copy_row(const int64_t element, const c2_window *w, const span *s,
                               const char *row, int64_t x_stride, char *to)
{
    const c2_axis *a = &w->x;
    const char *from = row + (s->first + s->begin * a->stride) * x_stride * element;
    char *begin = to + s->begin * element;
    const int64_t step = a->stride * x_stride, n = s->end - s->begin;
    if (n > 0 && step == 1) {
        memcpy(begin, from, (size_t)(n * element));
    } else if (step == 2 && element == sizeof(float)) {
        copy_every_second((const float *)(const void *)from, n, (float *)(void *)begin);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(begin + i * element, from + i * step * element, (size_t)element);
    }
    copy_lanes(element, w, s->first, 0, s->begin, row, x_stride, to);
    copy_lanes(element, w, s->first, s->end, s->n, row, x_stride, to);
}

C2_FOR_EACH_SIZE void fill_phase(const int64_t element, const c2_window *w, const c2_block *block,
                                 const char *channel, const int64_t stride[3], const span *x,
                                 int64_t phase_y, char *to)
{
    const int64_t first = block->y * w->y.stride + phase_base(&w->y, phase_y) - w->y.pad;
    const int64_t n = block->rows + w->y.reach;
    for (int64_t i = 0; i < n; i++, to += w->pitch * element) {
        const int64_t y = c2_pad_index(w->padding_mode, first + i * w->y.stride, w->y.size);
        if (y < 0)
            memset(to, 0, (size_t)(w->pitch * element));
        else
            copy_row(element, w, x, channel + y * stride[1] * element, stride[2], to);
    }
}

enum { LONG_ROW = 48 }; /* lanes; a call for less takes longer than copying them */

/* Whether w->apart makes all phases of a row at once. */
static bool goes_apart(const c2_window *w, const int64_t stride[3])
{
    return w->element == sizeof(float) && stride[2] == 1 && !w->x.split &&
           (w->x.stride == 2 || w->x.stride == 4) && w->x.n_phases > 1 && w->cols >= LONG_ROW;
}

/* All phases of a row, `distance` floats one after the other: lanes that all of them have inside
 * the image by one call. */
static void take_apart(const c2_window *w, const span phases[], const float *row, float *to,
                       int64_t distance)
{
    c2_apart_args a = {.step = (int)w->x.stride};
    int64_t begin = 0, end = phases[0].n;
    for (int64_t px = 0; px < w->x.n_phases; px++) {
        begin = c2_max(begin, phases[px].begin);
        end = c2_min(end, phases[px].end);
    }
    /* Floats of phases that no tap uses are read as well. */
    end = c2_max(begin, c2_min(end, (w->x.size - phases[0].first) / w->x.stride));
    a.n = end - begin;
    a.from = row + phases[0].first + begin * w->x.stride; /* phase 0 is the first pixel's */
    for (int64_t px = 0; px < w->x.n_phases; px++) {
        float *phase = to + px * distance;
        a.to[phase_base(&w->x, px)] = phase + begin;
        copy_lanes(sizeof *row, w, phases[px].first, 0, begin, (const char *)row, 1, (char *)phase);
        copy_lanes(sizeof *row, w, phases[px].first, end, phases[px].n, (const char *)row, 1,
                   (char *)phase);
    }
    if (a.n > 0)
        w->apart(&a);
}

static void fill_apart(const c2_window *w, const c2_block *block, const float *channel,
                       const int64_t stride[3], float *to)
{
    const int64_t n = block->rows + w->y.reach;
    const int64_t distance = (w->rows + w->y.reach) * w->pitch;
    span phases[4];
    for (int64_t px = 0; px < w->x.n_phases; px++)
        phases[px] = span_of(&w->x, px, block->x, block->cols + w->x.reach);
    for (int64_t i = 0; i < n; i++)
        for (int64_t py = 0; py < w->y.n_phases; py++) { /* the image's rows in their order */
            const int64_t first = block->y * w->y.stride + phase_base(&w->y, py) - w->y.pad;
            const int64_t y = c2_pad_index(w->padding_mode, first + i * w->y.stride, w->y.size);
            float *row_to = to + py * w->x.n_phases * distance + i * w->pitch;
            if (y >= 0)
                take_apart(w, phases, channel + y * stride[1], row_to, distance);
            for (int64_t px = 0; y < 0 && px < w->x.n_phases; px++)
                memset(row_to + px * distance, 0, (size_t)w->pitch * sizeof *to);
        }
}

/* One phase of a row for all channels, which are neighbours in memory. */
static void split_row(const c2_window *w, const span *s, const float *row, int64_t x_stride,
                      int64_t n_channels, float *to)
{
    const c2_axis *a = &w->x;
    c2_planes_split(row + (s->first + s->begin * a->stride) * x_stride, a->stride * x_stride,
                    s->end - s->begin, n_channels, w->whole_pixels, to + s->begin,
                    w->channel_pitch);
    for (int64_t i = 0; i < s->n; i++) {
        if (i == s->begin)
            i = s->end;
        if (i >= s->n)
            break;
        const int64_t x = c2_pad_index(w->padding_mode, s->first + i * a->stride, a->size);
        for (int64_t c = 0; c < n_channels; c++)
            to[c * w->channel_pitch + i] = x < 0 ? 0 : row[x * x_stride + c];
    }
}

static void split_phase(const c2_window *w, const c2_block *block, const float *image,
                        const int64_t stride[3], int64_t n_channels, const span *x, int64_t phase_y,
                        float *to)
{
    const int64_t first = block->y * w->y.stride + phase_base(&w->y, phase_y) - w->y.pad;
    const int64_t n = block->rows + w->y.reach;
    for (int64_t i = 0; i < n; i++, to += w->pitch) {
        const int64_t y = c2_pad_index(w->padding_mode, first + i * w->y.stride, w->y.size);
        if (y >= 0) {
            split_row(w, x, image + y * stride[1], stride[2], n_channels, to);
            continue;
        }
        for (int64_t c = 0; c < n_channels; c++)
            memset(to + c * w->channel_pitch, 0, (size_t)w->pitch * sizeof(float));
    }
}

C2_FOR_EACH_SIZE void fill(const int64_t element, const c2_window *w, const c2_block *block,
                           const char *image, const int64_t stride[3], int64_t n_channels, char *to)
{
    const int64_t phase = (w->rows + w->y.reach) * w->pitch;
    const int64_t used = w->y.n_phases * w->x.n_phases * phase;
    const bool apart = goes_apart(w, stride);
    for (int64_t c = 0; apart && c < n_channels; c++)
        fill_apart(w, block, (const float *)(const void *)image + c * stride[0], stride,
                   (float *)(void *)to + c * w->channel_pitch);
    for (int64_t px = 0; !apart && px < w->x.n_phases; px++) {
        const span x = span_of(&w->x, px, block->x, block->cols + w->x.reach);
        const bool split = element == sizeof(float) && stride[0] == 1 && n_channels > 1;
        for (int64_t py = 0; split && py < w->y.n_phases; py++)
            split_phase(w, block, (const float *)(const void *)image, stride, n_channels, &x, py,
                        (float *)(void *)to + (py * w->x.n_phases + px) * phase);
        for (int64_t c = 0; !split && c < n_channels; c++) {
            for (int64_t py = 0; py < w->y.n_phases; py++)
                fill_phase(element, w, block, image + c * stride[0] * element, stride, &x, py,
                           to + (c * w->channel_pitch + (py * w->x.n_phases + px) * phase) *
                                    element);
        }
    }
    for (int64_t c = 0; c < n_channels; c++)
        memset(to + (c * w->channel_pitch + used) * element, 0,
               (size_t)((w->channel_pitch - used) * element));
    memset(to + n_channels * w->channel_pitch * element, 0, (size_t)(C2_WINDOW_SLACK * element));
}

void c2_window_fill(const c2_window *w, const c2_block *block, const void *image,
                    const int64_t stride[3], int64_t n_channels, void *to)
{
    if (w->element == sizeof(float))
        fill(sizeof(float), w, block, image, stride, n_channels, to);
    else
        fill(sizeof(uint16_t), w, block, image, stride, n_channels, to);
}
