namespace Updraft.Device;

/// <summary>A block of a pool: memory of the device that the pool keeps when the program gives it back.</summary>
internal sealed class PoolBlock(MemoryPool pool, nuint address, nuint bytes)
{
    internal readonly MemoryPool Pool = pool;
    internal readonly nuint Address = address, Bytes = bytes;

    /// <summary>Where it was freed: memory may be handed out again to whatever runs behind this place. Null when aclrtFree took it: then everything queued at that moment must have ended.</summary>
    internal Stream? FreedOn;
    internal long FreedAt;
    internal ulong FreedInGrace;
}

/// <summary>
/// A stream-ordered pool. A block that was freed on a stream may be handed out again at once on the same stream, because what is
/// queued there later runs later; on another stream only when the free has been reached. What is kept beyond the release threshold
/// goes back to the device at the next synchronise.
/// </summary>
internal sealed unsafe class MemoryPool(Device device, nuint maximumBytes)
{
    private readonly Lock _lock = new();
    private readonly List<PoolBlock> _free = [];
    private readonly HashSet<PoolBlock> _used = [];

    internal readonly Device Device = device;
    internal nint Handle;

    internal ulong ReleaseThreshold;

    /// <summary>The three reuse attributes. Only "opportunistic" (the second) decides something here: the other two allow reuse that is not made.</summary>
    internal readonly int[] ReuseRules = [1, 1, 1];
    internal ulong Reserved { get; private set; }
    internal ulong ReservedPeak { get; private set; }
    internal ulong Used { get; private set; }
    internal ulong UsedPeak { get; private set; }
    private bool _isDestroyed;

    /// <summary>Takes a block for commands that follow on the stream. Null when the device or the pool is full.</summary>
    internal PoolBlock? Take(nuint bytes, Stream stream)
    {
        if (bytes > Device.MemoryBytes)
        {
            return null;
        }
        nuint rounded = Arena.RoundUp(bytes, bytes > 1 << 20 ? DeviceMemory.HugePage : (nuint)512);
        lock (_lock)
        {
            PoolBlock? best = null;
            foreach (PoolBlock block in _free)
            {
                // A much larger block would be lost for what needs it.
                if (block.Bytes >= bytes && block.Bytes <= rounded * 2 && (best == null || block.Bytes < best.Bytes) && MayReuse(block, stream))
                {
                    best = block;
                }
            }
            if (best != null)
            {
                _free.Remove(best);
            }
            else
            {
                if (maximumBytes != 0 && Reserved + rounded > maximumBytes)
                {
                    return null;
                }
                void* address = DeviceMemory.TryTake(Device, bytes, rounded, rounded > 1 << 20 ? DeviceMemory.HugePage : DeviceMemory.SmallPage);
                if (address == null)
                {
                    return null;
                }
                best = new PoolBlock(this, (nuint)address, rounded);
                Reserved += rounded;
                ReservedPeak = Math.Max(ReservedPeak, Reserved);
            }
            _used.Add(best);
            Used += best.Bytes;
            UsedPeak = Math.Max(UsedPeak, Used);
            return best;
        }
    }

    private bool MayReuse(PoolBlock block, Stream stream) => block.FreedOn == null
        ? GracePeriod.HasPassed(block.FreedInGrace)
        : block.FreedOn == stream || ReuseRules[1] != 0 && block.FreedOn.HasRunPast(block.FreedAt);

    /// <summary>False when the block is in the pool already. A null stream: freed now, whatever is queued.</summary>
    internal bool Return(PoolBlock block, Stream? stream)
    {
        lock (_lock)
        {
            if (!_used.Remove(block))
            {
                return false;
            }
            Used -= block.Bytes;
            block.FreedOn = stream;
            (block.FreedAt, block.FreedInGrace) = (stream?.Tail ?? 0, GracePeriod.Current);
            _free.Add(block);
            if (_isDestroyed)
            {
                Release(0);
            }
            return true;
        }
    }

    /// <summary>Gives free blocks back to the device until at most that much is kept. Queued work keeps the bytes it needs.</summary>
    internal void Release(ulong keep)
    {
        lock (_lock)
        {
            for (int index = _free.Count - 1; index >= 0 && Reserved > keep; index--)
            {
                PoolBlock block = _free[index];
                _free.RemoveAt(index);
                Reserved -= block.Bytes;
                MemoryPools.Forget(block);
                if (Device.Memory.Free(block.Address))
                {
                    SharedKeys.Freed(block.Address);
                    Machine.Observer?.Freed(block.Address, Device.Id);
                }
            }
        }
    }

    /// <summary>The pool ends: free blocks go back now, the others when they are freed.</summary>
    internal void Destroy()
    {
        lock (_lock)
        {
            _isDestroyed = true;
            Release(0);
        }
    }

    internal void ResetPeaks(bool reserved)
    {
        lock (_lock)
        {
            _ = reserved ? ReservedPeak = Reserved : UsedPeak = Used;
        }
    }
}
