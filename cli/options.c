/* SPDX-License-Identifier: BSD-2-Clause
 * The table of options, and the parser over it (getopt_long). */
#include "options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "picture_kernels.h"
#include "report.h"
#include "values.h"

/* Commands an option belongs to. */
enum {
    RUN = CLI_RUN,
    PACK = CLI_PACK,
    PLAN = CLI_PLAN,
    TUNE = CLI_TUNE,
    INFO = CLI_INFO,
    VERIFY = CLI_VERIFY,
    BENCH = CLI_BENCH,
    PROBLEMS = PLAN | TUNE | VERIFY | BENCH, /* those that take problems */
    SHAPE = RUN | PACK,                      /* what is convolved how: what a context holds */
    ALL = SHAPE | PROBLEMS | INFO
};

typedef struct option_row {
    const char *name;
    char letter;          /* 0 = none */
    const char *argument; /* name in the help; NULL = a flag */
    int commands;
    size_t offset;        /* of the member of cli_options */
    option_parser *parse; /* of the argument; NULL for a flag (bool) */
    const char *words;    /* values to offer in a shell; NULL = files; "" = nothing to offer */
    const char *help;     /* '\n' begins a new line */
} option_row;

#define MEMBER(name) offsetof(cli_options, name)

static const char activation_words[] = "none relu relu6 clamp: leaky_relu sigmoid tanh silu "
                                       "hardswish hardsigmoid gelu gelu_tanh mish";

