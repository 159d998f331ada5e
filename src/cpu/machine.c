/* SPDX-License-Identifier: BSD-2-Clause
 * What machine this is: CPU features, caches, name. Found once with cpu_features (x86), sysctl
 * (macOS) or from the compiler's baseline (CONV2D_MINIMAL, other architectures), then cut to the
 * level asked for by the caller or the environment variable CONV2D_CPU. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "cpu/cpu.h"
#include "cpu/tile_state.h"

#if defined(CONV2D_HAVE_CPU_FEATURES)
#include <cpu_features/cpuinfo_x86.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* Levels, lowest first; one exists on this machine if it has all its features. */
typedef struct level {
    const char *isa;
    uint32_t features;
} level;
static const level levels[] = {
    {"generic", 0},
    {"neon", C2_CPU_NEON},
    /* No processor has AVX2 and lacks F16C. */
    {"avx2", C2_CPU_AVX2 | C2_CPU_FMA | C2_CPU_F16C},
    {"avx512", C2_CPU_AVX2 | C2_CPU_FMA | C2_CPU_F16C | C2_CPU_AVX512},
    {"avx512_bf16",
     C2_CPU_AVX2 | C2_CPU_FMA | C2_CPU_F16C | C2_CPU_AVX512 | C2_CPU_AVX512_BF16},
    {"amx", C2_CPU_AVX2 | C2_CPU_FMA | C2_CPU_F16C | C2_CPU_AVX512 | C2_CPU_AVX512_BF16 |
                C2_CPU_AMX},
};
enum { N_LEVELS = (int)(sizeof levels / sizeof levels[0]) };

static const struct {
    uint32_t feature;
    const char *name;
} feature_names[] = {{C2_CPU_AVX2, "avx2"},
                     {C2_CPU_FMA, "fma"},
                     {C2_CPU_F16C, "f16c"},
                     {C2_CPU_AVX512, "avx512"},
                     {C2_CPU_AVX512_BF16, "avx512_bf16"},
                     {C2_CPU_AMX, "amx"},
                     {C2_CPU_NEON, "neon"}};

static uint32_t baseline(void)
{
    uint32_t f = 0;
#if defined(__AVX2__)
    f |= C2_CPU_AVX2;
#endif
#if defined(__FMA__)
    f |= C2_CPU_FMA;
#endif
#if defined(__F16C__)
    f |= C2_CPU_F16C;
#endif
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    f |= C2_CPU_AVX512;
#endif
#if defined(__AVX512BF16__)
    f |= C2_CPU_AVX512_BF16;
#endif
#if defined(__aarch64__)
    f |= C2_CPU_NEON;
#endif
    return f;
}

#if defined(CONV2D_HAVE_CPU_FEATURES)
static const char *cores_of(const X86Info *info)
{
    static const struct {
        const char *vendor;
        int family; /* this or a later one */
        const char *cores;
    } known[] = {
        {"GenuineIntel", 0, "intel"}, {"AuthenticAMD", 26, "amd-zen5"}, {"AuthenticAMD", 0, "amd"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(info->vendor, known[i].vendor) == 0 && info->family >= known[i].family)
            return known[i].cores;
    }
    return "";
}
#endif

#if defined(__APPLE__)
/* A number of the system's, 0 where it has none of that name. */
static size_t system_number(const char *name)
{
    union {
        int32_t narrow;
        int64_t wide;
    } value = {.wide = 0};
    size_t n = sizeof value;
    if (sysctlbyname(name, &value, &n, NULL, 0))
        return 0;
    return n == sizeof value.narrow ? (size_t)value.narrow : (size_t)value.wide;
}

/* The names of <sys/sysctl.h>; AVX2's has a suffix. */
static uint32_t system_features(void)
{
    uint32_t f = 0;
#if defined(__x86_64__)
    f |= system_number("hw.optional.avx2_0") ? C2_CPU_AVX2 : 0;
    f |= system_number("hw.optional.fma") ? C2_CPU_FMA : 0;
    f |= system_number("hw.optional.f16c") ? C2_CPU_F16C : 0;
    f |= system_number("hw.optional.avx512f") && system_number("hw.optional.avx512bw") &&
                 system_number("hw.optional.avx512dq") && system_number("hw.optional.avx512vl")
             ? C2_CPU_AVX512
             : 0;
#endif
    return f;
}
#endif

/* Tests claim features of a machine whose kernels they emulate. */
#if !defined(C2_EMULATED_FEATURES)
#define C2_EMULATED_FEATURES 0
#endif

/* The processor has AMX: does the system let us have it? */
static void ask_for_tiles(c2_machine *m)
{
    m->refused_error = c2_tile_state_request();
    if (m->refused_error) {
        m->detected &= ~(uint32_t)C2_CPU_AMX;
        m->refused = C2_CPU_AMX;
    }
}

