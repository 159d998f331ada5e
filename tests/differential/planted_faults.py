#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Planted faults: can the tests fail? Each fault of the table is one change of the real sources.
The translation units it touches are compiled with the build's own flags, linked into the tests in
place of the originals, and the test must fail; the same units unchanged must pass.
Usage: planted_faults.py CONFIG.json [NAME...]   (CONFIG.json is written by CMake)
       planted_faults.py CONFIG.json --metal [NAME...]   (faults of the Metal backend; the
                                                  environment names software Metal)
       planted_faults.py --texts                 (only: does every fault's text still stand?)
Who changes one of these lines changes the table with it: a fault that no longer applies is an
error, not a pass."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

# Name, file under src/, text that stands there exactly once, what it becomes, program and arguments
# ({isa}: the best of avx2, neon, generic that this machine has; enough for any body, and quick to
# compile).
# One failure is enough; two faults are tried at once.
RUN = "differential --jobs 1 --failures 1"
RANDOM = f"{RUN} --count 600 --seed 1 --isa {{isa}}"
SPECIAL = "special_values --failures 1 --test random"
INFINITE = f"{SPECIAL} --count 100 --seed 1"
MODE = "special_values --failures 1 --test flush_denormals"
BITS = "same_bits --count 250 --seed 1"
# For what few of the problems reach: from a little before those that do.
RARE = f"{RUN} --count 800 --seed 480 --isa {{isa}}"
INTEGERS = f"{RUN} --integers --count 600 --seed 1 --isa {{isa}}"
DEPTHWISE_ROWS = f"{RUN} --count 500 --seed 1 --isa {{isa}} --match depthwise_rows_ch"
GROUPED = f"{RUN} --count 400 --seed 1 --isa {{isa}} --match grouped_px"
GROUPED_RARE = f"{RUN} --count 200 --seed 860 --isa {{isa}} --match grouped_px"
DEPTHWISE_IMAGE = f"{RUN} --count 600 --seed 960 --isa {{isa}} --match depthwise_image_px"
STRIDED = f"{RUN} --count 400 --seed 1 --isa {{isa}} --match direct_px"
# Kernels that exist for one instruction set; their faults wait for a machine that has it.
BF16 = "avx512_bf16"
DOT = f"{RUN} --count 600 --seed 1 --isa {BF16} --match dot_"
# Faults of the algorithm fft wait for a build that has KissFFT.
FFT = f"{RUN} --count 600 --seed 1 --match fft"
FFT_SPECIAL = f"{INFINITE} --match fft"
# AMX kernels, emulated.
AMX = "differential_amx"
AMX_UNITS = "cpu/isa/amx/"
AMX_DOT = f"{AMX} --jobs 1 --failures 1 --count 100 --seed 1 --match dot_"
AMX_SPLIT = f"{AMX} --jobs 1 --failures 1 --count 100 --seed 1 --match split"
AMX_ROWS = f"{AMX} --jobs 1 --failures 1 --count 300 --seed 1 --match split3_rows"
AMX_TILES = f"{AMX} --jobs 1 --failures 1 --count 300 --seed 1 --match split3_f"
AMX_GROUPS = f"{AMX} --jobs 1 --failures 1 --count 150 --seed 400 --match split3_f"
AMX_PANEL = f"{AMX} --jobs 1 --failures 1 --count 150 --seed 1 --match split3_ch"
FAULTS = [
    ("off-by-one loop: first channel skipped", "cpu/body/gemm_ch.h",
     "size_t k = 0;", "size_t k = klen > 1;", RANDOM),
    ("off-by-one tail: last pixel lane", "cpu/body/gemm_px.h",
     "const int rest = a->n - (nv - 1) * VF;", "const int rest = a->n - (nv - 1) * VF - 1;",
     RANDOM),
    ("stale accumulator", "cpu/body/gemm_ch.h",
     "    if (a->accumulate) {", "    if (a->n_taps) {", RANDOM),
    ("accumulator forgotten between blocks of taps", "cpu/body/gemm_px.h",
     "    if (a->accumulate) {", "    if (a->accumulate && a->n_taps > 64) {", RANDOM),
    ("last tap skipped", "cpu/body/dw_ch.h",
     "for (size_t t = a->n_taps; t != 0;", "for (size_t t = a->n_taps; t > 1;", RANDOM),
    ("weight of the tap before", "cpu/body/dw_px.h",
     "vf_set1(a->weight[t])", "vf_set1(a->weight[t ? t - 1 : 0])", RANDOM),
    ("read past the last pixel", "cpu/body/dw_px.h",
     "const bool tail, const c2_dw_px_args *a)\n{\n    switch",
     "bool tail, const c2_dw_px_args *a)\n{\n    tail = false;\n    switch", RANDOM),
    ("pixel between two strides used for every tap", "cpu/body/grouped_ch.h",
     "first < 0 || first % step != 0 ||", "first < 0 ||", RANDOM),
    ("bias forgotten where the kernel stores", "cpu/body/grouped_ch.h",
     "vf_add(acc[s][i], bias)", "acc[s][i]", RANDOM),
    ("groups behind the last whole vector not shifted", "cpu/grouped_ch.c",
     "v->shift + j / p->ocg", "j / p->ocg", RANDOM),
    ("single taps after three read from the row's begin", "cpu/algo_grouped_ch.c",
     "run + 2 * threes", "run", RANDOM),
    ("pixel behind the last column taken for one of the row", "cpu/algo_grouped_px.c",
     "at >= 0 && at < size", "at >= 0 && at <= size", GROUPED),
    ("row below the image taken for one of it", "cpu/body/grouped_px.h",
     "row >= 0 && row < a->h", "row >= 0 && row <= a->h", GROUPED),
    ("lanes of the vector whose place an earlier one takes", "cpu/body/grouped_px.h",
     "p.phase = a->last_phase;", "p.phase += a->flat;", GROUPED),
    ("residual added twice where it is the output", "cpu/body/grouped_px.h",
     "p.n == VF || a->residual ||", "p.n == VF ||", GROUPED_RARE),
    ("second half of a strided vector one pixel early", "cpu/body/grouped_px.h",
     "whole ? px_load(p + VF)", "whole ? px_load(p + VF - 1)", GROUPED),
    ("first pixel of a row skipped", "cpu/body/dwrow_ch.h",
     "if (j >= kx && column * s == j - kx", "if (j > kx && column * s == j - kx", RANDOM),
    ("rows of a turned image taken for neighbours", "cpu/algo_depthwise_rows_ch.c",
     "p->input_stride[2] == p->w * p->input_stride[3];",
     "p->input_stride[2] >= p->w * p->input_stride[3];", RANDOM),
    ("weights of a piece of five one tap late", "cpu/body/dwrow_ch.h",
     "add_row(rows, cols, 5, 1, tail, p, a->col + kx, n, w + kx * VF, upper, acc);",
     "add_row(rows, cols, 5, 1, tail, p, a->col + kx, n, w + kx * VF + VF, upper, acc);",
     DEPTHWISE_ROWS),
    ("piece of taps left out that is padding for the first output", "cpu/body/dwrow_ch.h",
     "kx + k + cols - 1 <= a->col_begin ||", "kx + k <= a->col_begin ||", DEPTHWISE_ROWS),
    ("last live row taken for padding", "cpu/algo_depthwise_rows_ch.c",
     "(size - 1 - first) / d + 1) : 0;", "(size - 1 - first) / d) : 0;", RANDOM),
    ("padded columns left of a strided row not written", "cpu/window.c",
     "copy_lanes(sizeof *row, w, phases[px].first, 0, begin,",
     "copy_lanes(sizeof *row, w, phases[px].first, 1, begin,", STRIDED),
    ("second and third of four floats exchanged", "cpu/body/apart.h",
     "{vf_evens(evens[0], evens[1]), vf_evens(odds[0], odds[1]),",
     "{vf_evens(evens[0], evens[1]), vf_odds(evens[0], evens[1]),", STRIDED),
    ("columns right of the image copied", "cpu/columns.c",
     "(p->w - 1 - first) / step + 1);", "(p->w - 1 - first) / step + 2);", RANDOM),
    ("rows a dilation apart from the first one on, all of them", "cpu/algo_depthwise_rows_px.c",
     "a->window = window + first * a->pitch;", "a->window = window;", RARE),
    ("window of the channel before", "cpu/algo_depthwise_rows_px.c",
     "copy_from(t, pair ? c + 1 : c, pair ? 1 - i : 0);",
     "copy_from(t, c, pair ? 1 - i : 0);", RANDOM),
    ("even columns twice, no odd ones", "cpu/body/dwrow_px.h",
     "vf_store(odd, vf_odds(low, high));", "vf_store(odd, vf_evens(low, high));", RANDOM),
    ("odd columns of an odd padding one to the left", "cpu/algo_depthwise_rows_px.c",
     "a->copy_odd = 1 - g->phase;", "a->copy_odd = -g->phase;", RARE),
    ("row of the other half not stored", "cpu/body/dwrow_px.h",
     "if (2 * (v + y) + 1 < a->rows)", "if (2 * (v + y) + 2 < a->rows)", RARE),
    ("pixel right of the image read", "cpu/body/dwimg_px.h",
     "bits_between(-at, a->width - at)", "bits_between(-at, a->width - at + 1)", DEPTHWISE_IMAGE),
    ("last vector of a row stored over the next row's first", "cpu/body/dwimg_px.h",
     "for (int i = vectors - 1; i >= 0; i--) {", "for (int i = 0; i < vectors; i++) {",
     DEPTHWISE_IMAGE),
    ("last row of the image taken for padding", "cpu/algo_depthwise_image_px.c",
     "(p->h - 1 - top) / every + 1 : 0", "(p->h - 1 - top) / every : 0", DEPTHWISE_IMAGE),
    ("border tile taken for one inside", "cpu/algo_depthwise_rows_ch.c",
     "x + (n_cols - 1) * d < p->w) {", "x + (n_cols - 1) * d <= p->w) {", RANDOM),
    ("input row late for an output row", "cpu/body/direct_rows.h",
     "r == end * step;", "r == end * step + 1;", RANDOM),
    ("last product skipped", "cpu/body/direct_px.h",
     "*end = offset + a->n_offsets;", "*end = offset + a->n_offsets - (a->n_offsets > 1);",
     RANDOM),
    ("strip stored past its end", "cpu/body/direct.h",
     "l.last = (nv - 1) * VF < left ? (nv - 1) * VF : left;", "l.last = (nv - 1) * VF;", RANDOM),
    ("rows above the interior left out", "cpu/direct.c",
     "run_window(w, y, x, y0, end_x);", "run_window(w, y0, x, y0, end_x);", RANDOM),
    ("interior begins too early", "cpu/direct_plan.c",
     "c2_div_up(p->pad[a], p->stride[a])", "p->pad[a] / p->stride[a]", RARE),
    ("rows of padding not left out", "cpu/separable.c",
     "(p->h - 1 - first) / step + 1) : 0;", "(p->h - 1 - first) / step + 2) : 0;", RANDOM),
    ("padding of a middle row one to the left", "cpu/separable.c",
     "const int64_t from = x - t->first;", "const int64_t from = x - t->first - (x > 0);", RANDOM),
    ("bias of the first channel in all lanes", "cpu/separable.c",
     "p->bias_dtype, i % d->channels);", "p->bias_dtype, 0);", RANDOM),
    ("row factors of the filter before", "cpu/separable.c",
     "oc, packed, packed + p->kh,", "oc, packed, packed + p->kh - 1,", RANDOM),
    ("taps of a strided row in one phase", "cpu/separable.c",
     "at % p->stride[1] * plan->lanes_x +", "", RANDOM),
    ("any weights taken for factors", "core/factor.c",
     "if (!(fabs(product - w) <= tolerance * fabs(w)))", "if (isnan(product - w))", RANDOM),
    ("rows below all of a box's from one row too high", "cpu/body/box_down.h",
     "a->rows[kh - 1 + i]", "a->rows[kh - 2 + i]", RARE),
    ("shorter pieces of a box's window at its begin", "cpu/body/box_across.h",
     "windows + (a->kw & (size - 1)) * a->distance;", "windows;", RARE),
    ("rows of the image under a box's padding", "cpu/separable.c",
     "r >= a->row_begin && r < a->row_end;", "r >= a->row_begin;", RARE),
    ("fft: second tile of a pair in the first one's place", "cpu/fft.c",
     "const float *part = &t->row->re + i;", "const float *part = &t->row->re;", FFT),
    ("fft: results that wrap around taken for whole ones", "cpu/fft_plan.c",
     "d->size[a] - d->extent[a] + 1,", "d->size[a] - d->extent[a] + 2,", FFT),
    ("fft: products of the last channel alone", "cpu/fft.c",
     "to[i].re += a[i].re * b[i].re", "to[i].re = a[i].re * b[i].re", FFT),
    ("fft: spectra of filters not conjugate", "cpu/fft_pack.c",
     "(double)to[k].im * -scale", "(double)to[k].im * scale", FFT),
    ("fft: taps of a dilated filter side by side", "cpu/fft_pack.c",
     "row[x * p->dilation[1]].re", "row[x].re", FFT),
    ("fft: rows of the tile before under a shorter one", "cpu/fft.c",
     "    memset(t->plane + rows * pitch, 0,", "    memset(t->plane + rows * pitch, 0, 0 *", FFT),
    ("fft: infinite weights accepted", "cpu/algo_fft.c",
     "if (!p->weights_finite)", "if (false)", FFT_SPECIAL),
    ("channels left over joined past the last pixel", "cpu/planes.c",
     "? (n - 1) / 4 * 4 : 0;", "? n / 4 * 4 : 0;", RANDOM),
    ("waiting rows of a group joined twice", "cpu/direct.c",
     "channels += tile_channels(d, tile);", "channels = tile_channels(d, tile);", RANDOM),
    ("wrong padding side", "cpu/window.c", "p->pad[i]", "p->pad[i + 2]", RANDOM),
    ("swapped strides", "cpu/window.c", "p->stride[i]", "p->stride[1 - i]", RANDOM),
    ("wrong dilation", "cpu/window.c",
     ": tap * a->dilation / a->stride;", ": tap / a->stride;", RANDOM),
    ("bfloat16 ties rounded up", "core/half.h",
     "(bits + 0x7fff + (bits >> 16 & 1)) >> 16", "(bits + 0x8000) >> 16", INTEGERS),
    ("window of halves copied as floats", "cpu/window.c",
     "fill(sizeof(uint16_t), w,", "fill(sizeof(float), w,", RANDOM),
    ("bias of a half type read as float32", "cpu/driver.c",
     "    if (!t->bias || (t->dtype == CONV2D_FLOAT32 && step == 1))",
     "    if (!t->bias || step == 1)", RANDOM),
    ("padded row of a channel window not cleared", "cpu/gemm_ch_window.c",
     "memset(to, 0, (size_t)plan->row_pitch * sizeof(float));", "", RANDOM),
    ("split taps of a channel window too close", "cpu/gemm_ch_window.c",
     "v.dilation[a] = plan->axis[a].outputs;", "v.dilation[a] = plan->axis[a].outputs - 1;",
     RANDOM),
    ("last channel of a transposed pixel lost", "cpu/body/widen.h",
     "a->n_pixels - i, n,", "a->n_pixels - i, n - 1,", RANDOM),
    ("taps of a row merged across the border", "cpu/rows.c",
     "r->merge && r->inside;", "r->merge;", RANDOM),
    ("bias of a tile's first vector for all", "cpu/body/gemm_ch.h",
     "bias[j] = vf_load(a->bias + j * VF);", "bias[j] = vf_load(a->bias);", RANDOM),
    ("weights of a region's first tap are the kernel's", "cpu/gemm_ch.c",
     "(w->tap_y + ky) * p->kw + w->tap_x + kx;", "ky * p->kw + kx;", RANDOM),
    ("weights of taps that a region lacks are used for others", "cpu/gemm_ch.c",
     "kw == p->kw ? n - done : c2_min(n - done, in_a_row - kx);", "n - done;", RANDOM),
    ("a band of outputs ends a row late", "cpu/gemm_ch_region.c",
     "(end - 1) * d) / s + 1);", "(end - 1) * d) / s + 2);", RANDOM),
    ("taps behind a band's last one are outside the image", "cpu/gemm_ch_region.c",
     "tap_end = (int32_t)end;", "tap_end = (int32_t)k;", RANDOM),
    ("a region reads from the image's first pixel", "cpu/gemm_ch_region.c",
     "r.offset += first *", "r.offset += 0 * first *", RANDOM),
    ("tiles of pixels in one call although one is at a border", "cpu/gemm_ch.c",
     "tables[i].merged == tables[0].merged)", "tables[i].m == tables[0].m)", RANDOM),
    ("tiles of one call are finished over each other", "cpu/body/gemm_ch.h",
     "out += C2_MR;", "out += 0;", RANDOM),
    ("second Winograd tile of a row finished over the first", "cpu/winograd.c",
     "(seg->tx + t) * size * a.col;", "seg->tx * size * a.col;", RANDOM),
    ("Winograd pixels finished without a bias", "cpu/body/wino_out.h",
     "vf_add(y[j], vf_load(a->bias + v))", "y[j]", RANDOM),
    ("fourth tile register of lanes multiplied by the third's weights", "cpu/body/tiles_ch.h",
     "tile_load(5, w + 3 * TILE_BYTES, WORDS_BYTES);",
     "tile_load(5, w + 2 * TILE_BYTES, WORDS_BYTES);", AMX_DOT),
    ("channels behind a block of a tile's copy are those before it", "cpu/body/tiles_ch.h",
     "(const uint16_t *)rows[i] + k,", "(const uint16_t *)rows[i],", AMX_DOT),
    ("second tile register of rows gets the first's weights", "cpu/body/tiles_px.h",
     "tile_load(5, w + TILES_BLOCK / 2, TILE_BYTES);", "tile_load(5, w, TILE_BYTES);", AMX_DOT),
    ("a product of parts made twice, another not at all", "cpu/body/tiles_px.h",
     "{1, 0}, {2, 0}, {0, 0}", "{1, 0}, {1, 0}, {0, 0}", AMX_SPLIT),
    ("second tile register of lanes gets the first's weights", "cpu/body/tiles_panel.h",
     "tile_load(7, weight + TILE_WORDS, WEIGHT_BYTES);",
     "tile_load(7, weight, WEIGHT_BYTES);", AMX_PANEL),
    ("a panel's tile without its first kernel row of padding", "cpu/panel.c",
     "c2_div_up(-bottom, p->dilation[0])) * a_row;",
     "c2_div_up(-bottom, p->dilation[0]) + 1) * a_row;", AMX_PANEL),
    ("a strip's second half of a tile at the first's pixels", "cpu/strip.c",
     "two ? pixel_at(w, half + i + 1) : NULL", "two ? pixel_at(w, half + i) : NULL", AMX_ROWS),
    ("a strip's rows above the image not zeros", "cpu/strip_fill.c",
     "memset(row_of(s, 0, part), 0,", "memset(row_of(s, 0, part), 63,", AMX_ROWS),
    ("windows: pixels behind the image keep what lay there", "cpu/strip_fill.c",
     "for (int64_t x = 0; x < behind; x++, to += pitch)",
     "for (int64_t x = 1; x < behind; x++, to += pitch)", AMX_ROWS),
    ("windows: the first output row of a block lacks kernel rows", "cpu/strip_fill.c",
     "n = c2_min(s->plan->fresh, s->problem->kh - i);", "n = s->problem->kh - i;", AMX_ROWS),
    ("interleaved rows below the image", "cpu/interleave.c",
     "y < p->h ? c2_min(rows, c2_div_up(p->h - y, step)) : 0;",
     "y < p->h ? c2_min(rows, c2_div_up(p->h - y, step) - 1) : 0;", AMX_ROWS),
    ("interleaved: one of four channels not overwritten", "cpu/interleave.c",
     "safe = c2_max(0, p->w - FOUR);", "safe = p->w;", AMX_ROWS),
    ("Winograd in parts: tiles of the second half over the first", "cpu/winograd_parts.c",
     "tile % TILES * WORDS,", "tile % C2_WINO_ROWS * WORDS,", AMX_TILES),
    ("Winograd in parts: weights of the first group", "cpu/winograd.c",
     "w->g * plan->panels * plan->steps * c2_wino_words(plan);", "0;", AMX_GROUPS),
    ("Winograd in parts: products of the group's first panel", "cpu/winograd.c",
     "transform_out(&w, w.m + (j - panel) * plan->m_panel,", "transform_out(&w, w.m,", AMX_TILES),
    ("Winograd in parts: words of the first step", "cpu/winograd_pack.c",
     "plan->steps, nr, step};", "plan->steps, 0, step};", AMX_TILES),
    ("a panel's sums forgotten from chunk to chunk", "cpu/panel.c",
     ".accumulate = r.begin > live.begin};", ".accumulate = false};", AMX_PANEL),
    ("a border's taps of a kernel row all put first", "cpu/panel.c",
     "memcpy(room + i * w->s->plan.run + kx * p->icg, taps[i],",
     "memcpy(room + i * w->s->plan.run, taps[i],", AMX_PANEL),
    ("a word of weights of one channel twice", "cpu/pack_words.c",
     "const c2_pair_args a = {room,  room + width, to,",
     "const c2_pair_args a = {room,  room, to,", AMX_SPLIT),
    ("rows of a phase made as if they were neighbours", "cpu/algo_depthwise_rows_ch.c",
     "i / s->phase_tiles + i % s->phase_tiles * s->rows * s->phases;",
     "i / s->phase_tiles + i % s->phase_tiles * s->rows;", RANDOM),
    ("second phase of a dilated row written over the first", "cpu/algo_depthwise_rows_ch.c",
     "pixel_tile(t, oy, phase + x * d, rows, (int)n);", "pixel_tile(t, oy, x * d, rows, (int)n);",
     RANDOM),
    ("output channels of the first task made by all", "cpu/direct.c",
     "w.tile_begin = c2_split_begin(&d->tile_blocks, tiles) * d->joined_tiles;",
     "w.tile_begin = 0;", RANDOM),
    ("image's last row taken for padding", "cpu/direct.c",
     "(p->h - 1 - first) / step + 1 : 0;", "(p->h - 1 - first) / step : 0;", RANDOM),
    ("first group's channels of a turned input for all", "cpu/gemm_ch.c",
     "w.g * args->problem->icg;", "0;", RANDOM),
    ("turned channels over the first ones", "cpu/gemm_ch.c",
     "x * view->input_stride[3] + c,", "x * view->input_stride[3],", RANDOM),
    ("turned pixels over the first ones", "cpu/gemm_ch.c",
     "x * view->input_stride[3] + c,", "c,", RANDOM),
    ("pixels right of the image read", "cpu/rows.c",
     "|| (uint64_t)(r->x[i] + dx) >= w;", "|| (uint64_t)(r->x[i] + dx) > w;", RANDOM),
    ("sums of a group's pixel tiles over each other", "cpu/gemm_ch.c",
     "sums + (tables[i].first - lanes.first) * nr);", "sums);", RANDOM),
    ("upper bound dropped without a residual", "cpu/body/epilogue.h",
     "vf_min(f->high, vf_max(f->low, x)) : x;", "vf_max(f->low, x) : x;", RANDOM),
    ("bias of a tile's first channels in all of its strips", "cpu/body/epilogue.h",
     "a->bias_col ? a->bias_col + c : NULL,", "a->bias_col,", RANDOM),
    ("skipped group", "cpu/pack.c", "(g * p->ocg + begin)", "begin", RANDOM),
    ("last output channel of a tile not packed", "cpu/pack.c",
     "o < m ? c2_load", "o < m - (tile > 0) ? c2_load", RANDOM),
    ("missing bias lane", "cpu/body/epilogue.h",
     "load_part(a->bias_col + c, n)", "load_part(a->bias_col + c, n - 1)", RANDOM),
    ("residual dropped after the first vector", "cpu/body/epilogue.h",
     "        if (residual)\n", "        if (residual && c == 0)\n", RANDOM),
    ("upper clamp bound dropped", "cpu/body/epilogue.h",
     "case CONV2D_ACT_CLAMP: return vf_min(a->high, vf_max(a->low, x));",
     "case CONV2D_ACT_CLAMP: return vf_max(a->low, x);", RANDOM),
    ("store past the last column", "cpu/body/epilogue.h",
     "px_store_n(out + c, x, n);", "px_store(out + c, x);", RANDOM),
    ("reflection repeats the edge", "core/problem.c",
     "return r < size ? r : 2 * (size - 1) - r;", "return r < size ? r : 2 * size - 1 - r;",
     RANDOM),
    ("batch offset of the output", "cpu/driver.c",
     "n * p->output_stride[0] + oc0 * p->output_stride[1]",
     "n * p->output_stride[1] + oc0 * p->output_stride[1]", RANDOM),
    ("residual read with the output's strides", "cpu/driver.c",
     "n * p->residual_stride[0]", "n * p->output_stride[0]", RANDOM),
    ("infinite weights accepted over padding", "cpu/driver.c",
     "&& !p->weights_finite &&", "&& false &&", INFINITE),
    ("floating-point mode not restored", "cpu/parallel.c",
     "    restore_float_mode(mode);\n",
     "    if (i > 0)\n        restore_float_mode(mode);\n", MODE),
    ("Winograd: coefficient of an input transform", "cpu/body/wino_in.h",
     "vf_fma(vf_set1(-0.5f), q, p)", "vf_fma(vf_set1(0.5f), q, p)", RANDOM),
    ("Winograd: coefficient of an output transform", "cpu/body/wino_out.h",
     "vf_fma(vf_set1(-8), m[4]", "vf_fma(vf_set1(-4), m[4]", RANDOM),
    ("Winograd F(6,3): coefficient of an input transform", "cpu/body/wino_in.h",
     "vf_fma(four, d[2], d[6])", "vf_fma(four, d[2], d[4])", RANDOM),
    ("Winograd F(6,3): coefficient of an output transform", "cpu/body/wino_out.h",
     "vf_fma(vf_set1(32), d2, d3)", "vf_fma(vf_set1(16), d2, d3)", RANDOM),
    ("Winograd: channels of a tail not multiplied", "cpu/body/wino_gemm.h",
     "if (k > 0)", "if (k > 1)", RANDOM),
    ("Winograd: block of channels not added", "cpu/winograd.c",
     "a.accumulate = k > 0;", "a.accumulate = k > 64;", RANDOM),
    ("Winograd: last column of a window taken for inside", "cpu/winograd_in.c",
     "t * m + edge <= at->inside_end", "t * m + edge <= at->inside_end + 1", RANDOM),
    ("Winograd: tile of the next phase", "cpu/winograd.c",
     "c2_min(m, phase_size(p, 0, seg.y) - y)", "c2_min(m, phase_size(p, 0, 0) - y)", RANDOM),
    ("Winograd: weights of the first group", "cpu/winograd_pack.c",
     "pack_panel(p, plan, view, g * p->ocg + o, n,", "pack_panel(p, plan, view, o, n,", RANDOM),
    ("Winograd: row of the weights' transform", "cpu/winograd_pack.c",
     "{1 / 15., -2 / 15., 4 / 15.}", "{1 / 15., 2 / 15., 4 / 15.}", RANDOM),
    ("Winograd: infinite weights accepted", "cpu/algo_winograd.c",
     "if (!p->weights_finite)", "if (false)", INFINITE),
    ("Winograd: padded columns of a window taken for inside", "cpu/winograd_in.c",
     "at->inside_begin += column < 0;", "at->inside_begin += column < -1;", RANDOM),
    ("pairs: a last channel alone read as a pair", "cpu/body/gemm_ch.h",
     "steps(m, nv, 1, true, table, k, w, acc);", "steps(m, nv, 1, false, table, k, w, acc);", DOT),
    ("pairs: weights of neighbouring words overlap", "cpu/pack_words.c",
     "c = 2 * (k % q->words->tap) + h;", "c = k % q->words->tap + h;", DOT),
    ("pairs: first channels in all of a window", "cpu/pairs.c",
     "image + c * p->input_stride[1] * w.element", "image", DOT),
    ("pairs: a panel's first channel twice", "cpu/gemm_px.c",
     "gather_channel(r, 2 * q + 1,", "gather_channel(r, 2 * q,", DOT),
    ("pairs: words across taps", "cpu/gemm_ch_plan.c",
     "(!b->words.parts || b->words.tap * 2 == p->icg)", "true", DOT),
    ("rounding that depends on the worker", "cpu/parallel.c",
     "static void work(void *arg, size_t i, int worker)\n{\n"
     "    parallel_run *run = arg;\n    (void)worker;\n"
     "    const conv2d_cancel *cancel = run->args->cancel;\n"
     "    const float_mode mode = set_float_mode(run->args->problem->flush_denormals);\n",
     "#include <fenv.h>\nstatic void work(void *arg, size_t i, int worker)\n{\n"
     "    parallel_run *run = arg;\n"
     "    const conv2d_cancel *cancel = run->args->cancel;\n"
     "    const float_mode mode = set_float_mode(run->args->problem->flush_denormals);\n"
     "    if (i > 0)\n        fesetround(FE_DOWNWARD);\n", BITS),
]
# Of the Metal backend: device code, which is embedded again, and host code.
METAL = f"{RUN} --device metal --count 60 --seed 1"
METAL_INTEGERS = f"{RUN} --device metal --integers --count 60 --seed 1"
# Seeds near problems that few others are like: 143 has many channels, 172 unequal dilations, 827
# two passes.
METAL_BLOCKS = f"{RUN} --device metal --count 12 --seed 138"
METAL_PHASES = f"{RUN} --device metal --count 12 --seed 165"
METAL_PASSES = f"{RUN} --device metal --count 12 --seed 820"
METAL_SPECIAL = f"{SPECIAL} --device metal --count 12 --seed 1119"
METAL_FAULTS = [
    ("tile: four values read beyond a row's end", "metal/kernels/tile.metal",
     "if (whole || k + e + 4 <= length) {", "if (whole || k + e < length) {", METAL),
    ("tile: chunks lie in one buffer", "metal/kernels/tile.metal",
     "turn = 1 - turn;", "", METAL),
    ("tile: rows of the second simdgroup", "metal/kernels/tile.metal",
     "simdgroup_at / 2 * (BM / 2)", "simdgroup_at / 2 * (BM / 4)", METAL),
    ("window: position in the sum forgotten between chunks", "metal/kernels/window.metal",
     "        at_k = k;\n", "        at_k = 0;\n", METAL),
    ("window: padded zeros read", "metal/kernels/window.metal",
     "return row.inside && y >= 0 && x >= 0;", "return row.inside && y >= 0;", METAL),
    ("gemm1x1: stride along y forgotten", "metal/kernels/gemm1x1.metal",
     "rest % a.oh * a.stride[0] * a.input_stride[2]", "rest % a.oh * a.input_stride[2]", METAL),
    ("grouped: group of another block", "metal/kernels/grouped.metal",
     "i % all / blocks,", "i / blocks % a.groups % 2,", METAL),
    ("grouped: tiles of pixels overlap", "metal/kernels/grouped.metal",
     "i / all * rows;", "i / all * (rows / 2);", METAL),
    ("direct: dilation along x forgotten", "metal/kernels/direct.metal",
     "kx * a.dilation[1] - a.pad[1]", "kx - a.pad[1]", METAL),
    ("direct: bias of the block's first channel", "metal/kernels/direct.metal",
     "y += bias[c];", "y += bias[first_c];", METAL),
    ("depthwise: last column of the kernel skipped", "metal/kernels/depthwise.metal",
     "if (kx >= kernel_w)", "if (kx >= kernel_w - 1)", METAL),
    ("winograd: sign of a coefficient", "metal/kernels/winograd.metal",
     "fma(-8.0f, m[4], d + m[5])", "fma(8.0f, m[4], d + m[5])", METAL),
    ("winograd: phases of dilated rows", "metal/kernels/winograd.metal",
     "top % a.dilation[0];", "top % a.dilation[1];", METAL_PHASES),
    ("winograd: sums beyond 64 channels dropped", "metal/kernels/winograd.metal",
     "        add(total, sums);\n", "        total = sums;\n", METAL_BLOCKS),
    ("winograd: a point's filter", "gpu/winograd.c",
     "{1 / 15.0, -2 / 15.0, 4 / 15.0}", "{1 / 15.0, 2 / 15.0, 4 / 15.0}", METAL),
    ("winograd: second pass writes the first tiles", "metal/algo_winograd.c",
     "a.first = (int)first;", "a.first = 0;", METAL_PASSES),
    ("winograd: infinite weights accepted", "metal/algo_winograd.c",
     "    if (!p->weights_finite)\n", "    if (false)\n", METAL_SPECIAL),
    ("grouped: last simdgroups have no threadgroup", "metal/algo_grouped.c",
     "(c2_uint)c2_div_up(tiles, SIMDGROUPS)", "(c2_uint)((tiles + 1) / SIMDGROUPS)", METAL),
    ("tiles: channels aligned to half a chunk", "metal/tiles.c",
     "if (p->icg % C2_GPU_CHUNK == 0)", "if (p->icg % 8 == 0)", METAL_INTEGERS),
    ("strides of the residual", "metal/tiles.c",
     "(int)p->residual_stride[i]", "(int)p->output_stride[i]", METAL),
]
TIMEOUT_S = 240


class Build:
    """The build tree's commands, replayed on a changed copy of src/."""

    def __init__(self, config_path, metal):
        self.metal = metal
        self.config = json.loads(pathlib.Path(config_path).read_text())
        self.source = pathlib.Path(self.config["source"]) / "src"
        self.scratch = pathlib.Path(self.config["scratch"])
        commands = pathlib.Path(self.config["build"]) / "compile_commands.json"
        self.units = {}  # path under src/ -> (folder, arguments without output)
        own = commands.parent / "src"
        for entry in json.loads(commands.read_text()):
            path = pathlib.Path(entry["directory"], entry["file"])
            # Tests compile some sources again. Of those only the emulated AMX kernels count: no
            # fault is looked for with the instructions themselves.
            amx = AMX_UNITS in str(path)
            if amx != ("emulate_amx.h" in entry["command"]) or (
                    not amx and path.is_relative_to(self.source) and
                    not pathlib.Path(entry["directory"]).is_relative_to(own)):
                continue
            # Of the C files in the build, kernels of a GPU: made of texts that are listed beside.
            made = path.parent == own and pathlib.Path(f"{path}.texts").exists()
            if made or path.is_relative_to(self.source):
                arguments = shlex.split(entry["command"])
                cut = arguments.index("-o")
                del arguments[cut:cut + 2]
                unit = path if made else path.relative_to(self.source)
                self.units[str(unit)] = (entry["directory"], arguments)
        self.isa = self.best_isa()
        self.has_bf16 = self.has_isa(BF16)
        self.includes = {unit: self.headers_of(unit) for unit in self.units if self.wanted(unit)}

    def program(self, name):
        return self.config["programs"][name]["file"]

    def has_program(self, name):
        return name in self.config["programs"]

    def has_isa(self, isa):
        run = subprocess.run([self.program("differential"), "--isa", isa, "--count", "1"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return run.returncode == 0

    def best_isa(self):
        return next((isa for isa in ("avx2", "neon") if self.has_isa(isa)), "generic")

    def wanted(self, unit):
        """Kernel stubs of other ISAs keep their original objects: they need not be compiled. For
        faults of the Metal backend its own units are enough."""
        if self.metal:
            return os.path.isabs(unit) or unit.startswith(("metal/", "gpu/"))
        folder = re.match(r"cpu/isa/(\w+)/", unit)
        return (not folder or folder[1] == self.isa or unit.startswith(AMX_UNITS) or
                (folder[1] == BF16 and self.has_bf16))

    def headers_of(self, unit):
        """Files under src/ that a unit includes, itself among them, by the compiler's own list."""
        if os.path.isabs(unit):
            return {os.path.relpath(text, self.source) for text in self.texts(unit)}
        folder, arguments = self.units[unit]
        arguments = [a for a in arguments if a != "-c"] + ["-MM"]
        text = subprocess.run(arguments, cwd=folder, capture_output=True, text=True,
                              check=True).stdout
        files = re.split(r"[\s\\]+", text.split(":", 1)[1])
        return {os.path.relpath(os.path.join(folder, f), self.source) for f in files if f}

    @staticmethod
    def texts(unit):
        """What the C file of a family of GPU kernels is made of."""
        return pathlib.Path(unit + ".texts").read_text().strip().split(";")

    def embed(self, unit, sources, folder):
        """That C file, made of the texts of a copy of src/."""
        path = folder / pathlib.Path(unit).name
        texts = ";".join(text.replace(str(self.source), str(sources)) for text in self.texts(unit))
        subprocess.run(["cmake", "-D", f"OUT={path}", "-D", f"NAME=c2_{path.stem}", "-D",
                        f"TEXTS={texts}", "-P", str(sources / "metal" / "embed.cmake")], check=True)
        return str(path)

    def units_with(self, file):
        return [unit for unit, files in self.includes.items() if file in files]

    def compile(self, unit, sources, folder):
        """Compile a unit of the copy of src/ in sources; the object's path."""
        directory, arguments = self.units[unit]
        # No warnings: a changed line may leave a variable without use. Bodies of kernels as plain
        # functions compile ten times faster.
        replaced = [a.replace(str(self.source), str(sources)) for a in arguments]
        replaced += ["-w", "-DC2_PLAIN_BODIES"]
        if os.path.isabs(unit):
            replaced = [self.embed(unit, sources, folder) if a == unit else a for a in replaced]
        out = folder / (unit.replace("/", "_") + ".o")
        subprocess.run(replaced + ["-o", str(out)], cwd=directory, check=True)
        return str(out)

    def link(self, program, objects, folder):
        """A test program with the objects before the library, whose own are then not taken."""
        out = folder / program
        command = (shlex.split(self.config["compiler"]) + objects +
                   self.config["programs"][program]["objects"] +
                   self.config["programs"][program].get("libraries", []) +
                   self.config["libraries"] +
                   ["-o", str(out)])
        subprocess.run(command, check=True)
        return str(out)

    def run(self, faults, name, command):
        """Apply (file, old, new) changes, build, run. (exit status, output, seconds)."""
        folder = self.scratch / re.sub(r"\W+", "_", name)
        shutil.rmtree(folder, ignore_errors=True)
        sources = folder / "src"
        shutil.copytree(self.source, sources)
        words = command.format(isa=self.isa).split()
        units = set()
        for file, old, new in faults:
            path = sources / file
            text = path.read_text()
            path.write_text(text.replace(old, new))
            units.update(unit for unit in self.units_with(file)
                         if words[0] == AMX or not unit.startswith(AMX_UNITS))
        if not units:
            raise SystemExit(f"planted_faults: {name}: no unit includes that file")
        objects = [self.compile(unit, sources, folder) for unit in sorted(units)]
        program = self.link(words[0], objects, folder)
        start = time.monotonic()
        try:
            done = subprocess.run([program] + words[1:], capture_output=True, text=True,
                                  errors="replace", timeout=TIMEOUT_S, check=False)
            status, output = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            status, output = -1, f"no end after {TIMEOUT_S} s"
        seconds = time.monotonic() - start
        shutil.rmtree(folder)
        return status, output, seconds


def first_line(output):
    """The first complaint of a failing run."""
    lines = output.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("FAIL"):
            return " ".join(part.strip() for part in lines[i:i + 2])[:150]
    return lines[-1][:150] if lines else "(no output)"


def check_texts(source):
    """Names of faults whose text does not stand exactly once in the sources."""
    return [f"{name}: src/{file}: stands {(source / file).read_text().count(old)} times: {old!r}"
            for name, file, old, _, _ in FAULTS + METAL_FAULTS
            if (source / file).read_text().count(old) != 1]


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    stale = check_texts(pathlib.Path(__file__).resolve().parents[2] / "src")
    if stale:
        raise SystemExit("planted_faults: texts to change must stand once\n" + "\n".join(stale))
    if sys.argv[1] == "--texts":
        return
    metal = "--metal" in sys.argv
    build = Build(sys.argv[1], metal)
    names = [name for name in sys.argv[2:] if name != "--metal"]
    faults = METAL_FAULTS if metal else FAULTS
    chosen = [f for f in faults if (not names or f[0] in names) and
              (build.has_bf16 or BF16 not in f[4]) and build.has_program(f[4].split()[0]) and
              (build.config["kissfft"] or "fft" not in f[4])]
    print(f"planted_faults: {len(chosen)} faults, kernels of {build.isa}")
    missed = 0

    # Unchanged sources first, through the same path: "changes" that leave every file as it is.
    tries = []
    for command in sorted({f[4] for f in chosen}):
        texts = {f[1]: (build.source / f[1]).read_text() for f in chosen if f[4] == command}
        same = [(file, text, text) for file, text in texts.items()]
        tries.append((f"unchanged sources: {command}", same, command, "ok", "BROKEN"))
    tries.sort(key=lambda one: -len(one[1]))  # what takes longest begins first
    tries += [(f"{name} (src/{file})", [(file, old, new)], command, "MISSED", "found")
              for name, file, old, new, command in chosen]

    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        done = pool.map(lambda one: build.run(one[1], one[0], one[2]), tries)
        for (name, _, _, passed, failed), (status, output, seconds) in zip(tries, done):
            verdict = passed if status == 0 else failed
            missed += verdict in ("MISSED", "BROKEN")
            print(f"{verdict:7} {name} ({seconds:.1f} s)"
                  f"{': ' + first_line(output) if verdict == 'found' else ''}", flush=True)
            if verdict == "BROKEN":
                print(output)
    print(f"planted_faults: {len(chosen)} faults, {missed} missed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
