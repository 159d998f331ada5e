/* SPDX-License-Identifier: BSD-2-Clause
 * Fuzz target: the text of wisdom. Refused text changes nothing; accepted text is exported, and
 * what is exported imports and exports the same. The head names the machine and the last line is a
 * checksum, so that inputs that begin with '@' get both from here, and with '#' the head only: a
 * corpus then means the same on every machine, and changes get beyond the checksum. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv2d/conv2d.h"
#include "fuzz.h"

enum { TEXT_MAX = 1 << 16, EXPLAIN_ONE_IN = 8 };

/* What the device knows before each input. */
static const char known[] = "mb1ic3ih8oc4oh6kh3 reference plain_f64 0.5\n";

static conv2d_device *device;
static char head[512], before[TEXT_MAX];

/* The device's wisdom as text; false if it is longer than the room. */
static bool export_wisdom(char text[TEXT_MAX])
{
    size_t length = 0;
    fuzz_check(conv2d_wisdom_export(device, text, TEXT_MAX, &length) == CONV2D_OK,
               conv2d_last_error());
    return length < TEXT_MAX;
}

/* head + body + checksum (unless is_open), in text; returns the length. */
static size_t complete(const char *body, size_t n, bool is_open, char *text)
{
    const size_t n_head = strlen(head);
    memcpy(text, head, n_head);
    memcpy(text + n_head, body, n);
    uint64_t sum = UINT64_C(0xcbf29ce484222325); /* FNV-1a, as docs/wisdom.md says */
    for (size_t i = 0; i < n_head + n; i++)
        sum = (sum ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    if (is_open)
        return n_head + n;
    return n_head + n + (size_t)sprintf(text + n_head + n, "checksum %016" PRIx64 "\n", sum);
}

static bool open_device(void)
{
    if (device || fuzz_starved())
        return device != NULL;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 1;
    options.isa = "generic"; /* the same kernels on every machine */
    char text[TEXT_MAX];
    if (conv2d_device_open("cpu", &options, &device) != CONV2D_OK)
        return fuzz_check(fuzz_starved(), conv2d_last_error()), false;
    fuzz_check(export_wisdom(text), "no wisdom is long already");
    const size_t n = (size_t)(strchr(text, '\n') - text) + 1;
    fuzz_check(n < sizeof head, "a head too long for this target");
    memcpy(head, text, n);
    return true;
}

/* Only what is known: true, or false without memory. */
static bool reset(void)
{
    conv2d_wisdom_forget(device);
    char text[1024];
    const size_t n = complete(known, sizeof known - 1, false, text);
    if (conv2d_wisdom_import(device, text, n) != CONV2D_OK)
        return fuzz_check(fuzz_starved(), conv2d_last_error()), false;
    return export_wisdom(before);
}

/* Plan the problem of the first entry. */
static void explain(const char *text)
{
    char line[2048];
    conv2d_problem problem;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    const char *entry = strchr(text, '\n') + 1;
    const size_t n = strcspn(entry, " \n");
    fuzz_check(n < sizeof line, "a problem longer than a key");
    memcpy(line, entry, n);
    line[n] = '\0';
    if (strncmp(line, "checksum", n) == 0)
        return;
    fuzz_check(conv2d_problem_parse(line, &problem) == CONV2D_OK, conv2d_last_error());
    if (conv2d_explain(device, &problem, &plan) != CONV2D_OK) {
        fuzz_check(conv2d_last_error()[0], "refused without a sentence");
        return;
    }
    fuzz_check(conv2d_plan_describe(plan, &info) == CONV2D_OK, conv2d_last_error());
    fuzz_check(strcmp(info.choice, "forced") != 0, "nobody forced anything");
    conv2d_plan_destroy(plan);
}

/* What was accepted comes back the same. */
static void round_trip(bool explain_too)
{
    static char first[TEXT_MAX], second[TEXT_MAX];
    if (!export_wisdom(first))
        return;
    if (explain_too)
        explain(first);
    conv2d_wisdom_forget(device);
    if (conv2d_wisdom_import(device, first, strlen(first)) != CONV2D_OK) {
        fuzz_check(fuzz_starved(), conv2d_last_error());
        return;
    }
    fuzz_check(export_wisdom(second) && strcmp(first, second) == 0,
               "exported wisdom comes back changed");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > TEXT_MAX / 2 || !open_device() || !reset())
        return 0;
    const bool has_head = n > 0 && (bytes[0] == '@' || bytes[0] == '#');
    char *text = malloc(n + sizeof head + 64);
    if (!text)
        return 0;
    size_t length = n;
    if (has_head)
        length = complete((const char *)bytes + 1, n - 1, bytes[0] == '#', text);
    else if (n)
        memcpy(text, bytes, n);
    /* Of its own and of this length, so that reading beyond the end is seen. */
    char *exact = malloc(length ? length : 1);
    if (exact) {
        memcpy(exact, text, length);
        if (conv2d_wisdom_import(device, exact, length) == CONV2D_OK) {
            round_trip(fuzz_choice(bytes, n, EXPLAIN_ONE_IN) == 0);
        } else {
            static char after[TEXT_MAX];
            fuzz_check(conv2d_last_error()[0], "refused without a sentence");
            fuzz_check(export_wisdom(after) && strcmp(before, after) == 0,
                       "refused, but the wisdom changed");
        }
    }
    free(exact);
    free(text);
    return 0;
}