static void find_features(c2_machine *m)
{
    m->detected = baseline() | C2_EMULATED_FEATURES;
    m->cores = "";
#if defined(CONV2D_HAVE_CPU_FEATURES)
    const X86Info info = GetX86Info();
    const X86Features *x = &info.features;
    m->detected |= x->avx2 ? C2_CPU_AVX2 : 0;
    m->detected |= x->fma3 ? C2_CPU_FMA : 0;
    m->detected |= x->f16c ? C2_CPU_F16C : 0;
    m->detected |= x->avx512f && x->avx512bw && x->avx512dq && x->avx512vl ? C2_CPU_AVX512 : 0;
    m->detected |= x->avx512_bf16 ? C2_CPU_AVX512_BF16 : 0;
    m->detected |= x->amx_tile && x->amx_bf16 ? C2_CPU_AMX : 0;
    m->cores = cores_of(&info);
    c2_text model = {m->model, sizeof m->model, 0};
    c2_text_add(&model, "%s", info.brand_string + strspn(info.brand_string, " "));
#elif defined(__APPLE__)
    m->detected |= system_features();
    size_t n = sizeof m->model;
    if (sysctlbyname("machdep.cpu.brand_string", m->model, &n, NULL, 0))
        m->model[0] = '\0';
    m->model[sizeof m->model - 1] = '\0';
    m->cores = strstr(m->model, "Intel") ? "intel" : "";
#endif
    if (m->detected & C2_CPU_AMX)
        ask_for_tiles(m);
    c2_text text = {m->feature_text, sizeof m->feature_text, 0};
    for (size_t i = 0; i < sizeof feature_names / sizeof feature_names[0]; i++) {
        if (m->detected & feature_names[i].feature)
            c2_text_add(&text, "%s%s", text.length ? " " : "", feature_names[i].name);
    }
    if (m->refused)
        c2_text_add(&text, " amx(refused by the system, error %d)", m->refused_error);
}

#if defined(_SC_LEVEL1_DCACHE_SIZE)
static size_t cache_bytes(int name, size_t otherwise)
{
    const long bytes = sysconf(name);
    return bytes > 0 ? (size_t)bytes : otherwise;
}
#endif

static void find_caches(c2_machine *m)
{
    /* Where the system does not say: sizes nearly every machine has. */
    m->l1d_bytes = 32 << 10;
    m->l2_bytes = 256 << 10;
    m->l3_bytes = 4 << 20;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    m->l1d_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, m->l1d_bytes);
    m->l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, m->l2_bytes);
    m->l3_bytes = cache_bytes(_SC_LEVEL3_CACHE_SIZE, m->l3_bytes);
#elif defined(__APPLE__) /* of the fast cores, where there are two kinds */
    const bool has_kinds = system_number("hw.perflevel0.l1dcachesize") != 0;
    const size_t l1d = system_number(has_kinds ? "hw.perflevel0.l1dcachesize" : "hw.l1dcachesize");
    const size_t l2 = system_number(has_kinds ? "hw.perflevel0.l2cachesize" : "hw.l2cachesize");
    const size_t l3 = system_number("hw.l3cachesize");
    m->l1d_bytes = l1d ? l1d : m->l1d_bytes;
    m->l2_bytes = l2 ? l2 : m->l2_bytes;
    m->l3_bytes = l3 ? l3 : m->l3_bytes;
#endif
}

/* The machine does not change: whoever finds it first keeps it for all. Callers that meet while it
 * is being kept find it for themselves, so nobody waits. */
static c2_machine found;
static atomic_int found_state; /* 0 nothing, 1 being written, 2 there */

static void detect(c2_machine *out)
{
    if (atomic_load_explicit(&found_state, memory_order_acquire) == 2) {
        *out = found;
        return;
    }
    memset(out, 0, sizeof *out);
    find_features(out);
    find_caches(out);
    for (int i = 0; i < N_LEVELS; i++) {
        if ((out->detected & levels[i].features) == levels[i].features)
            out->isa_detected = levels[i].isa;
    }
    int nothing = 0;
    if (atomic_compare_exchange_strong(&found_state, &nothing, 1)) {
        found = *out;
        atomic_store_explicit(&found_state, 2, memory_order_release);
    }
}

static const level *find_level(const char *isa)
{
    for (int i = 0; i < N_LEVELS; i++) {
        if (strcmp(isa, levels[i].isa) == 0)
            return &levels[i];
    }
    return NULL;
}

static bool level_has_kernels(const level *l)
{
    for (int i = 0; i < c2_n_kernels; i++) {
        if (strcmp(c2_kernels[i].isa, l->isa) == 0)
            return true;
    }
    return false;
}

const char *c2_machine_level(int index)
{
    for (int i = 0; i < N_LEVELS; i++) {
        if (level_has_kernels(&levels[i]) && index-- == 0)
            return levels[i].isa;
    }
    return NULL;
}

conv2d_status c2_machine_init_foreign(const char *isa, c2_machine *machine_out)
{
    const level *l = find_level(isa);
    if (!l || !level_has_kernels(l))
        return c2_fail(CONV2D_E_ARGUMENT, "isa is \"%.32s\": this build has no such level", isa);
    c2_machine m;
    detect(&m);
    m.refused = 0;
    m.isa = l->isa;
    m.features = l->features;
    *machine_out = m;
    return CONV2D_OK;
}

conv2d_status c2_machine_init(const char *isa, c2_machine *machine_out)
{
    c2_machine m;
    detect(&m);
    const char *source = "isa";
    if (!isa) {
        isa = getenv("CONV2D_CPU");
        source = "CONV2D_CPU";
    }
    if (!isa || !*isa)
        isa = m.isa_detected;
    const level *l = find_level(isa);
    if (!l)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "%s is \"%.32s\": expected generic, neon, avx2, avx512, avx512_bf16 or amx",
                       source, isa);
    if (l->features & m.refused)
        return c2_fail(CONV2D_E_DEVICE,
                       "%s is %s: the system refuses its registers (arch_prctl: error %d)", source,
                       l->isa, m.refused_error);
    if ((m.detected & l->features) != l->features)
        return c2_fail(CONV2D_E_DEVICE, "%s is %s: this machine has %s at most", source, l->isa,
                       m.isa_detected);
    if (strcmp(l->isa, m.isa_detected) != 0)
        m.refused = 0; /* nobody asked for what it would have added */
    m.isa = l->isa;
    m.features = l->features;
    *machine_out = m;
    return CONV2D_OK;
}
