/* SPDX-License-Identifier: BSD-2-Clause
 * Reading problems (problems.h): text from the command line, or the lines of a model file. Errors
 * in a file name its line. */
#include "problems.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

void problems_free(cli_problems *problems)
{
    for (int i = 0; i < problems->n; i++)
        free(problems->list[i]);
    free(problems->list);
    *problems = (cli_problems){0};
}

static bool add(cli_problems *problems, const char *text, cli_error *error)
{
    if (problems->n == problems->capacity) {
        int capacity = problems->capacity ? 2 * problems->capacity : 16;
        conv2d_problem **list = realloc(problems->list, (size_t)capacity * sizeof *list);
        if (!list)
            return cli_fail(error, CLI_FAILED, "out of memory");
        problems->list = list;
        problems->capacity = capacity;
    }
    conv2d_problem *problem = calloc(1, sizeof *problem);
    if (!problem)
        return cli_fail(error, CLI_FAILED, "out of memory");
    conv2d_status status = conv2d_problem_parse(text, problem);
    if (status) {
        free(problem);
        return cli_fail_library(error, status, "");
    }
    problems->list[problems->n++] = problem;
    return true;
}

/* '#' begins a comment, but not inside a quoted name. */
static void cut_comment(char *line)
{
    bool quoted = false;
    for (char *c = line; *c; c++) {
        if (*c == '"')
            quoted = !quoted;
        if (*c == '#' && !quoted) {
            *c = '\0';
            return;
        }
    }
}

static char *trim(char *line)
{
    static const char blanks[] = " \t\r";
    line += strspn(line, blanks);
    size_t n = strlen(line);
    while (n > 0 && strchr(blanks, line[n - 1]))
        line[--n] = '\0';
    return line;
}

static bool read_lines(cli_problems *problems, const char *path, char *text, cli_error *error)
{
    int number = 0, before = problems->n;
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        cut_comment(line);
        char *problem = trim(line);
        if (*problem && !add(problems, problem, error))
            return cli_prefix(error, "'%s' line %d", path, number);
    }
    if (problems->n == before)
        return cli_fail(error, CLI_USAGE, "'%s' has no problem in it", path);
    return true;
}

static bool read_model(cli_problems *problems, const char *path, cli_error *error)
{
    unsigned char *bytes;
    size_t n;
    if (!file_read(path, &bytes, &n, error))
        return false;
    char *text = realloc(bytes, n + 1);
    if (!text) {
        free(bytes);
        return cli_fail(error, CLI_FAILED, "out of memory");
    }
    text[n] = '\0';
    bool ok = strlen(text) == n ? read_lines(problems, path, text, error)
                                : cli_fail(error, CLI_USAGE, "'%s' is not a text file", path);
    free(text);
    return ok;
}

bool problems_read(char *const *operands, int n, int32_t dtype, cli_problems *out, cli_error *error)
{
    cli_problems problems = {0};
    bool ok = true;
    for (int i = 0; ok && i < n; i++) {
        struct stat status;
        if (stat(operands[i], &status) == 0)
            ok = read_model(&problems, operands[i], error);
        else if (!add(&problems, operands[i], error))
            ok = error->code == CLI_FAILED
                     ? false
                     : cli_prefix(error, "'%s' is neither a file nor a problem", operands[i]);
    }
    if (!ok) {
        problems_free(&problems);
        return false;
    }
    for (int i = 0; dtype && i < problems.n; i++)
        problem_set_dtype(problems.list[i], dtype);
    *out = problems;
    return true;
}

void problem_set_dtype(conv2d_problem *p, int32_t dtype)
{
    conv2d_tensor *const all[] = {&p->input, &p->weight, &p->bias, &p->residual, &p->output};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        all[i]->dtype = dtype;
}

char *problem_text(const conv2d_problem *problem)
{
    size_t n;
    if (conv2d_problem_format(problem, NULL, 0, &n) != CONV2D_OK)
        return NULL;
    char *text = malloc(n + 1);
    if (text && conv2d_problem_format(problem, text, n + 1, NULL) != CONV2D_OK) {
        free(text);
        return NULL;
    }
    return text;
}
