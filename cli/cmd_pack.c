/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d pack: weights and parameters into a file of contexts, with the packed weights that given
 * inputs need for given instruction sets. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contexts.h"
#include "file.h"
#include "load.h"
#include "options.h"
#include "picture_kernels.h"
#include "report.h"

typedef struct packing {
    const cli_options *options;
    conv2d_device *device;
    cli_convolution c; /* weight, bias, params */
    conv2d_context *context;
    conv2d_tensor inputs[2 * OPTIONS_INPUTS]; /* descriptions */
    int n_inputs;
    size_t bytes; /* of the file */
} packing;

/* ---- inputs to pack for --------------------------------------------------------------------- */

/* "N,C,H,W" or "C,H,W". */
static bool parse_shape(const cli_options *o, const char *text, conv2d_tensor *out,
                        cli_error *error)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    const char *at = text;
    char *end = NULL;
    while (t.rank < 4 && *at >= '0' && *at <= '9') {
        const long long size = strtoll(at, &end, 10);
        if (size < 1 || size > INT32_MAX)
            break;
        t.sizes[t.rank++] = size;
        at = *end == ',' ? end + 1 : end;
        if (*end != ',')
            break;
    }
    if (t.rank < 3 || *at != '\0' || end[-1] == ',' || text[strlen(text) - 1] == ',')
        return cli_fail_usage(error,
                              "--input is '%s', expected N,C,H,W or C,H,W, each from 1 to %" PRId32,
                              text, INT32_MAX);
    conv2d_tensor_set_order(&t, o->layout);
    *out = t;
    return true;
}

static bool read_inputs(packing *p, cli_error *error)
{
    const cli_options *o = p->options;
    for (int i = 0; o->inputs[i]; i++) {
        if (!parse_shape(o, o->inputs[i], &p->inputs[p->n_inputs++], error))
            return false;
    }
    for (int i = 0; o->problems[i]; i++) {
        conv2d_problem problem;
        const conv2d_status status = conv2d_problem_parse(o->problems[i], &problem);
        if (status) {
            cli_fail_library(error, status, "");
            return cli_prefix(error, "--problem '%s'", o->problems[i]);
        }
        p->inputs[p->n_inputs++] = problem.input;
    }
    return true;
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Channels for a kernel for pictures: --groups, or what all inputs have. */
static bool find_channels(const packing *p, int64_t *out, cli_error *error)
{
    const cli_options *o = p->options;
    int64_t channels = o->groups_given ? o->params.groups : 0;
    for (int i = 0; i < p->n_inputs; i++) {
        const conv2d_tensor *t = &p->inputs[i];
        const int64_t here = t->sizes[t->rank - 3];
        if (channels && here != channels)
            return cli_fail_usage(error,
                                  "the kernel '%s' is applied to each of %" PRId64 " channels, an "
                                  "input has %" PRId64,
                                  o->weight, channels, here);
        channels = here;
    }
    if (!channels)
        return cli_fail_usage(
            error,
            "the kernel '%s' is applied to each channel: --groups or --input must "
            "say how many there are",
            o->weight);
    *out = channels;
    return true;
}

static bool load_weights(packing *p, cli_error *error)
{
    const cli_options *o = p->options;
    int32_t dtype = o->dtype;
    p->c.params = o->params;
    if (picture_kernel_is(o->weight)) {
        int64_t channels = 0;
        if (!find_channels(p, &channels, error))
            return false;
        p->c.params.groups = channels;
        if (!picture_kernel_make(o->weight, channels, dtype ? dtype : CONV2D_FLOAT32, &p->c.weight,
                                 error))
            return false;
    } else if (!load_parameter(o->weight, 4, &p->c.weight, error)) {
        return false;
    }
    if (o->bias && !load_parameter(o->bias, 1, &p->c.bias, error))
        return false;
    if (dtype && (!tensor_convert(&p->c.weight, dtype, CONV2D_NCHW, "weight", error) ||
                  !tensor_convert(&p->c.bias, dtype, CONV2D_NCHW, "bias", error)))
        return false;
    for (int i = 0; i < p->n_inputs; i++)
        p->inputs[i].dtype = p->c.weight.t.dtype;
    return true;
}

/* ---- writing -------------------------------------------------------------------------------- */

typedef struct sink {
    file_stream stream;
    size_t bytes;
    cli_error *error;
    bool failed;
} sink;

static int take_bytes(void *user, const void *bytes, size_t n)
{
    sink *s = user;
    s->bytes += n;
    s->failed = !file_stream_write(&s->stream, bytes, n, s->error);
    return s->failed;
}

static bool stage_file(packing *p, cli_error *error)
{
    const cli_options *o = p->options;
    conv2d_save_options save = CONV2D_SAVE_OPTIONS_INIT;
    save.n_inputs = p->n_inputs;
    save.inputs = p->inputs;
    save.isas = o->isas;
    sink s = {.error = error};
    const char *name = o->name ? o->name : "context";
    if (!file_stream_open(o->output, &s.stream, error))
        return false;
    const conv2d_status status =
        conv2d_contexts_write(1, &p->context, &name, take_bytes, &s, &save);
    bool ok = status == CONV2D_OK;
    if (status && !s.failed)
        cli_fail_library(error, status, "");
    ok = file_stream_close(&s.stream, ok, error);
    p->bytes = s.bytes;
    return ok;
}

/* ---- results -------------------------------------------------------------------------------- */

static void print_report(const packing *p)
{
    const cli_options *o = p->options;
    json_t *report = json_object();
    report_set(report, "version", report_text(conv2d_version()));
    report_set(report, "output", report_text(o->output));
    report_set(report, "name", report_text(o->name ? o->name : "context"));
    report_set(report, "dtype", report_text(tensor_dtype_name(p->c.weight.t.dtype)));
    report_set(report, "weight_sizes", report_sizes(&p->c.weight.t));
    report_set(report, "inputs", json_integer(p->n_inputs));
    report_set(report, "bytes", json_integer((json_int_t)p->bytes));
    report_print(report);
}

static void print_line(const packing *p)
{
    char sizes[REPORT_SIZES_BYTES];
    report_sizes_text(&p->c.weight.t, sizes);
    printf("%s: weights %s %s, packed for %d input%s, %zu bytes\n", p->options->output, sizes,
           tensor_dtype_name(p->c.weight.t.dtype), p->n_inputs, p->n_inputs == 1 ? "" : "s",
           p->bytes);
}

/* ---- the command ---------------------------------------------------------------------------- */

static bool check_names(const cli_options *o, cli_error *error)
{
    const char *const read[] = {o->weight, o->bias, o->wisdom};
    if (!file_check_output(o->output, error))
        return false;
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        if (read[i] && load_reads(read[i], o->output))
            return cli_fail_usage(error, "the output '%s' is also read", o->output);
    }
    return true;
}

