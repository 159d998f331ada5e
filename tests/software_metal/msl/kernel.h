/* SPDX-License-Identifier: BSD-2-Clause
 * Metal Shading Language for clang, part 6: how the generated launchers call a kernel: describing
 * its parameters, turning bound memory and coordinates into arguments, function constants. */
#pragma once
#pragma clang system_header
#include "simd.h"

#define MSL_EXPORTED __attribute__((visibility("default")))

namespace msl
{
#if MSL_CHECK
struct any_threadgroup {
    template <class T> operator T &() const;
};
#define MSL_THREADGROUP_VARIABLE(place) msl::any_threadgroup()
#define MSL_FUNCTION_CONSTANT(T, index, name) T()
#define MSL_IS_DEFINED(index) true
#else
/* A reference to whatever is declared: threadgroup float (&a)[8] = variable{3, line}; */
struct variable {
    int place;
    unsigned line;
    template <class T> operator T &() const
    {
        return *(T *)msl_threadgroup_variable(place, sizeof(T), alignof(T), line);
    }
};
#define MSL_THREADGROUP_VARIABLE(place) (msl::variable{place, __LINE__})

template <class T> constexpr int data_type = -1;
template <> constexpr int data_type<bool> = MSL_TYPE_BOOL;
template <> constexpr int data_type<int> = MSL_TYPE_INT;
template <> constexpr int data_type<uint> = MSL_TYPE_UINT;
template <> constexpr int data_type<short> = MSL_TYPE_SHORT;
template <> constexpr int data_type<ushort> = MSL_TYPE_USHORT;
template <> constexpr int data_type<signed char> = MSL_TYPE_CHAR;
template <> constexpr int data_type<uchar> = MSL_TYPE_UCHAR;
template <> constexpr int data_type<float> = MSL_TYPE_FLOAT;
template <> constexpr int data_type<half> = MSL_TYPE_HALF;
template <class T> T function_constant(int index, const char *name)
{
    static_assert(data_type<T> > 0, "a function constant is a scalar");
    T value;
    msl_function_constant(index, name, data_type<T>, &value, sizeof value);
    return value;
}
#define MSL_FUNCTION_CONSTANT(T, index, name) msl::function_constant<T>(index, name)
#define MSL_IS_DEFINED(index) (msl_function_constant_defined(index) != 0)

/* What a kernel's parameter of type P leads to; P is a pointer or a reference. */
template <class P> struct memory;
template <class T> struct memory<T *> {
    typedef T value;
    static constexpr bool is_reference = false;
    static T *argument(void *p)
    {
        return (T *)p;
    }
};
template <class T> struct memory<T &> {
    typedef T value;
    static constexpr bool is_reference = true;
    static T &argument(void *p)
    {
        return *(T *)p;
    }
};
template <class T> struct is_const : metal::false_type {
};
template <class T> struct is_const<const T> : metal::true_type {
};
template <class P> msl_parameter describe(const char *name, int kind, int index, bool present)
{
    typedef typename memory<P>::value T;
    return {name,   kind, index, sizeof(T), alignof(T), memory<P>::is_reference, is_const<T>::value,
            present};
}
/* Parameter i of a function. */
template <int i, class F> struct parameter;
template <int i, class R, class A, class... Rest> struct parameter<i, R (*)(A, Rest...)> {
    typedef typename parameter<i - 1, R (*)(Rest...)>::type type;
};
template <class R, class A, class... Rest> struct parameter<0, R (*)(A, Rest...)> {
    typedef A type;
};
template <int i, class F> using parameter_t = typename parameter<i, F>::type;

/* Coordinates as the type the kernel asks for: unsigned scalars or vectors of 32 or 16 bits. */
template <class T> T coordinate(const uint32_t *v)
{
    typedef typename shape<T>::scalar S;
    static_assert(metal::is_same_v<S, uint> || metal::is_same_v<S, ushort>,
                  "positions are of type uint or ushort, or vectors of those");
    S s[4] = {(S)v[0], (S)v[1], (S)v[2], 0};
    T t;
    __builtin_memcpy(&t, s, shape<T>::n * sizeof(S));
    return t;
}
template <class T> T index(uint32_t v)
{
    static_assert(metal::is_same_v<T, uint> || metal::is_same_v<T, ushort>,
                  "indices are of type uint or ushort");
    return (T)v;
}

/* No two buffers, and no two pieces of threadgroup memory, have one index. */
constexpr bool no_index_twice()
{
    return true;
}
template <class... R> constexpr bool no_index_twice(int a, R... rest)
{
    return distinct(a, rest...);
}
#endif
} // namespace msl
