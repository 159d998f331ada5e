/* SPDX-License-Identifier: BSD-2-Clause
 * What the address and thread sanitizers are told about fibers and threadgroup memory. Without them
 * these functions are empty. SM_ASAN and SM_TSAN are 1 in such a build; the build gives SM_TSAN,
 * since fibers.c is compiled without that sanitizer. */
#ifndef SM_SANITIZERS_H
#define SM_SANITIZERS_H

#include <stddef.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define SM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SM_ASAN 1
#endif
#endif

#ifndef SM_ASAN
#define SM_ASAN 0
#endif
#ifndef SM_TSAN
#define SM_TSAN 0
#endif

typedef struct sm_main_stack {
    const void *bottom;
    size_t bytes;
    void *tsan_fiber;
} sm_main_stack;

#if SM_ASAN
void __sanitizer_start_switch_fiber(void **fake, const void *bottom, size_t bytes);
void __sanitizer_finish_switch_fiber(void *fake, const void **bottom, size_t *bytes);
void __asan_poison_memory_region(const volatile void *p, size_t n);
void __asan_unpoison_memory_region(const volatile void *p, size_t n);
#define SM_NOT_INSTRUMENTED __attribute__((no_sanitize("address", "undefined")))
#elif SM_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *tag);
void __tsan_release(void *tag);
#define SM_NOT_INSTRUMENTED __attribute__((no_sanitize("thread")))
#else
#define SM_NOT_INSTRUMENTED
#endif

/* ---- address sanitizer: which stack is in use, which memory is nobody's */

SM_NOT_INSTRUMENTED static inline void sm_start_switch(void **fake, const void *bottom,
                                                       size_t bytes)
{
#if SM_ASAN
    __sanitizer_start_switch_fiber(fake, bottom, bytes);
#else
    (void)fake, (void)bottom, (void)bytes;
#endif
}

/* main_out: where a fiber that begins notes the stack it came from, the first time. */
SM_NOT_INSTRUMENTED static inline void sm_finish_switch(void *fake, sm_main_stack *main_out)
{
#if SM_ASAN
    if (main_out && !main_out->bottom)
        __sanitizer_finish_switch_fiber(fake, &main_out->bottom, &main_out->bytes);
    else
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
    (void)fake, (void)main_out;
#endif
}

SM_NOT_INSTRUMENTED static inline void sm_asan_poison(void *p, size_t n)
{
#if SM_ASAN
    __asan_poison_memory_region(p, n);
#else
    (void)p, (void)n;
#endif
}

SM_NOT_INSTRUMENTED static inline void sm_asan_unpoison(void *p, size_t n)
{
#if SM_ASAN
    __asan_unpoison_memory_region(p, n);
#else
    (void)p, (void)n;
#endif
}

/* ---- thread sanitizer: each fiber is a thread, and meets others only where barriers say so */

SM_NOT_INSTRUMENTED static inline void sm_before_switch_to(void *fiber)
{
#if SM_TSAN
    enum { NO_SYNC = 1 };
    __tsan_switch_to_fiber(fiber, NO_SYNC);
#else
    (void)fiber;
#endif
}

SM_NOT_INSTRUMENTED static inline void *sm_tsan_create(void)
{
#if SM_TSAN
    return __tsan_create_fiber(0);
#else
    return NULL;
#endif
}

SM_NOT_INSTRUMENTED static inline void sm_tsan_note_main(sm_main_stack *main_out)
{
#if SM_TSAN
    main_out->tsan_fiber = __tsan_get_current_fiber();
#else
    (void)main_out;
#endif
}

SM_NOT_INSTRUMENTED static inline void sm_tsan_acquire(void *tag)
{
#if SM_TSAN
    __tsan_acquire(tag);
#else
    (void)tag;
#endif
}

SM_NOT_INSTRUMENTED static inline void sm_tsan_release(void *tag)
{
#if SM_TSAN
    __tsan_release(tag);
#else
    (void)tag;
#endif
}

/* Memory that is used again by other threads: forget who used it before. Mapping it anew is what
 * the sanitizer understands; its bytes are NaNs again afterwards. */
SM_NOT_INSTRUMENTED static inline void sm_forget(void *p, size_t n)
{
#if SM_TSAN
    mmap(p, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (volatile unsigned char *q = p; q < (unsigned char *)p + n; q++)
        *q = 0xff;
#else
    (void)p, (void)n;
#endif
}

#endif
