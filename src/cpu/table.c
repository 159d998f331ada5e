/* SPDX-License-Identifier: BSD-2-Clause
 * The kernel table, and the declarations of its entries, both read from kernels.inc. */
#include "cpu/kernels.h"

#include <string.h>

#if !defined(C2_HAVE_AVX512)
#define C2_HAVE_AVX512 0
#endif

#define C2_KERNEL(fam, type, isa_, mr_, nr_, need_)                                                \
    c2_##fam##_kernel c2_##fam##_##type##_##mr_##x##nr_##_##isa_;
#include "cpu/kernels.inc"
#undef C2_KERNEL

/* A family's and a type's enumerator by the name that kernels.inc has. */
enum {
    family_gemm_ch = C2_FAMILY_GEMM_CH,
    family_gemm_px = C2_FAMILY_GEMM_PX,
    family_dw_ch = C2_FAMILY_DW_CH,
    family_dw_px = C2_FAMILY_DW_PX,
    family_grouped_ch = C2_FAMILY_GROUPED_CH,
    family_grouped_px = C2_FAMILY_GROUPED_PX,
    family_dwrow_ch = C2_FAMILY_DWROW_CH,
    family_direct_px = C2_FAMILY_DIRECT_PX,
    family_direct_rows = C2_FAMILY_DIRECT_ROWS,
    family_direct_ch = C2_FAMILY_DIRECT_CH,
    family_direct_sum = C2_FAMILY_DIRECT_SUM,
    family_dwrow_px = C2_FAMILY_DWROW_PX,
    family_dwimg_px = C2_FAMILY_DWIMG_PX,
    family_epilogue = C2_FAMILY_EPILOGUE,
    family_widen = C2_FAMILY_WIDEN,
    family_apart = C2_FAMILY_APART,
    family_peak = C2_FAMILY_PEAK,
    family_wino_in = C2_FAMILY_WINO_IN,
    family_wino_gemm = C2_FAMILY_WINO_GEMM,
    family_wino_groups = C2_FAMILY_WINO_GROUPS,
    family_wino_out = C2_FAMILY_WINO_OUT,
    family_dot_ch = C2_FAMILY_DOT_CH,
    family_dot_px = C2_FAMILY_DOT_PX,
    family_dot2_px = C2_FAMILY_DOT2_PX,
    family_dot3_px = C2_FAMILY_DOT3_PX,
    family_dot2_ch = C2_FAMILY_DOT2_CH,
    family_dot3_ch = C2_FAMILY_DOT3_CH,
    family_parts = C2_FAMILY_PARTS,
    family_crossed = C2_FAMILY_CROSSED,
    family_pair = C2_FAMILY_PAIR,
    family_box_down = C2_FAMILY_BOX_DOWN,
    family_box_across = C2_FAMILY_BOX_ACROSS,
    family_tiles = C2_FAMILY_TILES,
    dtype_f32 = CONV2D_FLOAT32,
    dtype_f16 = CONV2D_FLOAT16,
    dtype_bf16 = CONV2D_BFLOAT16
};

/* And an instruction set's lanes. Tests emulate the last two where AVX-512 is not compiled. */
enum {
    lanes_generic = 4,
    lanes_neon = 4,
    lanes_avx2 = 8,
    lanes_avx512 = 16,
    lanes_avx512_bf16 = C2_HAVE_AVX512 ? 16 : 4,
    lanes_amx = lanes_avx512_bf16
};

const c2_kernel c2_kernels[] = {
#define C2_KERNEL(fam, type, isa_, mr_, nr_, need_)                                                \
    {#fam "_" #type "_" #mr_ "x" #nr_ "_" #isa_,                                                   \
     #fam "_" #mr_ "x" #nr_ "_" #isa_,                                                             \
     #fam,                                                                                         \
     #isa_,                                                                                        \
     (c2_family)family_##fam,                                                                      \
     dtype_##type,                                                                                 \
     mr_,                                                                                          \
     nr_,                                                                                          \
     lanes_##isa_,                                                                                 \
     need_,                                                                                        \
     (c2_any_fn)c2_##fam##_##type##_##mr_##x##nr_##_##isa_},
#include "cpu/kernels.inc"
#undef C2_KERNEL
};
const int c2_n_kernels = (int)(sizeof c2_kernels / sizeof c2_kernels[0]);

const char *c2_kernel_base(const c2_kernel *kernel)
{
    const bool adds = strcmp(kernel->isa, "avx512_bf16") == 0 || strcmp(kernel->isa, "amx") == 0;
    return !adds ? kernel->isa : C2_HAVE_AVX512 ? "avx512" : "generic"; /* emulated, in tests */
}

int c2_kernel_unit(const c2_kernel *kernel)
{
    for (int i = 0; i < c2_n_kernels; i++)
        if (c2_kernels[i].family == C2_FAMILY_TILES && !strcmp(c2_kernels[i].isa, kernel->isa))
            return c2_kernels[i].nr;
    return 1;
}
