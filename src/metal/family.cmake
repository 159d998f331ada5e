# SPDX-License-Identifier: BSD-2-Clause
# conv2d_metal_family(NAME XCRUN OUT): a command that makes the C file OUT of the text of a family
# of kernels: the shared texts, then its own; with XCRUN (empty: none) a metallib too.
# CONV2D_METAL_FAMILIES: all of them, those of internal.h's list.
set(CONV2D_METAL_FAMILIES depthwise direct gemm gemm1x1 grouped plain winograd)
# What a family includes beside common.metal, in the order of the #includes.
set(_conv2d_metal_gemm tile window)
set(_conv2d_metal_gemm1x1 tile)
set(_conv2d_metal_grouped tile window)
set(_conv2d_metal_winograd tile)
set(_conv2d_metal_folder ${CMAKE_CURRENT_LIST_DIR})
function(conv2d_metal_family name xcrun out)
  set(texts ${PROJECT_SOURCE_DIR}/src/gpu/args.h)
  foreach(text common ${_conv2d_metal_${name}} ${name})
    list(APPEND texts ${_conv2d_metal_folder}/kernels/${text}.metal)
  endforeach()
  set(embed ${_conv2d_metal_folder}/embed.cmake)
  file(GENERATE OUTPUT ${out}.texts CONTENT "${texts}\n") # for tests that change them
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -D OUT=${out} -D NAME=c2_metal_${name} -D "TEXTS=${texts}"
            -D "XCRUN=${xcrun}" -P ${embed}
    DEPENDS ${texts} ${embed} ${xcrun} VERBATIM)
endfunction()

# conv2d_find_metal_tools(XCRUN OUT): XCRUN if it has a Metal compiler, else empty.
function(conv2d_find_metal_tools xcrun out)
  set(${out} "" PARENT_SCOPE)
  if(xcrun)
    execute_process(COMMAND ${xcrun} -sdk macosx --find metal RESULT_VARIABLE status
                    OUTPUT_QUIET ERROR_QUIET)
    if(status EQUAL 0)
      set(${out} ${xcrun} PARENT_SCOPE)
    endif()
  endif()
endfunction()
