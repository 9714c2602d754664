// Memory is exported for the first time while threads write it in every way and never pause: the bytes move into shared memory under
// them, and none is lost, neither here nor in the process that imports it. What is stored meanwhile waits in a signal handler; programs that
// keep the signal from the library must live all the same.
// timeout: 120
// libs: -pthread
#include "check.h"
#include "process.h"
#include <pthread.h>
#include <stdatomic.h>

enum { PIECE = 64 << 10, WRITERS = 5, ROWS = 24, BLOCKS = WRITERS * ROWS, BYTES = BLOCKS * PIECE, WIDE = 32 << 20 };

struct offer {
    char key[65];
    unsigned char last[BLOCKS]; // what each block was filled with last
};

static char *memory;
static struct offer offer;
static atomic_int running, started, lost;

// The blocks of the writers alternate, so that each works in all parts of the memory.
static char *block_of(int writer, int row) { return memory + (size_t)(row * WRITERS + writer) * PIECE; }

static void wait_for(aclrtStream stream)
{
    if (stream) {
        NEED(aclrtSynchronizeStream(stream));
    }
}

static void check_block(const char *block, int value, char *back)
{
    NEED(aclrtMemcpy(back, PIECE, block, PIECE, ACL_MEMCPY_DEVICE_TO_HOST));
    lost += !is_filled(back, value, PIECE);
}

static void write_block(int writer, char *block, int value, char *host, aclrtStream stream)
{
    memset(host, value, PIECE);
    switch (writer) {
    case 0: // queued, small
        for (int offset = 0; offset < PIECE; offset += 512) {
            NEED(aclrtMemcpyAsync(block + offset, 512, host + offset, 512, ACL_MEMCPY_HOST_TO_DEVICE, stream));
        }
        break;
    case 1: // queued, whole
    case 4: // and never waited for while the memory moves
        NEED(aclrtMemcpyAsync(block, PIECE, host, PIECE, ACL_MEMCPY_HOST_TO_DEVICE, stream));
        break;
    case 2: // at once, from pageable memory: under a guard that catches faults
        NEED(aclrtMemcpy(block, PIECE, host, PIECE, ACL_MEMCPY_HOST_TO_DEVICE));
        break;
    case 3:
        NEED(aclrtMemset(block, PIECE, value, PIECE));
        break;
    }
}

static void *write_all(void *argument)
{
    int writer = (int)(intptr_t)argument, value = 0;
    NEED(aclrtSetDevice(0));
    aclrtStream stream = NULL;
    char *host, *pinned, *back = malloc(PIECE);
    NEED(aclrtCreateStream(&stream));
    NEED(aclrtMallocHost((void **)&pinned, (size_t)ROWS * PIECE));
    host = malloc(PIECE);
    started++;
    while (running) {
        value = value % 250 + 1;
        for (int row = 0; row < ROWS; row++) {
            // The source of a copy that is not waited for is left alone until its turn comes again.
            write_block(writer, block_of(writer, row), value, writer == 2 ? host : pinned + (size_t)row * PIECE, stream);
            offer.last[row * WRITERS + writer] = (unsigned char)value;
            if (writer != 4) {
                wait_for(stream);
                check_block(block_of(writer, row), value, back);
            }
        }
        if (writer == 4 && value % 4 == 0) {
            // Only now and then, or the queue would grow without end.
            aclrtEvent event;
            NEED(aclrtCreateEvent(&event));
            NEED(aclrtRecordEvent(event, stream));
            NEED(aclrtSynchronizeEvent(event));
            NEED(aclrtDestroyEvent(event));
        }
    }
    wait_for(stream);
    for (int row = 0; row < ROWS; row++) {
        check_block(block_of(writer, row), offer.last[row * WRITERS + writer], back);
    }
    NEED(aclrtDestroyStream(stream));
    NEED(aclrtFreeHost(pinned));
    free(host);
    free(back);
    return NULL;
}

static int export_memory(size_t bytes)
{
    return aclrtIpcMemGetExportKey(memory, bytes, offer.key, sizeof offer.key, ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION);
}

static void *write_on(void *blocks)
{
    if (blocks) {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL);
    }
    NEED(aclrtSetDevice(0));
    char *host = malloc(PIECE);
    memset(host, 1, PIECE); // what is empty moves at once
    do {
        for (size_t offset = 0; offset < WIDE; offset += PIECE) {
            NEED(aclrtMemcpy(memory + offset, PIECE, host, PIECE, ACL_MEMCPY_HOST_TO_DEVICE));
        }
        started = 1; // all pages are there: now the copies are as fast as the move
    } while (running);
    free(host);
    return NULL;
}

