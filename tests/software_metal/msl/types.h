/* SPDX-License-Identifier: BSD-2-Clause
 * Metal Shading Language for clang, part 1: address spaces, scalars, vectors, packed vectors.
 * The same text is read twice: as C++14 to be run (address spaces are empty words, so that the
 * sanitizers see every access) and as C++ for OpenCL to be type-checked (MSL_CHECK; the address
 * spaces are OpenCL's, and the class types below work in each of them).
 * Vectors are classes, because MSL's float4(a, b, c, d), int2 v(a, b), (half4)v and f({x, y})
 * are constructor calls, which clang's vector extension does not have. */
#pragma once
#pragma clang system_header

#if MSL_CHECK
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
/* clang converts implicitly from the part spaces of __global to __global itself, so each of the two
 * passes finds one direction: constant given for device, device given for constant. */
#if MSL_CHECK == 1
#define device __attribute__((opencl_global_device))
#define constant const __global
#else
#define device __global
#define constant const __attribute__((opencl_global_device))
#endif
#define msl_constant_variable const __global
#define threadgroup __local
#define thread __private
#else
#include "runtime.h" /* before the words it uses mean something else */
#define device
#define constant const
#define msl_constant_variable static const
#define threadgroup
#define thread
typedef _Float16 half;
#endif

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned long size_t;
typedef long ptrdiff_t;
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;

#define METAL_FUNC inline __attribute__((always_inline))
#define MTL_CONST constant
#define METAL_CONST constant

namespace metal
{
template <class T, int N> struct vec;
template <class T, int N> struct packed_vec;
template <class T, int N, int... I> struct swizzle;

/* ---- type traits, without a standard library */
template <class T, T v> struct integral_constant {
    static constexpr T value = v;
    typedef T value_type;
    constexpr operator T() const
    {
        return v;
    }
};
template <bool b> using bool_constant = integral_constant<bool, b>;
typedef bool_constant<true> true_type;
typedef bool_constant<false> false_type;
template <bool b, class T = void> struct enable_if {
};
template <class T> struct enable_if<true, T> {
    typedef T type;
};
template <bool b, class T = void> using enable_if_t = typename enable_if<b, T>::type;
template <bool b, class T, class F> struct conditional {
    typedef T type;
};
template <class T, class F> struct conditional<false, T, F> {
    typedef F type;
};
template <bool b, class T, class F> using conditional_t = typename conditional<b, T, F>::type;
template <class A, class B> struct is_same : false_type {
};
template <class A> struct is_same<A, A> : true_type {
};
template <class A, class B> constexpr bool is_same_v = is_same<A, B>::value;
template <class T> struct remove_cv {
    typedef T type;
};
template <class T> struct remove_cv<const T> {
    typedef T type;
};
template <class T> struct remove_cv<volatile T> {
    typedef T type;
};
template <class T> using remove_cv_t = typename remove_cv<T>::type;
template <class T> struct remove_reference {
    typedef T type;
};
template <class T> struct remove_reference<T &> {
    typedef T type;
};
template <class T> struct remove_reference<T &&> {
    typedef T type;
};
template <class T> using remove_reference_t = typename remove_reference<T>::type;
template <class T>
struct is_floating_point
    : bool_constant<__is_floating_point(T) || is_same_v<remove_cv_t<T>, half>> {
};
template <class T> struct is_integral : bool_constant<__is_integral(T)> {
};
template <class T>
struct is_arithmetic : bool_constant<is_integral<T>::value || is_floating_point<T>::value> {
};
template <class T> struct is_signed : bool_constant<__is_signed(T) || is_floating_point<T>::value> {
};
template <class T> struct is_unsigned : bool_constant<__is_unsigned(T)> {
};
template <class T> constexpr bool is_floating_point_v = is_floating_point<T>::value;
template <class T> constexpr bool is_integral_v = is_integral<T>::value;
template <class T> constexpr bool is_arithmetic_v = is_arithmetic<T>::value;
template <class T> constexpr bool is_signed_v = is_signed<T>::value;
template <class T> constexpr bool is_unsigned_v = is_unsigned<T>::value;
} // namespace metal

