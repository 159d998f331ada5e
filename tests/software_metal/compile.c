/* SPDX-License-Identifier: BSD-2-Clause
 * The folder of compiled texts and what is loaded from it. See compile.h. A text is compiled once
 * on a machine, whoever asks first; the others wait for its lock. */
#define _GNU_SOURCE /* dladdr, asprintf */
#include "compile.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"
#include "sanitizers.h"

extern char **environ;

/* One line of an .info file. */
typedef struct kernel_info {
    bool meets, needs[SM_MAX_CONSTANTS];
} kernel_info;

typedef struct loaded {
    struct loaded *next;
    sm_constants constants;
    const msl_kernel *kernels;
    int n_kernels;
    int declared_type[SM_MAX_CONSTANTS]; /* 0: the text has no such constant */
    const char *declared_name[SM_MAX_CONSTANTS];
} loaded;

struct sm_image {
    struct sm_image *next;
    char path[512]; /* without suffix */
    loaded *first;
    kernel_info *info;
    int n_kernels;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sm_image *images;

/* What the flags of the last step are: with the sanitizers that this library has. -lgcc_s is not
 * asked for, and undefined symbols are those of this library and of the sanitizers. */
static const char *const flags[] = {
#if SM_TSAN
    "-O1",
    "-fsanitize=thread",
#elif SM_ASAN
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-sanitize=function,vptr",
#else
    "-O2",
    "-fsanitize=bounds",
    "-fno-sanitize-recover=bounds",
#endif
};
enum { N_FLAGS = sizeof flags / sizeof flags[0] };

/* ---- hashing: two of FNV-1a's, for names of files */

typedef struct hash {
    uint64_t a, b;
} hash;
static const hash hash_start = {0xcbf29ce484222325u, 0x84222325cbf29ce4u};

static void hash_bytes(hash *h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h->a = (h->a ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
        h->b = (h->b ^ ((const unsigned char *)bytes)[i]) * 0x1000000000163u;
    }
}

static char *read_file(const char *path, size_t *n_out)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t n = 0, capacity = 0;
    while (file) {
        if (n + 1 >= capacity) {
            capacity = capacity ? 2 * capacity : 65536;
            char *more = realloc(text, capacity);
            if (!more)
                break;
            text = more;
        }
        const size_t got = fread(text + n, 1, capacity - n - 1, file);
        if (!got)
            break;
        n += got;
    }
    if (file)
        fclose(file);
    if (text)
        text[n] = 0;
    if (n_out)
        *n_out = n;
    return text;
}

/* The compiler itself: every file of msl/, in whatever order the folder has them. */
static uint64_t hash_of_tools(void)
{
    uint64_t sum = 0;
    DIR *folder = opendir(SM_MSL_FOLDER);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", SM_MSL_FOLDER, entry->d_name);
        size_t n = 0;
        char *text = strchr(entry->d_name, '.') > entry->d_name ? read_file(path, &n) : NULL;
        hash h = hash_start;
        hash_bytes(&h, text ? text : "", n);
        sum += h.a;
        free(text);
    }
    if (folder)
        closedir(folder);
    return sum;
}

/* ---- the folder */

static char folder_path[400];

static void make_folder(void)
{
    const char *given = getenv("CONV2D_SOFTWARE_METAL_CACHE"), *temporary = getenv("TMPDIR");
    if (given)
        snprintf(folder_path, sizeof folder_path, "%s", given);
    else
        snprintf(folder_path, sizeof folder_path, "%s/conv2d-software-metal-%ld",
                 temporary && *temporary ? temporary : P_tmpdir, (long)getuid());
    struct stat s;
    if (mkdir(folder_path, 0700) && errno != EEXIST)
        sm_violation("cache", "cannot make the folder %s: %s", folder_path, strerror(errno));
    else if (!stat(folder_path, &s) && s.st_uid != getuid())
        sm_violation("cache", "the folder %s belongs to somebody else", folder_path);
}

static bool exists(const char *stem, const char *suffix)
{
    char path[600];
    snprintf(path, sizeof path, "%s%s", stem, suffix);
    return !access(path, R_OK);
}

