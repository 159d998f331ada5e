/* SPDX-License-Identifier: BSD-2-Clause
 * The CPU cost model: one table of speeds, a row for each class of machine (an ISA on the cores of
 * a vendor), from which algorithms add up seconds on one thread. It ranks candidates; nobody is
 * told it as a measurement. */
#ifndef C2_CPU_COST_H
#define C2_CPU_COST_H

#include "cpu/cpu.h"

typedef struct c2_speed {
    const char *isa, *cores; /* machines whose cores begin so and have no row before */
    double fma_lanes;   /* products a second in a full GEMM tile held by the caches */
    double load_lanes;  /* products a second where each needs a load of its own (depthwise) */
    double copy;        /* seconds a float copied in runs (windows) */
    double run;         /* seconds to begin a run, in copies and in the epilogue */
    double gather;      /* seconds a float copied one by one (strided windows, panels) */
    double store;       /* seconds a float stored by the epilogue, unit stride */
    double scatter;     /* seconds a float stored with a stride */
    double pointer;     /* seconds a row pointer put into a table */
    double transform;   /* seconds a float of V or M takes in a Winograd transform */
    double turn;        /* seconds a float takes in a transposed copy */
    double stream;      /* seconds a float of packed weights takes that no cache keeps */
    double call;        /* seconds a kernel call with its tile takes beside the products */
    double near_weights; /* bytes of weights, read again for each tile of pixels, that cost nothing
                            there (depthwise) */
    double again;       /* seconds a byte that is read again from beyond the L2 cache adds to the
                            products beside it (Winograd) */
    double far_row;     /* seconds to begin a row of pixels of one of many channels of an image
                           beyond the L2 cache: each lies in a page of its own */
    double stay;        /* bytes of input and output up to which outputs stay in a cache; beyond
                           them it is faster to store past it */
    double l2;          /* bytes of a core's own cache that blocks are made for */
    double crowded;     /* seconds a load adds whose line others at the same place of their pages
                           drove out of the L1 cache; 0: pixels that do are not copied */
    double l1_weights;  /* bytes of a tile's weights that L1 keeps beside the pixels (direct_ch), */
    double far_flat;    /* and times as long as in gemm_ch products of flat images take of more */
    double pixel_lanes; /* times as long as in gemm_ch products take in direct_px and
                           depthwise_image_px */
    double l1_ways;     /* lines that a set of the L1 cache holds */
} c2_speed;

/* The row of kernel's ISA for the device's machine. */
const c2_speed *c2_speed_of(const conv2d_device *device, const c2_kernel *kernel);

/* How many times longer than in a full tile a product takes in one of rows x vectors accumulators:
 * fewer than eight wait for the latency of FMAs, and each step of k has `rows` broadcasts and
 * `vectors` loads, of loads_a_vector cache lines each, for rows * vectors products. */
double c2_cost_small_tile(double rows, double vectors, double loads_a_vector);

/* Seconds of the epilogue for all outputs of the problem; lane_axis: the axis of output (1 channel,
 * 3 pixel) that the kernel's lanes run along. */
double c2_cost_epilogue(const c2_speed *speed, const c2_problem *p, int lane_axis);
/* The part of the rows of taps (axis 0; columns: 1) that are not zeros of padding, on average over
 * all output rows. */
double c2_live_part(const c2_problem *p, int axis);
/* Bytes of the elements of the input, of the output, and of both. */
double c2_input_bytes(const c2_problem *p);
double c2_output_bytes(const c2_problem *p);
double c2_tensor_bytes(const c2_problem *p);
/* Whether so many bytes are more than a core's own cache keeps: for plans, not for costs, which do
 * not differ within a class of machines. */
bool c2_beyond_l2(const conv2d_device *device, double bytes);
/* Whether so many bytes are more than the last cache keeps; and whether the input is, so that it is
 * not there since it was written. */
bool c2_cost_in_memory(double bytes);
bool c2_input_is_far(const c2_problem *p);
/* Seconds more that so many rows of pixels take to begin, each of another channel or row of a
 * copied block, where the input's columns are neighbours in images that only the last cache
 * holds. */
double c2_cost_far_rows(const c2_speed *speed, const c2_problem *p, double rows);
/* Whether whole vectors of a run's neighbouring output channels may be stored past the caches,
 * where they would not stay: float32 at multiples of 64 bytes, more of it and of the input than
 * fits. */
bool c2_may_stream(const c2_run_args *args, const c2_kernel *kernel);

#endif
