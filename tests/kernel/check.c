/* SPDX-License-Identifier: BSD-2-Clause
 * Helpers of the kernel checks: sizes, values, accumulators with canaries, comparison. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/dtype.h"
#include "emulate_bf16.h"

static const uint32_t canary = 0x7fa5a5a5; /* a NaN that no arithmetic makes */
enum { CANARY_FLOATS = 16 };

int check_size(rng *r, int limit, int step)
{
    const int near = step * (int)rng_range(r, 0, limit / step) + (int)rng_range(r, -1, 1);
    const int choices[] = {1, limit, near, (int)rng_range(r, 1, limit)};
    const int size = choices[rng_range(r, 0, 3)];
    return size < 1 ? 1 : size > limit ? limit : size;
}

static guard_buffer values_of(check *c, int32_t dtype, size_t bytes, size_t n)
{
    guard_buffer b = guard_alloc(n * bytes, c->at_end);
    for (size_t i = 0; i < n; i++)
        c2_store_f64(b.data, dtype, (int64_t)i,
                     c->integers ? (double)rng_range(c->random, -8, 8) : rng_normal(c->random));
    guard_protect(&b, false);
    return b;
}

guard_buffer check_values(check *c, size_t n)
{
    return values_of(c, CONV2D_FLOAT32, sizeof(float), n);
}

guard_buffer check_pixels(check *c, size_t n)
{
    return values_of(c, c->kernel->dtype, check_pixel_bytes(c->kernel), n);
}

float check_pixel(const c2_kernel *kernel, const void *pixels, ptrdiff_t i)
{
    return c2_load_f32(pixels, kernel->dtype, i);
}

size_t check_pixel_bytes(const c2_kernel *kernel)
{
    return kernel->dtype == CONV2D_FLOAT32 ? sizeof(float) : sizeof(uint16_t);
}

float check_add_product(const c2_kernel *kernel, float a, float b, float sum)
{
    if (c2_kernel_parts(kernel))
        return emulate_fma(a, b, sum);
    return strcmp(kernel->isa, "generic") == 0 ? a * b + sum : fmaf(a, b, sum);
}

int check_lanes(const c2_kernel *kernel)
{
    for (int i = 0; i < c2_n_kernels; i++)
        if (c2_kernels[i].family == C2_FAMILY_EPILOGUE &&
            strcmp(c2_kernels[i].isa, c2_kernel_base(kernel)) == 0)
            return c2_kernels[i].nr;
    return kernel->nr;
}

check_acc check_acc_make(check *c, const float *initial)
{
    const size_t n = (size_t)(c->kernel->mr * c->kernel->nr), all = n + CANARY_FLOATS;
    /* The accumulators are aligned to 64 bytes wherever the guard page lies. */
    const size_t bytes = (all * sizeof(float) + 63) / 64 * 64;
    check_acc a = {guard_alloc(bytes, c->at_end), NULL};
    a.acc = a.buffer.data;
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        memcpy(a.acc + i, i < n && initial ? &initial[i] : (const float *)(const void *)&canary,
               sizeof canary);
    return a;
}

static bool differs(const char *what, check *c, int row, int lane, float got, float expected)
{
    snprintf(c->why, c->why_bytes, "%s: row %d, lane %d is %a, expected %a", what, row, lane,
             (double)got, (double)expected);
    return false;
}

bool check_tile(check *c, const float *acc, const float *expected, int m, int n)
{
    const int mr = c->kernel->mr, nr = c->kernel->nr;
    for (int i = 0; i < mr; i++) {
        for (int j = 0; j < nr; j++) {
            const int at = i * nr + j;
            /* Lanes n .. nr of a row in use may hold anything. */
            if (i < m && j >= n)
                continue;
            if (memcmp(&acc[at], &expected[at], sizeof *acc) != 0)
                return differs(i < m ? "wrong sum" : "row that was not asked for", c, i, j, acc[at],
                               expected[at]);
        }
    }
    for (int i = 0; i < CANARY_FLOATS; i++)
        if (memcmp(&acc[mr * nr + i], &canary, sizeof canary) != 0)
            return differs("written behind the tile", c, mr, i, acc[mr * nr + i], 0);
    return true;
}

bool check_rows_are(check *c, const check_rows *r)
{
    const size_t element = c2_dtype_bytes(r->dtype);
    for (ptrdiff_t i = 0; i < r->rows; i++) {
        for (ptrdiff_t j = 0; j < (i < r->rows - 1 ? r->pitch : r->lanes); j++) {
            const char *got = (const char *)r->out + (size_t)(i * r->pitch + j) * element;
            char want[sizeof(double)]; /* as c2_store_f64 can write */
            memset(want, CHECK_FILL, sizeof want);
            if (j < r->lanes)
                c2_store_f64(want, r->dtype, 0, (double)r->expected(r->context, i, j));
            if (memcmp(got, want, element) != 0) {
                snprintf(c->why, c->why_bytes, "%s: row %d of %d, lane %d of %d is %a, expected %a",
                         j < r->lanes ? "wrong output" : "written between rows", (int)i,
                         (int)r->rows, (int)j, (int)r->lanes, c2_load_f64(got, r->dtype, 0),
                         c2_load_f64(want, r->dtype, 0));
                return false;
            }
        }
    }
    return true;
}
