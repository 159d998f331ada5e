/* SPDX-License-Identifier: BSD-2-Clause
 * JSON by jansson (report.h). A missing value (out of memory) leaves its key out. */
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void report_print(json_t *root)
{
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
}

void report_sizes_text(const conv2d_tensor *tensor, char text[REPORT_SIZES_BYTES])
{
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < tensor->rank; i++)
        n += (size_t)snprintf(text + n, REPORT_SIZES_BYTES - n, "%s%" PRId64, i ? "x" : "",
                              tensor->sizes[i]);
}
