/* SPDX-License-Identifier: BSD-2-Clause
 * c2_problem: one convolution without data, resolved and checked; the one struct that every layer
 * reads. api/check.c makes it; nothing changes it afterwards.
 * Axes are always in the order N C H W (weight: OC IC/G KH KW); pairs are y, x. */
#ifndef C2_CORE_PROBLEM_H
#define C2_CORE_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

typedef enum c2_op {
    C2_OP_FORWARD = 1 /* others (transposed, gradients) are reserved */
} c2_op;

typedef enum c2_post_kind {
    C2_POST_BIAS = 1,
    C2_POST_RESIDUAL = 2,
    C2_POST_ACTIVATION = 3
} c2_post_kind;

/* One step after the sum, in order. */
typedef struct c2_post {
    c2_post_kind kind;
    int32_t activation; /* conv2d_activation; clamp's bounds are resolved into min, max */
    double min, max;    /* clamp: may be infinite */
    double alpha;       /* leaky_relu */
} c2_post;

enum { C2_MAX_POSTS = 4 };

typedef struct c2_problem {
    c2_op op;
    int64_t n, groups;
    int64_t ic, oc;   /* all groups together */
    int64_t icg, ocg; /* of one group */
    int64_t h, w, kh, kw, oh, ow;
    int64_t stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right, auto_pad resolved */
    int32_t padding_mode;

    int32_t input_dtype, weight_dtype, bias_dtype, residual_dtype, output_dtype;
    int32_t input_layout, output_layout; /* conv2d_layout; strided */
    int64_t input_stride[4], weight_stride[4], residual_stride[4], output_stride[4];

    int n_posts;
    c2_post posts[C2_MAX_POSTS];
    bool has_bias, has_residual;

    int32_t accuracy;
    bool flush_denormals;
    bool weights_finite; /* all weights are finite; true while unknown (conv2d_explain) */
    int32_t weights_form; /* conv2d_weights_form; while unknown, what the caller says */
    uint64_t workspace_limit;
    char algorithm[56]; /* "" = the planner chooses */
} c2_problem;

/* K of the error bounds: products summed for one output element. */
static inline int64_t c2_problem_k(const c2_problem *p) { return p->icg * p->kh * p->kw; }

/* True if some window reaches outside the input. */
bool c2_problem_is_padded(const c2_problem *p);

/* Multiply-adds * 2 of one run, padded taps included. */
double c2_problem_flops(const c2_problem *p);

/* Where axis (0 = y, 1 = x) coordinate i of the padded input lies: an index in [0, size), or -1 for
 * a padded zero. size >= 1. Modes as in conv2d_padding_mode; paddings were checked. */
int64_t c2_pad_index(int32_t padding_mode, int64_t i, int64_t size);

/* The activation step, or NULL. */
const c2_post *c2_problem_activation(const c2_problem *p);

#endif
