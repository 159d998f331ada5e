/* SPDX-License-Identifier: BSD-2-Clause
 * Expectations of the GEMM families; see sums.h. */
#include "sums.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void sums_begin(check *c, sums *s, bool accumulate)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; accumulate && i < c->kernel->mr * c->kernel->nr; i++) {
        s->expected[i] =
            c->integers ? (float)rng_range(c->random, -99, 99) : (float)rng_normal(c->random);
        s->exact[i] = (double)s->expected[i];
        s->magnitude[i] = fabs(s->exact[i]);
    }
}

void sums_add(check *c, sums *s, int at, float a, float b)
{
    s->expected[at] = check_add_product(c->kernel, a, b, s->expected[at]);
    s->exact[at] += (double)a * (double)b;
    s->magnitude[at] += fabs((double)a * (double)b);
    if (c2_kernel_parts(c->kernel)) /* denormals are zeros, once for each factor and two sums */
        s->slack[at] += (double)FLT_MIN * (fabs((double)a) + fabs((double)b) + 2);
}

bool sums_check(check *c, sums *s, const float *before, const float *acc, int m, int n)
{
    const int nr = c->kernel->nr;
    memcpy(s->expected + m * nr, before + m * nr,
           (size_t)((c->kernel->mr - m) * nr) * sizeof *before);
    if (!check_tile(c, acc, s->expected, m, n))
        return false;
    const double k = (double)s->n_products + 2, gamma = k * 0x1p-24 / (1 - k * 0x1p-24);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            const double error = fabs((double)acc[i * nr + j] - s->exact[i * nr + j]);
            const double bound = c->integers ? 0 : gamma * s->magnitude[i * nr + j] +
                                                      s->slack[i * nr + j] + k * 0x1p-149;
            if (!(error <= bound)) {
                snprintf(c->why, c->why_bytes, "row %d, lane %d: error %g, bound %g", i, j, error,
                         bound);
                return false;
            }
        }
    }
    return true;
}

bool sums_finished(check *c, const c2_gemm_ch_args *plain, const float *expected)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const size_t bytes = check_pixel_bytes(k);
    const bool streams = bytes == sizeof(float) && rng_range(r, 0, 2) == 0;
    int pitch = plain->n + (int)rng_range(r, 0, 5);
    if (streams) /* of lines of 16 floats */
        pitch = (int)c2_round_up((size_t)plain->n, 16);
    const int turned = (int)rng_range(r, 0, 1), count = plain->n_tiles * plain->m;
    const size_t n = streams ? (size_t)(count * pitch) : (size_t)((count - 1) * pitch + plain->n);
    guard_buffer out = guard_alloc(n * bytes, c->at_end);
    memset(out.data, 0x5a, out.bytes);
    void *pixels[SUMS_MR * SUMS_MR];
    float bias[64];
    for (int i = 0; i < count; i++)
        pixels[i / plain->m * k->mr + i % plain->m] =
            (char *)out.data + (size_t)((turned ? count - 1 - i : i) * pitch) * bytes - 7 * bytes;
    for (int j = 0; j < k->nr; j++)
        bias[j] = c->integers ? (float)rng_range(r, -9, 9) : (float)rng_normal(r);
    c2_gemm_ch_args a = *plain;
    const bool bounded = rng_range(r, 0, 1);
    a.out = pixels;
    a.streams = streams;
    a.at = 7;
    a.bias = bias;
    a.low = bounded ? -2 : -HUGE_VALF;
    a.high = bounded ? 3 : HUGE_VALF;
    ((c2_gemm_ch_fn)k->fn)(&a);
    bool ok = true;
    for (int i = 0; i < count && ok; i++) {
        const int place = turned ? count - 1 - i : i;
        for (int j = 0; j < (place < count - 1 ? pitch : a.n) && ok; j++) {
            char want[sizeof(double)]; /* as c2_store_f64 can write */
            memset(want, 0x5a, sizeof want);
            if (j < a.n) {
                const float y = expected[i * k->nr + j] + bias[j];
                c2_store_f64(want, k->dtype, 0, (double)fminf(a.high, fmaxf(a.low, y)));
            }
            const char *got = (const char *)out.data + (size_t)(place * pitch + j) * bytes;
            ok = memcmp(got, want, bytes) == 0;
            if (!ok)
                snprintf(c->why, c->why_bytes, "%s: pixel %d, channel %d of %d is %a, expected %a",
                         j < a.n ? "wrong result" : "written between pixels", i, j, a.n,
                         c2_load_f64(got, k->dtype, 0), c2_load_f64(want, k->dtype, 0));
        }
    }
    guard_free(&out);
    return ok;
}
