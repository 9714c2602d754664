// Calls every function of the interface with arguments that no program should give, mixed with valid ones so that deep paths are
// reached. One child process per function, then some that call all of them in turn. A child that dies, hangs or finds a byte changed
// outside the memory it gave away is a failure, reported with the arguments of the call.
//
//   fuzz SEED CALLS MIXED [FUNCTION]   CALLS per function, MIXED children of the second kind; FUNCTION for one only
//
// Host buffers end at a page that cannot be touched and begin behind one, so a write outside them faults. On the device, guard
// allocations lie beside the ones that are given to functions.
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>
#include "fuzz_table.inc"

static const int function_count = sizeof functions / sizeof functions[0];
static const int kind_count = sizeof kinds / sizeof kinds[0];
static const size_t page = 4096, buffer_bytes = 16 * page, device_bytes = 64 << 10, guard_bytes = 8 << 10;

// What the parent reads when a child has died.
static struct Report {
    int function, call, phase;
    uint64_t words[20];
} *report;

static uint64_t state;

static uint64_t random_word()
{
    uint64_t value = state += 0x9E3779B97F4A7C15;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return value ^ (value >> 31);
}

static uint64_t below(uint64_t end) { return random_word() % end; }
template <typename T> static const T &any(const std::vector<T> &values) { return values[below(values.size())]; }

// --- What arguments are made of ------------------------------------------------------------------------------------------------
static std::vector<uint64_t> live[128], stale[128]; // handles by kind
static std::vector<uint64_t> wild, pointers, strings;
static char *buffers[4];
static char *device_memory, *device_guards[2], *pinned_memory, *pinned_guard, *freed_memory, *freed_pinned;
static bool has_device;

