/* SPDX-License-Identifier: BSD-2-Clause
 * Opening context files: bytes, header, the table of contexts and weights. Bytes of tensors are
 * looked at when they are used first, so that opening costs what the header costs. */
#include <inttypes.h>
#include <string.h>

#include "api/check.h"
#include "api/stored.h"
#include "core/text_tables.h"
#include "file/checksum.h"

void c2_file_retain(conv2d_file *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
}

static void free_contents(conv2d_file *f)
{
    const conv2d_allocator *a = &f->allocator;
    if (f->verified)
        c2_free(a, f->verified, f->header.n_tensors);
    c2_free(a, f->contexts, (size_t)f->n_contexts * sizeof *f->contexts);
    c2_free(a, f->weights, (size_t)f->n_weights * sizeof *f->weights);
    c2_safetensors_free(&f->header);
    if (!f->borrowed && f->source.bytes)
        c2_disk_free(a, &f->source);
    c2_free(a, f->label, f->label_bytes);
}

void c2_file_release(conv2d_file *f)
{
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    const conv2d_allocator allocator = f->allocator;
    free_contents(f);
    c2_mutex_destroy(&f->mutex);
    c2_free(&allocator, f, sizeof *f);
}

bool c2_file_is_foreign(const conv2d_file *f)
{
    return f->borrowed || f->source.mapped;
}

const void *c2_file_data(const conv2d_file *f, const c2_st_tensor *t)
{
    return (const char *)f->source.bytes + f->header.data_offset + t->begin;
}

conv2d_status c2_file_verify(conv2d_file *f, const c2_st_tensor *t, const conv2d_pool *pool)
{
    atomic_uchar *verified = &f->verified[t - f->header.tensors];
    if (f->unchecked || atomic_load_explicit(verified, memory_order_relaxed))
        return CONV2D_OK;
    char key[512], digits[24];
    c2_text text = {key, sizeof key, 0};
    c2_text_add(&text, "xxh64:%s", t->name);
    const char *stated = text.length < sizeof key ? c2_safetensors_value(&f->header, key) : NULL;
    text = (c2_text){digits, sizeof digits, 0};
    c2_text_add(&text, "%016" PRIx64, c2_checksum_tensor(pool, c2_file_data(f, t), t->bytes));
    if (!stated || strcmp(stated, digits) != 0)
        return c2_fail(CONV2D_E_IO, "%s: tensor \"%.120s\" is damaged (checksum)", f->label,
                       t->name);
    atomic_store_explicit(verified, 1, memory_order_relaxed);
    return CONV2D_OK;
}

const c2_st_tensor *c2_file_form(const conv2d_file *f, int weights, const c2_packed_key *key,
                                 size_t packed_bytes)
{
    char name[512];
    c2_text text = {name, sizeof name, 0};
    c2_text_add(&text, "%s.packed/%s", f->weights[weights].stem, key->text);
    const c2_st_tensor *t =
        text.length < sizeof name ? c2_safetensors_tensor(&f->header, name) : NULL;
    /* Another size than this build would pack is another form, whatever its name says. */
    const bool fits = t && t->dtype == CONV2D_UINT8 && t->rank == 1 &&
                      packed_bytes <= SIZE_MAX - C2_ALIGN &&
                      t->bytes == c2_round_up(packed_bytes, C2_ALIGN) &&
                      (uintptr_t)c2_file_data(f, t) % C2_ALIGN == 0;
    return fits ? t : NULL;
}

void c2_file_forms(const conv2d_file *f, int weights,
                   void (*visit)(void *user, const char *key, const c2_st_tensor *tensor),
                   void *user)
{
    const char *stem = f->weights[weights].stem;
    const size_t length = strlen(stem), mark = sizeof ".packed/" - 1;
    for (size_t i = 0; i < f->header.n_tensors; i++) {
        const c2_st_tensor *t = &f->header.tensors[i];
        if (strncmp(t->name, stem, length) == 0 &&
            strncmp(t->name + length, ".packed/", mark) == 0 && t->dtype == CONV2D_UINT8)
            visit(user, t->name + length + mark, t);
    }
}

/* ---- the table of contents ---- */

static conv2d_status broken(const conv2d_file *f, const char *what, int i)
{
    return c2_fail(CONV2D_E_IO, "%s: %s %d is missing or wrong in the header", f->label, what, i);
}

static const char *value_of(const conv2d_file *f, const char *what, int i, const char *suffix)
{
    char key[40];
    c2_text text = {key, sizeof key, 0};
    c2_text_add(&text, "%s.%d%s", what, i, suffix);
    return c2_safetensors_value(&f->header, key);
}

