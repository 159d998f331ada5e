/* SPDX-License-Identifier: BSD-2-Clause
 * pair: rows of two channels become one of words; of float32 channels, one for each part of their
 * numbers. Over simd/parts_<isa>.h, 16 lanes a vector. */
#include "cpu/kernels.h"
#include "cpu/parts.h"

#define C2_PAIR_(type, parts, isa) c2_pair_##type##_##parts##x16_##isa
#define C2_PAIR(type, parts, isa) C2_PAIR_(type, parts, isa)

enum { PAIR_USUAL = 2 * VF }; /* lanes */
/* What is constant in most calls must be seen. */
#define PAIR_INLINE static inline __attribute__((always_inline))

/* A block of n <= 16 lanes; b may be NULL. */
#if C2_PARTS == 1
typedef uint16_t pair_px;

PAIR_INLINE void pair_block(const c2_pair_args *args, const pair_px *a, const pair_px *b,
                            uint32_t *to, int n)
{
    (void)args;
    parts_store(to, parts_of_halves(a, b, n), n);
}
#else
typedef float pair_px;

/* Where a number is not finite, or would not be once it is rounded. */
static void pair_special(const c2_pair_args *args, const pair_px *a, const pair_px *b,
                         uint32_t *to, int n)
{
    for (int j = 0; j < n; j++)
        c2_part_words(a[j], b ? b[j] : 0, C2_PARTS, to + j, args->part_pitch);
}

/* The next part of what is left of x and y. */
PAIR_INLINE void pair_part(vf *x, vf *y, uint32_t *to, int n)
{
    const parts_bits low = parts_rounded(*x), high = parts_rounded(*y);
    parts_store(to, parts_word(low, high), n);
    *x = parts_rest(*x, low);
    *y = parts_rest(*y, high);
}

PAIR_INLINE void pair_block(const c2_pair_args *args, const pair_px *a, const pair_px *b,
                            uint32_t *to, int n)
{
    vf x = n == VF ? vf_load(a) : vf_load_n(a, n), y = vf_zero();
    if (b)
        y = n == VF ? vf_load(b) : vf_load_n(b, n);
    pair_part(&x, &y, to, n);
    pair_part(&x, &y, to + args->part_pitch, n);
    /* What two parts leave of such a number is none; see c2_part(). */
    const bool special = parts_any_nan(x, y);
#if C2_PARTS == 3
    pair_part(&x, &y, to + 2 * args->part_pitch, n);
#endif
    if (special)
        pair_special(args, a, b, to, n);
}
#endif

PAIR_INLINE void pair_rows(const c2_pair_args *args, int64_t n, const pair_px *b)
{
    const pair_px *a = args->a;
    uint32_t *to = args->to;
    for (int64_t r = 0; r < args->rows; r++) {
        int64_t i = 0;
        for (; i + VF <= n; i += VF)
            pair_block(args, a + i, b ? b + i : NULL, to + i, VF);
        if (i < n)
            pair_block(args, a + i, b ? b + i : NULL, to + i, (int)(n - i));
        a += args->step;
        b = b ? b + args->step : NULL;
        to += args->to_step;
    }
}

c2_pair_kernel C2_PAIR(C2_TYPE, C2_PARTS, C2_ISA);
void C2_PAIR(C2_TYPE, C2_PARTS, C2_ISA)(const c2_pair_args *args)
{
    if (!args->b)
        pair_rows(args, args->n, NULL);
    else if (args->n == PAIR_USUAL)
        pair_rows(args, PAIR_USUAL, args->b);
    else
        pair_rows(args, args->n, args->b);
}
