using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Updraft.Device;

/// <summary>
/// Moves bytes. Three kernels by size, as measured on this kind of machine: a vector loop, the C library's <c>memmove</c>, and stores
/// past the cache for what is too large to stay in it. Large copies are cut into pieces that every free
/// thread takes from (<see cref="SharedWork"/>).
/// </summary>
internal static unsafe class CopyEngine
{
    /// <summary>Up to here a copy runs in one go on one thread.</summary>
    internal const nuint SmallBytes = 1 << 20;

    /// <summary>The piece of a large copy: small enough that others get their turn within a fraction of a millisecond.</summary>
    private const nuint PieceBytes = 512 << 10;

    private const nuint VectorLoopBytes = 32 << 10;
    private const nuint CachedBytes = 512 << 10;

    // Up to which size which kernel. Fields, so that a test can send every size through each.
    private static nuint s_vectorLoopBytes = VectorLoopBytes, s_cachedBytes = CachedBytes;
    private static CopyKernel s_forced;

    /// <summary>Sends what does not overlap and has 128 bytes or more through one kernel, whatever its size. For tests, while nothing is copied.</summary>
    internal static CopyKernel Forced
    {
        get => s_forced;
        set
        {
            s_forced = value;
            s_vectorLoopBytes = value switch { CopyKernel.BySize => VectorLoopBytes, CopyKernel.Vectors => nuint.MaxValue, _ => 0 };
            s_cachedBytes = value switch { CopyKernel.BySize => CachedBytes, CopyKernel.PastCache => 0, _ => nuint.MaxValue };
        }
    }

