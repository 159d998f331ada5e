/* SPDX-License-Identifier: BSD-2-Clause
 * What the tests of the Metal backend share: a device on software Metal (the library that the
 * environment variable CONV2D_METAL_LIBRARY names), its controls, and tensors in buffers. */
#ifndef TEST_METAL_HELPERS_H
#define TEST_METAL_HELPERS_H

#include "helpers.h"

/* Software Metal's own functions, by name in its library. */
typedef struct software {
    long (*live_objects)(void);
    int (*fail_nth)(const char *what, int nth, long code);
    void (*delay)(long microseconds);
    long (*archive_hits)(void);
    void *handle;
} software;
extern software soft;

/* Ends the program with 77 (skipped) if the environment names no software Metal. */
void software_open(void);
/* Fail unless no object of Metal's is left. Handlers that give back the last
 * references run on Metal's threads: they get two seconds. */
void assert_nothing_alive(void);
conv2d_device *open_metal(const conv2d_allocator *allocator);

/* Lines that a device logs, one after the other. */
typedef struct log_text {
    char text[4096];
    int lines;
} log_text;
/* A device that logs, and one small convolution on it, checked. */
conv2d_device *open_logging(log_text *log);
void check_one(conv2d_device *device, int32_t activation);

/* A tensor in a buffer of its own, with the box's description; contents as the box's. */
typedef struct device_box {
    conv2d_tensor t;
    conv2d_buffer *buffer;
} device_box;
device_box device_box_of(conv2d_device *device, const box *b);
void device_box_read(const device_box *d, box *b);
void device_box_free(device_box *d);

/* One run of a context from boxes to a box through buffers, waited for. */
conv2d_status run_on(conv2d_device *device, conv2d_context *context, const box *input,
                     const box *residual, box *output);
/* prepack, run_on, destroy. */
conv2d_status convolve_on(conv2d_device *device, const box *input, const box *weight,
                          const box *bias, const box *residual, const conv2d_params *params,
                          box *output);

#endif
