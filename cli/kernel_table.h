/* SPDX-License-Identifier: BSD-2-Clause
 * What `conv2d verify` found of each kernel that ran, or should have: how often, how near its bound
 * it came, and how fast it was. */
#ifndef CLI_KERNEL_TABLE_H
#define CLI_KERNEL_TABLE_H

#include "cli.h"
#include "json.h"

typedef struct kernel_row {
    char name[64], dtype[8]; /* name: the variant of a plan */
    long n_problems, n_runs, n_failed;
    double max_ratio;   /* error over bound */
    double seconds;     /* of all runs */
    double best_gflops; /* of the run that had most, and its seconds and problem */
    double best_seconds;
    char best_problem[200];
    long last; /* number of the problem counted last */
} kernel_row;

typedef struct kernel_table {
    kernel_row *rows;
    size_t n, capacity;
} kernel_table;

/* One run of a plan: dtype of the output, the problem (a number of its own, from 1), and what came
 * of it. */
typedef struct kernel_run {
    const conv2d_plan_info *info;
    int32_t dtype;
    long problem;
    bool failed;
    double max_ratio, seconds;
} kernel_run;

/* False without memory. */
bool kernel_table_add(kernel_table *table, const kernel_run *run);
void kernel_table_free(kernel_table *table);

json_t *kernel_table_report(const kernel_table *table);
void kernel_table_print(const kernel_table *table);

#endif
