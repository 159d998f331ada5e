/* SPDX-License-Identifier: BSD-2-Clause
 * Files to tensors and back (load.h). The bytes of an .npy file become the tensor's memory as they
 * are: Fortran order and channels-last are strides, nothing is copied. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "npy.h"
#include "safetensors.h"

static bool host_is_little(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

static void swap_bytes(unsigned char *bytes, size_t n, size_t size)
{
    for (size_t at = 0; at < n; at += size) {
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char byte = bytes[at + i];
            bytes[at + i] = bytes[at + size - 1 - i];
            bytes[at + size - 1 - i] = byte;
        }
    }
}

/* Axes of a file in order H W C become C H W (rank 4: after N). */
static void turn_axes(conv2d_tensor *t)
{
    int first = t->rank - 3;
    int64_t channels = t->sizes[first + 2], stride = t->strides[first + 2];
    for (int i = first + 2; i > first; i--) {
        t->sizes[i] = t->sizes[i - 1];
        t->strides[i] = t->strides[i - 1];
    }
    t->sizes[first] = channels;
    t->strides[first] = stride;
}

/* Take over bytes (freed on failure) as a tensor. */
static bool tensor_from_npy(unsigned char *bytes, size_t n, cli_tensor *out, cli_error *error)
{
    npy_view view;
    if (!npy_parse(bytes, n, &view, error)) {
        free(bytes);
        return false;
    }
    size_t size = conv2d_dtype_bytes(view.dtype);
    unsigned char *data = bytes + view.data_offset;
    if (view.data_offset % size != 0) {
        memmove(bytes, data, view.data_bytes);
        data = bytes;
    }
    if (view.swapped)
        swap_bytes(data, view.data_bytes, size);
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = view.dtype;
    t.rank = view.rank;
    t.data = data;
    int64_t stride = 1;
    for (int k = 0; k < view.rank; k++) {
        int axis = view.fortran ? k : view.rank - 1 - k;
        t.sizes[axis] = view.sizes[axis];
        t.strides[axis] = stride;
        stride *= view.sizes[axis] ? view.sizes[axis] : 1; /* fits: npy_parse() looked */
    }
    *out = (cli_tensor){t, bytes};
    return true;
}

/* An input's axes; turned into C H W or N C H W. Frees the tensor on failure. */
static bool check_input_axes(cli_tensor *out, conv2d_order order, cli_error *error)
{
    int rank = out->t.rank;
    if (rank != 3 && rank != 4) {
        tensor_free(out);
        return cli_fail(error, CLI_USAGE, "the array has %d axes, expected %s", rank,
                        order == CONV2D_NHWC ? "4 (N H W C) or 3 (H W C)"
                                             : "4 (N C H W) or 3 (C H W)");
    }
    if (order == CONV2D_NHWC)
        turn_axes(&out->t);
    return true;
}

static bool load_npy(unsigned char *bytes, size_t n, conv2d_order order, cli_tensor *out,
                     cli_error *error)
{
    return tensor_from_npy(bytes, n, out, error) && check_input_axes(out, order, error);
}

/* ---- safetensors ---------------------------------------------------------------------------- */

/* The header of a safetensors file as text (free), and where the data begins and ends. */
static bool read_header(const char *file, char **header_out, size_t *n_out, size_t *file_bytes_out,
                        cli_error *error)
{
    size_t size, n;
    unsigned char prefix[SAFETENSORS_PREFIX_BYTES];
    if (!file_size(file, &size, error))
        return false;
    if (size < sizeof prefix)
        return cli_fail(error, CLI_USAGE, "safetensors file of %zu bytes is truncated", size);
    if (!file_read_at(file, 0, prefix, sizeof prefix, error) ||
        !safetensors_header_bytes(prefix, size, &n, error))
        return false;
    char *header = malloc(n ? n : 1);
    if (!header)
        return cli_fail(error, CLI_FAILED, "out of memory");
    if (!file_read_at(file, sizeof prefix, header, n, error)) {
        free(header);
        return false;
    }
    *header_out = header;
    *n_out = n;
    *file_bytes_out = size;
    return true;
}

bool load_header(const char *file, json_t **header_out, cli_error *error)
{
    char *header = NULL;
    size_t n = 0, size = 0;
    if (!read_header(file, &header, &n, &size, error))
        return false;
    const bool ok =
        safetensors_read(header, n, size - SAFETENSORS_PREFIX_BYTES - n, header_out, error);
    free(header);
    return ok;
}

