/* SPDX-License-Identifier: BSD-2-Clause
 * Named kernels for pictures: one small filter, applied to each channel by itself. */
#ifndef CLI_PICTURE_KERNELS_H
#define CLI_PICTURE_KERNELS_H

#include "cli.h"
#include "tensor.h"

/* True if the text begins with a kernel's name ("gaussian:15" does). */
bool picture_kernel_is(const char *text);

/* Weight [channels, 1, size, size] of dtype: a depthwise convolution, groups = channels. */
bool picture_kernel_make(const char *text, int64_t channels, int32_t dtype, cli_tensor *weight_out,
                         cli_error *error);

/* "gaussian:SIZE[,SIGMA], sobel-x, ..." for help and errors. */
extern const char picture_kernel_names[];

#endif
