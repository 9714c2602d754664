using System.Runtime.CompilerServices;

namespace Updraft;

// Asynchronous copies. The types say the direction: there is no copy between two host memories, as the device has none. Lengths follow
// Span.CopyTo: the whole source is copied, and the destination may be longer. Everything is checked before anything is queued.
public sealed unsafe partial class NpuStream
{
    private const aclrtMemcpyKind HostToDevice = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, DeviceToHost = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST,
        DeviceToDevice = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE, Buffered = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE;

    /// <summary>Queues a copy to the device. Until it has run the source must not be changed and the destination not be read. C: aclrtMemcpyAsync.</summary>
    /// <param name="source">Copied whole.</param>
    /// <param name="destination">At least as long; memory of this stream's device.</param>
    /// <exception cref="ArgumentException">The destination is shorter, memory of another device or library, or a default value.</exception>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream or one of the memories is disposed.</exception>
    public void Copy<T>(HostMemory<T> source, DeviceMemory<T> destination) where T : unmanaged =>
        Submit(destination.Whole(), source.Whole(), HostToDevice);

    /// <inheritdoc cref="Copy{T}(HostMemory{T}, DeviceMemory{T})"/>
    public void Copy<T>(HostMemory<T> source, DeviceSlice<T> destination) where T : unmanaged =>
        Submit(destination.Range, source.Whole(), HostToDevice);

    /// <summary>As <see cref="Copy{T}(HostMemory{T}, DeviceMemory{T})"/>, from a slice of pinned or registered memory.</summary>
    /// <exception cref="ArgumentException">The source is managed memory (an array, for example): the collector may move it, so no copy of it can be queued.
    /// Use memory of <see cref="NpuContext.AllocateHost{T}"/> or <see cref="NpuContext.Register{T}(Memory{T})"/>, or <see cref="CopyPageable{T}(ReadOnlySpan{T}, DeviceSlice{T})"/>,
    /// or <see cref="CopyBuffered{T}"/>. Otherwise as there.</exception>
    /// <inheritdoc cref="Copy{T}(HostMemory{T}, DeviceMemory{T})"/>
    public void Copy<T>(ReadOnlyMemory<T> source, DeviceSlice<T> destination) where T : unmanaged =>
        Submit(destination.Range, source.Pinned(), HostToDevice);

    /// <inheritdoc cref="Copy{T}(ReadOnlyMemory{T}, DeviceSlice{T})"/>
    public void Copy<T>(ReadOnlyMemory<T> source, DeviceMemory<T> destination) where T : unmanaged =>
        Submit(destination.Whole(), source.Pinned(), HostToDevice);

    /// <summary>Queues a copy to the host. Until it has run the destination must not be touched. C: aclrtMemcpyAsync.</summary>
    /// <param name="source">Copied whole; memory of this stream's device.</param>
    /// <param name="destination">At least as long.</param>
    /// <exception cref="ArgumentException">The destination is shorter, the source memory of another device or library, or a default value.</exception>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream or one of the memories is disposed.</exception>
    public void Copy<T>(DeviceMemory<T> source, HostMemory<T> destination) where T : unmanaged =>
        Submit(destination.Whole(), source.Whole(), DeviceToHost);

    /// <inheritdoc cref="Copy{T}(DeviceMemory{T}, HostMemory{T})"/>
    public void Copy<T>(DeviceSlice<T> source, HostMemory<T> destination) where T : unmanaged =>
        Submit(destination.Whole(), source.Range, DeviceToHost);

    /// <summary>As <see cref="Copy{T}(DeviceMemory{T}, HostMemory{T})"/>, to a slice of pinned or registered memory.</summary>
    /// <exception cref="ArgumentException">The destination is managed memory, which no queued copy can write; see <see cref="Copy{T}(ReadOnlyMemory{T}, DeviceSlice{T})"/>. Otherwise as there.</exception>
    /// <inheritdoc cref="Copy{T}(DeviceMemory{T}, HostMemory{T})"/>
    public void Copy<T>(DeviceSlice<T> source, Memory<T> destination) where T : unmanaged =>
        Submit(destination.Pinned(), source.Range, DeviceToHost);

