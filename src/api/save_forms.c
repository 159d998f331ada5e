/* SPDX-License-Identifier: BSD-2-Clause
 * The packed forms that go into a file: those that contexts hold, those of the file they came from,
 * and those that given inputs need at given instruction sets. */
#include <inttypes.h>
#include <string.h>

#include "api/check.h"
#include "api/save.h"
#include "core/dtype.h"

static bool has_form(const c2_saver *v, int weights, const char *key)
{
    for (const c2_form *f = v->forms; f; f = f->next)
        if (f->weights == weights && strcmp(f->key.text, key) == 0)
            return true;
    return false;
}

static void drop(c2_saver *v, c2_form *f)
{
    if (f->packed)
        c2_packed_release(v->weights[f->weights], f->packed);
    if (f->buffer)
        f->buffer->device->backend->buffer_destroy(f->buffer);
    c2_free(&v->allocator, f->copy, f->n);
    c2_free(&v->allocator, f, sizeof *f);
}

static conv2d_status new_form(const c2_saver *v, int weights, const char *key, c2_form **form_out)
{
    c2_form *f = c2_alloc_zero(&v->allocator, sizeof *f);
    if (!f)
        return c2_fail(CONV2D_E_NOMEM, "no memory to list packed weights");
    f->weights = weights;
    c2_text text = {f->key.text, sizeof f->key.text, 0};
    c2_text_add(&text, "%s", key);
    *form_out = f;
    return CONV2D_OK;
}

static void keep(c2_saver *v, c2_form *f)
{
    *v->last_form = f;
    v->last_form = &f->next;
}

/* Point the form at the bytes of a buffer; through a copy if they need padding or the host cannot
 * address them. */
static conv2d_status read_buffer(const c2_saver *v, c2_form *f, conv2d_buffer *buffer)
{
    f->n = c2_round_up(buffer->bytes, C2_ALIGN);
    f->bytes = buffer->host;
    if (f->bytes && f->n == buffer->bytes)
        return CONV2D_OK;
    f->copy = c2_alloc_zero(&v->allocator, f->n);
    if (!f->copy)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a copy of %zu packed bytes", f->n);
    f->bytes = f->copy;
    if (buffer->host) {
        memcpy(f->copy, buffer->host, buffer->bytes);
        return CONV2D_OK;
    }
    conv2d_tensor there = CONV2D_TENSOR_INIT;
    there.dtype = CONV2D_UINT8;
    there.rank = 1;
    there.sizes[0] = (int64_t)buffer->bytes;
    there.strides[0] = 1;
    conv2d_tensor here = there;
    there.buffer = buffer;
    here.data = f->copy;
    return buffer->device->backend->download(&there, &here);
}

/* ---- what is there already ---- */

typedef struct stored_visit {
    c2_saver *v;
    int weights;
    conv2d_status status;
} stored_visit;

static void add_stored(void *user, const char *key, const c2_st_tensor *t)
{
    stored_visit *visit = user;
    c2_weights *w = visit->v->weights[visit->weights];
    conv2d_file *file = w->file;
    const conv2d_pool *pool = &w->device->pool;
    c2_form *f = NULL;
    if (visit->status || has_form(visit->v, visit->weights, key) ||
        (visit->status = c2_file_verify(file, t, pool)) ||
        (visit->status = new_form(visit->v, visit->weights, key, &f)))
        return;
    f->bytes = c2_file_data(file, t);
    f->n = t->bytes;
    keep(visit->v, f);
}

/* One packed form of the weights that the list lacks, with a reference; NULL if none is left. */
static c2_packed *next_held(const c2_saver *v, int weights)
{
    c2_weights *w = v->weights[weights];
    c2_mutex_lock(&w->mutex);
    c2_packed *p = w->packed;
    while (p && has_form(v, weights, p->key.text))
        p = p->next;
    if (p)
        p->refs++;
    c2_mutex_unlock(&w->mutex);
    return p;
}

