/* SPDX-License-Identifier: BSD-2-Clause
 * What Metal's compiler refuses has to be refused here too, with the line; and a few texts it
 * takes. Each refusal is a small text with one fault. */
#include <stdio.h>
#include <string.h>

#include "host.h"

#define HEAD "#include <metal_stdlib>\nusing namespace metal;\n"
#define KERNEL(body)                                                                     \
    HEAD "kernel void k(device float *o [[buffer(0)]], constant int &n [[buffer(1)]],\n" \
         "              uint i [[thread_position_in_grid]]) { " body " }\n"

typedef struct refusal {
    const char *name, *text, *expected; /* expected: a part of the compiler's words */
} refusal;

static const refusal refusals[] = {
    {"device to thread", KERNEL("thread float *p = o; p[i] = 1.0f;"),
     "program_source:4:40: error: cannot initialize a variable"},
    {"device to constant",
     HEAD "float f(constant float *p) { return p[0]; }\n"
          "kernel void k(device float *o) { o[0] = f(o); }\n",
     "no matching function for call to 'f'"},
    {"constant to device",
     HEAD "float f(const device float *p) { return p[0]; }\n"
          "kernel void k(device float *o, constant float *c) { o[0] = f(c); }",
     "no matching function for call to 'f'"},
    {"threadgroup to device", KERNEL("threadgroup float a[4]; device float *p = a; p[0] = o[0];"),
     "cannot initialize a variable"},
    {"write to constant", HEAD "kernel void k(constant float *c) { c[0] = 1.0f; }\n",
     "read-only variable"},
    {"pointer without a space", KERNEL("float *p = o; p[i] = 1.0f;"),
     "program_source:4: error: pointer type must have explicit address space qualifier"},
    {"parameter without a space",
     HEAD "float f(float *p) { return p[0]; }\n"
          "kernel void k(device float *o) { o[0] = 1.0f; }\n",
     "program_source:3: error: pointer type must have explicit address space qualifier"},
    {"reference without a space",
     HEAD "void f(float &x) { x = 1.0f; }\n"
          "kernel void k(device float *o) { o[0] = 1.0f; }\n",
     "reference type must have explicit address space qualifier"},
    {"kernel's thread pointer", HEAD "kernel void k(thread float *o) { o[0] = 1.0f; }\n",
     "must be in address space device, constant or threadgroup"},
    {"C++17: if constexpr", KERNEL("if constexpr (sizeof(int) == 4) o[i] = 1.0f;"),
     "constexpr if is a C++17 extension"},
    {"C++17: structured binding", KERNEL("float2 v(1.0f); auto [a, b] = v.d; o[i] = a + b;"),
     "decomposition declarations are a C++17 extension"},
    {"C++17: inline variable",
     HEAD "inline constexpr constant int N = 3;\n"
          "kernel void k(device float *o) { o[0] = N; }\n",
     "inline variables are a C++17 extension"},
    {"C++17: nested namespace",
     HEAD "namespace a::b { constant constexpr int N = 3; }\n"
          "kernel void k(device float *o) { o[0] = a::b::N; }\n",
     "C++17 extension"},
    {"C++17: deduced template",
     HEAD "template <class T> struct P { T v; P(T x) : v(x) {} };\n"
          "kernel void k(device float *o) { P p(1.0f); o[0] = p.v; }\n",
     "template"},
    {"recursion",
     HEAD "int f(int n) { return n > 0 ? f(n - 1) + 1 : 0; }\n"
          "kernel void k(device int *o) { o[0] = f(o[1]); }\n",
     "recursion"},
    {"recursion of two",
     HEAD "int g(int n);\nint f(int n) { return n > 0 ? g(n - 1) : 0; }\n"
          "int g(int n) { return f(n / 2); }\n"
          "kernel void k(device int *o) { o[0] = f(o[1]); }\n",
     "recursion"},
    {"two parameters on one index",
     HEAD "kernel void k(device float *a [[buffer(2)]], device float *b [[buffer(1 + 1)]])"
          " { a[0] = b[0]; }\n",
     "two parameters of kernel k have one buffer index"},
    {"two threadgroup parameters on one index",
     HEAD "kernel void k(device float *o, threadgroup float *a [[threadgroup(1)]],\n"
          " threadgroup float *b [[threadgroup(1)]]) { a[0] = b[0] = o[0]; }\n",
     "two parameters of kernel k have one threadgroup index"},
    {"double", KERNEL("double x = 1.0f; o[i] = x;"), "MSL has no type double"},
    {"new", KERNEL("o[i] = *new float(1.0f);"), "MSL has no new"},
    {"goto", KERNEL("goto end; end: o[i] = 1.0f;"), "MSL has no goto"},
    {"exceptions", KERNEL("throw 1;"), "MSL has no exceptions"},
    {"standard library", KERNEL("o[i] = std::max(1.0f, 2.0f);"), "no C++ standard library"},
    {"standard header", "#include <cmath>\n" KERNEL("o[i] = 1.0f;"), "'cmath' file not found"},
    {"derived class",
     HEAD "struct A { int x; };\nstruct B : A { int y; };\n"
          "kernel void k(device int *o) { B b; b.x = 1; o[0] = b.x; }\n",
     "MSL has no derived classes"},
    {"virtual", HEAD "struct A { virtual int f() { return 1; } };\n", "no virtual functions"},
    {"no header", "kernel void k(device float *o) { o[0] = 1.0f; }\n", "<metal_stdlib>"},
    {"ambiguous max", KERNEL("half h = 1.0h; o[i] = max(h, 1.0f);"), "ambiguous"},
    {"float4 of half4", KERNEL("half4 h = 1.0h; float4 v = h; o[i] = v.x;"),
     "no viable conversion"},
    {"too few elements", KERNEL("o[i] = float4(1.0f, 2.0f).x;"), "no matching constructor"},
    {"threadgroup outside a kernel",
     HEAD "float f(float x) { threadgroup float a[4]; a[0] = x; return a[0]; }\n"
          "kernel void k(device float *o) { o[0] = f(o[1]); }\n",
     "is declared in a kernel function only"},
    {"kernel with a result", HEAD "kernel int k(device float *o) { return 1; }\n",
     "must return void"},
    {"signed position",
     HEAD "kernel void k(device int *o, int i [[thread_position_in_grid]])"
          " { o[0] = i; }\n",
     "positions are of type uint or ushort"},
    {"unknown attribute",
     HEAD "kernel void k(device int *o, uint i [[thread_of_mine]])"
          " { o[0] = int(i); }\n",
     "has no attribute that software Metal knows"},
    {"syntax", KERNEL("o[i] = 1.0f"), "error: expected ';'"},
};

