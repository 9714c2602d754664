namespace Updraft;

// Rectangles: `height` rows of `width` elements, whose beginnings are `pitch` elements apart on each side.
public sealed unsafe partial class NpuStream
{
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
    public void Copy2D<T>(ReadOnlyMemory<T> source, long sourcePitch, DeviceSlice<T> destination, long destinationPitch, long width, long height) where T : unmanaged =>
        Submit2D<T>(destination.Range, destinationPitch, source.Pinned(), sourcePitch, width, height, HostToDevice);

    /// <inheritdoc cref="Copy2D{T}(ReadOnlyMemory{T}, long, DeviceSlice{T}, long, long, long)"/>
    public void Copy2D<T>(HostMemory<T> source, long sourcePitch, DeviceSlice<T> destination, long destinationPitch, long width, long height) where T : unmanaged =>
        Submit2D<T>(destination.Range, destinationPitch, source.Whole(), sourcePitch, width, height, HostToDevice);

    /// <summary>Queues the copy of a rectangle to the host. C: aclrtMemcpy2dAsync.</summary>
    /// <inheritdoc cref="Copy2D{T}(ReadOnlyMemory{T}, long, DeviceSlice{T}, long, long, long)"/>
    public void Copy2D<T>(DeviceSlice<T> source, long sourcePitch, Memory<T> destination, long destinationPitch, long width, long height) where T : unmanaged =>
        Submit2D<T>(destination.Pinned(), destinationPitch, source.Range, sourcePitch, width, height, DeviceToHost);

    /// <inheritdoc cref="Copy2D{T}(DeviceSlice{T}, long, Memory{T}, long, long, long)"/>
    public void Copy2D<T>(DeviceSlice<T> source, long sourcePitch, HostMemory<T> destination, long destinationPitch, long width, long height) where T : unmanaged =>
        Submit2D<T>(destination.Whole(), destinationPitch, source.Range, sourcePitch, width, height, DeviceToHost);

    /// <summary>Queues the copy of a rectangle within the device, or from or to another one. C: aclrtMemcpy2dAsync.</summary>
    /// <inheritdoc cref="Copy2D{T}(ReadOnlyMemory{T}, long, DeviceSlice{T}, long, long, long)"/>
    public void Copy2D<T>(DeviceSlice<T> source, long sourcePitch, DeviceSlice<T> destination, long destinationPitch, long width, long height) where T : unmanaged =>
        Submit2D<T>(destination.Range, destinationPitch, source.Range, sourcePitch, width, height, DeviceToDevice);

    private void Submit2D<T>(in MemoryRange to, long toPitch, in MemoryRange from, long fromPitch, long width, long height, aclrtMemcpyKind kind) where T : unmanaged
    {
        nuint size = (nuint)sizeof(T);
        Rectangle.Check(from.Bytes / size, fromPitch, to.Bytes / size, toPitch, width, height, sizeof(T));
        ThreadSlot slot = Begin(to.Object, from.Object, kind);
        int code = _api.aclrtMemcpy2dAsync((void*)to.Address, (nuint)toPitch * size, (void*)from.Address, (nuint)fromPitch * size, (nuint)width * size, (nuint)height, kind, _handle);
        if (code != 0 && _context.MayRepeat(code))
        {
            code = _api.aclrtMemcpy2dAsync((void*)to.Address, (nuint)toPitch * size, (void*)from.Address, (nuint)fromPitch * size, (nuint)width * size, (nuint)height, kind, _handle);
        }
        slot.Leave();
        Check(code, nameof(_api.aclrtMemcpy2dAsync));
    }
}

/// <summary>The checks of a rectangle, in elements.</summary>
internal static class Rectangle
{
    private const long MaximumWidthBytes = 5_000_000, MaximumHeight = 5_242_880;

    internal static void Check(nuint sourceLength, long sourcePitch, nuint destinationLength, long destinationPitch, long width, long height, int elementBytes)
    {
        if (width < 0 || width > MaximumWidthBytes / elementBytes)
        {
            throw new ArgumentOutOfRangeException(nameof(width), width, $"A row has 0 to {MaximumWidthBytes:N0} bytes.");
        }
        if (height is < 0 or > MaximumHeight)
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

    private static void CheckInside(nuint length, long pitch, long width, long height, string name)
    {
        // In Int128: a pitch may be anything.
        if ((Int128)pitch * (height - 1) + width > length)
        {
            throw new ArgumentOutOfRangeException(name, $"{height} rows of {width} elements, {pitch} apart, leave the {length} elements of the {name}.");
        }
    }
}
