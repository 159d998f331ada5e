/* SPDX-License-Identifier: BSD-2-Clause
 * Metal Shading Language for clang, part 4: integer functions, relations, geometry, as_type,
 * numeric_limits, array. */
#pragma once
#pragma clang system_header
#include "math.h"

namespace metal
{
/* ---- integers */
inline uint popcount(uint x)
{
    return (uint)__builtin_popcount(x);
}
inline int popcount(int x)
{
    return __builtin_popcount((uint)x);
}
inline uint clz(uint x)
{
    return x ? (uint)__builtin_clz(x) : 32;
}
inline uint ctz(uint x)
{
    return x ? (uint)__builtin_ctz(x) : 32;
}
inline int clz(int x)
{
    return (int)clz((uint)x);
}
inline int ctz(int x)
{
    return (int)ctz((uint)x);
}
inline uint rotate(uint x, uint n)
{
    return x << (n & 31) | x >> (-n & 31);
}
inline uint reverse_bits(uint x)
{
    uint r = 0;
    for (int i = 0; i < 32; i++)
        r |= (x >> i & 1) << (31 - i);
    return r;
}
inline uint mulhi(uint x, uint y)
{
    return (uint)((ulong)x * y >> 32);
}
inline int mulhi(int x, int y)
{
    return (int)((long)x * y >> 32);
}
inline uint mad24(uint x, uint y, uint z)
{
    return x * y + z;
}
inline int mad24(int x, int y, int z)
{
    return x * y + z;
}
inline uint mul24(uint x, uint y)
{
    return x * y;
}
inline int mul24(int x, int y)
{
    return x * y;
}
inline uint absdiff(int x, int y)
{
    return x > y ? (uint)x - (uint)y : (uint)y - (uint)x;
}
inline uint absdiff(uint x, uint y)
{
    return x > y ? x - y : y - x;
}
inline uint addsat(uint x, uint y)
{
    return x + y < x ? UINT_MAX : x + y;
}
inline uint subsat(uint x, uint y)
{
    return x < y ? 0 : x - y;
}
inline uint extract_bits(uint x, uint offset, uint bits)
{
    return bits == 0 ? 0 : x << (32 - bits - offset) >> (32 - bits);
}

/* ---- relations, geometry, bits */
inline bool all(bool b)
{
    return b;
}
inline bool any(bool b)
{
    return b;
}
template <int N> bool all(const vec<bool, N> &v)
{
    bool r = true;
    for (int i = 0; i < N; i++)
        r = r && v.d[i];
    return r;
}
template <int N> bool any(const vec<bool, N> &v)
{
    bool r = false;
    for (int i = 0; i < N; i++)
        r = r || v.d[i];
    return r;
}
template <class T, msl::enable_if_t<is_arithmetic_v<T>, int> = 0> T select(T a, T b, bool c)
{
    return c ? b : a;
}
template <class A, class B, int N, class V = msl::common_t<A, B>>
V select(const A &a, const B &b, const vec<bool, N> &c)
{
    V v;
    for (int i = 0; i < N; i++)
        v.d[i] = c.d[i] ? msl::at(b, i) : msl::at(a, i);
    return v;
}
template <class A, class B, class V = msl::floats<msl::common_t<A, B>>>
typename msl::shape<V>::scalar dot(const A &a, const B &b)
{
    typedef typename msl::shape<V>::scalar T;
    T s = (T)(msl::at(a, 0) * msl::at(b, 0));
    for (int i = 1; i < msl::shape<V>::n; i++)
        s = (T)(s + msl::at(a, i) * msl::at(b, i));
    return s;
}
template <class A, class V = msl::floats<A>>
typename msl::shape<V>::scalar length_squared(const A &a)
{
    return dot(a, a);
}
template <class A, class V = msl::floats<A>> typename msl::shape<V>::scalar length(const A &a)
{
    return sqrt(dot(a, a));
}
template <class A, class V = msl::floats<A>> V normalize(const A &a)
{
    return V(a) * rsqrt(dot(a, a));
}
template <class A, class B, class V = msl::floats<msl::common_t<A, B>>>
V cross(const A &a, const B &b)
{
    static_assert(msl::shape<V>::n == 3, "cross() is of three elements");
    const V x(a), y(b);
    return V(x.y * y.z - x.z * y.y, x.z * y.x - x.x * y.z, x.x * y.y - x.y * y.x);
}
template <class T, class A> T as_type(A a)
{
    static_assert(sizeof(T) == sizeof(A), "as_type: the sizes differ");
    T t;
    __builtin_memcpy(&t, &a, sizeof t);
    return t;
}

template <class T> struct numeric_limits;
#define MSL_LIMITS(T, smallest, largest)                                \
    template <> struct numeric_limits<T> {                              \
        static constexpr bool is_specialized = true, is_integer = true; \
        static constexpr bool is_signed = __is_signed(T);               \
        static constexpr T min()                                        \
        {                                                               \
            return smallest;                                            \
        }                                                               \
        static constexpr T lowest()                                     \
        {                                                               \
            return smallest;                                            \
        }                                                               \
        static constexpr T max()                                        \
        {                                                               \
            return largest;                                             \
        }                                                               \
    };
MSL_LIMITS(signed char, -128, 127)
MSL_LIMITS(uchar, 0, 255)
MSL_LIMITS(short, -32768, 32767)
MSL_LIMITS(ushort, 0, 65535)
MSL_LIMITS(int, INT_MIN, INT_MAX)
MSL_LIMITS(uint, 0, UINT_MAX)
MSL_LIMITS(long, (-9223372036854775807L - 1), 9223372036854775807L)
MSL_LIMITS(ulong, 0, 18446744073709551615UL)
#define MSL_FLOAT_LIMITS(T, smallest, largest, step)                                       \
    template <> struct numeric_limits<T> {                                                 \
        static constexpr bool is_specialized = true, is_integer = false, is_signed = true; \
        static constexpr bool has_infinity = true, has_quiet_NaN = true;                   \
        static constexpr T min()                                                           \
        {                                                                                  \
            return (T)smallest;                                                            \
        }                                                                                  \
        static constexpr T max()                                                           \
        {                                                                                  \
            return (T)largest;                                                             \
        }                                                                                  \
        static constexpr T lowest()                                                        \
        {                                                                                  \
            return (T) - largest;                                                          \
        }                                                                                  \
        static constexpr T epsilon()                                                       \
        {                                                                                  \
            return (T)step;                                                                \
        }                                                                                  \
        static constexpr T infinity()                                                      \
        {                                                                                  \
            return (T)INFINITY;                                                            \
        }                                                                                  \
        static constexpr T quiet_NaN()                                                     \
        {                                                                                  \
            return (T)NAN;                                                                 \
        }                                                                                  \
    };
MSL_FLOAT_LIMITS(float, FLT_MIN, FLT_MAX, FLT_EPSILON)
MSL_FLOAT_LIMITS(half, 6.103515625e-05f, 65504.0f, 0.0009765625f)

template <class T, size_t N> struct array {
    T elements[N];
    T &operator[](size_t i)
    {
        return elements[i];
    }
    const T &operator[](size_t i) const
    {
        return elements[i];
    }
    constexpr size_t size() const
    {
        return N;
    }
};
} // namespace metal
using metal::as_type;
