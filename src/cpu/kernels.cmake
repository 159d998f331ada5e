# SPDX-License-Identifier: BSD-2-Clause
# The CPU's kernels: which ISAs this build has, and one object library an ISA with the flags of
# cmake/isa.cmake. Files are listed as in kernels.inc; tests/lint checks that they agree.
set(_generic
  gemm_ch_f32_4x8 gemm_px_f32_4x8 dw_ch_f32_4x8 dw_px_f32_1x32 epilogue_f32_1x4 widen_f32_1x4
  peak_f32_6x8 gemm_ch_f16_4x8 gemm_px_f16_4x8 dw_ch_f16_4x8 dw_px_f16_1x32 epilogue_f16_1x4
  widen_f16_1x4 gemm_ch_bf16_4x8 gemm_px_bf16_4x8 dw_ch_bf16_4x8 dw_px_bf16_1x32 epilogue_bf16_1x4
  widen_bf16_1x4
  grouped_ch_f32_9x4 grouped_ch_f16_9x4 grouped_ch_bf16_9x4 apart_f32_1x4
  dwrow_ch_f32_7x4 dwrow_ch_f16_7x4 dwrow_ch_bf16_7x4
  dwrow_px_f32_7x4 dwrow_px_f16_7x4 dwrow_px_bf16_7x4
  dwimg_px_f32_7x4 dwimg_px_f16_7x4 dwimg_px_bf16_7x4)
set(_avx2
  gemm_ch_f32_6x16 gemm_px_f32_6x16 dw_ch_f32_6x16 dw_px_f32_1x64 epilogue_f32_1x8 widen_f32_1x8
  peak_f32_6x16 gemm_ch_f16_6x16 gemm_px_f16_6x16 dw_ch_f16_6x16 dw_px_f16_1x64 epilogue_f16_1x8
  widen_f16_1x8 gemm_ch_bf16_6x16 gemm_px_bf16_6x16 dw_ch_bf16_6x16 dw_px_bf16_1x64
  epilogue_bf16_1x8 widen_bf16_1x8
  grouped_ch_f32_12x8 grouped_ch_f16_12x8 grouped_ch_bf16_12x8 apart_f32_1x8
  dwrow_ch_f32_7x8 dwrow_ch_f16_7x8 dwrow_ch_bf16_7x8
  dwrow_px_f32_7x8 dwrow_px_f16_7x8 dwrow_px_bf16_7x8
  dwimg_px_f32_7x8 dwimg_px_f16_7x8 dwimg_px_bf16_7x8)
set(_avx512
  gemm_ch_f32_12x32 gemm_px_f32_8x48 dw_ch_f32_6x64 dw_px_f32_1x128 epilogue_f32_1x16
  widen_f32_1x16 peak_f32_12x32 gemm_ch_f16_12x32 gemm_px_f16_8x48 dw_ch_f16_6x64 dw_px_f16_1x128
  epilogue_f16_1x16 widen_f16_1x16 gemm_ch_bf16_12x32 gemm_px_bf16_8x48 dw_ch_bf16_6x64
  dw_px_bf16_1x128 epilogue_bf16_1x16 widen_bf16_1x16
  grouped_ch_f32_21x16 grouped_ch_f16_21x16 grouped_ch_bf16_21x16 apart_f32_1x16
  dwrow_ch_f32_14x16 dwrow_ch_f16_14x16 dwrow_ch_bf16_14x16
  dwrow_px_f32_7x16 dwrow_px_f16_7x16 dwrow_px_bf16_7x16
  dwimg_px_f32_14x16 dwimg_px_f16_14x16 dwimg_px_bf16_14x16)
