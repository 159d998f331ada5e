# SPDX-License-Identifier: BSD-2-Clause
# The one table ISA -> compiler flags. Kernel files are compiled with -O2 (GCC -O3 spills the
# accumulators of the tiles), never with fast-math.
set(CONV2D_KERNEL_FLAGS -O2 -fno-math-errno)
set(CONV2D_ISA_FLAGS_generic "")
set(CONV2D_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(CONV2D_ISA_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
                            -mprefer-vector-width=512)
set(CONV2D_ISA_FLAGS_avx512_bf16 ${CONV2D_ISA_FLAGS_avx512} -mavx512bf16)
set(CONV2D_ISA_FLAGS_amx ${CONV2D_ISA_FLAGS_avx512_bf16} -mamx-tile -mamx-bf16)
# GCC's costs of no processor in particular keep addresses in vector registers, and moves from there
# wait in turn behind FMAs: layers of these families took 3 to 9 % more time (GCC 12). Others, with
# more vectors than registers, are slower by these costs.
set(CONV2D_TUNED_KERNELS "/(direct_ch|direct_sum|direct_rows|dwimg_px)_")
set(CONV2D_TUNED_FLAGS -mtune=icelake-server)
