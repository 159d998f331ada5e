/* SPDX-License-Identifier: BSD-2-Clause
 * The readers over damaged files: valid ones with bytes changed, cut out, put in, or the end
 * missing, all from a printed seed. A reader must either refuse with a sentence or deliver what its
 * sizes say; the input lies flush against an unmapped page, so reading past it ends the test.
 * test_damaged_files FOLDER [ROUNDS [SEED]]: FOLDER has rocket.jpg (demo/images). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "npy.h"
#include "picture.h"
#include "problems.h"
#include "safetensors.h"
#include "tensor.h"

/* Returns false if what the reader delivered contradicts itself. */
typedef bool reader(const unsigned char *bytes, size_t n, bool *taken, cli_error *error);

static bool read_npy(const unsigned char *bytes, size_t n, bool *taken, cli_error *error)
{
    npy_view view;
    *taken = npy_parse(bytes, n, &view, error);
    if (!*taken)
        return true;
    uint64_t elements = 1;
    for (int i = 0; i < view.rank; i++)
        elements *= (uint64_t)view.sizes[i];
    return view.data_offset + view.data_bytes == n &&
           view.data_bytes == elements * conv2d_dtype_bytes(view.dtype);
}

static bool read_picture(const unsigned char *bytes, size_t n, bool *taken, cli_error *error)
{
    const picture_format *format = picture_format_of_bytes(bytes, n);
    cli_picture p = {0};
    *taken = format && format->decode(bytes, n, &p, error);
    if (!format)
        cli_fail(error, CLI_USAGE, "no picture");
    if (!*taken)
        return p.pixels == NULL;
    /* Read every sample, so that a tool that checks memory sees what was never written. */
    size_t n_bytes = (size_t)p.width * (size_t)p.height * (size_t)p.channels * (size_t)p.depth / 8;
    unsigned sum = 0;
    for (size_t i = 0; i < n_bytes; i++)
        sum += ((const unsigned char *)p.pixels)[i];
    bool good = p.width >= 1 && p.height >= 1 && (p.channels == 1 || p.channels == 3 ||
                p.channels == 4) && sum <= n_bytes * 255;
    picture_free(&p);
    return good;
}

static bool read_safetensors(const unsigned char *bytes, size_t n, bool *taken, cli_error *error)
{
    enum { DATA_BYTES = 40 };
    safetensors_entry entry;
    *taken = safetensors_find((const char *)bytes, n, DATA_BYTES, "b", &entry, error);
    if (!*taken)
        return true;
    uint64_t need = conv2d_dtype_bytes(entry.dtype);
    for (int i = 0; i < entry.rank; i++)
        need *= (uint64_t)entry.sizes[i];
    return entry.end <= DATA_BYTES && entry.end - entry.begin == need;
}

static bool read_problem(const unsigned char *bytes, size_t n, bool *taken, cli_error *error)
{
    char text[512];
    conv2d_problem problem;
    if (n >= sizeof text)
        n = sizeof text - 1;
    memcpy(text, bytes, n);
    text[n] = '\0';
    *taken = conv2d_problem_parse(text, &problem) == CONV2D_OK;
    if (!*taken)
        return cli_fail(error, CLI_USAGE, "%s", conv2d_last_error()), true;
    char *again = problem_text(&problem);
    bool good = again != NULL;
    free(again);
    return good;
}

/* ---- samples -------------------------------------------------------------------------------- */

typedef struct sample {
    const char *name;
    reader *read;
    unsigned char *bytes; /* owned */
    size_t n;
} sample;

static unsigned char *duplicate(const void *bytes, size_t n)
{
    unsigned char *copy = malloc(n);
    if (!copy)
        exit(2);
    memcpy(copy, bytes, n);
    return copy;
}

static sample npy_sample(void)
{
    char bytes[NPY_HEADER_MAX + 96] = {0};
    const int64_t sizes[4] = {1, 2, 3, 4};
    size_t n = npy_header(CONV2D_FLOAT32, 4, sizes, bytes) + 96;
    return (sample){"npy", read_npy, duplicate(bytes, n), n};
}

static sample text_sample(const char *name, reader *read, const char *text)
{
    return (sample){name, read, duplicate(text, strlen(text)), strlen(text)};
}

