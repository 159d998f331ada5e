/* SPDX-License-Identifier: BSD-2-Clause
 * Contexts on disk: saving, opening, loading, and facts about a context.
 * Included by conv2d.h; a program includes that one. docs/context-file.md has the file's layout: a
 * safetensors file with the weights, the parameters, and packed forms of the weights that a reader
 * uses in place where they fit and makes again where they do not. */
#ifndef CONV2D_FILE_H
#define CONV2D_FILE_H

#include "conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open file of contexts. */
typedef struct conv2d_file conv2d_file;

/** Options of saving. Zero or NULL in a member means its default. */
typedef struct conv2d_save_options {
    uint32_t struct_size;        /**< sizeof(conv2d_save_options) */
    int32_t n_inputs;            /**< entries of inputs */
    const conv2d_tensor *inputs; /**< borrowed descriptions: each is planned, with the output in its
                                      layout, on every context whose weights it fits (one at least)
                                      and for every level of isas, and the packed weights that those
                                      plans use are stored. With n_inputs 0: the forms that the
                                      contexts hold now, and those of the file they came from. */
    const char *isas; /**< borrowed; with inputs: NULL = the device's own level, "all" = every level
                         of this build, or a list, "avx2,avx512". A level that this machine lacks
                         can be packed for, though not run. */
    int32_t without_packed; /**< 1: only the weights; who loads the file packs again */
    int32_t reserved;       /**< 0 */
} conv2d_save_options;
#define CONV2D_SAVE_OPTIONS_INIT {sizeof(conv2d_save_options), 0, NULL, NULL, 0, 0}

/** Options of opening. Zero in a member means its default. */
typedef struct conv2d_load_options {
    uint32_t struct_size; /**< sizeof(conv2d_load_options) */
    int32_t read;         /**< 0: map the file, which must not change meanwhile (it may be replaced
                               by another of the same name); 1: read it into memory */
    int32_t skip_checksums; /**< 1: do not verify tensors' checksums (the header's always is) */
    int32_t reserved;       /**< 0 */
} conv2d_load_options;
#define CONV2D_LOAD_OPTIONS_INIT {sizeof(conv2d_load_options), 0, 0, 0}

/** Write n contexts into one file. Weights and packed forms that several share are stored once.
 *  contexts  borrowed; other threads may run them meanwhile.
 *  names    borrowed; n distinct names, UTF-8 of 1 to 200 bytes; NULL for n = 1: "context".
 *  path     borrowed. A temporary file beside it is written, synced and renamed, so path has the
 *           old content or the new one, whole.
 *  options  borrowed or NULL for defaults.
 *  Returns  CONV2D_OK; CONV2D_E_ARGUMENT; CONV2D_E_NOMEM; CONV2D_E_IO with path and reason; what
 *           planning an input returns. On failure nothing has changed and no file is left.
 *  Threads  any. Since 0.1 */
CONV2D_API conv2d_status conv2d_contexts_save(int n, conv2d_context *const *contexts,
                                              const char *const *names, const char *path,
                                              const conv2d_save_options *options);

/** conv2d_contexts_save() of one context under the name "context". Since 0.1 */
CONV2D_API conv2d_status conv2d_context_save(conv2d_context *context, const char *path,
                                             const conv2d_save_options *options);

/** Takes the next n bytes; returns 0, or anything else to stop. */
typedef int (*conv2d_write)(void *user, const void *bytes, size_t n);

/** The bytes that conv2d_contexts_save() writes to a file, handed to a callback in order: for
 *  sockets, archives, pickling.
 *  write    called from the calling thread; CONV2D_E_IO if it stops.
 *  Returns and Threads as conv2d_contexts_save(). Since 0.1 */
CONV2D_API conv2d_status conv2d_contexts_write(int n, conv2d_context *const *contexts,
                                               const char *const *names, conv2d_write write,
                                               void *user, const conv2d_save_options *options);

