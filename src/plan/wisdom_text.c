/* SPDX-License-Identifier: BSD-2-Clause
 * Wisdom as text (docs/wisdom.md): a head that names version and machine, a line a problem, a
 * checksum. The reader takes what the writer writes and nothing else, whole or not at all: text
 * from strangers may at worst choose a candidate that is slow. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text_tables.h"
#include "plan/wisdom.h"

enum { FORMAT = 1, HEAD_BYTES = 512, CHECKSUM_DIGITS = 16 };
static const char head_word[] = "conv2d-wisdom", checksum_word[] = "checksum ";

/* FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): finds damage, proves nothing. */
static uint64_t checksum(uint64_t sum, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return sum;
}
static const uint64_t checksum_start = UINT64_C(0xcbf29ce484222325);

/* The head of this device's wisdom, without the end of the line: what it was measured by and on. */
static void write_head(const conv2d_device *device, char head[HEAD_BYTES])
{
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    info.isa = info.model = "";
    if (device->backend->info(device, &info))
        info.isa = info.model = "";
    char model[128];
    size_t n = 0;
    for (; info.model[n] && n < sizeof model - 1; n++) {
        const char c = info.model[n];
        model[n] = (char)(c < 0x20 || c > 0x7e || c == '"' ? '?' : c);
    }
    model[n] = '\0';
    c2_text text = {head, HEAD_BYTES, 0};
    c2_text_add(&text, "%s %d %s %s %s \"%s\"", head_word, FORMAT, conv2d_version(),
                device->backend->name, info.isa[0] ? info.isa : "-", model);
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Append a line and take it into the sum. */
static uint64_t add_line(c2_text *out, uint64_t sum, const char *line)
{
    c2_text_add(out, "%s\n", line);
    return checksum(checksum(sum, line, strlen(line)), "\n", 1);
}

void c2_wisdom_write(const conv2d_device *device, c2_text *out)
{
    char line[C2_WISDOM_KEY_BYTES + 256];
    c2_wisdom *w = device->wisdom;
    write_head(device, line);
    uint64_t sum = add_line(out, checksum_start, line);
    if (w) {
        c2_mutex_lock(&w->mutex);
        const size_t n = atomic_load_explicit(&w->n, memory_order_relaxed);
        for (size_t i = 0; i < n; i++) {
            const c2_wisdom_entry *e = &w->entries[i];
            char seconds[C2_NUMBER_BYTES];
            c2_number_write(e->seconds, seconds);
            c2_text text = {line, sizeof line, 0};
            c2_text_add(&text, "%s %s %s %s", e->key, e->algorithm->name,
                        e->algorithm->variant_name(device, e->variant), seconds);
            sum = add_line(out, sum, line);
        }
        c2_mutex_unlock(&w->mutex);
    }
    c2_text_add(out, "%s%016" PRIx64 "\n", checksum_word, sum);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A piece of the text; not terminated. */
typedef struct piece {
    const char *at;
    size_t n;
} piece;

typedef struct reader {
    conv2d_device *device;
    const char *text;
    size_t length, at;
    int line; /* number of the line that take_line() gave last */
    c2_wisdom_entry *entries;
    size_t n, capacity;
} reader;

/* As much of a piece as a sentence shows: 40 characters, those that cannot be seen as '?'. */
typedef struct shown {
    char text[41];
} shown;
static shown show(piece p)
{
    shown s;
    size_t n = 0;
    for (; n < p.n && n < sizeof s.text - 1; n++)
        s.text[n] = (char)(p.at[n] < 0x20 || p.at[n] > 0x7e ? '?' : p.at[n]);
    s.text[n] = '\0';
    return s;
}

static bool is(piece p, const char *text)
{
    return p.n == strlen(text) && memcmp(p.at, text, p.n) == 0;
}

/* The next line without its end; false if the text has none. */
static bool take_line(reader *r, piece *line_out)
{
    const char *start = r->text + r->at;
    const char *end = r->at < r->length ? memchr(start, '\n', r->length - r->at) : NULL;
    r->line++;
    if (!end)
        return false;
    *line_out = (piece){start, (size_t)(end - start)};
    r->at += line_out->n + 1;
    return true;
}

/* The part of rest up to the next space (or all of it), and rest behind that space. */
static piece take_word(piece *rest)
{
    const char *space = rest->n ? memchr(rest->at, ' ', rest->n) : NULL;
    const size_t n = space ? (size_t)(space - rest->at) : rest->n;
    const piece word = {rest->at, n};
    const size_t used = n + (space != NULL);
    *rest = (piece){rest->at + used, rest->n - used};
    return word;
}

static conv2d_status read_head(reader *r)
{
    static const char *const words[] = {"a first word", "format",          "version of the library",
                                        "backend",      "instruction set", "model"};
    char head[HEAD_BYTES];
    piece line, ours = {head, 0};
    if (!take_line(r, &line))
        return c2_fail(CONV2D_E_SYNTAX, "wisdom, line 1: no whole line; expected \"%s %d ...\"",
                       head_word, FORMAT);
    write_head(r->device, head);
    ours.n = strlen(head);
    if (is(line, head))
        return CONV2D_OK;
    int i = -1; /* the first word that differs; the model is all that is left, spaces and all */
    piece theirs, wanted;
    do {
        i++;
        theirs = i < 5 ? take_word(&line) : line;
        wanted = i < 5 ? take_word(&ours) : ours;
    } while (i < 5 && theirs.n == wanted.n && memcmp(theirs.at, wanted.at, wanted.n) == 0);
    return c2_fail(i ? CONV2D_E_ARGUMENT : CONV2D_E_SYNTAX, "wisdom, line 1: %s is %s; expected %s",
                   words[i], show(theirs).text, show(wanted).text);
}

/* The key: a problem's text, in the one way that the planner writes it. */
static conv2d_status read_key(reader *r, piece word, c2_wisdom_entry *e)
{
    char text[C2_WISDOM_KEY_BYTES], again[C2_WISDOM_KEY_BYTES];
    if (word.n >= sizeof text)
        return c2_fail(CONV2D_E_SYNTAX, "wisdom, line %d: a problem of %zu characters", r->line,
                       word.n);
    memcpy(text, word.at, word.n);
    text[word.n] = '\0';
    conv2d_problem problem;
    c2_text out = {again, sizeof again, 0};
    if (c2_problem_from_text(text, &problem))
        return c2_fail(CONV2D_E_SYNTAX, "wisdom, line %d: %.300s", r->line, c2_last_error());
    if (problem.name[0] || problem.params.algorithm || problem.input.rank != 4 ||
        problem.params.auto_pad != CONV2D_AUTO_PAD_NONE || c2_problem_to_text(&problem, &out) ||
        !is(word, again))
        return c2_fail(CONV2D_E_SYNTAX,
                       "wisdom, line %d: the problem %s is not written as conv2d_wisdom_export() "
                       "does",
                       r->line, show(word).text);
    e->key_bytes = word.n + 1;
    e->key = c2_alloc(&r->device->allocator, e->key_bytes);
    if (!e->key)
        return c2_fail(CONV2D_E_NOMEM, "no memory for an entry of wisdom");
    memcpy(e->key, text, e->key_bytes);
    return CONV2D_OK;
}

static conv2d_status read_candidate(reader *r, piece algorithm, piece variant, c2_wisdom_entry *e)
{
    for (const c2_algorithm *const *a = r->device->backend->algorithms; *a; a++) {
        if (!is(algorithm, (*a)->name))
            continue;
        for (int v = 0; v < (*a)->variants(r->device); v++)
            if (is(variant, (*a)->variant_name(r->device, v))) {
                e->algorithm = *a;
                e->variant = v;
                return CONV2D_OK;
            }
    }
    return c2_fail(CONV2D_E_ARGUMENT, "wisdom, line %d: the device has no candidate %s, %s",
                   r->line, show(algorithm).text, show(variant).text);
}

static conv2d_status read_entry(reader *r, piece line, c2_wisdom_entry *e)
{
    const piece key = take_word(&line), algorithm = take_word(&line), variant = take_word(&line);
    const piece seconds = line;
    *e = (c2_wisdom_entry){.line = r->line};
    if (!key.n || !algorithm.n || !variant.n || !seconds.n)
        return c2_fail(CONV2D_E_SYNTAX,
                       "wisdom, line %d: expected \"PROBLEM ALGORITHM KERNEL SECONDS\"", r->line);
    conv2d_status s = read_candidate(r, algorithm, variant, e);
    if (s)
        return s;
    if (!c2_number_read(seconds.at, seconds.n, &e->seconds) || !(e->seconds > 0) ||
        isinf(e->seconds))
        return c2_fail(CONV2D_E_SYNTAX, "wisdom, line %d: %s is no time above 0", r->line,
                       show(seconds).text);
    return read_key(r, key, e);
}

static conv2d_status keep(reader *r, piece line)
{
    if (r->n == r->capacity) {
        const size_t capacity = r->capacity ? 2 * r->capacity : 64;
        if (r->n == C2_WISDOM_ENTRIES)
            return c2_fail(CONV2D_E_STATE, "wisdom, line %d: more than %d entries", r->line,
                           C2_WISDOM_ENTRIES);
        c2_wisdom_entry *grown = c2_alloc(&r->device->allocator, capacity * sizeof *grown);
        if (!grown)
            return c2_fail(CONV2D_E_NOMEM, "no memory for %zu entries of wisdom", capacity);
        if (r->n)
            memcpy(grown, r->entries, r->n * sizeof *grown);
        c2_free(&r->device->allocator, r->entries, r->capacity * sizeof *grown);
        r->entries = grown;
        r->capacity = capacity;
    }
    const conv2d_status s = read_entry(r, line, &r->entries[r->n]);
    if (!s)
        r->n++;
    return s;
}

/* Whether line is the last one; then checks it, against the sum of all before it. */
static conv2d_status read_checksum(const reader *r, piece line, bool *is_last)
{
    const size_t word = sizeof checksum_word - 1;
    *is_last = line.n >= word && memcmp(line.at, checksum_word, word) == 0;
    if (!*is_last)
        return CONV2D_OK;
    char wanted[CHECKSUM_DIGITS + 1];
    c2_text text = {wanted, sizeof wanted, 0};
    const uint64_t sum = checksum(checksum_start, r->text, (size_t)(line.at - r->text));
    c2_text_add(&text, "%016" PRIx64, sum);
    const piece theirs = {line.at + word, line.n - word};
    if (!is(theirs, wanted))
        return c2_fail(CONV2D_E_SYNTAX,
                       "wisdom, line %d: the checksum is %s, that of the lines before is %s: the "
                       "text was changed or damaged",
                       r->line, show(theirs).text, wanted);
    if (r->at != r->length)
        return c2_fail(CONV2D_E_SYNTAX,
                       "wisdom, line %d: %zu bytes follow the checksum; expected the end",
                       r->line + 1, r->length - r->at);
    return CONV2D_OK;
}

static int by_key(const void *a, const void *b)
{
    const c2_wisdom_entry *x = a, *y = b;
    const int order = strcmp(x->key, y->key);
    return order ? order : x->line - y->line;
}

static conv2d_status sort(reader *r)
{
    if (r->n)
        qsort(r->entries, r->n, sizeof *r->entries, by_key);
    for (size_t i = 1; i < r->n; i++)
        if (!strcmp(r->entries[i - 1].key, r->entries[i].key))
            return c2_fail(CONV2D_E_SYNTAX, "wisdom, lines %d and %d are for one problem: %.200s",
                           r->entries[i - 1].line, r->entries[i].line, r->entries[i].key);
    return CONV2D_OK;
}

static conv2d_status read_lines(reader *r)
{
    piece line;
    bool is_last = false;
    conv2d_status s = read_head(r);
    while (!s && !is_last) {
        if (!take_line(r, &line))
            return c2_fail(CONV2D_E_SYNTAX,
                           "wisdom, line %d: the text ends here; expected a line, or \"%s...\"",
                           r->line, checksum_word);
        s = read_checksum(r, line, &is_last);
        if (!s && !is_last)
            s = keep(r, line);
    }
    return s ? s : sort(r);
}

conv2d_status c2_wisdom_read(conv2d_device *device, const char *text, size_t length)
{
    if (length > C2_WISDOM_TEXT_BYTES)
        return c2_fail(CONV2D_E_ARGUMENT, "length is %zu: expected at most %d bytes of wisdom",
                       length, C2_WISDOM_TEXT_BYTES);
    reader r = {device, text, length, 0, 0, NULL, 0, 0};
    conv2d_status s = read_lines(&r);
    if (!s)
        s = c2_wisdom_merge(device, r.entries, r.n);
    /* Merged entries' keys are the store's. */
    c2_wisdom_free_entries(device, r.entries, s ? r.n : 0, r.capacity);
    return s;
}
