/* SPDX-License-Identifier: BSD-2-Clause
 * G at the points 0, 1, -1, infinity (m = 2) and 0, 1, -1, 1/2, -2, infinity (m = 4): a row is
 * (1, a, a^2) over the product of the differences to the other finite points. */
#include "gpu/winograd.h"

static const double rows_2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
static const double rows_4[6][3] = {{1, 0, 0},
                                    {1 / 3.0, 1 / 3.0, 1 / 3.0},
                                    {-1 / 3.0, 1 / 3.0, -1 / 3.0},
                                    {-16 / 15.0, -8 / 15.0, -4 / 15.0},
                                    {1 / 15.0, -2 / 15.0, 4 / 15.0},
                                    {0, 0, 1}};

static double dot(const double a[3], double x, double y, double z)
{
    return a[0] * x + a[1] * y + a[2] * z;
}

void c2_gpu_winograd_filter(int m, const double g[9], float *points)
{
    const double(*rows)[3] = m == 2 ? rows_2 : rows_4;
    const int edge = m + 2;
    for (int i = 0; i < edge; i++) {
        double line[3];
        for (int x = 0; x < 3; x++)
            line[x] = dot(rows[i], g[x], g[3 + x], g[6 + x]);
        for (int j = 0; j < edge; j++)
            points[i * edge + j] = (float)dot(rows[j], line[0], line[1], line[2]);
    }
}
