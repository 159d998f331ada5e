/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d: 2-D convolution (cross-correlation, as deep-learning libraries define it), forward.
 *
 * INTRODUCTION
 *   output[n, o, y, x] = activation( bias[o] + residual[n, o, y, x]
 *       + sum over c, ky, kx of  weight[o, c, ky, kx]
 *             * input[n, group(o) * IC/G + c, y*SH + ky*DH - top, x*SW + kx*DW - left] )
 *
 *   Three ways to call it, from simplest to fastest:
 *     1. conv2d()              one call: packs the weights, runs, forgets.
 *     2. conv2d_prepack() once, then conv2d_run() per input: weights are packed once for each
 *        input shape, plans are cached in the context; any number of threads may run one context.
 *     3. conv2d_plan_create() once per shape, then conv2d_plan_run(): no allocation, and with a
 *        workspace given no lock.
 *   conv2d_plan_describe() and conv2d_plan_text() say which algorithm runs and why not another.
 *   Contexts go to files and come back with their packed weights, used in place: file.h.
 *
 * CONVENTIONS
 *   Sizes and strides count elements, names ending in _bytes count bytes. Tensors are always
 *   described in the order N C H W (weights: OC IC/G KH KW), wherever the elements lie in memory.
 *   Every pointer is one of: borrowed (used during the call only), kept (used until an object is
 *   destroyed), given (handed to the caller, who frees it as said).
 *   Functions that can fail return conv2d_status; conv2d_last_error() then has a sentence that
 *   names the argument and its value. An error found before work starts leaves outputs untouched.
 *   Structs begin with struct_size; start from the _INIT macro. 0 there is refused.
 *   The library never prints, aborts or exits, and never reads or writes a byte that the caller
 *   did not give it.
 *   After fork() the child may use every object that no other thread was using at that moment.
 *
 * SEMANTICS are those of torch.nn.functional.conv2d (PyTorch 2.13) where both have the feature:
 *   shapes, unbatched input, "same" and "valid" padding, empty batches, error conditions.
 *
 * NUMERICS (u = 2^-24, K = IC/G * KH * KW, s = |bias| + |residual| + sum |weight| |input|)
 *   CONV2D_ACCURACY_STRICT promises |result - exact| <= g(K+2) * s + (K+2) * 2^-149 before the
 *   activation, g(n) = n u / (1 - n u) (Higham, Accuracy and Stability of Numerical Algorithms,
 *   section 3.1), for s <= FLT_MAX / 2; plus the activation's stated error; plus half a unit in the
 *   last place of the output's type. A padded tap adds nothing. NaN and infinity follow IEEE 754,
 *   window by window; every activation passes NaN on.
 *   CONV2D_ACCURACY_DEFAULT adds Winograd algorithms for kernels of up to about 12x12 (1x1 apart),
 *   of lines, too, and for strides below the kernel's size, whose bound has the largest |input|
 *   around a window in place of |input|, and another factor (docs/numerics.md): integers may then
 *   be off by a rounding, and NaN or infinity may spread to outputs up to three pixels further,
 *   five where the taps of a row or column, every stride-th, are no multiple of three.
 *   CONV2D_ACCURACY_FAST adds one with larger tiles: two pixels more; and, for large kernels,
 *   convolution by FFT, where errors grow with the norm of an image's channel, and NaN or infinity
 *   may spread to all of an image.
 *   SAME BITS: one plan (or two with equal conv2d_plan_text()) gives the same bits with any number
 *   of threads, at any position in the batch, on every run. */
#ifndef CONV2D_CONV2D_H
#define CONV2D_CONV2D_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "status.h"
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- version and errors ------------------------------------------------------------------- */

/** Version of the library that is linked, "0.1.0". Static. Since 0.1 */
CONV2D_API const char *conv2d_version(void);

/** Version as one number, major << 16 | minor << 8 | patch. Since 0.1 */
CONV2D_API uint32_t conv2d_version_number(void);

/** Short text of a status ("out of memory"); "unknown status" for any other value. Static.
 *  Since 0.1 */
CONV2D_API const char *conv2d_status_text(conv2d_status status);

/** Name of a status, "CONV2D_E_NOMEM"; "?" for any other value. Static. Since 0.1 */
CONV2D_API const char *conv2d_status_name(conv2d_status status);