set(_neon
  gemm_ch_f32_12x8 gemm_px_f32_8x12 dw_ch_f32_6x16 dw_px_f32_1x32 epilogue_f32_1x4 widen_f32_1x4
  peak_f32_12x8 gemm_ch_f16_12x8 gemm_px_f16_8x12 dw_ch_f16_6x16 dw_px_f16_1x32 epilogue_f16_1x4
  widen_f16_1x4 gemm_ch_bf16_12x8 gemm_px_bf16_8x12 dw_ch_bf16_6x16 dw_px_bf16_1x32
  epilogue_bf16_1x4 widen_bf16_1x4
  grouped_ch_f32_21x4 grouped_ch_f16_21x4 grouped_ch_bf16_21x4 apart_f32_1x4
  dwrow_ch_f32_14x4 dwrow_ch_f16_14x4 dwrow_ch_bf16_14x4
  dwrow_px_f32_7x4 dwrow_px_f16_7x4 dwrow_px_bf16_7x4
  dwimg_px_f32_14x4 dwimg_px_f16_14x4 dwimg_px_bf16_14x4)
list(APPEND _avx512
  direct_px_f32_9x48 direct_px_f16_9x48 direct_px_bf16_9x48
  direct_rows_f32_6x64 direct_rows_f16_6x64 direct_rows_bf16_6x64
  direct_ch_f32_6x64 direct_ch_f16_6x64 direct_ch_bf16_6x64 direct_sum_f32_6x4)
list(APPEND _avx2
  direct_px_f32_4x24 direct_px_f16_4x24 direct_px_bf16_4x24
  direct_rows_f32_4x24 direct_rows_f16_4x24 direct_rows_bf16_4x24
  direct_ch_f32_4x24 direct_ch_f16_4x24 direct_ch_bf16_4x24 direct_sum_f32_4x2)
list(APPEND _neon
  direct_px_f32_8x12 direct_px_f16_8x12 direct_px_bf16_8x12
  direct_rows_f32_6x16 direct_rows_f16_6x16 direct_rows_bf16_6x16
  direct_ch_f32_6x16 direct_ch_f16_6x16 direct_ch_bf16_6x16 direct_sum_f32_6x4)
list(APPEND _generic
  direct_px_f32_4x8 direct_px_f16_4x8 direct_px_bf16_4x8
  direct_rows_f32_4x8 direct_rows_f16_4x8 direct_rows_bf16_4x8
  direct_ch_f32_4x8 direct_ch_f16_4x8 direct_ch_bf16_4x8 direct_sum_f32_4x2)

# Grouped, lanes = pixels (algo_grouped_px.c).
list(APPEND _generic grouped_px_f32_4x8 grouped_px_f16_4x8 grouped_px_bf16_4x8)
list(APPEND _avx2 grouped_px_f32_4x24 grouped_px_f16_4x24 grouped_px_bf16_4x24)
list(APPEND _avx512 grouped_px_f32_8x48 grouped_px_f16_8x48 grouped_px_bf16_8x48)
list(APPEND _neon grouped_px_f32_8x12 grouped_px_f16_8x12 grouped_px_bf16_8x12)
list(APPEND CONV2D_SOURCES cpu/algo_grouped_px.c)

list(APPEND CONV2D_SOURCES
  cpu/algo_direct.c cpu/direct.c cpu/direct_plan.c cpu/algo_direct_ch.c cpu/algo_separable.c
  cpu/separable.c
  cpu/algo_depthwise_rows_ch.c cpu/depthwise_rows_ch.c cpu/algo_depthwise_rows_px.c
  cpu/algo_depthwise_image_px.c cpu/depthwise.c
  cpu/algo_grouped_ch.c cpu/grouped_ch.c
  cpu/algo_depthwise_ch.c cpu/algo_depthwise_px.c cpu/algo_gemm1x1.c cpu/algo_igemm.c
  cpu/columns.c cpu/share.c cpu/cost.c cpu/driver.c cpu/gemm_ch.c cpu/gemm_ch_plan.c
  cpu/gemm_ch_region.c cpu/gemm_ch_window.c cpu/gemm_px.c cpu/gemm_px_fill.c
  cpu/gemm_px_panel.c cpu/gemm_px_plan.c cpu/pack.c cpu/planes.c
  cpu/rows.c
  cpu/window.c)

