/* SPDX-License-Identifier: BSD-2-Clause
 * Writes the context seeds of the corpus: make_contexts FOLDER, by hand, when the format changes.
 * Small contexts of each dtype, with forms for the generic kernels, several in one file, all
 * parameters away from their defaults. */
#include <stdio.h>
#include <stdlib.h>

#include "conv2d/conv2d.h"

static void need(conv2d_status s)
{
    if (s != CONV2D_OK) {
        fprintf(stderr, "%s\n", conv2d_last_error());
        exit(1);
    }
}

typedef struct seed {
    const char *name, *problem;
    int n; /* contexts: the problem's, then with other parameters */
    int without_packed;
    const char *isas; /* NULL: what a run has packed */
} seed;

static const seed seeds[] = {
    {"seed_plain", "ic3ih6oc4kh3ph1", 1, 0, "generic"},
    {"seed_half", "ic4ih4oc8kh1:bias:dtype=f16:in=nhwc:out=nhwc", 1, 0, "generic"},
    {"seed_brain", "g4ic4ih5oc4kh3:dtype=bf16:act=relu:bias", 1, 0, "generic"},
    {"seed_double", "ic2ih4oc3kh2:dtype=f64:bias", 1, 0, "generic"},
    {"seed_several", "g2ic4ih5oc4kh2:bias:act=clamp,-1,2.5", 3, 0, "generic"},
    {"seed_bare", "ic1ih3oc1kh2", 1, 1, NULL},
    {"seed_options",
     "g3ic3ih9iw8oc6kh3kw2sh2sw3:pad=1,0,2,1:mode=reflect:act=leaky_relu,0.2:acc=strict:"
     "algo=reference:ws=65536:ftz:bias",
     1, 0, "generic"},
    {"seed_cached", "ic8ih4oc8kh3:in=nhwc:out=nhwc", 1, 0, NULL},
    {"seed_levels", "ic2ih4oc2kh1:bias", 1, 0, "all"},
    {"seed_depthwise", "g8ic8ih5oc8kh3:in=nhwc:out=nhwc:bias", 2, 0, "generic"},
};

static void fill(conv2d_tensor *t)
{
    size_t bytes = conv2d_dtype_bytes(t->dtype);
    for (int i = 0; i < t->rank; i++)
        bytes *= (size_t)t->sizes[i];
    t->data = calloc(bytes, 1);
    if (!t->data)
        exit(1);
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)t->data)[i] = (unsigned char)(i % 2 ? 0x3C : i * 37);
}

static void make(conv2d_device *device, const char *folder, const seed *s)
{
    static const char *const names[] = {"context", "second", "third \xc3\xa9\""};
    conv2d_problem p;
    conv2d_context *contexts[3];
    need(conv2d_problem_parse(s->problem, &p));
    fill(&p.weight);
    if (p.bias.rank)
        fill(&p.bias);
    need(conv2d_prepack(device, &p.weight, p.bias.rank ? &p.bias : NULL, &p.params, &contexts[0]));
    for (int i = 1; i < s->n; i++) {
        conv2d_params other = p.params;
        other.padding[i] = i;
        need(conv2d_context_with_params(contexts[0], &other, &contexts[i]));
    }
    conv2d_plan *plan = NULL;
    if (!s->isas)
        need(conv2d_plan_create(contexts[0], &p.input, NULL, &p.output, &plan));
    conv2d_save_options options = CONV2D_SAVE_OPTIONS_INIT;
    options.without_packed = s->without_packed;
    options.isas = s->isas;
    options.n_inputs = s->isas != NULL;
    options.inputs = &p.input;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, s->name);
    need(conv2d_contexts_save(s->n, contexts, names, path, &options));
    conv2d_plan_destroy(plan);
    for (int i = 0; i < s->n; i++)
        conv2d_context_destroy(contexts[i]);
    free(p.weight.data);
    free(p.bias.data);
}

int main(int argc, char **argv)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device;
    options.isa = "generic";
    if (argc != 2) {
        fprintf(stderr, "usage: make_contexts FOLDER\n");
        return 2;
    }
    need(conv2d_device_open("cpu", &options, &device));
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        make(device, argv[1], &seeds[i]);
    conv2d_device_close(device);
    return 0;
}
