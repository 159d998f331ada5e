/* SPDX-License-Identifier: BSD-2-Clause
 * NaN, infinities, denormals and overflow, through every candidate. An algorithm that cannot keep a
 * non-finite weight out of padded windows must refuse it; the planner's choice must always be
 * right. Usage: special_values [--count N] [--seed S] [--match TEXT] (of algorithms' names)
 *     [--test TEXT] (of tests' names) [--failures N] (the end after so many: 10) */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "case_run.h"
#include "support/rng.h"

typedef struct session {
    conv2d_device *device;
    candidate list[MAX_CANDIDATES];
    int n;
    int failures, most_failures;
    unsigned long long cases, runs, refusals, runs_of[MAX_CANDIDATES];
    const char *test;
} session;

static void report(session *s, const random_case *c, const char *who, const char *why)
{
    char problem[1024];
    if (conv2d_problem_format(&c->problem, problem, sizeof problem, NULL) != CONV2D_OK)
        snprintf(problem, sizeof problem, "(no text: %s)", conv2d_last_error());
    printf("FAIL %s, %s: %s\n  %s\n  seed %llu\n", s->test, who, why, problem,
           (unsigned long long)c->seed);
    ++s->failures;
}

static int64_t elements(case_data *d, int which)
{
    const conv2d_tensor *t = case_tensor(&d->problem, which);
    int64_t n = t->rank > 0;
    for (int a = 0; a < t->rank; ++a)
        n *= t->sizes[a];
    return n;
}

/* Offset of the tensor's element at logical index i. */
static int64_t offset_of(const conv2d_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int a = t->rank - 1; a >= 0; --a) {
        offset += i % t->sizes[a] * t->strides[a];
        i /= t->sizes[a];
    }
    return offset;
}

static double get(case_data *d, int which, int64_t i)
{
    const conv2d_tensor *t = case_tensor(&d->problem, which);
    return (double)oracle_load(t, offset_of(t, i));
}

static void put(case_data *d, int which, int64_t i, double x)
{
    const conv2d_tensor *t = case_tensor(&d->problem, which);
    case_store(t, offset_of(t, i), x);
}

static bool weights_finite(case_data *d)
{
    for (int64_t i = elements(d, CASE_WEIGHT) - 1; i >= 0; --i)
        if (!isfinite(get(d, CASE_WEIGHT, i)))
            return false;
    return true;
}

/* True if the result is right in a test's own terms. */
typedef bool (*judge)(const case_place *place, char why[WHY_BYTES]);

/* Every candidate that accepts the case, and the planner's choice. */
static void run_all(session *s, const random_case *c, case_data *data, judge right)
{
    char why[WHY_BYTES];
    bool accepted[MAX_CANDIDATES];
    if (s->failures >= s->most_failures)
        return;
    case_data_solve(data);
    ++s->cases;
    if (!ask_candidates(s->device, c, s->list, s->n, accepted, why)) {
        report(s, c, "candidates", why);
        return;
    }
    if (case_unsupported(data, accepted, s->n)) {
        ++s->refusals;
        return;
    }
    const bool finite = weights_finite(data);
    for (int i = -1; i < s->n && s->failures < s->most_failures; ++i) {
        if (i >= 0 && (!accepted[i] || s->list[i].shadowed))
            continue;
        const run_how how = {.device = s->device,
                             .algorithm = i < 0 ? NULL : s->list[i].force,
                             .path = (call_path)((c->seed + (uint64_t)(i + 1)) % CALL_PATHS)};
        case_place place;
        case_place_make(data, (c->seed + (uint64_t)(i + 1)) % 2 == 0, &place);
        const conv2d_status status = case_run(&place, &how, why);
        ++s->runs;
        if (status == CONV2D_E_UNSUPPORTED && i >= 0 && !finite)
            ++s->refusals;
        else if (status != CONV2D_OK || !right(&place, why))
            report(s, c, i < 0 ? "planner's choice" : s->list[i].force, why);
        else if (i >= 0)
            ++s->runs_of[i];
        case_place_free(&place);
    }
}

static double random_special(rng *r)
{
    static const double specials[] = {NAN, INFINITY, -INFINITY};
    return specials[rng_range(r, 0, 2)];
}

/* Random problems with one to three special values in one or two of the tensors. */
static void test_random(session *s, uint64_t seed, uint64_t count)
{
    for (uint64_t i = 0; i < count && s->failures < s->most_failures; ++i) {
        random_case c;
        case_data d;
        random_case_make(seed + i, VALUES_UNIT, &c);
        case_data_make(&c, &d);
        rng r = {seed + i};
        r.state = rng_u64(&r);
        for (int j = (int)rng_range(&r, 1, 3); j > 0; --j) {
            const int which = (int)rng_range(&r, CASE_INPUT, CASE_RESIDUAL);
            const int64_t n = elements(&d, which);
            if (n > 0)
                put(&d, which, rng_range(&r, 0, n - 1), random_special(&r));
        }
        run_all(s, &c, &d, case_judge);
        case_data_free(&d);
    }
}