/* A small picture made by the tool's own encoder. */
static sample picture_sample(const picture_format *format, int channels, int depth)
{
    static unsigned char pixels[24 * 18 * 4 * 2];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(i * 7 + i / 31);
    static float values[24 * 18 * 3];
    cli_picture p = {24, 18, channels, depth, depth == 32 ? (void *)values : pixels};
    sample s = {format->name, read_picture, NULL, 0};
    cli_error error;
    if (!format->encode(&p, &s.bytes, &s.n, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return s;
}

#ifdef CLI_HAVE_JPEG
static sample file_sample(const char *folder, const char *name)
{
    char path[1024];
    sample s = {name, read_picture, NULL, 0};
    cli_error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!file_read(path, &s.bytes, &s.n, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(2);
    }
    return s;
}
#endif

/* ---- damage --------------------------------------------------------------------------------- */

/* Change a copy of the sample in bytes[capacity]; returns its length. */
static size_t damage(const sample *s, cli_random *random, unsigned char *bytes, size_t capacity)
{
    size_t n = s->n;
    memcpy(bytes, s->bytes, n);
    int64_t changes = random_between(random, 1, 4);
    /* Headers decide the most: half of the changes go to the first 100 bytes. */
    for (int64_t i = 0; i < changes && n > 1; i++) {
        int64_t last = (int64_t)n - 1;
        if (random_between(random, 0, 1) && last > 100)
            last = 100;
        size_t at = (size_t)random_between(random, 0, last);
        size_t length = (size_t)random_between(random, 1, 8);
        switch (random_between(random, 0, 5)) {
        case 0: /* the end missing */
            n = at + 1;
            break;
        case 1: /* a piece missing */
            if (at + length < n) {
                memmove(bytes + at, bytes + at + length, n - at - length);
                n -= length;
            }
            break;
        case 2: /* a piece twice */
            if (n + length <= capacity) {
                memmove(bytes + at + length, bytes + at, n - at);
                n += length;
            }
            break;
        case 3: /* an extreme value */
            bytes[at] = random_between(random, 0, 1) ? 0xFF : 0;
            break;
        case 4: /* another digit or letter */
            bytes[at] = (unsigned char)random_between(random, '0', '9');
            break;
        default:
            bytes[at] ^= (unsigned char)(1u << random_between(random, 0, 7));
        }
    }
    return n;
}

/* Memory whose end lies against a page that cannot be read. */
typedef struct guarded {
    unsigned char *end;
    size_t capacity;
} guarded;

static guarded make_guarded(size_t capacity)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = (capacity + page - 1) / page * page;
    unsigned char *map = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + bytes, page, PROT_NONE) != 0) {
        perror("mmap");
        exit(2);
    }
    return (guarded){map + bytes, bytes};
}

static bool try_sample(const sample *s, long rounds, uint64_t seed)
{
    guarded memory = make_guarded(s->n + 64);
    unsigned char *changed = malloc(memory.capacity);
    if (!changed)
        exit(2);
    long n_taken = 0;
    bool good = true, taken = false;
    cli_error error;
    memcpy(memory.end - s->n, s->bytes, s->n);
    if (!s->read(memory.end - s->n, s->n, &taken, &error) || !taken) {
        fprintf(stderr, "%s: the undamaged file is refused: %s\n", s->name, error.text);
        good = false;
    }
    for (long i = 0; good && i < rounds; i++) {
        cli_random random = {seed * 0x9E3779B97F4A7C15u ^ (uint64_t)i};
        size_t n = damage(s, &random, changed, s->n + 64);
        memcpy(memory.end - n, changed, n);
        error.text[0] = '\0';
        good = s->read(memory.end - n, n, &taken, &error) && (taken || error.text[0]);
        if (!good)
            fprintf(stderr, "%s, seed %llu, round %ld: %s\n", s->name,
                    (unsigned long long)seed, i,
                    error.text[0] ? error.text : "no sentence, or a contradiction");
        n_taken += taken;
    }
    printf("%-14s %ld damaged, %ld still readable\n", s->name, rounds, n_taken);
    free(changed);
    munmap(memory.end - memory.capacity, memory.capacity + (size_t)sysconf(_SC_PAGESIZE));
    return good;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: test_damaged_files FOLDER [ROUNDS [SEED]]\n");
        return 2;
    }
    long rounds = argc > 2 ? atol(argv[2]) : 2000;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    printf("seed %llu\n", (unsigned long long)seed);
    sample samples[] = {
        npy_sample(),
        text_sample("safetensors", read_safetensors,
                    "{\"__metadata__\":{\"f\":\"x\"},\"a\":{\"dtype\":\"F64\",\"shape\":[2],"
                    "\"data_offsets\":[0,16]},\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],"
                    "\"data_offsets\":[16,40]}}"),
        text_sample("problem text", read_problem,
                    "g2mb1ic64ih56oc64oh56kh3ph1dh0n\"x\":in=nhwc:act=clamp,0,6:acc=strict"),
        picture_sample(&picture_pgm, 1, 8),
        picture_sample(&picture_ppm, 3, 16),
        picture_sample(&picture_pfm, 3, 32),
#ifdef CLI_HAVE_PNG
        picture_sample(&picture_png, 4, 8),
        picture_sample(&picture_png, 1, 16),
#endif
#ifdef CLI_HAVE_JPEG
        picture_sample(&picture_jpeg, 3, 8),
        file_sample(argv[1], "rocket.jpg"),
#endif
    };
    bool good = true;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        /* A photograph takes a thousand times as long as a small picture. */
        long some = samples[i].n > 20000 ? rounds / 50 + 1 : rounds;
        good = try_sample(&samples[i], some, seed) && good;
        free(samples[i].bytes);
    }
    return good ? 0 : 1;
}
