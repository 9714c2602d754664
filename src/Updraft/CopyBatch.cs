using System.Runtime.InteropServices;

namespace Updraft;

/// <summary>
/// Many copies between host and device in one call: <see cref="NpuStream.Copy(CopyBatch)"/>. No order among them is promised. A batch can be
/// submitted again and, after <see cref="Clear"/>, filled again, without allocations. Not safe to use from several threads at once.
/// Chips 950, A3, 910b.
/// </summary>
/// <example><code>
/// using var batch = new CopyBatch();
/// foreach (var block in blocks) batch.Add(block.Host, block.Device);
/// stream.Copy(batch);
/// </code></example>
public sealed unsafe class CopyBatch : IDisposable
{
    private readonly List<(MemoryObject To, MemoryObject From, bool IsUpload)> _entries = [];
    private void** _destinations, _sources;
    private nuint* _rooms, _sizes, _indexes;
    private aclrtMemcpyBatchAttr* _attributes;
    private int _capacity, _runs;

    /// <summary>Copies in the batch.</summary>
    public int Count => _entries.Count;

    internal bool IsEmpty => _entries.Count == 0;

    /// <summary>Adds a copy to the device.</summary>
    /// <param name="source">Copied whole; at least one element.</param>
    /// <param name="destination">At least as long.</param>
    /// <exception cref="ArgumentException">The destination is shorter, the source is empty or managed memory, or a default value.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void Add<T>(ReadOnlyMemory<T> source, DeviceSlice<T> destination) where T : unmanaged => Add(destination.Range, source.Pinned(), isUpload: true);

    /// <inheritdoc cref="Add{T}(ReadOnlyMemory{T}, DeviceSlice{T})"/>
    public void Add<T>(HostMemory<T> source, DeviceSlice<T> destination) where T : unmanaged => Add(destination.Range, source.Whole(), isUpload: true);

    /// <summary>Adds a copy to the host.</summary>
    /// <param name="source">Copied whole; at least one element.</param>
    /// <param name="destination">At least as long.</param>
    /// <exception cref="ArgumentException">The destination is shorter or managed memory, the source is empty or a default value.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void Add<T>(DeviceSlice<T> source, Memory<T> destination) where T : unmanaged => Add(destination.Pinned(), source.Range, isUpload: false);

    /// <inheritdoc cref="Add{T}(DeviceSlice{T}, Memory{T})"/>
    public void Add<T>(DeviceSlice<T> source, HostMemory<T> destination) where T : unmanaged => Add(destination.Whole(), source.Range, isUpload: false);

    /// <summary>Adds a copy of a part, of memory of any length, to the device.</summary>
    /// <param name="source">From where.</param>
    /// <param name="sourceIndex">The first element of the source.</param>
    /// <param name="destination">To where; its length is what is copied.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the source.</exception>
    /// <exception cref="ArgumentException">The destination is empty or a default value.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void Add<T>(HostMemory<T> source, long sourceIndex, DeviceSlice<T> destination) where T : unmanaged =>
        Add(destination.Range, source.Whole().Part<T>(sourceIndex, destination.Length), isUpload: true);

    /// <summary>Adds a copy to a part of memory of any length.</summary>
    /// <param name="source">From where; its length is what is copied.</param>
    /// <param name="destination">To where.</param>
    /// <param name="destinationIndex">The first element of the destination.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the destination.</exception>
    /// <exception cref="ArgumentException">The source is empty or a default value.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void Add<T>(DeviceSlice<T> source, HostMemory<T> destination, long destinationIndex) where T : unmanaged =>
        Add(destination.Whole().Part<T>(destinationIndex, source.Length), source.Range, isUpload: false);

    /// <summary>Takes all copies out.</summary>
    public void Clear()
    {
        foreach ((MemoryObject to, MemoryObject from, _) in _entries)
        {
            to.Release();
            from.Release();
        }
        _entries.Clear();
        _runs = 0;
    }

