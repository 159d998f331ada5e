/* SPDX-License-Identifier: BSD-2-Clause
 * Fuzz target: safetensors files as the command line reads them (cli/safetensors.c). An entry that
 * is found lies in the file and has the bytes its shape needs; loading it gives those bytes. */
#include <string.h>

#include "fuzz.h"
#include "load.h"
#include "safetensors.h"

/* Names that the corpus uses. */
static const char *const names[] = {"w", "b", "__metadata__", ""};
enum { N_NAMES = sizeof names / sizeof names[0] };

static void load(const uint8_t *bytes, size_t n, const char *name, const safetensors_entry *entry,
                 const uint8_t *data)
{
    char path[256];
    size_t length = strlen(fuzz_file(bytes, n, ".safetensors"));
    fuzz_check(length + strlen(name) + 2 <= sizeof path, "a path too long for this target");
    memcpy(path, fuzz_file(bytes, n, ".safetensors"), length);
    path[length] = ':';
    strcpy(path + length + 1, name);
    cli_tensor tensor;
    cli_error error = {.text = ""};
    if (!load_parameter(path, entry->rank, &tensor, &error)) {
        fuzz_check(error.text[0], "refused without a sentence");
        fuzz_check(fuzz_starved(), error.text);
        return;
    }
    fuzz_check(tensor.t.rank == entry->rank && tensor.t.dtype == entry->dtype, "another type");
    fuzz_check(memcmp(tensor.t.sizes, entry->sizes, sizeof(int64_t) * (size_t)entry->rank) == 0,
               "other sizes");
    const size_t n_data = (size_t)(entry->end - entry->begin);
    fuzz_check(n_data == 0 || memcmp(tensor.t.data, data + entry->begin, n_data) == 0,
               "other data");
    tensor_free(&tensor);
}

/* A file of this one tensor, as the tool writes it, has it. */
static void write_again(const safetensors_entry *entry)
{
    char header[SAFETENSORS_WRITTEN_MAX];
    cli_error error = {.text = ""};
    safetensors_entry again;
    size_t length = 0;
    const uint64_t bytes = entry->end - entry->begin;
    const size_t n = safetensors_header(entry->dtype, entry->rank, entry->sizes, "w", header);
    fuzz_check(n <= sizeof header && n % 8 == 0, "a header of a wrong length");
    fuzz_check(safetensors_header_bytes((const unsigned char *)header, n, &length, &error) &&
                   length == n - SAFETENSORS_PREFIX_BYTES,
               error.text);
    if (!safetensors_find(header + SAFETENSORS_PREFIX_BYTES, length, bytes, "w", &again, &error)) {
        fuzz_check(fuzz_starved(), error.text);
        return;
    }
    fuzz_check(again.dtype == entry->dtype && again.rank == entry->rank && again.begin == 0 &&
                   again.end == bytes &&
                   memcmp(again.sizes, entry->sizes, sizeof(int64_t) * (size_t)entry->rank) == 0,
               "written again it is another tensor");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    size_t length;
    cli_error error = {.text = ""};
    if (n < SAFETENSORS_PREFIX_BYTES)
        return 0;
    if (!safetensors_header_bytes(bytes, n, &length, &error)) {
        fuzz_check(error.text[0], "refused without a sentence");
        return 0;
    }
    fuzz_check(length <= n - SAFETENSORS_PREFIX_BYTES, "a header longer than the file");
    const uint8_t *header = bytes + SAFETENSORS_PREFIX_BYTES, *data = header + length;
    const uint64_t data_bytes = n - SAFETENSORS_PREFIX_BYTES - length;
    for (int i = 0; i < N_NAMES; i++) {
        safetensors_entry entry;
        error.text[0] = '\0';
        if (!safetensors_find((const char *)header, length, data_bytes, names[i], &entry, &error)) {
            fuzz_check(error.text[0], "refused without a sentence");
            continue;
        }
        uint64_t need = conv2d_dtype_bytes(entry.dtype);
        fuzz_check(entry.rank >= 1 && entry.rank <= 4 && need > 0, "no such tensor exists");
        for (int k = 0; k < entry.rank; k++)
            need *= (uint64_t)entry.sizes[k];
        fuzz_check(entry.begin <= entry.end && entry.end <= data_bytes, "data out of the file");
        fuzz_check(entry.end - entry.begin == need, "bytes that the shape does not need");
        write_again(&entry);
        if (entry.rank == 1 || entry.rank == 4)
            load(bytes, n, names[i], &entry, data);
    }
    return 0;
}