static bool pack(packing *p, cli_error *error)
{
    const cli_options *o = p->options;
    if (!check_names(o, error) || !read_inputs(p, error))
        return false;
    if (o->isas && p->n_inputs == 0)
        return cli_fail_usage(error, "--isa is given, but no --input or --problem to pack for");
    if (!cli_open_device(o, &p->device, error) || !load_weights(p, error))
        return false;
    const conv2d_status status = conv2d_prepack(
        p->device, &p->c.weight.t, tensor_or_null(&p->c.bias), &p->c.params, &p->context);
    if (status)
        return cli_fail_library(error, status, "");
    if (!stage_file(p, error))
        return false;
    if (o->json)
        print_report(p);
    else
        print_line(p);
    if (fflush(stdout) != 0) { /* main.c says so */
        error->code = CLI_USAGE;
        error->text[0] = '\0';
        return false;
    }
    return file_commit(error);
}

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_operands > 0)
        return cli_fail_usage(error, "unexpected argument '%s'", o->operands[0]), CLI_USAGE;
    if (!o->weight || !o->output)
        return cli_fail_usage(error, "--%s is missing", o->weight ? "output" : "weight"), CLI_USAGE;
    packing p = {.options = o, .c = CLI_CONVOLUTION_INIT};
    const bool ok = pack(&p, error);
    conv2d_context_destroy(p.context);
    convolution_free(&p.c);
    conv2d_device_close(p.device);
    return ok ? CLI_OK : error->code;
}

const cli_command cli_command_pack = {
    .name = "pack",
    .bit = CLI_PACK,
    .summary = "store weights and parameters, packed, for `run --context`",
    .usage = "--weight W --output CONTEXT [OPTION]...",
    .about =
        "Write a file of contexts: the weights, the options that say how to convolve, and for\n"
        "each --input and --problem the packed weights that runs on such inputs use, for the\n"
        "instruction sets of --isa. It is a safetensors file; a run on another machine, or of\n"
        "another input, packs what it does not find.",
    .examples =
        "  conv2d pack --weight w.npy --padding same --activation relu --input 1,64,56,56 \\\n"
        "      --isa all -o layer.conv2d\n"
        "  conv2d pack --weight gaussian:15 --groups 3 --padding same --layout nhwc \\\n"
        "      --input 3,1080,1920 -o blur.conv2d\n",
    .run = run,
};