static const char *const accepted[] = {
    KERNEL("o[i] = float(n) + 1.5h;"),
    KERNEL("const device float *p = o + 1; thread const int *q = 0; o[i] = p[0] * (q ? 1 : 2);"),
    HEAD "void add(thread float &x, float y) { x += y; }\n"
         "kernel void k(device float *o) { float s = 0; add(s, o[1]); o[0] = s; }\n",
    HEAD "struct P { int a[3]; float4 v; };\nint f(constant P &p) { return p.a[1]; }\n"
         "kernel void k(device int *o, constant P *p [[buffer(3)]]) { P q = p[1]; o[0] = f(p[0]) + "
         "q.a[2]; }",
    HEAD
    "enum class mode : int { one, two };\nconstant int m [[function_constant(3)]];\n"
    "kernel void k(device int *o) { switch (mode(m)) { case mode::one: o[0] = 1; break;\n"
    " default: o[0] = 2; } for (ushort i = 0; i < 3; ++i) { if (i == 1) continue; o[i] += 1; } }",
    HEAD "template <typename T, uint N> struct tile { T v[N]; T sum() const { T s = 0;\n"
         "#pragma unroll\nfor (uint i = 0; i < N; i++) s += v[i]; return s; } };\n"
         "kernel void k(device float *o) { tile<float, 4> t = {{1, 2, 3, 4}}; o[0] = t.sum(); }",
};

int main(void)
{
    int n_wrong = 0;
    host_open(false);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refusal *r = &refusals[i];
        const id made = library(r->text, true);
        if (made || !strstr(compile_error, r->expected)) {
            printf("%s: %s\n  expected: %s\n", r->name, made ? "compiled" : compile_error,
                   r->expected);
            n_wrong++;
        }
        release(made);
    }
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const id made = library(accepted[i], true);
        if (!made) {
            printf("refused:\n%s\n%s\n", accepted[i], compile_error);
            n_wrong++;
        }
        release(made);
    }
    host_close();
    if (h.violations() || h.live_objects()) {
        printf("violation: %s; %ld objects live\n", h.last_violation(), h.live_objects());
        n_wrong++;
    }
    printf("%d of %zu texts treated wrongly\n", n_wrong,
           sizeof refusals / sizeof refusals[0] + sizeof accepted / sizeof accepted[0]);
    return n_wrong != 0;
}
