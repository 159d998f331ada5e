/* SPDX-License-Identifier: BSD-2-Clause
 * Names of the axes and their values, the cells an algorithm refuses, printing and checking. */
#include "matrix.h"

#include <stdio.h>
#include <string.h>

typedef struct axis_info {
    const char *name;
    const char *values[MAX_AXIS_VALUES + 1];
} axis_info;

static const axis_info axes[N_AXES] = {
    [AXIS_INPUT] = {"input",
                    {"nchw", "nhwc", "nchw slice", "nhwc slice", "transposed", "expanded",
                     "negative"}},
    [AXIS_OUTPUT] = {"output", {"nchw", "nhwc", "nchw gaps", "nhwc gaps", "transposed"}},
    [AXIS_WEIGHT] = {"weight", {"oihw", "ohwi", "slice", "transposed", "expanded", "negative"}},
    [AXIS_DTYPE] = {"dtype", {"float32", "float64", "float16", "bfloat16"}},
    [AXIS_PADDING] = {"padding", {"none", "zeros", "reflect", "replicate", "circular"}},
    [AXIS_STRIDE] = {"stride", {"1", "2", "3-4", "unequal", "dilated", "both"}},
    [AXIS_KERNEL] = {"kernel", {"1x1", "3x3", "square", "1xk", "kx1", "oblong", "wide"}},
    [AXIS_GROUPS] = {"groups", {"dense", "groups", "depthwise", "multiplier"}},
    [AXIS_ADDEND] = {"addend", {"none", "bias", "residual", "both", "in place"}},
    [AXIS_ACTIVATION] = {"activation",
                         {"none", "relu", "relu6", "clamp", "leaky", "sigmoid", "tanh", "silu",
                          "hswish", "hsigmoid", "gelu", "gelutanh", "mish", "min", "max"}},
    [AXIS_LIMIT] = {"limit", {"none", "0 bytes", "small", "flush"}},
    [AXIS_SIZE] = {"size", {"small", "large", "weights"}},
};

/* Cells that stay empty because the algorithm refuses such problems; values are bits. */
typedef struct refusal {
    const char *algorithm;
    case_axis axis;
    unsigned values;
} refusal;
#define BIT(value) (1u << (value))
#define ALL_BUT(value) (((1u << MAX_AXIS_VALUES) - 1) & ~BIT(value))