    /// <inheritdoc cref="Copy{T}(DeviceSlice{T}, Memory{T})"/>
    public void Copy<T>(DeviceMemory<T> source, Memory<T> destination) where T : unmanaged =>
        Submit(destination.Pinned(), source.Whole(), DeviceToHost);

    /// <summary>Queues a copy within the device, or between this stream's device and another one (which needs <see cref="NpuDevice.EnablePeerAccess"/> on most chips). C: aclrtMemcpyAsync.</summary>
    /// <param name="source">Copied whole.</param>
    /// <param name="destination">At least as long.</param>
    /// <exception cref="ArgumentException">The destination is shorter, neither memory is of this stream's device, one is of another library, or a default value.</exception>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream or one of the memories is disposed.</exception>
    public void Copy<T>(DeviceMemory<T> source, DeviceMemory<T> destination) where T : unmanaged =>
        Submit(destination.Whole(), source.Whole(), DeviceToDevice);

    /// <inheritdoc cref="Copy{T}(DeviceMemory{T}, DeviceMemory{T})"/>
    public void Copy<T>(DeviceSlice<T> source, DeviceSlice<T> destination) where T : unmanaged =>
        Submit(destination.Range, source.Range, DeviceToDevice);

    /// <summary>As <see cref="Copy{T}(HostMemory{T}, DeviceMemory{T})"/>, a part of memory of any length.</summary>
    /// <param name="source">From where.</param>
    /// <param name="sourceIndex">The first element of the source.</param>
    /// <param name="destination">To where.</param>
    /// <param name="destinationIndex">The first element of the destination.</param>
    /// <param name="length">Elements; 0 does nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">A part leaves its memory.</exception>
    /// <exception cref="ArgumentException">The destination is memory of another device or library.</exception>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream or one of the memories is disposed.</exception>
    public void Copy<T>(HostMemory<T> source, long sourceIndex, DeviceMemory<T> destination, long destinationIndex, long length) where T : unmanaged =>
        Submit(destination.Whole().Part<T>(destinationIndex, length), source.Whole().Part<T>(sourceIndex, length), HostToDevice);

    /// <summary>As <see cref="Copy{T}(DeviceMemory{T}, HostMemory{T})"/>, a part of memory of any length.</summary>
    /// <inheritdoc cref="Copy{T}(HostMemory{T}, long, DeviceMemory{T}, long, long)"/>
    public void Copy<T>(DeviceMemory<T> source, long sourceIndex, HostMemory<T> destination, long destinationIndex, long length) where T : unmanaged =>
        Submit(destination.Whole().Part<T>(destinationIndex, length), source.Whole().Part<T>(sourceIndex, length), DeviceToHost);

    /// <summary>Not possible: a span may be of managed memory, which the collector moves before the copy runs.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    [Obsolete("A span cannot be copied asynchronously. Pass the PinnedMemory<T> itself or a slice of it (memory[10..20]); or use CopyBuffered, which takes the data at once, or CopyPageable, which waits.", error: true)]
    public void Copy<T>(ReadOnlySpan<T> source, DeviceSlice<T> destination) where T : unmanaged => throw SpansCannotBeQueued();

    /// <summary>Not possible: a span may be of managed memory, which the collector moves before the copy runs.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    [Obsolete("A span cannot be written asynchronously. Pass the PinnedMemory<T> itself or a slice of it (memory[10..20]); or use CopyPageable, which waits.", error: true)]
    public void Copy<T>(DeviceSlice<T> source, Span<T> destination) where T : unmanaged => throw SpansCannotBeQueued();