static void run_compiler(const char *stem, const char *text, int language)
{
    char source[600], version[16], library[600], rpath[600];
    snprintf(source, sizeof source, "%s.metal", stem);
    snprintf(version, sizeof version, "%d", language);
    FILE *file = fopen(source, "w");
    if (!file || fputs(text, file) < 0) {
        sm_violation("cache", "cannot write %s", source);
        return;
    }
    fclose(file);
    Dl_info self;
    dladdr((void *)folder_path, &self);
    snprintf(library, sizeof library, "%s", self.dli_fname);
    snprintf(rpath, sizeof rpath, "-Wl,--no-as-needed");
    const char *argv[N_FLAGS + 10] = {SM_PYTHON, "-B", SM_MSL_FOLDER "/compile.py",
                                      source,    stem, version};
    int n = 6;
    for (int i = 0; i < N_FLAGS; i++)
        argv[n++] = flags[i];
    argv[n++] = rpath;
    argv[n++] = library;
    /* LD_PRELOAD is for this process, say a sanitizer's library, not for the compiler. */
    char **environment = calloc(4096, sizeof *environment);
    int m = 0;
    for (char **e = environ; environment && *e && m < 4095; e++)
        if (strncmp(*e, "LD_PRELOAD=", 11))
            environment[m++] = *e;
    pid_t pid = 0;
    int status = 0;
    const int failed = posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environment);
    if (failed || waitpid(pid, &status, 0) != pid || status)
        sm_violation("compiler", "compile.py failed (%s, status %d)", strerror(failed), status);
    free(environment);
    unlink(source);
}

/* ---- compiled texts */

static void read_numbers(const char *list, bool *set)
{
    for (const char *p = list; *p && *p != '-';) {
        char *end = NULL;
        const long n = strtol(p, &end, 10);
        if (n >= 0 && n < SM_MAX_CONSTANTS)
            set[n] = true;
        p = *end == ',' ? end + 1 : end;
    }
}

static void read_info(sm_image *image)
{
    char path[600], needs[400];
    snprintf(path, sizeof path, "%s.info", image->path);
    char *text = read_file(path, NULL);
    for (char *line = text; line && *line; line++) {
        int n = 0, meets = 0;
        if (sscanf(line, "%d %d %399s", &n, &meets, needs) == 3) {
            kernel_info *more = realloc(image->info, (size_t)(n + 1) * sizeof *more);
            if (!more)
                break;
            image->info = more;
            image->n_kernels = n + 1;
            memset(&more[n], 0, sizeof *more);
            more[n].meets = meets != 0;
            read_numbers(needs, more[n].needs);
        }
        line += strcspn(line, "\n");
        if (!*line)
            break;
    }
    free(text);
}

const sm_image *sm_compile(const char *text, int language, char **error_out)
{
    static uint64_t tools;
    pthread_mutex_lock(&lock);
    if (!tools) {
        tools = hash_of_tools();
        make_folder();
    }
    hash h = hash_start;
    hash_bytes(&h, text, strlen(text));
    hash_bytes(&h, &language, sizeof language);
    hash_bytes(&h, &tools, sizeof tools);
    for (int i = 0; i < N_FLAGS; i++)
        hash_bytes(&h, flags[i], strlen(flags[i]));
    char stem[512], path[600];
    snprintf(stem, sizeof stem, "%s/%016llx%016llx", folder_path, (unsigned long long)h.a,
             (unsigned long long)h.b);
    sm_image *image = images;
    while (image && strcmp(image->path, stem))
        image = image->next;
    if (!image) {
        snprintf(path, sizeof path, "%s.lock", stem);
        const int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            flock(fd, LOCK_EX);
        if (!exists(stem, ".info") && !exists(stem, ".err"))
            run_compiler(stem, text, language);
        if (fd >= 0)
            close(fd);
        snprintf(path, sizeof path, "%s.err", stem);
        *error_out = exists(stem, ".info") ? NULL : read_file(path, NULL);
        image = *error_out || !exists(stem, ".info") ? NULL : calloc(1, sizeof *image);
        if (image) {
            snprintf(image->path, sizeof image->path, "%s", stem);
            read_info(image);
            image->next = images;
            images = image;
        } else if (!*error_out) {
            *error_out = strdup("the compiler gave nothing");
        }
    }
    pthread_mutex_unlock(&lock);
    return image;
}

/* ---- loading: function constants are asked for while dlopen() runs, under the lock */

static const sm_constants *current_constants;
static loaded *current;

void msl_function_constant(int index, const char *name, int type, void *value_out, size_t bytes)
{
    memset(value_out, 0, bytes);
    if (index < 0 || index >= SM_MAX_CONSTANTS || !current)
        return;
    current->declared_type[index] = type;
    current->declared_name[index] = name;
    if (current_constants->type[index] == type)
        memcpy(value_out, current_constants->value[index], bytes);
}

