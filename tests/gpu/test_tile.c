/* SPDX-License-Identifier: BSD-2-Clause
 * The model of the GPU kernels: what it prefers for known layers, and that it has no cliffs,
 * neither in one way nor where one takes over from another. */
#include <stdbool.h>
#include <stddef.h>

#include "core/cmocka_all.h"
#include "gpu/tile.h"

typedef struct choice {
    c2_gpu_way way;
    int variant;
    double seconds;
} choice;

static int variants(c2_gpu_way way)
{
    return way >= C2_GPU_WAY_GEMM ? C2_GPU_TILES : 1;
}

/* What refuses here refuses in the backend too. */
static bool supports(c2_gpu_way way, const c2_gpu_shape *s)
{
    return way == C2_GPU_WAY_DEPTHWISE ? s->icg == 1 && s->taps <= 49
           : way == C2_GPU_WAY_GEMM1X1 ? s->taps == 1
           : way == C2_GPU_WAY_GROUPED ? s->ocg <= 64
           : way >= C2_GPU_WAY_WINOGRAD_2 ? s->taps == 9 && s->icg > 1
                                       : true;
}

static choice best(c2_gpu_shape s)
{
    choice b = {C2_GPU_WAY_PLAIN, 0, 0};
    for (int way = 0; way < C2_GPU_WAYS; way++)
        for (int v = 0; v < variants((c2_gpu_way)way) && supports((c2_gpu_way)way, &s); v++) {
            const double seconds = c2_gpu_seconds((c2_gpu_way)way, v, &s);
            assert_true(seconds > 0);
            if (b.seconds == 0 || seconds < b.seconds)
                b = (choice){(c2_gpu_way)way, v, seconds};
        }
    return b;
}

static void expect(c2_gpu_shape s, c2_gpu_way way, const char *tile)
{
    const choice b = best(s);
    assert_int_equal(b.way, way);
    if (tile)
        assert_string_equal(c2_gpu_tiles[b.variant].name, tile);
}

/* n, oh, ow, groups, icg, ocg, taps */
static void test_preferences(void **state)
{
    (void)state;
    /* Layers of ResNet-50, batch 32: the largest tile fills the GPU. */
    expect((c2_gpu_shape){32, 56, 56, 1, 64, 64, 9}, C2_GPU_WAY_GEMM, "64x64");
    expect((c2_gpu_shape){32, 7, 7, 1, 512, 2048, 1}, C2_GPU_WAY_GEMM1X1, "64x64");
    expect((c2_gpu_shape){32, 112, 112, 1, 3, 64, 49}, C2_GPU_WAY_GEMM, "64x64");
    /* 3x3 with many channels, where MLX's rule asks for them, and where it does not. */
    expect((c2_gpu_shape){4, 56, 56, 1, 256, 256, 9}, C2_GPU_WAY_WINOGRAD_4, "64x64");
    expect((c2_gpu_shape){32, 28, 28, 1, 128, 128, 9}, C2_GPU_WAY_WINOGRAD_4, "64x64");
    expect((c2_gpu_shape){1, 7, 7, 1, 512, 512, 9}, C2_GPU_WAY_GEMM, "32x32");
    /* Fewer channels: a wide tile would compute columns that nobody wants. */
    expect((c2_gpu_shape){32, 56, 56, 1, 64, 32, 9}, C2_GPU_WAY_GEMM, "64x32");
    expect((c2_gpu_shape){32, 56, 56, 1, 64, 8, 9}, C2_GPU_WAY_GROUPED, NULL);
    /* One small picture: small tiles, so that more of the GPU has work. */
    expect((c2_gpu_shape){1, 14, 14, 1, 256, 256, 9}, C2_GPU_WAY_GEMM, "32x32");
    expect((c2_gpu_shape){1, 14, 14, 1, 256, 256, 1}, C2_GPU_WAY_GEMM1X1, "32x32");
    /* ResNeXt-50 32x4d: 32 groups of 4, 8, 16, 32 channels. */
    expect((c2_gpu_shape){32, 56, 56, 32, 4, 4, 9}, C2_GPU_WAY_DIRECT, NULL);
    expect((c2_gpu_shape){32, 28, 28, 32, 8, 8, 9}, C2_GPU_WAY_GROUPED, NULL);
    expect((c2_gpu_shape){32, 14, 14, 32, 16, 16, 9}, C2_GPU_WAY_GROUPED, NULL);
    expect((c2_gpu_shape){32, 7, 7, 32, 32, 32, 9}, C2_GPU_WAY_GEMM, "64x32");
    /* MobileNetV2 and ConvNeXt-T: one channel a group. */
    expect((c2_gpu_shape){32, 56, 56, 96, 1, 1, 9}, C2_GPU_WAY_DEPTHWISE, NULL);
    expect((c2_gpu_shape){1, 7, 7, 768, 1, 1, 49}, C2_GPU_WAY_DEPTHWISE, NULL);
    expect((c2_gpu_shape){32, 28, 28, 64, 1, 2, 9}, C2_GPU_WAY_DEPTHWISE, NULL);
    /* Of one output, whatever reads least. */
    expect((c2_gpu_shape){1, 1, 1, 1, 1, 1, 1}, C2_GPU_WAY_PLAIN, NULL);
}

/* One size of a shape grows step by step: more work does not cost less, and a step costs at most
 * `most` times as much; the edges of tiles are what there is of steps. */
typedef struct walk {
    c2_gpu_shape shape;
    size_t size; /* offset of the member that grows */
    int64_t to, step;
    double most;
} walk;

static void go(const walk *w)
{
    c2_gpu_shape s = w->shape;
    int64_t *size = (int64_t *)(void *)((char *)&s + w->size);
    double before = best(s).seconds;
    for (*size += w->step; *size <= w->to; *size += w->step) {
        const double here = best(s).seconds;
        if (here < before * (1 - 1e-9) || here > before * w->most) {
            print_message("size %lld: %g after %g\n", (long long)*size, here, before);
            fail();
        }
        before = here;
    }
}

#define MEMBER(name) offsetof(c2_gpu_shape, name)
static void test_no_cliffs(void **state)
{
    (void)state;
    static const walk walks[] = {
        {{1, 1, 1, 1, 96, 96, 9}, MEMBER(ow), 16384, 1, 1.5},
        {{1, 32, 8, 1, 64, 64, 9}, MEMBER(oh), 4096, 1, 1.3},
        {{32, 28, 28, 1, 96, 8, 9}, MEMBER(ocg), 640, 1, 2.1},
        {{32, 28, 28, 1, 96, 8, 1}, MEMBER(ocg), 640, 1, 2.1},
        {{32, 28, 28, 1, 1, 96, 9}, MEMBER(icg), 640, 1, 2.1},
        {{32, 28, 28, 1, 1, 96, 1}, MEMBER(icg), 640, 1, 2.1},
        {{32, 28, 28, 32, 1, 16, 9}, MEMBER(icg), 160, 1, 2.1},
        {{32, 28, 28, 32, 16, 1, 9}, MEMBER(ocg), 160, 1, 2.1},
        {{32, 28, 28, 1, 16, 16, 9}, MEMBER(groups), 96, 1, 2.1},
        {{1, 28, 28, 1, 64, 64, 9}, MEMBER(n), 64, 1, 2.1},
    };
    for (size_t i = 0; i < sizeof walks / sizeof *walks; i++)
        go(&walks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preferences),
        cmocka_unit_test(test_no_cliffs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
