/* SPDX-License-Identifier: BSD-2-Clause
 * NSURL, MTLComputePipelineDescriptor, MTLBinaryArchiveDescriptor and MTLBinaryArchive. An archive
 * knows which functions with which constants were added; its file has the number of each, the
 * system that wrote it and a checksum, and one that is damaged or of another system is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metal.h"
#include "software_metal.h"

/* MTLBinaryArchiveError, and MTLPipelineOption. */
enum { INVALID_FILE = 1, COMPILATION_FAILURE = 3, INTERNAL_ERROR = 4, FAIL_ON_MISS = 4 };
static const char domain[] = "MTLBinaryArchiveDomain", magic[] = "software metal archive";
static atomic_long n_hits;

/* ---- NSURL: of a file */

typedef struct url {
    sm_id path;
} url;

static void url_dealloc(void *data)
{
    sm_release(((url *)data)->path);
}

static sm_id file_url(sm_id self, sm_sel name, sm_id path)
{
    (void)self, (void)name;
    sm_text(path, "path");
    sm_id object = sm_new(&sm_url_class);
    ((url *)object->data)->path = sm_retain(path);
    return sm_autorelease(object);
}

static const char *path_of(sm_id object)
{
    const url *u = sm_data(object, &sm_url_class, "url");
    return u ? sm_text(u->path, "path") : "";
}

static const sm_method no_methods[] = {{NULL, NULL}};
static const sm_method url_class_methods[] = {
    SM_METHOD("fileURLWithPath:", file_url),
    {NULL, NULL},
};
const sm_class sm_url_class = {"NSURL",     no_methods,        sizeof(url),
                               url_dealloc, url_class_methods, false};

/* ---- MTLBinaryArchiveDescriptor */

typedef struct archive_descriptor {
    sm_id url;
} archive_descriptor;

static void archive_descriptor_dealloc(void *data)
{
    sm_release(((archive_descriptor *)data)->url);
}

static void set_url(sm_id self, sm_sel name, sm_id value)
{
    (void)name;
    archive_descriptor *d = self->data;
    sm_data_or_null(value, &sm_url_class, "url");
    sm_release(d->url);
    d->url = sm_retain(value);
}

static const sm_method archive_descriptor_methods[] = {
    SM_METHOD("setUrl:", set_url),
    {NULL, NULL},
};
const sm_class sm_archive_descriptor_class = {"MTLBinaryArchiveDescriptor",
                                              archive_descriptor_methods,
                                              sizeof(archive_descriptor),
                                              archive_descriptor_dealloc,
                                              NULL,
                                              true};

/* ---- MTLComputePipelineDescriptor */

typedef struct pipeline_descriptor {
    sm_id function, archives;
} pipeline_descriptor;

static void pipeline_descriptor_dealloc(void *data)
{
    pipeline_descriptor *d = data;
    sm_release(d->function);
    sm_release(d->archives);
}

static void set_function(sm_id self, sm_sel name, sm_id value)
{
    (void)name;
    pipeline_descriptor *d = self->data;
    sm_data_or_null(value, &sm_function_class, "computeFunction");
    sm_release(d->function);
    d->function = sm_retain(value);
}

static void set_archives(sm_id self, sm_sel name, sm_id value)
{
    (void)name;
    pipeline_descriptor *d = self->data;
    sm_data_or_null(value, &sm_array_class, "binaryArchives");
    sm_release(d->archives);
    d->archives = sm_retain(value);
}

static const sm_method pipeline_descriptor_methods[] = {
    SM_METHOD("setComputeFunction:", set_function),
    SM_METHOD("setBinaryArchives:", set_archives),
    {NULL, NULL},
};
const sm_class sm_pipeline_descriptor_class = {"MTLComputePipelineDescriptor",
                                               pipeline_descriptor_methods,
                                               sizeof(pipeline_descriptor),
                                               pipeline_descriptor_dealloc,
                                               NULL,
                                               true};

static const sm_function *function_of(sm_id descriptor)
{
    const pipeline_descriptor *d = sm_data(descriptor, &sm_pipeline_descriptor_class, "descriptor");
    return d ? sm_data(d->function, &sm_function_class, "computeFunction") : NULL;
}

/* ---- MTLBinaryArchive */

typedef struct archive {
    sm_id device;
    uint64_t *entries;
    size_t n;
} archive;

static void archive_dealloc(void *data)
{
    archive *a = data;
    free(a->entries);
    sm_release(a->device);
}

static bool has(const archive *a, uint64_t identity)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->entries[i] == identity)
            return true;
    return false;
}

static bool add_entry(archive *a, uint64_t identity)
{
    uint64_t *more = realloc(a->entries, (a->n + 1) * sizeof *more);
    if (!more)
        return false;
    a->entries = more;
    more[a->n++] = identity;
    return true;
}

