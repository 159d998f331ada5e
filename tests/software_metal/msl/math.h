/* SPDX-License-Identifier: BSD-2-Clause
 * Metal Shading Language for clang, part 3: functions of scalars and vectors. Scalars are
 * overloads, one a type, so that max(half, float) is as ambiguous here as it is for Metal's
 * compiler. Floating functions are the host's precise ones; half goes through float. */
#pragma once
#pragma clang system_header
#include "operators.h"

#define MAXFLOAT __FLT_MAX__
#define FLT_MAX __FLT_MAX__
#define FLT_MIN __FLT_MIN__
#define FLT_EPSILON __FLT_EPSILON__
#define HALF_MAX ((half)65504.0f)
#define HALF_MIN ((half)6.103515625e-05f)
#define HALF_EPSILON ((half)0.0009765625f)
#define MAXHALF HALF_MAX
#define INFINITY __builtin_inff()
#define HUGE_VALF __builtin_inff()
#define NAN __builtin_nanf("")
#define M_E_F 2.71828182845904523536f
#define M_LOG2E_F 1.44269504088896340736f
#define M_LOG10E_F 0.43429448190325182765f
#define M_LN2_F 0.69314718055994530942f
#define M_LN10_F 2.30258509299404568402f
#define M_PI_F 3.14159265358979323846f
#define M_PI_2_F 1.57079632679489661923f
#define M_PI_4_F 0.78539816339744830962f
#define M_1_PI_F 0.31830988618379067154f
#define M_2_PI_F 0.63661977236758134308f
#define M_2_SQRTPI_F 1.12837916709551257390f
#define M_SQRT2_F 1.41421356237309504880f
#define M_SQRT1_2_F 0.70710678118654752440f
#define INT_MAX 2147483647
#define INT_MIN (-2147483647 - 1)
#define UINT_MAX 4294967295u
#define SHRT_MAX 32767
#define USHRT_MAX 65535

#if MSL_CHECK
/* Only types are looked at: the host's library is not declared in OpenCL. */
#define MSL_HOST1(name)               \
    inline float name##_host(float x) \
    {                                 \
        return x;                     \
    }
#define MSL_HOST2(name)                        \
    inline float name##_host(float x, float y) \
    {                                          \
        return x + y;                          \
    }
#else
#define MSL_HOST1(name)                \
    inline float name##_host(float x)  \
    {                                  \
        return __builtin_##name##f(x); \
    }
#define MSL_HOST2(name)                        \
    inline float name##_host(float x, float y) \
    {                                          \
        return __builtin_##name##f(x, y);      \
    }