static const option_row rows[] = {
    {"weight", 'w', "W", SHAPE, MEMBER(weight), value_text, NULL,
     "weights: a .npy file [OC, IC/groups, KH, KW], FILE.safetensors:NAME, or\n"
     "a kernel for pictures, applied to each channel: gaussian:SIZE[,SIGMA],\n"
     "box:SIZE, sobel-x, sobel-y, laplacian, sharpen, emboss, identity"},
    {"bias", 'b', "B", SHAPE, MEMBER(bias), value_text, NULL,
     "bias [OC]: .npy or FILE.safetensors:NAME"},
    {"context", 'c', "CONTEXT", RUN, MEMBER(context), value_text, NULL,
     "file of `conv2d pack`, in place of the weights and of all that says\n"
     "how to convolve"},
    {"name", 0, "NAME", SHAPE, MEMBER(name), value_text, "",
     "of a context in its file; run: needed if there are several"},
    {"residual", 'r', "R", RUN, MEMBER(residual), value_text, NULL,
     "tensor of the output's shape, added before the activation"},
    {"output", 'o', "OUT", RUN, MEMBER(output), value_text, NULL,
     "file to write: .npy, .safetensors, .png, .jpg, .pgm, .ppm or .pfm;\n"
     "with several inputs a directory, or a name with {name} where the\n"
     "input's goes"},
    {"output", 'o', "CONTEXT", PACK, MEMBER(output), value_text, NULL, "file of contexts to write"},
    {"output", 'o', "WISDOM", TUNE, MEMBER(output), value_text, NULL,
     "file to write: what --wisdom had and what was found"},
    {"output", 'o', "REPORT", VERIFY, MEMBER(output), value_text, NULL,
     "JSON file to write: the device, this build, and what each kernel did"},
    {"input", 'i', "N,C,H,W", PACK, MEMBER(inputs), value_list, "",
     "shape of inputs to pack for (may be given several times); memory in\n"
     "the order of --layout"},
    {"problem", 0, "PROBLEM", PACK, MEMBER(problems), value_list, "",
     "pack for the input of a problem's text (may be given several times)"},
    {"stride", 's', "S|Y,X", SHAPE, MEMBER(params.stride), value_pair, "", "default 1"},
    {"padding", 'p', "PADDING", SHAPE, MEMBER(params), value_padding, "same valid",
     "P, or Y,X, or TOP,LEFT,BOTTOM,RIGHT, or same, or valid; default 0"},
    {"padding-mode", 0, "MODE", SHAPE, MEMBER(params.padding_mode), value_padding_mode,
     "zeros reflect replicate circular", "zeros (default), reflect, replicate, circular"},
    {"dilation", 'd', "D|Y,X", SHAPE, MEMBER(params.dilation), value_pair, "", "default 1"},
    {"groups", 'g', "N", SHAPE, MEMBER(params.groups), value_positive, "",
     "default 1; with a kernel for pictures the number of channels"},
    {"activation", 'a', "NAME", SHAPE, MEMBER(params), value_activation, activation_words,
     "relu, relu6, clamp:MIN,MAX (one may be missing), leaky_relu[:SLOPE],\n"
     "sigmoid, tanh, silu, hardswish, hardsigmoid, gelu, gelu_tanh, mish"},
    {"layout", 0, "ORDER", SHAPE, MEMBER(layout), value_layout, "nchw nhwc",
     "axes of .npy input, residual and output: nchw (default) or nhwc;\n"
     "pictures are always read as they are"},
    {"dtype", 0, "TYPE", SHAPE | PROBLEMS, MEMBER(dtype), value_dtype, "f32 f64 f16 bf16",
     "compute in f32, f64, f16 or bf16, whatever type the files (or the\n"
     "problems) have; default: the input's type"},
    {"accuracy", 0, "LEVEL", SHAPE, MEMBER(params.accuracy), value_accuracy,
     "default strict fast tf32", "default, strict, fast or tf32"},
    {"algorithm", 0, "NAME", SHAPE | VERIFY, MEMBER(params.algorithm), value_text, "",
     "force a candidate of `conv2d plan -v`, such as igemm_ch or\n"
     "igemm_ch/avx2; verify: also all, one after the other"},
    {"workspace-limit", 0, "BYTES", SHAPE, MEMBER(params.workspace_limit), value_bytes, "",
     "memory a run may use beside the packed weights; 0 works too"},
    {"flush-denormals", 0, NULL, SHAPE, MEMBER(params.flush_denormals), NULL, NULL,
     "compute with denormal numbers taken as zero"},
    {"normalize", 0, NULL, RUN, MEMBER(normalize), NULL, NULL,
     "pictures: map the output's range to 0...1 instead of clipping it"},
    {"verify", 0, NULL, RUN, MEMBER(verify), NULL, NULL,
     "compute again in float64 and check every element's error bound;\n"
     "exit code 1, and nothing written, if one is beyond it"},
    {"repeat", 0, "N", RUN, MEMBER(repeat), value_positive, "",
     "run N times and report the least and the median time; default 1"},
    {"random", 0, "N", VERIFY, MEMBER(n_random), value_positive, "", "check N random problems"},
    {"seed", 0, "S", VERIFY, MEMBER(seed), value_natural, "",
     "of the random problems and data; default 1"},
    {"peak", 0, NULL, BENCH, MEMBER(peak), NULL, NULL,
     "measure the processor's multiply-add peak between the runs, and give\n"
     "the share of it that was reached"},
    {"seconds", 0, "S", BENCH | TUNE, MEMBER(seconds), value_seconds, "",
     "time to spend on each problem; default 0.5"},
    {"wisdom", 0, "FILE", SHAPE | PROBLEMS, MEMBER(wisdom), value_text, NULL,
     "what `conv2d tune` found, to choose by; made on a machine like this"},
    {"isa", 0, "NAME", ALL & ~PACK, MEMBER(isa), value_text,
     "generic avx2 avx512 avx512_bf16 amx neon",
     "highest instruction set to use: generic, avx2, avx512, avx512_bf16,\n"
     "amx, neon"},
    {"isa", 0, "LIST|all", PACK, MEMBER(isas), value_text,
     "all generic avx2 avx512 avx512_bf16 amx neon",
     "instruction sets to pack for, as in avx2,avx512, or all; default: this\n"
     "machine's"},
    {"device", 0, "NAME", ALL, MEMBER(device), value_text, "auto cpu metal",
     "auto (default), cpu or metal"},
    {"threads", 't', "N", ALL, MEMBER(n_threads), value_threads, "",
     "workers; default as many as the process may use"},
    {"verbose", 'v', NULL, PLAN | TUNE, MEMBER(verbose), NULL, NULL,
     "every candidate with its cost, or why it cannot be used"},
    {"json", 0, NULL, ALL, MEMBER(json), NULL, NULL, "print JSON"},
    {"csv", 0, NULL, BENCH, MEMBER(csv), NULL, NULL, "print comma-separated values"},
};
enum { N_ROWS = sizeof rows / sizeof rows[0], FIRST_CODE = 256, HELP_CODE = 255 };

static const option_row *row_by_letter(int command, char letter)
{
    for (int i = 0; i < N_ROWS; i++) {
        if (rows[i].letter == letter && (rows[i].commands & command))
            return &rows[i];
    }
    return NULL;
}

/* The tables getopt_long wants, with the options of one command. */
typedef struct getopt_tables {
    char letters[3 + 2 * N_ROWS + 2];
    struct option options[N_ROWS + 2];
} getopt_tables;