/** Sentence about the last call in this thread that did not return CONV2D_OK: names the argument,
 *  its value and what was expected. "" if none failed yet. Valid until the next failing call in
 *  the same thread; needs no device. Since 0.1 */
CONV2D_API const char *conv2d_last_error(void);

/* ---- tensors ------------------------------------------------------------------------------ */

typedef enum conv2d_dtype {
    CONV2D_FLOAT32 = 1,
    CONV2D_FLOAT64 = 2,  /**< plain algorithm only: correct, not fast */
    CONV2D_FLOAT16 = 3,  /**< IEEE 754 binary16 in uint16_t; sums are float32, rounded once */
    CONV2D_BFLOAT16 = 4, /**< upper half of a float32 in uint16_t; likewise */
    CONV2D_INT8 = 5,     /**< not implemented yet: refused */
    CONV2D_UINT8 = 6,    /**< not implemented yet: refused */
    CONV2D_INT32 = 7     /**< not implemented yet: refused */
} conv2d_dtype;

typedef enum conv2d_layout {
    CONV2D_LAYOUT_STRIDED = 0 /**< element (i0, i1, ...) is at data + sum of i * stride; other
                                   values are reserved for blocked layouts */
} conv2d_layout;

/** Quantisation of an integer tensor; reserved, pointers to it must be NULL. */
typedef struct conv2d_quant conv2d_quant;

/** A tensor, or with data == NULL and buffer == NULL the description of one.
 *  Rank 4: N C H W (weights OC IC/G KH KW). Rank 3: C H W, an unbatched input, residual or output.
 *  Rank 1: a bias, OC. Entries from rank on are ignored.
 *  Strides may be anything for input, residual and weight: 0 (expanded), negative, overlapping.
 *  An output's elements must lie at distinct addresses. Data must be aligned to its element. */
typedef struct conv2d_tensor {
    uint32_t struct_size; /**< sizeof(conv2d_tensor) */
    int32_t dtype;        /**< conv2d_dtype */
    int32_t rank;         /**< 1, 3 or 4; 0 = absent, where a tensor is optional */
    int32_t layout;       /**< conv2d_layout */
    void *data;           /**< host address of element (0, ..., 0), or NULL */
    conv2d_buffer *buffer; /**< device memory instead of data, or NULL */
    uint64_t byte_offset;  /**< of element (0, ..., 0) in buffer */
    int64_t sizes[4];
    int64_t strides[4]; /**< in elements */
    const conv2d_quant *quant; /**< NULL */
} conv2d_tensor;
#define CONV2D_TENSOR_INIT                                                                         \
    {sizeof(conv2d_tensor), CONV2D_FLOAT32, 0, CONV2D_LAYOUT_STRIDED, NULL, NULL, 0, {0, 0, 0, 0}, \
     {0, 0, 0, 0}, NULL}

typedef enum conv2d_order {
    CONV2D_NCHW = 0, /**< rows of pixels, one channel after the other (weights: OIHW) */
    CONV2D_NHWC = 1  /**< channels last (weights: OHWI) */
} conv2d_order;

/** Contiguous float32 tensor of rank 4 over data (borrowed; may be NULL for a description).
 *  sizes n, c, h, w; order says how they lie in memory. Never fails; bad sizes are found by the
 *  call that uses the tensor. Since 0.1 */
CONV2D_API conv2d_tensor conv2d_tensor_f32(void *data, conv2d_order order, int64_t n, int64_t c,
                                           int64_t h, int64_t w);

/** Contiguous float32 vector (a bias) of n elements over data (borrowed). Since 0.1 */
CONV2D_API conv2d_tensor conv2d_vector_f32(void *data, int64_t n);

/** Contiguous tensor of rank 4 of any conv2d_dtype; otherwise as conv2d_tensor_f32(). Since 0.1 */
CONV2D_API conv2d_tensor conv2d_tensor_of(int32_t dtype, void *data, conv2d_order order, int64_t n,
                                          int64_t c, int64_t h, int64_t w);

/** Contiguous vector (a bias) of n elements of any conv2d_dtype over data (borrowed). Since 0.1 */
CONV2D_API conv2d_tensor conv2d_vector_of(int32_t dtype, void *data, int64_t n);

