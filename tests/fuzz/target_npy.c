/* SPDX-License-Identifier: BSD-2-Clause
 * Fuzz target: .npy files. What is accepted must load, and every element of the tensor must be the
 * one that the header's order and byte order say. */
#include <string.h>

#include "file.h"
#include "fuzz.h"
#include "load.h"
#include "npy.h"

enum { ELEMENTS_MAX = 4096 }; /* more are not compared one by one */

/* The bits of element `index` (in C order of the sizes) as the file has them. */
static uint64_t file_bits(const unsigned char *data, const npy_view *v, size_t index)
{
    size_t at = index;
    if (v->fortran) {
        size_t rest = index, step = 1, steps[NPY_MAX_RANK];
        for (int i = 0; i < v->rank; i++) {
            steps[i] = step;
            step *= (size_t)v->sizes[i];
        }
        at = 0;
        for (int i = v->rank - 1; i >= 0; i--) {
            at += rest % (size_t)v->sizes[i] * steps[i];
            rest /= (size_t)v->sizes[i];
        }
    }
    const size_t size = conv2d_dtype_bytes(v->dtype);
    uint64_t bits = 0;
    memcpy(&bits, data + at * size, size);
    if (!v->swapped)
        return bits;
    uint64_t turned = 0;
    for (size_t i = 0; i < size; i++)
        turned |= (bits >> 8 * i & 255) << 8 * (size - 1 - i);
    return turned;
}

static void compare(const cli_tensor *tensor, const npy_view *v, const unsigned char *data)
{
    const size_t size = conv2d_dtype_bytes(v->dtype);
    size_t index = 0;
    fuzz_check(tensor->t.dtype == v->dtype && tensor->t.rank == v->rank, "another type or rank");
    for (int i = 0; i < v->rank; i++)
        fuzz_check(tensor->t.sizes[i] == v->sizes[i], "another size");
    if (v->data_bytes / size > ELEMENTS_MAX)
        return;
    for (tensor_walk w = tensor_begin(&tensor->t); w.more; tensor_next(&w), index++) {
        uint64_t bits = 0;
        memcpy(&bits, w.at, size);
        fuzz_check(bits == file_bits(data, v, index), "another element");
    }
    fuzz_check(index * size == v->data_bytes, "another number of elements");
}

/* A header of the same array, written by the tool, reads back. */
static void write_again(const npy_view *v)
{
    char header[NPY_HEADER_MAX];
    cli_error error;
    npy_view again;
    const size_t length = npy_header(v->dtype, v->rank, v->sizes, header);
    fuzz_check(length <= sizeof header && length % 64 == 0, "a header of a wrong length");
    if (v->data_bytes > 0) { /* without its data it is a truncated file */
        fuzz_check(!npy_parse((const unsigned char *)header, length, &again, &error),
                   "data are missing");
        return;
    }
    fuzz_check(npy_parse((const unsigned char *)header, length, &again, &error), "does not read");
    fuzz_check(again.dtype == v->dtype && again.rank == v->rank && !again.fortran &&
                   memcmp(again.sizes, v->sizes, sizeof v->sizes) == 0,
               "reads as another array");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    npy_view view;
    cli_error error = {.text = ""};
    cli_tensor tensor;
    if (!npy_parse(bytes, n, &view, &error)) {
        fuzz_check(error.text[0] && error.code == CLI_USAGE, "refused without a sentence");
        return 0;
    }
    fuzz_check(view.rank >= 0 && view.rank <= NPY_MAX_RANK && view.data_offset <= n &&
                   view.data_bytes == n - view.data_offset,
               "data that are not there");
    write_again(&view);
    const char *path = fuzz_file(bytes, n, ".npy");
    if (view.rank == 1 || view.rank == 4) {
        const bool ok = load_parameter(path, view.rank, &tensor, &error);
        fuzz_check(ok || (fuzz_starved() && error.text[0]), "accepted, but does not load");
        if (ok) {
            compare(&tensor, &view, bytes + view.data_offset);
            tensor_free(&tensor);
        }
    }
    cli_loaded loaded;
    const bool is_image = view.rank == 3 || view.rank == 4;
    const conv2d_order order = fuzz_choice(bytes, n, 2) ? CONV2D_NHWC : CONV2D_NCHW;
    const bool ok = load_data(path, order, &loaded, &error);
    fuzz_check(ok ? is_image : fuzz_starved() || !is_image, "loads if it has 3 or 4 axes");
    if (ok) {
        size_t count = 0;
        fuzz_check(tensor_count(&loaded.tensor.t, &count) &&
                       count * conv2d_dtype_bytes(view.dtype) == view.data_bytes,
                   "another number of elements");
        if (order == CONV2D_NCHW)
            compare(&loaded.tensor, &view, bytes + view.data_offset);
        tensor_free(&loaded.tensor);
    } else {
        fuzz_check(error.text[0], "refused without a sentence");
    }
    return 0;
}
