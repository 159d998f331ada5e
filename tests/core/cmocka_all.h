/* SPDX-License-Identifier: BSD-2-Clause
 * cmocka and the headers that it wants before it. */
#ifndef TEST_CORE_CMOCKA_ALL_H
#define TEST_CORE_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