/** Fill tensor->strides for contiguous elements in order (rank 3 and 4; rank 1: stride 1), from its
 *  sizes and rank. Sizes that overflow give strides that the using call refuses. Since 0.1 */
CONV2D_API void conv2d_tensor_set_order(conv2d_tensor *tensor, conv2d_order order);

/** Size of an element in bytes, 0 for an unknown dtype. Since 0.1 */
CONV2D_API size_t conv2d_dtype_bytes(int32_t dtype);

/** Convert n float16 into float32, exactly. from, to borrowed, n elements each, apart. A NaN stays
 *  NaN: quiet bit set, sign and payload kept. The thread's floating-point mode does not matter,
 *  here and in the next three. Threads any. Since 0.1 */
CONV2D_API void conv2d_float16_to_float32(size_t n, const uint16_t *from, float *to);

/** Convert n float32 into float16: rounded to nearest even, denormals included; from 65520 on
 *  infinity. A NaN stays NaN: quiet bit set, sign and the payload's upper bits kept. Since 0.1 */
CONV2D_API void conv2d_float32_to_float16(size_t n, const float *from, uint16_t *to);

/** Convert n bfloat16 into float32; as conv2d_float16_to_float32(). Since 0.1 */
CONV2D_API void conv2d_bfloat16_to_float32(size_t n, const uint16_t *from, float *to);

/** Convert n float32 into bfloat16: rounded to nearest even, denormals included; from 2^128 - 2^119
 *  on infinity. NaN as conv2d_float32_to_float16(). Since 0.1 */
CONV2D_API void conv2d_float32_to_bfloat16(size_t n, const float *from, uint16_t *to);

/* ---- parameters --------------------------------------------------------------------------- */

typedef enum conv2d_padding_mode {
    CONV2D_PAD_ZEROS = 0,
    CONV2D_PAD_REFLECT = 1,   /**< 2 1 | 0 1 2 | 1 0: padding < size of the axis */
    CONV2D_PAD_REPLICATE = 2, /**< 0 0 | 0 1 2 | 2 2 */
    CONV2D_PAD_CIRCULAR = 3   /**< 1 2 | 0 1 2 | 0 1: padding <= size of the axis */
} conv2d_padding_mode;

typedef enum conv2d_auto_pad {
    CONV2D_AUTO_PAD_NONE = 0, /**< padding[] counts */
    CONV2D_AUTO_PAD_VALID = 1, /**< no padding; padding[] must be 0 */
    CONV2D_AUTO_PAD_SAME = 2   /**< as PyTorch's "same": stride must be 1; d*(k-1) in total, the odd
                                    one at the bottom and right; padding[] must be 0 */
} conv2d_auto_pad;

typedef enum conv2d_activation {
    CONV2D_ACT_NONE = 0,
    CONV2D_ACT_RELU = 1,        /**< max(x, 0) */
    CONV2D_ACT_RELU6 = 2,       /**< min(max(x, 0), 6) */
    CONV2D_ACT_CLAMP = 3,       /**< min(max(x, output_min), output_max); infinite = no bound */
    CONV2D_ACT_LEAKY_RELU = 4,  /**< x > 0 ? x : alpha * x */
    CONV2D_ACT_SIGMOID = 5,     /**< 1 / (1 + exp(-x)) */
    CONV2D_ACT_TANH = 6,        /**< tanh(x) */
    CONV2D_ACT_SILU = 7,        /**< x / (1 + exp(-x)) */
    CONV2D_ACT_HARDSWISH = 8,   /**< x * min(max(x + 3, 0), 6) / 6 */
    CONV2D_ACT_HARDSIGMOID = 9, /**< min(max(x + 3, 0), 6) / 6 */
    CONV2D_ACT_GELU = 10,       /**< x/2 * (1 + erf(x / sqrt 2)) */
    CONV2D_ACT_GELU_TANH = 11,  /**< x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */
    CONV2D_ACT_MISH = 12        /**< x * tanh(log(1 + exp(x))) */
} conv2d_activation;

typedef enum conv2d_accuracy {
    CONV2D_ACCURACY_DEFAULT = 0, /**< max error / rms of the result <= 2e-5 on normal data */
    CONV2D_ACCURACY_STRICT = 1,  /**< the bound of NUMERICS above, for every element */
    CONV2D_ACCURACY_FAST = 2,    /**< <= 2e-4 */
    CONV2D_ACCURACY_TF32 = 3     /**< <= 3e-3 */
} conv2d_accuracy;

