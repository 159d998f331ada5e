/* SPDX-License-Identifier: BSD-2-Clause
 * Every Objective-C method the backend calls: name here, selector, exact C prototype. Nothing else
 * is sent, so this is the list a double of Metal has to answer. No method returns a struct, and no
 * BOOL is read wider than a signed char (BOOL is that on x86-64, bool on arm64).
 * Metal's own numbers (options, families, error codes) follow below. */
#ifndef C2_METAL_SELECTORS_H
#define C2_METAL_SELECTORS_H

typedef struct c2_objc_object *c2_id;
typedef struct c2_objc_selector *c2_sel;
typedef unsigned long c2_uint; /* NSUInteger */
typedef long c2_int;           /* NSInteger */
typedef signed char c2_bool;   /* BOOL */

typedef struct c2_mtl_size {
    c2_uint width, height, depth;
} c2_mtl_size; /* MTLSize */

/* X(name, selector, result, prototype) */
#define C2_METAL_SELECTORS(X)                                                                    \
    /* NSObject */                                                                               \
    X(alloc, "alloc", c2_id, (c2_id, c2_sel))                                                    \
    X(init, "init", c2_id, (c2_id, c2_sel))                                                      \
    X(retain, "retain", c2_id, (c2_id, c2_sel))                                                  \
    X(release, "release", void, (c2_id, c2_sel))                                                 \
    X(responds, "respondsToSelector:", c2_bool, (c2_id, c2_sel, c2_sel))                         \
    /* NSString, NSError, NSArray */                                                             \
    X(string, "stringWithUTF8String:", c2_id, (c2_id, c2_sel, const char *))                     \
    X(utf8, "UTF8String", const char *, (c2_id, c2_sel))                                         \
    X(description, "localizedDescription", c2_id, (c2_id, c2_sel))                               \
    X(code, "code", c2_int, (c2_id, c2_sel))                                                     \
    X(count, "count", c2_uint, (c2_id, c2_sel))                                                  \
    X(object_at, "objectAtIndex:", c2_id, (c2_id, c2_sel, c2_uint))                              \
    X(array_of, "arrayWithObject:", c2_id, (c2_id, c2_sel, c2_id))                               \
    X(file_url, "fileURLWithPath:", c2_id, (c2_id, c2_sel, c2_id))                               \
    /* MTLDevice */                                                                              \
    X(name, "name", c2_id, (c2_id, c2_sel))                                                      \
    X(supports_family, "supportsFamily:", c2_bool, (c2_id, c2_sel, c2_int))                      \
    X(has_unified_memory, "hasUnifiedMemory", c2_bool, (c2_id, c2_sel))                          \
    X(max_buffer_length, "maxBufferLength", c2_uint, (c2_id, c2_sel))                            \
    X(max_threadgroup_memory, "maxThreadgroupMemoryLength", c2_uint, (c2_id, c2_sel))            \
    X(new_queue, "newCommandQueue", c2_id, (c2_id, c2_sel))                                      \
    X(new_buffer, "newBufferWithLength:options:", c2_id, (c2_id, c2_sel, c2_uint, c2_uint))      \
    X(new_buffer_no_copy, "newBufferWithBytesNoCopy:length:options:deallocator:", c2_id,         \
      (c2_id, c2_sel, void *, c2_uint, c2_uint, void *))                                         \
    X(new_library, "newLibraryWithSource:options:error:", c2_id,                                 \
      (c2_id, c2_sel, c2_id, c2_id, c2_id *))                                                    \
    X(new_pipeline, "newComputePipelineStateWithFunction:error:", c2_id,                         \
      (c2_id, c2_sel, c2_id, c2_id *))                                                           \
    /* MTLCompileOptions: mathMode where it answers (macOS 15), fastMathEnabled everywhere */    \
    X(set_fast_math, "setFastMathEnabled:", void, (c2_id, c2_sel, c2_bool))                      \
    X(set_math_mode, "setMathMode:", void, (c2_id, c2_sel, c2_int))                              \
    X(set_language, "setLanguageVersion:", void, (c2_id, c2_sel, c2_uint))                       \
    /* MTLFunctionConstantValues, MTLLibrary */                                                  \
    X(set_constant, "setConstantValue:type:atIndex:", void,                                      \
      (c2_id, c2_sel, const void *, c2_uint, c2_uint))                                           \
    X(new_function, "newFunctionWithName:constantValues:error:", c2_id,                          \
      (c2_id, c2_sel, c2_id, c2_id, c2_id *))                                                    \
    X(new_library_of_data, "newLibraryWithData:error:", c2_id, (c2_id, c2_sel, void *, c2_id *)) \
    /* MTLComputePipelineDescriptor, MTLBinaryArchiveDescriptor, MTLBinaryArchive */             \
    X(set_function, "setComputeFunction:", void, (c2_id, c2_sel, c2_id))                         \
    X(set_archives, "setBinaryArchives:", void, (c2_id, c2_sel, c2_id))                          \
    X(set_url, "setUrl:", void, (c2_id, c2_sel, c2_id))                                          \
    X(new_archive, "newBinaryArchiveWithDescriptor:error:", c2_id,                               \
      (c2_id, c2_sel, c2_id, c2_id *))                                                           \
    X(archive_add, "addComputePipelineFunctionsWithDescriptor:error:", c2_bool,                  \
      (c2_id, c2_sel, c2_id, c2_id *))                                                           \
    X(archive_write, "serializeToURL:error:", c2_bool, (c2_id, c2_sel, c2_id, c2_id *))          \
    X(new_archived_pipeline,                                                                     \
      "newComputePipelineStateWithDescriptor:options:reflection:error:", c2_id,                  \
      (c2_id, c2_sel, c2_id, c2_uint, c2_id *, c2_id *))                                         \
    /* MTLComputePipelineState */                                                                \
    X(max_threads, "maxTotalThreadsPerThreadgroup", c2_uint, (c2_id, c2_sel))                    \
    X(simd_width, "threadExecutionWidth", c2_uint, (c2_id, c2_sel))                              \
    /* MTLBuffer, MTLResource, MTLCommandQueue */                                                \
    X(contents, "contents", void *, (c2_id, c2_sel))                                             \
    X(length, "length", c2_uint, (c2_id, c2_sel))                                                \
    X(device, "device", c2_id, (c2_id, c2_sel))                                                  \
    X(command_buffer, "commandBuffer", c2_id, (c2_id, c2_sel))                                   \
    /* MTLCommandBuffer */                                                                       \
    X(compute_encoder, "computeCommandEncoder", c2_id, (c2_id, c2_sel))                          \
    X(on_completed, "addCompletedHandler:", void, (c2_id, c2_sel, void *))                       \
    X(commit, "commit", void, (c2_id, c2_sel))                                                   \
    X(wait, "waitUntilCompleted", void, (c2_id, c2_sel))                                         \
    X(status, "status", c2_uint, (c2_id, c2_sel))                                                \
    X(error, "error", c2_id, (c2_id, c2_sel))                                                    \
    /* MTLComputeCommandEncoder */                                                               \
    X(set_pipeline, "setComputePipelineState:", void, (c2_id, c2_sel, c2_id))                    \
    X(set_buffer, "setBuffer:offset:atIndex:", void, (c2_id, c2_sel, c2_id, c2_uint, c2_uint))   \
    X(set_bytes, "setBytes:length:atIndex:", void,                                               \
      (c2_id, c2_sel, const void *, c2_uint, c2_uint))                                           \
    X(dispatch, "dispatchThreadgroups:threadsPerThreadgroup:", void,                             \
      (c2_id, c2_sel, c2_mtl_size, c2_mtl_size))                                                 \
    X(end_encoding, "endEncoding", void, (c2_id, c2_sel))

