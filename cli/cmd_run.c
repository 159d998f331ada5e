/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d run: convolve files. Every output is staged first and named only when all inputs went
 * well and their results are printed, so a failure leaves the disk as it was. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contexts.h"
#include "convolution.h"
#include "file.h"
#include "load.h"
#include "options.h"
#include "oracle.h"
#include "outputs.h"
#include "picture_kernels.h"
#include "report.h"

/* One input on its way to its output. */
typedef struct item {
    const char *input_name, *output_name;
    const cli_options *options;
    conv2d_device *device;
    const cli_context *context; /* of --context; its context is NULL without */
    cli_convolution c;
    conv2d_order order; /* in memory, of input and output */
    save_options save;
    int input_depth; /* bits of a picture, 0 = .npy */
    cli_plan plan;
    cli_times times;
    cli_check check;
} item;

/* ---- arguments of one convolution ----------------------------------------------------------- */

static int64_t channels_of(const conv2d_tensor *t)
{
    return t->sizes[t->rank - 3];
}

static bool load_kernel(item *it, cli_error *error)
{
    const cli_options *o = it->options;
    int64_t channels = channels_of(&it->c.input.t);
    if (o->groups_given && o->params.groups != channels)
        return cli_fail_usage(error,
                              "--groups is %" PRId64 ": the kernel '%s' is applied to each of the "
                              "%" PRId64 " channels of '%s', leave --groups out",
                              o->params.groups, o->weight, channels, it->input_name);
    it->c.params.groups = channels;
    return picture_kernel_make(o->weight, channels, it->c.input.t.dtype, &it->c.weight, error);
}

/* Without --dtype, pictures take any weights, and arrays only those of their own type. */
static bool check_dtype(const item *it, const conv2d_tensor *t, const char *option,
                        const char *name, cli_error *error)
{
    int32_t dtype = it->c.input.t.dtype;
    if (it->options->dtype || it->input_depth != 0 || t->dtype == dtype)
        return true;
    return cli_fail(error, CLI_USAGE,
                    "--%s '%s' is %s, the input '%s' is %s: expected the same, or --dtype to "
                    "convert them",
                    option, name, tensor_dtype_name(t->dtype), it->input_name,
                    tensor_dtype_name(dtype));
}

static bool load_one(item *it, const char *option, const char *name, int rank, cli_tensor *out,
                     cli_error *error)
{
    return load_parameter(name, rank, out, error) &&
           check_dtype(it, &out->t, option, name, error) &&
           tensor_convert(out, it->c.input.t.dtype, CONV2D_NCHW, option, error);
}

static bool load_weights(item *it, cli_error *error)
{
    const cli_options *o = it->options;
    if (it->context->context)
        return context_describe(it->context, &it->c), true;
    bool ok = picture_kernel_is(o->weight)
                  ? load_kernel(it, error)
                  : load_one(it, "weight", o->weight, 4, &it->c.weight, error);
    return ok && (!o->bias || load_one(it, "bias", o->bias, 1, &it->c.bias, error));
}

/* Brought into the output's order, so that one plan for all three suffices. */
static bool load_residual(item *it, cli_error *error)
{
    const cli_options *o = it->options;
    if (!o->residual)
        return true;
    cli_loaded loaded;
    if (!load_data(o->residual, o->layout, &loaded, error))
        return false;
    it->c.residual = loaded.tensor;
    int32_t dtype = it->c.input.t.dtype;
    if (!loaded.depth && !check_dtype(it, &it->c.residual.t, "residual", o->residual, error))
        return false;
    if ((loaded.depth ? CONV2D_NHWC : o->layout) == it->order)
        return tensor_convert(&it->c.residual, dtype, it->order, "residual", error);
    cli_tensor turned = CLI_TENSOR_INIT;
    if (!tensor_copy(&it->c.residual.t, dtype, it->order, false, "residual", &turned, error))
        return false;
    tensor_free(&it->c.residual);
    it->c.residual = turned;
    return true;
}

static bool load_input(item *it, cli_error *error)
{
    const cli_options *o = it->options;
    cli_loaded loaded;
    if (!load_data(it->input_name, o->layout, &loaded, error))
        return false;
    it->c.input = loaded.tensor;
    it->input_depth = loaded.depth;
    it->order = loaded.depth ? CONV2D_NHWC : o->layout;
    int32_t dtype = o->dtype;
    if (it->context->context && loaded.depth)
        dtype = it->context->info.weight.dtype; /* pictures have no type of their own */
    return !dtype || tensor_convert(&it->c.input, dtype, it->order, "input", error);
}

/* The output's sizes and memory, once its file can hold them. */
static bool make_output(item *it, cli_error *error)
{
    const conv2d_tensor *input = &it->c.input.t;
    conv2d_tensor output = CONV2D_TENSOR_INIT;
    output.dtype = input->dtype;
    output.rank = input->rank;
    conv2d_status status = conv2d_output_sizes(input, &it->c.weight.t, &it->c.params,
                                               output.sizes);
    if (status)
        return cli_fail_library(error, status, "");
    if (!save_check(it->output_name, &output, it->input_depth, &it->save.depth, error))
        return false;
    it->save.order = it->options->layout;
    it->save.normalize = it->options->normalize;
    return tensor_make(&output, it->order, "output", &it->c.output, error);
}

