/* SPDX-License-Identifier: BSD-2-Clause
 * metal_cost: the tables of docs/metal-cost.md. What each layer costs on Apple GPUs by the
 * library's own model (src/gpu, by way of conv2d_explain()) and to published peaks; nothing is run
 * or measured. The device "metal" has to open: on Linux by CONV2D_METAL_LIBRARY.
 * scripts/metal-cost.sh writes the page, and the test metal.cost compares it with what this
 * prints. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conv2d/conv2d.h"

/* Peaks: multiply-adds of float32 count two; bytes of memory. Sources: docs/metal-cost.md. */
typedef struct gpu {
    const char *name;
    double flops, bytes; /* a second */
} gpu;
static const gpu gpus[] = {
    {"M1", 2.62e12, 68.25e9},
    {"M2 Max", 13.6e12, 400e9},
    {"M4", 3.76e12, 120e9},
};
enum { N_GPUS = sizeof gpus / sizeof *gpus };
/* The one that the model's constants are for, and a 14-core M1 Pro: 14 * 128 * 2 * 1.296 GHz. */
static const double model_flops = 2.6e12;
static const gpu m1_pro = {"M1 Pro", 4.64e12, 200e9};

typedef struct layer {
    const char *problem; /* float32, channels last */
    double published;    /* milliseconds of MLX's kernel on a 14-core M1 Pro; 0: none known */
} layer;

static const layer layers[] = {
    {"ic3ih224oc64oh112kh7sh2ph3n\"ResNet-50 7x7/2 3-64, 112\"", 0},
    {"ic64ih56oc64oh56kh3ph1n\"ResNet-50 3x3 64, 56\"", 0},
    {"ic128ih28oc128oh28kh3ph1n\"ResNet-50 3x3 128, 28\"", 0},
    {"ic256ih14oc256oh14kh3ph1n\"ResNet-50 3x3 256, 14\"", 0},
    {"ic512ih7oc512oh7kh3ph1n\"ResNet-50 3x3 512, 7\"", 0},
    {"ic64ih56oc256oh56kh1n\"ResNet-50 1x1 64-256, 56\"", 0},
    {"ic512ih28oc128oh28kh1n\"ResNet-50 1x1 512-128, 28\"", 0},
    {"ic1024ih14oc256oh14kh1n\"ResNet-50 1x1 1024-256, 14\"", 0},
    {"ic2048ih7oc512oh7kh1n\"ResNet-50 1x1 2048-512, 7\"", 0},
    {"g32ic32ih112oc32oh112kh3ph1n\"MobileNetV2 3x3 dw 32, 112\"", 0.100},
    {"g144ic144ih112oc144oh56kh3sh2ph1n\"MobileNetV2 3x3/2 dw 144, 56\"", 0.117},
    {"g192ic192ih56oc192oh56kh3ph1n\"3x3 dw 192, 56\"", 0.099},
    {"g384ic384ih28oc384oh28kh3ph1n\"3x3 dw 384, 28\"", 0.075},
    {"g576ic576ih14oc576oh14kh3ph1n\"MobileNetV2 3x3 dw 576, 14\"", 0.048},
    {"g960ic960ih7oc960oh7kh3ph1n\"MobileNetV2 3x3 dw 960, 7\"", 0.030},
    {"g32ic128ih56oc128oh56kh3ph1n\"ResNeXt-50 3x3 g32 128, 56\"", 0},
    {"g32ic256ih28oc256oh28kh3ph1n\"ResNeXt-50 3x3 g32 256, 28\"", 0},
    {"g32ic512ih14oc512oh14kh3ph1n\"ResNeXt-50 3x3 g32 512, 14\"", 0},
    {"ic64ih224oc64oh224kh3ph1n\"VGG-16 3x3 64, 224\"", 0},
    {"ic256ih56oc256oh56kh3ph1n\"VGG-16 3x3 256, 56\"", 0},
    {"ic512ih14oc512oh14kh3ph1n\"VGG-16 3x3 512, 14\"", 0},
    {"ic32ih112oc64oh112kh3ph1n\"3x3 32-64, 112\"", 0.386},
    {"ic64ih56oc128oh56kh3ph1n\"3x3 64-128, 56\"", 0.391},
    {"ic128ih28oc256oh28kh3ph1n\"3x3 128-256, 28\"", 0.421},
    {"ic64ih56oc64oh56kh1n\"1x1 64, 56\"", 0.061},
};
enum { N_LAYERS = sizeof layers / sizeof *layers };

