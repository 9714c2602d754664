// A library preloaded by the user stands between program and runtime: it sees the calls and finds the real functions by RTLD_NEXT.
// libs: -ldl
#include "process.h"
#include <acl/acl.h>

static const char interposer[] =
    "#define _GNU_SOURCE\n"
    "#include <dlfcn.h>\n#include <stdio.h>\n#include <stddef.h>\n"
    "static int calls;\n"
    "int aclrtMemcpyAsync(void *to, size_t room, const void *from, size_t count, int kind, void *stream)\n"
    "{\n"
    "    int (*next)(void *, size_t, const void *, size_t, int, void *) = (int (*)(void *, size_t, const void *, size_t, int, void *))dlsym(RTLD_NEXT, \"aclrtMemcpyAsync\");\n"
    "    calls++;\n"
    "    return next(to, room, from, count, kind, stream);\n"
    "}\n"
    "__attribute__((destructor)) static void report(void) { fprintf(stderr, \"interposed %d\\n\", calls); }\n";

static int copies(void)
{
    void *device = NULL, *pinned = NULL, *back = NULL;
    if (aclrtSetDevice(0) || aclrtMalloc(&device, 4096, ACL_MEM_MALLOC_HUGE_FIRST) || aclrtMallocHost(&pinned, 4096) || aclrtMallocHost(&back, 4096)) {
        return 1;
    }
    memset(pinned, 3, 4096);
    if (aclrtMemcpyAsync(device, 4096, pinned, 4096, ACL_MEMCPY_HOST_TO_DEVICE, NULL) || aclrtMemcpyAsync(back, 4096, device, 4096, ACL_MEMCPY_DEVICE_TO_HOST, NULL)
        || aclrtSynchronizeStream(NULL)) {
        return 2;
    }
    return memcmp(pinned, back, 4096) ? 3 : 0;
}

static char program[4096], preload[4096];

static void run_interposed(void)
{
    setenv("LD_PRELOAD", preload, 1);
    execl(program, program, "child", NULL);
    _exit(99);
}

int main(int count, char **arguments)
{
    (void)arguments;
    if (count > 1) {
        return copies();
    }
    char directory[] = P_tmpdir "/updraft-preload-XXXXXX", command[8192];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0 || !mkdtemp(directory)) {
        return 1;
    }
    snprintf(preload, sizeof preload, "%s/interposer.so", directory);
    snprintf(command, sizeof command, "cc -shared -fPIC -x c -o %s - -ldl", preload);
    FILE *compiler = popen(command, "w");
    int written = compiler && fputs(interposer, compiler) >= 0;
    if (!written || pclose(compiler) != 0) {
        printf("ok - preload # SKIP no compiler called cc\n");
        return 0;
    }
    ended end = in_child(run_interposed);
    unlink(preload);
    rmdir(directory);
    int good = end.code == 0 && strcmp(end.err, "interposed 2\n") == 0 && end.out[0] == 0;
    printf("%s - the preloaded library sees both copies and passes them on\n", good ? "ok" : "not ok");
    if (!good) {
        printf("# %d, stderr \"%.500s\"\n", end.code, end.err);
    }
    return !good;
}
