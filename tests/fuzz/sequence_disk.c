/* SPDX-License-Identifier: BSD-2-Clause
 * Steps on files of contexts. A context is stored under the name "case.variant", so that whoever
 * loads it, from a path that any thread may have replaced meanwhile, knows what it must compute. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"
#include "sequence_cases.h"
#include "sequence_faults.h"
#include "sequence_steps.h"

enum { ONLY_PATH = N_PATHS - 1, NAME_BYTES = 16, SEVERAL = 3 };
#define ALLOWED(status) (UINT32_C(1) << (status))

static void name_of(const slot *s, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%d.%d", s->id, s->variant);
}

/* False if the name says no case and variant. */
static bool parse_name(const char *name, int *id, int *variant)
{
    return sscanf(name, "%d.%d", id, variant) == 2 && *id >= 0 && *id < N_CASES && *variant >= 0 &&
           *variant < N_VARIANTS;
}

static conv2d_save_options random_options(worker *w, const slot *s)
{
    static const char *const isas[] = {NULL, "generic", "all"};
    conv2d_save_options options = CONV2D_SAVE_OPTIONS_INIT;
    options.without_packed = seq_below(w, 4) == 0;
    if (!options.without_packed && seq_below(w, 2)) {
        options.n_inputs = 1;
        options.inputs = &seq_cases[s->id].problem.input;
        options.isas = isas[seq_below(w, 3)];
    }
    return options;
}

/* The last path has always one context, of case 0 and under the default name. */
void step_save(worker *w)
{
    slot *s = seq_use(w, seq_pool.contexts, N_CONTEXTS);
    if (!s)
        return;
    const conv2d_save_options options = random_options(w, s);
    char name[NAME_BYTES];
    const char *names[1] = {name};
    conv2d_context *contexts[1] = {s->object};
    const int path = s->id == 0 ? ONLY_PATH : seq_below(w, ONLY_PATH);
    name_of(s, name);
    seq_begin(w);
    const conv2d_status status =
        path == ONLY_PATH
            ? conv2d_context_save(s->object, seq_pool.paths[path], &options)
            : conv2d_contexts_save(1, contexts, names, seq_pool.paths[path], &options);
    if (seq_end(w, status, 0))
        atomic_store(&seq_pool.is_saved[path], true);
    seq_put(s);
}

/* Up to SEVERAL contexts with distinct names, locked; returns their number. */
static int use_several(worker *w, slot *used[SEVERAL], conv2d_context *contexts[SEVERAL],
                       char names[SEVERAL][NAME_BYTES])
{
    int n = 0;
    for (int i = 0; i < SEVERAL; i++) {
        slot *s = seq_use(w, seq_pool.contexts, N_CONTEXTS);
        bool is_new = s != NULL;
        for (int k = 0; k < n; k++)
            is_new = is_new && (used[k]->id != s->id || used[k]->variant != s->variant);
        if (s && !is_new)
            seq_put(s);
        if (!is_new)
            continue;
        used[n] = s;
        contexts[n] = s->object;
        name_of(s, names[n++]);
    }
    return n;
}

void step_save_several(worker *w)
{
    slot *used[SEVERAL];
    conv2d_context *contexts[SEVERAL];
    char names[SEVERAL][NAME_BYTES];
    const char *pointers[SEVERAL] = {names[0], names[1], names[2]};
    const int n = use_several(w, used, contexts, names);
    if (n > 0) {
        const int path = seq_below(w, ONLY_PATH);
        seq_begin(w);
        if (seq_end(w, conv2d_contexts_save(n, contexts, pointers, seq_pool.paths[path], NULL), 0))
            atomic_store(&seq_pool.is_saved[path], true);
    }
    for (int i = 0; i < n; i++)
        seq_put(used[i]);
}

/* ---- bytes instead of files ------------------------------------------------------------------ */

typedef struct sink {
    unsigned char *bytes;
    size_t n, room, stop_at;
} sink;

static int take_bytes(void *user, const void *bytes, size_t n)
{
    sink *s = user;
    if (s->n + n > s->stop_at || s->n + n > s->room)
        return 1;
    memcpy(s->bytes + s->n, bytes, n);
    s->n += n;
    return 0;
}

/* Keep the bytes for files opened in memory, if there is room for more of them. */
static bool keep_blob(const sink *s)
{
    pthread_mutex_lock(&seq_pool.blobs_mutex);
    const bool kept = seq_pool.n_blobs < N_BLOBS;
    if (kept)
        seq_pool.blobs[seq_pool.n_blobs++] = (blob){s->bytes, s->n};
    pthread_mutex_unlock(&seq_pool.blobs_mutex);
    return kept;
}

