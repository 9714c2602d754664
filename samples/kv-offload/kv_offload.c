#define _POSIX_C_SOURCE 200809L // clock_gettime under -std=c11

// KV-cache offload, the way serving engines do it.
//
// The device holds a paged KV cache: for every layer a K and a V tensor, each cut into blocks. Half of the blocks are
// swapped out to pinned host memory and come back into other places of the cache, as when requests are preempted and
// resumed. Every block is one asynchronous copy; blocks lie scattered on both sides.
//
//   stream `out`  per layer:  copy the victims to the host, record `left[layer]`
//   stream `in`   per layer:  wait for `left[layer]`, clear the vacated blocks, copy the saved blocks to new places
//
// The clearing between the copies is what makes a missing wait visible: a block cleared before it left is lost.
// At the end the whole cache is read back and every block compared with what the generator put into it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/acl.h"

#define CHECK(call)                                                                                         \
    do {                                                                                                    \
        aclError code_ = (call);                                                                            \
        if (code_ != ACL_SUCCESS) {                                                                         \
            const char *why_ = aclGetRecentErrMsg();                                                        \
            fprintf(stderr, "%s:%d: %s returned %d: %s\n", __FILE__, __LINE__, #call, (int)code_,           \
                    why_ != NULL ? why_ : "no message");                                                    \
            exit(1);                                                                                        \
        }                                                                                                   \
    } while (0)

typedef struct {
    size_t layers, blocks, blockBytes, rounds;
    uint64_t seed;
} Options;

// splitmix64: small, fast, and any block can be generated without its predecessors.
static uint64_t nextRandom(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void fillBlock(void *block, size_t bytes, uint64_t seed)
{
    uint64_t *words = block;
    for (size_t i = 0; i < bytes / sizeof *words; i++)
        words[i] = nextRandom(&seed);
}

// FNV-1a over 64-bit words with a final mix: every byte counts, and so does its place.
static uint64_t checksum(const void *block, size_t bytes)
{
    const uint64_t *words = block;
    uint64_t sum = 0xCBF29CE484222325u;
    for (size_t i = 0; i < bytes / sizeof *words; i++)
        sum = (sum ^ words[i]) * 0x100000001B3u;
    return sum ^ (sum >> 29);
}

static void shuffle(size_t *items, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)(nextRandom(state) % i), kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fprintf(stderr, "kv-offload: out of memory (%zu bytes)\n", bytes);
        exit(1);
    }
    return memory;
}

static size_t number(const char *text, const char *option)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*end == 'K' || *end == 'k')
        value <<= 10, end++;
    else if (*end == 'M' || *end == 'm')
        value <<= 20, end++;
    if (end == text || *end != '\0' || value == 0 || text[0] == '-') {
        fprintf(stderr, "kv-offload: %s wants a positive number, not \"%s\"\n", option, text);
        exit(2);
    }
    return (size_t)value;
}

static Options parse(int argc, char **argv)
{
    Options options = {.layers = 32, .blocks = 512, .blockBytes = 16 << 10, .rounds = 4, .seed = 1};
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i];
        if (i + 1 == argc || strcmp(name, "--help") == 0) {
            fprintf(stderr, "usage: kv-offload [--layers N] [--blocks N] [--block-size BYTES] [--rounds N] [--seed N]\n");
            exit(strcmp(name, "--help") == 0 ? 0 : 2);
        }
        size_t value = number(argv[i + 1], name);
        if (strcmp(name, "--layers") == 0)
            options.layers = value;
        else if (strcmp(name, "--blocks") == 0)
            options.blocks = value;
        else if (strcmp(name, "--block-size") == 0)
            options.blockBytes = value;
        else if (strcmp(name, "--rounds") == 0)
            options.rounds = value;
        else if (strcmp(name, "--seed") == 0)
            options.seed = value;
        else {
            fprintf(stderr, "kv-offload: unknown option %s\n", name);
            exit(2);
        }
    }
    if (options.blocks < 2 || options.blockBytes % 64 != 0) {
        fprintf(stderr, "kv-offload: at least 2 blocks, and a block size that is a multiple of 64\n");
        exit(2);
    }
    return options;
}