int msl_function_constant_defined(int index)
{
    return index >= 0 && index < SM_MAX_CONSTANTS && current && current_constants->type[index] != 0;
}

static char *format_error(const char *what, const char *name)
{
    char text[1024];
    snprintf(text, sizeof text, "%s '%s'", what, name);
    return strdup(text);
}

/* A copy of the file, since one file is loaded only once and each set of constants needs its own
 * variables. */
static bool copy_file(const char *from, const char *to)
{
    size_t n = 0;
    char *bytes = read_file(from, &n);
    FILE *file = bytes ? fopen(to, "wb") : NULL;
    const bool written = file && fwrite(bytes, 1, n, file) == n;
    const bool closed = file && !fclose(file);
    free(bytes);
    return written && closed;
}

static const loaded *load(sm_image *image, const sm_constants *constants, char **error_out)
{
    loaded *l = image->first;
    while (l && memcmp(&l->constants, constants, sizeof *constants))
        l = l->next;
    if (l)
        return l;
    hash h = hash_start;
    hash_bytes(&h, constants, sizeof *constants);
    char original[600], path[650], temporary[700];
    snprintf(original, sizeof original, "%s.so", image->path);
    snprintf(path, sizeof path, "%s-%016llx.so", image->path, (unsigned long long)h.a);
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    /* A sanitizer's reports read the lines from the file, so there it stays, for others too. */
    const bool stays = SM_ASAN || SM_TSAN;
    if (!stays || access(path, R_OK)) {
        const bool copied = copy_file(original, temporary) && !(stays && rename(temporary, path));
        if (!copied) {
            *error_out = format_error("cannot write", temporary);
            return NULL;
        }
    }
    l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->constants = *constants;
    current = l;
    current_constants = &l->constants;
    void *handle = dlopen(stays ? path : temporary, RTLD_NOW | RTLD_LOCAL);
    current = NULL;
    if (!stays)
        unlink(temporary);
    if (!handle) {
        *error_out = strdup(dlerror());
        free(l);
        return NULL;
    }
    l->kernels = dlsym(handle, "msl_kernels");
    l->n_kernels = *(const int *)dlsym(handle, "msl_n_kernels");
    l->next = image->first;
    image->first = l;
    return l;
}

static void check_constants(const loaded *l, const kernel_info *info, const char *name)
{
    for (int i = 0; i < SM_MAX_CONSTANTS; i++) {
        if (!info->needs[i])
            continue;
        if (!l->constants.type[i])
            sm_violation("function constant",
                         "kernel %s needs function constant %s (%d), which "
                         "has no value",
                         name, l->declared_name[i], i);
        else if (l->constants.type[i] != l->declared_type[i])
            sm_violation("function constant",
                         "function constant %s (%d) of kernel %s is of MTLDataType %d and is given "
                         "as %d",
                         l->declared_name[i], i, name, l->declared_type[i], l->constants.type[i]);
    }
}

bool sm_load(const sm_image *constant_image, const sm_constants *constants, const char *name,
             sm_kernel *kernel_out, char **error_out)
{
    sm_image *image = (sm_image *)constant_image;
    *error_out = NULL;
    pthread_mutex_lock(&lock);
    const loaded *l = load(image, constants, error_out);
    int k = 0;
    while (l && k < l->n_kernels && strcmp(l->kernels[k].name, name))
        k++;
    const bool found = l && k < l->n_kernels && k < image->n_kernels;
    if (found) {
        *kernel_out = (sm_kernel){&l->kernels[k], image->info[k].meets};
        check_constants(l, &image->info[k], name);
    } else if (!*error_out) {
        *error_out = format_error("the library has no function", name);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

uint64_t sm_identity(const sm_image *image, const sm_constants *constants, const char *name)
{
    const char *stem = strrchr(image->path, '/');
    hash h = hash_start;
    hash_bytes(&h, stem ? stem : image->path, strlen(stem ? stem : image->path));
    hash_bytes(&h, constants, sizeof *constants);
    hash_bytes(&h, name, strlen(name));
    return h.a;
}

const msl_kernel *sm_list(const sm_image *image, int *n_out)
{
    static const sm_constants none;
    char *error = NULL;
    pthread_mutex_lock(&lock);
    const loaded *l = load((sm_image *)image, &none, &error);
    pthread_mutex_unlock(&lock);
    free(error);
    *n_out = l ? l->n_kernels : 0;
    return l ? l->kernels : NULL;
}
