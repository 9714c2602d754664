// Children in which a test may end in any way: what they print, how they end, and that they end.
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    int code;   // exit code, or -signal; -SIGALRM for a hang
    char out[4096], err[4096];
} ended;

static inline void read_all(int from, char *text, size_t size)
{
    size_t used = 0;
    ssize_t count;
    char rest[256];
    while ((count = used < size - 1 ? read(from, text + used, size - 1 - used) : read(from, rest, sizeof rest)) > 0) {
        used += used < size - 1 ? (size_t)count : 0;
    }
    text[used] = 0;
    close(from);
}

// Runs the body in a child. No library call may have been made before in this process.
static inline ended in_child(void (*body)(void))
{
    static ended end;
    int out[2], err[2];
    memset(&end, 0, sizeof end);
    fflush(NULL);
    if (pipe(out) || pipe(err)) {
        exit(1);
    }
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(out[0]), close(out[1]), close(err[0]), close(err[1]);
        alarm(15); // a hang is a death by SIGALRM
        body();
        exit(0);
    }
    close(out[1]), close(err[1]);
    read_all(out[0], end.out, sizeof end.out);
    read_all(err[0], end.err, sizeof end.err);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    end.code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    return end;
}

static inline int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static inline int count_threads(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    int threads = -1;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Threads: %d", &threads) == 1) {
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return threads;
}
