/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd's filter transform: with the other two matrices of docs/numerics.md it makes a
 * convolution, for every pixel, tap and input. */
#include <math.h>
#include <stdbool.h>

#include "core/cmocka_all.h"
#include "gpu/winograd.h"

enum { MOST = 6 };

/* Rows: points; A: outputs, B: inputs. */
static const double a_2[4][4] = {{1, 0}, {1, 1}, {1, -1}, {0, 1}};
static const double b_2[4][MOST] = {{1, 0, -1}, {0, 1, 1}, {0, -1, 1}, {0, -1, 0, 1}};
static const double a_4[6][4] = {{1, 0, 0, 0},       {1, 1, 1, 1},   {1, -1, 1, -1},
                                 {1, 0.5, 0.25, 0.125}, {1, -2, 4, -8}, {0, 0, 0, 1}};
static const double b_4[6][MOST] = {{1, -1.5, -2, 1.5, 1}, {0, -1, 0.5, 2.5, 1},
                                    {0, 1, -2.5, 0.5, 1},  {0, -2, -1, 2, 1},
                                    {0, 0.5, -1, -0.5, 1}, {0, 1, -1.5, -2, 1.5, 1}};

/* A[p][i], B[p][j] of F(m,3). */
static double a_of(int m, int p, int i)
{
    return m == 2 ? a_2[p][i] : a_4[p][i];
}
static double b_of(int m, int p, int j)
{
    return m == 2 ? b_2[p][j] : b_4[p][j];
}

static void check(int m)
{
    const int edge = m + 2;
    for (int tap = 0; tap < 9; tap++) {
        double g[9] = {0};
        float points[C2_GPU_WINOGRAD_MOST_POINTS];
        g[tap] = 1;
        c2_gpu_winograd_filter(m, g, points);
        for (int out = 0; out < m * m; out++)
            for (int in = 0; in < edge * edge; in++) {
                double y = 0;
                for (int p = 0; p < edge * edge; p++)
                    y += a_of(m, p / edge, out / m) * a_of(m, p % edge, out % m) *
                         (double)points[p] * b_of(m, p / edge, in / edge) *
                         b_of(m, p % edge, in % edge);
                const bool hit = in / edge == out / m + tap / 3 && in % edge == out % m + tap % 3;
                assert_true(fabs(y - (hit ? 1 : 0)) < 1e-4);
            }
    }
}

static void test_f2(void **state)
{
    (void)state;
    check(2);
}

static void test_f4(void **state)
{
    (void)state;
    check(4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f2), cmocka_unit_test(test_f4)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
