# SPDX-License-Identifier: BSD-2-Clause
# The Metal backend: plain C through the Objective-C runtime, opened at run time, so it is built on
# every system that has threads and dlopen; a minimal library has neither. The kernels' texts are
# embedded and compiled by Metal itself, so no tool of Apple's is needed either.
option(CONV2D_METAL "Build the Metal backend" ON)
if(CONV2D_MINIMAL)
  set(CONV2D_METAL OFF)
endif()
if(CONV2D_METAL)
  list(APPEND CONV2D_SOURCES
    gpu/tile.c
    metal/algo.c metal/algo_depthwise.c metal/algo_gemm.c metal/algo_plain.c metal/buffer.c
    metal/metal_backend.c metal/objc.c metal/pipeline.c metal/queue.c)
  set_property(SOURCE backend/registry.c APPEND PROPERTY COMPILE_DEFINITIONS CONV2D_METAL)
  set(_kernels ${CMAKE_CURRENT_SOURCE_DIR}/metal/kernels)
  set(_args ${CMAKE_CURRENT_SOURCE_DIR}/gpu/args.h)
  set(_embed ${CMAKE_CURRENT_SOURCE_DIR}/metal/embed.cmake)
  # Family by family: the shared texts first, then its own.
  foreach(_family depthwise gemm plain)
    set(_texts ${_args} ${_kernels}/common.metal ${_kernels}/${_family}.metal)
    set(_out ${CMAKE_CURRENT_BINARY_DIR}/metal_${_family}.c)
    add_custom_command(OUTPUT ${_out}
      COMMAND ${CMAKE_COMMAND} -D OUT=${_out} -D NAME=c2_metal_${_family}_text
              -D "TEXTS=${_texts}" -P ${_embed}
      DEPENDS ${_texts} ${_embed} VERBATIM)
    list(APPEND CONV2D_SOURCES ${_out})
  endforeach()
endif()
