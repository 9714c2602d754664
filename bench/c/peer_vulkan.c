// The workloads (workloads.h) through Vulkan: lavapipe on machines without a GPU.
//
//   peer_vulkan [--together] [NAME...] [--rounds N] [--json FILE]
//
// The mapping: an asynchronous copy is a command buffer recorded and submitted by itself, as a program has to whose copies do not all
// exist in advance. Command buffers come from a ring of pools; a pool is reset when the fence of its last submission has signalled.
// A synchronise is a fence waited for, an event between streams a timeline semaphore. lavapipe has one queue: the eight streams of W7
// share it and keep their semaphores. W5 is one vkCmdCopyBuffer with 10,000 regions, the batch that Vulkan has.
//
// With --together the copies of a stream are recorded into one command buffer and submitted once: the best that Vulkan can do, for
// programs that know all their copies before the first one starts. W6 and W7 stay as they are.
#define _GNU_SOURCE
#include "workloads.h"

#include <vulkan/vulkan.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        VkResult code_ = (call);                                                                                       \
        if (code_ != VK_SUCCESS) {                                                                                     \
            fprintf(stderr, "%s returned %d\n", #call, code_);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { POOLS = 4, PER_POOL = 1024 };

struct pool {
    VkCommandPool pool;
    VkCommandBuffer buffers[PER_POOL];
    VkFence fence;
    int used, is_pending;
};

static const char *const UNDER_TEST_NAME = "vulkan";
static VkPhysicalDevice physical;
static VkDevice device;
static VkQueue queue;
static uint32_t family;
static struct pool pools[POOLS];
static int current;
static VkFence done;
static VkSemaphore turns[STREAMS];
static uint64_t turn;
static VkBuffer source, large_source, target, large_target;
static char *target_memory, *large_target_memory;

static VkCommandBuffer next_buffer(void)
{
    struct pool *pool = &pools[current];
    if (pool->used == PER_POOL) {
        // A submission of nothing whose fence follows everything of this pool.
        CHECK(vkQueueSubmit(queue, 0, NULL, pool->fence));
        pool->is_pending = 1;
        current = (current + 1) % POOLS;
        pool = &pools[current];
        if (pool->is_pending) {
            CHECK(vkWaitForFences(device, 1, &pool->fence, VK_TRUE, UINT64_MAX));
            CHECK(vkResetFences(device, 1, &pool->fence));
            CHECK(vkResetCommandPool(device, pool->pool, 0));
            pool->is_pending = 0;
        }
        pool->used = 0;
    }
    return pool->buffers[pool->used++];
}

static int together;

static void copy(const struct workload *workload, const VkBufferCopy *regions, int count, const VkSemaphore *wait, uint64_t wait_value, const VkSemaphore *signal, uint64_t signal_value, VkFence fence)
{
    VkCommandBuffer buffer = next_buffer();
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    CHECK(vkBeginCommandBuffer(buffer, &begin));
    vkCmdCopyBuffer(buffer, is_large(workload) ? large_source : source, is_large(workload) ? large_target : target, (uint32_t)count, regions);
    CHECK(vkEndCommandBuffer(buffer));
    VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkTimelineSemaphoreSubmitInfo values = {.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO, .waitSemaphoreValueCount = wait ? 1 : 0, .pWaitSemaphoreValues = &wait_value, .signalSemaphoreValueCount = signal ? 1 : 0, .pSignalSemaphoreValues = &signal_value};
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .pNext = wait || signal ? &values : NULL, .commandBufferCount = 1, .pCommandBuffers = &buffer, .waitSemaphoreCount = wait ? 1 : 0, .pWaitSemaphores = wait, .pWaitDstStageMask = &stage, .signalSemaphoreCount = signal ? 1 : 0, .pSignalSemaphores = signal};
    CHECK(vkQueueSubmit(queue, 1, &submit, fence));
}

static void wait_for(VkFence fence)
{
    CHECK(vkWaitForFences(device, 1, &fence, VK_TRUE, UINT64_MAX));
    CHECK(vkResetFences(device, 1, &fence));
}

static void run_together(const struct workload *workload)
{
    VkCommandBuffer buffer = next_buffer();
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    CHECK(vkBeginCommandBuffer(buffer, &begin));
    for (int index = 0; index < workload->count; index++) {
        VkBufferCopy region = {source_of(workload, index), target_of(workload, index), workload->bytes};
        vkCmdCopyBuffer(buffer, is_large(workload) ? large_source : source, is_large(workload) ? large_target : target, 1, &region);
    }
    CHECK(vkEndCommandBuffer(buffer));
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &buffer};
    CHECK(vkQueueSubmit(queue, 1, &submit, done));
    wait_for(done);
}

static void run_stream(const struct workload *workload, struct buffers *buffers)
{
    (void)buffers;
    if (together) {
        run_together(workload);
        return;
    }
    for (int index = 0; index < workload->count; index++) {
        VkBufferCopy region = {source_of(workload, index), target_of(workload, index), workload->bytes};
        copy(workload, &region, 1, NULL, 0, NULL, 0, index == workload->count - 1 ? done : VK_NULL_HANDLE);
    }
    wait_for(done);
}

