/* SPDX-License-Identifier: BSD-2-Clause
 * Arguments of the GPU kernels: one text for the host's compiler (C17) and the device's (Metal's
 * C++14). All members of a struct have one size, or 8-byte ones come first, so that no compiler
 * pads; the asserts at the end hold on both sides. Strides and positions count elements; axes are
 * N C H W, pairs y, x. */
#ifndef C2_GPU_ARGS_H
#define C2_GPU_ARGS_H

#ifdef __METAL_VERSION__
typedef long c2_gpu_long;
#else
#include <assert.h>
#include <stdint.h>
typedef int64_t c2_gpu_long;
#endif

/* Indices of a kernel's buffers, and of its function constants. */
enum {
    C2_GPU_INPUT = 0,
    C2_GPU_WEIGHT = 1,   /* packed: O KH KW I, in the problem's dtype */
    C2_GPU_BIAS = 2,     /* float32, OC; only with C2_GPU_HAS_BIAS */
    C2_GPU_RESIDUAL = 3, /* only with C2_GPU_HAS_RESIDUAL */
    C2_GPU_OUTPUT = 4,
    C2_GPU_ARGS = 5
};
enum {
    C2_GPU_HAS_BIAS = 0,      /* bool */
    C2_GPU_HAS_RESIDUAL = 1,  /* bool */
    C2_GPU_ACTIVATION = 2,    /* int: conv2d_activation */
    C2_GPU_PADDING_MODE = 3,  /* int: conv2d_padding_mode */
    C2_GPU_CHANNELS_LAST = 4, /* bool: neighbouring threads write neighbouring channels */
    C2_GPU_PIXELS_FIRST = 5,  /* bool: neighbouring threads read neighbouring pixels */
    C2_GPU_CHANNEL_KIND = 6,  /* int: below */
    C2_GPU_FEW_CHANNELS = 7,  /* int: channels of a group where the kind is few, else 1 */
    C2_GPU_KERNEL_H = 8,      /* int, as the three below: depthwise */
    C2_GPU_KERNEL_W = 9,
    C2_GPU_STRIDE_Y = 10,
    C2_GPU_STRIDE_X = 11,
    C2_GPU_WHOLE_CHUNKS = 12 /* bool: the sum is a multiple of the chunk */
};

/* How a chunk of the sum lies in the channels of a group. */
enum {
    C2_GPU_CHANNELS_ANY,
    C2_GPU_CHANNELS_ALIGNED, /* a multiple of the chunk: a chunk has one tap */
    C2_GPU_CHANNELS_FEW      /* at most 4, and compiled in */
};
/* Outputs of a thread along x, and output channels (direct.metal); depthwise: the largest kernel
 * and stride along x. */
enum { C2_GPU_STRIP = 4, C2_GPU_BLOCK = 4 };
enum { C2_GPU_DEPTHWISE_KERNEL = 7, C2_GPU_DEPTHWISE_STRIDE = 2 };
/* Tiles: terms of a chunk, threads of a threadgroup, the most channels of kind few; a simdgroup's
 * pixels and channels in grouped.metal. */
enum { C2_GPU_CHUNK = 16, C2_GPU_GEMM_THREADS = 128, C2_GPU_FEW_LIMIT = 4 };
enum { C2_GPU_GROUPED_ROWS = 32, C2_GPU_GROUPED_COLUMNS = 8 };

/* winograd.metal: channels whose sum is added to the one before; an even number of chunks. */
enum { C2_GPU_WINOGRAD_TERMS = 64 };

/* Values of conv2d_padding_mode and conv2d_activation, which device code cannot include. */
enum { C2_GPU_PAD_ZEROS, C2_GPU_PAD_REFLECT, C2_GPU_PAD_REPLICATE, C2_GPU_PAD_CIRCULAR };
enum {
    C2_GPU_ACT_NONE,
    C2_GPU_ACT_RELU,
    C2_GPU_ACT_RELU6,
    C2_GPU_ACT_CLAMP,
    C2_GPU_ACT_LEAKY_RELU,
    C2_GPU_ACT_SIGMOID,
    C2_GPU_ACT_TANH,
    C2_GPU_ACT_SILU,
    C2_GPU_ACT_HARDSWISH,
    C2_GPU_ACT_HARDSIGMOID,
    C2_GPU_ACT_GELU,
    C2_GPU_ACT_GELU_TANH,
    C2_GPU_ACT_MISH
};