typedef enum conv2d_weights {
    CONV2D_WEIGHTS_COPY = 0,  /**< prepack copies weight and bias */
    CONV2D_WEIGHTS_BORROW = 1 /**< prepack keeps the caller's pointers: they must stay valid and
                                   unchanged until the context and its plans are destroyed */
} conv2d_weights;

#define CONV2D_WORKSPACE_UNLIMITED UINT64_MAX

/** Everything about a convolution that is not a tensor. */
typedef struct conv2d_params {
    uint32_t struct_size;  /**< sizeof(conv2d_params) */
    int32_t padding_mode;  /**< conv2d_padding_mode */
    int64_t stride[2];     /**< y, x; at least 1 */
    int64_t padding[4];    /**< top, left, bottom, right; at least 0 */
    int64_t dilation[2];   /**< y, x; at least 1 */
    int64_t groups;        /**< at least 1; divides the channels of input and output */
    int32_t auto_pad;      /**< conv2d_auto_pad */
    int32_t activation;    /**< conv2d_activation */
    double output_min;     /**< clamp bounds, -INFINITY / INFINITY = absent. With activation NONE or
                                CLAMP only; with NONE, a bound makes the activation CLAMP. */
    double output_max;
    double alpha;            /**< slope of leaky_relu; finite */
    int32_t accuracy;        /**< conv2d_accuracy */
    int32_t flush_denormals; /**< 1: tasks flush denormals to zero (mode restored after) */
    uint64_t workspace_limit; /**< bytes a run may use beside the packed weights; 0 still runs
                                   every problem */
    const char *algorithm;    /**< borrowed; force a candidate: "igemm_ch", "igemm_ch/avx2" or
                                   "igemm_ch/gemm_ch_6x16_avx2"; NULL = the planner chooses */
    int32_t weights;          /**< conv2d_weights; used by conv2d_prepack() */
    int32_t reserved;         /**< 0 */
} conv2d_params;
#define CONV2D_PARAMS_INIT                                                                         \
    {sizeof(conv2d_params), CONV2D_PAD_ZEROS, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1,                     \
     CONV2D_AUTO_PAD_NONE, CONV2D_ACT_NONE, -HUGE_VAL, HUGE_VAL, 0.01, CONV2D_ACCURACY_DEFAULT, 0, \
     CONV2D_WORKSPACE_UNLIMITED, NULL, CONV2D_WEIGHTS_COPY, 0}

/** Shape of the output.
 *  input, weight  borrowed; only dtype, rank and sizes are read.
 *  params   borrowed or NULL for defaults.
 *  sizes_out  rank entries (3 for an unbatched input): [n,] oc, oh, ow;
 *           oh = floor((h + top + bottom - dilation_h * (kh - 1) - 1) / stride_h) + 1, as
 *           torch.nn.functional.conv2d. An empty batch is fine; without input channels oc is 0
 *           (docs/semantics.md: sizes of 0).
 *  Returns  CONV2D_OK, or CONV2D_E_ARGUMENT, _SHAPE, _DTYPE, _OVERFLOW with a sentence.
 *  Threads  any. Since 0.1 */
CONV2D_API conv2d_status conv2d_output_sizes(const conv2d_tensor *input,
                                             const conv2d_tensor *weight,
                                             const conv2d_params *params, int64_t sizes_out[4]);

/* ---- one-shot ----------------------------------------------------------------------------- */

/** Compute one convolution: output = activation(conv2d(input, weight) + bias + residual).
 *  device   borrowed; NULL = a CPU device with default options that is opened and closed inside.
 *  input    borrowed; [n, c, h, w] or [c, h, w]; any strides.
 *  weight   borrowed; [oc, c / groups, kh, kw], the input's dtype; any strides.
 *  bias     borrowed or NULL; [oc], the input's dtype.
 *  residual borrowed or NULL; the output's shape and dtype; may be the output itself (same data
 *           and strides), otherwise must not overlap it.
 *  params   borrowed or NULL for defaults.
 *  output   borrowed; [n, oc, oh, ow] as conv2d_output_sizes() says, the input's dtype; strides
 *           with distinct addresses; must not overlap input, weight or bias.
 *  Returns  CONV2D_OK; CONV2D_E_ARGUMENT, _SHAPE, _DTYPE, _STRIDE, _OVERFLOW for a bad argument;
 *           CONV2D_E_NOMEM; CONV2D_E_UNSUPPORTED if params->algorithm cannot do it. On any of
 *           these the output is untouched.
 *  Threads  any; uses the device's pool; output is complete when it returns (also on GPUs).
 *  Since    0.1 */