static const c2_st_tensor *tensor_of(const conv2d_file *f, const char *stem, const char *suffix)
{
    char name[512];
    c2_text text = {name, sizeof name, 0};
    c2_text_add(&text, "%s%s", stem, suffix);
    return text.length < sizeof name ? c2_safetensors_tensor(&f->header, name) : NULL;
}

/* A tensor of a computable dtype whose bytes lie at a multiple of its element. */
static bool usable(const conv2d_file *f, const c2_st_tensor *t, int rank)
{
    const size_t element = (size_t)conv2d_dtype_bytes(t->dtype);
    return t->dtype != CONV2D_UINT8 && t->rank == rank &&
           (uintptr_t)c2_file_data(f, t) % element == 0;
}

/* "finite=1 bias=0", and " form=alike" behind it if the form is not any. */
static bool read_facts(const char *text, c2_stored_weights *w, bool *bias_out)
{
    static const size_t length = sizeof "finite=0 bias=0" - 1, mark = sizeof " form=" - 1;
    if (strlen(text) < length || strncmp(text, "finite=", 7) != 0 ||
        strncmp(text + 8, " bias=", 6) != 0 || !strchr("01", text[7]) || !strchr("01", text[14]))
        return false;
    w->finite = text[7] == '1';
    w->form = CONV2D_WEIGHTS_ANY;
    *bias_out = text[14] == '1';
    if (!text[length])
        return true;
    if (!w->finite || strncmp(text + length, " form=", mark) != 0)
        return false;
    for (const c2_word *word = c2_words_form; word->word; word++)
        if (word->value && strcmp(text + length + mark, word->word) == 0)
            w->form = (conv2d_weights_form)word->value;
    return w->form != CONV2D_WEIGHTS_ANY;
}

static conv2d_status read_weights(conv2d_file *f, int i)
{
    c2_stored_weights *w = &f->weights[i];
    const char *facts = value_of(f, "weights", i, "");
    w->stem = value_of(f, "weights", i, ".name");
    bool has_bias;
    if (!facts || !w->stem || !read_facts(facts, w, &has_bias))
        return broken(f, "weights", i);
    w->weight = tensor_of(f, w->stem, ".weight");
    w->bias = has_bias ? tensor_of(f, w->stem, ".bias") : NULL;
    if (!w->weight || !usable(f, w->weight, 4) ||
        (has_bias && (!w->bias || !usable(f, w->bias, 1))))
        return c2_fail(CONV2D_E_IO,
                       "%s: \"%.60s\" lacks a weight or bias of fitting dtype and rank", f->label,
                       w->stem);
    return CONV2D_OK;
}

static conv2d_status read_context(conv2d_file *f, int i)
{
    c2_stored_context *c = &f->contexts[i];
    const char *text = value_of(f, "context", i, "");
    c->name = value_of(f, "context", i, ".name");
    if (!text || !c->name || !c2_stored_params_read(text, c) || c->weights >= f->n_weights)
        return broken(f, "context", i);
    c->params.algorithm = c->algorithm[0] ? c->algorithm : NULL;
    conv2d_params checked;
    return c2_check_params(&c->params, &checked) ? broken(f, "context", i) : CONV2D_OK;
}

/* A number of entries in the header; at most as many as it has lines. */
static bool read_count(const conv2d_file *f, const char *key, int *out)
{
    uint64_t n;
    const char *text = c2_safetensors_value(&f->header, key);
    if (!text || !c2_stored_count(text, f->header.n_pairs, &n))
        return false;
    *out = (int)n;
    return true;
}

static conv2d_status read_contents(conv2d_file *f)
{
    int n_contexts, n_weights;
    if (!read_count(f, "contexts", &n_contexts) || !read_count(f, "weights", &n_weights))
        return c2_fail(CONV2D_E_IO, "%s: the header does not say how many contexts it has",
                       f->label);
    f->verified = c2_alloc_zero(&f->allocator, f->header.n_tensors);
    f->contexts = c2_alloc_zero(&f->allocator, (size_t)n_contexts * sizeof *f->contexts);
    f->n_contexts = f->contexts ? n_contexts : 0;
    f->weights = c2_alloc_zero(&f->allocator, (size_t)n_weights * sizeof *f->weights);
    f->n_weights = f->weights ? n_weights : 0;
    if (!f->verified || !f->contexts || !f->weights)
        return c2_fail(CONV2D_E_NOMEM, "no memory for %d contexts", n_contexts);
    conv2d_status s = CONV2D_OK;
    for (int i = 0; i < n_weights && !s; i++)
        s = read_weights(f, i);
    for (int i = 0; i < n_contexts && !s; i++)
        s = read_context(f, i);
    return s;
}

