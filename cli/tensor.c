/* SPDX-License-Identifier: BSD-2-Clause
 * Owning tensors, conversion, random data (tensor.h). */
#include "tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tensor_free(cli_tensor *tensor)
{
    free(tensor->block);
    *tensor = (cli_tensor)CLI_TENSOR_INIT;
}

conv2d_tensor *tensor_or_null(cli_tensor *tensor)
{
    return tensor->t.rank ? &tensor->t : NULL;
}

const char *tensor_dtype_name(int32_t dtype)
{
    static const char *const names[] = {[CONV2D_FLOAT32] = "float32",
                                        [CONV2D_FLOAT64] = "float64",
                                        [CONV2D_FLOAT16] = "float16",
                                        [CONV2D_BFLOAT16] = "bfloat16"};
    return dtype >= CONV2D_FLOAT32 && dtype <= CONV2D_BFLOAT16 ? names[dtype] : "?";
}

bool tensor_count(const conv2d_tensor *t, size_t *n_out)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++) {
        if (t->sizes[i] < 0 || __builtin_mul_overflow(n, (size_t)t->sizes[i], &n))
            return false;
    }
    if (n > (size_t)PTRDIFF_MAX / sizeof(double))
        return false;
    *n_out = n;
    return true;
}

/* ---- making --------------------------------------------------------------------------------- */

/* Everything below loads and stores float32, float64, float16 and bfloat16 alone. */
static bool allocate(size_t n_elements, int32_t dtype, const char *what, void **block_out,
                     cli_error *error)
{
    if (dtype < CONV2D_FLOAT32 || dtype > CONV2D_BFLOAT16)
        return cli_fail(error, CLI_USAGE,
                        "the %s is none of float32, float64, float16 and bfloat16: this version "
                        "computes no others",
                        what);
    size_t bytes = n_elements * conv2d_dtype_bytes(dtype);
    *block_out = calloc(bytes ? bytes : 1, 1);
    if (!*block_out)
        return cli_fail(error, CLI_FAILED, "no memory for the %s of %zu bytes", what, bytes);
    return true;
}

bool tensor_make(const conv2d_tensor *description, conv2d_order order, const char *what,
                 cli_tensor *out, cli_error *error)
{
    size_t n;
    if (!tensor_count(description, &n))
        return cli_fail(error, CLI_USAGE, "the size of the %s does not fit into memory", what);
    cli_tensor made = {*description, NULL};
    if (!allocate(n, made.t.dtype, what, &made.block, error))
        return false;
    made.t.data = made.block;
    conv2d_tensor_set_order(&made.t, order);
    *out = made;
    return true;
}

bool tensor_make_strided(const conv2d_tensor *description, const char *what, cli_tensor *out,
                         cli_error *error)
{
    size_t n;
    bool fits = tensor_count(description, &n);
    ptrdiff_t below = 0, above = 0; /* elements on both sides of element (0, ..., 0) */
    for (int i = 0; fits && n > 0 && i < description->rank; i++) {
        ptrdiff_t reach;
        fits = !__builtin_mul_overflow(description->sizes[i] - 1, description->strides[i],
                                       &reach) &&
               !__builtin_add_overflow(reach < 0 ? below : above, reach,
                                       reach < 0 ? &below : &above);
    }
    ptrdiff_t span = 0;
    fits = fits && !__builtin_sub_overflow(above, below, &span) &&
           span < PTRDIFF_MAX / (ptrdiff_t)sizeof(double);
    if (!fits)
        return cli_fail(error, CLI_USAGE, "the size of the %s does not fit into memory", what);
    cli_tensor made = {*description, NULL};
    if (!allocate((size_t)span + 1, made.t.dtype, what, &made.block, error))
        return false;
    made.t.data = (char *)made.block - below * (ptrdiff_t)conv2d_dtype_bytes(made.t.dtype);
    *out = made;
    return true;
}

bool tensor_copy(const conv2d_tensor *from, int32_t dtype, conv2d_order order, bool absolute,
                 const char *what, cli_tensor *out, cli_error *error)
{
    conv2d_tensor description = *from;
    description.dtype = dtype;
    cli_tensor made = CLI_TENSOR_INIT;
    if (!tensor_make(&description, order, what, &made, error))
        return false;
    tensor_walk to = tensor_begin(&made.t);
    for (tensor_walk w = tensor_begin(from); w.more; tensor_next(&w), tensor_next(&to)) {
        double value = tensor_load(w.at, from->dtype);
        tensor_store(to.at, dtype, absolute ? fabs(value) : value);
    }
    *out = made;
    return true;
}