    /// <summary>At most <see cref="SmallBytes"/>. Overlapping ranges come out as with memmove.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CopySmall(byte* to, byte* from, nuint bytes)
    {
        if (bytes - 32 <= 32)
        {
            // 32 to 64 bytes: all loads before the first store, so it may overlap.
            Vector256<byte> first = Vector256.Load(from), last = Vector256.Load(from + bytes - 32);
            first.Store(to);
            last.Store(to + bytes - 32);
        }
        else
        {
            CopyMedium(to, from, bytes);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CopyMedium(byte* to, byte* from, nuint bytes)
    {
        if (bytes < 128)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
        }
        else if (Overlap(to, from, bytes) || !Vector256.IsHardwareAccelerated)
        {
            _ = Posix.memmove(to, from, bytes);
        }
        else if (bytes <= s_vectorLoopBytes)
        {
            CopyByVectors(to, from, bytes);
        }
        else if (bytes <= s_cachedBytes)
        {
            _ = Posix.memmove(to, from, bytes);
        }
        else
        {
            CopyPastCache(to, from, bytes);
        }
    }

    /// <summary>A piece of a large copy; the ranges do not overlap.</summary>
    internal static void CopyPiece(byte* to, byte* from, nuint bytes)
    {
        if (s_forced == CopyKernel.BySize)
        {
            CopyPastCache(to, from, bytes);
        }
        else
        {
            CopyMedium(to, from, bytes);
        }
    }

    /// <summary>At least 128 bytes that do not overlap.</summary>
    private static void CopyByVectors(byte* to, byte* from, nuint bytes)
    {
        byte* end = from + (bytes & ~(nuint)127);
        for (; from < end; from += 128, to += 128)
        {
            Copy128(to, from);
        }
        nuint rest = bytes & 127;
        if (rest != 0)
        {
            // The last 128 bytes, some of them a second time: cheaper than a copy of a size that has to be found out.
            Copy128(to - (128 - rest), from - (128 - rest));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy128(byte* to, byte* from)
    {
        Vector256<byte> first = Vector256.Load(from), second = Vector256.Load(from + 32), third = Vector256.Load(from + 64), fourth = Vector256.Load(from + 96);
        first.Store(to);
        second.Store(to + 32);
        third.Store(to + 64);
        fourth.Store(to + 96);
    }

    /// <summary>Any size, on the calling thread, with the help of free ones.</summary>
    internal static void Copy(byte* to, byte* from, nuint bytes)
    {
        for (nuint done = 0; !CopyShared(to, from, bytes, ref done);)
        {
            // Gave way to a stream that somebody else runs now; a caller has nothing better to do than to go on.
        }
    }

    /// <summary>
    /// Goes on with a large copy at <paramref name="done"/>. False when other streams are waiting for this thread: the caller comes
    /// back later with the same arguments.
    /// </summary>
    internal static bool CopyShared(byte* to, byte* from, nuint bytes, ref nuint done)
    {
        if (bytes <= SmallBytes)
        {
            CopySmall(to, from, bytes);
            return true;
        }
        if (Overlap(to, from, bytes))
        {
            _ = Posix.memmovePreemptive(to, from, bytes);
            return true;
        }
        return SharedCopy.Run(to, from, bytes, PieceBytes, ref done);
    }

    /// <summary>As <see cref="CopyShared"/> for host memory that may not be there. A fault ends the copy, with <paramref name="result"/> 507013.</summary>
    internal static bool CopyGuardedShared(byte* to, byte* from, nuint bytes, ref nuint done, ref AclError result)
    {
        bool hasFaulted;
        bool isComplete = true;
        if (bytes <= SmallBytes || Overlap(to, from, bytes))
        {
            hasFaulted = !HostGuard.TryCopyHere(to, from, bytes);
        }
        else
        {
            isComplete = SharedCopy.RunGuarded(to, from, bytes, PieceBytes, ref done, out hasFaulted);
        }
        if (hasFaulted)
        {
            result = AclError.RtSysDma;
        }
        return isComplete || hasFaulted;
    }

    internal static void Fill(byte* to, byte value, nuint bytes)
    {
        for (; bytes > 0;)
        {
            nuint piece = Math.Min(bytes, SmallBytes);
            new Span<byte>(to, (int)piece).Fill(value);
            to += piece;
            bytes -= piece;
        }
    }

    internal static void Fill32(uint* to, uint value, nuint count)
    {
        for (; count > 0;)
        {
            nuint piece = Math.Min(count, SmallBytes);
            new Span<uint>(to, (int)piece).Fill(value);
            to += piece;
            count -= piece;
        }
    }

    /// <summary>Any rectangle, on the calling thread, with the help of free ones.</summary>
    internal static void Copy2D(byte* to, nuint toPitch, byte* from, nuint fromPitch, nuint width, nuint height)
    {
        for (nuint done = 0; !Copy2DShared(to, toPitch, from, fromPitch, width, height, ref done);)
        {
            // As in Copy.
        }
    }

    /// <summary>Goes on with a rectangle at row <paramref name="done"/>; false when other streams are waiting for this thread.</summary>
    internal static bool Copy2DShared(byte* to, nuint toPitch, byte* from, nuint fromPitch, nuint width, nuint height, ref nuint done)
    {
        nuint toSpan = (height - 1) * toPitch + width, fromSpan = (height - 1) * fromPitch + width;
        if (width * height <= SmallBytes || Overlap(to, from, Math.Max(toSpan, fromSpan)))
        {
            // Rows of one after another: overlapping rectangles come out row by row.
            CopyRows(to, toPitch, from, fromPitch, width, height);
            return true;
        }
        return SharedRectangle.Run(to, toPitch, from, fromPitch, width, height, Math.Max(1, PieceBytes / width), ref done);
    }

    internal static void CopyRows(byte* to, nuint toPitch, byte* from, nuint fromPitch, nuint width, nuint height)
    {
        if (width <= SmallBytes)
        {
            for (nuint row = 0; row < height; row++)
            {
                CopySmall(to + row * toPitch, from + row * fromPitch, width);
            }
            return;
        }
        for (nuint row = 0; row < height; row++)
        {
            // Not in pieces for others to help with: this may be such a piece itself.
            byte* rowTo = to + row * toPitch, rowFrom = from + row * fromPitch;
            if (Overlap(rowTo, rowFrom, width))
            {
                _ = Posix.memmovePreemptive(rowTo, rowFrom, width);
            }
            else
            {
                CopyPiece(rowTo, rowFrom, width);
            }
        }
    }

    internal static bool Overlap(byte* to, byte* from, nuint bytes) => (nuint)(to - from) < bytes || (nuint)(from - to) < bytes;

    /// <summary>Stores past the cache: the target is too large to be read from it again, and fetching its lines first would be wasted.</summary>
    internal static void CopyPastCache(byte* to, byte* from, nuint bytes)
    {
        // The last piece of a large copy may be shorter than what is missing to an aligned target.
        nuint head = Math.Min((nuint)(-(nint)to) & 31, bytes);
        Buffer.MemoryCopy(from, to, head, head);
        to += head;
        from += head;
        bytes -= head;
        byte* end = to + (bytes & ~(nuint)127);
        while (to < end)
        {
            Vector256<byte> first = Vector256.Load(from), second = Vector256.Load(from + 32), third = Vector256.Load(from + 64), fourth = Vector256.Load(from + 96);
            first.StoreAlignedNonTemporal(to);
            second.StoreAlignedNonTemporal(to + 32);
            third.StoreAlignedNonTemporal(to + 64);
            fourth.StoreAlignedNonTemporal(to + 96);
            to += 128;
            from += 128;
        }
        Buffer.MemoryCopy(from, to, bytes & 127, bytes & 127);
        if (Sse.IsSupported)
        {
            // Non-temporal stores are not ordered by the release that publishes the end of the copy.
            Sse.StoreFence();
        }
        else
        {
            Interlocked.MemoryBarrier();
        }
    }
}

/// <summary>The ways bytes can be moved; see <see cref="CopyEngine"/>.</summary>
internal enum CopyKernel
{
    /// <summary>The fastest for the size: the product.</summary>
    BySize,
    Vectors,
    Libc,
    PastCache,
}