static const refusal refusals[] = {
    {"igemm_ch", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"igemm_px", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"gemm1x1_ch", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"gemm1x1_px", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"depthwise_ch", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"depthwise_px", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"depthwise_rows_px", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"depthwise_rows_px", AXIS_KERNEL, ALL_BUT(KERNEL_3X3) & ~BIT(KERNEL_SQUARE)},
    {"depthwise_rows_px", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"depthwise_rows_px", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_SOME)},
    {"depthwise_rows_px", AXIS_PADDING, ALL_BUT(PADDING_ZEROS) & ~BIT(PADDING_NONE)},
    {"depthwise_rows_px", AXIS_STRIDE, BIT(STRIDE_3) | BIT(STRIDE_BOTH)},
    {"depthwise_image_px", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"depthwise_image_px", AXIS_KERNEL, ALL_BUT(KERNEL_3X3) & ~BIT(KERNEL_SQUARE)},
    {"depthwise_image_px", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"depthwise_image_px", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_SOME)},
    {"depthwise_image_px", AXIS_PADDING, ALL_BUT(PADDING_ZEROS) & ~BIT(PADDING_NONE)},
    {"depthwise_image_px", AXIS_STRIDE, BIT(STRIDE_2) | BIT(STRIDE_3)},
    {"depthwise_image_px", AXIS_STRIDE, BIT(STRIDE_UNEQUAL) | BIT(STRIDE_BOTH)},
    {"depthwise_rows_ch", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"depthwise_rows_ch", AXIS_KERNEL, BIT(KERNEL_1X1) | BIT(KERNEL_COLUMN)},
    {"direct_px", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"direct_rows", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"direct_ch", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"direct_ch", AXIS_GROUPS, BIT(GROUPS_SOME)},
    {"direct_sum", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"direct_sum", AXIS_GROUPS, BIT(GROUPS_SOME)},
    {"separable", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"separable", AXIS_KERNEL, BIT(KERNEL_1X1) | BIT(KERNEL_ROW) | BIT(KERNEL_COLUMN)},
    {"separable", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_SOME)},
    {"separable", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"separable", AXIS_WEIGHT, BIT(WEIGHT_EXPANDED)},
    {"fft", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"fft", AXIS_STRIDE, BIT(STRIDE_2) | BIT(STRIDE_3)},
    {"fft", AXIS_STRIDE, BIT(STRIDE_UNEQUAL) | BIT(STRIDE_BOTH)},
    {"fft", AXIS_LIMIT, BIT(LIMIT_ZERO)},
    {"depthwise", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"depthwise", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"depthwise", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_SOME)},
    {"depthwise", AXIS_STRIDE, BIT(STRIDE_3)},
    {"gemm1x1", AXIS_KERNEL, ALL_BUT(KERNEL_1X1)},
    {"gemm1x1", AXIS_PADDING, ALL_BUT(PADDING_NONE)},
    {"grouped", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"grouped_ch", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"grouped_ch", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"grouped_ch", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_DEPTHWISE)},
    {"grouped_px", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"grouped_px", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"grouped_px", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_DEPTHWISE)},
    {"grouped_px", AXIS_PADDING, ALL_BUT(PADDING_ZEROS) & ~BIT(PADDING_NONE)},
    {"grouped_px", AXIS_STRIDE, BIT(STRIDE_3)},
    {"gemm1x1_ch", AXIS_KERNEL, ALL_BUT(KERNEL_1X1)},
    {"gemm1x1_px", AXIS_KERNEL, ALL_BUT(KERNEL_1X1)},
    {"gemm1x1_ch", AXIS_PADDING, ALL_BUT(PADDING_NONE)},
    {"gemm1x1_px", AXIS_PADDING, ALL_BUT(PADDING_NONE)},
    {"depthwise_ch", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"depthwise_px", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"depthwise_rows_ch", AXIS_STRIDE, BIT(STRIDE_3)},
    {"depthwise_rows_ch", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"depthwise_rows_ch", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_SOME)},
    {"depthwise_ch", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_SOME)},
    {"depthwise_px", AXIS_GROUPS, BIT(GROUPS_DENSE) | BIT(GROUPS_SOME)},
    {"winograd_f2x3", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"winograd_f2x3", AXIS_KERNEL, BIT(KERNEL_1X1)},
    {"winograd_f2x3", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"winograd_f4x3", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"winograd_f4x3", AXIS_KERNEL, BIT(KERNEL_1X1)},
    {"winograd_f4x3", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"winograd_f6x3", AXIS_DTYPE, BIT(DTYPE_F64)},
    {"winograd_f6x3", AXIS_KERNEL, BIT(KERNEL_1X1)},
    {"winograd_f6x3", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"winograd_f6x3", AXIS_LIMIT, BIT(LIMIT_ZERO)},
    {"split3_f2x3", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_f2x3", AXIS_KERNEL, BIT(KERNEL_1X1)},
    {"split3_f2x3", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split3_f2x3", AXIS_LIMIT, BIT(LIMIT_ZERO)},
    {"split3_f4x3", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_f4x3", AXIS_KERNEL, BIT(KERNEL_1X1)},
    {"split3_f4x3", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split3_f4x3", AXIS_LIMIT, BIT(LIMIT_ZERO)},
    {"dot_ch", AXIS_DTYPE, ALL_BUT(DTYPE_BF16)},
    {"dot_ch", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"dot_px", AXIS_DTYPE, ALL_BUT(DTYPE_BF16)},
    {"dot_px", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split3_px", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_px", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split2_px", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_ch", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_ch", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split2_ch", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_rows", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_rows", AXIS_KERNEL, BIT(KERNEL_1X1)},
    {"split3_rows", AXIS_GROUPS, BIT(GROUPS_SOME)},
    {"split3_rows", AXIS_PADDING, ALL_BUT(PADDING_ZEROS) & ~BIT(PADDING_NONE)},
    {"split3_groups", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_groups", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split3_groups", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"split3_groups", AXIS_PADDING, ALL_BUT(PADDING_ZEROS) & ~BIT(PADDING_NONE)},
    {"split3_crossed", AXIS_DTYPE, ALL_BUT(DTYPE_F32)},
    {"split3_crossed", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split3_crossed", AXIS_SIZE, BIT(SIZE_WEIGHTS)},
    {"split3_crossed", AXIS_PADDING, ALL_BUT(PADDING_ZEROS) & ~BIT(PADDING_NONE)},
    {"split2_ch", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    {"split2_px", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
};

/* Cells that few of the algorithm's problems reach, whatever the seed. */
static const refusal seldom[] = {
    /* only images of one pixel have neighbouring channels there, few of negative strides do */
    {"dot_ch", AXIS_INPUT, BIT(INPUT_NCHW) | BIT(INPUT_NCHW_SLICE)},
    {"split2_ch", AXIS_INPUT, BIT(INPUT_NCHW) | BIT(INPUT_NCHW_SLICE) | BIT(INPUT_NEGATIVE)},
    {"split3_ch", AXIS_INPUT, BIT(INPUT_NCHW) | BIT(INPUT_NCHW_SLICE) | BIT(INPUT_NEGATIVE)},
    /* only one group of one channel */
    {"split3_rows", AXIS_GROUPS, BIT(GROUPS_DEPTHWISE) | BIT(GROUPS_MULTIPLIER)},
    /* a small limit has no room for 32 tiles' parts of more than a few channels */
    {"split3_f2x3", AXIS_LIMIT, BIT(LIMIT_SMALL)},
    {"split3_f4x3", AXIS_LIMIT, BIT(LIMIT_SMALL)},
    {"split3_f2x3", AXIS_INPUT, BIT(INPUT_NEGATIVE)},
    {"split3_f4x3", AXIS_INPUT, BIT(INPUT_NEGATIVE)},
    /* wide kernels have few channels */
    {"dot_ch", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"dot_px", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    /* nor are they of four pieces of 3 taps at most often */
    {"winograd_f2x3", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"winograd_f4x3", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"winograd_f6x3", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split3_f2x3", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split3_f4x3", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    /* nor are they of several groups and in NCHW often */
    {"grouped_px", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split2_px", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split2_ch", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split3_ch", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split3_px", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split3_groups", AXIS_KERNEL, BIT(KERNEL_WIDE)},
    {"split3_crossed", AXIS_KERNEL, BIT(KERNEL_WIDE)},
};

/* Algorithms for which a few kinds of problems are enough have a run of their own, with --match. */
static const char *const own_runs[] = {"dot_", "split"};

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

bool matrix_wants(const char *algorithm, const char *match)
{
    if (match)
        return begins(algorithm, match);
    for (size_t i = 0; i < sizeof own_runs / sizeof own_runs[0]; ++i)
        if (begins(algorithm, own_runs[i]))
            return false;
    return true;
}

/* More of them on a GPU. */
static const refusal gpu_refusals[] = {
    {"winograd_f2x3", AXIS_LIMIT, BIT(LIMIT_ZERO)},
    {"winograd_f2x3", AXIS_KERNEL, ALL_BUT(KERNEL_3X3)},
    {"winograd_f2x3", AXIS_STRIDE, BIT(STRIDE_2) | BIT(STRIDE_3)},
    {"winograd_f2x3", AXIS_STRIDE, BIT(STRIDE_UNEQUAL) | BIT(STRIDE_BOTH)},
    {"winograd_f4x3", AXIS_LIMIT, BIT(LIMIT_ZERO)},
    {"winograd_f4x3", AXIS_KERNEL, ALL_BUT(KERNEL_3X3)},
    {"winograd_f4x3", AXIS_STRIDE, BIT(STRIDE_2) | BIT(STRIDE_3)},
    {"winograd_f4x3", AXIS_STRIDE, BIT(STRIDE_UNEQUAL) | BIT(STRIDE_BOTH)},
};

static int n_values(int axis)
{
    int n = 0;
    while (axes[axis].values[n])
        ++n;
    return n;
}

static bool listed(const refusal *list, size_t n, const char *algorithm, int axis, int value)
{
    for (size_t i = 0; i < n; ++i)
        if (list[i].axis == (case_axis)axis && (list[i].values >> value & 1) &&
            strcmp(list[i].algorithm, algorithm) == 0)
            return true;
    return false;
}

/* gpu: the device has memory of its own. It lacks float64 and bfloat16. */
static bool refused(const char *algorithm, int axis, int value, bool gpu)
{
    static const unsigned lacking = BIT(DTYPE_F64) | BIT(DTYPE_BF16);
    if (gpu && axis == AXIS_DTYPE && (lacking >> value & 1))
        return true;
    return listed(refusals, sizeof refusals / sizeof refusals[0], algorithm, axis, value) ||
           (gpu && listed(gpu_refusals, sizeof gpu_refusals / sizeof gpu_refusals[0], algorithm,
                          axis, value));
}

void matrix_count(matrix *m, int row, const int label[N_AXES])
{
    for (int a = 0; a < N_AXES; ++a)
        ++m->counts[row][a][label[a]];
}

void matrix_add(matrix *m, const matrix *other)
{
    for (int r = 0; r < N_ROWS; ++r)
        for (int a = 0; a < N_AXES; ++a)
            for (int v = 0; v < MAX_AXIS_VALUES; ++v)
                m->counts[r][a][v] += other->counts[r][a][v];
}

static void print_row(const matrix *m, int row, int axis, const char *name, const char *algorithm,
                      bool gpu)
{
    printf("  %-24s", name);
    for (int v = 0; v < n_values(axis); ++v)
        if (algorithm && refused(algorithm, axis, v, gpu) && m->counts[row][axis][v] == 0)
            printf(" %10s", "-");
        else
            printf(" %10u", m->counts[row][axis][v]);
    printf("\n");
}

void matrix_print(const matrix *m, const candidate *list, int n, bool gpu)
{
    for (int a = 0; a < N_AXES; ++a) {
        printf("%-26s", axes[a].name);
        for (int v = 0; v < n_values(a); ++v)
            printf(" %10s", axes[a].values[v]);
        printf("\n");
        for (int i = 0; i < n; ++i)
            if (!list[i].shadowed)
                print_row(m, i, a, list[i].force, list[i].algorithm, gpu);
        print_row(m, ROW_PLANNER, a, "planner's choice", NULL, gpu);
    }
    printf("(- : the algorithm refuses such problems)\n");
}

int matrix_check(const matrix *m, const candidate *list, int n, bool gpu, uint32_t least,
                 const char *match)
{
    int faults = 0;
    for (int i = 0; i < n; ++i) {
        if (list[i].shadowed || !matrix_wants(list[i].algorithm, match))
            continue;
        for (int a = 0; a < N_AXES; ++a)
            for (int v = 0; v < n_values(a); ++v) {
                if (listed(seldom, sizeof seldom / sizeof seldom[0], list[i].algorithm, a, v))
                    continue;
                const uint32_t seen = m->counts[i][a][v];
                const bool empty = refused(list[i].algorithm, a, v, gpu);
                if (empty ? seen == 0 : seen >= least)
                    continue;
                printf("CELL %s, %s = %s: %u cases, %s %u\n", list[i].force, axes[a].name,
                       axes[a].values[v], seen, empty ? "listed as refused, at most" : "at least",
                       empty ? 0 : least);
                ++faults;
            }
    }
    return faults;
}