void step_write(worker *w)
{
    enum { ROOM = 1 << 18 };
    slot *used[SEVERAL];
    conv2d_context *contexts[SEVERAL];
    char names[SEVERAL][NAME_BYTES];
    const char *pointers[SEVERAL] = {names[0], names[1], names[2]};
    const int n = use_several(w, used, contexts, names);
    sink s = {NULL, 0, ROOM, ROOM};
    if (n > 0)
        s.bytes = aligned_alloc(64, ROOM);
    if (s.bytes) {
        const bool stops = seq_below(w, 4) == 0;
        if (stops)
            s.stop_at = (size_t)seq_below(w, 4096);
        seq_begin(w);
        const bool ok =
            seq_end(w, conv2d_contexts_write(n, contexts, pointers, take_bytes, &s, NULL),
                    stops ? ALLOWED(CONV2D_E_IO) : 0);
        if (!ok || !keep_blob(&s))
            free(s.bytes);
    }
    for (int i = 0; i < n; i++)
        seq_put(used[i]);
}

/* ---- loading --------------------------------------------------------------------------------- */

static conv2d_load_options random_load(worker *w)
{
    conv2d_load_options options = CONV2D_LOAD_OPTIONS_INIT;
    options.read = seq_below(w, 2);
    options.skip_checksums = seq_below(w, 4) == 0;
    return options;
}

void step_file_open(worker *w)
{
    slot *s = seq_take(w, seq_pool.files, N_FILES, false);
    if (!s)
        return;
    const conv2d_load_options options = random_load(w);
    const int path = seq_below(w, ONLY_PATH);
    /* Once saved a path always leads to a whole file, whatever saves failed since. */
    const uint32_t allowed = atomic_load(&seq_pool.is_saved[path]) ? 0 : ALLOWED(CONV2D_E_IO);
    conv2d_file *file = NULL;
    seq_begin(w);
    if (seq_end(w, conv2d_file_open(seq_pool.paths[path], &options, &file), allowed))
        s->object = file;
    else
        seq_check(w, !file, "a file in spite of the failure");
    seq_put(s);
}

void step_file_open_memory(worker *w)
{
    slot *s = seq_take(w, seq_pool.files, N_FILES, false);
    if (!s)
        return;
    pthread_mutex_lock(&seq_pool.blobs_mutex);
    const int n = seq_pool.n_blobs;
    const blob b = n ? seq_pool.blobs[seq_below(w, n)] : (blob){NULL, 0};
    pthread_mutex_unlock(&seq_pool.blobs_mutex);
    if (b.bytes) {
        const conv2d_load_options options = random_load(w);
        conv2d_file *file = NULL;
        seq_begin(w);
        if (seq_end(w, conv2d_file_open_memory(b.bytes, b.n, &options, &file), 0))
            s->object = file;
        else
            seq_check(w, !file, "a file in spite of the failure");
    }
    seq_put(s);
}

void step_file_context(worker *w)
{
    slot *d = seq_use(w, seq_pool.devices, N_DEVICES);
    slot *f = d ? seq_use(w, seq_pool.files, N_FILES) : NULL;
    slot *s = f ? seq_take(w, seq_pool.contexts, N_CONTEXTS, false) : NULL;
    if (s) {
        const int n = conv2d_file_count(f->object);
        seq_check(w, n > 0, "a file without contexts was saved");
        const char *name = conv2d_file_name(f->object, seq_below(w, n));
        int id = 0, variant = 0;
        seq_check(w, name && parse_name(name, &id, &variant), "a name that nobody gave");
        conv2d_context *context = NULL;
        seq_begin(w);
        if (seq_end(w, conv2d_file_context(f->object, d->object, name, &context), 0))
            seq_keep_context(w, s, context, id, variant);
        else
            seq_check(w, !context, "a context in spite of the failure");
        seq_put(s);
    }
    if (f)
        seq_put(f);
    if (d)
        seq_put(d);
}

/* Which variant of case 0 a context is. */
static int variant_of(worker *w, conv2d_context *context)
{
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    seq_check(w, conv2d_context_get_info(context, &info) == CONV2D_OK, conv2d_last_error());
    return info.params.activation == CONV2D_ACT_RELU ? 1 : info.params.output_max <= 6 ? 2 : 0;
}

void step_load(worker *w)
{
    slot *d = seq_use(w, seq_pool.devices, N_DEVICES);
    slot *s = d ? seq_take(w, seq_pool.contexts, N_CONTEXTS, false) : NULL;
    if (s) {
        const conv2d_load_options options = random_load(w);
        const uint32_t allowed =
            atomic_load(&seq_pool.is_saved[ONLY_PATH]) ? 0 : ALLOWED(CONV2D_E_IO);
        conv2d_context *context = NULL;
        seq_begin(w);
        if (seq_end(w,
                    conv2d_context_load(d->object, seq_pool.paths[ONLY_PATH], &options, &context),
                    allowed))
            seq_keep_context(w, s, context, 0, variant_of(w, context));
        else
            seq_check(w, !context, "a context in spite of the failure");
        seq_put(s);
    }
    if (d)
        seq_put(d);
}

void step_file_close(worker *w)
{
    slot *s = seq_take(w, seq_pool.files, N_FILES, true);
    if (!s)
        return;
    conv2d_file_close(s->object);
    s->object = NULL;
    w->n_ok[w->current]++;
    seq_put(s);
}
