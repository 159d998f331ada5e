/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d info: version, device, kernels and whether they can run here, backends; or what is in a
 * file. */
#include <stdio.h>
#include <string.h>

#include "info_file.h"
#include "options.h"
#include "report.h"

typedef struct backend_row {
    const char *name;
    bool available;
    char why[200]; /* why not */
} backend_row;

/* Every backend the library may have, tried in turn. */
static void find_backends(backend_row rows[4])
{
    static const char *const names[4] = {"cpu", "metal", "cuda", "vulkan"};
    for (int i = 0; i < 4; i++) {
        conv2d_device *device = NULL;
        rows[i] = (backend_row){.name = names[i]};
        rows[i].available = conv2d_device_open(names[i], NULL, &device) == CONV2D_OK;
        if (!rows[i].available)
            snprintf(rows[i].why, sizeof rows[i].why, "%s", conv2d_last_error());
        conv2d_device_close(device);
    }
}

static void print_caches(const conv2d_device_info *info)
{
    printf("caches     L1d %zu KiB, L2 %zu KiB, L3 %zu KiB (0 = unknown)\n", info->l1d_bytes / 1024,
           info->l2_bytes / 1024, info->l3_bytes / 1024);
}

static void print_text(const conv2d_device *device, const conv2d_device_info *info,
                       const backend_row backends[4])
{
    printf("conv2d     %s\n", conv2d_version());
    printf("device     %s%s%s\n", info->backend, info->model[0] ? ", " : "", info->model);
    if (info->proven[0])
        printf("unproven   %s\n", info->proven);
    printf("isa        %s (this machine has %s)\n", info->isa, info->isa_detected);
    printf("features   %s\n", info->features);
    print_caches(info);
    printf("threads    %d\n", info->n_threads);
    printf("kernels\n");
    for (int i = 0; i < conv2d_device_kernel_count(device); i++) {
        conv2d_kernel_info kernel = CONV2D_KERNEL_INFO_INIT;
        if (conv2d_device_kernel(device, i, &kernel) == CONV2D_OK)
            printf("  %-28s %-12s %-8s %2dx%-3d %s\n", kernel.name, kernel.family, kernel.isa,
                   kernel.mr, kernel.nr, kernel.available ? "available" : "not on this device");
    }
    printf("backends\n");
    for (int i = 0; i < 4; i++)
        printf("  %-7s %s%s\n", backends[i].name, backends[i].available ? "available" : "absent: ",
               backends[i].why);
}

static void print_json(const conv2d_device *device, const conv2d_device_info *info,
                       const backend_row rows[4])
{
    json_t *root = json_object(), *backends = json_array();
    for (int i = 0; i < 4; i++) {
        json_t *backend = json_object();
        report_set(backend, "name", report_text(rows[i].name));
        report_set(backend, "available", json_boolean(rows[i].available));
        report_set(backend, "reason", rows[i].available ? json_null() : report_text(rows[i].why));
        json_array_append_new(backends, backend);
    }
    report_set(root, "version", report_text(conv2d_version()));
    report_set(root, "device", report_device(info));
    report_set(root, "kernels", report_kernels(device));
    report_set(root, "backends", backends);
    report_print(root);
}

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_operands > 1)
        return cli_fail_usage(error, "unexpected argument '%s', expected one file at most",
                              o->operands[1]),
               CLI_USAGE;
    if (o->n_operands == 1)
        return info_file(o->operands[0], o, error) ? CLI_OK : error->code;
    conv2d_device *device = NULL;
    if (!cli_open_device(o, &device, error))
        return error->code;
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    conv2d_status status = conv2d_device_get_info(device, &info);
    if (status) {
        cli_fail_library(error, status, "");
    } else {
        backend_row backends[4];
        find_backends(backends);
        if (o->json)
            print_json(device, &info, backends);
        else
            print_text(device, &info, backends);
    }
    conv2d_device_close(device);
    return status ? error->code : CLI_OK;
}

const cli_command cli_command_info = {
    .name = "info",
    .bit = CLI_INFO,
    .summary = "show version, device, kernels and backends, or what is in a file",
    .usage = "[FILE] [OPTION]...",
    .about =
        "Show what this build of the library has and what this machine can use of it; or of a\n"
        "FILE its contexts with their parameters and packed weights, or its tensors (.npy,\n"
        ".safetensors).",
    .examples = "  conv2d info\n"
                "  conv2d info layer.conv2d\n"
                "  conv2d info --isa avx2 --json\n",
    .run = run,
};
