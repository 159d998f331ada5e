/* SPDX-License-Identifier: BSD-2-Clause
 * The steps of the sequence fuzzer by name: sequence_steps.c has those in memory, sequence_disk.c
 * those with files; sequence.c has the table. */
#ifndef TEST_FUZZ_SEQUENCE_STEPS_H
#define TEST_FUZZ_SEQUENCE_STEPS_H

#include "sequence.h"

void step_device_open(worker *w);
void step_device_close(worker *w);
void step_wisdom(worker *w);
void step_tune(worker *w);
void step_one_shot(worker *w);
void step_buffer(worker *w);
void step_prepack(worker *w);
void step_with_params(worker *w);
void step_release(worker *w);
void step_context_destroy(worker *w);
void step_info(worker *w);
void step_run(worker *w);
void step_plan_create(worker *w);
void step_plan_run(worker *w);
void step_plan_text(worker *w);
void step_plan_destroy(worker *w);

void step_save(worker *w);
void step_save_several(worker *w);
void step_write(worker *w);
void step_load(worker *w);
void step_file_open(worker *w);
void step_file_open_memory(worker *w);
void step_file_context(worker *w);
void step_file_close(worker *w);

/* An empty slot, locked for writing, becomes the owner of a context. */
void seq_keep_context(worker *w, slot *s, conv2d_context *context, int id, int variant);
/* Bytes a worker's output needs. */
size_t seq_output_room(void);

#endif