/* ---- opening ---- */

static conv2d_status check_options(const conv2d_load_options *options, conv2d_load_options *out)
{
    static const conv2d_load_options defaults = CONV2D_LOAD_OPTIONS_INIT;
    const conv2d_load_options *o = options ? options : &defaults;
    if (o->struct_size < sizeof *o)
        return c2_fail(CONV2D_E_ARGUMENT, "options.struct_size is %" PRIu32 ": expected %zu",
                       o->struct_size, sizeof *o);
    const int32_t flags[] = {o->read, o->skip_checksums, o->reserved};
    static const char *const names[] = {"read", "skip_checksums", "reserved"};
    for (int i = 0; i < 3; i++)
        if (flags[i] < 0 || flags[i] > (i < 2))
            return c2_fail(CONV2D_E_ARGUMENT, "options.%s is %" PRId32 ": expected %s", names[i],
                           flags[i], i < 2 ? "0 or 1" : "0");
    *out = *o;
    return CONV2D_OK;
}

/* A file without bytes yet. */
static conv2d_status make(const char *label, const conv2d_load_options *options,
                          conv2d_file **file_out)
{
    const conv2d_allocator allocator = c2_allocator_or_default(NULL);
    conv2d_file *f = c2_alloc_zero(&allocator, sizeof *f);
    if (!f)
        return c2_fail(CONV2D_E_NOMEM, "no memory for an open file");
    f->allocator = f->header.allocator = allocator;
    f->unchecked = options->skip_checksums != 0;
    atomic_init(&f->refs, 1);
    f->label_bytes = strlen(label) + 1;
    f->label = c2_alloc(&allocator, f->label_bytes);
    if (!f->label || !c2_mutex_init(&f->mutex)) {
        c2_free(&allocator, f->label, f->label_bytes);
        c2_free(&allocator, f, sizeof *f);
        return c2_fail(CONV2D_E_NOMEM, "no memory for an open file");
    }
    memcpy(f->label, label, f->label_bytes);
    *file_out = f;
    return CONV2D_OK;
}

static conv2d_status finish(conv2d_file *f, conv2d_file **file_out)
{
    conv2d_status s =
        c2_safetensors_read(f->label, f->source.bytes, f->source.n, &f->allocator, &f->header);
    if (s || (s = read_contents(f)))
        c2_file_release(f);
    else
        *file_out = f;
    return s;
}

conv2d_status conv2d_file_open(const char *path, const conv2d_load_options *options,
                               conv2d_file **file_out)
{
    if (!path || !file_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", path ? "file_out" : "path");
    conv2d_load_options o;
    conv2d_file *f;
    conv2d_status s = check_options(options, &o);
    if (s || (s = make(path, &o, &f)))
        return s;
    s = c2_disk_read(path, o.read != 0, &f->allocator, &f->source);
    if (s) {
        c2_file_release(f);
        return s;
    }
    return finish(f, file_out);
}

conv2d_status conv2d_file_open_memory(const void *bytes, size_t n,
                                      const conv2d_load_options *options, conv2d_file **file_out)
{
    if (!bytes || !file_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", bytes ? "file_out" : "bytes");
    conv2d_load_options o;
    conv2d_file *f;
    conv2d_status s = check_options(options, &o);
    if (s || (s = make("context in memory", &o, &f)))
        return s;
    f->borrowed = !o.read && (uintptr_t)bytes % C2_ALIGN == 0;
    f->source = (c2_disk_bytes){bytes, n, false};
    if (!f->borrowed) {
        void *copy = c2_alloc(&f->allocator, n);
        f->source.bytes = copy;
        if (!copy) {
            c2_file_release(f);
            return c2_fail(CONV2D_E_NOMEM, "no memory for a copy of %zu bytes", n);
        }
        memcpy(copy, bytes, n);
    }
    return finish(f, file_out);
}

int conv2d_file_count(const conv2d_file *file)
{
    return file ? file->n_contexts : 0;
}

const char *conv2d_file_name(const conv2d_file *file, int i)
{
    return file && i >= 0 && i < file->n_contexts ? file->contexts[i].name : NULL;
}

void conv2d_file_close(conv2d_file *file)
{
    c2_file_release(file);
}
