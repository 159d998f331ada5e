/* SPDX-License-Identifier: BSD-2-Clause
 * Runs a case through one of the three ways of the public API. Every buffer is flush against a
 * guard page, at its start or its end by the case's number, and inputs are read-only while the
 * library works. On a device with memory of its own the storages are copied into buffers, and the
 * output's back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "golden/case.h"
#include "support/guard.h"

static void *need_memory(void *pointer)
{
    if (!pointer) {
        fputs("case_run: out of memory\n", stderr);
        exit(2);
    }
    return pointer;
}

/* The storage in guarded memory, and the tensor over it. */
static conv2d_tensor place(const case_tensor *t, int64_t id, guard_buffer *guard)
{
    conv2d_tensor tensor = CONV2D_TENSOR_INIT;
    *guard = guard_alloc(t->storage_bytes, id & 1);
    if (t->storage_bytes)
        memcpy(guard->data, t->storage, t->storage_bytes);
    tensor.dtype = t->dtype;
    tensor.rank = t->rank;
    tensor.data = (unsigned char *)guard->data + (size_t)t->offset * conv2d_dtype_bytes(t->dtype);
    memcpy(tensor.sizes, t->sizes, sizeof tensor.sizes);
    memcpy(tensor.strides, t->strides, sizeof tensor.strides);
    return tensor;
}

/* The same storage in a buffer of the device, if it reads no host memory. */
static conv2d_status move(conv2d_device *device, const case_tensor *from, const void *storage,
                          conv2d_tensor *t, conv2d_buffer **buffer_out)
{
    if (device->backend->host_memory)
        return CONV2D_OK;
    conv2d_status s = conv2d_buffer_create(device, from->storage_bytes, buffer_out);
    if (s)
        return s;
    if (from->storage_bytes)
        memcpy(conv2d_buffer_host_pointer(*buffer_out), storage, from->storage_bytes);
    t->data = NULL;
    t->buffer = *buffer_out;
    t->byte_offset = (uint64_t)from->offset * conv2d_dtype_bytes(from->dtype);
    return CONV2D_OK;
}

/* Arguments of the calls; NULL where absent. */
typedef struct call {
    conv2d_device *device;
    const conv2d_tensor *input, *weight, *bias, *residual;
    conv2d_params params;
    conv2d_tensor *output;
    int64_t id;
} call;

static conv2d_run_args run_args(const call *k)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = k->input;
    args.residual = k->residual;
    args.output = k->output;
    return args;
}

static conv2d_status run_oneshot(const call *k)
{
    return conv2d(k->device, k->input, k->weight, k->bias, k->residual, &k->params, k->output);
}

static conv2d_status run_context(const call *k)
{
    conv2d_context *context = NULL;
    conv2d_status status = conv2d_prepack(k->device, k->weight, k->bias, &k->params, &context);
    if (status)
        return status;
    const conv2d_run_args args = run_args(k);
    status = conv2d_run(context, &args);
    /* The second run finds the plan in the cache; a residual in place would be added twice. */
    if (!status && !(k->residual && k->residual->data == k->output->data &&
                     k->residual->buffer == k->output->buffer))
        status = conv2d_run(context, &args);
    conv2d_context_destroy(context);
    return status;
}

static conv2d_status run_made_plan(conv2d_plan *plan, const call *k)
{
    conv2d_run_args args = run_args(k);
    guard_buffer workspace = {NULL, 0, NULL, 0};
    conv2d_status status = conv2d_workspace_bytes(plan, &args.workspace_bytes);
    if (!status && (k->id & 2) && args.workspace_bytes) {
        workspace = guard_alloc(args.workspace_bytes, args.workspace_bytes % 64 == 0);
        args.workspace = workspace.data;
    }
    if (!status)
        status = conv2d_plan_run(plan, &args);
    guard_free(&workspace);
    return status;
}

static conv2d_status run_plan(const call *k)
{
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    conv2d_status status = conv2d_prepack(k->device, k->weight, k->bias, &k->params, &context);
    if (status)
        return status;
    conv2d_tensor input = *k->input, output = *k->output, residual = {0};
    input.data = output.data = NULL;
    input.buffer = output.buffer = NULL;
    if (k->residual) {
        residual = *k->residual;
        residual.data = NULL;
        residual.buffer = NULL;
    }
    status = conv2d_plan_create(context, &input, k->residual ? &residual : NULL, &output, &plan);
    conv2d_context_destroy(context); /* a plan may outlive it */
    if (!status)
        status = run_made_plan(plan, k);
    conv2d_plan_destroy(plan);
    return status;
}

static conv2d_status (*const runners[CASE_N_ENTRIES])(const call *) = {
    [CASE_ENTRY_ONESHOT] = run_oneshot,
    [CASE_ENTRY_CONTEXT] = run_context,
    [CASE_ENTRY_PLAN] = run_plan,
};