static conv2d_status add_packed(c2_saver *v, int weights, c2_packed *p)
{
    c2_form *f = NULL;
    conv2d_status s = new_form(v, weights, p->key.text, &f);
    if (s) {
        c2_packed_release(v->weights[weights], p);
        return s;
    }
    f->packed = p;
    if ((s = read_buffer(v, f, p->buffer)))
        drop(v, f);
    else
        keep(v, f);
    return s;
}

static conv2d_status add_held(c2_saver *v, int weights)
{
    conv2d_status s = CONV2D_OK;
    for (c2_packed *p; !s && (p = next_held(v, weights)) != NULL;)
        s = add_packed(v, weights, p);
    if (s || !v->weights[weights]->file)
        return s;
    stored_visit visit = {v, weights, CONV2D_OK};
    c2_file_forms(v->weights[weights]->file, v->weights[weights]->stored, add_stored, &visit);
    return visit.status;
}

/* ---- what given inputs need ---- */

static const char *isa_of(const conv2d_device *device)
{
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    info.isa = info.isa_detected = info.features = info.model = "";
    return device->backend->info(device, &info) ? "" : info.isa;
}

/* The device itself if that is its level, else one that only packs. */
static conv2d_status level_device(c2_saver *v, conv2d_device *own, const char *isa,
                                  conv2d_device **device_out)
{
    *device_out = own;
    if (strcmp(isa_of(own), isa) == 0)
        return CONV2D_OK;
    for (int i = 0; i < v->n_levels; i++) {
        *device_out = v->levels[i];
        if (v->levels[i]->backend == own->backend && strcmp(isa_of(v->levels[i]), isa) == 0)
            return CONV2D_OK;
    }
    if (v->n_levels == C2_SAVE_LEVELS)
        return c2_fail(CONV2D_E_ARGUMENT, "options.isas is \"%.60s\": too many levels",
                       v->options->isas);
    const conv2d_status s = own->backend->open_level(isa, &v->allocator, device_out);
    if (!s)
        v->levels[v->n_levels++] = *device_out;
    return s;
}

static conv2d_status pack_foreign(c2_saver *v, int weights, const c2_problem *problem,
                                  conv2d_device *device, const c2_candidate *c)
{
    c2_weights *w = v->weights[weights];
    const c2_packed_key key = c2_packed_key_of(device, problem, c->algorithm, c->variant);
    const c2_st_tensor *t =
        w->file ? c2_file_form(w->file, w->stored, &key, c->bytes.packed) : NULL;
    if (has_form(v, weights, key.text))
        return CONV2D_OK;
    if (t) {
        stored_visit visit = {v, weights, CONV2D_OK};
        add_stored(&visit, key.text, t);
        return visit.status;
    }
    c2_form *f = NULL;
    conv2d_status s =
        w->file ? c2_file_verify(w->file, w->file->weights[w->stored].weight, &w->device->pool)
                : CONV2D_OK;
    if (s || (s = new_form(v, weights, key.text, &f)))
        return s;
    const c2_weight_view view = {w->weight.data, w->bias.data};
    if ((s = device->backend->buffer_create(device, c->bytes.packed, &f->buffer)) ||
        (s = c->algorithm->pack(device, problem, c->variant, &view, f->buffer)) ||
        (s = read_buffer(v, f, f->buffer))) {
        drop(v, f);
        return s;
    }
    keep(v, f);
    c2_mutex_lock(&w->mutex);
    w->times_packed++;
    c2_mutex_unlock(&w->mutex);
    return CONV2D_OK;
}

static conv2d_status pack_own(c2_saver *v, int weights, const c2_problem *problem,
                              const c2_candidate *c)
{
    c2_packed *p;
    conv2d_status s = c2_packed_get(v->weights[weights], problem, c, &p);
    if (s)
        return s;
    if (!has_form(v, weights, p->key.text))
        return add_packed(v, weights, p);
    c2_packed_release(v->weights[weights], p);
    return CONV2D_OK;
}