#define C2_METAL_TYPE(name, selector, result, prototype) typedef result(*c2_send_##name) prototype;
C2_METAL_SELECTORS(C2_METAL_TYPE)
#undef C2_METAL_TYPE

/* Metal's numbers, from Apple's documentation of the enumerations named beside them. */
enum {
    C2_MTL_STORAGE_SHARED = 0,        /* MTLResourceStorageModeShared, default CPU cache mode,
                                         tracked hazards */
    C2_MTL_LANGUAGE_2_4 = 0x20004,    /* MTLLanguageVersion2_4: macOS 12 */
    C2_MTL_MATH_SAFE = 0,             /* MTLMathModeSafe */
    C2_MTL_FAIL_ON_ARCHIVE_MISS = 4,  /* MTLPipelineOptionFailOnBinaryArchiveMiss */
    C2_MTL_TYPE_INT = 29,             /* MTLDataTypeInt */
    C2_MTL_TYPE_UINT = 33,            /* MTLDataTypeUInt */
    C2_MTL_TYPE_BOOL = 53,            /* MTLDataTypeBool */
    C2_MTL_FAMILY_APPLE1 = 1001,      /* MTLGPUFamilyApple1 */
    C2_MTL_FAMILY_APPLE7 = 1007,      /* MTLGPUFamilyApple7: simdgroup_matrix */
    C2_MTL_FAMILY_MAC2 = 2002,        /* MTLGPUFamilyMac2 */
    C2_MTL_FAMILY_METAL3 = 5001,      /* MTLGPUFamilyMetal3 */
    C2_MTL_STATUS_COMPLETED = 4,      /* MTLCommandBufferStatusCompleted */
    C2_MTL_STATUS_ERROR = 5,          /* MTLCommandBufferStatusError */
    C2_MTL_ERROR_ACCESS_REVOKED = 4,  /* MTLCommandBufferErrorAccessRevoked */
    C2_MTL_ERROR_OUT_OF_MEMORY = 8,   /* MTLCommandBufferErrorOutOfMemory */
    C2_MTL_ERROR_DEVICE_REMOVED = 11, /* MTLCommandBufferErrorDeviceRemoved */
    C2_MTL_SET_BYTES_LIMIT = 4096     /* largest argument of setBytes:length:atIndex: */
};

#endif