bool tensor_convert(cli_tensor *tensor, int32_t dtype, conv2d_order order, const char *what,
                    cli_error *error)
{
    if (tensor->t.rank == 0 || tensor->t.dtype == dtype)
        return true;
    cli_tensor converted = CLI_TENSOR_INIT;
    if (!tensor_copy(&tensor->t, dtype, order, false, what, &converted, error))
        return false;
    tensor_free(tensor);
    *tensor = converted;
    return true;
}

/* ---- walking -------------------------------------------------------------------------------- */

tensor_walk tensor_begin(const conv2d_tensor *t)
{
    tensor_walk w = {.more = t->rank > 0, .at = t->data};
    int skip = 4 - t->rank; /* leading axes of size 1 */
    for (int i = 0; i < 4; i++) {
        w.sizes[i] = i < skip ? 1 : t->sizes[i - skip];
        w.step[i] = i < skip ? 0 : t->strides[i - skip] * (ptrdiff_t)conv2d_dtype_bytes(t->dtype);
        w.more = w.more && w.sizes[i] > 0;
    }
    return w;
}

void tensor_next(tensor_walk *w)
{
    for (int i = 3; i >= 0; i--) {
        w->at += w->step[i];
        if (++w->index[i] < w->sizes[i])
            return;
        w->at -= w->step[i] * w->index[i];
        w->index[i] = 0;
    }
    w->more = false;
}

double tensor_load(const char *at, int32_t dtype)
{
    if (dtype == CONV2D_FLOAT64) {
        double value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    float value;
    if (dtype == CONV2D_FLOAT32) {
        memcpy(&value, at, sizeof value);
        return value;
    }
    uint16_t half;
    memcpy(&half, at, sizeof half);
    if (dtype == CONV2D_FLOAT16)
        conv2d_float16_to_float32(1, &half, &value);
    else
        conv2d_bfloat16_to_float32(1, &half, &value);
    return value;
}

/* The float32 next to value toward zero, its last bit set if that is not exact: rounding it again
 * to a shorter type gives what rounding value itself would (Boldo, Melquiond, IEEE Trans. Computers
 * 57, 2008). */
static float round_to_odd(double value)
{
    float rounded = (float)value;
    if (isnan(value) || isinf(value) || (double)rounded == value)
        return rounded;
    if (fabs((double)rounded) > fabs(value))
        rounded = nextafterf(rounded, 0);
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits |= 1;
    memcpy(&rounded, &bits, sizeof bits);
    return rounded;
}

void tensor_store(char *at, int32_t dtype, double value)
{
    if (dtype == CONV2D_FLOAT64) {
        memcpy(at, &value, sizeof value);
        return;
    }
    if (dtype == CONV2D_FLOAT32) {
        float rounded = (float)value;
        memcpy(at, &rounded, sizeof rounded);
        return;
    }
    const float odd = round_to_odd(value);
    uint16_t half;
    if (dtype == CONV2D_FLOAT16)
        conv2d_float32_to_float16(1, &odd, &half);
    else
        conv2d_float32_to_bfloat16(1, &odd, &half);
    memcpy(at, &half, sizeof half);
}

/* ---- random --------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
uint64_t random_next(cli_random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

int64_t random_between(cli_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(random) % (uint64_t)(high - low + 1));
}

double random_real(cli_random *random)
{
    return (double)(random_next(random) >> 40) * 0x1p-23 - 1;
}

void tensor_separate(const conv2d_tensor *weight, conv2d_weights_form form)
{
    const bool alike = form >= CONV2D_WEIGHTS_ALIKE, box = form == CONV2D_WEIGHTS_BOX;
    const size_t bytes = conv2d_dtype_bytes(weight->dtype);
    const int64_t *stride = weight->strides;
    for (tensor_walk w = tensor_begin(weight); w.more; tensor_next(&w)) {
        const int64_t o = alike ? 0 : w.index[0], y = box ? 0 : w.index[2];
        const int64_t x = box ? 0 : w.index[3];
        const char *filter = (const char *)weight->data + o * stride[0] * (int64_t)bytes;
        double column = tensor_load(filter + y * stride[2] * (int64_t)bytes, weight->dtype);
        if (x > 0)
            tensor_store(w.at, weight->dtype, column * (double)((x * x + o) % 3 - 1));
        else if (alike)
            tensor_store(w.at, weight->dtype, column);
    }
}

void tensor_fill(const conv2d_tensor *t, cli_random *random, int64_t limit)
{
    for (tensor_walk w = tensor_begin(t); w.more; tensor_next(&w)) {
        double value = limit > 0 ? (double)random_between(random, -limit, limit)
                                 : random_real(random);
        tensor_store(w.at, t->dtype, value);
    }
}
