# SPDX-License-Identifier: BSD-2-Clause
# The Metal backend: plain C through the Objective-C runtime, opened at run time, so it is built on
# every system that has threads and dlopen; a minimal library has neither. The kernels' texts are
# embedded and compiled by Metal itself, so no tool of Apple's is needed either; where Apple's tools
# are (the program xcrun, with a Metal compiler), a metallib of each family is embedded too.
option(CONV2D_METAL "Build the Metal backend" ON)
if(CONV2D_MINIMAL)
  set(CONV2D_METAL OFF)
endif()
if(CONV2D_METAL)
  list(APPEND CONV2D_SOURCES
    gpu/tile.c gpu/winograd.c
    metal/algo.c metal/algo_depthwise.c metal/algo_direct.c metal/algo_gemm.c
    metal/algo_gemm1x1.c metal/algo_grouped.c metal/algo_plain.c metal/algo_winograd.c
    metal/archive.c metal/buffer.c metal/library.c metal/metal_backend.c metal/objc.c
    metal/pipeline.c metal/queue.c metal/tiles.c metal/workspace.c)
  set_property(SOURCE backend/registry.c APPEND PROPERTY COMPILE_DEFINITIONS CONV2D_METAL)
  include(metal/family.cmake)
  find_program(CONV2D_XCRUN xcrun)
  conv2d_find_metal_tools("${CONV2D_XCRUN}" _xcrun)
  foreach(_family ${CONV2D_METAL_FAMILIES})
    set(_out ${CMAKE_CURRENT_BINARY_DIR}/metal_${_family}.c)
    conv2d_metal_family(${_family} "${_xcrun}" ${_out})
    list(APPEND CONV2D_SOURCES ${_out})
  endforeach()
endif()
