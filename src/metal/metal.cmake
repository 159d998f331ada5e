# SPDX-License-Identifier: BSD-2-Clause
# The Metal backend: plain C through the Objective-C runtime, opened at run time, so it is built on
# every system that has threads and dlopen. A minimal library has neither.
option(CONV2D_METAL "Build the Metal backend" ON)
if(CONV2D_METAL AND NOT CONV2D_MINIMAL)
  list(APPEND CONV2D_SOURCES metal/objc.c)
endif()