/* What follows the sum: bounds of clamp, slope of leaky_relu. */
typedef struct c2_gpu_epilogue {
    float low, high, alpha, reserved;
} c2_gpu_epilogue;

/* plain.metal: any problem, one thread an output element, 64-bit positions. */
typedef struct c2_gpu_plain {
    c2_gpu_long first, count; /* outputs of this dispatch, in the order the constant says */
    c2_gpu_long oc, oh, ow;
    c2_gpu_long icg, ocg; /* channels of a group */
    c2_gpu_long h, w, kh, kw;
    c2_gpu_long stride[2], dilation[2], pad[2];
    c2_gpu_long input_at, residual_at, output_at; /* element (0,0,0,0) from its buffer's start */
    c2_gpu_long input_stride[4], residual_stride[4], output_stride[4];
    c2_gpu_epilogue epilogue;
} c2_gpu_plain;

/* gemm.metal, gemm1x1.metal, grouped.metal: pixels x channels = sum over taps and channels, 32-bit
 * positions from the bases. */
typedef struct c2_gpu_gemm {
    c2_gpu_long input_at, residual_at, output_at; /* element (0,0,0,0) from its buffer's start */
    int pixels, sum;                              /* N OH OW; KH KW IC/G */
    int oh, ow, icg, ocg, h, w, kw, groups;
    int stride[2], dilation[2], pad[2];
    int input_stride[4], residual_stride[4], output_stride[4];
    c2_gpu_epilogue epilogue;
} c2_gpu_gemm;

/* depthwise.metal: one thread a strip of outputs along x. */
typedef struct c2_gpu_depthwise {
    c2_gpu_long input_at, residual_at, output_at; /* as above */
    int count;                                    /* of threads: N OC OH and the strips of a row */
    int strips, oc, oh, ow, ocg, h, w, pad[2];
    int input_stride[4], residual_stride[4], output_stride[4];
    c2_gpu_epilogue epilogue;
} c2_gpu_depthwise;

/* direct.metal: one thread a strip of outputs along x of a block of channels. */
typedef struct c2_gpu_direct {
    c2_gpu_long input_at, residual_at, output_at; /* as above */
    int count;          /* of threads: N, blocks of all groups, OH and the strips of a row */
    int strips, blocks; /* of a row; of a group */
    int groups, oh, ow, icg, ocg, h, w, kh, kw, stride[2], dilation[2], pad[2];
    int input_stride[4], residual_stride[4], output_stride[4];
    c2_gpu_epilogue epilogue;
} c2_gpu_direct;

/* winograd.metal: a run's tiles are done in passes that fit the workspace. */
typedef struct c2_gpu_winograd {
    c2_gpu_long input_at, residual_at, output_at; /* as above */
    int first, count;                             /* tiles of this pass */
    int tiles[2];                                 /* of a phase of a picture: along y, x */
    int ic, oc, groups, oh, ow, h, w, reserved;
    int dilation[2], pad[2];
    int input_stride[4], residual_stride[4], output_stride[4];
    c2_gpu_epilogue epilogue;
} c2_gpu_winograd;

static_assert(sizeof(c2_gpu_long) == 8, "positions have 64 bits");
static_assert(sizeof(c2_gpu_epilogue) == 16, "no padding");
static_assert(sizeof(c2_gpu_gemm) == 3 * 8 + 28 * 4 + 16, "no padding");
static_assert(sizeof(c2_gpu_depthwise) == 3 * 8 + 22 * 4 + 16, "no padding");
static_assert(sizeof(c2_gpu_direct) == 3 * 8 + 30 * 4 + 16, "no padding");
static_assert(sizeof(c2_gpu_winograd) == 3 * 8 + 28 * 4 + 16, "no padding");
static_assert(C2_GPU_WINOGRAD_TERMS % (2 * C2_GPU_CHUNK) == 0, "buffers take turns");
static_assert(sizeof(c2_gpu_plain) == 32 * 8 + 16, "no padding");

#endif
