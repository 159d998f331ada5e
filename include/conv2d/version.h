/* SPDX-License-Identifier: BSD-2-Clause
 * Version numbers of the library and of its ABI. They are written here and nowhere else: CMake,
 * conv2d.pc and the SONAME read them from this file. */
#ifndef CONV2D_VERSION_H
#define CONV2D_VERSION_H

#define CONV2D_VERSION_MAJOR 0
#define CONV2D_VERSION_MINOR 1
#define CONV2D_VERSION_PATCH 0

/** Number in the SONAME: raised when a program built against an older header would break. */
#define CONV2D_ABI_VERSION 0

#endif