# Transforms (algo_fft.c).
list(APPEND CONV2D_SOURCES cpu/algo_fft.c cpu/fft.c cpu/fft_pack.c cpu/fft_plan.c)
if(CONV2D_KISSFFT)
  find_path(CONV2D_KISSFFT_INCLUDE kissfft/kiss_fft.h)
  find_library(CONV2D_KISSFFT_LIBRARY kissfft-float)
  mark_as_advanced(CONV2D_KISSFFT_INCLUDE CONV2D_KISSFFT_LIBRARY)
endif()
set(_have_kissfft OFF)
if(CONV2D_KISSFFT AND CONV2D_KISSFFT_INCLUDE AND CONV2D_KISSFFT_LIBRARY)
  set(_have_kissfft ON)
  list(APPEND CONV2D_SOURCES cpu/kiss.c)
  set_property(SOURCE cpu/kiss.c APPEND PROPERTY INCLUDE_DIRECTORIES ${CONV2D_KISSFFT_INCLUDE})
else()
  list(APPEND CONV2D_SOURCES cpu/no_kiss.c)
endif()
set(CONV2D_HAVE_KISSFFT ${_have_kissfft} CACHE INTERNAL "This build has KissFFT")

# Box filters (separable.c).
list(APPEND _generic box_down_f32_8x4 box_across_f32_1x4)
list(APPEND _avx2 box_down_f32_8x8 box_across_f32_1x8)
list(APPEND _avx512 box_down_f32_8x16 box_across_f32_1x16)
list(APPEND _neon box_down_f32_8x4 box_across_f32_1x4)

# Winograd (winograd.c).
list(APPEND _generic wino_in_f32_6x4 wino_in_f32_4x4 wino_in_f32_2x4 wino_gemm_f32_4x8
  wino_groups_f32_4x8 wino_out_f32_6x8 wino_out_f32_4x8 wino_out_f32_2x8 wino_in_f16_6x4
  wino_in_f16_4x4 wino_in_f16_2x4 wino_in_bf16_6x4 wino_in_bf16_4x4 wino_in_bf16_2x4)
list(APPEND _avx2 wino_in_f32_6x8 wino_in_f32_4x8 wino_in_f32_2x8 wino_gemm_f32_6x16
  wino_groups_f32_6x16 wino_out_f32_6x16 wino_out_f32_4x16 wino_out_f32_2x16 wino_in_f16_6x8
  wino_in_f16_4x8 wino_in_f16_2x8 wino_in_bf16_6x8 wino_in_bf16_4x8 wino_in_bf16_2x8)
list(APPEND _avx512 wino_in_f32_6x16 wino_in_f32_4x16 wino_in_f32_2x16 wino_gemm_f32_14x32
  wino_groups_f32_16x32 wino_out_f32_6x32 wino_out_f32_4x32 wino_out_f32_2x32 wino_in_f16_6x16
  wino_in_f16_4x16 wino_in_f16_2x16 wino_in_bf16_6x16 wino_in_bf16_4x16 wino_in_bf16_2x16)
list(APPEND _neon wino_in_f32_6x4 wino_in_f32_4x4 wino_in_f32_2x4 wino_gemm_f32_12x8
  wino_groups_f32_12x8 wino_out_f32_6x8 wino_out_f32_4x8 wino_out_f32_2x8 wino_in_f16_6x4
  wino_in_f16_4x4 wino_in_f16_2x4 wino_in_bf16_6x4 wino_in_bf16_4x4 wino_in_bf16_2x4)
list(APPEND CONV2D_SOURCES cpu/algo_winograd.c cpu/winograd.c cpu/winograd_in.c
     cpu/winograd_merged.c cpu/winograd_pack.c cpu/winograd_tiles.c
     cpu/winograd_parts.c cpu/winograd_plan.c)