CONV2D_API conv2d_status conv2d(conv2d_device *device, const conv2d_tensor *input,
                                const conv2d_tensor *weight, const conv2d_tensor *bias,
                                const conv2d_tensor *residual, const conv2d_params *params,
                                conv2d_tensor *output);

/* ---- context: weights packed once ---------------------------------------------------------- */

typedef struct conv2d_context conv2d_context;
typedef struct conv2d_plan conv2d_plan;

/** Make a context from weights, bias and parameters. Packing happens with the first plan, which
 *  knows the input's shape.
 *  device   borrowed; NULL is refused.
 *  weight, bias, params  as in conv2d(); copied, or with params->weights = CONV2D_WEIGHTS_BORROW
 *           kept.
 *  context_out  given; free with conv2d_context_destroy().
 *  Returns  as conv2d(). Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_prepack(conv2d_device *device, const conv2d_tensor *weight,
                                        const conv2d_tensor *bias, const conv2d_params *params,
                                        conv2d_context **context_out);

/** Arguments of one run. */
typedef struct conv2d_run_args {
    uint32_t struct_size;          /**< sizeof(conv2d_run_args) */
    int32_t reserved;              /**< 0 */
    const conv2d_tensor *input;    /**< borrowed; see conv2d() */
    const conv2d_tensor *residual; /**< borrowed or NULL */
    conv2d_tensor *output;         /**< borrowed */
    void *workspace;               /**< borrowed or NULL: the library's own (one per concurrent run,
                                        kept in a free list); 64-byte aligned */
    size_t workspace_bytes;        /**< size of workspace: at least conv2d_workspace_bytes() */
    conv2d_queue *queue;           /**< borrowed or NULL = the device's default queue */
    conv2d_event *event;           /**< borrowed or NULL; records the end of this run (a run without
                                        output elements records nothing) */
    conv2d_cancel *cancel;         /**< borrowed or NULL; looked at between tasks */
} conv2d_run_args;
#define CONV2D_RUN_ARGS_INIT                                                                       \
    {sizeof(conv2d_run_args), 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL}

/** Run a context: finds or makes the plan for these tensors' shapes and strides (a bounded cache,
 *  least recently used plan dropped), borrows a workspace, runs.
 *  Returns  as conv2d(); CONV2D_E_CANCELLED (output undefined). The context stays usable.
 *  Threads  any number of threads may run one context; blocks until output is complete (CPU) or
 *           the work is queued (GPU: conv2d_device_sync(), conv2d_event_wait()).
 *  Since    0.1 */
CONV2D_API conv2d_status conv2d_run(conv2d_context *context, const conv2d_run_args *args);

/** Free packed weights, cached plans and workspaces; the next run makes them again. Plans made by
 *  conv2d_plan_create() keep what they use. Safe twice, before a later run, and while other
 *  threads run the context. Returns CONV2D_OK or CONV2D_E_ARGUMENT for NULL. Since 0.1 */
CONV2D_API conv2d_status conv2d_context_release_resources(conv2d_context *context);

/** Free a context. Work queued with it goes on and keeps what it needs; plans made from it stay
 *  valid. NULL is allowed. Threads: not while another thread uses the same context. Since 0.1 */
CONV2D_API void conv2d_context_destroy(conv2d_context *context);

/* ---- plans --------------------------------------------------------------------------------- */