typedef struct shape {
    int64_t groups, ic, oc, h, w, kh, kw, pad;
} shape;

/* A case of batch 1 of the given shape and dtype, without epilogue. */
static random_case fixed_case(const shape *p, conv2d_order order, int32_t dtype)
{
    random_case c = {.values = VALUES_UNIT, .input_scale = 1, .weight_scale = 1};
    conv2d_problem *q = &c.problem;
    const conv2d_params params = CONV2D_PARAMS_INIT;
    const conv2d_tensor absent = CONV2D_TENSOR_INIT;
    q->struct_size = sizeof *q;
    q->params = params;
    q->bias = q->residual = absent;
    q->input = conv2d_tensor_of(dtype, NULL, order, 1, p->ic, p->h, p->w);
    q->weight = conv2d_tensor_of(dtype, NULL, CONV2D_NCHW, p->oc, p->ic / p->groups, p->kh, p->kw);
    q->output = conv2d_tensor_of(dtype, NULL, order, 1, p->oc, p->h + 2 * p->pad - p->kh + 1,
                                 p->w + 2 * p->pad - p->kw + 1);
    q->params.groups = p->groups;
    for (int i = 0; i < 4; ++i)
        q->params.padding[i] = p->pad;
    return c;
}

/* One shape for each family: GEMM with a border, 1x1, depthwise, multiplier, groups. */
static const shape shapes[] = {
    {1, 5, 19, 9, 37, 3, 3, 1},   {1, 20, 33, 5, 13, 1, 1, 0}, {1, 3, 8, 6, 6, 1, 1, 1},
    {21, 21, 21, 7, 35, 3, 3, 1}, {6, 6, 12, 6, 21, 5, 5, 2},  {3, 12, 9, 8, 18, 3, 3, 1},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

/* Their types: every test takes each shape in each of them, in both orders. */
static const int32_t dtypes[] = {CONV2D_FLOAT32, CONV2D_FLOAT16, CONV2D_BFLOAT16};
enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0], N_FIXED = 2 * N_SHAPES * N_DTYPES };

static random_case fixed(int i)
{
    return fixed_case(&shapes[i / 2 % N_SHAPES], i % 2 ? CONV2D_NHWC : CONV2D_NCHW,
                      dtypes[i / 2 / N_SHAPES]);
}

/* A small number of the type, of which small multiples are denormals. */
static double tiny(int32_t dtype)
{
    return dtype == CONV2D_FLOAT16 ? 0x1p-24 : dtype == CONV2D_BFLOAT16 ? 0x1p-133 : 0x1p-149;
}

/* An infinite weight at one tap: windows whose tap is padding stay finite. */
static void test_infinite_weights(session *s, uint64_t seed, uint64_t count)
{
    (void)count;
    for (int i = 0; i < N_FIXED; ++i) {
        random_case c = fixed(i);
        const conv2d_tensor *w = &c.problem.weight;
        for (int64_t tap = 0; tap < w->sizes[2] * w->sizes[3]; ++tap) {
            case_data d;
            c.seed = seed + (uint64_t)tap;
            case_data_make(&c, &d);
            const int64_t filter = w->sizes[2] * w->sizes[3];
            const int64_t n_filters = w->sizes[0] * w->sizes[1];
            put(&d, CASE_WEIGHT, (n_filters / 2) * filter + tap, tap % 2 ? INFINITY : NAN);
            run_all(s, &c, &d, case_judge);
            case_data_free(&d);
        }
    }
}

/* NaN and both infinities through every activation, beside ordinary values. */
static void test_activations(session *s, uint64_t seed, uint64_t count)
{
    (void)count;
    for (int act = CONV2D_ACT_NONE; act <= CONV2D_ACT_MISH + 2; ++act)
        for (int i = 0; i < N_FIXED; ++i) {
            random_case c = fixed(i);
            conv2d_params *p = &c.problem.params;
            p->activation = act <= CONV2D_ACT_MISH ? act : CONV2D_ACT_CLAMP;
            if (act != CONV2D_ACT_MISH + 1 && p->activation == CONV2D_ACT_CLAMP)
                p->output_min = -0.5;
            if (act != CONV2D_ACT_MISH + 2 && p->activation == CONV2D_ACT_CLAMP)
                p->output_max = 0.75;
            c.seed = seed + (uint64_t)act;
            case_data d;
            case_data_make(&c, &d);
            const int64_t n = elements(&d, CASE_INPUT);
            put(&d, CASE_INPUT, 0, NAN);
            put(&d, CASE_INPUT, n / 2, INFINITY);
            put(&d, CASE_INPUT, n - 1, -INFINITY);
            run_all(s, &c, &d, case_judge);
            case_data_free(&d);
        }
}

