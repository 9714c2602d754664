namespace Updraft;

// Rectangles: `height` rows of `width` elements, whose beginnings are `pitch` elements apart on each side.
public sealed unsafe partial class NpuStream
{
    private const long MaximumWidthBytes = 5_000_000, MaximumHeight = 5_242_880;

    /// <summary>Queues the copy of a rectangle to the device. C: aclrtMemcpy2dAsync.</summary>
    /// <param name="source">From where, beginning with its first element.</param>
    /// <param name="sourcePitch">Elements from one row of the source to the next, at least <paramref name="width"/>.</param>
    /// <param name="destination">To where; memory of this stream's device.</param>
    /// <param name="destinationPitch">Elements from one row of the destination to the next, at least <paramref name="width"/>.</param>
    /// <param name="width">Elements of a row, up to 5,000,000 bytes; 0 does nothing.</param>
    /// <param name="height">Rows, up to 5,242,880; 0 does nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rectangle leaves its memory, a pitch is less than the width, or it is too large.</exception>
    /// <exception cref="ArgumentException">The memory is of another device or library, managed, or a default value.</exception>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream or one of the memories is disposed.</exception>
    public void Copy2D<T>(ReadOnlyMemory<T> source, long sourcePitch, DeviceSlice<T> destination, long destinationPitch, long width, long height) where T : unmanaged
    {
        MemoryObject to = destination.Object, from = HostPart(source, nameof(source), out nuint offset);
        CheckRectangle<T>(source.Length, sourcePitch, destination.Length, destinationPitch, width, height);
        Submit2D<T>(to, to.Address + destination.Offset, destinationPitch, from, from.Address + offset, sourcePitch, width, height, HostToDevice);
    }

    /// <inheritdoc cref="Copy2D{T}(ReadOnlyMemory{T}, long, DeviceSlice{T}, long, long, long)"/>
    public void Copy2D<T>(HostMemory<T> source, long sourcePitch, DeviceSlice<T> destination, long destinationPitch, long width, long height) where T : unmanaged
    {
        MemoryObject to = destination.Object, from = source.Object;
        CheckRectangle<T>(source.Length, sourcePitch, destination.Length, destinationPitch, width, height);
        Submit2D<T>(to, to.Address + destination.Offset, destinationPitch, from, from.Address, sourcePitch, width, height, HostToDevice);
    }

    /// <summary>Queues the copy of a rectangle to the host. C: aclrtMemcpy2dAsync.</summary>
    /// <inheritdoc cref="Copy2D{T}(ReadOnlyMemory{T}, long, DeviceSlice{T}, long, long, long)"/>
    public void Copy2D<T>(DeviceSlice<T> source, long sourcePitch, Memory<T> destination, long destinationPitch, long width, long height) where T : unmanaged
    {
        MemoryObject from = source.Object, to = HostPart<T>(destination, nameof(destination), out nuint offset);
        CheckRectangle<T>(source.Length, sourcePitch, destination.Length, destinationPitch, width, height);
        Submit2D<T>(to, to.Address + offset, destinationPitch, from, from.Address + source.Offset, sourcePitch, width, height, DeviceToHost);
    }

    /// <inheritdoc cref="Copy2D{T}(DeviceSlice{T}, long, Memory{T}, long, long, long)"/>
    public void Copy2D<T>(DeviceSlice<T> source, long sourcePitch, HostMemory<T> destination, long destinationPitch, long width, long height) where T : unmanaged
    {
        MemoryObject from = source.Object, to = destination.Object;
        CheckRectangle<T>(source.Length, sourcePitch, destination.Length, destinationPitch, width, height);
        Submit2D<T>(to, to.Address, destinationPitch, from, from.Address + source.Offset, sourcePitch, width, height, DeviceToHost);
    }

    /// <summary>Queues the copy of a rectangle within the device, or from or to another one. C: aclrtMemcpy2dAsync.</summary>
    /// <inheritdoc cref="Copy2D{T}(ReadOnlyMemory{T}, long, DeviceSlice{T}, long, long, long)"/>
    public void Copy2D<T>(DeviceSlice<T> source, long sourcePitch, DeviceSlice<T> destination, long destinationPitch, long width, long height) where T : unmanaged
    {
        MemoryObject from = source.Object, to = destination.Object;
        CheckRectangle<T>(source.Length, sourcePitch, destination.Length, destinationPitch, width, height);
        Submit2D<T>(to, to.Address + destination.Offset, destinationPitch, from, from.Address + source.Offset, sourcePitch, width, height, DeviceToDevice);
    }

    private void Submit2D<T>(MemoryObject to, nuint toAddress, long toPitch, MemoryObject from, nuint fromAddress, long fromPitch, long width, long height, aclrtMemcpyKind kind) where T : unmanaged
    {
        nuint size = (nuint)sizeof(T);
        ThreadSlot slot = Begin(to, from, kind);
        int code = _api.aclrtMemcpy2dAsync((void*)toAddress, (nuint)toPitch * size, (void*)fromAddress, (nuint)fromPitch * size, (nuint)width * size, (nuint)height, kind, _handle);
        if (code != 0 && _context.MayRepeat(code))
        {
            code = _api.aclrtMemcpy2dAsync((void*)toAddress, (nuint)toPitch * size, (void*)fromAddress, (nuint)fromPitch * size, (nuint)width * size, (nuint)height, kind, _handle);
        }
        slot.Leave();
        Check(code, nameof(_api.aclrtMemcpy2dAsync));
    }

    private static void CheckRectangle<T>(long sourceLength, long sourcePitch, long destinationLength, long destinationPitch, long width, long height) where T : unmanaged
    {
        if (width < 0 || width > MaximumWidthBytes / sizeof(T))
        {
            throw new ArgumentOutOfRangeException(nameof(width), width, $"A row has 0 to {MaximumWidthBytes:N0} bytes.");
        }
        if (height < 0 || height > MaximumHeight)
        {
            throw new ArgumentOutOfRangeException(nameof(height), height, $"A rectangle has 0 to {MaximumHeight:N0} rows.");
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(sourcePitch, width);
        ArgumentOutOfRangeException.ThrowIfLessThan(destinationPitch, width);
        if (width == 0 || height == 0)
        {
            return;
        }
        CheckInside(sourceLength, sourcePitch, width, height, "source");
        CheckInside(destinationLength, destinationPitch, width, height, "destination");
    }

    private static void CheckInside(long length, long pitch, long width, long height, string name)
    {
        // In Int128: a pitch may be anything.
        if ((Int128)pitch * (height - 1) + width > length)
        {
            throw new ArgumentOutOfRangeException(name, $"{height} rows of {width} elements, {pitch} apart, leave the {length} elements of the {name}.");
        }
    }
}
