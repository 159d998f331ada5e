/* SPDX-License-Identifier: BSD-2-Clause
 * Saving contexts: what is collected before the first byte is written. save.c arranges the file,
 * save_forms.c finds the packed forms. */
#ifndef C2_API_SAVE_H
#define C2_API_SAVE_H

#include "api/stored.h"

/* A packed form to be written; its bytes belong to one of the holders. */
typedef struct c2_form {
    struct c2_form *next;
    int weights; /* index */
    c2_packed_key key;
    const void *bytes;
    size_t n;              /* a multiple of C2_ALIGN */
    c2_packed *packed;     /* of the weights: one reference */
    conv2d_buffer *buffer; /* packed for this file only */
    void *copy;            /* n bytes: padded, or out of memory that the host cannot address */
} c2_form;

enum { C2_SAVE_LEVELS = 16 };

typedef struct c2_saver {
    conv2d_allocator allocator;
    const conv2d_save_options *options;
    int n;
    conv2d_context *const *contexts;
    int n_weights;        /* distinct ones */
    c2_weights **weights; /* n entries */
    c2_form *forms;       /* in the order of the file */
    c2_form **last_form;
    conv2d_device *levels[C2_SAVE_LEVELS]; /* opened for packing; kept until all is written */
    int n_levels;
} c2_saver;

/* Find or pack all forms that the options ask for. */
conv2d_status c2_save_forms(c2_saver *saver);
void c2_save_forms_free(c2_saver *saver);

#endif