/* ---- running -------------------------------------------------------------------------------- */

static bool run_repeatedly(item *it, cli_error *error)
{
    size_t n = (size_t)it->options->repeat;
    double *seconds = calloc(n, sizeof *seconds);
    if (!seconds)
        return cli_fail(error, CLI_FAILED, "no memory for %zu times", n);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = plan_run(&it->plan, &seconds[i], error);
    if (ok)
        it->times = times_summary(seconds, n);
    free(seconds);
    return ok;
}

static bool verify_item(item *it, cli_error *error)
{
    cli_oracle oracle;
    if (it->context->context && !context_read_weights(it->context, &it->c, error))
        return false;
    if (!oracle_make(it->device, &it->c, &oracle, error))
        return false;
    const bool ok = oracle_of_plan(it->device, &it->c, &it->plan.info, &oracle, error);
    if (ok)
        it->check = oracle_compare(&oracle, &it->c, false);
    oracle_free(&oracle);
    return ok;
}

static bool stage_item(item *it, cli_error *error)
{
    if (it->save.depth != 0 || it->order == it->save.order)
        return save_stage(it->output_name, &it->c.output, &it->save, error);
    cli_tensor turned = CLI_TENSOR_INIT;
    bool ok = tensor_copy(&it->c.output.t, it->c.output.t.dtype, it->save.order, false, "output",
                          &turned, error) &&
              save_stage(it->output_name, &turned, &it->save, error);
    tensor_free(&turned);
    return ok;
}

/* ---- results -------------------------------------------------------------------------------- */

static double gflops_of(const item *it)
{
    return it->times.least > 0 ? it->plan.info.flops / it->times.least * 1e-9 : 0;
}

static json_t *report_item(const item *it)
{
    json_t *report = json_object();
    report_set(report, "input", report_text(it->input_name));
    report_set(report, "output", report_text(it->output_name));
    report_set(report, "dtype", report_text(tensor_dtype_name(it->c.input.t.dtype)));
    report_set(report, "input_sizes", report_sizes(&it->c.input.t));
    report_set(report, "weight_sizes", report_sizes(&it->c.weight.t));
    report_set(report, "output_sizes", report_sizes(&it->c.output.t));
    report_set(report, "plan", report_plan(&it->plan.info));
    report_set(report, "repeat", json_integer(it->options->repeat));
    report_set(report, "seconds", report_number(it->times.least));
    report_set(report, "seconds_median", report_number(it->times.median));
    report_set(report, "gflops", report_number(gflops_of(it)));
    if (it->options->verify)
        report_set(report, "verify", oracle_report(&it->check));
    return report;
}

static void print_item(const item *it, FILE *to)
{
    char in[REPORT_SIZES_BYTES], out[REPORT_SIZES_BYTES];
    report_sizes_text(&it->c.input.t, in);
    report_sizes_text(&it->c.output.t, out);
    fprintf(to, "%s: %s -> %s, %s %s, %.3f ms, %.1f GFLOP/s", it->output_name, in, out,
            it->plan.info.algorithm, it->plan.info.variant, it->times.least * 1e3, gflops_of(it));
    if (it->options->verify)
        fprintf(to, ", max error %.3g, %.3f of the bound", it->check.max_error,
                it->check.max_ratio);
    fputc('\n', to);
}

static void free_item(item *it)
{
    plan_close(&it->plan);
    convolution_free(&it->c);
}

static bool open_plan(item *it, cli_error *error)
{
    return it->context->context
               ? plan_open_context(it->device, it->context->context, &it->c, &it->plan, error)
               : plan_open(it->device, &it->c, &it->plan, error);
}

/* From the input's name to a staged output. A found difference is not an error here. */
static bool process(item *it, cli_error *error)
{
    it->c.params = it->options->params;
    if (!load_input(it, error))
        return false;
    if (load_weights(it, error) && load_residual(it, error) && make_output(it, error) &&
        open_plan(it, error) && run_repeatedly(it, error) &&
        (!it->options->verify || verify_item(it, error)) && stage_item(it, error))
        return true;
    return it->options->n_operands > 1 ? cli_prefix(error, "input '%s'", it->input_name) : false;
}

/* ---- the command ---------------------------------------------------------------------------- */

/* What will be printed, if everything goes well. */
typedef struct results {
    json_t *json; /* array */
    FILE *text;   /* writes into lines */
    char *lines;
    size_t n_lines;
    bool complete; /* every input was computed, with or without a difference */
} results;

static void add_result(results *r, const item *it)
{
    if (it->options->json)
        json_array_append_new(r->json, report_item(it));
    else
        print_item(it, r->text);
}

