/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d info FILE (info_file.h). Contexts are opened by the library, so a file it refuses is
 * refused here; their tensors are listed from the header. */
#include "info_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contexts.h"
#include "file.h"
#include "load.h"
#include "npy.h"
#include "options.h"
#include "report.h"
#include "values.h"

/* ---- the parts of a file -------------------------------------------------------------------- */

/* One tensor of a safetensors header. */
static json_t *report_tensor(const char *name, const json_t *entry)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    json_t *report = json_object();
    report_set(report, "name", report_text(name));
    report_set(report, "dtype", json_incref(json_object_get(entry, "dtype")));
    report_set(report, "shape", json_incref(json_object_get(entry, "shape")));
    report_set(report, "bytes",
               json_integer(json_integer_value(json_array_get(offsets, 1)) -
                            json_integer_value(json_array_get(offsets, 0))));
    return report;
}

static json_t *report_tensors(json_t *header)
{
    json_t *tensors = json_array();
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") != 0)
            json_array_append_new(tensors, report_tensor(name, entry));
    }
    return tensors;
}

static json_t *report_pair(const int64_t pair[2])
{
    json_t *both = json_array();
    for (int i = 0; i < 2; i++)
        json_array_append_new(both, json_integer((json_int_t)pair[i]));
    return both;
}

static json_t *report_params(const conv2d_params *p)
{
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular"};
    static const char *const autos[] = {"none", "valid", "same"};
    static const char *const accuracies[] = {"default", "strict", "fast", "tf32"};
    json_t *report = json_object(), *padding = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(padding, json_integer((json_int_t)p->padding[i]));
    report_set(report, "stride", report_pair(p->stride));
    report_set(report, "padding", padding);
    report_set(report, "auto_pad", report_text(autos[p->auto_pad]));
    report_set(report, "padding_mode", report_text(modes[p->padding_mode]));
    report_set(report, "dilation", report_pair(p->dilation));
    report_set(report, "groups", json_integer((json_int_t)p->groups));
    report_set(report, "activation", report_text(value_activation_name(p->activation)));
    report_set(report, "output_min", report_number(p->output_min));
    report_set(report, "output_max", report_number(p->output_max));
    report_set(report, "alpha", report_number(p->alpha));
    report_set(report, "accuracy", report_text(accuracies[p->accuracy]));
    report_set(report, "algorithm", p->algorithm ? report_text(p->algorithm) : json_null());
    return report;
}

/* The packed forms of the weights `stem`: the tensors "<stem>.packed/<key>". */
static json_t *report_packed(json_t *header, const char *stem)
{
    json_t *forms = json_array();
    const char *name;
    json_t *entry;
    const size_t n = strlen(stem);
    static const char mark[] = ".packed/";
    json_object_foreach(header, name, entry)
    {
        if (strncmp(name, stem, n) != 0 || strncmp(name + n, mark, sizeof mark - 1) != 0)
            continue;
        json_t *form = report_tensor(name, entry);
        report_set(form, "key", report_text(name + n + sizeof mark - 1));
        json_array_append_new(forms, form);
    }
    return forms;
}

static bool report_context(const char *path, const char *name, conv2d_device *device,
                           json_t *header, json_t *contexts, cli_error *error)
{
    cli_context context = CLI_CONTEXT_INIT;
    if (!context_open(path, name, device, &context, error))
        return false;
    const conv2d_context_info *info = &context.info;
    const char *stem = context_stem(header, name);
    json_t *report = json_object();
    report_set(report, "name", report_text(name));
    report_set(report, "dtype", report_text(tensor_dtype_name(info->weight.dtype)));
    report_set(report, "weight_sizes", report_sizes(&info->weight));
    report_set(report, "bias", json_boolean(info->bias.rank != 0));
    report_set(report, "params", report_params(&info->params));
    report_set(report, "forms_for_this_device", json_integer((json_int_t)info->stored_forms));
    report_set(report, "packed", stem ? report_packed(header, stem) : json_array());
    json_array_append_new(contexts, report);
    context_close(&context);
    return true;
}

/* Contexts of the file; an empty array if the header says that it has none. */
static bool report_contexts(const char *path, conv2d_device *device, json_t *header,
                            json_t *contexts, cli_error *error)
{
    const json_t *metadata = json_object_get(header, "__metadata__");
    if (!json_object_get(metadata, "conv2d"))
        return true;
    conv2d_file *file;
    const conv2d_status status = conv2d_file_open(path, NULL, &file);
    if (status)
        return cli_fail_library(error, status, "");
    bool ok = true;
    for (int i = 0; ok && i < conv2d_file_count(file); i++)
        ok = report_context(path, conv2d_file_name(file, i), device, header, contexts, error);
    conv2d_file_close(file);
    return ok;
}

