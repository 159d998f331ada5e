/* SPDX-License-Identifier: BSD-2-Clause
 * The table of kernels (kernel_table.h), in the order in which they first ran. */
#include "kernel_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "values.h"

void kernel_table_free(kernel_table *table)
{
    free(table->rows);
    *table = (kernel_table){0};
}

static kernel_row *find_row(kernel_table *table, const kernel_run *run)
{
    const char *dtype = value_dtype_name(run->dtype);
    for (size_t i = 0; i < table->n; i++) {
        kernel_row *row = &table->rows[i];
        if (strcmp(row->name, run->info->variant) == 0 && strcmp(row->dtype, dtype) == 0)
            return row;
    }
    if (table->n == table->capacity) {
        const size_t capacity = table->capacity ? 2 * table->capacity : 32;
        kernel_row *rows = realloc(table->rows, capacity * sizeof *rows);
        if (!rows)
            return NULL;
        table->rows = rows;
        table->capacity = capacity;
    }
    kernel_row *row = &table->rows[table->n++];
    *row = (kernel_row){.n_runs = 0};
    snprintf(row->name, sizeof row->name, "%s", run->info->variant);
    snprintf(row->dtype, sizeof row->dtype, "%s", dtype);
    return row;
}

bool kernel_table_add(kernel_table *table, const kernel_run *run)
{
    kernel_row *row = find_row(table, run);
    if (!row)
        return false;
    row->n_problems += row->last != run->problem;
    row->last = run->problem;
    row->n_runs++;
    row->n_failed += run->failed;
    row->seconds += run->seconds;
    if (run->max_ratio > row->max_ratio)
        row->max_ratio = run->max_ratio;
    const double gflops = run->seconds > 0 ? run->info->flops / run->seconds * 1e-9 : 0;
    if (gflops > row->best_gflops) {
        row->best_gflops = gflops;
        row->best_seconds = run->seconds;
        snprintf(row->best_problem, sizeof row->best_problem, "%s", run->info->problem);
    }
    return true;
}

json_t *kernel_table_report(const kernel_table *table)
{
    json_t *kernels = json_array();
    for (size_t i = 0; i < table->n; i++) {
        const kernel_row *row = &table->rows[i];
        json_t *kernel = json_object(), *best = json_object();
        report_set(kernel, "name", report_text(row->name));
        report_set(kernel, "dtype", report_text(row->dtype));
        report_set(kernel, "passed", json_boolean(row->n_failed == 0));
        report_set(kernel, "problems", json_integer(row->n_problems));
        report_set(kernel, "runs", json_integer(row->n_runs));
        report_set(kernel, "failed", json_integer(row->n_failed));
        report_set(kernel, "max_error_over_bound", report_number(row->max_ratio));
        report_set(kernel, "seconds", report_number(row->seconds));
        report_set(best, "problem", report_text(row->best_problem));
        report_set(best, "seconds", report_number(row->best_seconds));
        report_set(best, "gflops", report_number(row->best_gflops));
        report_set(kernel, "fastest", best);
        json_array_append_new(kernels, kernel);
    }
    return kernels;
}

void kernel_table_print(const kernel_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        const kernel_row *row = &table->rows[i];
        printf("  %-28s %-4s %-6s %4ld problems, %5ld runs, %ld failed; %.3f of the bound; "
               "%.1f GFLOP/s at best\n",
               row->name, row->dtype, row->n_failed ? "FAILED" : "ok", row->n_problems, row->n_runs,
               row->n_failed, row->max_ratio, row->best_gflops);
    }
}
