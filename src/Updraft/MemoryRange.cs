using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft;

/// <summary>One side of a copy: a part of one memory, known to lie in it.</summary>
internal readonly struct MemoryRange
{
    internal readonly MemoryObject Object;
    internal readonly nuint Offset, Bytes;

    internal MemoryRange(MemoryObject memory, nuint offset, nuint bytes) => (Object, Offset, Bytes) = (memory, offset, bytes);

    internal nuint Address
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Object.Address + Offset;
    }
}

/// <summary>What may be a side of a copy, as a <see cref="MemoryRange"/>; what may not is refused here.</summary>
internal static class MemoryRanges
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static MemoryRange Whole<T>(this HostMemory<T> memory, [CallerArgumentExpression(nameof(memory))] string name = "") where T : unmanaged
    {
        MemoryObject whole = (memory ?? throw new ArgumentNullException(name)).Object;
        return new MemoryRange(whole, 0, whole.Bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static MemoryRange Whole<T>(this DeviceMemory<T> memory, [CallerArgumentExpression(nameof(memory))] string name = "") where T : unmanaged
    {
        MemoryObject whole = (memory ?? throw new ArgumentNullException(name)).Object;
        return new MemoryRange(whole, 0, whole.Bytes);
    }

    /// <summary>Pinned or registered memory behind a <see cref="Memory{T}"/>.</summary>
    internal static unsafe MemoryRange Pinned<T>(this ReadOnlyMemory<T> memory, [CallerArgumentExpression(nameof(memory))] string name = "") where T : unmanaged
    {
        if (!MemoryMarshal.TryGetMemoryManager(memory, out HostMemory<T>? manager, out int start, out int length))
        {
            throw new ArgumentException("The memory is managed, so the collector may move it before the copy runs. Use memory of AllocateHost or Register; or CopyBuffered, which takes the data at once; or CopyPageable, which waits.", name);
        }
        return new MemoryRange(manager.Object, (nuint)start * (nuint)sizeof(T), (nuint)length * (nuint)sizeof(T));
    }

    /// <inheritdoc cref="Pinned{T}(ReadOnlyMemory{T}, string)"/>
    internal static MemoryRange Pinned<T>(this Memory<T> memory, [CallerArgumentExpression(nameof(memory))] string name = "") where T : unmanaged => ((ReadOnlyMemory<T>)memory).Pinned(name);

    /// <summary>Elements of a memory of any length.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They leave it.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static unsafe MemoryRange Part<T>(this MemoryRange whole, long index, long length, [CallerArgumentExpression(nameof(index))] string name = "") where T : unmanaged
    {
        long elements = (long)(whole.Bytes / (nuint)sizeof(T));
        if ((ulong)index > (ulong)elements || (ulong)length > (ulong)(elements - index))
        {
            ThrowOutside(index, length, elements, name);
        }
        return new MemoryRange(whole.Object, whole.Offset + (nuint)index * (nuint)sizeof(T), (nuint)length * (nuint)sizeof(T));
    }

    private static void ThrowOutside(long index, long length, long elements, string name) =>
        throw new ArgumentOutOfRangeException(name, $"{length} elements from element {index} leave the {elements} elements of the memory.");
}
