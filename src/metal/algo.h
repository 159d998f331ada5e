/* SPDX-License-Identifier: BSD-2-Clause
 * What the algorithms of the backend share: dtypes, the packed form, the epilogue's arguments and
 * constants, and binding the tensors of a run. */
#ifndef C2_METAL_ALGO_H
#define C2_METAL_ALGO_H

#include "gpu/args.h"
#include "gpu/tile.h"
#include "metal/internal.h"

/* float32 and float16. */
bool c2_metal_dtype_ok(const c2_problem *p, c2_why *why);
/* "f32" or "f16", as kernels are named. */
const char *c2_metal_dtype_name(const c2_problem *p);
/* All tensors' elements within 31 bits of element (0,0,0,0), and all coordinates too. */
bool c2_metal_positions_ok(const c2_problem *p, c2_why *why);
/* Weights finite where padded zeros are multiplied by them. */
bool c2_metal_zeros_ok(const c2_problem *p, c2_why *why);

/* Members of c2_algorithm: the strict bound of float32 sums; the packed form bias (float32, padded
 * to 256 bytes), then O KH KW I in the weights' dtype. */
double c2_metal_bound(const c2_problem *p, int variant);
const char *c2_metal_bound_text(const c2_problem *p, int variant);
c2_bytes c2_metal_memory(const conv2d_device *device, const c2_problem *p, int variant);
void c2_metal_packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out);
conv2d_status c2_metal_pack(conv2d_device *device, const c2_problem *p, int variant,
                            const c2_weight_view *view, conv2d_buffer *packed);

/* Bytes of the bias in a packed form, before the weights; write it. */
size_t c2_metal_bias_bytes(const c2_problem *p);
void c2_metal_pack_bias(const c2_problem *p, const c2_weight_view *view, conv2d_buffer *packed);

/* Seconds by the model of gpu/tile.h. In STRICT the choice must not depend on the batch: one
 * picture decides. */
double c2_metal_seconds(c2_gpu_way way, int variant, const c2_problem *p);

/* Constants of gpu/args.h: the epilogue and the output's layout; these and the padding mode. */
void c2_metal_key_epilogue(c2_metal_key *key, const c2_problem *p);
void c2_metal_key_problem(c2_metal_key *key, const c2_problem *p);
void c2_metal_fill_epilogue(const c2_problem *p, c2_gpu_epilogue *epilogue);
/* Begin a run: pipeline set, tensors and packed weights bound. */
conv2d_status c2_metal_begin_bound(const c2_run_args *args, const c2_metal_pipeline *pipeline,
                                   c2_metal_command *command_out);
/* Element (0,0,0,0) of a tensor of the problem's dtype, from its buffer's start. */
int64_t c2_metal_element(const c2_problem *p, const c2_data *data);
/* Queue one dispatch with these arguments. */
void c2_metal_dispatch(const c2_metal_command *command, const void *args, size_t n,
                       c2_mtl_size groups, size_t threads);

#endif
