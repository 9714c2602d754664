// The signal side of the library. Three kinds of faults are ours, everything else goes to the handler that was there before:
//   - a guarded copy or call touched memory of the program that is not there: the guard's caller gets a result;
//   - our own code followed a wild pointer of the caller: the runtime is told that it was NULL, and throws what the row turns into a code;
//   - host code touched a device address: said in one line, then the process dies of it as it would on hardware.
#define _GNU_SOURCE
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#define FAST_TLS static __thread __attribute__((tls_model("initial-exec")))

FAST_TLS sigjmp_buf *guard;       // where a fault of the running copy goes
FAST_TLS sigjmp_buf *call_guard;  // where a call to something that is not code goes
FAST_TLS uintptr_t call_target;

static uintptr_t device_start, device_end, code_start, code_end;
static void (*report_device_access)(void *address);
static struct sigaction previous_segv, previous_bus;

static uintptr_t program_counter(void *context)
{
#if defined(__x86_64__)
    return (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)((ucontext_t *)context)->uc_mcontext.pc;
#else
#error "program counter of this processor"
#endif
}

static void chain(int signal_number, siginfo_t *info, void *context)
{
    struct sigaction *previous = signal_number == SIGBUS ? &previous_bus : &previous_segv;
    if (previous->sa_flags & SA_SIGINFO) {
        previous->sa_sigaction(signal_number, info, context);
    } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
        previous->sa_handler(signal_number);
    } else {
        // On return the instruction faults again, now without us.
        sigaction(signal_number, previous, NULL);
    }
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    uintptr_t address = (uintptr_t)info->si_addr;
    uintptr_t counter = program_counter(context);
    if (guard) {
        siglongjmp(*guard, 1);
    }
    // Fetching the instruction failed, not what the first instruction does.
    if (call_guard && counter == call_target && address == call_target) {
        siglongjmp(*call_guard, 1);
    }
    if (counter >= code_start && counter < code_end) {
        info->si_addr = NULL;
    } else if (address >= device_start && address < device_end && info->si_code > 0) {
        report_device_access((void *)address);
    }
    chain(signal_number, info, context);
}

#if defined(__x86_64__)
#include <immintrin.h>

// For what is too large to stay in the cache: the library's memmove fetches the target's lines first, these stores do not.
__attribute__((target("avx2"))) static void copy_past_cache(char *to, const char *from, size_t count)
{
    size_t head = -(uintptr_t)to & 31;
    memcpy(to, from, head);
    size_t offset = head;
    for (; offset + 128 <= count; offset += 128) {
        __m256i first = _mm256_loadu_si256((const __m256i *)(from + offset));
        __m256i second = _mm256_loadu_si256((const __m256i *)(from + offset + 32));
        __m256i third = _mm256_loadu_si256((const __m256i *)(from + offset + 64));
        __m256i fourth = _mm256_loadu_si256((const __m256i *)(from + offset + 96));
        _mm256_stream_si256((__m256i *)(to + offset), first);
        _mm256_stream_si256((__m256i *)(to + offset + 32), second);
        _mm256_stream_si256((__m256i *)(to + offset + 64), third);
        _mm256_stream_si256((__m256i *)(to + offset + 96), fourth);
    }
    memcpy(to + offset, from + offset, count - offset);
    _mm_sfence();
}
#endif

static void copy(char *to, const char *from, size_t count)
{
#if defined(__x86_64__)
    enum { PAST_CACHE = 512 << 10 };
    if (count >= PAST_CACHE && (size_t)(to - from) >= count && (size_t)(from - to) >= count) {
        copy_past_cache(to, from, count);
        return;
    }
#endif
    memmove(to, from, count);
}

// Copies; 0 when a byte of either range cannot be touched.
static int guarded_copy(void *to, const void *from, size_t count)
{
    sigjmp_buf here;
    if (sigsetjmp(here, 0)) {
        guard = NULL;
        return 0;
    }
    guard = &here;
    __asm__ volatile("" ::: "memory");
    copy(to, from, count);
    __asm__ volatile("" ::: "memory");
    guard = NULL;
    return 1;
}

int updraft_guarded_format(char *text, size_t size, const char *format, va_list arguments)
{
    sigjmp_buf here;
    if (sigsetjmp(here, 0)) {
        guard = NULL;
        return -1;
    }
    guard = &here;
    __asm__ volatile("" ::: "memory");
    int length = vsnprintf(text, size, format, arguments);
    __asm__ volatile("" ::: "memory");
    guard = NULL;
    return length;
}

// Calls a function of the program with up to four words; 0 when there is no code at that address. Faults inside the function are the
// program's own. A function that takes fewer words does not look at the others, and one that returns nothing leaves the result open.
static int guarded_call(void *function, const uintptr_t *words, uintptr_t *result)
{
#if defined(__x86_64__)
    // The processor refuses the jump to such an address before it is made: the fault would lie here, not at the target.
    if ((uintptr_t)((intptr_t)((uintptr_t)function << 16) >> 16) != (uintptr_t)function) {
        return 0;
    }
#endif
    sigjmp_buf here;
    sigjmp_buf *outer = call_guard;
    uintptr_t outer_target = call_target;
    if (sigsetjmp(here, 0)) {
        call_guard = outer;
        call_target = outer_target;
        return 0;
    }
    call_target = (uintptr_t)function;
    call_guard = &here;
    *result = ((uintptr_t (*)(uintptr_t, uintptr_t, uintptr_t, uintptr_t))function)(words[0], words[1], words[2], words[3]);
    call_guard = outer;
    call_target = outer_target;
    return 1;
}

static int find_own_code(struct dl_phdr_info *info, size_t size, void *self)
{
    (void)size;
    for (int index = 0; index < info->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[index];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && (header->p_flags & PF_X) && (uintptr_t)self >= start && (uintptr_t)self < start + header->p_memsz) {
            code_start = start;
            code_end = start + header->p_memsz;
            return 1;
        }
    }
    return 0;
}

struct guards {
    int (*copy)(void *, const void *, size_t);
    int (*call)(void *, const uintptr_t *, uintptr_t *);
};

void updraft_install_guards(uintptr_t start, uintptr_t size, void (*report)(void *), struct guards *guards)
{
    device_start = start;
    device_end = start + size;
    report_device_access = report;
    dl_iterate_phdr(find_own_code, (void *)guarded_copy);
    // SA_NODEFER: a guard leaves the handler by a jump, with the signal as unblocked as before.
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
    guards->copy = guarded_copy;
    guards->call = guarded_call;
}