/* Every product and sum is a denormal of float32, or a small multiple of a half type's, that
 * float32 holds exactly: results equal the oracle's. */
static bool judge_exact(const case_place *place, char why[WHY_BYTES])
{
    if (place->expected != EXPECTED_WINDOW)
        return case_judge(place, why);
    for (int64_t i = 0; i < place->data->n_values; ++i) {
        const int32_t dtype = place->problem.output.dtype;
        const long double want = oracle_round(dtype, place->data->values[i].y);
        const long double got = case_place_value(place, i);
        if (want != got) {
            snprintf(why, WHY_BYTES, "element %lld is %La, exact result %La", (long long)i, got,
                     want);
            return false;
        }
    }
    return true;
}

static void fill_scaled(case_data *d, int which, rng *r, int64_t most, double scale)
{
    for (int64_t i = elements(d, which) - 1; i >= 0; --i)
        put(d, which, i, (double)rng_range(r, -most, most) * scale);
}

static void test_denormals(session *s, uint64_t seed, uint64_t count)
{
    (void)count;
    for (int i = 0; i < 2 * N_FIXED; ++i) {
        random_case c = fixed(i / 2);
        c.seed = seed + (uint64_t)i;
        case_data d;
        case_data_make(&c, &d);
        rng r = {c.seed};
        const bool denormal_input = i % 2 == 0; /* else the weights are */
        const double small = tiny(c.problem.input.dtype);
        fill_scaled(&d, CASE_INPUT, &r, 9, denormal_input ? small : 1);
        fill_scaled(&d, CASE_WEIGHT, &r, 9, denormal_input ? 1 : small);
        run_all(s, &c, &d, judge_exact);
        case_data_free(&d);
    }
}

/* With flush_denormals: zero or the exact value, nothing else. float16's own denormals are normal
 * numbers to the sums, and are kept. */
static bool judge_flushed(const case_place *place, char why[WHY_BYTES])
{
    if (place->expected != EXPECTED_WINDOW)
        return case_judge(place, why);
    for (int64_t i = 0; i < place->data->n_values; ++i) {
        const oracle_value v = place->data->values[i];
        const long double got = case_place_value(place, i);
        const conv2d_tensor *output = &place->problem.output;
        const long double exact = oracle_round(output->dtype, v.y);
        const bool kept = output->dtype == CONV2D_FLOAT16 && got != exact;
        if (fabsl(got) > oracle_round(output->dtype, v.s) || got != got || kept) {
            snprintf(why, WHY_BYTES, "element %lld is %Lg, |result| <= %Lg", (long long)i, got,
                     v.s);
            return false;
        }
    }
    return true;
}

/* True if this thread computes denormals; volatile, so that it happens here and now. */
static bool computes_denormals(void)
{
    volatile float x = FLT_MIN;
    x = x / 4;
    return x > 0;
}

/* flush_denormals leaves the caller's own mode as it was, whatever that is. */
static void test_flush_mode(session *s, uint64_t seed, uint64_t count)
{
    (void)count;
    for (int i = 0; i < N_FIXED; ++i) {
        random_case c = fixed(i);
        c.seed = seed + (uint64_t)i;
        c.problem.params.flush_denormals = 1;
        case_data d;
        case_data_make(&c, &d);
        rng r = {c.seed};
        fill_scaled(&d, CASE_INPUT, &r, 9, tiny(c.problem.input.dtype));
        if (c.problem.input.dtype == CONV2D_FLOAT16) /* exact sums */
            fill_scaled(&d, CASE_WEIGHT, &r, 9, 1);
        run_all(s, &c, &d, judge_flushed);
        if (!computes_denormals())
            report(s, &c, "caller", "denormals are flushed after a run with flush_denormals");
#ifdef __SSE2__
        const unsigned mode = _mm_getcsr(), flushing = mode | 0x8040; /* FTZ, DAZ */
        for (int flush = 0; flush < 2; ++flush) {
            c.problem.params.flush_denormals = d.problem.params.flush_denormals = flush;
            _mm_setcsr(flushing);
            case_place place;
            case_place_make(&d, true, &place);
            char why[WHY_BYTES] = "";
            const run_how how = {.device = s->device, .path = CALL_CONTEXT};
            const conv2d_status status = case_run(&place, &how, why);
            const unsigned after = _mm_getcsr();
            _mm_setcsr(mode);
            if (status != CONV2D_OK)
                report(s, &c, "planner's choice", why);
            if ((after & 0x8040) != 0x8040)
                report(s, &c, "caller", "the caller's own FTZ and DAZ are gone after a run");
            case_place_free(&place);
        }
#endif
        case_data_free(&d);
    }
}