/* ---- for people ----------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "?";
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_sizes(const json_t *sizes)
{
    for (size_t i = 0; i < json_array_size(sizes); i++)
        printf("%s%" JSON_INTEGER_FORMAT, i ? "x" : "",
               json_integer_value(json_array_get(sizes, i)));
    if (json_array_size(sizes) == 0)
        printf("scalar");
}

static void print_tensor(const json_t *tensor, const char *name)
{
    printf("  %-40s %-5s ", name, text_of(tensor, "dtype"));
    print_sizes(json_object_get(tensor, "shape"));
    printf(", %" JSON_INTEGER_FORMAT " bytes\n", number_of(tensor, "bytes"));
}

static void print_params(const json_t *params)
{
    const char *key;
    json_t *value;
    printf(" ");
    json_object_foreach((json_t *)(uintptr_t)params, key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
        if (text && !json_is_null(value))
            printf(" %s=%.*s", key, (int)(json_is_string(value) ? strlen(text) - 2 : strlen(text)),
                   json_is_string(value) ? text + 1 : text);
        free(text);
    }
    printf("\n");
}

static void print_context(const json_t *context)
{
    size_t i;
    json_t *form;
    const json_t *packed = json_object_get(context, "packed");
    printf("context %s\n  weight ", text_of(context, "name"));
    print_sizes(json_object_get(context, "weight_sizes"));
    printf(" %s, %s bias\n", text_of(context, "dtype"),
           json_is_true(json_object_get(context, "bias")) ? "with" : "without");
    print_params(json_object_get(context, "params"));
    printf("  %zu packed form%s, %" JSON_INTEGER_FORMAT " for this device\n",
           json_array_size(packed), json_array_size(packed) == 1 ? "" : "s",
           number_of(context, "forms_for_this_device"));
    json_array_foreach(packed, i, form)
    {
        printf("  %-60s %" JSON_INTEGER_FORMAT " bytes\n", text_of(form, "key"),
               number_of(form, "bytes"));
    }
}

static void print_all(const json_t *report)
{
    size_t i;
    json_t *item;
    printf("%s: %s, %" JSON_INTEGER_FORMAT " bytes\n", text_of(report, "file"),
           text_of(report, "kind"), number_of(report, "bytes"));
    json_array_foreach(json_object_get(report, "contexts"), i, item) print_context(item);
    if (json_array_size(json_object_get(report, "contexts")) == 0) {
        json_array_foreach(json_object_get(report, "tensors"), i, item)
            print_tensor(item, text_of(item, "name"));
    }
}

/* ---- kinds of files ------------------------------------------------------------------------- */

static bool report_npy(const char *path, json_t *report, cli_error *error)
{
    unsigned char *bytes;
    size_t n;
    npy_view view;
    if (!file_read(path, &bytes, &n, error))
        return false;
    const bool ok = npy_parse(bytes, n, &view, error);
    free(bytes);
    if (!ok)
        return cli_prefix(error, "'%s'", path);
    json_t *tensors = json_array(), *shape = json_array(), *tensor = json_object();
    for (int i = 0; i < view.rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)view.sizes[i]));
    report_set(tensor, "name", report_text("array"));
    report_set(tensor, "dtype", report_text(tensor_dtype_name(view.dtype)));
    report_set(tensor, "shape", shape);
    report_set(tensor, "bytes", json_integer((json_int_t)view.data_bytes));
    report_set(tensor, "fortran_order", json_boolean(view.fortran));
    json_array_append_new(tensors, tensor);
    report_set(report, "kind", report_text("npy"));
    report_set(report, "tensors", tensors);
    return true;
}

static bool report_safetensors(const char *path, const cli_options *o, json_t *report,
                               cli_error *error)
{
    json_t *header, *contexts = json_array();
    conv2d_device *device = NULL;
    if (!load_header(path, &header, error)) {
        json_decref(contexts);
        return cli_prefix(error, "'%s'", path);
    }
    const bool ok = cli_open_device(o, &device, error) &&
                    report_contexts(path, device, header, contexts, error);
    const bool has_contexts = json_array_size(contexts) > 0;
    report_set(report, "kind", report_text(has_contexts ? "contexts" : "safetensors"));
    report_set(report, "contexts", contexts);
    report_set(report, "tensors", report_tensors(header));
    conv2d_device_close(device);
    json_decref(header);
    return ok;
}

bool info_file(const char *path, const cli_options *o, cli_error *error)
{
    unsigned char head[6];
    size_t n;
    if (!file_size(path, &n, error))
        return false;
    json_t *report = json_object();
    report_set(report, "version", report_text(conv2d_version()));
    report_set(report, "file", report_text(path));
    report_set(report, "bytes", json_integer((json_int_t)n));
    const bool npy = n >= sizeof head && file_read_at(path, 0, head, sizeof head, error) &&
                     npy_is(head, sizeof head);
    if (!(npy ? report_npy(path, report, error) : report_safetensors(path, o, report, error))) {
        json_decref(report);
        return false;
    }
    if (o->json) {
        report_print(report);
        return true;
    }
    print_all(report);
    json_decref(report);
    return true;
}
