/* SPDX-License-Identifier: BSD-2-Clause
 * Wisdom: what tuning found, problem -> candidate, kept in a device and consulted by the planner.
 * A problem is named by the canonical text of its c2_problem, so that every description of one
 * problem finds the same entry. docs/wisdom.md has the text form. Functions accept a device without
 * a store (device->wisdom NULL), which knows nothing. Threads: any. */
#ifndef C2_PLAN_WISDOM_H
#define C2_PLAN_WISDOM_H

#include "backend/backend.h"
#include "core/os.h"
#include "core/text.h"

enum {
    C2_WISDOM_KEY_BYTES = 1024,  /* with the final 0; the longest text of a c2_problem is shorter */
    C2_WISDOM_ENTRIES = 1 << 16, /* of a device at most */
    C2_WISDOM_TEXT_BYTES = 1 << 26 /* of a text to import at most */
};

/* What is known of one problem. */
typedef struct c2_wisdom_entry {
    char *key; /* from the device's allocator, key_bytes with the final 0 */
    size_t key_bytes;
    const c2_algorithm *algorithm;
    int variant, line; /* line of the text it was read from, for sentences */
    double seconds;    /* measured, above 0 */
} c2_wisdom_entry;

typedef struct c2_wisdom {
    c2_mutex mutex;  /* guards all below */
    atomic_size_t n; /* also read without the lock: a device without wisdom pays nothing */
    size_t capacity;
    c2_wisdom_entry *entries; /* sorted by key */
} c2_wisdom;

/* Give device an empty store: CONV2D_OK or CONV2D_E_NOMEM. It is freed with the device. */
conv2d_status c2_wisdom_create(conv2d_device *device);

/* The canonical text of problem (algorithm and the weights' strides left out); false if it has
 * none. */
bool c2_wisdom_key(const c2_problem *problem, char key[C2_WISDOM_KEY_BYTES]);

/* Look problem up: true and entry_out (without its key) if it is known. */
bool c2_wisdom_find(const conv2d_device *device, const c2_problem *problem,
                    c2_wisdom_entry *entry_out);

/* Remember or replace an entry. CONV2D_OK, CONV2D_E_NOMEM, CONV2D_E_STATE if there is no room. */
conv2d_status c2_wisdom_add(conv2d_device *device, const c2_problem *problem,
                            const c2_algorithm *algorithm, int variant, double seconds);

/* Merge n entries (sorted, distinct keys): theirs win. All or nothing; on success the keys belong
 * to the store. CONV2D_OK, CONV2D_E_NOMEM, CONV2D_E_STATE. */
conv2d_status c2_wisdom_merge(conv2d_device *device, const c2_wisdom_entry *entries, size_t n);

void c2_wisdom_forget(conv2d_device *device);

/* The text form (wisdom_text.c). */
void c2_wisdom_write(const conv2d_device *device, c2_text *out);
conv2d_status c2_wisdom_read(conv2d_device *device, const char *text, size_t length);

/* Free the keys of entries, and the array of `capacity` entries. */
void c2_wisdom_free_entries(const conv2d_device *device, c2_wisdom_entry *entries, size_t n,
                            size_t capacity);

#endif
