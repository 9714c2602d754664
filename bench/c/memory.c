// What memory costs: taking and giving back device memory whose pages are there already, its first touch, and finding the allocation of
// an interior pointer among many. Beside it, in the same run, glibc malloc and an anonymous mapping.
//
//   memory
//
// Goals: a pair of aclrtMalloc and aclrtFree of 4 KB to 2 MB in 1 us; first touch at least half as fast as an anonymous mapping with huge
// pages; looking up one of 1,000,000 in 60 ns, with at most 100 bytes of bookkeeping each.
#define _GNU_SOURCE
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 7, PAIRS = 20000, ALIVE = 1000000, LOOKUPS = 1000000, SIZE = 4000 };

static double resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return resident * 4096.0;
}

static double acl_pair(size_t size)
{
    double start = now_ns();
    for (int pair = 0; pair < PAIRS; pair++) {
        void *memory;
        CHECK(aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST));
        CHECK(aclrtFree(memory));
    }
    return (now_ns() - start) / PAIRS;
}

static double glibc_pair(size_t size)
{
    double start = now_ns();
    for (int pair = 0; pair < PAIRS; pair++) {
        char *memory = malloc(size);
        *(volatile char *)memory = 1;
        free(memory);
    }
    return (now_ns() - start) / PAIRS;
}

static double mmap_pair(size_t size)
{
    int pairs = PAIRS / 20;
    double start = now_ns();
    for (int pair = 0; pair < pairs; pair++) {
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *(volatile char *)memory = 1;
        munmap(memory, size);
    }
    return (now_ns() - start) / pairs;
}

static void pairs(void)
{
    printf("allocate and free, ns a pair (goal 1000)\n%10s %12s %12s %12s %14s\n", "bytes", "aclrtMalloc", "malloc", "mmap", "to malloc");
    for (size_t size = 4096; size <= (size_t)2 << 20; size *= 2) {
        double acl[ROUNDS], glibc[ROUNDS], mapped[ROUNDS];
        acl_pair(size);
        for (int round = 0; round < ROUNDS; round++) {
            acl[round] = acl_pair(size);
            glibc[round] = glibc_pair(size);
            mapped[round] = mmap_pair(size);
        }
        double ours = median_of(acl, ROUNDS), theirs = median_of(glibc, ROUNDS);
        printf("%10zu %12.0f %12.0f %12.0f %13.1fx\n", size, ours, theirs, median_of(mapped, ROUNDS), ours / theirs);
    }
}

static void first_touch(void)
{
    const size_t size = (size_t)512 << 20;
    double acl[ROUNDS], mapped[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        void *memory;
        CHECK(aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST));
        double start = now_ns();
        CHECK(aclrtMemset(memory, size, 1, size));
        acl[round] = size / (now_ns() - start);
        CHECK(aclrtFree(memory));
        CHECK(aclrtSynchronizeDevice());

        char *anonymous = mmap(NULL, size + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        madvise(anonymous, size + (2 << 20), MADV_HUGEPAGE);
        start = now_ns();
        memset(anonymous, 1, size);
        mapped[round] = size / (now_ns() - start);
        munmap(anonymous, size + (2 << 20));
    }
    double ours = median_of(acl, ROUNDS), theirs = median_of(mapped, ROUNDS);
    printf("\nfirst touch of 512 MiB, GB/s: aclrtMalloc %.1f, mmap with huge pages %.1f, %.0f %% (goal 50)\n", ours, theirs, 100 * ours / theirs);
}

static void lookup(void)
{
    void **all = malloc(sizeof *all * ALIVE);
    memset(all, 0, sizeof *all * ALIVE);
    double before = resident_bytes();
    for (int index = 0; index < ALIVE; index++) {
        CHECK(aclrtMalloc(&all[index], SIZE, ACL_MEM_MALLOC_NORMAL_ONLY));
    }
    double bytes = (resident_bytes() - before) / ALIVE;
    // The pointers are computed rather than read: a list of 8 MB would compete for the cache and be measured too.
    size_t step = (char *)all[1] - (char *)all[0];
    for (int index = 0; index < ALIVE; index++) {
        if ((char *)all[index] != (char *)all[0] + index * step) {
            printf("the addresses are not evenly spaced: lookups cannot be measured this way\n");
            exit(1);
        }
    }
    double found[ROUNDS], call[ROUNDS];
    unsigned random = 1;
    void *start = NULL;
    size_t size = SIZE;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        for (int turn = 0; turn < LOOKUPS; turn++) {
            // The size is always that: the next pointer is not known before this one is found.
            random = random * 1664525 + 1013904223 + (unsigned)size - SIZE;
            CHECK(aclrtMemGetAddressRange((char *)all[0] + (random >> 8) % ALIVE * step + random % SIZE, &start, &size));
        }
        found[round] = (now_ns() - begin) / LOOKUPS;
        begin = now_ns();
        for (int turn = 0; turn < LOOKUPS; turn++) {
            random = random * 1664525 + 1013904223 + (unsigned)size - SIZE;
            CHECK(aclrtMemGetAddressRange((char *)all[0] + (random >> 8) % ALIVE / ALIVE * step + random % SIZE, &start, &size));
        }
        call[round] = (now_ns() - begin) / LOOKUPS;
    }
    double one = median_of(found, ROUNDS), same = median_of(call, ROUNDS);
    printf("1,000,000 alive: %.0f ns to find a random interior pointer (goal 60), of which %.0f ns are more than for the same one again\n", one, one - same);
    printf("bookkeeping: %.0f bytes each (goal 100)\n", bytes);
    for (int index = 0; index < ALIVE; index++) {
        CHECK(aclrtFree(all[index]));
    }
    free(all);
}

int main(void)
{
    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    pairs();
    first_touch();
    lookup();
    CHECK(aclrtResetDevice(0));
    CHECK(aclFinalize());
    return 0;
}