    /// <summary>Copies at once, on the calling thread and without waiting for streams. C: aclrtMemcpyBatch.</summary>
    /// <exception cref="AclException"><see cref="AclException.FailedIndex"/> names the copy when the library does. 207000: the chip does not have it. 107000: more than 4096 copies.</exception>
    public void CopyNow()
    {
        if (IsEmpty)
        {
            return;
        }
        NpuContext context = _entries[0].To.Context;
        context.Enter();
        nuint failed = nuint.MaxValue;
        int code = context.Api.aclrtMemcpyBatch(_destinations, _rooms, _sources, _sizes, (nuint)Count, _attributes, _indexes, (nuint)_runs, &failed);
        if (code != 0)
        {
            throw AclException.Of(context.Api, code, nameof(context.Api.aclrtMemcpyBatch), failed == nuint.MaxValue ? null : (long)failed);
        }
    }

    /// <summary>Takes all copies out and frees the lists.</summary>
    public void Dispose()
    {
        Clear();
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the lists when nobody disposed the batch. The memories are objects of their own.</summary>
    ~CopyBatch() => Free();

    /// <summary>The entries of the batch, for the stream that takes it: every memory is checked and marked as used.</summary>
    internal List<(MemoryObject To, MemoryObject From, bool IsUpload)> Entries => _entries;

    internal int Submit(AclApi api, nint stream, out long? failedIndex)
    {
        nuint failed = nuint.MaxValue;
        int code = api.aclrtMemcpyBatchAsync(_destinations, _rooms, _sources, _sizes, (nuint)Count, _attributes, _indexes, (nuint)_runs, &failed, stream);
        failedIndex = failed == nuint.MaxValue ? null : (long)failed;
        return code;
    }

    private void Add(in MemoryRange destination, in MemoryRange source, bool isUpload)
    {
        if (source.Bytes == 0)
        {
            throw new ArgumentException("A copy in a batch has at least one element.");
        }
        if (source.Bytes > destination.Bytes)
        {
            throw new ArgumentException($"{source.Bytes} bytes do not fit the destination of {destination.Bytes} bytes.");
        }
        MemoryObject to = destination.Object, from = source.Object;
        if (to.DeviceKey.Session != from.DeviceKey.Session || _entries.Count > 0 && _entries[0].To.DeviceKey.Session != to.DeviceKey.Session)
        {
            throw new ArgumentException("The memories of a batch come from different libraries.");
        }
        to.Hold();
        try
        {
            from.Hold();
        }
        catch
        {
            to.Release();
            throw;
        }
        int index = Count;
        Grow(index + 1);
        _destinations[index] = (void*)destination.Address;
        _rooms[index] = destination.Bytes;
        _sources[index] = (void*)source.Address;
        _sizes[index] = source.Bytes;
        var attribute = new aclrtMemcpyBatchAttr { dstLoc = Location(to), srcLoc = Location(from) };
        // Neighbours with the same two places share an attribute, as the interface wants it.
        if (_runs == 0 || !IsSame(_attributes[_runs - 1], attribute))
        {
            (_attributes[_runs], _indexes[_runs]) = (attribute, (nuint)index);
            _runs++;
        }
        _entries.Add((to, from, isUpload));
    }

    private static bool IsSame(in aclrtMemcpyBatchAttr one, in aclrtMemcpyBatchAttr other) =>
        one.dstLoc.id == other.dstLoc.id && one.dstLoc.type == other.dstLoc.type && one.srcLoc.id == other.srcLoc.id && one.srcLoc.type == other.srcLoc.type;

    private static aclrtMemLocation Location(MemoryObject memory) => memory.IsDevice
        ? new() { id = (uint)memory.DeviceKey.Id, type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE }
        : new() { id = 0, type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST };

    private void Grow(int count)
    {
        if (count <= _capacity)
        {
            return;
        }
        _capacity = Math.Max(16, _capacity * 2);
        nuint capacity = (nuint)_capacity;
        _destinations = (void**)NativeMemory.Realloc(_destinations, capacity * (nuint)sizeof(void*));
        _sources = (void**)NativeMemory.Realloc(_sources, capacity * (nuint)sizeof(void*));
        _rooms = (nuint*)NativeMemory.Realloc(_rooms, capacity * (nuint)sizeof(nuint));
        _sizes = (nuint*)NativeMemory.Realloc(_sizes, capacity * (nuint)sizeof(nuint));
        _indexes = (nuint*)NativeMemory.Realloc(_indexes, capacity * (nuint)sizeof(nuint));
        _attributes = (aclrtMemcpyBatchAttr*)NativeMemory.Realloc(_attributes, capacity * (nuint)sizeof(aclrtMemcpyBatchAttr));
    }

    private void Free()
    {
        NativeMemory.Free(_destinations);
        NativeMemory.Free(_sources);
        NativeMemory.Free(_rooms);
        NativeMemory.Free(_sizes);
        NativeMemory.Free(_indexes);
        NativeMemory.Free(_attributes);
        _destinations = _sources = null;
        _rooms = _sizes = _indexes = null;
        _attributes = null;
        _capacity = 0;
    }
}

public sealed unsafe partial class NpuStream
{
    /// <summary>Queues all copies of a batch; an empty batch does nothing. The batch may be changed at once. C: aclrtMemcpyBatchAsync.</summary>
    /// <exception cref="AclException"><see cref="AclException.FailedIndex"/> names the copy when the library does; those before it are queued. 207000: the chip does not have it.</exception>
    /// <exception cref="ArgumentException">Memory of another device or library; nothing is queued then.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public void Copy(CopyBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ThrowIfDisposed();
        if (batch.IsEmpty)
        {
            return;
        }
        foreach ((MemoryObject to, MemoryObject from, bool isUpload) in batch.Entries)
        {
            // The batch holds its memory: only marks are needed, and the check that it fits this stream.
            Begin(to, from, isUpload ? HostToDevice : DeviceToHost).Leave();
        }
        _context.Enter();
        int code = batch.Submit(_api, _handle, out long? failedIndex);
        if (code != 0)
        {
            throw AclException.Of(_api, code, nameof(_api.aclrtMemcpyBatchAsync), failedIndex);
        }
    }