/* An output for a case that expects an error: the right one if there is one, else one pixel. */
static case_tensor make_output(const test_case *c, const case_result *r)
{
    case_tensor t = {.dtype = c->input.dtype, .rank = c->input.rank == 3 ? 3 : 4};
    conv2d_tensor dense = CONV2D_TENSOR_INIT;
    size_t elements = 1;
    dense.rank = t.rank;
    for (int i = 0; i < t.rank; i++) {
        dense.sizes[i] = 1;
        if (!r->sizes_status && r->sizes[i] >= 0 && r->sizes[i] < 4096)
            dense.sizes[i] = r->sizes[i];
        elements *= (size_t)dense.sizes[i];
    }
    conv2d_tensor_set_order(&dense, CONV2D_NCHW);
    memcpy(t.sizes, dense.sizes, sizeof t.sizes);
    memcpy(t.strides, dense.strides, sizeof t.strides);
    t.storage_bytes = elements * 8;
    return t;
}

static void keep_sentence(case_result *r)
{
    snprintf(r->sentence, sizeof r->sentence, "%s", conv2d_last_error());
}

/* The call with its tensors where the device reads them. */
static conv2d_status run_there(call *k, const test_case *c, case_entry entry,
                               const case_tensor *out, guard_buffer guards[4],
                               const guard_buffer *out_guard)
{
    conv2d_buffer *buffers[3] = {NULL, NULL, NULL};
    conv2d_tensor input = *k->input, output = *k->output;
    conv2d_tensor residual = k->residual ? *k->residual : (conv2d_tensor){0};
    conv2d_status s = move(k->device, &c->input, guards[0].data, &input, &buffers[0]);
    if (!s)
        s = move(k->device, out, out_guard->data, &output, &buffers[1]);
    if (!s && c->residual.rank == CASE_RESIDUAL_IS_OUTPUT)
        residual = output;
    else if (!s && k->residual)
        s = move(k->device, &c->residual, guards[3].data, &residual, &buffers[2]);
    k->input = &input;
    k->output = &output;
    k->residual = k->residual ? &residual : NULL;
    if (!s)
        s = runners[entry](k);
    if (!s)
        s = conv2d_device_sync(k->device);
    if (buffers[1] && out->storage_bytes)
        memcpy(out_guard->data, conv2d_buffer_host_pointer(buffers[1]), out->storage_bytes);
    for (int i = 0; i < 3; i++)
        conv2d_buffer_destroy(buffers[i]);
    return s;
}

void case_run(conv2d_device *device, const test_case *c, case_entry entry,
              const char *algorithm, case_result *r)
{
    guard_buffer guards[4] = {{NULL, 0, NULL, 0}};
    guard_buffer *out_guard = need_memory(calloc(1, sizeof *out_guard));
    memset(r, 0, sizeof *r);
    r->guard = out_guard;

    const conv2d_tensor input = place(&c->input, c->id, &guards[0]);
    const conv2d_tensor weight = place(&c->weight, c->id, &guards[1]);
    const conv2d_tensor bias = place(&c->bias, c->id, &guards[2]);
    call k = {.device = device, .input = &input, .weight = &weight, .params = c->params};
    k.params.algorithm = algorithm;
    k.params.weights = c->id & 4 ? CONV2D_WEIGHTS_BORROW : CONV2D_WEIGHTS_COPY;
    k.bias = c->bias.rank || c->bias.storage_bytes ? &bias : NULL;
    k.output = &r->output;
    k.id = c->id;

    r->sizes_status = conv2d_output_sizes(&input, &weight, &k.params, r->sizes);
    if (r->sizes_status)
        keep_sentence(r);
    case_tensor made = c->output;
    if (!made.rank)
        made = make_output(c, r);
    unsigned char *const zeros = need_memory(calloc(1, made.storage_bytes + 1));
    if (!c->output.rank)
        made.storage = zeros;
    r->output = place(&made, c->id, out_guard);
    r->before = need_memory(malloc(made.storage_bytes + 1));
    if (made.storage_bytes)
        memcpy(r->before, out_guard->data, made.storage_bytes);

    conv2d_tensor residual = place(&c->residual, c->id, &guards[3]);
    if (c->residual.rank == CASE_RESIDUAL_IS_OUTPUT)
        residual = r->output;
    k.residual = c->residual.rank ? &residual : NULL;
    for (int i = 0; i < 4; i++)
        guard_protect(&guards[i], false);

    r->status = run_there(&k, c, entry, &made, guards, out_guard);
    if (r->status && !r->sizes_status)
        keep_sentence(r);
    free(zeros);
    for (int i = 0; i < 4; i++)
        guard_free(&guards[i]);
}

void case_result_free(case_result *r)
{
    guard_free(r->guard);
    free(r->guard);
    free(r->before);
    memset(r, 0, sizeof *r);
}