/** Open a file of contexts: maps or reads it and checks its header. Weights and packed forms are
 *  looked at, and their checksums verified, when they are used first.
 *  path     borrowed. options borrowed or NULL for defaults.
 *  file_out given; free with conv2d_file_close().
 *  Returns  CONV2D_OK; CONV2D_E_ARGUMENT; CONV2D_E_NOMEM; CONV2D_E_IO if the file cannot be read
 *           or breaks a rule, with a sentence that says which. Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_file_open(const char *path, const conv2d_load_options *options,
                                          conv2d_file **file_out);

/** The same for a file's bytes in memory. With options->read = 0 and bytes at a multiple of 64 they
 *  are kept, until the file is closed and everything made from it is destroyed; else copied.
 *  Returns and Threads as conv2d_file_open(). Since 0.1 */
CONV2D_API conv2d_status conv2d_file_open_memory(const void *bytes, size_t n,
                                                 const conv2d_load_options *options,
                                                 conv2d_file **file_out);

/** Number of contexts in a file; 0 for NULL. Since 0.1 */
CONV2D_API int conv2d_file_count(const conv2d_file *file);

/** Name of context i; NULL if there is none. Lives as long as the file is open. Since 0.1 */
CONV2D_API const char *conv2d_file_name(const conv2d_file *file, int i);

/** Make a context from a file. Its weights, and packed forms that fit the device, are used in
 *  place; forms that do not fit are packed from the weights. Contexts on one device from one open
 *  file share both, while any of them is alive.
 *  file     borrowed; may be closed afterwards.
 *  device   borrowed; of any backend, whatever backend saved the file.
 *  name     borrowed; NULL = the only one.
 *  context_out  given; free with conv2d_context_destroy().
 *  Returns  CONV2D_OK; CONV2D_E_ARGUMENT, CONV2D_E_NOMEM, CONV2D_E_IO. A damaged packed form or
 *           weight is CONV2D_E_IO too, from the call that uses it first (conv2d_plan_create(),
 *           conv2d_run()). Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_file_context(conv2d_file *file, conv2d_device *device,
                                             const char *name, conv2d_context **context_out);

/** Close a file. Contexts made from it keep what they need. NULL is allowed. Since 0.1 */
CONV2D_API void conv2d_file_close(conv2d_file *file);

/** Open a file, make its only context, close it. Arguments and results as conv2d_file_open() and
 *  conv2d_file_context(). Since 0.1 */
CONV2D_API conv2d_status conv2d_context_load(conv2d_device *device, const char *path,
                                             const conv2d_load_options *options,
                                             conv2d_context **context_out);

/** A context over the same weights with other parameters: weights and packed forms are shared.
 *  context  borrowed. params borrowed or NULL for defaults; its groups must divide the weights'
 *           channels as conv2d_prepack() says; params->weights is ignored.
 *  context_out  given; free with conv2d_context_destroy(), before or after context.
 *  Returns as conv2d_prepack(). Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_context_with_params(conv2d_context *context,
                                                    const conv2d_params *params,
                                                    conv2d_context **context_out);

/** Facts of a context. Counters belong to its weights: contexts that share them have the same. */
typedef struct conv2d_context_info {
    uint32_t struct_size;  /**< sizeof(conv2d_context_info), set by the caller */
    int32_t n_plans;       /**< cached now */
    conv2d_tensor weight;  /**< description; data is NULL */
    conv2d_tensor bias;    /**< likewise; rank 0 if absent */
    conv2d_params params;  /**< algorithm points into the context */
    uint64_t times_packed; /**< packed forms computed from the weights so far */
    uint64_t times_loaded; /**< packed forms taken from a file instead */
    size_t stored_forms; /**< packed forms for this device in the file that the weights came from */
    size_t weight_bytes; /**< weights and bias held in memory of the library's own */
    size_t packed_bytes; /**< packed forms held likewise now */
    size_t mapped_bytes; /**< weights and packed forms used in a mapping or the caller's bytes */
} conv2d_context_info;
#define CONV2D_CONTEXT_INFO_INIT  \
    {sizeof(conv2d_context_info), \
     0,                           \
     CONV2D_TENSOR_INIT,          \
     CONV2D_TENSOR_INIT,          \
     CONV2D_PARAMS_INIT,          \
     0,                           \
     0,                           \
     0,                           \
     0,                           \
     0,                           \
     0}

/** Fill info_out. Returns CONV2D_OK or CONV2D_E_ARGUMENT. Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_context_get_info(const conv2d_context *context,
                                                 conv2d_context_info *info_out);

#ifdef __cplusplus
}
#endif
#endif
