/* SPDX-License-Identifier: BSD-2-Clause
 * What the strip driver multiplies: rows of an image, cut into parts; see strip.h. */
#include <string.h>

#include "cpu/interleave.h"
#include "cpu/strip.h"

enum { WORDS = C2_STRIP_RUN / 2, HALF = sizeof(uint16_t) };

/* In front of functions that become a copy for each number of bytes. */
#define C2_FOR_EACH_SIZE static inline __attribute__((always_inline))

/* n rows of `numbers` floats each become parts, `pitch` halves from row to row. */
static void cut(c2_strip *s, const void *const *rows, int n, int64_t numbers, void *to,
                size_t part_bytes, int64_t pitch)
{
    const c2_parts_args a = {rows,
                             n,
                             (size_t)numbers,
                             to,
                             WORDS,
                             (ptrdiff_t)(part_bytes / sizeof(uint32_t)),
                             pitch / 2,
                             s->plan->run % C2_STRIP_RUN ? &s->special : NULL};
    s->parts(&a);
}

static char *row_of(const c2_strip *s, int64_t row, int part)
{
    return s->parts_of + (size_t)part * s->plan->part_bytes + row * s->plan->pitch * HALF;
}

/* Rows [row, row + n) of a strip of rows, which lie at `rows`. */
static void cut_rows(c2_strip *s, int64_t row, int n, const void *const *rows)
{
    const c2_strip_plan *plan = s->plan;
    const int64_t numbers = s->problem->w * plan->pixel;
    const int64_t whole = (int64_t)c2_round_up((size_t)numbers, C2_STRIP_RUN);
    cut(s, rows, n, numbers, row_of(s, row, 0) + plan->left * HALF, plan->part_bytes, plan->pitch);
    for (int i = 0; i < n; i++) {
        for (int part = 0; part < plan->words.parts; part++) {
            char *to = row_of(s, row + i, part);
            memset(to, 0, (size_t)(plan->left * HALF));
            memset(to + (plan->left + whole) * HALF, 0,
                   (size_t)((plan->pitch - plan->left - whole) * HALF));
        }
    }
}

static void fill_rows(c2_strip *s)
{
    const c2_problem *p = s->problem;
    const c2_strip_plan *plan = s->plan;
    const int64_t n = c2_rows_under(p, s->end - s->row), y = s->row * p->stride[0] - p->pad[0];
    const int64_t first = c2_min(n, c2_max(0, -y)), last = c2_max(first, c2_min(n, p->h - y));
    const int64_t bytes = (int64_t)c2_strip_part_bytes(p, plan, s->end - s->row);
    for (int part = 0; part < plan->words.parts; part++) {
        char *to = row_of(s, 0, part);
        memset(to, 0, (size_t)(row_of(s, first, part) - to));
        memset(row_of(s, last, part), 0, (size_t)(to + bytes - row_of(s, last, part)));
    }
    const void *rows[C2_MAX_MR] = {s->line};
    for (int64_t row = first, m; row < last; row += m) {
        m = plan->dense ? c2_min(C2_MAX_MR, last - row) : 1;
        for (int64_t j = 0; plan->dense && j < m; j++)
            rows[j] = s->image + (y + row + j) * p->input_stride[2];
        if (!plan->dense)
            c2_interleave_rows(p, s->widen, s->image, y + row, 1, s->line);
        cut_rows(s, row, (int)m, rows);
    }
}

/* n chunks of `bytes`, one behind the other, to places `pitch` bytes apart. */
C2_FOR_EACH_SIZE void spread(const size_t bytes, const char *from, int64_t n, char *to,
                             int64_t pitch)
{
    for (int64_t i = 0; i < n; i++, from += bytes, to += pitch)
        memcpy(to, from, bytes);
}

static void spread_chunks(size_t bytes, const char *from, int64_t n, char *to, int64_t pitch)
{
    switch (bytes) {
    case 2:
        spread(2, from, n, to, pitch);
        break;
    case 4:
        spread(4, from, n, to, pitch);
        break;
    case 6:
        spread(6, from, n, to, pitch);
        break;
    case 8:
        spread(8, from, n, to, pitch);
        break;
    case 12:
        spread(12, from, n, to, pitch);
        break;
    case 24:
        spread(24, from, n, to, pitch);
        break;
    case 64:
        spread(64, from, n, to, pitch);
        break;
    default:
        spread(bytes, from, n, to, pitch);
    }
}

/* Kernel rows [first, first + n) of all pixels under an output row, 0 in front of the image. What
 * is behind it has been 0 since the strip was filled: these rows lie where pixel x + 1 was. */
static void put(c2_strip *s, int64_t row, int64_t first, int64_t n)
{
    const c2_problem *p = s->problem;
    const c2_strip_plan *plan = s->plan;
    const int64_t chunk = n * p->icg * HALF, pitch = plan->pixel * HALF;
    const void *rows[] = {s->line};
    c2_interleave_rows(p, s->widen, s->image,
                       row * p->stride[0] - p->pad[0] + first * p->dilation[0], n, s->line);
    cut(s, rows, 1, p->w * n * p->icg, s->cut, plan->cut_bytes, 0);
    for (int part = 0; part < plan->words.parts; part++) {
        char *to = c2_strip_at(s, row, -p->pad[1]) + (size_t)part * plan->part_bytes +
                   first * p->icg * HALF;
        const char *from = (const char *)s->cut + (size_t)part * plan->cut_bytes;
        for (int64_t x = 0; x < p->pad[1]; x++, to += pitch)
            memset(to, 0, (size_t)chunk);
        spread_chunks((size_t)chunk, from, p->w, to, pitch);
    }
}

void c2_strip_fill(c2_strip *s)
{
    s->special = false;
    if (!c2_strip_windows(s->plan)) {
        fill_rows(s);
        return;
    }
    const size_t bytes = c2_strip_part_bytes(s->problem, s->plan, s->end - s->row);
    for (int part = 0; part < s->plan->words.parts; part++)
        memset(row_of(s, 0, part), 0, bytes);
    for (int64_t i = 0, n; i < s->problem->kh; i += n) {
        n = c2_min(s->plan->fresh, s->problem->kh - i);
        put(s, s->row, i, n);
    }
}

void c2_strip_move(c2_strip *s, int64_t row)
{
    put(s, row, s->problem->kh - s->plan->fresh, s->plan->fresh);
}
