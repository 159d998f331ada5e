/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd whose transforms all workers read: no random problem has so many channels. Plans of
 * several threads make them in tasks of their own and get the bits of one thread. */
#include <string.h>

#include "whole_layer.h"

static void check(const char *text, const char *algorithm)
{
    conv2d_problem p;
    expect(conv2d_problem_parse(text, &p) == CONV2D_OK, "problem", text);
    const size_t n_out = elements(&p.output), bytes = n_out * sizeof(float);
    float *input = filled(elements(&p.input)), *weight = filled(elements(&p.weight));
    float *one = filled(n_out), *several = filled(n_out);
    p.params.algorithm = algorithm;
    p.input.data = input;
    p.weight.data = weight;
    p.output.data = one;
    expect(run(text, &p, 1) == 0, "shared on one thread", text);
    size_t shared = 0;
    p.output.data = several;
    for (int threads = 2; threads <= 4; threads++) {
        memset(several, 0xff, bytes);
        shared += run(text, &p, threads);
        expect(memcmp(one, several, bytes) == 0, "other bits", text);
    }
    expect(shared > 0, "nothing shared", text);
    free(input);
    free(weight);
    free(one);
    free(several);
}

int main(void)
{
    check("ic1024ih14oc64kh3ph1", "split3_f4x3");
    check("ic2050ih13oc70kh3ph1:in=nhwc:out=nhwc", "split3_f4x3");
    check("ic2048ih12oc64kh3ph1:in=nhwc:out=nchw", "split3_f2x3");
    check("mb2ic700ih15oc64oh7kh3sh2", "split3_f2x3");
    printf("common_tiles: %d failures\n", failures);
    return failures ? 1 : 0;
}
