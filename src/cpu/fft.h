/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the fft algorithm: the cut of a problem into tiles and its cost (fft_plan.c), packed
 * spectra of the filters (fft_pack.c), and the run (fft.c).
 *
 * A tile is a rectangle of output pixels whose inputs, a kernel's reach more in both directions,
 * fit size[0] x size[1] = `points` numbers; its results are the elements of their circular
 * convolution with a filter that do not wrap (overlap-save). Filters are real, so two neighbouring
 * tiles of one image are transformed as the real and the imaginary part of one: a pair.
 *
 * Spectra lie column by column: number (ky, kx) at kx * size[0] + ky. Those of filters are
 * conjugates, divided by `points`: filter (oc, c) of all begins at (oc * icg + c) * points. */
#ifndef C2_CPU_FFT_H
#define C2_CPU_FFT_H

#include "cpu/driver.h"
#include "cpu/kiss.h"

typedef struct c2_fft_plan {
    int size[2];       /* of a transform, y and x */
    int64_t extent[2]; /* of the kernel, dilated */
    int64_t points;
    c2_split tiles[2];
    int64_t n_pairs;    /* of an image */
    size_t plane_bytes; /* of a spectrum before it is turned, rows and columns some bytes apart */
    size_t row_bytes;   /* of a row of complex numbers */
    size_t scratch_bytes, packed_bytes;
    double seconds; /* of one image */
} c2_fft_plan;

/* Complex numbers from one row, or column, to the next where they wait to be turned: an odd number
 * of cache lines, so that they spread over the sets of a cache. */
static inline int64_t c2_fft_pitch(int n) { return (n + 15) / 16 * 16 + 8; }

/* The state of transforms of length n in both directions, in memory of the allocator. */
typedef struct c2_fft_states {
    size_t bytes[2];         /* of lengths size[0] and size[1] */
    void *forward[2], *inverse[2]; /* NULL, or of that length */
} c2_fft_states;

/* False if no tile fits, in workspace or in what packed spectra may take. */
bool c2_fft_plan_make(const conv2d_device *device, const c2_problem *p, c2_fft_plan *plan_out);

conv2d_status c2_fft_states_make(const conv2d_allocator *allocator, const c2_fft_plan *plan,
                                 c2_fft_states *states_out);
void c2_fft_states_free(const conv2d_allocator *allocator, c2_fft_states *states);
conv2d_status c2_fft_pack(conv2d_device *device, const c2_problem *p, const c2_fft_plan *plan,
                          const c2_weight_view *view, c2_complex *to);

/* Columns of the plane, whose rows are transformed, into a spectrum. */
void c2_fft_turn(const c2_fft_plan *plan, const c2_fft_states *states, const c2_complex *plane,
                 c2_complex *spectrum);

conv2d_status c2_fft_create(conv2d_device *device, const c2_problem *p, const c2_fft_plan *plan,
                            c2_state **state_out);
void c2_fft_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_fft_run(const c2_state *state, const c2_run_args *args);

#endif
