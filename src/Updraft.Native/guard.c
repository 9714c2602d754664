// The signal side of the library. Four kinds of faults are ours, everything else goes to the handler that was there before:
//   - a store hit device memory that is being moved into a file just now: it waits, and is made again;
//   - a guarded copy or call touched memory of the program that is not there: the guard's caller gets a result;
//   - our own code followed a wild pointer of the caller: the runtime is told that it was NULL, and throws what the row turns into a code;
//   - host code touched a device address: said in one line, then the process dies of it as it would on hardware.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define FAST_TLS static __thread __attribute__((tls_model("initial-exec")))

FAST_TLS sigjmp_buf *guard;       // where a fault of the running copy goes
FAST_TLS sigjmp_buf *call_guard;  // where a call to something that is not code goes
FAST_TLS uintptr_t call_target;
FAST_TLS uintptr_t moved_address; // the last store of this thread that was made again, and the number of the move then
FAST_TLS unsigned moved_at;

static uintptr_t device_start, device_end, code_start, code_end, backing_start, backing_bytes;
static unsigned moves; // odd while bytes are being moved
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

// The backing of device memory can always be written, except during a move: a fault there is a store that has to wait. A move may have
// ended before its fault arrives here, so without one the store is made again too; if it faults once more and there was still no move,
// it is none of these.
static int waited_for_move(int signal_number, uintptr_t address)
{
    if (signal_number != SIGSEGV || address - backing_start >= backing_bytes) {
        return 0;
    }
    unsigned now = __atomic_load_n(&moves, __ATOMIC_SEQ_CST);
    if (now & 1) {
        int saved = errno;
        while (__atomic_load_n(&moves, __ATOMIC_SEQ_CST) == now) {
            syscall(SYS_futex, &moves, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
        }
        errno = saved;
        return 1;
    }
    if (moved_address == address && moved_at == now) {
        return 0;
    }
    moved_address = address;
    moved_at = now;
    return 1;
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    uintptr_t address = (uintptr_t)info->si_addr;
    uintptr_t counter = program_counter(context);
    // Before the guards: a guarded copy may write device memory.
    if (waited_for_move(signal_number, address)) {
        return;
    }
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

// Copies, by one of the functions of kernels.c or by memmove without one; 0 when a byte of either range cannot be touched.
static int guarded_copy(void *to, const void *from, size_t count, void (*kernel)(void *, const void *, size_t))
{
    sigjmp_buf here;
    if (sigsetjmp(here, 0)) {
        guard = NULL;
        return 0;
    }
    guard = &here;
    __asm__ volatile("" ::: "memory");
    if (kernel) {
        kernel(to, from, count);
    } else {
        memmove(to, from, count);
    }
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

// 0 when the system has no page for the file. What has only zeros needs none.
static int copy_to_file(char *file, const char *from, size_t bytes)
{
    enum { PAGE = 4096 };
    for (size_t offset = 0; offset < bytes; offset += PAGE) {
        const char *page = from + offset;
        int is_empty = *(const uint64_t *)page == 0 && memcmp(page, page + sizeof(uint64_t), PAGE - sizeof(uint64_t)) == 0;
        if (!is_empty && !guarded_copy(file + offset, page, PAGE, NULL)) {
            return 0;
        }
    }
    return 1;
}

// Moves bytes of the backing into a new file that takes the place of their pages, while others read and write them. Nobody loses a byte:
// once mprotect has returned no store reaches the old pages any more (this is how the kernel itself moves pages), what was stored before
// is copied, and mmap exchanges the pages in one step. Stores that come meanwhile fault and wait in waited_for_move. All of it happens
// here, in C: a thread that waits keeps the collector waiting, so the mover must not.
// Returns 0, MOVE_REFUSED when the system lacks room, or MOVE_IMPOSSIBLE when faults would not come to us: asked with 0 bytes, only that.
static int move_to_file(void *backing, size_t bytes, int file, int64_t offset)
{
    enum { MOVED, MOVE_REFUSED, MOVE_IMPOSSIBLE };
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction current;
    if (sigaction(SIGSEGV, NULL, &current) != 0 || !(current.sa_flags & SA_SIGINFO) || current.sa_sigaction != on_fault) {
        return MOVE_IMPOSSIBLE;
    }
    if (bytes == 0) {
        return MOVED;
    }
    char *view = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);
    if (view == MAP_FAILED) {
        return MOVE_REFUSED;
    }
    int result = MOVE_REFUSED;
    pthread_mutex_lock(&one_at_a_time);
    __atomic_add_fetch(&moves, 1, __ATOMIC_SEQ_CST);
    if (mprotect(backing, bytes, PROT_READ) == 0) {
        if (copy_to_file(view, backing, bytes) &&
            mmap(backing, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, offset) != MAP_FAILED) {
            result = MOVED;
        } else if (mprotect(backing, bytes, PROT_READ | PROT_WRITE) != 0 &&
                   mmap(backing, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED) {
            // The old pages are gone already: others take their place, before anybody goes on.
            memcpy(backing, view, bytes);
        }
    }
    __atomic_add_fetch(&moves, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &moves, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    pthread_mutex_unlock(&one_at_a_time);
    munmap(view, bytes);
    return result;
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
    int (*copy)(void *, const void *, size_t, void (*)(void *, const void *, size_t));
    int (*call)(void *, const uintptr_t *, uintptr_t *);
    int (*move)(void *, size_t, int, int64_t);
};

struct ranges {
    uintptr_t device_start, device_bytes, backing_start, backing_bytes;
};

void updraft_install_guards(const struct ranges *ranges, void (*report)(void *), struct guards *guards)
{
    device_start = ranges->device_start;
    device_end = device_start + ranges->device_bytes;
    backing_start = ranges->backing_start;
    backing_bytes = ranges->backing_bytes;
    report_device_access = report;
    dl_iterate_phdr(find_own_code, (void *)guarded_copy);
    // SA_NODEFER: a guard leaves the handler by a jump, with the signal as unblocked as before.
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
    guards->copy = guarded_copy;
    guards->call = guarded_call;
    guards->move = move_to_file;
}