/** Choose the algorithm for one input description and prepare everything a run needs: all
 *  allocation and packing happens here.
 *  context  borrowed.
 *  input, residual (or NULL), output  borrowed descriptions: dtype, sizes, strides; data may be
 *           NULL. Runs must use tensors of exactly these.
 *  plan_out given; free with conv2d_plan_destroy(); may outlive the context.
 *  Returns  as conv2d(). Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_plan_create(conv2d_context *context, const conv2d_tensor *input,
                                            const conv2d_tensor *residual,
                                            const conv2d_tensor *output, conv2d_plan **plan_out);

/** Run a plan: no allocation, and with args->workspace given (or a plan that needs none) no lock
 *  beside the pool's own. (Without it, the first time that n runs of one plan are under way at
 *  once, n - 1 more workspaces are allocated and kept.)
 *  Returns and Threads as conv2d_run(); CONV2D_E_STATE if the plan was made without weights;
 *  CONV2D_E_ARGUMENT if workspace_bytes is too small. Since 0.1 */
CONV2D_API conv2d_status conv2d_plan_run(conv2d_plan *plan, const conv2d_run_args *args);

/** Free a plan; work queued with it goes on and keeps what it needs. NULL is allowed. Since 0.1 */
CONV2D_API void conv2d_plan_destroy(conv2d_plan *plan);

/** bytes_out = workspace a run of this plan uses, within params.workspace_limit: shared part plus
 *  one part for each worker. 0 on a GPU, whose plans keep theirs in its memory. Returns CONV2D_OK
 *  or CONV2D_E_ARGUMENT. Since 0.1 */
CONV2D_API conv2d_status conv2d_workspace_bytes(const conv2d_plan *plan, size_t *bytes_out);

/** What a plan does. Strings live as long as the plan. */
typedef struct conv2d_plan_info {
    uint32_t struct_size;  /**< sizeof(conv2d_plan_info), set by the caller */
    int32_t n_candidates;  /**< entries for conv2d_plan_candidate() */
    const char *problem;   /**< problem text */
    const char *backend;   /**< "cpu" */
    const char *algorithm; /**< "igemm_ch" */
    const char *variant;   /**< kernel and tile, "gemm_ch_12x32_avx512" */
    const char *layout;    /**< how the tensors are read: "nchw", "nhwc", "strided" */
    const char *bound_text; /**< the error bound as a formula, in words of NUMERICS */
    double bound;          /**< its factor in front of s, or of the S of docs/numerics.md */
    double flops;          /**< operations of one run, multiply-add = 2, padded taps included */
    double cost_seconds;   /**< the planner's model, one thread; not a measurement */
    size_t packed_bytes;   /**< packed weights */
    size_t workspace_shared_bytes;
    size_t workspace_worker_bytes;
    int32_t n_workers;     /**< workers a run uses at most, after workspace_limit */
    int32_t denormals_flushed; /**< 1 if the kernels flush denormals, or a GPU may */
    const char *choice; /**< who chose: "estimate" (the model), "wisdom" (conv2d_tune()), "forced"
                             (params.algorithm), "none" (no output elements) */
} conv2d_plan_info;
#define CONV2D_PLAN_INFO_INIT                                                                      \
    {sizeof(conv2d_plan_info), 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL}

/** Fill info_out. Returns CONV2D_OK or CONV2D_E_ARGUMENT. Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_plan_describe(const conv2d_plan *plan, conv2d_plan_info *info_out);

/** One candidate the planner looked at, in its order of preference. Strings live as the plan. */
typedef struct conv2d_candidate_info {
    uint32_t struct_size; /**< sizeof(conv2d_candidate_info), set by the caller */
    int32_t chosen;       /**< 1 for the one that runs */
    const char *algorithm;
    const char *variant; /**< kernel, "gemm_ch_12x32_avx512" */
    const char *isa;     /**< its instruction set: params.algorithm = "algorithm/isa" forces it */
    const char *refusal; /**< why it cannot be used, "" if it can */
    double cost_seconds; /**< 0 if refused */
    double bound;        /**< 0 if refused */
    size_t packed_bytes;
    size_t workspace_shared_bytes;
    size_t workspace_worker_bytes;
    double measured_seconds; /**< of one run, by conv2d_tune(); 0 = not measured */
} conv2d_candidate_info;
#define CONV2D_CANDIDATE_INFO_INIT                                                                 \
    {sizeof(conv2d_candidate_info), 0, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0}

/** Fill info_out with candidate index. Returns CONV2D_OK, or CONV2D_E_ARGUMENT if there is none.
 *  Since 0.1 */
CONV2D_API conv2d_status conv2d_plan_candidate(const conv2d_plan *plan, int index,
                                               conv2d_candidate_info *info_out);

