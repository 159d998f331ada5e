/* SPDX-License-Identifier: BSD-2-Clause
 * The rules of docs/context-file.md, broken one by one: each is refused with its sentence, even
 * where the checksums are right. Then damage without right checksums: cut at every length, bits
 * flipped at random; an error or the identical context, never anything else. */
#include "backend/backend.h"
#include "file/checksum.h"
#include "file/safetensors.h"
#include "file_helpers.h"
#include "support/rng.h"

/* A small context with one packed form. */
static setup small(void)
{
    return setup_of(CONV2D_FLOAT32, 6, 2, 3, 1, 6);
}

static bytes image_of(const setup *s)
{
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(s, device);
    const conv2d_save_options o = setup_options(s, NULL);
    bytes b = bytes_of(context, &o);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    return b;
}

static size_t header_bytes(const bytes *b)
{
    size_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | b->at[i];
    return n;
}

/* The file with another header text, of any length and with a right checksum, before the same
 * data. */
static bytes with_header(const bytes *b, const char *header, size_t n)
{
    const size_t data = 8 + header_bytes(b), padded = (8 + n + 63) / 64 * 64 - 8;
    const size_t rest = sizeof C2_ST_HEAD - 1 + C2_ST_DIGITS;
    bytes out = {NULL, 0, 0};
    unsigned char *text = malloc(8 + padded);
    char digits[C2_ST_DIGITS + 1];
    assert_non_null(text);
    memset(text, ' ', 8 + padded);
    memcpy(text + 8, header, n);
    for (int i = 0; i < 8; i++)
        text[i] = (unsigned char)(padded >> 8 * i);
    if (n >= rest) {
        snprintf(digits, sizeof digits, "%016llx",
                 (unsigned long long)c2_checksum(text + 8 + rest, padded - rest));
        memcpy(text + 8 + rest - C2_ST_DIGITS, digits, C2_ST_DIGITS);
    }
    bytes_write(&out, text, 8 + padded);
    bytes_write(&out, b->at + data, b->n - data);
    free(text);
    return out;
}

/* The file with `from`, which must be there, replaced by `to` in its header. */
static bytes replaced(const bytes *b, const char *from, const char *to, size_t to_length)
{
    const size_t n = header_bytes(b), from_length = strlen(from);
    char *text = malloc(n + to_length + 1);
    assert_non_null(text);
    memcpy(text, b->at + 8, n);
    text[n] = '\0';
    char *at = strstr(text, from);
    if (!at)
        fail_msg("the header has no %s", from);
    const size_t before = (size_t)(at - text), after = n - before - from_length;
    memcpy(at, to, to_length);
    memcpy(at + to_length, b->at + 8 + before + from_length, after);
    const bytes out = with_header(b, text, n - from_length + to_length);
    free(text);
    return out;
}

static void assert_image_refused(const bytes *b, const char *needle)
{
    conv2d_file *file = NULL;
    assert_refused(conv2d_file_open_memory(b->at, b->n, NULL, &file), CONV2D_E_IO,
                   "context in memory", needle);
    assert_null(file);
}

typedef struct rule {
    const char *from, *to, *needle;
} rule;