static void run_batch(const struct workload *workload, struct buffers *buffers)
{
    (void)buffers;
    static VkBufferCopy regions[10000];
    for (int index = 0; index < workload->count; index++) {
        regions[index] = (VkBufferCopy){source_of(workload, index), target_of(workload, index), workload->bytes};
    }
    copy(workload, regions, workload->count, NULL, 0, NULL, 0, done);
    wait_for(done);
}

static void run_copy_and_wait(const struct workload *workload, struct buffers *buffers)
{
    (void)buffers;
    for (int index = 0; index < workload->count; index++) {
        VkBufferCopy region = {target_of(workload, index), target_of(workload, index), workload->bytes};
        copy(workload, &region, 1, NULL, 0, NULL, 0, done);
        wait_for(done);
    }
}

static void run_neighbours(const struct workload *workload, struct buffers *buffers)
{
    (void)buffers;
    const int per_turn = 16 * STREAMS;
    for (int index = 0; index < workload->count; index++) {
        int stream = index % STREAMS, place = index % per_turn;
        VkBufferCopy region = {target_of(workload, index), target_of(workload, index), workload->bytes};
        // The first copy of a turn waits for the neighbour's last turn, the last one signals this turn.
        int waits = turn > 0 && place < STREAMS, signals = place >= per_turn - STREAMS;
        copy(workload, &region, 1, waits ? &turns[(stream + 1) % STREAMS] : NULL, turn, signals ? &turns[stream] : NULL, turn + 1, VK_NULL_HANDLE);
        if (ends_turn(index)) {
            turn++;
        }
    }
    CHECK(vkQueueWaitIdle(queue));
}

static void read_back(char *to, int is_large, size_t bytes) { memcpy(to, is_large ? large_target_memory : target_memory, bytes); }

static char *buffer_of(size_t bytes, VkBufferUsageFlags usage, VkBuffer *buffer)
{
    VkBufferCreateInfo create = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = bytes, .usage = usage};
    CHECK(vkCreateBuffer(device, &create, NULL, buffer));
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device, *buffer, &needs);
    VkPhysicalDeviceMemoryProperties memories;
    vkGetPhysicalDeviceMemoryProperties(physical, &memories);
    const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    for (uint32_t type = 0; type < memories.memoryTypeCount; type++) {
        if ((needs.memoryTypeBits >> type & 1) && (memories.memoryTypes[type].propertyFlags & wanted) == wanted) {
            VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = needs.size, .memoryTypeIndex = type};
            VkDeviceMemory memory;
            void *address;
            CHECK(vkAllocateMemory(device, &allocate, NULL, &memory));
            CHECK(vkBindBufferMemory(device, *buffer, memory, 0));
            CHECK(vkMapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, &address));
            memset(address, 0, bytes);
            return address;
        }
    }
    fprintf(stderr, "the Vulkan device has no memory that the host can read\n");
    exit(77);
}

int main(int argc, char **argv)
{
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo create_instance = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    VkInstance instance;
    uint32_t count = 1;
    if (vkCreateInstance(&create_instance, NULL, &instance) != VK_SUCCESS || vkEnumeratePhysicalDevices(instance, &count, &physical) < 0 || count == 0) {
        fprintf(stderr, "there is no Vulkan device here\n");
        return 77;
    }
    VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
    vkGetPhysicalDeviceProperties2(physical, &properties);
    printf("# %s: %s, %s\n", driver.driverName, driver.driverInfo, properties.properties.deviceName);
    // The first family: on lavapipe the only one, and everywhere one that can copy.
    family = 0;
    float priority = 1;
    VkDeviceQueueCreateInfo queues = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueFamilyIndex = family, .queueCount = 1, .pQueuePriorities = &priority};
    VkPhysicalDeviceVulkan12Features features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .timelineSemaphore = VK_TRUE};
    VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &features, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queues};
    CHECK(vkCreateDevice(physical, &create, NULL, &device));
    vkGetDeviceQueue(device, family, 0, &queue);
    VkFenceCreateInfo create_fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    CHECK(vkCreateFence(device, &create_fence, NULL, &done));
    for (int index = 0; index < POOLS; index++) {
        VkCommandPoolCreateInfo create_pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT, .queueFamilyIndex = family};
        CHECK(vkCreateCommandPool(device, &create_pool, NULL, &pools[index].pool));
        VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = pools[index].pool, .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY, .commandBufferCount = PER_POOL};
        CHECK(vkAllocateCommandBuffers(device, &allocate, pools[index].buffers));
        CHECK(vkCreateFence(device, &create_fence, NULL, &pools[index].fence));
    }
    for (int index = 0; index < STREAMS; index++) {
        VkSemaphoreTypeCreateInfo timeline = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
        VkSemaphoreCreateInfo create_semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &timeline};
        CHECK(vkCreateSemaphore(device, &create_semaphore, NULL, &turns[index]));
    }
    struct buffers buffers;
    buffers.host = buffer_of(ORDINARY, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, &source);
    buffers.large_host = buffer_of(LARGE, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, &large_source);
    target_memory = buffer_of(ORDINARY, VK_BUFFER_USAGE_TRANSFER_DST_BIT, &target);
    large_target_memory = buffer_of(LARGE, VK_BUFFER_USAGE_TRANSFER_DST_BIT, &large_target);
    fill_sources(&buffers);
    if (argc > 1 && strcmp(argv[1], "--together") == 0) {
        together = 1;
        argv++;
        argc--;
    }
    return measure_all(argc, argv, &buffers, 3, 10);
}