/* Results beyond the largest number: only sanity is promised. All terms are positive here, so the
 * result is +infinity or, where the exact sum fits, close to it; never NaN, negative or small. */
static bool judge_overflow(const case_place *place, char why[WHY_BYTES])
{
    if (place->expected != EXPECTED_WINDOW)
        return case_judge(place, why);
    for (int64_t i = 0; i < place->data->n_values; ++i) {
        const int32_t dtype = place->problem.output.dtype;
        const long double want = place->data->values[i].y, got = case_place_value(place, i);
        const long double most = oracle_max(dtype), near = 1 - 2 * oracle_ulp(dtype, 1);
        if (got >= (want < most ? want : most) * (dtype == CONV2D_FLOAT32 ? 0.999L : near) &&
            (want > most / 2 || got < most))
            continue;
        snprintf(why, WHY_BYTES, "element %lld is %Lg, exact result %Lg", (long long)i, got, want);
        return false;
    }
    return true;
}

static void test_overflow(session *s, uint64_t seed, uint64_t count)
{
    (void)count;
    for (int i = 0; i < N_FIXED; ++i) {
        random_case c = fixed(i);
        c.seed = seed + (uint64_t)i;
        case_data d;
        case_data_make(&c, &d);
        for (int which = CASE_INPUT; which <= CASE_WEIGHT; ++which)
            for (int64_t j = elements(&d, which) - 1; j >= 0; --j) {
                const bool small = c.problem.input.dtype == CONV2D_FLOAT16;
                const double scale =
                    which == CASE_INPUT ? (small ? 0x1p10 : 0x1p100) : (small ? 0x1p4 : 0x1p27);
                put(&d, which, j, fabs(get(&d, which, j)) * scale);
            }
        run_all(s, &c, &d, judge_overflow);
        case_data_free(&d);
    }
}

typedef struct test {
    const char *name;
    void (*run)(session *, uint64_t seed, uint64_t count);
    bool cpu_only; /* about the mode of the CPU's threads */
} test;

static const test tests[] = {
    {"random special values", test_random, false},
    {"infinite weights", test_infinite_weights, false},
    {"activations", test_activations, false},
    {"denormals", test_denormals, false},
    {"flush_denormals mode", test_flush_mode, true},
    {"overflow", test_overflow, false},
};

int main(int argc, char **argv)
{
    const char *device_name = "cpu", *match = "", *only = "";
    uint64_t count = 2000, seed = 1;
    session s = {.most_failures = 10};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--count") == 0)
            count = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--device") == 0)
            device_name = argv[i + 1];
        else if (strcmp(argv[i], "--match") == 0)
            match = argv[i + 1];
        else if (strcmp(argv[i], "--test") == 0)
            only = argv[i + 1];
        else if (strcmp(argv[i], "--failures") == 0)
            s.most_failures = (int)strtol(argv[i + 1], NULL, 10);
        else
            return 2;
    }
    s.device = open_device(device_name, 2, NULL);
    s.n = list_candidates(s.device, s.list);
    for (int i = 0; i < s.n; ++i) /* others are not run */
        s.list[i].shadowed |= strncmp(s.list[i].algorithm, match, strlen(match)) != 0;
    for (size_t t = 0; t < sizeof tests / sizeof tests[0] && s.failures < s.most_failures; ++t) {
        if ((tests[t].cpu_only && strcmp(device_name, "cpu") != 0) ||
            strncmp(tests[t].name, only, strlen(only)) != 0)
            continue;
        s.test = tests[t].name;
        s.cases = s.runs = s.refusals = 0;
        const int before = s.failures;
        tests[t].run(&s, seed, count);
        printf("%-24s %6llu cases, %7llu runs, %5llu refused, %d failures\n", s.test, s.cases,
               s.runs, s.refusals, s.failures - before);
    }
    if (!s.test) {
        printf("FAIL no test has a name like %s\n", only);
        ++s.failures;
    }
    for (int i = 0; i < s.n && s.failures < s.most_failures; ++i)
        if (!only[0] && !s.list[i].shadowed && s.runs_of[i] == 0) {
            printf("FAIL %s never ran\n", s.list[i].force);
            ++s.failures;
        }
    conv2d_device_close(s.device);
    printf("special_values: seed %llu, %d failures\n", (unsigned long long)seed, s.failures);
    return s.failures ? 1 : 0;
}