/* Headers with a right checksum that are wrong otherwise. */
static const rule rules[] = {
    {"\"context.bias\":{", "\"context.weight\":{", "\"context.weight\" twice"},
    {"\"contexts\":", "\"library\":", "\"library\" twice"},
    {"},\"context.weight\":{", "},\"__metadata__\":{\"a\":\"b\"},\"context.weight\":{",
     "__metadata__ twice"},
    {"\"data_offsets\":[0,", "\"data_offsets\":[64,", "expected 0, where the one before ends"},
    {"\"shape\":[6]", "\"shape\":[7]", "its shape says otherwise"},
    {"\"shape\":[6]", "\"shape\":[6,4611686018427387904,4]", "its shape says otherwise"},
    {"\"shape\":[6]", "\"shape\":[9223372036854775808]", "a number below 2^63"},
    {"\"shape\":[6]", "\"shape\":[-6]", "a whole number"},
    {"\"shape\":[6]", "\"shape\":[06]", "a whole number"},
    {"\"shape\":[6]", "\"shape\":[6.0]", "',' or ']'"},
    {"\"shape\":[6]", "\"shape\":[6e0]", "',' or ']'"},
    {"\"shape\":[6]", "\"shape\":[\"6\"]", "a whole number"},
    {"\"shape\":[6]", "\"shape\":[[[[[[6]]]]]]", "a whole number"},
    {"\"shape\":[6]", "\"shape\":6", "'['"},
    {"\"shape\":[6]", "\"shape\":[6,]", "an item after ','"},
    {"\"shape\":[6]", "\"shape\":[6 1]", "',' or ']'"},
    {"\"shape\":[6]", "\"shape\":[1,1,1,1,6]", "the list is too long"},
    {"\"shape\":[6]", "\"shape\":[6],\"shape\":[6]", "\"shape\" twice"},
    {"\"shape\":[6]", "\"shape\":[6],\"x\":1", "beside dtype, shape and data_offsets"},
    {"\"shape\":[6],", "", "lacks dtype, shape or data_offsets"},
    {"\"dtype\":\"F32\"", "\"dtype\":\"I64\"", "dtype \"I64\""},
    {"\"dtype\":\"F32\"", "\"dtype\":\"F64\"", "its shape says otherwise"},
    {"\"dtype\":\"F32\"", "\"dtype\":32", "a string"},
    {"\"library\":\"", "\"library\":1,\"x\":\"", "a string"},
    {"\"library\":\"", "\"library\":\"\\u0000", "an escape"},
    {"\"library\":\"", "\"library\":\"\\x", "an escape"},
    {"\"library\":\"", "\"library\":\"\\u12g4", "an escape"},
    {"\"library\":\"", "\"library\":\"\\ud800", "surrogates"},
    {"\"library\":\"", "\"library\":\"\\udc00\\ud800", "surrogates"},
    {"\"library\":\"", "\"library\":\"\\ud800\\u0041", "surrogates"},
    {"\"library\":\"", "\"library\":\"\n", "control characters"},
    {"\"library\":\"", "\"library\":\"\xff", "UTF-8"},
    {"\"library\":\"", "\"library\":\"\xc0\xaf", "UTF-8"},
    {"\"library\":\"", "\"library\":\"\xe0\x80\xaf", "UTF-8"},
    {"\"library\":\"", "\"library\":\"\xed\xa0\x80", "UTF-8"},
    {"\"library\":\"", "\"library\":\"\xf4\x90\x80\x80", "UTF-8"},
    {"\"library\":\"", "\"library\":\"\xf8\x88\x80\x80\x80", "UTF-8"},
    {"\"library\":\"", "\"library\":\"\xe2\x82", "UTF-8"},
    {"\"library\":", "\"library\" ", "':'"},
    {"\"library\":", "library:", "a string"},
    {"}}", "}", "',' or '}'"},
    {"}}", "}}}", "nothing but spaces"},
    {"}}", "}}\n", "nothing but spaces"},
    {"}}", "},}", "an item after ','"},
    {"\"contexts\":\"1\"", "\"contexts\":\"2\"", "context 1 is missing or wrong"},
    {"\"contexts\":\"1\"", "\"contexts\":\"99999999\"", "how many contexts"},
    {"\"contexts\":\"1\"", "\"contexts\":\"01\"", "how many contexts"},
    {"\"contexts\":\"1\"", "\"contexts\":\"\"", "how many contexts"},
    {"\"contexts\":\"1\"", "\"contexts\":\"one\"", "how many contexts"},
    {"\"contexts\":\"1\"", "\"contests\":\"1\"", "how many contexts"},
    {"\"weights\":\"1\"", "\"weights\":\"2\"", "weights 1 is missing or wrong"},
    {"\"weights\":\"1\"", "\"weights\":\"0\"", "context 0 is missing or wrong"},
    {"weights=0 ", "weights=1 ", "context 0 is missing or wrong"},
    {"weights=0 ", "weights=99999999999999999999 ", "context 0 is missing or wrong"},
    {"weights=0 ", "", "context 0 is missing or wrong"},
    {" stride=1,1", " stride=1", "context 0 is missing or wrong"},
    {" stride=1,1", " stride=1,1,1", "context 0 is missing or wrong"},
    {" stride=1,1", " stride=0,1", "context 0 is missing or wrong"},
    {" stride=1,1", " stride=-1,1", "context 0 is missing or wrong"},
    {" stride=1,1", " stride=9223372036854775808,1", "context 0 is missing or wrong"},
    {" padding_mode=0", " padding_mode=4", "context 0 is missing or wrong"},
    {" padding_mode=0", " padding_mode=4294967296", "context 0 is missing or wrong"},
    {" padding_mode=0", " activation=0", "context 0 is missing or wrong"},
    {"output_min=fff0000000000000", "output_min=7ff8000000000000", "context 0 is missing or wrong"},
    {"output_min=fff0000000000000", "output_min=ff", "context 0 is missing or wrong"},
    {"output_min=fff0000000000000", "output_min=FFF0000000000000", "context 0 is missing or wrong"},
    {" algorithm=", " algorithm", "context 0 is missing or wrong"},
    {" algorithm=",
     " algorithm="
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "context 0 is missing or wrong"},
    {"finite=1 bias=1", "finite=1", "weights 0 is missing or wrong"},
    {"finite=1 bias=1", "finite=1,bias=1", "weights 0 is missing or wrong"},
    {"finite=1 bias=1", "finite=x bias=1", "weights 0 is missing or wrong"},
    {"finite=1 bias=1", "finite=1 bias=1 form=any", "weights 0 is missing or wrong"},
    {"finite=1 bias=1", "finite=1 bias=1 form=alike ", "weights 0 is missing or wrong"},
    {"finite=1 bias=1", "finite=0 bias=1 form=alike", "weights 0 is missing or wrong"},
    {"\"context.0.name\"", "\"context.0.nome\"", "context 0 is missing or wrong"},
    {"\"weights.0.name\":\"context\"", "\"weights.0.name\":\"other\"", "lacks a weight or bias"},
    {"\"shape\":[6]", "\"shape\":[6,1]", "lacks a weight or bias"},
    {"\"shape\":[6,2,3,3]", "\"shape\":[6,18]", "lacks a weight or bias"},
};