int main(int argc, char **argv)
{
    const Options options = parse(argc, argv);
    const size_t blocks = options.blocks, size = options.blockBytes;
    const size_t tensors = options.layers * 2; // K and V of every layer
    const size_t tensorBytes = blocks * size, cacheBytes = tensors * tensorBytes;
    const size_t victims = blocks / 2, poolBytes = tensors * victims * size;

    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    size_t freeBytes = 0, totalBytes = 0;
    CHECK(aclrtGetMemInfo(ACL_HBM_MEM, &freeBytes, &totalBytes));
    printf("chip        %s, %.1f of %.1f GiB free\n", aclrtGetSocName(), (double)freeBytes / (1 << 30),
           (double)totalBytes / (1 << 30));
    printf("cache       %zu layers x K,V x %zu blocks x %zu KiB = %zu MiB on the device, %zu MiB offloaded\n",
           options.layers, blocks, size >> 10, cacheBytes >> 20, poolBytes >> 20);

    aclrtStream out, in;
    CHECK(aclrtCreateStream(&out));
    CHECK(aclrtCreateStream(&in));
    aclrtEvent *left = allocate(options.layers * sizeof *left), roundDone;
    for (size_t layer = 0; layer < options.layers; layer++)
        CHECK(aclrtCreateEvent(&left[layer]));
    CHECK(aclrtCreateEvent(&roundDone));

    void *staging, *pool;
    CHECK(aclrtMallocHost(&staging, tensorBytes)); // pinned: copies from and to it are truly asynchronous
    CHECK(aclrtMallocHost(&pool, poolBytes));
    memset(pool, 0, poolBytes); // the first touch of memory costs more than the copy that is to be timed
    char **cache = allocate(tensors * sizeof *cache);
    uint64_t *expected = allocate(tensors * blocks * sizeof *expected); // checksum of the block at every place

    // Fill the cache. The staging buffer is used again for the next tensor, so its copy must have finished.
    for (size_t t = 0; t < tensors; t++) {
        CHECK(aclrtMalloc((void **)&cache[t], tensorBytes, ACL_MEM_MALLOC_HUGE_FIRST));
        for (size_t b = 0; b < blocks; b++) {
            void *block = (char *)staging + b * size;
            fillBlock(block, size, options.seed * 0x10001u + (t * blocks + b) * 0x9E3779B1u);
            expected[t * blocks + b] = checksum(block, size);
        }
        CHECK(aclrtMemcpyAsync(cache[t], tensorBytes, staging, tensorBytes, ACL_MEMCPY_HOST_TO_DEVICE, out));
        CHECK(aclrtSynchronizeStream(out));
    }

    // Which blocks leave is drawn anew every round; the same list, rotated by one, says where they come back to.
    size_t *table = allocate(blocks * sizeof *table), *slots = allocate(victims * sizeof *slots);
    uint64_t *moved = allocate(victims * sizeof *moved), state = options.seed;
    for (size_t b = 0; b < blocks; b++)
        table[b] = b;
    for (size_t s = 0; s < victims; s++)
        slots[s] = s;

    double total = 0;
    for (size_t round = 0; round < options.rounds; round++) {
        shuffle(table, blocks, &state);
        shuffle(slots, victims, &state);
        const double start = seconds();
        for (size_t layer = 0; layer < options.layers; layer++) {
            for (size_t t = layer * 2; t < layer * 2 + 2; t++) {
                char *saved = (char *)pool + t * victims * size;
                for (size_t v = 0; v < victims; v++)
                    CHECK(aclrtMemcpyAsync(saved + slots[v] * size, size, cache[t] + table[v] * size, size,
                                           ACL_MEMCPY_DEVICE_TO_HOST, out));
            }
            CHECK(aclrtRecordEvent(left[layer], out));
            CHECK(aclrtStreamWaitEvent(in, left[layer]));
            for (size_t t = layer * 2; t < layer * 2 + 2; t++) {
                const char *saved = (const char *)pool + t * victims * size;
                for (size_t v = 0; v < victims; v++)
                    CHECK(aclrtMemsetAsync(cache[t] + table[v] * size, size, 0, size, in));
                for (size_t v = 0; v < victims; v++)
                    CHECK(aclrtMemcpyAsync(cache[t] + table[(v + 1) % victims] * size, size, saved + slots[v] * size, size,
                                           ACL_MEMCPY_HOST_TO_DEVICE, in));
            }
        }
        // The next round's copies out must see what this round brought in.
        CHECK(aclrtRecordEvent(roundDone, in));
        CHECK(aclrtStreamWaitEvent(out, roundDone));
        CHECK(aclrtSynchronizeStream(in)); // enough: its last work comes after everything `out` did in this round
        total += seconds() - start;

        for (size_t t = 0; t < tensors; t++) {
            uint64_t *sums = expected + t * blocks;
            for (size_t v = 0; v < victims; v++)
                moved[v] = sums[table[v]];
            for (size_t v = 0; v < victims; v++)
                sums[table[(v + 1) % victims]] = moved[v];
        }
    }

    const size_t copies = options.rounds * tensors * victims * 2;
    const double bytes = (double)copies * (double)size;
    printf("moved       %zu copies of %zu KiB, %.0f MiB in %.3f s: %.2f GB/s\n", copies, size >> 10, bytes / (1 << 20), total,
           bytes / total / 1e9);

    size_t wrong = 0;
    uint64_t whole = 0;
    for (size_t t = 0; t < tensors; t++) {
        CHECK(aclrtMemcpyAsync(staging, tensorBytes, cache[t], tensorBytes, ACL_MEMCPY_DEVICE_TO_HOST, out));
        CHECK(aclrtSynchronizeStream(out));
        for (size_t b = 0; b < blocks; b++) {
            const uint64_t sum = checksum((char *)staging + b * size, size);
            whole = (whole ^ sum) * 0x100000001B3u;
            if (sum != expected[t * blocks + b] && wrong++ < 5)
                fprintf(stderr, "layer %zu %c block %zu: checksum %016llx, expected %016llx\n", t / 2, t % 2 ? 'V' : 'K', b,
                        (unsigned long long)sum, (unsigned long long)expected[t * blocks + b]);
        }
    }
    if (wrong == 0)
        printf("checksum    %016llx over %zu blocks: every byte is where it belongs\n", (unsigned long long)whole, tensors * blocks);
    else
        printf("checksum    %zu of %zu blocks are WRONG\n", wrong, tensors * blocks);

    for (size_t t = 0; t < tensors; t++)
        CHECK(aclrtFree(cache[t]));
    for (size_t layer = 0; layer < options.layers; layer++)
        CHECK(aclrtDestroyEvent(left[layer]));
    CHECK(aclrtDestroyEvent(roundDone));
    CHECK(aclrtFreeHost(pool));
    CHECK(aclrtFreeHost(staging));
    CHECK(aclrtDestroyStream(in));
    CHECK(aclrtDestroyStream(out));
    CHECK(aclrtResetDevice(0));
    CHECK(aclFinalize());
    free(moved), free(slots), free(table), free(expected), free(cache), free(left);
    return wrong == 0 ? 0 : 1;
}
