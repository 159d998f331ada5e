/* SPDX-License-Identifier: BSD-2-Clause
 * See standard_problems.h. Sizes are those of the networks, batch 1. */
#include "standard_problems.h"

#include <stddef.h>

const char *const standard_problems[] = {
    "ic3ih224oc64oh112kh7sh2ph3n\"resnet50/conv1\"",
    "ic64ih56oc128oh56kh3ph1n\"mlx/3x3_64-128_56\":in=nhwc:out=nhwc",
    "ic256ih14oc256oh14kh3ph1n\"resnet50/3x3_256_14\"",
    "ic128ih28oc128oh28kh3ph1n\"resnet50/3x3_128_28\":in=nhwc:out=nhwc",
    "ic256ih56oc64oh56kh1n\"resnet50/1x1_256-64_56\"",
    "ic1024ih14oc256oh14kh1n\"resnet50/1x1_1024-256_14\":in=nhwc:out=nhwc",
    "g32ic128ih56oc128oh56kh3ph1n\"resnext50/3x3_128_56\"",
    "g96ic96ih112oc96oh56kh3sh2ph1n\"mobilenetv2/dw3s2_96_112\"",
    "g144ic144ih56oc144oh56kh3ph1n\"mobilenetv2/dw3_144_56\":in=nhwc:out=nhwc",
    "g96ic96ih56oc96oh56kh7ph3n\"convnext_t/dw7_96_56\"",
    NULL,
};
