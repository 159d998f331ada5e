/* SPDX-License-Identifier: BSD-2-Clause
 * main() around a fuzz target for compilers without libFuzzer: runs it over the files and folders
 * named, each input flush against a page that cannot be read; then again and again with one more
 * allocation let through before the first failing one. Prints each input's name before a crash
 * could hide it only when it fails: the last line on stderr is then the input's.
 *     replay_TARGET [--no-starve] FILE|FOLDER... */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "starve.h"

/* An input with more allocations than this is starved at the first ones and at all at once. */
enum { STARVE_MAX = 96 };

static const char *volatile current = "(none)";
static long n_inputs, n_starved;
static bool starve = true;

static void on_crash(int number)
{
    /* write() is one of the few calls a handler may make. */
    static const char text[] = "\nthe input was ";
    ssize_t ignored = write(2, text, sizeof text - 1);
    ignored += write(2, current, strlen(current));
    ignored += write(2, "\n", 1);
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

static void run_guarded(const unsigned char *bytes, size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (n + page) / page * page;
    unsigned char *map =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) != 0) {
        perror("mmap");
        exit(2);
    }
    unsigned char *at = map + room - n;
    memcpy(at, bytes, n);
    LLVMFuzzerTestOneInput(at, n);
    bool failed = starve && starve_possible();
    for (size_t i = 1; failed && i <= STARVE_MAX; i++) {
        starve_arm(i, i % 2 == 0);
        LLVMFuzzerTestOneInput(at, n);
        failed = starve_disarm();
        n_starved += failed;
    }
    munmap(map, room + page);
    n_inputs++;
}

static bool run_file(const char *path, off_t size)
{
    FILE *file = fopen(path, "rb");
    const size_t n = (size_t)size;
    unsigned char *bytes = malloc(n ? n : 1);
    const bool ok = file && bytes && fread(bytes, 1, n, file) == n;
    if (ok) {
        current = path;
        run_guarded(bytes, n);
    } else {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    }
    free(bytes);
    if (file)
        fclose(file);
    return ok;
}

static bool run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(status.st_mode))
        return run_file(path, status.st_size);
    struct dirent **entries;
    const int n = scandir(path, &entries, NULL, alphasort);
    bool ok = n >= 0;
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            ok = run_path(inner) && ok;
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true;
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--no-starve") == 0)
            starve = false;
        else
            ok = run_path(argv[i]) && ok;
    }
    printf("%ld inputs, %ld runs with a failing allocation\n", n_inputs, n_starved);
    if (n_inputs == 0)
        fprintf(stderr, "no input: name a file or a folder that has one\n");
    return ok && n_inputs > 0 ? 0 : 1;
}
