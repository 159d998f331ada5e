/* SPDX-License-Identifier: BSD-2-Clause
 * The check behind --verify and `conv2d verify`: the exact result in float64, and for every element
 * the error that conv2d.h (NUMERICS) allows. */
#ifndef CLI_ORACLE_H
#define CLI_ORACLE_H

#include "cli.h"
#include "convolution.h"
#include "json.h"

/* cli_oracle.tile of the algorithm fft. */
enum { ORACLE_FFT = 1 };

/* Both before the activation, contiguous NCHW, float64. */
typedef struct cli_oracle {
    cli_tensor exact; /* y */
    cli_tensor scale; /* s = |b| + |r| + sum |w| |x| */
    int tile;         /* m of the Winograd algorithm that ran, F(m,3), or ORACLE_FFT; 0: another */
    bool parts;       /* its products are of bfloat16 parts */
    cli_tensor tiles; /* its S (docs/numerics.md) */
    double factor;    /* in front of S: the plan's */
    bool separable;   /* that algorithm ran: its factor stands in front of s */
} cli_oracle;
#define CLI_ORACLE_INIT {CLI_TENSOR_INIT, CLI_TENSOR_INIT, 0, false, CLI_TENSOR_INIT, 0, false}

bool oracle_make(conv2d_device *device, const cli_convolution *c, cli_oracle *out,
                 cli_error *error);
/* Take the bound of the algorithm that a plan runs, from now on; before, it is the strict one. */
bool oracle_of_plan(conv2d_device *device, const cli_convolution *c, const conv2d_plan_info *info,
                    cli_oracle *oracle, cli_error *error);
/* Parts of S: index in [0, size) of padded coordinate i, or -1 for a padded zero; of fft, each
 * channel's norm in all output pixels (times: room for h + w numbers), and each filter's sum. */
int64_t oracle_source_index(int32_t mode, int64_t i, int64_t size);
void oracle_fill_norms(const cli_convolution *c, double least, double *times, double *to);
void oracle_fill_filters(const cli_convolution *c, double least, double *to);
void oracle_free(cli_oracle *oracle);
/* Run a float64 convolution by the reference algorithm. */
bool oracle_reference(conv2d_device *device, cli_convolution *c, cli_error *error);

typedef struct cli_check {
    uint64_t n, n_bad;
    double max_error; /* over elements with a finite exact value */
    double max_ratio; /* of error to bound */
    int64_t at[4];    /* first element beyond its bound: its index, value, exact value, bound */
    double value, exact, bound;
} cli_check;

/* Compare c->output. If integers, all data are integers with s < 2^24: activations without rounding
 * must then give the exact bits, but for those with a tile, which have their bound. */
cli_check oracle_compare(const cli_oracle *oracle, const cli_convolution *c, bool integers);

/* "element (0, 1, 2, 3) is ..., exact ...: ..." */
enum { ORACLE_TEXT_BYTES = 400 };
void oracle_describe(const cli_check *check, char text[ORACLE_TEXT_BYTES]);

json_t *oracle_report(const cli_check *check);

#endif
