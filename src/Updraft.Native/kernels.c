// The ways of moving bytes that the native compiler of .NET cannot make: it knows one instruction set, fixed when the library is
// published. Here each function has its own, and the engine (CopyKernel.cs) is told which of them this processor has.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Bytes that do not overlap, at least 128 of them.
typedef void kernel_function(char *to, const char *from, size_t count);

struct kernel {
    const char *name;
    kernel_function *copy;
};

#if defined(__x86_64__)
#include <immintrin.h>

enum { STEP = 128, LINE = 64 };

// A step of 128 bytes: all loads, then all stores. STORE is an ordinary store or one past the cache.
#define STEP_512(STORE, to, from)                                                                                                      \
    do {                                                                                                                               \
        __m512i first = _mm512_loadu_si512(from), second = _mm512_loadu_si512((from) + 64);                                            \
        STORE((void *)(to), first);                                                                                                    \
        STORE((void *)((to) + 64), second);                                                                                            \
    } while (0)

#define STEP_256(STORE, to, from)                                                                                                      \
    do {                                                                                                                               \
        __m256i first = _mm256_loadu_si256((const void *)(from)), second = _mm256_loadu_si256((const void *)((from) + 32));            \
        __m256i third = _mm256_loadu_si256((const void *)((from) + 64)), fourth = _mm256_loadu_si256((const void *)((from) + 96));     \
        STORE((void *)(to), first);                                                                                                    \
        STORE((void *)((to) + 32), second);                                                                                            \
        STORE((void *)((to) + 64), third);                                                                                             \
        STORE((void *)((to) + 96), fourth);                                                                                            \
    } while (0)

#define HALF_128(STORE, to, from)                                                                                                      \
    do {                                                                                                                               \
        __m128i first = _mm_loadu_si128((const void *)(from)), second = _mm_loadu_si128((const void *)((from) + 16));                  \
        __m128i third = _mm_loadu_si128((const void *)((from) + 32)), fourth = _mm_loadu_si128((const void *)((from) + 48));           \
        STORE((void *)(to), first);                                                                                                    \
        STORE((void *)((to) + 16), second);                                                                                            \
        STORE((void *)((to) + 32), third);                                                                                             \
        STORE((void *)((to) + 48), fourth);                                                                                            \
    } while (0)

#define STEP_128(STORE, to, from)                                                                                                      \
    do {                                                                                                                               \
        HALF_128(STORE, to, from);                                                                                                     \
        HALF_128(STORE, (to) + 64, (from) + 64);                                                                                       \
    } while (0)

// Where the size or the target do not fit the steps, some bytes are written twice: cheaper than a copy of a size that has to be found out.
#define KERNELS(isa, TARGET, DO, STORE, STREAM)                                                                                        \
    __attribute__((target(TARGET))) static void isa(char *to, const char *from, size_t count)                                          \
    {                                                                                                                                  \
        size_t offset = 0;                                                                                                             \
        for (; offset + STEP <= count; offset += STEP) {                                                                               \
            DO(STORE, to + offset, from + offset);                                                                                     \
        }                                                                                                                              \
        if (offset < count) {                                                                                                          \
            DO(STORE, to + count - STEP, from + count - STEP);                                                                         \
        }                                                                                                                              \
    }                                                                                                                                  \
    __attribute__((target(TARGET))) static void isa##_nt(char *to, const char *from, size_t count)                                     \
    {                                                                                                                                  \
        size_t offset = -(uintptr_t)to & (LINE - 1);                                                                                   \
        if (offset > 0) {                                                                                                              \
            DO(STORE, to, from);                                                                                                       \
        }                                                                                                                              \
        for (; offset + STEP <= count; offset += STEP) {                                                                               \
            DO(STREAM, to + offset, from + offset);                                                                                    \
        }                                                                                                                              \
        if (offset < count) {                                                                                                          \
            DO(STORE, to + count - STEP, from + count - STEP);                                                                         \
        }                                                                                                                              \
        _mm_sfence(); /* such stores are not ordered by the release that publishes the end of the copy */                              \
    }

KERNELS(sse2, "sse2", STEP_128, _mm_storeu_si128, _mm_stream_si128)
KERNELS(avx2, "avx2", STEP_256, _mm256_storeu_si256, _mm256_stream_si256)
KERNELS(avx512, "avx512f", STEP_512, _mm512_storeu_si512, _mm512_stream_si512)

static void movsb(char *to, const char *from, size_t count)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

// Every kernel that this processor and its system can run; the number of them.
int updraft_kernels(struct kernel *kernels)
{
    struct kernel *next = kernels;
    __builtin_cpu_init();
    *next++ = (struct kernel){ "movsb", movsb };
    *next++ = (struct kernel){ "sse2", sse2 };
    *next++ = (struct kernel){ "sse2-nt", sse2_nt };
    if (__builtin_cpu_supports("avx2")) {
        *next++ = (struct kernel){ "avx2", avx2 };
        *next++ = (struct kernel){ "avx2-nt", avx2_nt };
    }
    if (__builtin_cpu_supports("avx512f")) {
        *next++ = (struct kernel){ "avx512", avx512 };
        *next++ = (struct kernel){ "avx512-nt", avx512_nt };
    }
    return (int)(next - kernels);
}
#else
int updraft_kernels(struct kernel *kernels)
{
    (void)kernels;
    return 0;
}
#endif