static void make_tables(int command, getopt_tables *tables)
{
    size_t n_letters = 0, n = 0;
    tables->letters[n_letters++] = ':'; /* a missing argument is told apart */
    tables->letters[n_letters++] = 'h';
    for (int i = 0; i < N_ROWS; i++) {
        if (!(rows[i].commands & command))
            continue;
        int has = rows[i].argument ? required_argument : no_argument;
        tables->options[n++] = (struct option){rows[i].name, has, NULL, FIRST_CODE + i};
        if (rows[i].letter) {
            tables->letters[n_letters++] = rows[i].letter;
            if (rows[i].argument)
                tables->letters[n_letters++] = ':';
        }
    }
    tables->options[n++] = (struct option){"help", no_argument, NULL, HELP_CODE};
    tables->options[n] = (struct option){0};
    tables->letters[n_letters] = '\0';
}

/* Options that a context already answers. */
static void note_shape(const option_row *row, cli_options *out)
{
    const bool is_param = row->offset - MEMBER(params) < sizeof out->params; /* unsigned */
    if (is_param || row->offset == MEMBER(weight) || row->offset == MEMBER(bias))
        out->shaped_by = row->name;
}

static bool store(const option_row *row, const char *text, cli_options *out, cli_error *error)
{
    void *member = (char *)out + row->offset;
    if (row->parse) {
        option_value value = {row->name, text};
        if (member == (void *)&out->params.groups)
            out->groups_given = true;
        note_shape(row, out);
        return row->parse(&value, member, error);
    }
    note_shape(row, out);
    if (row->offset == MEMBER(params.flush_denormals))
        out->params.flush_denormals = 1;
    else
        *(bool *)member = true;
    return true;
}

static bool refuse(int code, int letter, const char *word, cli_error *error)
{
    if (code == ':' && letter >= FIRST_CODE)
        return cli_fail_usage(error, "option --%s needs a value: %s",
                              rows[letter - FIRST_CODE].name, rows[letter - FIRST_CODE].argument);
    if (code == ':')
        return cli_fail_usage(error, "option -%c needs a value", letter);
    if (letter >= FIRST_CODE)
        return cli_fail_usage(error, "option --%s takes no value", rows[letter - FIRST_CODE].name);
    if (letter > 0 && letter < HELP_CODE)
        return cli_fail_usage(error, "unknown option -%c", letter);
    return cli_fail_usage(error, "unknown or ambiguous option '%s'", word);
}

int options_parse(const cli_command *command, int argc, char **argv, cli_options *out,
                  cli_error *error)
{
    *out = (cli_options){.params = CONV2D_PARAMS_INIT, .repeat = 1, .seed = 1, .seconds = 0.5};
    getopt_tables tables;
    make_tables(command->bit, &tables);
    opterr = 0;
    optind = 1;
    for (;;) {
        int code = getopt_long(argc, argv, tables.letters, tables.options, NULL);
        if (code == -1)
            break;
        if (code == 'h' || code == HELP_CODE)
            return OPTIONS_HELP;
        if (code == '?' || code == ':') {
            refuse(code, optopt, argv[optind - 1], error);
            return OPTIONS_BAD;
        }
        const option_row *row =
            code >= FIRST_CODE ? &rows[code - FIRST_CODE] : row_by_letter(command->bit, (char)code);
        if (!store(row, optarg, out, error))
            return OPTIONS_BAD;
    }
    out->operands = argv + optind;
    out->n_operands = argc - optind;
    return out->json && !report_possible(error) ? OPTIONS_BAD : OPTIONS_GO;
}

bool options_info(const cli_command *command, int i, option_info *out)
{
    for (int row = 0; row < N_ROWS; row++) {
        const option_row *r = &rows[row];
        if (!(r->commands & command->bit) || i-- > 0)
            continue;
        *out = (option_info){r->name, r->argument, r->letter, r->words, r->help};
        return true;
    }
    return false;
}

/* ---- help ----------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 29 };

static void print_row(const option_row *row, FILE *to)
{
    char letter[8] = "    ";
    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    int n = fprintf(to, "  %s--%s%s%s", letter, row->name, row->argument ? " " : "",
                    row->argument ? row->argument : "");
    if (n >= HELP_COLUMN) {
        fputc('\n', to);
        n = 0;
    }
    fprintf(to, "%*s", HELP_COLUMN - (n > 0 ? n : 0), "");
    for (const char *c = row->help; *c; c++) {
        fputc(*c, to);
        if (*c == '\n')
            fprintf(to, "%*s", HELP_COLUMN, "");
    }
    fputc('\n', to);
}

void options_print_help(const cli_command *command, FILE *to)
{
    fprintf(to, "Usage: conv2d %s %s\n\n%s\n\nOptions:\n", command->name, command->usage,
            command->about);
    for (int i = 0; i < N_ROWS; i++) {
        if (rows[i].commands & command->bit)
            print_row(&rows[i], to);
    }
    fprintf(to, "  -h, --help%*sthis text\n\nExamples:\n%s", HELP_COLUMN - 12, "",
            command->examples);
}
