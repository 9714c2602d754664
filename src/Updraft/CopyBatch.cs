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
    public void Add<T>(ReadOnlyMemory<T> source, DeviceSlice<T> destination) where T : unmanaged
    {
        if (!MemoryMarshal.TryGetMemoryManager(source, out HostMemory<T>? manager, out int start, out _))
        {
            throw NotPinned(nameof(source));
        }
        nuint bytes = (nuint)source.Length * (nuint)sizeof(T);
        Add(destination.Object, destination.Offset, destination.Bytes, manager.Object, (nuint)start * (nuint)sizeof(T), bytes, isUpload: true);
    }

    /// <inheritdoc cref="Add{T}(ReadOnlyMemory{T}, DeviceSlice{T})"/>
    public void Add<T>(HostMemory<T> source, DeviceSlice<T> destination) where T : unmanaged =>
        Add(destination.Object, destination.Offset, destination.Bytes, source.Object, 0, source.Object.Bytes, isUpload: true);

    /// <summary>Adds a copy to the host.</summary>
    /// <param name="source">Copied whole; at least one element.</param>
    /// <param name="destination">At least as long.</param>
    /// <exception cref="ArgumentException">The destination is shorter or managed memory, the source is empty or a default value.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void Add<T>(DeviceSlice<T> source, Memory<T> destination) where T : unmanaged
    {
        if (!MemoryMarshal.TryGetMemoryManager<T, HostMemory<T>>(destination, out HostMemory<T>? manager, out int start, out _))
        {
            throw NotPinned(nameof(destination));
        }
        Add(manager.Object, (nuint)start * (nuint)sizeof(T), (nuint)destination.Length * (nuint)sizeof(T), source.Object, source.Offset, source.Bytes, isUpload: false);
    }

    /// <inheritdoc cref="Add{T}(DeviceSlice{T}, Memory{T})"/>
    public void Add<T>(DeviceSlice<T> source, HostMemory<T> destination) where T : unmanaged =>
        Add(destination.Object, 0, destination.Object.Bytes, source.Object, source.Offset, source.Bytes, isUpload: false);

    /// <summary>Adds a copy of a part, of memory of any length, to the device.</summary>
    /// <param name="source">From where.</param>
    /// <param name="sourceIndex">The first element of the source.</param>
    /// <param name="destination">To where; its length is what is copied.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the source.</exception>
    /// <exception cref="ArgumentException">The destination is empty or a default value.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void Add<T>(HostMemory<T> source, long sourceIndex, DeviceSlice<T> destination) where T : unmanaged
    {
        CheckPart(sourceIndex, destination.Length, source.Length, nameof(sourceIndex));
        Add(destination.Object, destination.Offset, destination.Bytes, source.Object, (nuint)sourceIndex * (nuint)sizeof(T), destination.Bytes, isUpload: true);
    }

    /// <summary>Adds a copy to a part of memory of any length.</summary>
    /// <param name="source">From where; its length is what is copied.</param>
    /// <param name="destination">To where.</param>
    /// <param name="destinationIndex">The first element of the destination.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the destination.</exception>
    /// <exception cref="ArgumentException">The source is empty or a default value.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void Add<T>(DeviceSlice<T> source, HostMemory<T> destination, long destinationIndex) where T : unmanaged
    {
        CheckPart(destinationIndex, source.Length, destination.Length, nameof(destinationIndex));
        Add(destination.Object, (nuint)destinationIndex * (nuint)sizeof(T), source.Bytes, source.Object, source.Offset, source.Bytes, isUpload: false);
    }

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

    private void Add(MemoryObject to, nuint toOffset, nuint room, MemoryObject from, nuint fromOffset, nuint bytes, bool isUpload)
    {
        if (bytes == 0)
        {
            throw new ArgumentException("A copy in a batch has at least one element.");
        }
        if (bytes > room)
        {
            throw new ArgumentException($"{bytes} bytes do not fit the destination of {room} bytes.");
        }
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
        _destinations[index] = (void*)(to.Address + toOffset);
        _rooms[index] = room;
        _sources[index] = (void*)(from.Address + fromOffset);
        _sizes[index] = bytes;
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

    private static void CheckPart(long index, long length, long whole, string name)
    {
        if ((ulong)index > (ulong)whole || (ulong)length > (ulong)(whole - index))
        {
            throw new ArgumentOutOfRangeException(name, $"{length} elements from element {index} leave the {whole} elements of the memory.");
        }
    }

    private static ArgumentException NotPinned(string name) =>
        new("The memory is managed, so the collector may move it before the copy runs. Use memory of AllocateHost or Register.", name);
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
}
