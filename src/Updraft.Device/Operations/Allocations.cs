namespace Updraft.Device;

/// <summary>The allocation functions as C sees them: the pointer is tested before everything else and written last.</summary>
internal static unsafe class Allocations
{
    internal static void Device(void** devPtr, nuint size, aclrtMemMallocPolicy policy, bool isPadded)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        *devPtr = DeviceMemory.Allocate(size, policy, isPadded);
    }

    /// <summary>Knows fewer policies: those for other devices count as "default".</summary>
    internal static void Cached(void** devPtr, nuint size, aclrtMemMallocPolicy policy)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        bool isKnown = (uint)policy is 0 or 1 or 2 or 6;
        *devPtr = DeviceMemory.Allocate(size, isKnown ? policy : 0, isPadded: true);
    }

    internal static void Host(void** hostPtr, nuint size)
    {
        Check.NotNull(hostPtr, nameof(hostPtr));
        *hostPtr = DeviceMemory.AllocateHost(size);
    }

    internal static void Attributes(void* ptr, aclrtPtrAttributes* attributes)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.NotNull(attributes, nameof(attributes));
        Place place = Place.Of(ptr, 1);
        attributes->location.type = place.Class switch
        {
            MemoryClass.Device => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE,
            MemoryClass.Host => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST,
            MemoryClass.Managed => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_MANAGED,
            _ => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED,
        };
        attributes->location.id = (uint)place.Device;
        attributes->pageSize = PageOf(place);
    }

    private static uint PageOf(in Place place)
    {
        if (place.Class != MemoryClass.Device)
        {
            return DeviceMemory.SmallPage;
        }
        Allocation* allocation = Machine.Devices[place.Device].Memory.Find(place.Address);
        return allocation == null ? DeviceMemory.SmallPage : allocation->PageBytes;
    }
}
