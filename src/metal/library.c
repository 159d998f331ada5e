/* SPDX-License-Identifier: BSD-2-Clause
 * One MTLLibrary for each family of kernels, made when first needed: of the metallib that Apple's
 * tools made when the library was built, where they were there and Metal takes it, else of the
 * embedded text. Fast math is off in both: Metal's default is on, and would break NaN and the
 * bounds. Everything is called with the compiling lock and inside an autorelease pool. */
#include <stdio.h>

#include "metal/internal.h"

/* Made by embed.cmake: what is there of each family. A metallib of 0 bytes is none. */
#define DECLARE(id, name)                                    \
    extern const char c2_metal_##name##_text[];              \
    extern const unsigned char c2_metal_##name##_metallib[]; \
    extern const unsigned c2_metal_##name##_metallib_bytes;
C2_METAL_FAMILY_LIST(DECLARE)
#undef DECLARE

const c2_metal_family c2_metal_families[C2_METAL_FAMILIES] = {
#define ROW(id, name)                                                  \
    [id] = {#name, c2_metal_##name##_text, c2_metal_##name##_metallib, \
            &c2_metal_##name##_metallib_bytes},
    C2_METAL_FAMILY_LIST(ROW)
#undef ROW
};

static c2_id new_options(const c2_objc *rt)
{
    const c2_id options = c2_objc_new(rt, "MTLCompileOptions");
    if (!options)
        return NULL;
    C2_SEND(rt, set_fast_math, options, 0);
    if (C2_SEND(rt, responds, options, rt->sel.set_math_mode))
        C2_SEND(rt, set_math_mode, options, C2_MTL_MATH_SAFE);
    C2_SEND(rt, set_language, options, C2_MTL_LANGUAGE_2_4);
    return options;
}

static c2_id of_text(const c2_metal_device *d, const c2_metal_family *family, c2_id *error_out)
{
    const c2_objc *rt = &d->rt;
    const c2_id options = new_options(rt);
    if (!options)
        return NULL;
    const c2_id library =
        C2_SEND(rt, new_library, d->device, c2_objc_string(rt, family->text), options, error_out);
    c2_objc_release(rt, options);
    return library;
}

/* NULL where there is none, and, told to the log, where Metal does not take it: one that was built
 * for a newer system, for instance. */
static c2_id of_metallib(const c2_metal_device *d, const c2_metal_family *family)
{
    const c2_objc *rt = &d->rt;
    if (!*family->metallib_bytes || !rt->data)
        return NULL;
    c2_id error = NULL;
    const c2_id data = rt->data(family->metallib, *family->metallib_bytes, NULL, NULL);
    const c2_id library = data ? C2_SEND(rt, new_library_of_data, d->device, data, &error) : NULL;
    if (!library && d->base.log) {
        char line[256];
        snprintf(line, sizeof line,
                 "metal: the %s kernels are compiled from their text, the metallib is refused: "
                 "%.120s",
                 family->name, c2_objc_error_text(rt, error));
        d->base.log(d->base.log_user, line);
    }
    c2_objc_release(rt, data);
    return library;
}

conv2d_status c2_metal_library_get(c2_metal_device *d, int index, c2_id *library_out)
{
    const c2_metal_family *family = &c2_metal_families[index];
    c2_id error = NULL;
    if (!d->libraries[index])
        d->libraries[index] = of_metallib(d, family);
    if (!d->libraries[index])
        d->libraries[index] = of_text(d, family, &error);
    if (!d->libraries[index])
        return c2_fail(CONV2D_E_DEVICE, "Metal does not compile the %s kernels: %.300s",
                       family->name, c2_objc_error_text(&d->rt, error));
    *library_out = d->libraries[index];
    return CONV2D_OK;
}