static void test_rules(void **state)
{
    setup s = small();
    bytes image = image_of(&s);
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bytes b = replaced(&image, rules[i].from, rules[i].to, strlen(rules[i].to));
        assert_image_refused(&b, rules[i].needle);
        free(b.at);
    }
    bytes b = replaced(&image, "\"library\":\"", "\"library\":\"\0", 12);
    assert_image_refused(&b, "control characters");
    free(b.at);
    free(image.at);
    setup_free(&s);
}

/* Changes that break no rule. */
static void test_harmless_changes(void **state)
{
    static const rule harmless[] = {
        {"\"context.weight\":{", "\"\\u0063ont\\u0065xt.weight\":{", NULL},
        {"\"context.0.name\":\"context\"", "\"context.0.name\":\"\\ud83d\\ude00\\n\\/\xc3\xa9\"",
         "\xf0\x9f\x98\x80\n/\xc3\xa9"},
        {"\"library\":\"", "\"library\":\"\\\"\\\\\\b\\f\\r\\t\xf0\x90\x8d\x88", NULL},
        {"\"shape\":[6]", " \"shape\" :\n[\t6\r ] ", NULL},
        {"\"contexts\":", "\"more\":\"words\",\"contexts\":", NULL},
    };
    setup s = small();
    bytes image = image_of(&s);
    conv2d_device *device = open_cpu(1);
    (void)state;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        bytes b = replaced(&image, harmless[i].from, harmless[i].to, strlen(harmless[i].to));
        conv2d_file *file;
        conv2d_context *context;
        assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
        if (harmless[i].needle)
            assert_string_equal(conv2d_file_name(file, 0), harmless[i].needle);
        assert_ok(conv2d_file_context(file, device, NULL, &context));
        box output = setup_run(&s, context);
        box_free(&output);
        conv2d_context_destroy(context);
        conv2d_file_close(file);
        free(b.at);
    }
    conv2d_device_close(device);
    free(image.at);
    setup_free(&s);
}

