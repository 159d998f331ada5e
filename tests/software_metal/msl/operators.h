/* SPDX-License-Identifier: BSD-2-Clause
 * Metal Shading Language for clang, part 2: operators of vectors. Both sides have the same element
 * type, as in MSL; a scalar is converted to the vector's. Comparisons give a vector of bool. */
#pragma once
#pragma clang system_header
#include "types.h"

namespace msl
{
/* The vector type of a binary operation: none (no such operator) for two scalars, for different
 * lengths, and for different element types. */
template <class A, class B, int a = shape<A>::n, int b = shape<B>::n> struct common {
};
template <class A, class B, int n> struct common<A, B, n, n> {
    typedef enable_if_t<(n > 1) &&
                            metal::is_same_v<typename shape<A>::scalar, typename shape<B>::scalar>,
                        vec<typename shape<A>::scalar, n>>
        type;
};
template <class A, class B, int n> struct common<A, B, n, 1> {
    typedef enable_if_t<(n > 1), vec<typename shape<A>::scalar, n>> type;
};
template <class A, class B, int n> struct common<A, B, 1, n> {
    typedef enable_if_t<(n > 1), vec<typename shape<B>::scalar, n>> type;
};
template <class A, class B> struct common<A, B, 1, 1> {
};
template <class A, class B> using common_t = typename common<A, B>::type;
template <class A>
using vector_t = enable_if_t<is_vector<A>, vec<typename shape<A>::scalar, shape<A>::n>>;
/* The same of three values, at least one of them a vector. */
template <class V, class A>
constexpr bool fits =
    shape<A>::n == 1 || (shape<A>::n == shape<V>::n &&
                         metal::is_same_v<typename shape<A>::scalar, typename shape<V>::scalar>);
template <class A, class B, class C>
using first_vector =
    metal::conditional_t<is_vector<A>, A, metal::conditional_t<is_vector<B>, B, C>>;
template <class A, class B, class C, class V = vector_t<first_vector<A, B, C>>>
using common3_t = enable_if_t<fits<V, A> && fits<V, B> && fits<V, C>, V>;
template <class V>
using floats = enable_if_t<metal::is_floating_point_v<typename shape<V>::scalar>, vector_t<V>>;
template <class V> using bools = vec<bool, shape<V>::n>;
} // namespace msl

/* In namespace metal, where vectors and swizzles are: argument-dependent look-up finds them. */
#define MSL_OPERATOR(op)                                        \
    template <class A, class B, class V = msl::common_t<A, B>>  \
    V operator op(const A &a, const B &b)                       \
    {                                                           \
        typedef typename msl::shape<V>::scalar T;               \
        V v;                                                    \
        for (int i = 0; i < msl::shape<V>::n; i++)              \
            v.d[i] = (T)((T)msl::at(a, i) op(T) msl::at(b, i)); \
        return v;                                               \
    }
#define MSL_ASSIGNMENT(op)                                                             \
    template <class T, int N, class B, class V = msl::common_t<metal::vec<T, N>, B>>   \
    metal::vec<T, N> &operator op##=(metal::vec<T, N> &a, const B & b)                 \
    {                                                                                  \
        return a = a op b;                                                             \
    }                                                                                  \
    template <class T, int N, int... I, class B>                                       \
    msl::swizzle<T, N, I...> &operator op##=(msl::swizzle<T, N, I...> &a, const B & b) \
    {                                                                                  \
        return a = a op b;                                                             \
    }
#define MSL_COMPARISON(op)                                     \
    template <class A, class B, class V = msl::common_t<A, B>> \
    msl::bools<V> operator op(const A & a, const B & b)        \
    {                                                          \
        typedef typename msl::shape<V>::scalar T;              \
        msl::bools<V> v;                                       \
        for (int i = 0; i < msl::shape<V>::n; i++)             \
            v.d[i] = (T)msl::at(a, i) op(T) msl::at(b, i);     \
        return v;                                              \
    }
#define MSL_UNARY(op)                                                        \
    template <class A, class V = msl::vector_t<A>> V operator op(const A &a) \
    {                                                                        \
        V v;                                                                 \
        for (int i = 0; i < msl::shape<V>::n; i++)                           \
            v.d[i] = (typename msl::shape<V>::scalar)(op msl::at(a, i));     \
        return v;                                                            \
    }
namespace metal
{
MSL_OPERATOR(+)
MSL_OPERATOR(-)
MSL_OPERATOR(*)
MSL_OPERATOR(/)
MSL_OPERATOR(%)
MSL_OPERATOR(&)
MSL_OPERATOR(|)
MSL_OPERATOR(^)
MSL_OPERATOR(<<)
MSL_OPERATOR(>>)
MSL_ASSIGNMENT(+)
MSL_ASSIGNMENT(-)
MSL_ASSIGNMENT(*)
MSL_ASSIGNMENT(/)
MSL_ASSIGNMENT(%)
MSL_ASSIGNMENT(&)
MSL_ASSIGNMENT(|)
MSL_ASSIGNMENT(^)
MSL_ASSIGNMENT(<<)
MSL_ASSIGNMENT(>>)
MSL_COMPARISON(==)
MSL_COMPARISON(!=)
MSL_COMPARISON(<)
MSL_COMPARISON(>)
MSL_COMPARISON(<=)
MSL_COMPARISON(>=)
MSL_COMPARISON(&&)
MSL_COMPARISON(||)
MSL_UNARY(-)
MSL_UNARY(+)
MSL_UNARY(~)
MSL_UNARY(!)
} // namespace metal
