using System.Runtime.CompilerServices;

namespace Updraft;

/// <summary>
/// Memory of a device, typed. It is an address, not host memory: the host reads and writes it by copies only. Memory that queued copies use
/// stays alive until they have run, whoever disposes or forgets it. Safe to use from any thread.
/// </summary>
/// <typeparam name="T">What the memory holds; <see cref="byte"/> for raw memory.</typeparam>
/// <example><code>
/// using var memory = device.Allocate&lt;float&gt;(1024);
/// stream.Copy(host, memory[..512]);
/// </code></example>
public sealed class DeviceMemory<T> : IDisposable where T : unmanaged
{
    internal DeviceMemory(NpuContext context, MemoryObject memory, long length) => (Context, Object, Length) = (context, memory, length);

    /// <summary>The context the memory was allocated in; the memory itself belongs to its device.</summary>
    public NpuContext Context { get; }

    /// <summary>The device whose memory it is.</summary>
    public NpuDevice Device => Context.Device;

    /// <summary>Elements.</summary>
    public long Length { get; }

    /// <summary>Bytes: <see cref="Length"/> times the size of an element.</summary>
    public long SizeBytes => (long)Object.Bytes;

    /// <summary>The device address, for C calls; they do not know when the memory dies.</summary>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(Object.IsClosed, this);
            return (nint)Object.Address;
        }
    }

    internal MemoryObject Object { get; }

    /// <summary>A part, as in <c>memory[10..20]</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the memory, or the memory is longer than a range can say (use <see cref="Slice"/>).</exception>
    public DeviceSlice<T> this[Range range]
    {
        get
        {
            (int offset, int length) = range.GetOffsetAndLength(checked((int)Math.Min(Length, int.MaxValue)));
            return Slice(offset, length);
        }
    }

    /// <summary>A part: elements from <paramref name="start"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the memory.</exception>
    public DeviceSlice<T> Slice(long start, long length) => new DeviceSlice<T>(Object, 0, Length).Slice(start, length);

    /// <summary>All of the memory.</summary>
    public DeviceSlice<T> AsSlice() => new(Object, 0, Length);

    /// <summary>All of the memory, where a slice is wanted.</summary>
    /// <exception cref="ArgumentNullException">There is no memory.</exception>
    public static implicit operator DeviceSlice<T>(DeviceMemory<T> memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.AsSlice();
    }

    /// <summary>Copies from any host memory, at once and without waiting for streams: see <see cref="DeviceSlice{T}.CopyFrom(ReadOnlySpan{T})"/>.</summary>
    /// <inheritdoc cref="DeviceSlice{T}.CopyFrom(ReadOnlySpan{T})"/>
    public void CopyFrom(ReadOnlySpan<T> source) => AsSlice().CopyFrom(source);

    /// <summary>Copies to any host memory, at once and without waiting for streams: see <see cref="DeviceSlice{T}.CopyTo(Span{T})"/>.</summary>
    /// <inheritdoc cref="DeviceSlice{T}.CopyTo(Span{T})"/>
    public void CopyTo(Span<T> destination) => AsSlice().CopyTo(destination);

    /// <summary>Copies to device memory, at once and without waiting for streams: see <see cref="DeviceSlice{T}.CopyTo(DeviceSlice{T})"/>.</summary>
    /// <inheritdoc cref="DeviceSlice{T}.CopyTo(DeviceSlice{T})"/>
    public void CopyTo(DeviceSlice<T> destination) => AsSlice().CopyTo(destination);

    /// <summary>Copies a rectangle from any host memory, at once and without waiting for streams: see <see cref="DeviceSlice{T}.CopyFrom2D"/>.</summary>
    /// <inheritdoc cref="DeviceSlice{T}.CopyFrom2D"/>
    public void CopyFrom2D(ReadOnlySpan<T> source, long sourcePitch, long pitch, long width, long height) => AsSlice().CopyFrom2D(source, sourcePitch, pitch, width, height);

    /// <summary>Copies a rectangle to any host memory, at once and without waiting for streams: see <see cref="DeviceSlice{T}.CopyTo2D"/>.</summary>
    /// <inheritdoc cref="DeviceSlice{T}.CopyTo2D"/>
    public void CopyTo2D(Span<T> destination, long destinationPitch, long pitch, long width, long height) => AsSlice().CopyTo2D(destination, destinationPitch, pitch, width, height);

    /// <summary>Copies everything into a new array, at once and without waiting for streams.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public T[] ToArray() => AsSlice().ToArray();

    /// <summary>Sets every byte, at once and without waiting for streams: see <see cref="DeviceSlice{T}.Fill"/>.</summary>
    /// <inheritdoc cref="DeviceSlice{T}.Fill"/>
    public void Fill(byte value) => AsSlice().Fill(value);

    /// <summary>Frees the memory, when the copies that are queued with it have run; does not wait for them. C: aclrtFree.</summary>
    public void Dispose() => Object.Dispose();
}

