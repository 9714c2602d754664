// What the C tests share: checks that print one line each as the runner reads them, and a gate that holds a stream.
#pragma once
#include <acl/acl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failed_checks;

static inline int check(int good, const char *what)
{
    printf("%s - %s\n", good ? "ok" : "not ok", what);
    fflush(stdout);
    failed_checks += !good;
    return good;
}

#define CHECK(condition) check((condition) != 0, #condition)

// The call must return exactly this code; otherwise the library's own message is printed.
#define RETURNS(code, call) expect((code), (call), #call)
#define OK(call) RETURNS(0, call)

static inline void expect(int code, int actual, const char *call)
{
    if (!check(code == actual, call)) {
        const char *message = aclGetRecentErrMsg();
        printf("# returned %d, expected %d: %s\n", actual, code, message ? message : "");
    }
}

// For what a test needs but does not test: ends it.
#define NEED(call) need((call), #call, __LINE__)

static inline void need(int code, const char *call, int line)
{
    if (code != 0) {
        const char *message = aclGetRecentErrMsg();
        printf("not ok - line %d: %s returned %d: %s\n", line, call, code, message ? message : "");
        exit(1);
    }
}

static inline int result(void) { return failed_checks != 0; }

// Holds a stream: what is queued behind it must not happen before it opens. Never waits longer than ten seconds, so that a library
// that calls host functions on the submitting thread fails the test instead of hanging it.
typedef struct { sem_t entered, open; } gate;

static inline int wait_seconds(sem_t *semaphore, int seconds)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += seconds;
    return sem_timedwait(semaphore, &end) == 0;
}

static int gate_seconds = 10;

static void gate_function(void *argument)
{
    gate *held = argument;
    sem_post(&held->entered);
    wait_seconds(&held->open, gate_seconds);
}

static inline void gate_close(gate *held, aclrtStream stream)
{
    sem_init(&held->entered, 0, 0);
    sem_init(&held->open, 0, 0);
    NEED(aclrtLaunchHostFunc(stream, gate_function, held));
}

static inline void gate_open(gate *held) { sem_post(&held->open); }

static inline int is_filled(const void *memory, int value, size_t bytes)
{
    for (size_t index = 0; index < bytes; index++) {
        if (((const unsigned char *)memory)[index] != (unsigned char)value) {
            return 0;
        }
    }
    return 1;
}
