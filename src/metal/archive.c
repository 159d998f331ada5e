/* SPDX-License-Identifier: BSD-2-Clause
 * Compiled pipelines on disk, as an MTLBinaryArchive, where the environment variable
 * CONV2D_METAL_CACHE names a folder; without it nothing is read or written. The file's name is a
 * hash of the kernels and the GPU, so that another version of the library or another GPU has a file
 * of its own; what another version of the system left there is refused by Metal and replaced.
 * Whatever goes wrong here is told to the device's log, once, and pipelines are compiled as without
 * an archive. Everything is called with the compiling lock and inside an autorelease pool. */
#include <stdio.h>
#include <string.h>

#include "metal/internal.h"

enum { CACHE_FORMAT = 1 }; /* to be raised where old archives must not be looked at */

static void tell(const c2_metal_device *d, const char *what, const char *why)
{
    char line[C2_METAL_PATH_BYTES + 256];
    if (!d->base.log)
        return;
    snprintf(line, sizeof line, "metal: CONV2D_METAL_CACHE: '%s' %s: %.200s", d->archive.path, what,
             why);
    d->base.log(d->base.log_user, line);
}

static void give_up(c2_metal_device *d, const char *what, const char *why)
{
    tell(d, what, why);
    c2_objc_release(&d->rt, d->archive.archive);
    d->archive.archive = NULL;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static bool name_file(c2_metal_device *d, const char *folder)
{
    uint64_t hash = hash_text(0xcbf29ce484222325u, d->model);
    for (int i = 0; i < C2_METAL_FAMILIES; i++)
        hash = hash_text(hash, c2_metal_families[i].text);
    const int n =
        snprintf(d->archive.path, sizeof d->archive.path, "%s/conv2d-%d-%016llx.metalarchive",
                 folder, (int)CACHE_FORMAT, (unsigned long long)hash);
    return n > 0 && (size_t)n < sizeof d->archive.path;
}

static bool is_there(const char *path)
{
    FILE *file = fopen(path, "rb");
    return file && !fclose(file);
}

static c2_id file_url(const c2_objc *rt, const char *path)
{
    return C2_SEND(rt, file_url, rt->get_class("NSURL"), c2_objc_string(rt, path));
}

/* The archive of a file, or an empty one without; NULL with *error_out if Metal refuses. */
static c2_id new_archive(const c2_metal_device *d, bool of_file, c2_id *error_out)
{
    const c2_objc *rt = &d->rt;
    const c2_id descriptor = c2_objc_new(rt, "MTLBinaryArchiveDescriptor");
    if (!descriptor)
        return NULL;
    if (of_file)
        C2_SEND(rt, set_url, descriptor, file_url(rt, d->archive.path));
    const c2_id archive = C2_SEND(rt, new_archive, d->device, descriptor, error_out);
    c2_objc_release(rt, descriptor);
    return archive;
}

static void open_archive(c2_metal_device *d)
{
    const char *folder = c2_objc_environment("CONV2D_METAL_CACHE");
    c2_id error = NULL;
    d->archive.is_opened = true;
    if (!folder)
        return;
    if (!name_file(d, folder)) {
        give_up(d, "is not used", "the path is too long");
        return;
    }
    if (is_there(d->archive.path)) {
        d->archive.archive = new_archive(d, true, &error);
        if (d->archive.archive)
            return;
        tell(d, "is refused by Metal and will be replaced", c2_objc_error_text(&d->rt, error));
    }
    error = NULL;
    d->archive.archive = new_archive(d, false, &error);
    if (!d->archive.archive)
        give_up(d, "is not used: Metal makes no archive", c2_objc_error_text(&d->rt, error));
}

/* Write all of the archive beside its file and give it the name; other processes that do the same
 * see one whole file or the other. */
static void write_archive(c2_metal_device *d)
{
    char temporary[sizeof d->archive.path + 32];
    c2_id error = NULL;
    snprintf(temporary, sizeof temporary, "%s.%ld.tmp", d->archive.path, c2_process_id());
    if (!C2_SEND(&d->rt, archive_write, d->archive.archive, file_url(&d->rt, temporary), &error)) {
        remove(temporary);
        give_up(d, "cannot be written", c2_objc_error_text(&d->rt, error));
    } else if (rename(temporary, d->archive.path)) {
        remove(temporary);
        give_up(d, "cannot be written", "the file cannot be renamed");
    }
}

static c2_id describe(const c2_metal_device *d, c2_id function)
{
    const c2_objc *rt = &d->rt;
    const c2_id descriptor = c2_objc_new(rt, "MTLComputePipelineDescriptor");
    if (descriptor) {
        C2_SEND(rt, set_function, descriptor, function);
        C2_SEND(rt, set_archives, descriptor,
                C2_SEND(rt, array_of, rt->get_class("NSArray"), d->archive.archive));
    }
    return descriptor;
}

c2_id c2_metal_archive_find(c2_metal_device *d, c2_id function)
{
    const c2_objc *rt = &d->rt;
    if (!d->archive.is_opened)
        open_archive(d);
    const c2_id descriptor = d->archive.archive ? describe(d, function) : NULL;
    if (!descriptor)
        return NULL;
    const c2_id state = C2_SEND(rt, new_archived_pipeline, d->device, descriptor,
                                C2_MTL_FAIL_ON_ARCHIVE_MISS, NULL, NULL);
    c2_objc_release(rt, descriptor);
    return state;
}

void c2_metal_archive_add(c2_metal_device *d, c2_id function)
{
    const c2_objc *rt = &d->rt;
    const c2_id descriptor = d->archive.archive ? describe(d, function) : NULL;
    c2_id error = NULL;
    if (!descriptor)
        return;
    const bool added = C2_SEND(rt, archive_add, d->archive.archive, descriptor, &error) != 0;
    c2_objc_release(rt, descriptor);
    if (added)
        write_archive(d);
    else
        give_up(d, "takes no pipeline", c2_objc_error_text(rt, error));
}

void c2_metal_archive_free(c2_metal_device *d)
{
    c2_objc_release(&d->rt, d->archive.archive);
}
