/* SPDX-License-Identifier: BSD-2-Clause
 * An open context file: its bytes, what its header says, and the weights made from it that are
 * alive. The handle and each of these weights hold one reference, so bytes stay as long as anybody
 * uses them. */
#ifndef C2_API_STORED_H
#define C2_API_STORED_H

#include "api/object.h"
#include "core/disk.h"
#include "file/safetensors.h"

typedef struct c2_stored_weights {
    const char *stem; /* its tensors are <stem>.weight, <stem>.bias, <stem>.packed/<key> */
    const c2_st_tensor *weight, *bias; /* bias NULL if absent */
    bool finite;
    conv2d_weights_form form;
} c2_stored_weights;

typedef struct c2_stored_context {
    const char *name;
    int weights; /* index */
    conv2d_params params;
    char algorithm[sizeof((c2_problem *)0)->algorithm];
} c2_stored_context;

struct conv2d_file {
    atomic_int refs;
    conv2d_allocator allocator;
    c2_mutex mutex; /* guards live */
    c2_weights *live;
    c2_disk_bytes source;
    bool borrowed;  /* source is the caller's */
    bool unchecked; /* skip_checksums */
    char *label;    /* for sentences: the path */
    size_t label_bytes;
    c2_safetensors header;
    int n_contexts, n_weights;
    c2_stored_context *contexts;
    c2_stored_weights *weights;
    atomic_uchar *verified; /* for each tensor: its checksum was right */
};

void c2_file_retain(conv2d_file *file);
void c2_file_release(conv2d_file *file);

/* True if bytes are used in place in memory that is not the library's own. */
bool c2_file_is_foreign(const conv2d_file *file);
const void *c2_file_data(const conv2d_file *file, const c2_st_tensor *tensor);
/* CONV2D_E_IO if the tensor's checksum is wrong; looks once. pool NULL = serial; else no lock may
 * be held (file/checksum.h). */
conv2d_status c2_file_verify(conv2d_file *file, const c2_st_tensor *tensor,
                             const conv2d_pool *pool);
/* The packed form of stored weights under that key if it has that many bytes, or NULL. */
const c2_st_tensor *c2_file_form(const conv2d_file *file, int weights, const c2_packed_key *key,
                                 size_t packed_bytes);
/* Call visit for each packed form of stored weights. */
void c2_file_forms(const conv2d_file *file, int weights,
                   void (*visit)(void *user, const char *key, const c2_st_tensor *tensor),
                   void *user);
/* Take weights that are being destroyed from the list of those alive. */
void c2_file_forget(conv2d_file *file, c2_weights *weights);

/* A context's line in the metadata ("weights=0 stride=1,1 ..."), both ways. algorithm: where
 * params_out->algorithm points. False if the text is none. */
void c2_stored_params_write(const conv2d_params *params, int weights, c2_text *out);
bool c2_stored_params_read(const char *text, c2_stored_context *context_out);
/* A decimal number up to `most` that is all of the text. */
bool c2_stored_count(const char *text, uint64_t most, uint64_t *out);

#endif