static volatile sig_atomic_t foreign_faults;

static void foreign_handler(int signal_number)
{
    foreign_faults = 1;
    signal(signal_number, SIG_DFL); // and now the process dies of it, unless the move has ended
}

// True when the export worked and the process is still there.
static int exports_beside(void *blocks, int rounds)
{
    int good = 1;
    for (int round = 0; round < rounds; round++) {
        pthread_t thread;
        NEED(aclrtMalloc((void **)&memory, WIDE, ACL_MEM_MALLOC_HUGE_FIRST));
        running = 1;
        started = 0;
        pthread_create(&thread, NULL, write_on, blocks);
        while (!started) {
            sched_yield();
        }
        good &= export_memory(WIDE) == 0;
        running = 0;
        pthread_join(thread, NULL);
        NEED(aclrtFree(memory));
    }
    return good;
}

// The other process: says for each key how many blocks are not what they were filled with last.
static int import_all(void)
{
    char *back = malloc(PIECE);
    NEED(aclrtSetDevice(0));
    while (read(STDIN_FILENO, &offer, sizeof offer) == sizeof offer) {
        int wrong = 0;
        NEED(aclrtIpcMemImportByKey((void **)&memory, offer.key, 0));
        for (int block = 0; block < BLOCKS; block++) {
            NEED(aclrtMemcpy(back, PIECE, memory + (size_t)block * PIECE, PIECE, ACL_MEMCPY_DEVICE_TO_HOST));
            wrong += !is_filled(back, offer.last[block], PIECE);
        }
        NEED(aclrtIpcMemClose(offer.key));
        if (write(STDOUT_FILENO, &wrong, sizeof wrong) != sizeof wrong) {
            return 1;
        }
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "import") == 0) {
        return import_all();
    }
    int rounds = count > 1 ? atoi(arguments[1]) : 60, to[2], from[2], wrong_there = 0, refused = 0;
    if (pipe(to) || pipe(from)) {
        return 1;
    }
    pid_t importer = fork();
    if (importer == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        execl("/proc/self/exe", arguments[0], "import", (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    NEED(aclrtSetDevice(0));
    for (int round = 0; round < rounds; round++) {
        pthread_t threads[WRITERS];
        NEED(aclrtMalloc((void **)&memory, BYTES, ACL_MEM_MALLOC_HUGE_FIRST));
        running = 1;
        started = 0;
        for (intptr_t writer = 0; writer < WRITERS; writer++) {
            pthread_create(&threads[writer], NULL, write_all, (void *)writer);
        }
        while (started < WRITERS) {
            sched_yield();
        }
        // Every third time all of it was touched before; the other times some is still without pages.
        for (int turn = 0; turn < round % 3; turn++) {
            usleep(2000);
        }
        int code = export_memory(BYTES);
        refused += code != 0;
        running = 0;
        for (int writer = 0; writer < WRITERS; writer++) {
            pthread_join(threads[writer], NULL);
        }
        int wrong;
        if (code == 0) {
            if (write(to[1], &offer, sizeof offer) != sizeof offer || read(from[0], &wrong, sizeof wrong) != sizeof wrong) {
                break;
            }
            wrong_there += wrong;
        }
        NEED(aclrtFree(memory));
    }
    close(to[1]);
    int status;
    waitpid(importer, &status, 0);
    check(status == 0, "the importer ended well");
    check(refused == 0, "memory is exported although it is written all the time");
    check(lost == 0, "no write was lost while the memory moved");
    check(wrong_there == 0, "the other process sees every byte");
    if (refused || lost || wrong_there) {
        printf("# %d exports refused, %d blocks lost, %d blocks wrong in the other process, %d rounds\n", refused, (int)lost, wrong_there, rounds);
    }
    check(exports_beside((void *)1, 5), "a thread that blocks all signals lives while the memory it writes is exported");
    struct sigaction ours, theirs = { .sa_handler = foreign_handler };
    sigaction(SIGSEGV, &theirs, &ours);
    check(exports_beside(NULL, 5) && !foreign_faults, "a program's own handler of faults is not sent any by an export");
    sigaction(SIGSEGV, &ours, NULL);
    return result();
}
