namespace Updraft;

/// <summary>
/// A copy within a device that is written down in device memory: <see cref="NpuStream.Copy(CopyDescriptor)"/> reads it when it runs, so that it
/// may be changed until then. It keeps the memories it names. Chips 950, A3, 910b, 310b. Not safe to change from several threads at once.
/// </summary>
public sealed unsafe class CopyDescriptor : IDisposable
{
    private readonly NpuContext _context;
    private MemoryObject? _source, _destination;

    internal CopyDescriptor(NpuContext context)
    {
        _context = context;
        nuint size;
        context.Enter();
        context.Check(context.Api.aclrtGetMemcpyDescSize(aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE, &size), nameof(context.Api.aclrtGetMemcpyDescSize));
        // Must begin at a multiple of 64 bytes, and device memory does.
        Memory = context.Allocate<byte>((long)Math.Max(size, 64));
    }

    /// <summary>Where the descriptor lies; for those who change it on the device.</summary>
    public DeviceMemory<byte> Memory { get; }

    /// <summary>Says what is copied from now on; also by copies that are queued and have not run. C: aclrtSetMemcpyDesc.</summary>
    /// <param name="source">Up to 4 GiB less one byte, of the descriptor's device.</param>
    /// <param name="destination">At least as long, of the same device.</param>
    /// <exception cref="ArgumentException">The destination is shorter, the source empty or too long, one of another device or a default value.</exception>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The descriptor or one of the memories is disposed.</exception>
    public void Set<T>(DeviceSlice<T> source, DeviceSlice<T> destination) where T : unmanaged
    {
        MemoryObject from = source.Object, to = destination.Object;
        if (source.Bytes > destination.Bytes || source.Bytes is 0 or > uint.MaxValue)
        {
            throw new ArgumentException($"A descriptor copies 1 to {uint.MaxValue} bytes into at least as many; not {source.Bytes} into {destination.Bytes}.");
        }
        if (from.DeviceKey != _context.Device.Object.Key || to.DeviceKey != from.DeviceKey)
        {
            throw new ArgumentException("The descriptor and both memories must be of the same device.");
        }
        nint address = Memory.Address;
        from.Hold();
        to.Hold();
        _context.Enter();
        int code = _context.Api.aclrtSetMemcpyDesc((void*)address, aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE,
            (void*)source.Range.Address, (void*)destination.Range.Address, source.Bytes, null);
        if (code != 0)
        {
            AclException exception = AclException.Of(_context.Api, code, nameof(_context.Api.aclrtSetMemcpyDesc));
            from.Release();
            to.Release();
            throw exception;
        }
        ReleaseMemories();
        (_source, _destination) = (from, to);
    }

    /// <summary>Gives the descriptor up, when the copies that are queued with it have run; does not wait for them.</summary>
    public void Dispose()
    {
        Memory.Dispose();
        ReleaseMemories();
    }

    internal void MarkUsed(StreamObject stream)
    {
        _source?.UsedBy(stream);
        _destination?.UsedBy(stream);
    }

    private void ReleaseMemories()
    {
        Interlocked.Exchange(ref _source, null)?.Release();
        Interlocked.Exchange(ref _destination, null)?.Release();
    }
}
