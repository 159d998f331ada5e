/* SPDX-License-Identifier: BSD-2-Clause
 * JSON by jansson (report.h). A missing value (out of memory) leaves its key out. */
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "file.h"

json_t *report_text(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    char *copy = strdup(text);
    if (!copy)
        return NULL;
    for (char *c = copy; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    value = json_string(copy);
    free(copy);
    return value;
}

json_t *report_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void report_set(json_t *object, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(object, key, value);
}

static void set_bytes(json_t *object, const char *key, size_t bytes)
{
    report_set(object, key, json_integer((json_int_t)bytes));
}

json_t *report_plan(const conv2d_plan_info *info)
{
    json_t *plan = json_object();
    report_set(plan, "problem", report_text(info->problem));
    report_set(plan, "backend", report_text(info->backend));
    report_set(plan, "algorithm", report_text(info->algorithm));
    report_set(plan, "variant", report_text(info->variant));
    report_set(plan, "choice", report_text(info->choice));
    report_set(plan, "layout", report_text(info->layout));
    report_set(plan, "bound", report_number(info->bound));
    report_set(plan, "bound_text", report_text(info->bound_text));
    report_set(plan, "flops", report_number(info->flops));
    report_set(plan, "cost_seconds", report_number(info->cost_seconds));
    set_bytes(plan, "packed_bytes", info->packed_bytes);
    set_bytes(plan, "workspace_shared_bytes", info->workspace_shared_bytes);
    set_bytes(plan, "workspace_worker_bytes", info->workspace_worker_bytes);
    report_set(plan, "n_workers", json_integer(info->n_workers));
    report_set(plan, "denormals_flushed", json_boolean(info->denormals_flushed != 0));
    return plan;
}

json_t *report_candidate(const conv2d_candidate_info *info)
{
    json_t *candidate = json_object();
    bool usable = info->refusal[0] == '\0';
    report_set(candidate, "algorithm", report_text(info->algorithm));
    report_set(candidate, "variant", report_text(info->variant));
    report_set(candidate, "isa", report_text(info->isa));
    report_set(candidate, "chosen", json_boolean(info->chosen != 0));
    report_set(candidate, "refusal", usable ? json_null() : report_text(info->refusal));
    if (usable) {
        report_set(candidate, "cost_seconds", report_number(info->cost_seconds));
        report_set(candidate, "measured_seconds",
                   info->measured_seconds > 0 ? report_number(info->measured_seconds)
                                              : json_null());
        report_set(candidate, "bound", report_number(info->bound));
        set_bytes(candidate, "packed_bytes", info->packed_bytes);
        set_bytes(candidate, "workspace_shared_bytes", info->workspace_shared_bytes);
        set_bytes(candidate, "workspace_worker_bytes", info->workspace_worker_bytes);
    }
    return candidate;
}

json_t *report_sizes(const conv2d_tensor *tensor)
{
    json_t *sizes = json_array();
    for (int i = 0; i < tensor->rank; i++)
        json_array_append_new(sizes, json_integer(tensor->sizes[i]));
    return sizes;
}

json_t *report_device(const conv2d_device_info *info)
{
    json_t *device = json_object();
    report_set(device, "backend", report_text(info->backend));
    report_set(device, "model", report_text(info->model));
    report_set(device, "isa", report_text(info->isa));
    report_set(device, "isa_detected", report_text(info->isa_detected));
    report_set(device, "features", report_text(info->features));
    report_set(device, "n_threads", json_integer(info->n_threads));
    set_bytes(device, "l1d_bytes", info->l1d_bytes);
    set_bytes(device, "l2_bytes", info->l2_bytes);
    set_bytes(device, "l3_bytes", info->l3_bytes);
    set_bytes(device, "threadgroup_bytes", info->threadgroup_bytes);
    set_bytes(device, "max_buffer_bytes", info->max_buffer_bytes);
    report_set(device, "unproven", report_text(info->proven));
    return device;
}

json_t *report_kernels(const conv2d_device *device)
{
    json_t *kernels = json_array();
    for (int i = 0; i < conv2d_device_kernel_count(device); i++) {
        conv2d_kernel_info info = CONV2D_KERNEL_INFO_INIT;
        if (conv2d_device_kernel(device, i, &info) != CONV2D_OK)
            continue;
        json_t *kernel = json_object();
        report_set(kernel, "name", report_text(info.name));
        report_set(kernel, "family", report_text(info.family));
        report_set(kernel, "isa", report_text(info.isa));
        report_set(kernel, "mr", json_integer(info.mr));
        report_set(kernel, "nr", json_integer(info.nr));
        report_set(kernel, "available", json_boolean(info.available != 0));
        json_array_append_new(kernels, kernel);
    }
    return kernels;
}

json_t *report_system(void)
{
    json_t *system = json_object();
    struct utsname name;
    if (uname(&name) == 0) {
        report_set(system, "name", report_text(name.sysname));
        report_set(system, "release", report_text(name.release));
        report_set(system, "machine", report_text(name.machine));
    }
#ifdef __APPLE__ /* "14.5"; uname's release is the kernel's */
    char product[64] = "", model[64] = "";
    size_t n = sizeof product;
    if (sysctlbyname("kern.osproductversion", product, &n, NULL, 0) == 0)
        report_set(system, "macos", report_text(product));
    n = sizeof model;
    if (sysctlbyname("hw.model", model, &n, NULL, 0) == 0)
        report_set(system, "model", report_text(model));
#endif
    return system;
}

enum { JSON_FORM = JSON_INDENT(2) | JSON_REAL_PRECISION(9) };

bool report_write(json_t *root, const char *path, cli_error *error)
{
    char *text = json_dumps(root, JSON_FORM);
    json_decref(root);
    if (!text)
        return cli_fail(error, CLI_FAILED, "no memory for a report");
    const file_part parts[] = {{text, strlen(text)}, {"\n", 1}};
    const bool ok = file_stage(path, parts, 2, error) && file_commit(error);
    free(text);
    return ok;
}

void report_print(json_t *root)
{
    char *text = json_dumps(root, JSON_FORM);
    if (text)
        puts(text);
    free(text);
    json_decref(root);
}

bool report_possible(cli_error *error)
{
#ifdef CLI_HAVE_JSON
    (void)error;
    return true;
#else
    return cli_fail_usage(error, "%s", CLI_NO_JSON);
#endif
}

void report_sizes_text(const conv2d_tensor *tensor, char text[REPORT_SIZES_BYTES])
{
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < tensor->rank; i++)
        n += (size_t)snprintf(text + n, REPORT_SIZES_BYTES - n, "%s%" PRId64, i ? "x" : "",
                              tensor->sizes[i]);
}
