/* SPDX-License-Identifier: BSD-2-Clause
 * A case's tensors as a device takes them: where they lie for the CPU, copied byte by byte into
 * buffers (and the output back) for a device with memory of its own that the host can address. */
#ifndef TEST_CASE_STAGE_H
#define TEST_CASE_STAGE_H

#include "case_data.h"

typedef struct case_stage {
    case_place *place;
    conv2d_device *device;
    conv2d_problem problem; /* tensors to pass to the library */
    conv2d_buffer *buffers[CASE_TENSORS];
} case_stage;

/* The output is reset. CONV2D_OK, or the status of the call that failed; nothing to free then. */
conv2d_status case_stage_make(case_place *place, conv2d_device *device, case_stage *stage_out);
/* Wait for the device, and put the output back to what it was before any run. */
conv2d_status case_stage_reset(case_stage *stage);
/* Wait for the device, copy the output's memory to the place, free the buffers; the first failure
 * of the two that there is, run's (the argument) first. */
conv2d_status case_stage_end(case_stage *stage, conv2d_status run);

#endif