/* Parameters that no rule of the format forbids, but the weights do. */
static void test_parameters_that_do_not_fit(void **state)
{
    setup s = small();
    bytes image = image_of(&s), b = replaced(&image, " groups=1", " groups=4", 9);
    conv2d_device *device = open_cpu(1);
    conv2d_file *file;
    conv2d_context *context = NULL;
    (void)state;
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    assert_refused(conv2d_file_context(file, device, NULL, &context), CONV2D_E_SHAPE, "groups",
                   "4");
    assert_null(context);
    conv2d_file_close(file);
    conv2d_device_close(device);
    free(b.at);
    free(image.at);
    setup_free(&s);
}

/* The header's length, its fixed first bytes, its checksum, and bytes after the end. */
static void test_head(void **state)
{
    setup s = small();
    bytes image = image_of(&s);
    (void)state;
    const size_t n = header_bytes(&image);
    const struct {
        size_t at;
        unsigned char value;
        const char *needle;
    } changes[] = {
        {3, 1, "a header of"},
        {7, 0x80, "a header of"},
        {8, '[', "not a context"},
        {8 + sizeof C2_ST_HEAD - 2, '\'', "not a context"},
        {8 + 35, '2', "another version than 1"},
        {8 + sizeof C2_ST_HEAD - 1, 'g', "checksum is not a number"},
        {8 + sizeof C2_ST_HEAD - 1, 'A', "checksum is not a number"},
        {8 + sizeof C2_ST_HEAD - 1, 0, "checksum is not a number"},
        {8 + sizeof C2_ST_HEAD - 1 + C2_ST_DIGITS, '\'', "the header is damaged"},
        {8 + n - 1, '\t', "the header is damaged"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const unsigned char before = image.at[changes[i].at];
        assert_true(before != changes[i].value);
        image.at[changes[i].at] = changes[i].value;
        assert_image_refused(&image, changes[i].needle);
        image.at[changes[i].at] = before;
    }
    bytes_write(&image, "", 1);
    assert_image_refused(&image, "1 bytes follow the last tensor");
    image.n--;
    for (size_t cut = 0; cut < image.n; cut++) {
        const bytes shorter = {image.at, cut, 0};
        assert_image_refused(&shorter, NULL);
    }
    free(image.at);
    setup_free(&s);
}

/* A header of more than 16 MB, in a file that has it. */
static void test_header_limit(void **state)
{
    const size_t n = C2_ST_HEADER_MAX + 1;
    bytes b = {calloc(1, 8 + n), 8 + n, 0};
    (void)state;
    assert_non_null(b.at);
    for (int i = 0; i < 8; i++)
        b.at[i] = (unsigned char)(n >> 8 * i);
    assert_image_refused(&b, "a header of 16000001 bytes: at most 16000000");
    free(b.at);
}

static void test_checksum(void **state)
{
    /* Published values of XXH64 with seed 0. */
    (void)state;
    assert_true(c2_checksum(NULL, 0) == 0xef46db3751d8e999);
    assert_true(c2_checksum("a", 1) == 0xd24ec4f1a98c6e5b);
    assert_true(c2_checksum("abc", 3) == 0x44bc2cf5ad770999);
    assert_true(c2_checksum("The quick brown fox jumps over the lazy dog", 43) ==
                0x0b242d361fda71bc);
}

/* Lengths around those of stripes (64 bytes) and blocks (1024); values of the xxhash package. */
static void test_checksum_long(void **state)
{
    static const struct {
        size_t n;
        uint64_t sum;
    } cases[] = {{241, 0x541b19226f0052e8},  {256, 0xff5a1cefade75bb9},  {1024, 0x71bee625238addb4},
                 {1025, 0xd9b414f4e1bbf7ad}, {1088, 0xb74e423e955e509d}, {2048, 0x3293e8238bd8f743},
                 {4999, 0x91baed057f6ceb56}, {5000, 0xed0146266d138bd8}};
    unsigned char data[5001];
    (void)state;
    for (size_t i = 0; i < 5000; i++)
        data[1 + i] = (unsigned char)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(c2_checksum_long(data + 1, cases[i].n) == cases[i].sum);
}

/* A tensor of more than 1 MiB: the checksum of its parts' checksums, by any pool. */
static void test_checksum_of_parts(void **state)
{
    enum { BYTES = (1 << 21) + (1 << 19) + 12 }; /* 3 parts of 873856 bytes, the last shorter */
    static const size_t part = 873856;
    unsigned char *at = malloc(BYTES);
    uint64_t sums[3];
    conv2d_device *device = open_cpu(3);
    (void)state;
    assert_non_null(at);
    for (size_t i = 0; i < BYTES; i++)
        at[i] = (unsigned char)(i * i >> 7);
    for (size_t i = 0; i < 3; i++)
        sums[i] = c2_checksum_long(at + i * part, i < 2 ? part : BYTES - 2 * part);
    const uint64_t expected = c2_checksum(sums, sizeof sums); /* this machine is little-endian */
    assert_true(c2_checksum_tensor(NULL, at, BYTES) == expected);
    assert_true(c2_checksum_tensor(&device->pool, at, BYTES) == expected);
    assert_true(c2_checksum_tensor(NULL, at, 1 << 20) == c2_checksum(at, 1 << 20));
    assert_true(c2_checksum_tensor(NULL, at, (1 << 20) + 1) != c2_checksum(at, (1 << 20) + 1));
    for (size_t i = 0; i < 3; i++) {
        at[i * part] ^= 1;
        assert_true(c2_checksum_tensor(&device->pool, at, BYTES) != expected);
        at[i * part] ^= 1;
    }
    conv2d_device_close(device);
    free(at);
}

/* ---- damage ---- */

typedef struct outcomes {
    int refused, identical;
} outcomes;

/* Open, load, run twice: an input whose form is stored, and one whose form must be packed. */
static void try_damaged(const setup *s, const bytes *b, conv2d_device *device,
                        const box *expected[2], const setup *other, outcomes *count)
{
    conv2d_file *file = NULL;
    conv2d_context *context = NULL;
    conv2d_status status = conv2d_file_open_memory(b->at, b->n, NULL, &file);
    if (!status)
        status = conv2d_file_context(file, device, NULL, &context);
    for (int i = 0; i < 2 && !status; i++) {
        const setup *use = i ? other : s;
        box output = box4(CONV2D_NCHW, expected[i]->t.sizes[0], expected[i]->t.sizes[1],
                          expected[i]->t.sizes[2], expected[i]->t.sizes[3], 1);
        conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
        args.input = &use->input.t;
        args.output = &output.t;
        status = conv2d_run(context, &args);
        if (!status)
            assert_same_bits(&output, expected[i]);
        box_free(&output);
    }
    if (status) {
        assert_int_equal(status, CONV2D_E_IO);
        assert_true(strlen(conv2d_last_error()) > 0);
    }
    count->refused += status != CONV2D_OK;
    count->identical += status == CONV2D_OK;
    conv2d_context_destroy(context);
    conv2d_file_close(file);
}

static void test_flipped_bits(void **state)
{
    enum { FLIPS = 10000 };
    setup s = small(), other = s;
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&s, device);
    const conv2d_save_options o = setup_options(&s, "all"); /* forms that nobody reads, too */
    bytes image = bytes_of(context, &o);
    other.input = box4(CONV2D_NHWC, 1, 2, 5, 5, 3); /* pixels in another order: another form */
    box outputs[2] = {setup_run(&s, context), setup_run(&other, context)};
    const box *expected[2] = {&outputs[0], &outputs[1]};
    outcomes count = {0, 0};
    rng random = {20260};
    (void)state;
    for (int i = 0; i < FLIPS; i++) {
        const int n = 1 + i % 3; /* one to three bits */
        size_t at[3];
        for (int k = 0; k < n; k++) {
            at[k] = (size_t)(rng_u64(&random) % (image.n * 8));
            image.at[at[k] / 8] ^= (unsigned char)(1u << at[k] % 8);
        }
        try_damaged(&s, &image, device, expected, &other, &count);
        for (int k = 0; k < n; k++)
            image.at[at[k] / 8] ^= (unsigned char)(1u << at[k] % 8);
    }
    print_message("%d files damaged: %d refused, %d with the same results\n", FLIPS, count.refused,
                  count.identical);
    assert_true(count.refused > FLIPS / 2 && count.identical > 0);
    box_free(&outputs[0]);
    box_free(&outputs[1]);
    box_free(&other.input);
    free(image.at);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_harmless_changes),
        cmocka_unit_test(test_parameters_that_do_not_fit),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_header_limit),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_checksum_long),
        cmocka_unit_test(test_checksum_of_parts),
        cmocka_unit_test(test_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
