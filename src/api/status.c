/* SPDX-License-Identifier: BSD-2-Clause
 * Texts of the status list, the version, and the last error. */
#include "conv2d/conv2d.h"
#include "core/error.h"

#define C2_STRING_(x) #x
#define C2_STRING(x) C2_STRING_(x)

const char *conv2d_version(void)
{
    return C2_STRING(CONV2D_VERSION_MAJOR) "." C2_STRING(CONV2D_VERSION_MINOR) "." C2_STRING(
        CONV2D_VERSION_PATCH);
}

uint32_t conv2d_version_number(void)
{
    return (uint32_t)CONV2D_VERSION_MAJOR << 16 | CONV2D_VERSION_MINOR << 8 | CONV2D_VERSION_PATCH;
}

const char *conv2d_status_text(conv2d_status status)
{
    switch (status) {
#define C2_CASE(name, value, text)                                                                 \
    case name: return text;
        CONV2D_STATUS_LIST(C2_CASE)
#undef C2_CASE
    }
    return "unknown status";
}

const char *conv2d_status_name(conv2d_status status)
{
    switch (status) {
#define C2_CASE(name, value, text)                                                                 \
    case name: return #name;
        CONV2D_STATUS_LIST(C2_CASE)
#undef C2_CASE
    }
    return "?";
}

const char *conv2d_last_error(void) { return c2_last_error(); }