namespace msl
{
using metal::enable_if_t;
using metal::packed_vec;
using metal::swizzle;
using metal::vec;

/* Elements of a vector of N in storage order; a vector of three takes the room of four. */
constexpr int room(int n)
{
    return n == 3 ? 4 : n;
}

/* Number of elements and element type: 1 for scalars, 0 for what is no value of MSL. */
template <class T> struct shape {
    static constexpr int n = metal::is_arithmetic_v<T> || __is_enum(T) ? 1 : 0;
    typedef T scalar;
};
template <class T> struct shape<const T> : shape<T> {
};
#if MSL_CHECK
/* What is deduced from a variable has the address space the variable is in. */
template <class T> struct shape<thread T> : shape<T> {
};
template <class T> struct shape<threadgroup T> : shape<T> {
};
template <class T> struct shape<__global T> : shape<T> {
};
template <class T> struct shape<__attribute__((opencl_global_device)) T> : shape<T> {
};
template <class T> struct shape<__generic T> : shape<T> {
};
#endif
template <class T, int N> struct shape<vec<T, N>> {
    static constexpr int n = N;
    typedef T scalar;
};
template <class T, int N> struct shape<packed_vec<T, N>> {
    static constexpr int n = N;
    typedef T scalar;
};
template <class T, int N, int... I> struct shape<swizzle<T, N, I...>> {
    static constexpr int n = sizeof...(I);
    typedef T scalar;
};
template <class A> constexpr bool is_vector = (shape<A>::n > 1);

constexpr int total()
{
    return 0;
}
template <class A, class... R> constexpr int total(int a, R... rest)
{
    return a + total(rest...);
}
constexpr int sum()
{
    return 0;
}
template <class... R> constexpr int sum(int a, R... rest)
{
    return a + sum(rest...);
}

/* One element of a scalar (any index), vector, packed vector or swizzle. */
template <class A> enable_if_t<shape<A>::n == 1, A> at(const A &a, int)
{
    return a;
}
template <class T, int N> T at(const vec<T, N> &a, int i)
{
    return a.d[i];
}
template <class T, int N> T at(const packed_vec<T, N> &a, int i)
{
    return a.d[i];
}
template <class T, int N, int... I> T at(const swizzle<T, N, I...> &a, int i)
{
    const int place[] = {I...};
    return a.d[place[i]];
}

constexpr bool distinct()
{
    return true;
}
template <class... R> constexpr bool distinct(int a, R... rest)
{
    const bool same[] = {false, (a == rest)...};
    for (bool s : same)
        if (s)
            return false;
    return distinct(rest...);
}

} // namespace msl

namespace metal
{
/* v.zyx: a view of a vector's own elements. It is read as a vector and may be assigned to. */
template <class T, int N, int... I> struct swizzle {
    T d[msl::room(N)];
    typedef vec<T, (int)sizeof...(I)> value;
    template <class A> swizzle &operator=(const A &a)
    {
        static_assert(msl::distinct(I...), "an element stands twice on the left side");
        const value v = a;
        const int place[] = {I...};
        for (int i = 0; i < (int)sizeof...(I); i++)
            d[place[i]] = v.d[i];
        return *this;
    }
    swizzle &operator=(const swizzle &a)
    {
        return *this = value(a);
    }
    swizzle() = default;
    swizzle(const swizzle &) = default;
};
} // namespace metal