# Pairs of bfloat16 (driver.h).
set(_avx512_bf16 dot_ch_bf16_12x32 dot_px_bf16_8x48)
set(_amx dot_ch_bf16_16x64 dot_px_bf16_32x32 dot2_px_f32_32x32 dot3_px_f32_32x32
  dot2_ch_f32_32x32 dot3_ch_f32_32x32 tiles_bf16_16x16)
list(APPEND _generic pair_bf16_1x16 pair_f32_2x16 pair_f32_3x16 parts_f32_2x16 parts_f32_3x16
  crossed_f32_3x16)
list(APPEND _avx512 pair_bf16_1x16 pair_f32_2x16 pair_f32_3x16 parts_f32_2x16 parts_f32_3x16
  crossed_f32_3x16)
list(APPEND CONV2D_SOURCES cpu/algo_dot.c cpu/algo_split.c cpu/gemm_members.c
     cpu/tile_state.c cpu/pack_words.c cpu/pairs.c cpu/panel.c cpu/panel_kernel.c
     cpu/panel_fill.c cpu/panel_plan.c cpu/strip.c cpu/strip_fill.c cpu/strip_plan.c
     cpu/group_strip.c cpu/group_strip_plan.c
     cpu/interleave.c)

# A minimal build has the portable kernels and what the compiler's baseline has anyway.
include(CheckCSourceCompiles)
set(CONV2D_ISAS generic)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  list(APPEND CONV2D_ISAS neon)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  if(CONV2D_MINIMAL)
    check_c_source_compiles("
      #if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
      #error
      #endif
      int main(void) { return 0; }" CONV2D_BASELINE_AVX2)
    if(CONV2D_BASELINE_AVX2)
      list(APPEND CONV2D_ISAS avx2)
    endif()
  else()
    list(APPEND CONV2D_ISAS avx2 avx512 avx512_bf16)
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux") # others have no way to ask for the registers' state
      list(APPEND CONV2D_ISAS amx)
    endif()
    if(NOT APPLE) # macOS itself says what its processor has
      find_package(CpuFeatures REQUIRED)
      set(CONV2D_CPU_FEATURES CpuFeatures::cpu_features)
    endif()
  endif()
endif()

set(CONV2D_ISAS ${CONV2D_ISAS} CACHE INTERNAL "Instruction sets of this build")
set(CONV2D_KERNEL_OBJECTS)
foreach(_isa ${CONV2D_ISAS})
  list(TRANSFORM _${_isa} REPLACE "(.+)" "cpu/isa/${_isa}/\\1.c" OUTPUT_VARIABLE _files)
  add_library(conv2d_kernels_${_isa} OBJECT ${_files})
  target_include_directories(conv2d_kernels_${_isa} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
                             ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(conv2d_kernels_${_isa} PRIVATE conv2d_flags)
  target_compile_options(conv2d_kernels_${_isa} PRIVATE ${CONV2D_KERNEL_FLAGS}
                         ${CONV2D_ISA_FLAGS_${_isa}})
  if(_isa STREQUAL "avx512" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(FILTER _files INCLUDE REGEX "${CONV2D_TUNED_KERNELS}")
    set_property(SOURCE ${_files} PROPERTY COMPILE_OPTIONS ${CONV2D_TUNED_FLAGS})
  endif()
  list(APPEND CONV2D_KERNEL_OBJECTS $<TARGET_OBJECTS:conv2d_kernels_${_isa}>)
  string(TOUPPER ${_isa} _ISA)
  set_property(SOURCE cpu/table.c APPEND PROPERTY COMPILE_DEFINITIONS C2_HAVE_${_ISA}=1)
endforeach()
if(CONV2D_CPU_FEATURES)
  set_property(SOURCE cpu/machine.c APPEND PROPERTY COMPILE_DEFINITIONS CONV2D_HAVE_CPU_FEATURES)
endif()