    /// <summary>
    /// Queues a copy of data that the call takes along: the source may be changed or freed when it returns. Costs a second copy on the host.
    /// C: aclrtMemcpyAsync with ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE.
    /// </summary>
    /// <param name="source">Any memory; nothing happens when it is empty.</param>
    /// <param name="destination">At least as long; memory of this stream's device.</param>
    /// <exception cref="ArgumentException">The destination is shorter, memory of another device or library, or a default value.</exception>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the memory is disposed.</exception>
    public void CopyBuffered<T>(ReadOnlySpan<T> source, DeviceSlice<T> destination) where T : unmanaged
    {
        fixed (T* from = source)
        {
            SubmitForeign(destination.Range, from, source.Length, Buffered);
        }
    }

    /// <summary>
    /// Waits for everything that is queued in the stream, then copies on the calling thread; when it returns the data is there. This is what
    /// AscendCL does with memory it did not pin; overlap needs pinned memory. C: aclrtMemcpyAsync.
    /// </summary>
    /// <param name="source">Any memory; nothing happens when it is empty.</param>
    /// <param name="destination">At least as long; memory of this stream's device.</param>
    /// <exception cref="ArgumentException">The destination is shorter, memory of another device or library, or a default value.</exception>
    /// <exception cref="AclException">An earlier task of the stream failed, 107000 or 107041: a stream is being captured.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the memory is disposed.</exception>
    public void CopyPageable<T>(ReadOnlySpan<T> source, DeviceSlice<T> destination) where T : unmanaged
    {
        fixed (T* from = source)
        {
            SubmitForeign(destination.Range, from, source.Length, HostToDevice);
        }
    }

    /// <summary>As <see cref="CopyPageable{T}(ReadOnlySpan{T}, DeviceSlice{T})"/>, to the host.</summary>
    /// <param name="source">Copied whole; memory of this stream's device.</param>
    /// <param name="destination">Any memory, at least as long.</param>
    /// <inheritdoc cref="CopyPageable{T}(ReadOnlySpan{T}, DeviceSlice{T})"/>
    public void CopyPageable<T>(DeviceSlice<T> source, Span<T> destination) where T : unmanaged
    {
        fixed (T* to = destination)
        {
            SubmitForeign(source.Range, to, destination.Length, DeviceToHost);
        }
    }

    /// <summary>Queues a fill of every byte. C: aclrtMemsetAsync.</summary>
    /// <param name="destination">Memory of this stream's device.</param>
    /// <param name="value">The byte.</param>
    /// <exception cref="ArgumentException">It is memory of another device or library, or a default value.</exception>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the memory is disposed.</exception>
    public void Fill<T>(DeviceSlice<T> destination, byte value = 0) where T : unmanaged
    {
        MemoryRange to = destination.Range;
        ThreadSlot slot = Begin(to.Object, to.Object, HostToDevice);
        int code = _api.aclrtMemsetAsync((void*)to.Address, to.Bytes, value, to.Bytes, _handle);
        if (code != 0 && _context.MayRepeat(code))
        {
            code = _api.aclrtMemsetAsync((void*)to.Address, to.Bytes, value, to.Bytes, _handle);
        }
        slot.Leave();
        Check(code, nameof(_api.aclrtMemsetAsync));
    }