#endif
namespace msl
{
MSL_HOST1(exp)
MSL_HOST1(exp2)
MSL_HOST1(log)
MSL_HOST1(log2) MSL_HOST1(log10) MSL_HOST1(sqrt) MSL_HOST1(sin) MSL_HOST1(cos) MSL_HOST1(tan)
    MSL_HOST1(sinh) MSL_HOST1(cosh) MSL_HOST1(tanh) MSL_HOST1(asin) MSL_HOST1(acos) MSL_HOST1(atan)
        MSL_HOST1(asinh) MSL_HOST1(acosh) MSL_HOST1(atanh) MSL_HOST1(floor) MSL_HOST1(ceil)
            MSL_HOST1(round) MSL_HOST1(rint) MSL_HOST1(trunc) MSL_HOST1(fabs) MSL_HOST2(pow)
                MSL_HOST2(atan2) MSL_HOST2(fmod) MSL_HOST2(copysign) MSL_HOST2(fmax) MSL_HOST2(fmin)
                    MSL_HOST2(fdim)
                        MSL_HOST2(nextafter) inline float fma_host(float a, float b, float c)
{
#if MSL_CHECK
    return a * b + c;
#else
    return __builtin_fmaf(a, b, c);
#endif
}
inline float ldexp_host(float x, int n)
{
#if MSL_CHECK
    return x * (float)n;
#else
    return __builtin_ldexpf(x, n);
#endif
}
inline float rsqrt_host(float x)
{
    return 1.0f / sqrt_host(x);
}
inline float exp10_host(float x)
{
    return pow_host(10.0f, x);
}
inline float powr_host(float x, float y)
{
    return pow_host(x, y);
}
inline float divide_host(float x, float y)
{
    return x / y;
}
inline float fract_host(float x)
{
    return fmin_host(x - floor_host(x), 0x1.fffffep-1f);
}
inline float sign_host(float x)
{
    return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x == x ? x : 0.0f;
}
inline float saturate_host(float x)
{
    return fmin_host(fmax_host(x, 0.0f), 1.0f);
}
inline float abs_host(float x)
{
    return fabs_host(x);
}
inline float max_host(float x, float y)
{
    return fmax_host(x, y);
}
inline float min_host(float x, float y)
{
    return fmin_host(x, y);
}
inline float clamp_host(float x, float lo, float hi)
{
    return fmin_host(fmax_host(x, lo), hi);
}
inline float mix_host(float x, float y, float a)
{
    return x + (y - x) * a;
}
inline float step_host(float edge, float x)
{
    return x < edge ? 0.0f : 1.0f;
}
inline float smoothstep_host(float lo, float hi, float x)
{
    const float t = clamp_host((x - lo) / (hi - lo), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}
} // namespace msl

/* One floating function for float, half and their vectors. */
#define MSL_F1(f)                                                                         \
    inline float f(float x)                                                               \
    {                                                                                     \
        return msl::f##_host(x);                                                          \
    }                                                                                     \
    inline half f(half x)                                                                 \
    {                                                                                     \
        return (half)msl::f##_host((float)x);                                             \
    }                                                                                     \
    template <class A, class V = msl::floats<A>> V f(const A &a)                          \
    {                                                                                     \
        V v;                                                                              \
        for (int i = 0; i < msl::shape<V>::n; i++)                                        \
            v.d[i] = (typename msl::shape<V>::scalar)msl::f##_host((float)msl::at(a, i)); \
        return v;                                                                         \
    }
#define MSL_F2(f)                                                                         \
    inline float f(float x, float y)                                                      \
    {                                                                                     \
        return msl::f##_host(x, y);                                                       \
    }                                                                                     \
    inline half f(half x, half y)                                                         \
    {                                                                                     \
        return (half)msl::f##_host((float)x, (float)y);                                   \
    }                                                                                     \
    template <class A, class B, class V = msl::floats<msl::common_t<A, B>>>               \
    V f(const A &a, const B &b)                                                           \
    {                                                                                     \
        V v;                                                                              \
        for (int i = 0; i < msl::shape<V>::n; i++)                                        \
            v.d[i] = (typename msl::shape<V>::scalar)msl::f##_host((float)msl::at(a, i),  \
                                                                   (float)msl::at(b, i)); \
        return v;                                                                         \
    }
#define MSL_F3(f)                                                                        \
    inline float f(float x, float y, float z)                                            \
    {                                                                                    \
        return msl::f##_host(x, y, z);                                                   \
    }                                                                                    \
    inline half f(half x, half y, half z)                                                \
    {                                                                                    \
        return (half)msl::f##_host((float)x, (float)y, (float)z);                        \
    }                                                                                    \
    template <class A, class B, class C, class V = msl::floats<msl::common3_t<A, B, C>>> \
    V f(const A &a, const B &b, const C &c)                                              \
    {                                                                                    \
        V v;                                                                             \
        for (int i = 0; i < msl::shape<V>::n; i++)                                       \
            v.d[i] = (typename msl::shape<V>::scalar)msl::f##_host(                      \
                (float)msl::at(a, i), (float)msl::at(b, i), (float)msl::at(c, i));       \
        return v;                                                                        \
    }
#define MSL_F        \
    MSL_F1(exp)      \
    MSL_F1(exp2)     \
    MSL_F1(exp10)    \
    MSL_F1(log)      \
    MSL_F1(log2)     \
    MSL_F1(log10)    \
    MSL_F1(sqrt)     \
    MSL_F1(rsqrt)    \
    MSL_F1(sin)      \
    MSL_F1(cos)      \
    MSL_F1(tan)      \
    MSL_F1(sinh)     \
    MSL_F1(cosh)     \
    MSL_F1(tanh)     \
    MSL_F1(asin)     \
    MSL_F1(acos)     \
    MSL_F1(atan)     \
    MSL_F1(asinh)    \
    MSL_F1(acosh)    \
    MSL_F1(atanh)    \
    MSL_F1(floor)    \
    MSL_F1(ceil)     \
    MSL_F1(round)    \
    MSL_F1(rint)     \
    MSL_F1(trunc)    \
    MSL_F1(fabs)     \
    MSL_F1(fract)    \
    MSL_F1(saturate) \
    MSL_F2(pow)      \
    MSL_F2(powr)     \
    MSL_F2(atan2)    \
    MSL_F2(fmod)     \
    MSL_F2(divide)   \
    MSL_F2(fmax)     \
    MSL_F2(fmin)
