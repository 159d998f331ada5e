/* SPDX-License-Identifier: BSD-2-Clause
 * Staging of cases into a device's buffers. Whole images are copied, with what lies between the
 * elements, so that the judgement of the output's memory is the same on every device. */
#include "case_stage.h"

#include <string.h>

#include "backend/backend.h"

static conv2d_status move_tensor(case_stage *s, int which)
{
    conv2d_tensor *t = case_tensor(&s->problem, which);
    const case_image *image = &s->place->data->images[which];
    if (!t->rank || !image->bytes)
        return CONV2D_OK;
    conv2d_status status = conv2d_buffer_create(s->device, image->n_bytes, &s->buffers[which]);
    if (status)
        return status;
    memcpy(conv2d_buffer_host_pointer(s->buffers[which]), s->place->buffers[which].data,
           image->n_bytes);
    t->data = NULL;
    t->buffer = s->buffers[which];
    t->byte_offset = (uint64_t)image->origin * conv2d_dtype_bytes(t->dtype);
    return CONV2D_OK;
}

static void free_buffers(case_stage *s)
{
    for (int i = 0; i < CASE_TENSORS; ++i)
        conv2d_buffer_destroy(s->buffers[i]);
}

conv2d_status case_stage_make(case_place *place, conv2d_device *device, case_stage *stage)
{
    *stage = (case_stage){.place = place, .device = device, .problem = place->problem};
    case_place_reset(place);
    if (device->backend->host_memory)
        return CONV2D_OK;
    static const int moved[] = {CASE_INPUT, CASE_RESIDUAL, CASE_OUTPUT};
    for (int i = 0; i < 3; ++i) {
        if (moved[i] == CASE_RESIDUAL && place->data->source->in_place)
            continue;
        const conv2d_status status = move_tensor(stage, moved[i]);
        if (status) {
            free_buffers(stage);
            return status;
        }
    }
    if (place->data->source->in_place) {
        stage->problem.residual.data = NULL;
        stage->problem.residual.buffer = stage->problem.output.buffer;
        stage->problem.residual.byte_offset = stage->problem.output.byte_offset;
    }
    return CONV2D_OK;
}

conv2d_status case_stage_reset(case_stage *s)
{
    const conv2d_status status = conv2d_device_sync(s->device);
    case_place_reset(s->place);
    if (s->buffers[CASE_OUTPUT])
        memcpy(conv2d_buffer_host_pointer(s->buffers[CASE_OUTPUT]),
               s->place->buffers[CASE_OUTPUT].data, s->place->data->images[CASE_OUTPUT].n_bytes);
    return status;
}

conv2d_status case_stage_end(case_stage *s, conv2d_status run)
{
    const conv2d_status status = conv2d_device_sync(s->device);
    if (s->buffers[CASE_OUTPUT])
        memcpy(s->place->buffers[CASE_OUTPUT].data,
               conv2d_buffer_host_pointer(s->buffers[CASE_OUTPUT]),
               s->place->data->images[CASE_OUTPUT].n_bytes);
    free_buffers(s);
    return run ? run : status;
}
