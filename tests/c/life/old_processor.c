// A processor without AVX, or without anything beyond the first x86-64: the library loads there and copies. Such a processor is made by
// qemu-user (Debian, Ubuntu: apt install qemu-user); without it the test is skipped.
#include "process.h"
#include <acl/acl.h>

static unsigned char one[3 << 20], two[3 << 20];

// 0 when copies of each size class, queued and synchronous, bring the bytes back.
static int copies(void)
{
    static const size_t sizes[] = { 1, 40, 100, 4096, 200000, sizeof one };
    void *device = NULL, *pinned = NULL;
    aclrtStream stream = NULL;
    for (size_t index = 0; index < sizeof one; index++) {
        one[index] = (unsigned char)(index * 31 + (index >> 9));
    }
    if (aclInit(NULL) || aclrtSetDevice(0) || aclrtCreateStream(&stream)) return 1;
    if (aclrtMalloc(&device, sizeof one, ACL_MEM_MALLOC_HUGE_FIRST) || aclrtMallocHost(&pinned, sizeof one)) return 2;
    for (size_t index = 0; index < sizeof sizes / sizeof sizes[0]; index++) {
        size_t size = sizes[index];
        memset(two, 0, size);
        if (aclrtMemcpy(device, size, one, size, ACL_MEMCPY_HOST_TO_DEVICE)) return 3;
        if (aclrtMemcpyAsync(pinned, size, device, size, ACL_MEMCPY_DEVICE_TO_HOST, stream) || aclrtSynchronizeStream(stream)) return 4;
        memcpy(two, pinned, size);
        if (memcmp(one, two, size)) return 5;
    }
    return 0;
}

static const char *processor, *program;

static void emulated(void)
{
    // Little address space: the emulator keeps books of every page that is reserved.
    struct rlimit space = { 12ull << 30, 12ull << 30 };
    setrlimit(RLIMIT_AS, &space);
    setenv("UPDRAFT_DEVICES", "1", 1);
    setenv("UPDRAFT_LOG", "info", 1);
    execlp("qemu-x86_64", "qemu-x86_64", "-cpu", processor, program, "copies", (char *)NULL);
    exit(errno == ENOENT ? 77 : 78);
}

int main(int count, char **arguments)
{
    program = arguments[0];
    if (count > 1) {
        return copies();
    }
#if defined(__x86_64__)
    static const char *const processors[] = { "qemu64", "Nehalem" };
    for (size_t index = 0; index < sizeof processors / sizeof processors[0]; index++) {
        processor = processors[index];
        ended end = in_child(emulated);
        if (end.code == 77) {
            puts("ok - an old processor # SKIP qemu-x86_64 is not installed");
            return 0;
        }
        // Beside the right bytes: the kernel that such a processor has was chosen by itself.
        int good = end.code == 0 && strstr(end.err, "copies: sse2 to") != NULL;
        printf("%s - copies on a processor of the kind %s\n", good ? "ok" : "not ok", processor);
        if (!good) {
            printf("# %d, stdout \"%s\", stderr \"%.500s\"\n", end.code, end.out, end.err);
        }
    }
#else
    puts("ok - an old processor # SKIP this one is no x86-64");
#endif
    return 0;
}
