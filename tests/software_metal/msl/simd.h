/* SPDX-License-Identifier: BSD-2-Clause
 * Metal Shading Language for clang, part 5: barriers, simdgroup functions, simdgroup matrices,
 * atomics. Lanes meet in the runtime; each matrix lane holds two neighbours of a row. */
#pragma once
#pragma clang system_header
#include "common.h"
#if MSL_CHECK
inline void msl_threadgroup_barrier(unsigned, unsigned)
{
}
inline void msl_simdgroup_barrier(unsigned, unsigned)
{
}
const unsigned char *msl_simd_exchange(const void *, size_t, int, unsigned);
uint msl_lane();
uint msl_active_lanes();
#endif
#define MSL_LINE unsigned msl_line = __builtin_LINE()

namespace metal
{
enum class mem_flags : uint {
    mem_none = 0,
    mem_device = 1,
    mem_threadgroup = 2,
    mem_texture = 4,
    mem_threadgroup_imageblock = 8
};
inline mem_flags operator|(mem_flags a, mem_flags b)
{
    return (mem_flags)((uint)a | (uint)b);
}
enum memory_order { memory_order_relaxed = 0 };

inline void threadgroup_barrier(mem_flags flags, MSL_LINE)
{
    msl_threadgroup_barrier((unsigned)flags, msl_line);
}
inline void simdgroup_barrier(mem_flags flags, MSL_LINE)
{
    msl_simdgroup_barrier((unsigned)flags, msl_line);
}
} // namespace metal

namespace msl
{
/* One exchange of a value between the lanes of a simdgroup. */
template <class T> struct exchange {
    const unsigned char *slots;
    uint lane, active;
    exchange(const T &value, unsigned line, bool all = false)
    {
        static_assert(sizeof(T) <= 64, "a simdgroup function passes at most 64 bytes");
        slots = msl_simd_exchange(&value, sizeof value, all, line);
        lane = msl_lane();
        active = msl_active_lanes();
    }
    T from(uint other) const
    {
        T value;
        __builtin_memcpy(&value, slots + (other & 31) * 64, sizeof value);
        return value;
    }
    bool has(uint other) const
    {
        return other < 32 && (active >> other & 1);
    }
    uint first() const
    {
        return (uint)__builtin_ctz(active);
    }
};
template <class T> constexpr bool shuffles = shape<T>::n > 0 && !metal::is_same_v<T, bool>;
} // namespace msl