static conv2d_status add_level(c2_saver *v, int weights, const c2_problem *problem,
                               conv2d_device *own, const char *isa)
{
    conv2d_device *device = own;
    c2_choice choice;
    conv2d_status s = isa ? level_device(v, own, isa, &device) : CONV2D_OK;
    if (s)
        return s;
    s = c2_choose(device, problem, &choice);
    /* params.algorithm = "igemm_ch/avx512" has no plan at other levels: nothing to store for them
     */
    if (device != own && (s == CONV2D_E_UNSUPPORTED || s == CONV2D_E_ARGUMENT))
        return CONV2D_OK;
    if (s)
        return s;
    const c2_candidate *c = &choice.candidates[choice.chosen];
    s = device == own ? pack_own(v, weights, problem, c)
                      : pack_foreign(v, weights, problem, device, c);
    c2_choice_free(device, &choice);
    return s;
}

/* options.isas, one level after the other. */
static conv2d_status add_levels(c2_saver *v, int weights, const c2_problem *problem,
                                conv2d_device *own)
{
    const char *isas = v->options->isas;
    conv2d_status s = CONV2D_OK;
    if (!isas)
        return add_level(v, weights, problem, own, NULL);
    if (strcmp(isas, "all") == 0) {
        const char *isa;
        s = add_level(v, weights, problem, own, NULL);
        for (int i = 0; !s && (isa = own->backend->level(i)) != NULL; i++)
            s = add_level(v, weights, problem, own, isa);
        return s;
    }
    for (const char *at = isas; !s && at;) {
        char isa[32];
        const size_t n = strcspn(at, ",");
        if (n == 0 || n >= sizeof isa)
            return c2_fail(CONV2D_E_ARGUMENT,
                           "options.isas is \"%.60s\": expected \"all\" or names between commas",
                           isas);
        memcpy(isa, at, n);
        isa[n] = '\0';
        at = at[n] ? at + n + 1 : NULL;
        s = add_level(v, weights, problem, own, isa);
    }
    return s;
}

static int index_of(const c2_saver *v, const c2_weights *w)
{
    int i = 0;
    while (v->weights[i] != w)
        i++;
    return i;
}

static conv2d_status check_input(const conv2d_context *context, const conv2d_tensor *input,
                                 c2_problem *problem_out)
{
    const unsigned ranks = 1u << 3 | 1u << 4;
    conv2d_status s = c2_check_tensor("options.inputs", input, ranks);
    conv2d_problem d;
    if (s)
        return s;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    d.input = *input;
    d.weight = context->weights->weight;
    d.bias = context->weights->bias;
    d.params = context->params;
    d.weights_form = (uint32_t)context->weights->form;
    if ((s = c2_check_problem(&d, problem_out)))
        return s;
    problem_out->weights_finite = context->weights->finite;
    return CONV2D_OK;
}

/* An input for the contexts it fits, of which there must be one. */
static conv2d_status add_input(c2_saver *v, const conv2d_tensor *input)
{
    bool fits = false;
    conv2d_status s = CONV2D_OK, misfit = CONV2D_OK;
    for (int i = 0; i < v->n && !s; i++) {
        const conv2d_context *c = v->contexts[i];
        c2_problem problem;
        if ((misfit = check_input(c, input, &problem)))
            continue;
        fits = true;
        if (problem.n > 0 && problem.oc > 0)
            s = add_levels(v, index_of(v, c->weights), &problem, c->device);
    }
    return s || fits ? s : misfit;
}

conv2d_status c2_save_forms(c2_saver *v)
{
    const conv2d_save_options *o = v->options;
    conv2d_status s = CONV2D_OK;
    if (o->without_packed)
        return s;
    if (o->n_inputs == 0)
        for (int i = 0; i < v->n_weights && !s; i++)
            s = add_held(v, i);
    for (int i = 0; i < o->n_inputs && !s; i++)
        s = add_input(v, &o->inputs[i]);
    return s;
}

void c2_save_forms_free(c2_saver *v)
{
    while (v->forms) {
        c2_form *f = v->forms;
        v->forms = f->next;
        drop(v, f);
    }
    for (int i = 0; i < v->n_levels; i++)
        c2_device_release(v->levels[i]);
}