bool load_safetensors(const char *file, const char *name, cli_tensor *out, cli_error *error)
{
    char *header = NULL;
    size_t n = 0, size = 0;
    if (!read_header(file, &header, &n, &size, error))
        return false;
    safetensors_entry entry;
    const size_t data = SAFETENSORS_PREFIX_BYTES + n;
    bool ok = safetensors_find(header, n, size - data, name, &entry, error);
    free(header);
    if (!ok)
        return false;
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = entry.dtype;
    t.rank = entry.rank;
    memcpy(t.sizes, entry.sizes, sizeof t.sizes);
    if (!tensor_make(&t, CONV2D_NCHW, "weight", out, error))
        return false;
    size_t bytes = (size_t)(entry.end - entry.begin);
    if (!file_read_at(file, data + (size_t)entry.begin, out->t.data, bytes, error)) {
        tensor_free(out);
        return false;
    }
    if (!host_is_little()) /* the format is little-endian */
        swap_bytes(out->t.data, bytes, conv2d_dtype_bytes(t.dtype));
    return true;
}

static const char safetensors_mark[] = ".safetensors:";

static bool is_safetensors(const char *path)
{
    return strstr(path, safetensors_mark) != NULL;
}

bool load_reads(const char *path, const char *file)
{
    const char *mark = strstr(path, safetensors_mark);
    if (!mark)
        return file_same(path, file);
    char *own = strndup(path, (size_t)(mark - path) + sizeof safetensors_mark - 2);
    const bool same = own && file_same(own, file);
    free(own);
    return same;
}

/* "a/b.safetensors:name". */
static bool load_named(const char *path, cli_tensor *out, cli_error *error)
{
    size_t n = (size_t)(strstr(path, safetensors_mark) - path) + sizeof safetensors_mark - 2;
    char *file = strndup(path, n);
    bool ok = file ? load_safetensors(file, path + n + 1, out, error)
                   : cli_fail(error, CLI_FAILED, "out of memory");
    free(file);
    return ok;
}

bool load_data(const char *path, conv2d_order order, cli_loaded *out, cli_error *error)
{
    unsigned char *bytes;
    size_t n;
    cli_loaded loaded = {CLI_TENSOR_INIT, 0};
    if (is_safetensors(path)) {
        if (!load_named(path, &loaded.tensor, error) ||
            !check_input_axes(&loaded.tensor, order, error))
            return cli_prefix(error, "'%s'", path);
        *out = loaded;
        return true;
    }
    if (!file_read(path, &bytes, &n, error))
        return false;
    const picture_format *format = picture_format_of_bytes(bytes, n);
    bool ok;
    if (npy_is(bytes, n)) {
        ok = load_npy(bytes, n, order, &loaded.tensor, error); /* takes the bytes */
    } else if (format) {
        cli_picture picture = {0};
        ok = format->decode(bytes, n, &picture, error);
        free(bytes);
        if (ok) {
            loaded.depth = picture.depth;
            ok = picture_to_tensor(&picture, &loaded.tensor, error);
            picture_free(&picture);
        }
    } else {
        free(bytes);
        ok = cli_fail(error, CLI_USAGE,
                      "unknown kind of file, expected .npy, %s%s.pgm, .ppm, "
                      ".pfm or FILE.safetensors:NAME",
#ifdef CLI_HAVE_PNG
                      ".png, ",
#else
                      "",
#endif
#ifdef CLI_HAVE_JPEG
                      ".jpg, "
#else
                      ""
#endif
        );
    }
    if (!ok)
        return cli_prefix(error, "'%s'", path);
    *out = loaded;
    return true;
}

/* ---- weights and biases --------------------------------------------------------------------- */

bool load_parameter(const char *path, int rank, cli_tensor *out, cli_error *error)
{
    cli_tensor loaded = CLI_TENSOR_INIT;
    bool ok;
    if (is_safetensors(path)) {
        ok = load_named(path, &loaded, error);
    } else {
        unsigned char *bytes;
        size_t n;
        ok = file_read(path, &bytes, &n, error);
        if (!ok)
            return false; /* the sentence has the path already */
        if (npy_is(bytes, n)) {
            ok = tensor_from_npy(bytes, n, &loaded, error);
        } else {
            free(bytes);
            ok = cli_fail(error, CLI_USAGE,
                          "unknown kind of file, expected .npy or FILE.safetensors:NAME");
        }
    }
    if (ok && loaded.t.rank != rank) {
        ok = cli_fail(error, CLI_USAGE, "the array has %d axes, expected %s", loaded.t.rank,
                      rank == 1 ? "1 (OC)" : "4 (OC IC/G KH KW)");
        tensor_free(&loaded);
    }
    if (!ok)
        return cli_prefix(error, "'%s'", path);
    *out = loaded;
    return true;
}