    /// <summary>Queues the copy that a descriptor says when it runs. C: aclrtMemcpyAsyncWithDesc.</summary>
    /// <exception cref="AclException">207000: the chip does not have it.</exception>
    /// <exception cref="ArgumentException">The descriptor belongs to another device or library.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the descriptor is disposed.</exception>
    public void Copy(CopyDescriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        MemoryObject memory = descriptor.Memory.Object;
        ThreadSlot slot = Begin(memory, memory, HostToDevice);
        descriptor.MarkUsed(_object);
        int code = _api.aclrtMemcpyAsyncWithDesc((void*)memory.Address, aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE, _handle);
        if (code != 0 && _context.MayRepeat(code))
        {
            code = _api.aclrtMemcpyAsyncWithDesc((void*)memory.Address, aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE, _handle);
        }
        slot.Leave();
        Check(code, nameof(_api.aclrtMemcpyAsyncWithDesc));
    }

    /// <summary>
    /// Queues a copy between addresses that lie in device memory and are read when it runs, so that earlier work of the stream may write them. The
    /// memory of the two cells is kept; what they point to must be live memory of the device at that moment. Chips 950, A3, 910b, 910.
    /// C: aclrtMemcpyAsyncWithOffset.
    /// </summary>
    /// <param name="source">One element: the address of the source.</param>
    /// <param name="sourceOffset">Bytes added to it, up to 48 bits.</param>
    /// <param name="destination">One element: the address of the destination.</param>
    /// <param name="destinationOffset">Bytes added to it, less than <paramref name="room"/>.</param>
    /// <param name="room">Bytes there are at the address of the destination.</param>
    /// <param name="bytes">Bytes to copy, up to 4 GiB; 0 does nothing.</param>
    /// <exception cref="AclException">207000: the chip does not have it. 107000: a number is out of range. 507013, at the next synchronisation: there is no such memory when it runs.</exception>
    /// <exception cref="ArgumentException">A cell is empty, of another device or library, or a default value.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the memory of a cell is disposed.</exception>
    public void CopyIndirect(DeviceSlice<nint> source, long sourceOffset, DeviceSlice<nint> destination, long destinationOffset, long room, long bytes)
    {
        MemoryRange from = OneValue(source, nameof(source)), to = OneValue(destination, nameof(destination));
        ArgumentOutOfRangeException.ThrowIfNegative(sourceOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(destinationOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(room);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ThreadSlot slot = Begin(to.Object, from.Object, HostToDevice);
        int code = _api.aclrtMemcpyAsyncWithOffset((void**)to.Address, (nuint)room, (nuint)destinationOffset, (void**)from.Address, (nuint)bytes, (nuint)sourceOffset, aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE, _handle);
        slot.Leave();
        Check(code, nameof(_api.aclrtMemcpyAsyncWithOffset));
    }
}