/// <summary>A part of device memory. A default value is refused everywhere.</summary>
/// <typeparam name="T">What the memory holds.</typeparam>
public readonly unsafe struct DeviceSlice<T> where T : unmanaged
{
    private readonly MemoryObject? _memory;
    private readonly nuint _offset;

    internal DeviceSlice(MemoryObject memory, nuint offsetBytes, long length) => (_memory, _offset, Length) = (memory, offsetBytes, length);

    /// <summary>Elements.</summary>
    public long Length { get; }

    /// <summary>Bytes: <see cref="Length"/> times the size of an element.</summary>
    public long SizeBytes => Length * sizeof(T);

    /// <summary>The device address of the first element, for C calls.</summary>
    /// <exception cref="ArgumentException">It is a default value.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(Object.IsClosed, typeof(DeviceMemory<T>));
            return (nint)(_memory!.Address + _offset);
        }
    }

    internal nuint Bytes => (nuint)Length * (nuint)sizeof(T);

    internal MemoryObject Object
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _memory ?? throw ThrowDefault();
    }

    internal MemoryRange Range
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Object, _offset, Bytes);
    }

    /// <summary>A part of this part, as in <c>slice[10..20]</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the slice.</exception>
    public DeviceSlice<T> this[Range range]
    {
        get
        {
            (int offset, int length) = range.GetOffsetAndLength(checked((int)Math.Min(Length, int.MaxValue)));
            return Slice(offset, length);
        }
    }

    /// <summary>A part of this part.</summary>
    /// <exception cref="ArgumentException">It is a default value.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the slice.</exception>
    public DeviceSlice<T> Slice(long start, long length)
    {
        MemoryObject memory = Object;
        if ((ulong)start > (ulong)Length || (ulong)length > (ulong)(Length - start))
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"{length} elements from element {start} leave the {Length} elements of the memory.");
        }
        return new DeviceSlice<T>(memory, _offset + (nuint)start * (nuint)sizeof(T), length);
    }

    /// <summary>The same bytes as another type.</summary>
    /// <exception cref="ArgumentException">The bytes are no whole number of elements, or it is a default value.</exception>
    public DeviceSlice<TTo> Cast<TTo>() where TTo : unmanaged
    {
        MemoryObject memory = Object;
        if (SizeBytes % sizeof(TTo) != 0)
        {
            throw new ArgumentException($"{SizeBytes} bytes are no whole number of {typeof(TTo).Name} ({sizeof(TTo)} bytes each).");
        }
        return new DeviceSlice<TTo>(memory, _offset, SizeBytes / sizeof(TTo));
    }

    /// <summary>Copies from any host memory on the calling thread; when it returns the data is there. Does not wait for work that streams have. C: aclrtMemcpy.</summary>
    /// <param name="source">At most <see cref="Length"/> elements; nothing happens when it is empty.</param>
    /// <exception cref="ArgumentException">The source is longer, or this is a default value.</exception>
    /// <exception cref="AclException">107030: a capture forbids blocking copies.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public void CopyFrom(ReadOnlySpan<T> source)
    {
        CheckFits(source.Length, Length, nameof(source));
        fixed (T* start = source)
        {
            CopyNow((void*)Range.Address, Bytes, start, (nuint)source.Length * (nuint)sizeof(T), aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE);
        }
    }

    /// <summary>Copies to any host memory on the calling thread; when it returns the data is there. Does not wait for work that streams have. C: aclrtMemcpy.</summary>
    /// <param name="destination">At least <see cref="Length"/> elements.</param>
    /// <exception cref="ArgumentException">The destination is shorter, or this is a default value.</exception>
    /// <exception cref="AclException">107030: a capture forbids blocking copies.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public void CopyTo(Span<T> destination)
    {
        CheckFits(Length, destination.Length, nameof(destination));
        fixed (T* start = destination)
        {
            CopyNow(start, (nuint)destination.Length * (nuint)sizeof(T), (void*)Range.Address, Bytes, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST);
        }
    }

    /// <summary>
    /// Copies to memory of this device or, with <see cref="NpuDevice.EnablePeerAccess"/>, of another one, on the calling thread; when it returns
    /// the data is there. Does not wait for work that streams have. C: aclrtMemcpy.
    /// </summary>
    /// <param name="destination">At least <see cref="Length"/> elements, of the same library.</param>
    /// <exception cref="ArgumentException">The destination is shorter or of another library, or one of both is a default value.</exception>
    /// <exception cref="AclException">107030: a capture forbids blocking copies.</exception>
    /// <exception cref="ObjectDisposedException">One of the memories is disposed.</exception>
    public void CopyTo(DeviceSlice<T> destination)
    {
        CheckFits(Length, destination.Length, nameof(destination));
        MemoryObject to = destination.Object;
        if (to.DeviceKey.Session != Object.DeviceKey.Session)
        {
            throw new ArgumentException("The memories come from different libraries.", nameof(destination));
        }
        to.Hold();
        try
        {
            CopyNow((void*)destination.Range.Address, destination.Bytes, (void*)Range.Address, Bytes, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE);
        }
        finally
        {
            to.Release();
        }
    }

    /// <summary>Copies a rectangle from any host memory on the calling thread; when it returns the data is there. Does not wait for work that streams have. C: aclrtMemcpy2d.</summary>
    /// <param name="source">From where, beginning with its first element.</param>
    /// <param name="sourcePitch">Elements from one row of the source to the next, at least <paramref name="width"/>.</param>
    /// <param name="pitch">Elements from one row of this memory to the next, at least <paramref name="width"/>.</param>
    /// <param name="width">Elements of a row, up to 5,000,000 bytes; 0 does nothing.</param>
    /// <param name="height">Rows, up to 5,242,880; 0 does nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rectangle leaves its memory, a pitch is less than the width, or it is too large.</exception>
    /// <exception cref="ArgumentException">It is a default value.</exception>
    /// <exception cref="AclException">107030: a capture forbids blocking copies.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public void CopyFrom2D(ReadOnlySpan<T> source, long sourcePitch, long pitch, long width, long height)
    {
        Rectangle.Check((nuint)source.Length, sourcePitch, (nuint)Length, pitch, width, height, sizeof(T));
        fixed (T* start = source)
        {
            CopyNow2D((void*)Range.Address, pitch, start, sourcePitch, width, height, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE);
        }
    }

    /// <summary>As <see cref="CopyFrom2D"/>, to any host memory. C: aclrtMemcpy2d.</summary>
    /// <param name="destination">To where, beginning with its first element.</param>
    /// <param name="destinationPitch">Elements from one row of the destination to the next, at least <paramref name="width"/>.</param>
    /// <param name="pitch">Elements from one row of this memory to the next, at least <paramref name="width"/>.</param>
    /// <param name="width">Elements of a row, up to 5,000,000 bytes; 0 does nothing.</param>
    /// <param name="height">Rows, up to 5,242,880; 0 does nothing.</param>
    /// <inheritdoc cref="CopyFrom2D"/>
    public void CopyTo2D(Span<T> destination, long destinationPitch, long pitch, long width, long height)
    {
        Rectangle.Check((nuint)Length, pitch, (nuint)destination.Length, destinationPitch, width, height, sizeof(T));
        fixed (T* start = destination)
        {
            CopyNow2D(start, destinationPitch, (void*)Range.Address, pitch, width, height, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST);
        }
    }

    /// <summary>Copies everything into a new array, at once and without waiting for streams. C: aclrtMemcpy.</summary>
    /// <exception cref="ArgumentException">It is a default value.</exception>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public T[] ToArray()
    {
        _ = Object;
        var array = new T[Length];
        CopyTo(array);
        return array;
    }

    /// <summary>Sets every byte, at once and without waiting for streams. C: aclrtMemset.</summary>
    /// <exception cref="ArgumentException">It is a default value.</exception>
    /// <exception cref="AclException">107030: a capture forbids it.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public void Fill(byte value)
    {
        MemoryObject memory = Begin();
        int code = memory.Context.Api.aclrtMemset((void*)(memory.Address + _offset), Bytes, value, Bytes);
        End(code, nameof(AclApi.aclrtMemset));
    }

    private static void CheckFits(long elements, long room, string name)
    {
        if (elements > room)
        {
            throw new ArgumentException($"{elements} elements do not fit {room}.", name);
        }
    }

    private static ArgumentException ThrowDefault() => new($"The DeviceSlice<{typeof(T).Name}> is a default value; take one from a DeviceMemory<{typeof(T).Name}>.");

    private void CopyNow(void* to, nuint room, void* from, nuint bytes, aclrtMemcpyKind kind)
    {
        if (bytes != 0)
        {
            AclApi api = Begin().Context.Api;
            End(api.aclrtMemcpy(to, room, from, bytes, kind), nameof(AclApi.aclrtMemcpy));
        }
    }

    private void CopyNow2D(void* to, long toPitch, void* from, long fromPitch, long width, long height, aclrtMemcpyKind kind)
    {
        nuint size = (nuint)sizeof(T);
        if (width != 0 && height != 0)
        {
            AclApi api = Begin().Context.Api;
            End(api.aclrtMemcpy2d(to, (nuint)toPitch * size, from, (nuint)fromPitch * size, (nuint)width * size, (nuint)height, kind), nameof(AclApi.aclrtMemcpy2d));
        }
    }

    /// <summary>Up to <see cref="End"/> the memory is not freed.</summary>
    private MemoryObject Begin()
    {
        MemoryObject memory = Object;
        memory.Context.Enter();
        ThreadSlot.Mine.Enter();
        if (memory.IsClosed)
        {
            ThreadSlot.Mine.Leave();
            throw new ObjectDisposedException(typeof(DeviceMemory<T>).FullName);
        }
        return memory;
    }

    private void End(int code, string function)
    {
        ThreadSlot.Mine.Leave();
        _memory!.Context.Check(code, function);
    }
}
