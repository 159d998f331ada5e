/* SPDX-License-Identifier: BSD-2-Clause
 * Opening contexts by the library, and finding a context's own weights in its file, which is a
 * safetensors file (docs/context-file.md has the names). */
#include "contexts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

/* The names in a file, as many as fit. */
static void list_names(const conv2d_file *file, char *text, size_t capacity)
{
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < conv2d_file_count(file) && n < capacity; i++)
        n += (size_t)snprintf(text + n, capacity - n, "%s%s", i ? ", " : "",
                              conv2d_file_name(file, i));
}

static const char *find_name(const conv2d_file *file, const char *wanted)
{
    const int n = conv2d_file_count(file);
    for (int i = 0; wanted && i < n; i++) {
        if (strcmp(conv2d_file_name(file, i), wanted) == 0)
            return conv2d_file_name(file, i);
    }
    return !wanted && n == 1 ? conv2d_file_name(file, 0) : NULL;
}

static bool open_named(conv2d_file *file, const char *wanted, conv2d_device *device,
                       cli_context *out, cli_error *error)
{
    const char *name = find_name(file, wanted);
    char names[400];
    list_names(file, names, sizeof names);
    if (!name && wanted)
        return cli_fail(error, CLI_USAGE, "'%s' has no context '%s', it has: %s", out->path, wanted,
                        names);
    if (!name)
        return cli_fail(error, CLI_USAGE, "'%s' has %d contexts, choose one with --name: %s",
                        out->path, conv2d_file_count(file), names);
    snprintf(out->name, sizeof out->name, "%s", name);
    conv2d_status status = conv2d_file_context(file, device, name, &out->context);
    if (!status)
        status = conv2d_context_get_info(out->context, &out->info);
    return status ? cli_fail_library(error, status, "") : true;
}

bool context_open(const char *path, const char *name, conv2d_device *device, cli_context *out,
                  cli_error *error)
{
    conv2d_file *file;
    conv2d_status status = conv2d_file_open(path, NULL, &file);
    cli_context opened = CLI_CONTEXT_INIT;
    if (status)
        return cli_fail_library(error, status, "");
    opened.path = path;
    const bool ok = open_named(file, name, device, &opened, error);
    conv2d_file_close(file);
    if (!ok) {
        conv2d_context_destroy(opened.context);
        return false;
    }
    *out = opened;
    return true;
}

void context_close(cli_context *context)
{
    conv2d_context_destroy(context->context);
    *context = (cli_context)CLI_CONTEXT_INIT;
}

void context_describe(const cli_context *context, cli_convolution *c)
{
    c->weight.t = context->info.weight;
    c->bias.t = context->info.bias;
    c->params = context->info.params;
}

const char *context_stem(const json_t *header, const char *name)
{
    const json_t *metadata = json_object_get(header, "__metadata__");
    for (int i = 0;; i++) {
        char key[40];
        snprintf(key, sizeof key, "context.%d.name", i);
        const char *found = json_string_value(json_object_get(metadata, key));
        if (!found)
            return NULL;
        if (strcmp(found, name) != 0)
            continue;
        snprintf(key, sizeof key, "context.%d", i);
        const char *line = json_string_value(json_object_get(metadata, key));
        int weights;
        if (!line || sscanf(line, "weights=%d ", &weights) != 1)
            return NULL;
        snprintf(key, sizeof key, "weights.%d.name", weights);
        return json_string_value(json_object_get(metadata, key));
    }
}

static bool read_part(const char *path, const char *stem, const char *part, cli_tensor *out,
                      cli_error *error)
{
    const size_t n = strlen(stem) + strlen(part) + 1;
    char *name = malloc(n);
    if (!name)
        return cli_fail(error, CLI_FAILED, "out of memory");
    snprintf(name, n, "%s%s", stem, part);
    cli_tensor read = CLI_TENSOR_INIT;
    const bool ok = load_safetensors(path, name, &read, error);
    if (ok) {
        tensor_free(out);
        *out = read;
    }
    free(name);
    return ok;
}

bool context_read_weights(const cli_context *context, cli_convolution *c, cli_error *error)
{
    json_t *header;
    if (!load_header(context->path, &header, error))
        return cli_prefix(error, "'%s'", context->path);
    const char *stem = context_stem(header, context->name);
    bool ok =
        stem ? read_part(context->path, stem, ".weight", &c->weight, error) &&
                   (!c->bias.t.rank || read_part(context->path, stem, ".bias", &c->bias, error))
             : cli_fail(error, CLI_USAGE, "the weights of context '%s' cannot be found",
                        context->name);
    json_decref(header);
    return ok ? true : cli_prefix(error, "'%s'", context->path);
}