namespace msl
{
/* The members x, y, z, w, r, g, b, a and every combination of two, three or four. */
#define MSL_S(name, ...) swizzle<T, msl_n, __VA_ARGS__> name;
#define MSL_2C(p, ...) MSL_S(p##x, __VA_ARGS__, 0) MSL_S(p##y, __VA_ARGS__, 1)
#define MSL_2B(p, ...) MSL_2C(p##x, __VA_ARGS__, 0) MSL_2C(p##y, __VA_ARGS__, 1)
#define MSL_2A(p, ...) MSL_2B(p##x, __VA_ARGS__, 0) MSL_2B(p##y, __VA_ARGS__, 1)
#define MSL_3C(p, ...) MSL_2C(p, __VA_ARGS__) MSL_S(p##z, __VA_ARGS__, 2)
#define MSL_3B(p, ...) \
    MSL_3C(p##x, __VA_ARGS__, 0) MSL_3C(p##y, __VA_ARGS__, 1) MSL_3C(p##z, __VA_ARGS__, 2)
#define MSL_3A(p, ...) \
    MSL_3B(p##x, __VA_ARGS__, 0) MSL_3B(p##y, __VA_ARGS__, 1) MSL_3B(p##z, __VA_ARGS__, 2)
#define MSL_4C(p, ...) MSL_3C(p, __VA_ARGS__) MSL_S(p##w, __VA_ARGS__, 3)
#define MSL_4B(p, ...)           \
    MSL_4C(p##x, __VA_ARGS__, 0) \
    MSL_4C(p##y, __VA_ARGS__, 1) MSL_4C(p##z, __VA_ARGS__, 2) MSL_4C(p##w, __VA_ARGS__, 3)
#define MSL_4A(p, ...)           \
    MSL_4B(p##x, __VA_ARGS__, 0) \
    MSL_4B(p##y, __VA_ARGS__, 1) MSL_4B(p##z, __VA_ARGS__, 2) MSL_4B(p##w, __VA_ARGS__, 3)
template <class T, int N> struct storage;
template <class T> struct alignas(2 * sizeof(T)) storage<T, 2> {
    static constexpr int msl_n = 2;
    union {
        T d[2];
        struct {
            T x, y;
        };
        struct {
            T r, g;
        };
        MSL_2C(x, 0)
        MSL_2C(y, 1)
        MSL_2B(x, 0)
        MSL_2B(y, 1)
        MSL_2A(x, 0)
        MSL_2A(y, 1)
        swizzle<T, 2, 0, 1> rg;
    };
};
template <class T> struct alignas(4 * sizeof(T)) storage<T, 3> {
    static constexpr int msl_n = 3;
    union {
        T d[4];
        struct {
            T x, y, z;
        };
        struct {
            T r, g, b;
        };
        MSL_3C(x, 0)
        MSL_3C(y, 1)
        MSL_3C(z, 2)
        MSL_3B(x, 0)
        MSL_3B(y, 1)
        MSL_3B(z, 2)
        MSL_3A(x, 0)
        MSL_3A(y, 1)
        MSL_3A(z, 2)
        swizzle<T, 3, 0, 1> rg;
        swizzle<T, 3, 0, 1, 2> rgb;
    };
};
template <class T> struct alignas(4 * sizeof(T)) storage<T, 4> {
    static constexpr int msl_n = 4;
    union {
        T d[4];
        struct {
            T x, y, z, w;
        };
        struct {
            T r, g, b, a;
        };
        MSL_4C(x, 0)
        MSL_4C(y, 1)
        MSL_4C(z, 2)
        MSL_4C(w, 3)
        MSL_4B(x, 0)
        MSL_4B(y, 1)
        MSL_4B(z, 2)
        MSL_4B(w, 3)
        MSL_4A(x, 0)
        MSL_4A(y, 1)
        MSL_4A(z, 2)
        MSL_4A(w, 3)
        swizzle<T, 4, 0, 1> rg, lo;
        swizzle<T, 4, 2, 3> hi;
        swizzle<T, 4, 0, 1, 2> rgb;
        swizzle<T, 4, 0, 1, 2, 3> rgba;
    };
};

/* Fill elements from scalars and vectors, left to right. */
template <class V> void fill(V &, int)
{
}
template <class V, class A, class... R> void fill(V &v, int i, const A &a, const R &...rest)
{
    for (int k = 0; k < shape<A>::n; k++)
        v.d[i + k] = (typename shape<V>::scalar)at(a, k);
    fill(v, i + shape<A>::n, rest...);
}
} // namespace msl

namespace metal
{
template <class T, int N> struct vec : msl::storage<T, N> {
    vec() = default;
    vec(const vec &) = default;
    vec &operator=(const vec &a)
    {
        for (int i = 0; i < N; i++)
            this->d[i] = a.d[i];
        return *this;
    }
    /* float4 v = 1.0f: every element the same */
    template <class A, msl::enable_if_t<msl::shape<A>::n == 1, int> = 0> vec(A a)
    {
        for (int i = 0; i < N; i++)
            this->d[i] = (T)a;
    }
    /* float4(half4): never implicit */
    template <class A,
              msl::enable_if_t<
                  msl::shape<A>::n == N && !is_same_v<typename msl::shape<A>::scalar, T>, int> = 0>
    explicit vec(const A &a)
    {
        msl::fill(*this, 0, a);
    }
    template <int M, int... I, msl::enable_if_t<(int)sizeof...(I) == N, int> = 0>
    vec(const swizzle<T, M, I...> &a)
    {
        msl::fill(*this, 0, a);
    }
    vec(const packed_vec<T, N> &a)
    {
        msl::fill(*this, 0, a);
    }
    /* float4(float2, float, float) */
    template <class A, class B, class... R,
              msl::enable_if_t<
                  msl::sum(msl::shape<A>::n, msl::shape<B>::n, msl::shape<R>::n...) == N, int> = 0>
    vec(const A &a, const B &b, const R &...rest)
    {
        msl::fill(*this, 0, a, b, rest...);
    }
    T &operator[](int i)
    {
        return this->d[i];
    }
    const T &operator[](int i) const
    {
        return this->d[i];
    }
#if MSL_CHECK
    thread T &operator[](int i) thread
    {
        return this->d[i];
    }
    threadgroup T &operator[](int i) threadgroup
    {
        return this->d[i];
    }
#endif
};

/* Elements side by side: packed_float3 takes 12 bytes and is aligned as a float. */
template <class T, int N> struct packed_vec {
    T d[N];
    packed_vec() = default;
    packed_vec(const packed_vec &) = default;
    packed_vec &operator=(const packed_vec &) = default;
    template <class A, msl::enable_if_t<msl::shape<A>::n == N, int> = 0> packed_vec(const A &a)
    {
        msl::fill(*this, 0, a);
    }
    template <class A, class B, class... R,
              msl::enable_if_t<
                  msl::sum(msl::shape<A>::n, msl::shape<B>::n, msl::shape<R>::n...) == N, int> = 0>
    packed_vec(const A &a, const B &b, const R &...rest)
    {
        msl::fill(*this, 0, a, b, rest...);
    }
    T &operator[](int i)
    {
        return d[i];
    }
    const T &operator[](int i) const
    {
        return d[i];
    }
};
} // namespace metal

#define MSL_VECTORS(name, T)                          \
    typedef metal::vec<T, 2> name##2;                 \
    typedef metal::vec<T, 3> name##3;                 \
    typedef metal::vec<T, 4> name##4;                 \
    typedef metal::packed_vec<T, 2> packed_##name##2; \
    typedef metal::packed_vec<T, 3> packed_##name##3; \
    typedef metal::packed_vec<T, 4> packed_##name##4; \
    namespace metal                                   \
    {                                                 \
    using ::name##2;                                  \
    using ::name##3;                                  \
    using ::name##4;                                  \
    }
MSL_VECTORS(float, float)
MSL_VECTORS(half, half)
MSL_VECTORS(int, int)
MSL_VECTORS(uint, uint)
MSL_VECTORS(short, short)
MSL_VECTORS(ushort, ushort)
MSL_VECTORS(char, signed char)
MSL_VECTORS(uchar, uchar)
MSL_VECTORS(long, long)
MSL_VECTORS(ulong, ulong)
MSL_VECTORS(bool, bool)
#undef MSL_VECTORS