static bool process_all(const cli_options *o, conv2d_device *device, const cli_context *context,
                        char **outputs, results *r, cli_error *error)
{
    bool differs = false;
    for (int i = 0; i < o->n_operands; i++) {
        item it = {.input_name = o->operands[i],
                   .output_name = outputs[i],
                   .options = o,
                   .device = device,
                   .context = context,
                   .c = CLI_CONVOLUTION_INIT,
                   .plan = CLI_PLAN_INIT};
        if (o->n_operands > 1)
            cli_progress("run", i, o->n_operands);
        bool ok = process(&it, error);
        if (ok)
            add_result(r, &it);
        if (ok && it.check.n_bad && !differs) {
            char text[ORACLE_TEXT_BYTES];
            oracle_describe(&it.check, text);
            cli_fail(error, CLI_FAILED, "'%s': %s; nothing was written", it.input_name, text);
            differs = true;
        }
        free_item(&it);
        if (!ok)
            return false;
    }
    if (o->n_operands > 1)
        cli_progress("run", 0, 0);
    r->complete = true;
    return !differs;
}

/* False if standard output does not take it; main.c says so. */
static bool print_results(results *r, bool as_json)
{
    if (as_json) {
        json_t *root = json_object();
        report_set(root, "version", report_text(conv2d_version()));
        report_set(root, "results", json_incref(r->json));
        report_print(root);
    } else {
        fflush(r->text);
        fwrite(r->lines, 1, r->n_lines, stdout);
    }
    return fflush(stdout) == 0;
}

static bool open_context(const cli_options *o, conv2d_device *device, cli_context *out,
                         cli_error *error)
{
    if (!o->context)
        return true;
    if (!context_open(o->context, o->name, device, out, error))
        return false;
    const int32_t dtype = out->info.weight.dtype;
    if (o->dtype && o->dtype != dtype)
        return cli_fail_usage(error, "--dtype is %s, the weights in '%s' are %s: pack them anew",
                              tensor_dtype_name(o->dtype), o->context, tensor_dtype_name(dtype));
    return true;
}

static int run_with(const cli_options *o, results *r, cli_error *error)
{
    conv2d_device *device = NULL;
    cli_context context = CLI_CONTEXT_INIT;
    char **outputs = NULL;
    bool ok = outputs_name(o, &outputs, error) && cli_open_device(o, &device, error) &&
              open_context(o, device, &context, error) &&
              process_all(o, device, &context, outputs, r, error);
    if (r->complete && !print_results(r, o->json)) {
        ok = false;
        error->code = CLI_USAGE;
        error->text[0] = '\0';
    }
    ok = ok && file_commit(error);
    context_close(&context);
    conv2d_device_close(device);
    outputs_free(outputs, o->n_operands);
    return ok ? CLI_OK : error->code;
}

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_operands == 0)
        return cli_fail_usage(error, "no INPUT is given"), CLI_USAGE;
    if (o->context && o->shaped_by)
        return cli_fail_usage(error, "--context and --%s are both given: the context has it",
                              o->shaped_by),
               CLI_USAGE;
    if (o->name && !o->context)
        return cli_fail_usage(error, "--name is given without --context"), CLI_USAGE;
    if ((!o->weight && !o->context) || !o->output)
        return cli_fail_usage(error, "--%s is missing",
                              o->weight || o->context ? "output" : "weight"),
               CLI_USAGE;
    results r = {.json = o->json ? json_array() : NULL};
    r.text = open_memstream(&r.lines, &r.n_lines);
    int code = r.text && (r.json || !o->json) ? run_with(o, &r, error)
                                : (cli_fail(error, CLI_FAILED, "out of memory"), CLI_FAILED);
    if (r.text)
        fclose(r.text);
    free(r.lines);
    json_decref(r.json);
    return code;
}

const cli_command cli_command_run = {
    .name = "run",
    .bit = CLI_RUN,
    .summary = "convolve arrays (.npy) or pictures (.png, .jpg, .pgm, .ppm, .pfm)",
    .usage = "INPUT... --weight W|--context CONTEXT --output OUT [OPTION]...",
    .about =
        "Convolve each INPUT with the weights and write OUT. 8-bit and 16-bit pictures are read\n"
        "as channels of 0...1 (gray 1, colour 3, with transparency 4) and results outside are\n"
        "clipped when written; .pfm, .npy and .safetensors keep every value. Nothing is written\n"
        "unless everything went well.",
    .examples =
        "  conv2d run photo.jpg --weight gaussian:15 --padding same -o blurred.png\n"
        "  conv2d run photo.png --weight sobel-x --normalize -o edges.png\n"
        "  conv2d run *.png --weight emboss --stride 2 --padding 1 --padding-mode reflect -o out/\n"
        "  conv2d run x.npy --weight net.safetensors:conv1.weight --bias net.safetensors:conv1.bias"
        "\\\n      --stride 2 --padding 3 --activation relu --verify --json -o y.npy\n"
        "  conv2d run x.npy --context layer.conv2d -o y.npy\n",
    .run = run,
};
