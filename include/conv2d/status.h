/* SPDX-License-Identifier: BSD-2-Clause
 * Status codes: one list of code, value and text. Values are stable; new ones are appended. */
#ifndef CONV2D_STATUS_H
#define CONV2D_STATUS_H

/* X(name, value, text): a value given twice does not compile (status.c switches over them). */
#define CONV2D_STATUS_LIST(X)                                                                     \
    X(CONV2D_OK, 0, "no error")                                                                   \
    X(CONV2D_E_ARGUMENT, 1, "an argument is NULL, of unknown value or contradicts another")       \
    X(CONV2D_E_SHAPE, 2, "a shape does not fit the others")                                       \
    X(CONV2D_E_DTYPE, 3, "a data type is unknown or does not fit the others")                     \
    X(CONV2D_E_STRIDE, 4, "strides overlap where they may not, or data is misaligned")            \
    X(CONV2D_E_OVERFLOW, 5, "a size does not fit into 63 bits or into memory")                    \
    X(CONV2D_E_NOMEM, 6, "out of memory")                                                         \
    X(CONV2D_E_UNSUPPORTED, 7, "no algorithm accepts this problem")                               \
    X(CONV2D_E_DEVICE, 8, "the device cannot be opened, was lost, or failed")                     \
    X(CONV2D_E_STATE, 9, "the object is not in a state that allows the call")                     \
    X(CONV2D_E_CANCELLED, 10, "the run was cancelled")                                            \
    X(CONV2D_E_SYNTAX, 11, "a text cannot be parsed")                                             \
    X(CONV2D_E_IO, 12, "a file cannot be read or written")

typedef enum conv2d_status {
#define CONV2D_STATUS_ENUM(name, value, text) name = value,
    CONV2D_STATUS_LIST(CONV2D_STATUS_ENUM)
#undef CONV2D_STATUS_ENUM
} conv2d_status;

#endif
