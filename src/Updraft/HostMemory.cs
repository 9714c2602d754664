using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft;

/// <summary>
/// Host memory that copies use asynchronously: allocated as such (<see cref="PinnedMemory{T}"/>) or registered later
/// (<see cref="RegisteredMemory{T}"/>). It is a <see cref="MemoryManager{T}"/>, so everything that works on <see cref="Memory{T}"/> and
/// <see cref="Span{T}"/> works on it. What a queued copy reads or writes must be left alone until it has run; the memory itself lives until then,
/// whoever disposes or forgets it.
/// </summary>
/// <typeparam name="T">What the memory holds.</typeparam>
public abstract unsafe class HostMemory<T> : MemoryManager<T> where T : unmanaged
{
    private protected HostMemory(MemoryObject memory, long length) => (Object, Length) = (memory, length);

    /// <summary>Elements.</summary>
    public long Length { get; }

    /// <summary>Bytes: <see cref="Length"/> times the size of an element.</summary>
    public long SizeBytes => (long)Object.Bytes;

    /// <summary>The first element. Nothing keeps the memory alive for the pointer's sake.</summary>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public T* Pointer
    {
        get
        {
            ThrowIfDisposed();
            return (T*)Object.Address;
        }
    }

    /// <summary>All of the memory.</summary>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    /// <exception cref="InvalidOperationException">It is longer than a span can be; see <see cref="GetSpan(long, int)"/>.</exception>
    public Span<T> Span => GetSpan();

    /// <summary>An element.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such element.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public ref T this[long index]
    {
        get
        {
            ThrowIfDisposed();
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)index, (ulong)Length, nameof(index));
            return ref ((T*)Object.Address)[index];
        }
    }

    /// <summary>A part, as in <c>memory[10..20]</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the memory.</exception>
    /// <exception cref="InvalidOperationException">The memory is longer than a <see cref="Memory{T}"/> can be; copy with indices instead.</exception>
    public Memory<T> this[Range range] => Memory[range];

    internal MemoryObject Object { get; }

    /// <summary>All of the memory. Prefer <see cref="Span"/>.</summary>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    /// <exception cref="InvalidOperationException">It is longer than a span can be; see <see cref="GetSpan(long, int)"/>.</exception>
    public override Span<T> GetSpan()
    {
        ThrowIfDisposed();
        return new Span<T>((void*)Object.Address, ShortLength());
    }

    /// <summary>A part, of memory of any length.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the memory.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public Span<T> GetSpan(long start, int length)
    {
        ThrowIfDisposed();
        if ((ulong)start > (ulong)Length || (ulong)length > (ulong)(Length - start))
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"{length} elements from element {start} leave the {Length} elements of the memory.");
        }
        return new Span<T>((T*)Object.Address + start, length);
    }

    /// <summary>All of the memory, as a slice that can be stored.</summary>
    /// <exception cref="InvalidOperationException">It is longer than a <see cref="Memory{T}"/> can be; copy with indices instead.</exception>
    public override Memory<T> Memory => CreateMemory(ShortLength());

    /// <summary>All of the memory, where a <see cref="Memory{T}"/> is wanted.</summary>
    /// <exception cref="ArgumentNullException">There is no memory.</exception>
    public static implicit operator Memory<T>(HostMemory<T> memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.Memory;
    }

    /// <summary>All of the memory, where a <see cref="ReadOnlyMemory{T}"/> is wanted.</summary>
    /// <exception cref="ArgumentNullException">There is no memory.</exception>
    public static implicit operator ReadOnlyMemory<T>(HostMemory<T> memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.Memory;
    }

    /// <summary>The memory does not move anyway; it stays alive until the handle is disposed.</summary>
    /// <param name="elementIndex">From 0 to <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such element.</exception>
    /// <exception cref="ObjectDisposedException">The memory is disposed.</exception>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)elementIndex, (ulong)Length, nameof(elementIndex));
        Object.Hold();
        return new MemoryHandle((T*)Object.Address + elementIndex, default, this);
    }

    /// <summary>Ends a <see cref="Pin"/>; called by its handle.</summary>
    public override void Unpin() => Object.Release();

    /// <summary>Gives the memory back, when the copies that are queued with it have run; does not wait for them. C: aclrtFreeHost, aclrtHostUnregister.</summary>
    public void Dispose() => Object.Dispose();

    /// <summary>Gives the memory back.</summary>
    protected override void Dispose(bool disposing) => Object.Dispose();

    private int ShortLength() => Length <= int.MaxValue ? (int)Length
        : throw new InvalidOperationException($"{Length} elements are more than a span or Memory<{typeof(T).Name}> can have; use GetSpan(start, length), or copy with indices.");

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Object.IsClosed, this);
}

/// <summary>Pinned host memory of the library. C: aclrtMallocHost.</summary>
/// <typeparam name="T">What the memory holds.</typeparam>
public sealed class PinnedMemory<T> : HostMemory<T> where T : unmanaged
{
    internal PinnedMemory(MemoryObject memory, long length) : base(memory, length) { }
}

/// <summary>Host memory of the program that was pinned later. Disposing it ends the registration; the memory stays the program's. C: aclrtHostRegisterV2.</summary>
/// <typeparam name="T">What the memory holds.</typeparam>
public sealed class RegisteredMemory<T> : HostMemory<T> where T : unmanaged
{
    internal RegisteredMemory(MemoryObject memory, long length) : base(memory, length) { }
}
