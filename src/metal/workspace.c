/* SPDX-License-Identifier: BSD-2-Clause
 * A plan's workspaces: finding one for a run. */
#include "metal/workspace.h"

static conv2d_status add(c2_metal_workspaces *list, c2_metal_workspace **workspace_out)
{
    conv2d_device *device = list->device;
    c2_metal_workspace *w = c2_alloc_zero(&device->allocator, sizeof *w);
    if (!w)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a workspace");
    conv2d_status s = c2_metal_buffer_create(device, list->bytes, &w->buffer);
    if (s) {
        c2_free(&device->allocator, w, sizeof *w);
        return s;
    }
    w->borrowed = 1;
    c2_metal_device *d = c2_metal_of(device);
    c2_mutex_lock(&d->lock);
    w->next = list->first;
    list->first = w;
    c2_mutex_unlock(&d->lock);
    *workspace_out = w;
    return CONV2D_OK;
}

conv2d_status c2_metal_workspaces_create(conv2d_device *device, size_t bytes,
                                         c2_metal_workspaces **list_out)
{
    c2_metal_workspaces *list = c2_alloc_zero(&device->allocator, sizeof *list);
    if (!list)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's workspaces");
    list->device = device;
    list->bytes = bytes;
    c2_metal_workspace *w = NULL;
    conv2d_status s = add(list, &w);
    if (s) {
        c2_metal_workspaces_destroy(list);
        return s;
    }
    c2_metal_workspace_give(list, w);
    *list_out = list;
    return CONV2D_OK;
}

void c2_metal_workspaces_destroy(c2_metal_workspaces *list)
{
    if (!list)
        return;
    const conv2d_allocator allocator = list->device->allocator;
    while (list->first) {
        c2_metal_workspace *w = list->first;
        list->first = w->next;
        c2_metal_buffer_destroy(w->buffer);
        c2_free(&allocator, w, sizeof *w);
    }
    c2_free(&allocator, list, sizeof *list);
}

conv2d_status c2_metal_workspace_take(c2_metal_workspaces *list, const c2_run_args *args,
                                      c2_metal_workspace **workspace_out)
{
    c2_metal_device *d = c2_metal_of(list->device);
    const c2_metal_queue *queue = args->queue ? (c2_metal_queue *)args->queue : &d->queue;
    c2_metal_workspace *found = NULL;
    c2_mutex_lock(&d->lock);
    for (c2_metal_workspace *w = list->first; w; w = w->next) {
        const bool in_use = w->borrowed || ((c2_metal_buffer *)w->buffer)->pending;
        if (w->queue == queue || (!in_use && !found))
            found = w;
        if (w->queue == queue)
            break;
    }
    if (found) {
        found->queue = queue;
        found->borrowed++;
    }
    c2_mutex_unlock(&d->lock);
    if (!found) {
        conv2d_status s = add(list, &found);
        if (s)
            return s;
        c2_mutex_lock(&d->lock);
        found->queue = queue;
        c2_mutex_unlock(&d->lock);
    }
    *workspace_out = found;
    return CONV2D_OK;
}

void c2_metal_workspace_give(c2_metal_workspaces *list, c2_metal_workspace *workspace)
{
    c2_metal_device *d = c2_metal_of(list->device);
    c2_mutex_lock(&d->lock);
    workspace->borrowed--;
    c2_mutex_unlock(&d->lock);
}
