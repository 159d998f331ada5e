/* SPDX-License-Identifier: BSD-2-Clause
 * CONV2D_METAL_CACHE: pipelines come from the archive in that folder where it is good; where it is
 * absent, stale, damaged or refused they are compiled, results are the same, and the log says why.
 * Nothing is written unless asked for, and never half a file. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metal_helpers.h"

static char folder[] = P_tmpdir "/conv2d-cache-XXXXXX";

/* Files in the folder; the last one's path. */
static int list_files(char path[512])
{
    DIR *directory = opendir(folder);
    int n = 0;
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, 512, "%s/%.200s", folder, entry->d_name);
        n++;
    }
    closedir(directory);
    return n;
}

static void empty_folder(void)
{
    char path[512];
    while (list_files(path))
        assert_int_equal(unlink(path), 0);
}

/* A device, one or two different kernels, and what it logged about the cache. How many of its
 * pipelines came from the archive is the result. */
static long use(bool both, log_text *log)
{
    const long before = soft.archive_hits();
    *log = (log_text){"", 0};
    conv2d_device *device = open_logging(log);
    check_one(device, CONV2D_ACT_NONE);
    if (both)
        check_one(device, CONV2D_ACT_RELU);
    conv2d_device_close(device);
    assert_nothing_alive();
    return soft.archive_hits() - before;
}

static int set_up(void **state)
{
    (void)state;
    empty_folder();
    return setenv("CONV2D_METAL_CACHE", folder, 1);
}

static int tear_down(void **state)
{
    (void)state;
    unsetenv("CONV2D_SOFTWARE_METAL_SYSTEM");
    return unsetenv("CONV2D_METAL_CACHE");
}

/* Two pipelines are in the archive after this. */
static void fill(char path[512])
{
    log_text log;
    assert_int_equal(use(true, &log), 0);
    assert_null(strstr(log.text, "CACHE"));
    assert_int_equal(list_files(path), 1); /* and no temporary one */
}

static void test_nothing_is_written_unasked(void **state)
{
    (void)state;
    char path[512];
    log_text log;
    unsetenv("CONV2D_METAL_CACHE");
    assert_int_equal(use(true, &log), 0);
    setenv("CONV2D_METAL_CACHE", "", 1);
    assert_int_equal(use(false, &log), 0);
    assert_int_equal(list_files(path), 0);
}

static void test_pipelines_are_found_again(void **state)
{
    (void)state;
    char path[512];
    log_text log;
    fill(path);
    assert_int_equal(use(true, &log), 2);
    assert_null(strstr(log.text, "CACHE"));
    assert_int_equal(list_files(path), 1);
}

/* What is new is added to what is there. */
static void test_archive_grows(void **state)
{
    (void)state;
    char path[512];
    log_text log;
    assert_int_equal(use(false, &log), 0);
    assert_int_equal(use(true, &log), 1);
    assert_int_equal(use(true, &log), 2);
    assert_int_equal(list_files(path), 1);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Cut at every length, and with every byte changed: refused or, where Metal cannot know, used. */
static void test_damaged_archive_is_replaced(void **state)
{
    (void)state;
    char path[512], good[1024], bad[1024];
    log_text log;
    fill(path);
    FILE *file = fopen(path, "rb");
    const size_t n = fread(good, 1, sizeof good, file);
    fclose(file);
    assert_in_range(n, 40, sizeof good - 1);
    for (size_t cut = 0; cut < n - 1; cut += 13) {
        write_file(path, good, cut);
        assert_int_equal(use(true, &log), 0);
        assert_non_null(strstr(log.text, "is refused by Metal and will be replaced"));
        assert_int_equal(use(true, &log), 2);
    }
    for (size_t at = n / 2; at < n - 1; at += 7) {
        memcpy(bad, good, n);
        bad[at] = bad[at] == '0' ? '1' : '0';
        write_file(path, bad, n);
        assert_int_equal(use(true, &log), 0);
        assert_non_null(strstr(log.text, "is refused by Metal"));
    }
    assert_int_equal(use(true, &log), 2);
}

static void test_archive_of_another_system_is_replaced(void **state)
{
    (void)state;
    char path[512];
    log_text log;
    fill(path);
    setenv("CONV2D_SOFTWARE_METAL_SYSTEM", "2", 1);
    assert_int_equal(use(true, &log), 0);
    assert_non_null(strstr(log.text, "another system"));
    assert_int_equal(use(true, &log), 2);
    assert_int_equal(list_files(path), 1);
}

/* Metal refuses: the log says what, results are right, what was there stays there. */
static void test_refusals(void **state)
{
    static const struct {
        const char *what, *words;
    } kinds[] = {
        {"archive", "makes no archive"},
        {"archiveadd", "takes no pipeline"},
        {"archivewrite", "cannot be written"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[512];
        log_text log;
        empty_folder();
        assert_int_equal(soft.fail_nth(kinds[i].what, 1, 0), 0);
        assert_int_equal(use(true, &log), 0);
        assert_non_null(strstr(log.text, kinds[i].words));
        assert_non_null(strstr(log.text, "told to fail"));
        assert_int_equal(list_files(path), 0); /* no temporary one either */
    }
    char path[512];
    log_text log;
    assert_int_equal(use(false, &log), 0);
    assert_int_equal(soft.fail_nth("archivewrite", 1, 0), 0);
    assert_int_equal(use(true, &log), 1);
    assert_int_equal(list_files(path), 1);
    assert_int_equal(use(false, &log), 1); /* what was there is still good */
}

static void test_folders_that_cannot_be_used(void **state)
{
    (void)state;
    char absent[512], path[512];
    log_text log;
    snprintf(absent, sizeof absent, "%s/absent", folder);
    setenv("CONV2D_METAL_CACHE", absent, 1);
    assert_int_equal(use(true, &log), 0);
    assert_non_null(strstr(log.text, "cannot be written"));
    assert_non_null(strstr(log.text, absent));
    char *name = calloc(1, 3000);
    memset(name, 'x', 2999);
    setenv("CONV2D_METAL_CACHE", name, 1);
    assert_int_equal(use(false, &log), 0);
    assert_non_null(strstr(log.text, "too long"));
    free(name);
    setenv("CONV2D_METAL_CACHE", folder, 1);
    fill(path); /* a folder where the file should be cannot be renamed over */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(use(false, &log), 0);
    assert_non_null(strstr(log.text, "cannot be renamed"));
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    software_open();
    if (!mkdtemp(folder))
        return 2;
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_written_unasked),
        TEST(test_pipelines_are_found_again),
        TEST(test_archive_grows),
        TEST(test_damaged_archive_is_replaced),
        TEST(test_archive_of_another_system_is_replaced),
        TEST(test_refusals),
        TEST(test_folders_that_cannot_be_used),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    empty_folder();
    rmdir(folder);
    return failed;
}