/** Write a description for people: the problem, the choice, its bound and memory; with verbose
 *  not 0 every candidate with its cost or refusal. Text is the same on every run of one build on
 *  one machine with the same wisdom, and equal texts (verbose 0) promise equal bits.
 *  text, capacity  as snprintf: at most capacity bytes with the final 0; text NULL if capacity 0.
 *  length_out  borrowed or NULL; length of the whole text without the 0.
 *  Returns  CONV2D_OK (also when cut) or CONV2D_E_ARGUMENT. Since 0.1 */
CONV2D_API conv2d_status conv2d_plan_text(const conv2d_plan *plan, int verbose, char *text,
                                          size_t capacity, size_t *length_out);

/* ---- problems: a convolution without data --------------------------------------------------- */

/** What algorithms for picture filters ask of weights with one input channel a group. */
typedef enum conv2d_weights_form {
    CONV2D_WEIGHTS_ANY = 0,
    CONV2D_WEIGHTS_SEPARABLE = 1, /**< each filter is a column times a row: gaussian, box, Sobel */
    CONV2D_WEIGHTS_ALIKE = 2,     /**< and all channels have the same one */
    CONV2D_WEIGHTS_BOX = 3        /**< and all weights are equal */
} conv2d_weights_form;

/** Descriptions of all tensors and the parameters. Absent bias and residual have rank 0. Its text
 *  is oneDNN's benchdnn notation with extensions after colons, as in
 *  g32mb1ic128ih56oc128oh56kh3ph1dh0:in=nhwc:out=nhwc:act=clamp,0,6 (docs/problem-text.md). */
typedef struct conv2d_problem {
    uint32_t struct_size;  /**< sizeof(conv2d_problem) */
    uint32_t weights_form; /**< conv2d_weights_form that conv2d_explain() plans for; where there are
                                weights, the library looks at them instead */
    conv2d_tensor input, weight, bias, residual, output;
    conv2d_params params; /**< params.algorithm points into algorithm_name or is NULL */
    char algorithm_name[56];
    char name[64]; /**< optional name of the layer (n"..." in the text), "" = none */
} conv2d_problem;

/** Parse problem text; problem_out has complete descriptions without data.
 *  Returns  CONV2D_OK; CONV2D_E_SYNTAX with the position and what was expected; CONV2D_E_SHAPE,
 *           _OVERFLOW. problem_out is untouched on error. Since 0.1 */
CONV2D_API conv2d_status conv2d_problem_parse(const char *text, conv2d_problem *problem_out);

/** Write the text of a problem (text, capacity, length_out as conv2d_plan_text()); parsing it gives
 *  the same problem. Returns CONV2D_OK or CONV2D_E_ARGUMENT, _SHAPE, _OVERFLOW. Since 0.1 */
CONV2D_API conv2d_status conv2d_problem_format(const conv2d_problem *problem, char *text,
                                               size_t capacity, size_t *length_out);

/** Plan a problem without weights: for conv2d_plan_describe(), _candidate() and _text() only.
 *  Weights are taken to be finite and of the problem's weights_form. device NULL = a CPU device
 *  with default options.
 *  plan_out given; free with conv2d_plan_destroy(). Returns as conv2d(). Since 0.1 */
CONV2D_API conv2d_status conv2d_explain(conv2d_device *device, const conv2d_problem *problem,
                                        conv2d_plan **plan_out);

/* ---- copies -------------------------------------------------------------------------------- */

/** Copy host tensor `host` into `device` (buffer set), element by element; same dtype and sizes,
 *  any strides. Returns CONV2D_OK, CONV2D_E_ARGUMENT, _SHAPE, _DTYPE, _STRIDE, _DEVICE.
 *  Since 0.1 */
CONV2D_API conv2d_status conv2d_copy_to_device(const conv2d_tensor *host, conv2d_tensor *device);

/** Copy `device` (buffer set) into host tensor `host`, after all work queued before that writes it.
 *  Returns as conv2d_copy_to_device(), and failures of that work. Since 0.1 */
CONV2D_API conv2d_status conv2d_copy_to_host(const conv2d_tensor *device, conv2d_tensor *host);

#ifdef __cplusplus
}
#endif

#include "file.h"
#include "tune.h"
#endif
