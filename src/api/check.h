/* SPDX-License-Identifier: BSD-2-Clause
 * Every argument check, once: descriptions -> c2_problem, or a status and a sentence.
 * Order of checks: structs, parameters, dtypes, ranks, sizes, strides; memory last. */
#ifndef C2_API_CHECK_H
#define C2_API_CHECK_H

#include "backend/backend.h"
#include "core/problem.h"

/* params (NULL = defaults) -> a validated copy; auto_pad is kept, clamp resolved later. */
conv2d_status c2_check_params(const conv2d_params *params, conv2d_params *params_out);

/* The struct_size of a caller who wants facts: today's or a later one, or `before`, that of the
 * header before the last members were added, which then are not written. */
conv2d_status c2_check_info_size(const char *name, uint32_t size, size_t before, size_t now);

/* The struct itself: not NULL, struct_size, dtype, layout, quant, rank among `ranks` (bits). */
conv2d_status c2_check_tensor(const char *name, const conv2d_tensor *tensor, unsigned ranks);

/* weight and bias (may be NULL) against each other and params, without an input. */
conv2d_status c2_check_weights(const conv2d_tensor *weight, const conv2d_tensor *bias,
                               const conv2d_params *params);

/* All descriptions (data ignored; rank-0 output: shape and strides are made up, contiguous in the
 * input's order). Fills problem_out only on success; it was zeroed, so memcmp compares problems. */
conv2d_status c2_check_problem(const conv2d_problem *descriptions, c2_problem *problem_out);

/* Output sizes alone: rank entries. */
conv2d_status c2_check_output_sizes(const conv2d_tensor *input, const conv2d_tensor *weight,
                                    const conv2d_params *params, int64_t sizes_out[4]);

/* Where a tensor's bytes are: data or buffer, alignment, extents inside the buffer. */
conv2d_status c2_check_memory(const char *name, const conv2d_device *device,
                              const conv2d_tensor *tensor, c2_data *data_out);

/* CONV2D_E_STRIDE if elements of one tensor may share an address. */
conv2d_status c2_check_distinct(const char *name, const conv2d_tensor *tensor);

/* An optional tensor: NULL for one of rank 0, which says "absent" as NULL does. */
const conv2d_tensor *c2_optional(const conv2d_tensor *tensor);

/* CONV2D_E_STRIDE if the tensors share a byte. A proof of distance may be missed for exotic
 * strides; slices of one buffer along any axis are recognised as apart. */
conv2d_status c2_check_apart(const char *name_a, const conv2d_tensor *a, const c2_data *data_a,
                             const char *name_b, const conv2d_tensor *b, const c2_data *data_b);

#endif