    /// <inheritdoc cref="Fill{T}(DeviceSlice{T}, byte)"/>
    public void Fill<T>(DeviceMemory<T> destination, byte value = 0) where T : unmanaged => Fill(destination.AsSlice(), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Submit(in MemoryRange to, in MemoryRange from, aclrtMemcpyKind kind)
    {
        if (from.Bytes > to.Bytes)
        {
            ThrowNoRoom(from.Bytes, to.Bytes);
        }
        Submit(to.Object, to.Address, to.Bytes, from.Object, from.Address, from.Bytes, kind);
    }

    /// <summary>A copy whose other side is any memory of the program, which stays where it is meanwhile.</summary>
    private void SubmitForeign<T>(in MemoryRange device, T* foreign, int length, aclrtMemcpyKind kind) where T : unmanaged
    {
        nuint bytes = (nuint)length * (nuint)sizeof(T);
        (nuint from, nuint room) = kind == DeviceToHost ? (device.Bytes, bytes) : (bytes, device.Bytes);
        if (from > room)
        {
            ThrowNoRoom(from, room);
        }
        (nuint toAddress, nuint fromAddress) = kind == DeviceToHost ? ((nuint)foreign, device.Address) : (device.Address, (nuint)foreign);
        Submit(device.Object, toAddress, room, device.Object, fromAddress, from, kind);
    }

    // The one call that everything here ends in. See ThreadSlot for why no reference is counted.
    private void Submit(MemoryObject to, nuint toAddress, nuint room, MemoryObject from, nuint fromAddress, nuint bytes, aclrtMemcpyKind kind)
    {
        ThreadSlot slot = Begin(to, from, kind);
        int code = _api.aclrtMemcpyAsync((void*)toAddress, room, (void*)fromAddress, bytes, kind, _handle);
        slot.Leave();
        if (code != 0)
        {
            Repeat(code, to, toAddress, room, from, fromAddress, bytes, kind);
        }
    }

    /// <summary>From here to <see cref="ThreadSlot.Leave"/> neither memory is freed. Throws when anything is wrong.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ThreadSlot Begin(MemoryObject to, MemoryObject from, aclrtMemcpyKind kind)
    {
        ThreadSlot slot = ThreadSlot.Mine;
        slot.Enter();
        to.UsedBy(_object);
        from.UsedBy(_object);
        if (slot.Context != _context || _object.IsClosed || to.IsClosed || from.IsClosed || to.DeviceKey != _device || from.DeviceKey != _device || Holder != null || _context.Capture != null)
        {
            Prepare(slot, to, from, kind);
        }
        return slot;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Prepare(ThreadSlot slot, MemoryObject to, MemoryObject from, aclrtMemcpyKind kind)
    {
        try
        {
            ThrowIfDisposed();
            CheckMemory(to);
            CheckMemory(from);
            bool isOurs = kind switch
            {
                DeviceToHost => from.DeviceKey == _device,
                DeviceToDevice => from.DeviceKey == _device || to.DeviceKey == _device,
                _ => to.DeviceKey == _device,
            };
            if (!isOurs)
            {
                throw new ArgumentException($"The memory belongs to device {(kind == DeviceToHost ? from : to).DeviceKey.Id}, the stream to device {_device.Id}; use a stream of the memory's device.");
            }
            _context.Enter();
            if ((Holder ?? _context.Capture) is { } holder)
            {
                holder.Add(to);
                holder.Add(from);
            }
        }
        catch
        {
            slot.Leave();
            throw;
        }
    }

    private void CheckMemory(MemoryObject memory)
    {
        ObjectDisposedException.ThrowIf(memory.IsClosed, memory.IsDevice ? typeof(DeviceMemory<>) : typeof(HostMemory<>));
        if (memory.DeviceKey.Session != _device.Session)
        {
            throw new ArgumentException("The memory comes from another library than the stream.");
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Repeat(int code, MemoryObject to, nuint toAddress, nuint room, MemoryObject from, nuint fromAddress, nuint bytes, aclrtMemcpyKind kind)
    {
        if (_context.MayRepeat(code))
        {
            ThreadSlot slot = Begin(to, from, kind);
            code = _api.aclrtMemcpyAsync((void*)toAddress, room, (void*)fromAddress, bytes, kind, _handle);
            slot.Leave();
        }
        Check(code, nameof(_api.aclrtMemcpyAsync));
    }

    private static void ThrowNoRoom(nuint bytes, nuint room) => throw new ArgumentException($"{bytes} bytes do not fit the destination of {room} bytes.", "destination");

    private static NotSupportedException SpansCannotBeQueued() => new("A span cannot be copied asynchronously; use pinned memory, CopyBuffered or CopyPageable.");
}
