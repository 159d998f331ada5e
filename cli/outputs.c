/* SPDX-License-Identifier: BSD-2-Clause
 * Naming of outputs (outputs.h): a file, a directory, or a pattern with {name}. Everything that can
 * be refused by looking at names is refused here, before any input is read. */
#include "outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "load.h"
#include "options.h"

static const char placeholder[] = "{name}";

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The name without folder and extension. */
static int stem_length(const char *base)
{
    const char *dot = strrchr(base, '.');
    return (int)(dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

static char *name_one(const char *out, const char *input)
{
    const char *base = base_name(input);
    const char *mark = strstr(out, placeholder);
    size_t n = strlen(out) + strlen(base) + 2;
    char *name = malloc(n);
    if (!name)
        return NULL;
    if (mark)
        snprintf(name, n, "%.*s%.*s%s", (int)(mark - out), out, stem_length(base), base,
                 mark + strlen(placeholder));
    else if (file_is_directory(out))
        snprintf(name, n, "%s%s%s", out, out[strlen(out) - 1] == '/' ? "" : "/", base);
    else
        snprintf(name, n, "%s", out);
    return name;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool check_distinct(char **names, int n, cli_error *error)
{
    char **sorted = malloc((size_t)n * sizeof *sorted);
    if (!sorted)
        return cli_fail(error, CLI_FAILED, "out of memory");
    memcpy(sorted, names, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_names);
    bool ok = true;
    for (int i = 1; ok && i < n; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            ok = cli_fail_usage(error, "two inputs would be written to '%s'", sorted[i]);
    }
    free(sorted);
    return ok;
}

static bool check_not_read(const char *name, const cli_options *o, cli_error *error)
{
    const char *read[] = {o->weight, o->bias, o->residual, o->context, o->wisdom};
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        if (read[i] && load_reads(read[i], name))
            return cli_fail_usage(error, "the output '%s' is also read", name);
    }
    for (int i = 0; i < o->n_operands; i++) {
        if (load_reads(o->operands[i], name))
            return cli_fail_usage(error, "the output '%s' is also read", name);
    }
    return true;
}

bool outputs_name(const cli_options *o, char ***names_out, cli_error *error)
{
    bool many = strstr(o->output, placeholder) || file_is_directory(o->output);
    if (o->n_operands > 1 && !many)
        return cli_fail_usage(error,
                              "--output is '%s': with %d inputs expected a directory that is "
                              "there, or a name with %s in it",
                              o->output, o->n_operands, placeholder);
    char **names = calloc((size_t)o->n_operands, sizeof *names);
    if (!names)
        return cli_fail(error, CLI_FAILED, "out of memory");
    bool ok = true;
    for (int i = 0; ok && i < o->n_operands; i++) {
        names[i] = name_one(o->output, o->operands[i]);
        ok = names[i] ? file_check_output(names[i], error) && check_not_read(names[i], o, error)
                      : cli_fail(error, CLI_FAILED, "out of memory");
    }
    ok = ok && check_distinct(names, o->n_operands, error);
    if (!ok) {
        outputs_free(names, o->n_operands);
        return false;
    }
    *names_out = names;
    return true;
}

void outputs_free(char **names, int n)
{
    if (!names)
        return;
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}
