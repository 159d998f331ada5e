/* SPDX-License-Identifier: BSD-2-Clause
 * Writing safetensors headers. The text is built twice: once to know its length. */
#include "file/safetensors.h"

#include <inttypes.h>
#include <string.h>

#include "core/text.h"
#include "file/checksum.h"

static const char *dtype_name(int32_t dtype)
{
    static const char *const names[] = {"", "F32", "F64", "F16", "BF16", "", "U8"};
    return names[dtype];
}

static void add_string(c2_text *out, const char *text)
{
    c2_text_add(out, "\"");
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            c2_text_add(out, "\\%c", c);
        else if (c < 0x20)
            c2_text_add(out, "\\u%04x", c);
        else
            c2_text_add(out, "%c", c);
    }
    c2_text_add(out, "\"");
}

static void add_tensor(c2_text *out, const c2_st_tensor *t, size_t begin)
{
    c2_text_add(out, ",");
    add_string(out, t->name);
    c2_text_add(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++)
        c2_text_add(out, "%s%" PRId64, i ? "," : "", t->sizes[i]);
    c2_text_add(out, "],\"data_offsets\":[%zu,%zu]}", begin, begin + t->bytes);
}

static void add_all(c2_text *out, const c2_safetensors *s)
{
    c2_text_add(out, C2_ST_HEAD "%0*d\"", (int)C2_ST_DIGITS, 0);
    for (size_t i = 0; i < s->n_pairs; i++) {
        c2_text_add(out, ",");
        add_string(out, s->pairs[i].key);
        c2_text_add(out, ":");
        add_string(out, s->pairs[i].value);
    }
    c2_text_add(out, "}");
    size_t begin = 0;
    for (size_t i = 0; i < s->n_tensors; i++) {
        add_tensor(out, &s->tensors[i], begin);
        begin += s->tensors[i].bytes;
    }
    c2_text_add(out, "}");
}

char *c2_safetensors_header(const c2_safetensors *s, size_t *bytes_out)
{
    c2_text text = {NULL, 0, 0};
    add_all(&text, s);
    const size_t bytes = c2_round_up(C2_ST_PREFIX + text.length, C2_ALIGN);
    /* one byte more: the builder ends its text with a 0 */
    char *block = c2_alloc(&s->allocator, bytes + 1);
    if (!block)
        return NULL;
    memset(block, ' ', bytes);
    char *const header = block + C2_ST_PREFIX;
    text = (c2_text){header, bytes + 1 - C2_ST_PREFIX, 0};
    add_all(&text, s);
    header[text.length] = ' ';
    const size_t length = bytes - C2_ST_PREFIX, rest = sizeof C2_ST_HEAD - 1 + C2_ST_DIGITS;
    for (int i = 0; i < C2_ST_PREFIX; i++)
        block[i] = (char)((uint64_t)length >> 8 * i);
    char digits[C2_ST_DIGITS + 1];
    text = (c2_text){digits, sizeof digits, 0};
    c2_text_add(&text, "%016" PRIx64, c2_checksum(header + rest, length - rest));
    memcpy(header + sizeof C2_ST_HEAD - 1, digits, C2_ST_DIGITS);
    *bytes_out = bytes;
    return block;
}