/* ---- saving --------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *extension)
{
    size_t n = strlen(path), m = strlen(extension);
    return n >= m && strcmp(path + n - m, extension) == 0;
}

bool save_check(const char *path, const conv2d_tensor *output, int input_depth, int *depth_out,
                cli_error *error)
{
    const picture_format *format = picture_format_of_name(path);
    const int64_t channels = output->sizes[output->rank - 3];
    if (!ends_in(path, ".npy") && !ends_in(path, ".safetensors") && !format)
        return cli_fail(error, CLI_USAGE,
                        "cannot write '%s': unknown kind of file, expected a name that ends in "
                        ".npy, .safetensors, .png, .jpg, .pgm, .ppm or .pfm",
                        path);
    if (ends_in(path, ".npy") && output->dtype == CONV2D_BFLOAT16)
        return cli_fail(error, CLI_USAGE,
                        "cannot write '%s': .npy has no bfloat16; write .safetensors, or compute "
                        "with --dtype f32",
                        path);
    if (format && !picture_holds(format, channels))
        return cli_fail(error, CLI_USAGE,
                        "cannot write '%s': the output has %" PRId64 " channels, a %s holds%s%s%s; "
                        "write .npy instead",
                        path, channels, format->name, format->gray ? " 1" : "",
                        format->color ? format->gray ? " or 3" : " 3" : "",
                        format->alpha ? " or 4" : "");
    *depth_out = 0;
    if (format)
        *depth_out = format->depth == 32 ? 32 : input_depth == 16 && format->depth == 16 ? 16 : 8;
    return true;
}

/* Sizes in the order of the file's axes. */
static void file_sizes(const conv2d_tensor *t, conv2d_order order, int64_t sizes[4])
{
    memcpy(sizes, t->sizes, sizeof t->sizes);
    if (order == CONV2D_NCHW)
        return;
    int first = t->rank - 3;
    sizes[first] = t->sizes[first + 1];
    sizes[first + 1] = t->sizes[first + 2];
    sizes[first + 2] = t->sizes[first];
}

/* .npy is in this machine's byte order, .safetensors little-endian. */
static bool stage_array(const char *path, const cli_tensor *tensor, conv2d_order order,
                        cli_error *error)
{
    enum { HEADER_MAX = 256 };
    _Static_assert(HEADER_MAX >= (int)NPY_HEADER_MAX && HEADER_MAX >= (int)SAFETENSORS_WRITTEN_MAX,
                   "room for either");
    int64_t sizes[4];
    char header[HEADER_MAX];
    size_t n = 0, bytes = conv2d_dtype_bytes(tensor->t.dtype);
    const bool npy = ends_in(path, ".npy");
    file_sizes(&tensor->t, order, sizes);
    tensor_count(&tensor->t, &n);
    file_part parts[] = {
        {header,
         npy ? npy_header(tensor->t.dtype, tensor->t.rank, sizes, header)
             : safetensors_header(tensor->t.dtype, tensor->t.rank, sizes, "output", header)},
        {tensor->t.data, n * bytes},
    };
    if (!npy && !host_is_little())
        swap_bytes(tensor->t.data, n * bytes, bytes); /* nobody reads it after this */
    return file_stage(path, parts, 2, error);
}

bool save_stage(const char *path, const cli_tensor *tensor, const save_options *options,
                cli_error *error)
{
    if (options->depth == 0)
        return stage_array(path, tensor, options->order, error);
    cli_picture picture;
    if (!picture_from_tensor(&tensor->t, options->depth, options->normalize, &picture, error))
        return cli_prefix(error, "cannot write '%s'", path);
    file_part part;
    unsigned char *bytes;
    bool ok = picture_format_of_name(path)->encode(&picture, &bytes, &part.n, error);
    picture_free(&picture);
    if (!ok)
        return cli_prefix(error, "cannot write '%s'", path);
    part.bytes = bytes;
    ok = file_stage(path, &part, 1, error);
    free(bytes);
    return ok;
}