static const char *system_name(void)
{
    const char *given = getenv("CONV2D_SOFTWARE_METAL_SYSTEM");
    return given ? given : "1";
}

static uint64_t checksum(const archive *a)
{
    uint64_t sum = a->n + 1;
    for (size_t i = 0; i < a->n; i++)
        sum = (sum ^ a->entries[i]) * 0x100000001b3u;
    return sum;
}

/* NULL, or why the file is refused. */
static const char *read_archive(archive *a, const char *path)
{
    FILE *file = fopen(path, "rb");
    char first[64] = "", system[64] = "";
    unsigned long long n = 0, entry = 0, sum = 0;
    if (!file)
        return "the file cannot be read";
    const char *why = NULL;
    if (fscanf(file, "%63[^\n]\n%63[^\n]\n%llu\n", first, system, &n) != 3 || strcmp(first, magic))
        why = "the file is no archive";
    else if (strcmp(system, system_name()))
        why = "the archive is of another system";
    for (unsigned long long i = 0; !why && i < n; i++)
        if (fscanf(file, "%llx\n", &entry) != 1 || !add_entry(a, entry))
            why = "the archive ends early";
    if (!why && (fscanf(file, "%llx\n", &sum) != 1 || sum != checksum(a)))
        why = "the archive is damaged";
    fclose(file);
    return why;
}

sm_id sm_archive_new(sm_id owner, sm_id descriptor, sm_id *error_out)
{
    const archive_descriptor *d = sm_data(descriptor, &sm_archive_descriptor_class, "descriptor");
    if (sm_must_fail(SM_FAIL_ARCHIVE, NULL)) {
        sm_set_error(error_out, domain, INTERNAL_ERROR, "told to fail");
        return NULL;
    }
    sm_id object = sm_new(&sm_archive_class);
    archive *a = object->data;
    a->device = sm_retain(owner);
    const char *why = d && d->url ? read_archive(a, path_of(d->url)) : NULL;
    if (!why)
        return object;
    sm_set_error(error_out, domain, INVALID_FILE, why);
    sm_release(object);
    return NULL;
}

static sm_bool add_functions(sm_id self, sm_sel name, sm_id descriptor, sm_id *error_out)
{
    (void)name;
    archive *a = self->data;
    const sm_function *f = function_of(descriptor);
    if (!f || sm_must_fail(SM_FAIL_ARCHIVE_ADD, NULL)) {
        sm_set_error(error_out, domain, COMPILATION_FAILURE, "told to fail");
        return 0;
    }
    return has(a, f->identity) || add_entry(a, f->identity);
}

static sm_bool serialize(sm_id self, sm_sel name, sm_id where, sm_id *error_out)
{
    (void)name;
    const archive *a = self->data;
    const bool fails = sm_must_fail(SM_FAIL_ARCHIVE_WRITE, NULL);
    FILE *file = fopen(path_of(where), "wb");
    if (!file) {
        sm_set_error(error_out, domain, INTERNAL_ERROR, strerror(errno));
        return 0;
    }
    fprintf(file, "%s\n%s\n%zu\n", magic, system_name(), a->n);
    for (size_t i = 0; i < a->n; i++)
        fprintf(file, "%016llx\n", (unsigned long long)a->entries[i]);
    if (!fails) /* else half a file is left */
        fprintf(file, "%016llx\n", (unsigned long long)checksum(a));
    if (!fclose(file) && !fails)
        return 1;
    sm_set_error(error_out, domain, INTERNAL_ERROR, fails ? "told to fail" : strerror(errno));
    return 0;
}

static const sm_method archive_methods[] = {
    SM_METHOD("addComputePipelineFunctionsWithDescriptor:error:", add_functions),
    SM_METHOD("serializeToURL:error:", serialize),
    {NULL, NULL},
};
const sm_class sm_archive_class = {
    "MTLBinaryArchive", archive_methods, sizeof(archive), archive_dealloc, NULL, false};

/* ---- pipelines of a descriptor */

sm_id sm_pipeline_of_descriptor(sm_id owner, sm_id descriptor, sm_uint options, sm_id *error_out)
{
    const sm_function *f = function_of(descriptor);
    if (!f)
        return NULL;
    const pipeline_descriptor *d = descriptor->data;
    bool found = false;
    const sm_uint n = d->archives ? sm_array_count(d->archives) : 0;
    for (sm_uint i = 0; i < n; i++) {
        const archive *a = sm_data(sm_array_at(d->archives, i), &sm_archive_class, "binaryArchive");
        found = found || (a && has(a, f->identity));
    }
    n_hits += found;
    if (found || !(options & FAIL_ON_MISS))
        return sm_pipeline_new(owner, d->function, error_out);
    sm_set_error(error_out, SM_PIPELINE_DOMAIN, 1, "no binary archive has the function");
    return NULL;
}

long software_metal_archive_hits(void)
{
    return n_hits;
}
