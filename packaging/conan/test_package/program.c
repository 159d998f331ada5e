/* SPDX-License-Identifier: BSD-2-Clause
 * Convolves four ones with a kernel of ones through the packaged library; exit status 0 if the sum
 * is 4 and the version of the library is the header's. */
#include <conv2d/conv2d.h>
#include <stdio.h>

int main(void)
{
    float ones[4] = {1, 1, 1, 1}, sum = 0;
    conv2d_tensor input = conv2d_tensor_f32(ones, CONV2D_NCHW, 1, 1, 2, 2);
    conv2d_tensor output = conv2d_tensor_f32(&sum, CONV2D_NCHW, 1, 1, 1, 1);
    if (conv2d(NULL, &input, &input, NULL, NULL, NULL, &output) != CONV2D_OK) {
        fprintf(stderr, "%s\n", conv2d_last_error());
        return 1;
    }
    printf("conv2d %s: %g\n", conv2d_version(), (double)sum);
    return sum != 4 ||
           conv2d_version_number() >> 8 != (CONV2D_VERSION_MAJOR << 8 | CONV2D_VERSION_MINOR);
}
