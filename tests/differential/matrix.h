/* SPDX-License-Identifier: BSD-2-Clause
 * The count matrix: how often each candidate ran with each value of each axis, and which cells are
 * empty for a reason. A kernel that silently never runs is found here. */
#ifndef TEST_MATRIX_H
#define TEST_MATRIX_H

#include "case_run.h"

enum { ROW_PLANNER = MAX_CANDIDATES, N_ROWS }; /* the planner's own choice has a row too */

typedef struct matrix {
    uint32_t counts[N_ROWS][N_AXES][MAX_AXIS_VALUES];
} matrix;

void matrix_count(matrix *m, int row, const int label[N_AXES]);
void matrix_add(matrix *m, const matrix *other);

/* The whole matrix, one table an axis. gpu: the device has memory of its own. */
void matrix_print(const matrix *m, const candidate *list, int n, bool gpu);

/* Print every supported cell with fewer than least cases and every cell with cases that the table
 * of refusals says must be empty; how many there are. */
int matrix_check(const matrix *m, const candidate *list, int n, bool gpu, uint32_t least,
                 const char *match);

/* Whether a run with --match, or NULL, is the one that counts the algorithm's cells. */
bool matrix_wants(const char *algorithm, const char *match);

#endif