namespace metal
{
/* A value read from a lane that does not take part is undefined in MSL: here it is all ones, which
 * is a NaN. Exchanges go by the vector a swizzle stands for. */
#define MSL_SHUFFLE(f, expression)                      \
    template <class T> T f(T value, ushort n, MSL_LINE) \
    {                                                   \
        const msl::exchange<T> x(value, msl_line);      \
        const uint lane = x.lane;                       \
        (void)lane;                                     \
        return x.from(expression);                      \
    }
MSL_SHUFFLE(simd_shuffle, n)
MSL_SHUFFLE(simd_broadcast, n)
MSL_SHUFFLE(simd_shuffle_xor, lane ^ n)
MSL_SHUFFLE(simd_shuffle_up, lane < n ? lane : lane - n)
MSL_SHUFFLE(simd_shuffle_down, lane + n > 31 ? lane : lane + n)
MSL_SHUFFLE(simd_shuffle_rotate_up, lane + 32 - n)
MSL_SHUFFLE(simd_shuffle_rotate_down, lane + n)
MSL_SHUFFLE(quad_shuffle, (lane & 28) + n)
MSL_SHUFFLE(quad_broadcast, (lane & 28) + n)
MSL_SHUFFLE(quad_shuffle_xor, lane ^ n)
template <class T> T simd_broadcast_first(T value, MSL_LINE)
{
    const msl::exchange<T> x(value, msl_line);
    return x.from(x.first());
}
/* The lanes that take part, in the order of their indices. */
#define MSL_REDUCE(f, expression)                  \
    template <class T> T f(T value, MSL_LINE)      \
    {                                              \
        const msl::exchange<T> x(value, msl_line); \
        T a = x.from(x.first());                   \
        for (uint i = x.first() + 1; i < 32; i++)  \
            if (x.has(i)) {                        \
                const T b = x.from(i);             \
                a = expression;                    \
            }                                      \
        return a;                                  \
    }
MSL_REDUCE(simd_sum, (T)(a + b))
MSL_REDUCE(simd_product, (T)(a *b))
MSL_REDUCE(simd_max, max(a, b))
MSL_REDUCE(simd_min, min(a, b))
MSL_REDUCE(simd_and, (T)(a &b))
MSL_REDUCE(simd_or, (T)(a | b))
MSL_REDUCE(simd_xor, (T)(a ^ b))
#define MSL_PREFIX(f, start, op, before)           \
    template <class T> T f(T value, MSL_LINE)      \
    {                                              \
        const msl::exchange<T> x(value, msl_line); \
        T a = (T)start;                            \
        for (uint i = 0; before; i++)              \
            if (x.has(i))                          \
                a = (T)(a op x.from(i));           \
        return a;                                  \
    }
MSL_PREFIX(simd_prefix_inclusive_sum, 0, +, i <= x.lane)
MSL_PREFIX(simd_prefix_exclusive_sum, 0, +, i < x.lane)
MSL_PREFIX(simd_prefix_inclusive_product, 1, *, i <= x.lane)
MSL_PREFIX(simd_prefix_exclusive_product, 1, *, i < x.lane)
template <class T> T quad_sum(T value, MSL_LINE)
{
    const msl::exchange<T> x(value, msl_line);
    const uint q = x.lane & 28;
    return (T)(x.from(q) + x.from(q + 1) + x.from(q + 2) + x.from(q + 3));
}
inline bool simd_all(bool value, MSL_LINE)
{
    return simd_min((int)value, msl_line) != 0;
}
inline bool simd_any(bool value, MSL_LINE)
{
    return simd_max((int)value, msl_line) != 0;
}
inline bool simd_is_first(MSL_LINE)
{
    const msl::exchange<int> x(0, msl_line);
    return x.lane == x.first();
}
struct simd_vote {
    ulong bits;
    explicit operator ulong() const
    {
        return bits;
    }
    bool all() const
    {
        return bits == 0xfffffffful;
    }
    bool any() const
    {
        return bits != 0;
    }
};
inline simd_vote simd_ballot(bool value, MSL_LINE)
{
    const msl::exchange<int> x(value, msl_line);
    simd_vote vote = {0};
    for (uint i = 0; i < 32; i++)
        vote.bits |= x.has(i) && x.from(i) ? 1ul << i : 0;
    return vote;
}

/* ---- simdgroup_matrix */
template <class T, int Columns = 8, int Rows = 8> struct simdgroup_matrix {
    static_assert(Columns == 8 && Rows == 8, "simdgroup matrices are 8 by 8");
    static_assert(is_floating_point_v<T>, "simdgroup matrices are of float or half");
    T e[2];
    simdgroup_matrix() = default;
    simdgroup_matrix(const simdgroup_matrix &) = default;
    simdgroup_matrix &operator=(const simdgroup_matrix &) = default;
    explicit simdgroup_matrix(T diagonal)
    {
        e[0] = row() == column() ? diagonal : (T)0;
        e[1] = row() == column() + 1 ? diagonal : (T)0;
    }
    /* Not documented by Apple, used by many: the lane's own two elements, in the places below. */
    vec<T, 2> &thread_elements()
    {
        return *(vec<T, 2> *)e;
    }
    /* Row and first column of a lane's elements, and the lane that has (row, column). */
    static uint row()
    {
        return (msl_lane() / 4 & 4) + msl_lane() / 2 % 4;
    }
    static uint column()
    {
        return (msl_lane() / 4 & 2) * 2 + msl_lane() % 2 * 2;
    }
    static uint lane_of(uint r, uint c)
    {
        return ((r & 4) | (c & 4) / 2) * 4 + (r & 3) * 2 + (c / 2 & 1);
    }
};
typedef simdgroup_matrix<float> simdgroup_float8x8;
typedef simdgroup_matrix<half> simdgroup_half8x8;

template <class T, int C, int R = C> simdgroup_matrix<T, C, R> make_filled_simdgroup_matrix(T value)
{
    simdgroup_matrix<T, C, R> m;
    m.e[0] = m.e[1] = value;
    return m;
}
template <class T, int C, int R = C>
simdgroup_matrix<T, C, R> make_diagonal_simdgroup_matrix(T value)
{
    return simdgroup_matrix<T, C, R>(value);
}
#define MSL_MATRIX_MEMORY(space)                                                             \
    template <class T>                                                                       \
    void simdgroup_load(thread simdgroup_matrix<T> &m, const space T *from, ulong pitch = 8, \
                        ulong2 origin = ulong2(0), bool transpose = false, MSL_LINE)         \
    {                                                                                        \
        msl_simd_exchange(m.e, 1, true, msl_line);                                           \
        const uint r = m.row(), c = m.column();                                              \
        for (uint k = 0; k < 2; k++)                                                         \
            m.e[k] = from[transpose ? (origin.y + c + k) * pitch + origin.x + r              \
                                    : (origin.y + r) * pitch + origin.x + c + k];            \
    }                                                                                        \
    template <class T>                                                                       \
    void simdgroup_store(simdgroup_matrix<T> m, space T *to, ulong pitch = 8,                \
                         ulong2 origin = ulong2(0), bool transpose = false, MSL_LINE)        \
    {                                                                                        \
        msl_simd_exchange(m.e, 1, true, msl_line);                                           \
        const uint r = m.row(), c = m.column();                                              \
        for (uint k = 0; k < 2; k++)                                                         \
            to[transpose ? (origin.y + c + k) * pitch + origin.x + r                         \
                         : (origin.y + r) * pitch + origin.x + c + k] = m.e[k];              \
    }
MSL_MATRIX_MEMORY(device)
#if MSL_CHECK
MSL_MATRIX_MEMORY(threadgroup)
#endif
/* d = a * b + c, summed in float from the first column of a to the last. */
template <class D, class A, class B, class C>
void simdgroup_multiply_accumulate(thread simdgroup_matrix<D> &d,
                                   const thread simdgroup_matrix<A> &a,
                                   const thread simdgroup_matrix<B> &b,
                                   const thread simdgroup_matrix<C> &c, MSL_LINE)
{
    struct pair {
        A a[2];
        B b[2];
    };
    pair own;
    for (int i = 0; i < 2; i++) {
        own.a[i] = a.e[i];
        own.b[i] = b.e[i];
    }
    const msl::exchange<pair> x(own, msl_line, true);
    const uint row = d.row(), column = d.column();
    float s[2] = {(float)c.e[0], (float)c.e[1]};
    for (uint k = 0; k < 8; k++) {
        const pair left = x.from(d.lane_of(row, k)), right = x.from(d.lane_of(k, column));
        const float factor = (float)left.a[k & 1];
        s[0] = msl::fma_host(factor, (float)right.b[0], s[0]);
        s[1] = msl::fma_host(factor, (float)right.b[1], s[1]);
    }
    d.e[0] = (D)s[0];
    d.e[1] = (D)s[1];
}
template <class D, class A, class B>
void simdgroup_multiply(thread simdgroup_matrix<D> &d, const thread simdgroup_matrix<A> &a,
                        const thread simdgroup_matrix<B> &b, MSL_LINE)
{
    simdgroup_matrix<D> zero = make_filled_simdgroup_matrix<D, 8, 8>((D)0);
    simdgroup_multiply_accumulate(d, a, b, zero, msl_line);
}
template <class T> simdgroup_matrix<T> operator*(simdgroup_matrix<T> a, simdgroup_matrix<T> b)
{
    simdgroup_matrix<T> d;
    simdgroup_multiply(d, a, b);
    return d;
}

/* ---- atomics, relaxed as all of Metal's */
#if MSL_CHECK /* OpenCL has types of these names */
#define atomic_int metal_atomic_int
#define atomic_uint metal_atomic_uint
#define atomic_bool metal_atomic_bool
#define atomic_float metal_atomic_float
#endif
template <class T> struct atomic {
    T value;
    atomic() = default;
    atomic(const atomic &) = delete;
    atomic &operator=(const atomic &) = delete;
};
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<bool> atomic_bool;
typedef atomic<float> atomic_float;
#if MSL_CHECK
#define MSL_EXCHANGE_IF(p, expected, desired) (*(p) == *(expected))
#define MSL_ATOMIC_LOAD(p) (*(p))
#define MSL_ATOMIC_STORE(p, x) (*(p) = (x))
#else
#define MSL_EXCHANGE_IF(p, expected, desired) \
    __atomic_compare_exchange(p, expected, &desired, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define MSL_ATOMIC_LOAD(p) msl_load(p)
#define MSL_ATOMIC_STORE(p, x) __atomic_store(p, &x, __ATOMIC_RELAXED)
template <class T> T msl_load(const T *p)
{
    T value;
    __atomic_load(const_cast<T *>(p), &value, __ATOMIC_RELAXED);
    return value;
}
#endif
#define MSL_FETCH(f, space, expression)                                        \
    template <class T, class U>                                                \
    T atomic_fetch_##f##_explicit(space atomic<T> *p, U operand, memory_order) \
    {                                                                          \
        const T b = (T)operand;                                                \
        T a = MSL_ATOMIC_LOAD(&p->value), desired;                             \
        do                                                                     \
            desired = (T)(expression);                                         \
        while (!MSL_EXCHANGE_IF(&p->value, &a, desired));                      \
        return a;                                                              \
    }
#define MSL_ATOMICS(space)                                                            \
    MSL_FETCH(add, space, a + b)                                                      \
    MSL_FETCH(sub, space, a - b)                                                      \
    MSL_FETCH(max, space, max(a, b))                                                  \
    MSL_FETCH(min, space, min(a, b))                                                  \
    MSL_FETCH(and, space, a &b)                                                       \
    MSL_FETCH(or, space, a | b)                                                       \
    MSL_FETCH(xor, space, a ^ b)                                                      \
    template <class T> T atomic_load_explicit(const space atomic<T> *p, memory_order) \
    {                                                                                 \
        return MSL_ATOMIC_LOAD(&p->value);                                            \
    }                                                                                 \
    template <class T, class U>                                                       \
    void atomic_store_explicit(space atomic<T> *p, U operand, memory_order)           \
    {                                                                                 \
        T desired = (T)operand;                                                       \
        MSL_ATOMIC_STORE(&p->value, desired);                                         \
    }                                                                                 \
    template <class T, class U>                                                       \
    T atomic_exchange_explicit(space atomic<T> *p, U operand, memory_order)           \
    {                                                                                 \
        T desired = (T)operand;                                                       \
        T a = MSL_ATOMIC_LOAD(&p->value);                                             \
        while (!MSL_EXCHANGE_IF(&p->value, &a, desired)) {                            \
        }                                                                             \
        return a;                                                                     \
    }
MSL_ATOMICS(device)
#if MSL_CHECK
MSL_ATOMICS(threadgroup)
#endif
} // namespace metal
