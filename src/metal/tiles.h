/* SPDX-License-Identifier: BSD-2-Clause
 * What the algorithms on simdgroup matrices share: variants are the tiles of gpu/tile.c, arguments
 * are c2_gpu_gemm, a run is one dispatch. */
#ifndef C2_METAL_TILES_H
#define C2_METAL_TILES_H

#include "gpu/tile.h"
#include "metal/algo.h"

int c2_metal_tile_variants(const conv2d_device *device);
const char *c2_metal_tile_isa(const conv2d_device *device, int variant); /* "64x32" */

/* Family Apple7, dtype, positions, padded zeros. */
bool c2_metal_tiles_ok(const conv2d_device *device, const c2_problem *p, c2_why *why);
/* C2_GPU_CHANNELS_...: how chunks lie in the channels. */
int c2_metal_channel_kind(const c2_problem *p);
/* Neighbouring channels of the input are neighbours in memory. */
bool c2_metal_channels_last(const c2_problem *p);
/* The pipeline of the key with 128 threads and simdgroups of 32, or why not. */
conv2d_status c2_metal_tile_pipeline(conv2d_device *device, const c2_metal_key *key,
                                     const c2_metal_pipeline **pipeline_out);

/* A plan's state: pipeline, arguments but the positions, and threadgroups of its dispatch. */
conv2d_status c2_metal_tile_plan(conv2d_device *device, const c2_problem *p,
                                 const c2_metal_key *key, c2_mtl_size groups,
                                 c2_state **state_out);
void c2_metal_tile_plan_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_metal_tile_run(const c2_state *state, const c2_run_args *args);

/* Threadgroups: tiles of pixels, of the channels of a group, groups. */
c2_mtl_size c2_metal_tile_groups(const c2_problem *p, int variant);

#endif
