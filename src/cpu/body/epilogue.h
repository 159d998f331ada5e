/* SPDX-License-Identifier: BSD-2-Clause
 * epilogue: out = activation((acc + bias) + residual) for a finished tile, any strides of out and
 * residual; all in float32, rounded to the type of out at the end. Columns with unit stride go by
 * vectors. Where rows have it instead (pixels of a channels-last tile stored as NCHW), strips of
 * the tile are transposed first; others go element by element through a small buffer. Cheap
 * activations are vector code with the operations of c2_activate_f32 in the same order; the others
 * call it, so every path gives the same bits. */
#include "core/activation.h"
#include "cpu/body/body.h"

typedef struct act {
    int32_t kind;
    vf low, high, alpha;
    const c2_post *post;
} act;

C2_ALWAYS_INLINE vf elementwise(const c2_post *post, vf x)
{
    float lanes[VF];
    vf_store(lanes, x);
    for (int i = 0; i < VF; i++)
        lanes[i] = c2_activate_f32(post, lanes[i]);
    return vf_load(lanes);
}

C2_ALWAYS_INLINE vf activate(const act *a, vf x)
{
    switch (a->kind) {
    case CONV2D_ACT_NONE: return x;
    case CONV2D_ACT_RELU: return vf_max(vf_zero(), x);
    case CONV2D_ACT_RELU6:
    case CONV2D_ACT_CLAMP: return vf_min(a->high, vf_max(a->low, x));
    case CONV2D_ACT_LEAKY_RELU: return vf_where_positive(x, x, vf_mul(a->alpha, x));
    case CONV2D_ACT_HARDSIGMOID:
        return vf_div(vf_min(a->high, vf_max(a->low, vf_add(x, vf_set1(3)))), vf_set1(6));
    case CONV2D_ACT_HARDSWISH:
        return vf_mul(
            x, vf_div(vf_min(a->high, vf_max(a->low, vf_add(x, vf_set1(3)))), vf_set1(6)));
    default: return elementwise(a->post, x);
    }
}

C2_ALWAYS_INLINE vf load_part(const float *p, int n)
{
    return n >= VF ? vf_load(p) : vf_load_n(p, n);
}

C2_ALWAYS_INLINE vf bias_part(const c2_epilogue_args *a, int c, int n)
{
    return load_part(a->bias_col + c, n);
}

C2_ALWAYS_INLINE vf load_px_part(const px *p, int n)
{
    return n >= VF ? px_load(p) : px_load_n(p, n);
}

C2_ALWAYS_INLINE vf load_strided(const px *p, ptrdiff_t stride, int n)
{
    px lanes[VF] = {0};
    for (int i = 0; i < n && i < VF; i++)
        lanes[i] = p[i * stride];
    return px_load(lanes);
}

C2_ALWAYS_INLINE void store_strided(px *p, ptrdiff_t stride, vf x, int n)
{
    px lanes[VF];
    px_store(lanes, x);
    for (int i = 0; i < n && i < VF; i++)
        p[i * stride] = lanes[i];
}

C2_ALWAYS_INLINE void row(const c2_epilogue_args *a, const act *f, int r)
{
    const float *acc = a->acc + r * a->acc_stride;
    px *out = (px *)a->out + r * a->out_row_stride;
    const px *residual =
        a->residual ? (const px *)a->residual + r * a->residual_row_stride : NULL;
    const vf bias_row = vf_set1(a->bias_row ? a->bias_row[r] : 0);
    const ptrdiff_t out_stride = a->out_col_stride, residual_stride = a->residual_col_stride;
    for (int c = 0; c < a->cols; c += VF) {
        const int n = a->cols - c;
        vf x = load_part(acc + c, n);
        if (a->bias_row)
            x = vf_add(x, bias_row);
        if (a->bias_col)
            x = vf_add(x, bias_part(a, c, n));
        if (residual)
            x = vf_add(x, residual_stride == 1
                              ? load_px_part(residual + c, n)
                              : load_strided(residual + c * residual_stride, residual_stride, n));
        x = activate(f, x);
        if (out_stride != 1)
            store_strided(out + c * out_stride, out_stride, x, n);
        else if (n >= VF)
            px_store(out + c, x);
        else
            px_store_n(out + c, x, n);
    }
}

/* What is known while compiling in the loops of common cases: which bias there is, and (kind) what
 * is done to the sum. */
typedef enum bias_kind { BIAS_NONE, BIAS_ROW, BIAS_COL } bias_kind;

C2_ALWAYS_INLINE vf finish(const bias_kind bias, const int32_t kind, const c2_epilogue_args *a,
                           const act *f, vf x, vf bias_row, int c, int n)
{
    if (bias == BIAS_ROW)
        x = vf_add(x, bias_row);
    if (bias == BIAS_COL)
        x = vf_add(x, bias_part(a, c, n));
    if (kind == CONV2D_ACT_RELU)
        return vf_max(vf_zero(), x);
    return kind == CONV2D_ACT_CLAMP ? vf_min(f->high, vf_max(f->low, x)) : x;
}