static char *fenced(size_t bytes)
{
    char *start = (char *)mmap(nullptr, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(start + page, bytes, PROT_READ | PROT_WRITE);
    return start + page;
}

static uint64_t callback_generic(uint64_t, uint64_t, uint64_t, uint64_t) { return 0; }

// Once per child: memory that is not AscendCL's.
static void prepare_host()
{
    for (char *&buffer : buffers) buffer = fenced(buffer_bytes);
    char *read_only = fenced(page);
    strcpy(read_only, "read only");
    mprotect(read_only, page, PROT_READ);
    char *edge = fenced(page) + page; // the last bytes before a page that is not there
    memset(edge - page, 'x', page);
    char *text = fenced(page);
    strcpy(text, "text");
    strcpy(text + 16, "/nonexistent/file");
    strcpy(text + 64, "{\"dump\":{}}");
    strcpy(text + 128, "\xff\xfe\x80 %d");
    memset(text + 256, 'l', 3000);
    strings = { (uint64_t)text, (uint64_t)text + 16, (uint64_t)text + 64, (uint64_t)text + 128, (uint64_t)text + 256, (uint64_t)text + 4,
        (uint64_t)edge - 3, (uint64_t)read_only };
    wild = { 0, 1, 0x10, 0xfff, 0xdeadbeef000, 0xdeadbeef001, 0x8000000000000000, 0x7fffffffffff, 0xffff800000000000, UINT64_MAX, UINT64_MAX - 7,
        (uint64_t)edge, (uint64_t)edge - 1, (uint64_t)read_only, (uint64_t)buffers[0] - page, (uint64_t)&callback_generic };
}

static void keep(int kind, uint64_t handle)
{
    if (handle != 0 && live[kind].size() < 64) live[kind].push_back(handle);
}

template <typename Create> static void make(const char *kind, Create create)
{
    int index = 0;
    while (index < kind_count && strcmp(kinds[index], kind) != 0) index++;
    void *made = nullptr;
    if (index < kind_count && create(&made) == 0) keep(index, (uint64_t)made);
}

// Once per round: a device with memory, streams and events. What earlier rounds made is stale from then on.
static void prepare_device()
{
    for (int kind = 0; kind < kind_count; kind++) {
        for (uint64_t handle : live[kind]) {
            if (stale[kind].size() < 64) stale[kind].push_back(handle);
        }
        live[kind].clear();
    }
    alarm(20); // for one round
    aclrtResetDeviceForce(0);
    aclrtResetDeviceForce(1);
    device_memory = pinned_memory = freed_memory = freed_pinned = pinned_guard = nullptr;
    device_guards[0] = device_guards[1] = nullptr;
    has_device = true;
    void *made = nullptr;
    if (aclrtSetDevice(0) != 0) {
        return;
    }
    auto device = [&](size_t bytes) { made = nullptr; return aclrtMalloc(&made, bytes, ACL_MEM_MALLOC_HUGE_FIRST) == 0 ? (char *)made : nullptr; };
    auto pinned = [&](size_t bytes) { made = nullptr; return aclrtMallocHost(&made, bytes) == 0 ? (char *)made : nullptr; };
    device_guards[0] = device(guard_bytes);
    device_memory = device(device_bytes);
    freed_memory = device(device_bytes);
    device_guards[1] = device(guard_bytes);
    pinned_memory = pinned(device_bytes);
    pinned_guard = pinned(guard_bytes);
    freed_pinned = pinned(device_bytes);
    for (char *guard : device_guards) aclrtMemset(guard, guard_bytes, 0xA5, guard_bytes);
    if (pinned_guard) memset(pinned_guard, 0xA5, guard_bytes);
    aclrtFree(freed_memory);
    aclrtFreeHost(freed_pinned);

    for (int turn = 0; turn < 2; turn++) {
        make("aclrtStream", [](void **made) { return aclrtCreateStream(made); });
        make("aclrtEvent", [](void **made) { return aclrtCreateEvent(made); });
        make("aclrtEvent", [](void **made) { return aclrtCreateEventExWithFlag(made, ACL_EVENT_SYNC); });
        make("aclrtEvent", [](void **made) { return aclrtCreateEventWithFlag(made, ACL_EVENT_SYNC); });
        make("aclrtNotify", [](void **made) { return aclrtCreateNotify(made, 0); });
        make("aclrtCntNotify", [](void **made) { return aclrtCntNotifyCreate(made, 0); });
        make("aclrtLabel", [](void **made) { return aclrtCreateLabel(made); });
        make("aclrtContext", [](void **made) { void *old = nullptr; aclrtGetCurrentContext(&old); int code = aclrtCreateContext(made, 0); aclrtSetCurrentContext(old); return code; });
        make("aclDataBuffer", [](void **made) { *made = aclCreateDataBuffer(device_memory, 256); return 0; });
    }

    pointers.clear();
    for (char *start : { device_memory, pinned_memory }) {
        if (start) pointers.insert(pointers.end(), { (uint64_t)start, (uint64_t)start, (uint64_t)start + 64, (uint64_t)start + 1, (uint64_t)start + device_bytes - 64 });
    }
    for (char *buffer : buffers) pointers.insert(pointers.end(), { (uint64_t)buffer, (uint64_t)buffer + 64, (uint64_t)buffer + 3, (uint64_t)buffer + buffer_bytes - 64 });
    for (char *gone : { freed_memory, freed_pinned }) pointers.push_back((uint64_t)gone);
    // Neighbours of the allocations: nobody's.
    pointers.insert(pointers.end(), { (uint64_t)device_memory + (1ull << 30), (uint64_t)pinned_memory + (1ull << 28), (uint64_t)device_memory - (1ull << 32) });
}

static bool is_pattern(const char *bytes)
{
    for (size_t index = 0; index < guard_bytes; index++) {
        if ((unsigned char)bytes[index] != 0xA5) return false;
    }
    return true;
}

static void check_guards()
{
    static char copy[guard_bytes];
    aclrtSetDevice(0);
    for (char *guard : device_guards) {
        // A function may have reset the device; then the memory is gone and the copy is refused.
        if (guard && aclrtMemcpy(copy, guard_bytes, guard, guard_bytes, ACL_MEMCPY_DEVICE_TO_HOST) == 0 && !is_pattern(copy)) {
            fprintf(stderr, "bytes of a device allocation that was given to nobody have changed\n");
            _exit(100);
        }
    }
    if (pinned_guard && !is_pattern(pinned_guard)) {
        fprintf(stderr, "bytes of a pinned allocation that was given to nobody have changed\n");
        _exit(101);
    }
}

// --- Arguments -----------------------------------------------------------------------------------------------------------------
static uint64_t handle_of(int kind)
{
    switch (below(10)) {
    case 0: return 0;
    case 1: return any(wild);
    case 2: return live[(kind + 1 + below(kind_count)) % kind_count].empty() ? 0x1234567890 : any(live[below(kind_count)].empty() ? wild : live[(kind + 1) % kind_count].empty() ? wild : live[(kind + 1) % kind_count]);
    case 3: return stale[kind].empty() ? any(wild) : any(stale[kind]);
    case 4: return live[kind].empty() ? any(wild) : any(live[kind]) ^ (1ull << below(64));
    default: return live[kind].empty() ? any(pointers) : any(live[kind]);
    }
}

static uint64_t number()
{
    static const uint64_t values[] = { 0, 1, 2, 3, 4, 7, 8, 31, 32, 63, 64, 65, 100, 256, 1000, 4096, 16384, 65504, 65536, 65537, 1 << 20, INT_MAX, (uint64_t)INT_MAX + 1,
        UINT_MAX, 1ull << 32, 1ull << 40, 1ull << 62, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 30, UINT64_MAX - 4095 };
    return below(4) ? values[below(below(2) ? 12 : sizeof values / sizeof values[0])] : random_word() >> below(64);
}

// Contents of a buffer: what structs and arrays of pointers, handles and sizes could hold.
static void fill(char *buffer)
{
    uint64_t *words = (uint64_t *)buffer;
    uint64_t how = below(5);
    for (size_t index = 0; index < 64; index++) {
        switch (how) {
        case 0: words[index] = 0; break;
        case 1: words[index] = random_word(); break;
        case 2: words[index] = any(pointers); break;
        default:
            switch (below(5)) {
            case 0: words[index] = any(wild); break;
            case 1: words[index] = handle_of(below(kind_count)); break;
            case 2: words[index] = any(pointers); break;
            case 3: words[index] = below(5) | below(5) << 32; break;
            default: words[index] = number(); break;
            }
        }
    }
}

static uint64_t pointer(int64_t bytes)
{
    if (below(8) == 0) return any(wild);
    if (bytes > 1 ? below(4) != 0 : below(2) != 0) {
        char *buffer = buffers[below(4)];
        // At its end now and then, so that what the type does not have room for is a fault.
        return (uint64_t)buffer + (below(3) == 0 && bytes <= 512 ? buffer_bytes - bytes : 0);
    }
    return any(pointers);
}

static bool waits_in_the_call(const char *name)
{
    return strstr(name, "Synchronize") || strstr(name, "DestroyStream") || strstr(name, "StreamStop");
}

static uint64_t argument(const Function &function, const Parameter &parameter)
{
    switch (parameter.role) {
    case HANDLE: return handle_of((int)parameter.first);
    case HANDLE_POINTER: return below(3) ? (uint64_t)buffers[below(4)] : pointer(8);
    case POINTER: return pointer(parameter.second);
    case STRING: return below(5) ? any(strings) : any(wild);
    case CALLBACK: return below(3) ? (uint64_t)&callback_generic : any(wild);
    case ENUM: return below(5) ? parameter.first + below(parameter.second - parameter.first + 1) : number();
    default:
        if (parameter.first) {
            // No limit only where nothing is waited for: everything else may rightly wait for ever.
            static const int timeouts[] = { 0, 1, 2, -2, INT_MIN, -1, INT_MAX };
            return (uint64_t)timeouts[below(waits_in_the_call(function.name) ? 7 : 5)];
        }
        return number();
    }
}

static void call(int index)
{
    const Function &function = functions[index];
    for (char *buffer : buffers) fill(buffer);
    report->function = index;
    for (int each = 0; each < function.count; each++) report->words[each] = argument(function, function.parameters[each]);
    uint64_t words[20];
    memcpy(words, report->words, sizeof words);
    uint64_t result = function.call(words);
    report->call++;
    if (function.made >= 0) keep(function.made, result);
    for (int each = 0; each < function.count && function.returns_error && result == 0; each++) {
        if (function.parameters[each].role == HANDLE_POINTER && words[each] >= (uint64_t)buffers[0] - buffer_bytes * 64 && (words[each] & (page - 1)) == 0) {
            for (char *buffer : buffers) {
                if (words[each] == (uint64_t)buffer) keep((int)function.parameters[each].first, *(uint64_t *)buffer);
            }
        }
    }
}

// Handles that the function takes and nobody has made yet: from whatever returns them, called with luck.
static void make_handles(const Function &function)
{
    for (int each = 0; each < function.count; each++) {
        const Parameter &parameter = function.parameters[each];
        if (parameter.role != HANDLE || !live[parameter.first].empty()) continue;
        for (int index = 0; index < function_count; index++) {
            bool makes = functions[index].made == parameter.first;
            for (int other = 0; other < functions[index].count; other++) {
                makes |= functions[index].parameters[other].role == HANDLE_POINTER && functions[index].parameters[other].first == parameter.first;
            }
            for (int turn = 0; makes && turn < 8 && live[parameter.first].size() < 2; turn++) call(index);
        }
    }
}

// Functions that make a stream wait for something that need not come, and those that wait in the call for what need not come: a
// process that mixes them may rightly stand still.
static bool may_stand_still(const char *name)
{
    for (const char *part : { "Wait", "Synchronize", "ProcessReport", "aclrtDestroyStream", "StreamStop", "ExecuteAsync", "Dequeue", "aclmdlRI" }) {
        if (strstr(name, part) && strcmp(name, "aclrtDestroyStreamForce") != 0) return true;
    }
    return false;
}

static void limit_child()
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    alarm(20);
}

