using System.Collections.Concurrent;

namespace Updraft.Device;

/// <summary>Stream-ordered allocation as C sees it, and the blocks by their address.</summary>
internal static unsafe class MemoryPools
{
    private static readonly ConcurrentDictionary<nuint, PoolBlock> s_blocks = new();
    private static readonly ConcurrentDictionary<MemoryPool, byte> s_pools = new();

    /// <summary>False until the first pool is made: programs without pools pay one load at each free and synchronise.</summary>
    private static bool s_any;

    internal static void Create(nint* memPool, aclrtMemPoolProps* poolProps)
    {
        Check.NotNull(memPool, nameof(memPool));
        Check.NotNull(poolProps, nameof(poolProps));
        Check.That(poolProps->allocType == aclrtMemAllocationType.ACL_MEM_ALLOCATION_TYPE_PINNED, AclError.InvalidParam, $"poolProps->allocType is {(int)poolProps->allocType}; expected ACL_MEM_ALLOCATION_TYPE_PINNED (0).");
        Check.That(poolProps->location.type == aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, AclError.InvalidParam, $"poolProps->location.type is {(int)poolProps->location.type}; a pool is made of device memory (1).");
        Check.That(!new ReadOnlySpan<byte>(poolProps->reserved, 32).ContainsAnyExcept((byte)0), AclError.InvalidParam, "poolProps->reserved must be 0.");
        var pool = new MemoryPool(Current.DeviceById((int)poolProps->location.id), poolProps->maxSize);
        s_any = true;
        s_pools[pool] = 0;
        *memPool = pool.Handle = HandleTable.Add(HandleKind.MemoryPool, pool);
    }

    internal static void Destroy(PoolHandle handle)
    {
        MemoryPool pool = handle.Get();
        if (!HandleTable.Remove(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "memorypool");
        }
        s_pools.TryRemove(pool, out _);
        pool.Destroy();
    }

    internal static void MallocAsync(void** ptr, nuint size, PoolHandle handle, StreamHandle streamHandle)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.That(handle.Value != 0, AclError.InvalidParam, "memPool is NULL; give a pool of aclrtMemPoolCreate.");
        Check.That(!streamHandle.IsNull, AclError.InvalidParam, "stream is NULL; stream-ordered memory needs a stream of its own.");
        if (size == 0)
        {
            return;
        }
        MemoryPool pool = handle.Get();
        Stream stream = Current.Stream(streamHandle);
        PoolBlock? block = pool.Take(size, stream);
        if (block == null)
        {
            TrimAll(pool.Device);
            block = pool.Take(size, stream) ?? throw DeviceMemory.Full(pool.Device, size);
        }
        s_blocks[block.Address] = block;
        *ptr = (void*)block.Address;
    }

    internal static void FreeAsync(void* ptr, StreamHandle streamHandle)
    {
        Check.NotNull(ptr, nameof(ptr));
        Stream stream = Current.Stream(streamHandle);
        if (!s_blocks.TryGetValue((nuint)ptr, out PoolBlock? block) || !block.Pool.Return(block, stream))
        {
            Check.Fail(AclError.RtParamInvalid, $"{Place.Describe(ptr)} is not memory that aclrtMemPoolMallocAsync gave and nobody freed.");
        }
    }

    /// <summary>aclrtFree of a pool's memory. False when the address is no pool's.</summary>
    internal static bool TryFree(nuint address)
    {
        if (!s_any || !s_blocks.TryGetValue(address, out PoolBlock? block))
        {
            return false;
        }
        // Nothing is waited for: whatever any stream still has queued may use it, so nobody gets it before all of that has ended.
        Check.That(block.Pool.Return(block, null), AclError.RtParamInvalid, $"The pool has 0x{address:x} back already.");
        return true;
    }

    internal static void Trim(PoolHandle handle, nuint minBytesToKeep) => handle.Get().Release(minBytesToKeep);

    /// <summary>A synchronise is the moment at which pools give back what they keep beyond their threshold.</summary>
    internal static void Synchronized()
    {
        if (!s_any)
        {
            return;
        }
        foreach (MemoryPool pool in s_pools.Keys)
        {
            pool.Release(Math.Max(pool.ReleaseThreshold, pool.Used));
        }
    }

    /// <summary>The device is full: everything that pools keep and nobody uses goes back.</summary>
    internal static void TrimAll(Device device)
    {
        foreach (MemoryPool pool in s_pools.Keys)
        {
            if (pool.Device == device)
            {
                pool.Release(0);
            }
        }
    }

    internal static void SetAttribute(PoolHandle handle, aclrtMemPoolAttr attribute, void* value)
    {
        MemoryPool pool = handle.Get();
        Check.NotNull(value, nameof(value));
        switch (attribute)
        {
            case aclrtMemPoolAttr.ACL_RT_MEM_POOL_REUSE_FOLLOW_EVENT_DEPENDENCIES:
            case aclrtMemPoolAttr.ACL_RT_MEM_POOL_REUSE_ALLOW_OPPORTUNISTIC:
            case aclrtMemPoolAttr.ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
                pool.ReuseRules[(int)attribute - 1] = *(int*)value;
                break;
            case aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD:
                pool.ReleaseThreshold = *(ulong*)value;
                break;
            case aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_HIGH or aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH when *(ulong*)value == 0:
                pool.ResetPeaks(attribute == aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_HIGH);
                break;
            default:
                Check.Fail(AclError.RtParamInvalid, $"The attribute {(int)attribute} cannot be set to this value; 1 to 4 can be set, the high marks (6, 8) can be reset to 0.");
                break;
        }
    }

    internal static void GetAttribute(PoolHandle handle, aclrtMemPoolAttr attribute, void* value)
    {
        MemoryPool pool = handle.Get();
        Check.NotNull(value, nameof(value));
        switch (attribute)
        {
            case >= aclrtMemPoolAttr.ACL_RT_MEM_POOL_REUSE_FOLLOW_EVENT_DEPENDENCIES and <= aclrtMemPoolAttr.ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
                *(int*)value = pool.ReuseRules[(int)attribute - 1];
                return;
        }
        *(ulong*)value = attribute switch
        {
            aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD => pool.ReleaseThreshold,
            aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT => pool.Reserved,
            aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_HIGH => pool.ReservedPeak,
            aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT => pool.Used,
            aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH => pool.UsedPeak,
            _ => throw new AclException(AclError.RtParamInvalid, $"attr is {(int)attribute}; expected 1 to 8."),
        };
    }

    internal static void Forget(PoolBlock block) => s_blocks.TryRemove(block.Address, out _);

    /// <summary>The device was reset: its pools are empty and gone.</summary>
    internal static void Forget(Device device)
    {
        foreach (MemoryPool pool in s_pools.Keys)
        {
            if (pool.Device == device && HandleTable.Remove(pool.Handle))
            {
                s_pools.TryRemove(pool, out _);
            }
        }
        foreach ((nuint address, PoolBlock block) in s_blocks)
        {
            if (block.Pool.Device == device)
            {
                s_blocks.TryRemove(address, out _);
            }
        }
    }

    internal static void Clear()
    {
        s_blocks.Clear();
        s_pools.Clear();
        s_any = false;
    }
}

/// <summary>A handle of a pool, as programs hold it.</summary>
internal readonly struct PoolHandle
{
    public readonly nint Value;

    internal MemoryPool Get()
    {
        Check.That(Value != 0, AclError.InvalidParam, "memPool is NULL; give a pool of aclrtMemPoolCreate.");
        return HandleTable.TryGet(Value, out MemoryPool? pool) ? pool : throw HandleFailure.Of(Value, "memorypool");
    }
}