C2_ALWAYS_INLINE void plain_rows(const bias_kind bias, const int32_t kind,
                                 const c2_epilogue_args *a, const act *f)
{
    const int whole = a->cols / VF * VF;
    for (int r = 0; r < a->rows; r++) {
        const float *acc = a->acc + r * a->acc_stride;
        px *out = (px *)a->out + r * a->out_row_stride;
        const vf b = vf_set1(bias == BIAS_ROW ? a->bias_row[r] : 0);
        for (int c = 0; c < whole; c += VF)
            px_store(out + c, finish(bias, kind, a, f, vf_load(acc + c), b, c, VF));
        if (whole < a->cols) {
            const int n = a->cols - whole;
            const vf x = finish(bias, kind, a, f, vf_load_n(acc + whole, n), b, whole, n);
            px_store_n(out + whole, x, n);
        }
    }
}

C2_ALWAYS_INLINE bool plain_activations(const bias_kind bias, const c2_epilogue_args *a,
                                        const act *f)
{
    switch (f->kind) {
    case CONV2D_ACT_NONE: plain_rows(bias, CONV2D_ACT_NONE, a, f); return true;
    case CONV2D_ACT_RELU: plain_rows(bias, CONV2D_ACT_RELU, a, f); return true;
    case CONV2D_ACT_RELU6:
    case CONV2D_ACT_CLAMP: plain_rows(bias, CONV2D_ACT_CLAMP, a, f); return true;
    default: return false;
    }
}

/* The common cases, in loops without a question: false if this is none of them. */
C2_ALWAYS_INLINE bool plain(const c2_epilogue_args *a, const act *f)
{
    if (a->residual || a->out_col_stride != 1 || (a->bias_row && a->bias_col))
        return false;
    if (a->bias_row)
        return plain_activations(BIAS_ROW, a, f);
    return a->bias_col ? plain_activations(BIAS_COL, a, f) : plain_activations(BIAS_NONE, a, f);
}

/* Called from two places; of these copies one is enough. */
static void rows(const c2_epilogue_args *a, const act *f)
{
    if (plain(a, f))
        return;
    for (int r = 0; r < a->rows; r++)
        row(a, f, r);
}

enum { STRIP = 64 }; /* rows that are transposed together */

/* acc[i][j], i < m <= VF, j < n <= VF, as to[j][i]. */
C2_ALWAYS_INLINE void transpose_block(const float *acc, ptrdiff_t acc_stride, int m, int n,
                                      float *to)
{
    vf x[VF];
    C2_UNROLL
    for (int i = 0; i < VF; i++)
        x[i] = i < m ? load_part(acc + i * acc_stride, n) : vf_zero();
    vf_transpose(x);
    C2_UNROLL
    for (int j = 0; j < VF; j++)
        vf_store(to + j * STRIP, x[j]);
}

/* A vector of columns, STRIP rows at a time, as rows. */
C2_ALWAYS_INLINE void transposed(const c2_epilogue_args *a, const act *f)
{
    float strip[VF * STRIP];
    for (int c = 0; c < a->cols; c += VF) {
        for (int r = 0; r < a->rows; r += STRIP) {
            const int n = C2_AT_MOST(a->cols - c, VF), m = C2_AT_MOST(a->rows - r, STRIP);
            for (int i = 0; i < m; i += VF)
                transpose_block(a->acc + (r + i) * a->acc_stride + c, a->acc_stride,
                                C2_AT_MOST(m - i, VF), n, strip + i);
            const ptrdiff_t at = r * a->out_row_stride + c * a->out_col_stride;
            const c2_epilogue_args b = {
                .acc = strip,
                .acc_stride = STRIP,
                .rows = n,
                .cols = m,
                .bias_row = a->bias_col ? a->bias_col + c : NULL,
                .bias_col = a->bias_row ? a->bias_row + r : NULL,
                .residual = a->residual ? (const px *)a->residual + r * a->residual_row_stride +
                                              c * a->residual_col_stride
                                        : NULL,
                .residual_row_stride = a->residual_col_stride,
                .residual_col_stride = a->residual_row_stride,
                .out = (px *)a->out + at,
                .out_row_stride = a->out_col_stride,
                .out_col_stride = a->out_row_stride,
            };
            rows(&b, f);
        }
    }
}

c2_epilogue_kernel C2_K(epilogue);
void C2_K(epilogue)(const c2_epilogue_args *a)
{
    act f = {CONV2D_ACT_NONE, vf_zero(), vf_set1(6), vf_zero(), a->activation};
    if (a->activation) {
        f.kind = a->activation->activation;
        f.alpha = vf_set1((float)a->activation->alpha);
        if (f.kind == CONV2D_ACT_CLAMP) {
            f.low = vf_set1((float)a->activation->min);
            f.high = vf_set1((float)a->activation->max);
        }
    }
    if (a->out_row_stride == 1 && a->out_col_stride != 1 && a->rows > 1)
        transposed(a, &f);
    else
        rows(a, &f);
}