static void one_function(int index, int calls)
{
    limit_child();
    prepare_host();
    pointers = { (uint64_t)buffers[0], (uint64_t)buffers[1] };
    const Function &function = functions[index];
    if (function.count == 0) calls = calls / 20 + 1;
    report->phase = 0;
    for (int turn = 0; turn < calls / 6 + 1; turn++) call(index);
    while (report->call < calls) {
        report->phase++;
        prepare_device();
        make_handles(function);
        for (int turn = 0; turn < 120; turn++) call(index);
        check_guards();
    }
    report->phase = -1;
    prepare_device();
}

static void all_functions(int calls)
{
    limit_child();
    prepare_host();
    while (report->call < calls) {
        report->phase++;
        prepare_device();
        for (int turn = 0; turn < 250; turn++) {
            int index = (int)below(function_count);
            if (!may_stand_still(functions[index].name)) call(index);
        }
        check_guards();
    }
    report->phase = -1;
    prepare_device();
}

static int failures;

template <typename Body> static void in_child(const char *what, uint64_t seed, Body body)
{
    memset(report, 0, sizeof *report);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        state = seed;
        body();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    failures++;
    std::string end = WIFSIGNALED(status) ? WTERMSIG(status) == SIGALRM ? "hangs" : "died by signal " + std::to_string(WTERMSIG(status)) : "exit code " + std::to_string(WEXITSTATUS(status));
    printf("not ok - %s: %s in call %d (round %d), seed %llu: %s(", what, end.c_str(), report->call, report->phase, (unsigned long long)seed, functions[report->function].name);
    for (int each = 0; each < functions[report->function].count; each++) printf("%s%s=0x%llx", each ? ", " : "", functions[report->function].parameters[each].name, (unsigned long long)report->words[each]);
    printf(")\n");
}

int main(int count, char **arguments)
{
    if (count < 4) return 2;
    uint64_t seed = strtoull(arguments[1], nullptr, 10);
    int calls = atoi(arguments[2]), mixed = atoi(arguments[3]);
    report = (Report *)mmap(nullptr, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int index = 0; index < function_count; index++) {
        if (count > 4 && strcmp(arguments[4], functions[index].name) != 0) continue;
        in_child(functions[index].name, seed + (uint64_t)index * 1000003, [&] { one_function(index, calls); });
    }
    for (int turn = 0; turn < mixed; turn++) {
        in_child("all functions", seed + (uint64_t)turn * 7919, [&] { all_functions(calls * 10); });
    }
    printf("%d functions, %d failures, seed %llu\n", function_count, failures, (unsigned long long)seed);
    return failures != 0;
}
