/* SPDX-License-Identifier: BSD-2-Clause
 * Tuning: measure instead of estimate, and keep what was found as text.
 * Included by conv2d.h; a program includes that one. docs/wisdom.md walks through it.
 *
 * Wisdom belongs to a device: a list of problems and the candidate that was fastest for each. Plans
 * made on the device look there first; it changes neither plans that exist nor contexts' cached
 * ones (conv2d_context_release_resources() drops those). params.algorithm beats wisdom. A candidate
 * that refuses the problem now (say, because weights are infinite) is passed over, and the plan's
 * text says so. Nothing is tuned, read or written unless one of these functions is called. */
#ifndef CONV2D_TUNE_H
#define CONV2D_TUNE_H

#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct conv2d_problem;
struct conv2d_plan;

/** Options of conv2d_tune(). Zero or NULL in a member means its default. */
typedef struct conv2d_tune_options {
    uint32_t struct_size; /**< sizeof(conv2d_tune_options) */
    int32_t reserved;     /**< 0 */
    double seconds;       /**< about how long to measure; 0 = 0.5. Every candidate has a turn at
                               least, but those that the model expects to take a quarter of this and
                               20 times as long as the cheapest. */
    void (*progress)(void *user, int done, int total,
                     const char *text); /**< called now and then in the calling thread; text, valid
                                             during the call, is the candidate just measured */
    void *user;                         /**< handed to progress */
    conv2d_cancel *cancel;              /**< borrowed or NULL; looked at between runs */
} conv2d_tune_options;
#define CONV2D_TUNE_OPTIONS_INIT {sizeof(conv2d_tune_options), 0, 0, NULL, NULL, NULL}

/** Measure every candidate that accepts a problem (with its dtype, accuracy and workspace_limit) on
 *  this device, in turns, each by the least of many runs, on random data made inside. The fastest
 *  becomes wisdom of the device, in place of what it knew of the problem; the model's choice is
 * kept unless another one is 2 % faster. Plans of the equal problem made later use it: equal in
 *  everything but its name, the weights' strides and how same padding or a batch of one is written.
 *  device   borrowed. Its pool does the work: run nothing else on it meanwhile.
 *  problem  borrowed; params.algorithm must be NULL.
 *  options  borrowed or NULL for defaults.
 *  plan_out given or NULL; a plan as from conv2d_explain() whose candidates carry measured_seconds;
 *           free with conv2d_plan_destroy().
 *  Returns  as conv2d_explain(); CONV2D_E_CANCELLED; CONV2D_E_STATE if the device's wisdom is full
 *           (65,536 problems); failures of the device. Unless it is CONV2D_OK, wisdom is unchanged.
 *  Threads  any, with a device of its own for times that mean something. Since 0.1 */
CONV2D_API conv2d_status conv2d_tune(conv2d_device *device, const struct conv2d_problem *problem,
                                     const conv2d_tune_options *options,
                                     struct conv2d_plan **plan_out);

/** Write the device's wisdom as text, one line a problem. It fits a device of the same backend,
 *  instruction set and processor model, and this version of the library.
 *  text, capacity, length_out  as conv2d_plan_text().
 *  Returns  CONV2D_OK (also when cut) or CONV2D_E_ARGUMENT. Threads any; wisdom that another thread
 *           adds between asking for the length and writing makes the text longer. Since 0.1 */
CONV2D_API conv2d_status conv2d_wisdom_export(conv2d_device *device, char *text, size_t capacity,
                                              size_t *length_out);

/** Add the wisdom in a text to the device's; where both know a problem, the text wins. All of it or
 *  nothing.
 *  text     borrowed; length bytes (at most 64 MiB), need not end in 0.
 *  Returns  CONV2D_OK; CONV2D_E_SYNTAX for anything conv2d_wisdom_export() does not write, damage
 *           included; CONV2D_E_ARGUMENT for wisdom of another version, machine or set of kernels;
 *           CONV2D_E_STATE if there is no room; CONV2D_E_NOMEM. The sentence has the line's number.
 *           On error wisdom is unchanged. Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_wisdom_import(conv2d_device *device, const char *text,
                                              size_t length);

/** Empty the device's wisdom. NULL is allowed. Threads any. Since 0.1 */
CONV2D_API void conv2d_wisdom_forget(conv2d_device *device);

#ifdef __cplusplus
}
#endif
#endif