static double elements(const conv2d_tensor *t)
{
    double n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (double)t->sizes[i];
    return n;
}

/* Threadgroup memory of a variant, "gemm_64x32": two chunks of pixels and filters, rows of 20
 * values, and for each simdgroup a row of matrices of results (kernels/tile.metal). */
static int threadgroup_bytes(const char *variant)
{
    enum { SIMDGROUPS = 4, PITCH = 16 + 4 };
    int bm = 0, bn = 0;
    const char *tile = strrchr(variant, '_');
    if (!tile || sscanf(tile, "_%dx%d", &bm, &bn) != 2)
        return 0;
    if (strncmp(variant, "gemm", 4) == 0 || strncmp(variant, "winograd", 8) == 0)
        return 4 * (2 * (bm + bn) * PITCH + SIMDGROUPS * 8 * (bn / 2 + 4));
    if (strncmp(variant, "grouped", 7) == 0)
        return 4 * SIMDGROUPS * ((bm + bn) * PITCH + 8 * (8 + 4));
    return 0;
}

typedef struct row {
    double flops, bytes, cost; /* cost: the model's seconds */
    char variant[64], name[64];
    double published;
} row;

static int explain(conv2d_device *device, const layer *l, row *out)
{
    conv2d_problem problem;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_status s = conv2d_problem_parse(l->problem, &problem);
    if (!s) {
        conv2d_tensor_set_order(&problem.input, CONV2D_NHWC);
        conv2d_tensor_set_order(&problem.output, CONV2D_NHWC);
        s = conv2d_explain(device, &problem, &plan);
    }
    if (!s)
        s = conv2d_plan_describe(plan, &info);
    if (s) {
        fprintf(stderr, "metal_cost: %s: %s\n", l->problem, conv2d_last_error());
        return 0;
    }
    *out = (row){.flops = info.flops, .cost = info.cost_seconds, .published = l->published};
    out->bytes =
        4 * (elements(&problem.input) + elements(&problem.weight) + elements(&problem.output));
    snprintf(out->variant, sizeof out->variant, "%s", info.variant);
    snprintf(out->name, sizeof out->name, "%s", problem.name);
    conv2d_plan_destroy(plan);
    return 1;
}

/* Milliseconds: the least that the peaks allow, and what the model says, scaled to the GPU. */
static double bound_ms(const row *r, const gpu *g)
{
    return 1e3 * fmax(r->flops / g->flops, r->bytes / g->bytes);
}

static double model_ms(const row *r, const gpu *g)
{
    return 1e3 * fmax(r->cost * model_flops / g->flops, r->bytes / g->bytes);
}

static void print_layers(const row *rows)
{
    printf("| layer | kernel | MFLOP | MB moved | FLOP a byte | threadgroup bytes |");
    for (int g = 0; g < N_GPUS; g++)
        printf(" %s |", gpus[g].name);
    printf("\n|---|---|--:|--:|--:|--:|");
    for (int g = 0; g < N_GPUS; g++)
        printf("--:|");
    for (int i = 0; i < N_LAYERS; i++) {
        const row *r = &rows[i];
        printf("\n| %s | `%s` | %.0f | %.2f | %.0f | %d |", r->name, r->variant, r->flops * 1e-6,
               r->bytes * 1e-6, r->flops / r->bytes, threadgroup_bytes(r->variant));
        for (int g = 0; g < N_GPUS; g++)
            printf(" %.3f / %.3f |", model_ms(r, &gpus[g]), bound_ms(r, &gpus[g]));
    }
    printf("\n");
}

static void print_published(const row *rows)
{
    printf("\n| layer | kernel | least | predicted | MLX, published |\n|---|---|--:|--:|--:|\n");
    for (int i = 0; i < N_LAYERS; i++)
        if (rows[i].published > 0)
            printf("| %s | `%s` | %.3f | %.3f | %.3f |\n", rows[i].name, rows[i].variant,
                   bound_ms(&rows[i], &m1_pro), model_ms(&rows[i], &m1_pro), rows[i].published);
}

int main(void)
{
    conv2d_device *device = NULL;
    row rows[N_LAYERS];
    int good = conv2d_device_open("metal", NULL, &device) == CONV2D_OK;
    if (!good)
        fprintf(stderr, "metal_cost: %s\n", conv2d_last_error());
    for (int i = 0; good && i < N_LAYERS; i++)
        good = explain(device, &layers[i], &rows[i]);
    if (good) {
        print_layers(rows);
        print_published(rows);
    }
    conv2d_device_close(device);
    return good ? 0 : 1;
}