namespace metal
{
/* metal::f, metal::precise::f and metal::fast::f; the fast ones are no less exact here. */
namespace precise
{
MSL_F
MSL_F3(fma)
} // namespace precise
namespace fast
{
MSL_F
} // namespace fast
MSL_F
MSL_F1(sign)
MSL_F2(copysign)
MSL_F2(fdim)
MSL_F2(nextafter)
MSL_F2(step)
MSL_F3(fma)
MSL_F3(mix)
MSL_F3(smoothstep)
inline float ldexp(float x, int n)
{
    return msl::ldexp_host(x, n);
}
inline half ldexp(half x, int n)
{
    return (half)msl::ldexp_host((float)x, n);
}

/* isnan and its like: bool for a scalar, a vector of bool for a vector. */
#define MSL_IS(f, expression)                                                \
    inline bool f(float x)                                                   \
    {                                                                        \
        return expression;                                                   \
    }                                                                        \
    inline bool f(half h)                                                    \
    {                                                                        \
        const float x = (float)h;                                            \
        return expression;                                                   \
    }                                                                        \
    template <class A, class V = msl::bools<msl::floats<A>>> V f(const A &a) \
    {                                                                        \
        V v;                                                                 \
        for (int i = 0; i < msl::shape<V>::n; i++)                           \
            v.d[i] = f(msl::at(a, i));                                       \
        return v;                                                            \
    }
MSL_IS(isnan, x != x)
MSL_IS(isinf, x == INFINITY || x == -INFINITY)
MSL_IS(isfinite, x - x == 0.0f)
MSL_IS(isnormal, x - x == 0.0f && (x >= FLT_MIN || x <= -FLT_MIN))
MSL_IS(signbit, __builtin_signbit(x) != 0)

/* ---- max, min, clamp, abs of every arithmetic type */
#define MSL_ORDER(T)                \
    inline T max(T x, T y)          \
    {                               \
        return x < y ? y : x;       \
    }                               \
    inline T min(T x, T y)          \
    {                               \
        return y < x ? y : x;       \
    }                               \
    inline T clamp(T x, T lo, T hi) \
    {                               \
        return min(max(x, lo), hi); \
    }
MSL_ORDER(signed char)
MSL_ORDER(uchar)
MSL_ORDER(short)
MSL_ORDER(ushort) MSL_ORDER(int) MSL_ORDER(uint) MSL_ORDER(long)
    MSL_ORDER(ulong) inline float max(float x, float y)
{
    return msl::fmax_host(x, y);
}
inline float min(float x, float y)
{
    return msl::fmin_host(x, y);
}
inline float clamp(float x, float lo, float hi)
{
    return min(max(x, lo), hi);
}
inline half max(half x, half y)
{
    return (half)max((float)x, (float)y);
}
inline half min(half x, half y)
{
    return (half)min((float)x, (float)y);
}
inline half clamp(half x, half lo, half hi)
{
    return min(max(x, lo), hi);
}
template <class A, class B, class V = msl::common_t<A, B>> V max(const A &a, const B &b)
{
    typedef typename msl::shape<V>::scalar T;
    V v;
    for (int i = 0; i < msl::shape<V>::n; i++)
        v.d[i] = max((T)msl::at(a, i), (T)msl::at(b, i));
    return v;
}
template <class A, class B, class V = msl::common_t<A, B>> V min(const A &a, const B &b)
{
    typedef typename msl::shape<V>::scalar T;
    V v;
    for (int i = 0; i < msl::shape<V>::n; i++)
        v.d[i] = min((T)msl::at(a, i), (T)msl::at(b, i));
    return v;
}
template <class A, class B, class C, class V = msl::common3_t<A, B, C>>
V clamp(const A &a, const B &lo, const C &hi)
{
    return min(max(V(a), lo), hi);
}
#define MSL_ABS(T)                  \
    inline T abs(T x)               \
    {                               \
        return x < 0 ? (T) - x : x; \
    }
MSL_ABS(signed char) MSL_ABS(short) MSL_ABS(int) MSL_ABS(long) inline float abs(float x)
{
    return msl::fabs_host(x);
}
inline half abs(half x)
{
    return (half)msl::fabs_host((float)x);
}
template <class A, class V = msl::vector_t<A>> V abs(const A &a)
{
    V v;
    for (int i = 0; i < msl::shape<V>::n; i++)
        v.d[i] = abs(msl::at(a, i));
    return v;
}
} // namespace metal
