/* SPDX-License-Identifier: BSD-2-Clause
 * Software Metal's own functions, for tests: what was found, what is alive, and failures to order.
 * A test looks them up with dlsym() in the library that CONV2D_METAL_LIBRARY names, or links it.
 * Environment variables are described in README.md. */
#ifndef SOFTWARE_METAL_H
#define SOFTWARE_METAL_H

#ifdef __cplusplus
extern "C" {
#endif

/* Violations reported so far; only a process that continues after them lives to ask. */
int software_metal_violations(void);
/* Text of the latest violation, "" if there was none. Valid until the next one. */
const char *software_metal_last_violation(void);
/* Objects that are alive, once the committed work is done and let go. */
long software_metal_live_objects(void);
/* Report each living object as a leak; gives how many there are. Done at exit as well. */
int software_metal_report_leaks(void);
/* Let the nth (1 = next) operation of a kind fail once: "device", "queue", "buffer", "library",
 * "function", "pipeline", "encoder", "data" (a library of data), "archive", "archiveadd",
 * "archivewrite" (nil or NO, with an NSError where there is one), or "command" (the command buffer
 * ends with that MTLCommandBufferError code, its work undone). nth 0: none. */
int software_metal_fail(const char *what, int nth, long code);
/* Wait before each command buffer is carried out, so that what does not wait is seen not to. */
void software_metal_delay(long microseconds);
/* Pipelines found in a binary archive so far. */
long software_metal_archive_hits(void);
/* Dispatches, threads and command buffers since the start. */
void software_metal_counts(long *dispatches_out, long *threads_out, long *command_buffers_out);

#ifdef __cplusplus
}
#endif
#endif
