/* SPDX-License-Identifier: BSD-2-Clause
 * Memory between the dispatches of a run, on the GPU: a plan's workspaces. Runs on one queue share
 * one, since Metal lets command buffers of a queue that write one buffer follow one another; a run
 * on another queue takes one that no run uses, or a new one, which is kept. */
#ifndef C2_METAL_WORKSPACE_H
#define C2_METAL_WORKSPACE_H

#include "metal/internal.h"

typedef struct c2_metal_workspace {
    struct c2_metal_workspace *next;
    conv2d_buffer *buffer;
    const c2_metal_queue *queue; /* of the last run */
    int borrowed;                /* runs between taking it and their commit */
} c2_metal_workspace;

typedef struct c2_metal_workspaces {
    conv2d_device *device;
    size_t bytes;              /* of each */
    c2_metal_workspace *first; /* the device's lock guards the list and its members */
} c2_metal_workspaces;

/* With one workspace, so that runs on one queue allocate nothing. */
conv2d_status c2_metal_workspaces_create(conv2d_device *device, size_t bytes,
                                         c2_metal_workspaces **list_out);
/* No run uses them any more. NULL is allowed. */
void c2_metal_workspaces_destroy(c2_metal_workspaces *list);

/* Before a run begins, which is then told of it: c2_metal_use(run, w->buffer, &w->borrowed). Give
 * it back only if no run is committed with it. */
conv2d_status c2_metal_workspace_take(c2_metal_workspaces *list, const c2_run_args *args,
                                      c2_metal_workspace **workspace_out);
void c2_metal_workspace_give(c2_metal_workspaces *list, c2_metal_workspace *workspace);

#endif
