/* SPDX-License-Identifier: BSD-2-Clause
 * Tensors from and to files: .npy and pictures; weights from .npy and .safetensors:NAME. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "cli.h"
#include "json.h"
#include "picture.h"
#include "tensor.h"

typedef struct cli_loaded {
    cli_tensor tensor;
    int depth; /* bits of a picture's samples (8, 16, 32); 0 = not a picture */
} cli_loaded;

/* An input or residual: the kind is seen from the bytes. order is that of an .npy file's axes:
 * CONV2D_NHWC means [N] H W C. The tensor has rank 3 or 4. */
bool load_data(const char *path, conv2d_order order, cli_loaded *out, cli_error *error);

/* A weight (rank 4) or bias (rank 1): .npy, or FILE.safetensors:NAME. */
bool load_parameter(const char *path, int rank, cli_tensor *out, cli_error *error);

/* A tensor of a safetensors file; and its header, checked (json_decref). */
bool load_safetensors(const char *file, const char *name, cli_tensor *out, cli_error *error);
bool load_header(const char *file, json_t **header_out, cli_error *error);

/* True if reading path (which may be FILE.safetensors:NAME) reads this file. */
bool load_reads(const char *path, const char *file);

/* True if files of this name can hold the output. depth_out = bits of
 * a sample for a picture that came from one of input_depth (0 = not from a picture), 0 = .npy. */
bool save_check(const char *path, const conv2d_tensor *output, int input_depth, int *depth_out,
                cli_error *error);

/* Stage the tensor (file.h) under path. A tensor for .npy is contiguous in order. */
typedef struct save_options {
    conv2d_order order;
    int depth; /* from save_check() */
    bool normalize;
} save_options;
bool save_stage(const char *path, const cli_tensor *tensor, const save_options *options,
                cli_error *error);

#endif
