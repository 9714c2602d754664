using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>
/// Zeroed items in blocks that never move and are never given back singly. The blocks double up to the size of a huge page and lie in
/// such pages then: finding one item among a million is a single miss.
/// </summary>
internal unsafe struct BlockPool<T> where T : unmanaged
{
    private const int FirstItems = 4096;
    private const nuint LargestBytes = AddressSpace.ChunkBytes;
    private List<nint>? _blocks;
    private T* _next, _end;

    internal T* Take(int count)
    {
        if (_end - _next < count)
        {
            _blocks ??= [];
            nuint grown = Math.Min(LargestBytes, (nuint)FirstItems * (nuint)sizeof(T) << Math.Min(_blocks.Count, 16));
            nuint bytes = Math.Max(grown, (nuint)count * (nuint)sizeof(T));
            _next = (T*)NativeMemory.AlignedAlloc(bytes, grown);
            if (grown == LargestBytes)
            {
                _ = Posix.madvise(_next, bytes, Posix.MADV_HUGEPAGE);
            }
            NativeMemory.Clear(_next, bytes);
            _end = _next + bytes / (nuint)sizeof(T);
            _blocks.Add((nint)_next);
        }
        T* taken = _next;
        _next += count;
        return taken;
    }

    internal readonly void Dispose()
    {
        foreach (nint start in _blocks ?? [])
        {
            NativeMemory.AlignedFree((void*)start);
        }
    }
}
