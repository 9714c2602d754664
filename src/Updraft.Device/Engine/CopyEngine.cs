using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Updraft.Device;

/// <summary>
/// Moves bytes. Three kernels by size, as measured on this kind of machine: a vector loop, the C library's <c>memmove</c>, and stores
/// past the cache for what is too large to stay in it (<see cref="CopyKernel"/>). Large copies are cut into pieces that every free
/// thread takes from (<see cref="SharedWork"/>).
/// </summary>
internal static unsafe class CopyEngine
{
    /// <summary>Up to here a copy runs in one go on one thread.</summary>
    internal const nuint SmallBytes = 1 << 20;

    /// <summary>The piece of a large copy: small enough that others get their turn within a fraction of a millisecond.</summary>
    private const nuint PieceBytes = 512 << 10;

    /// <summary>What kernels copy at least.</summary>
    private const nuint KernelBytes = 128;
    private const nuint VectorLoopBytes = 32 << 10;
    private const nuint CachedBytes = 512 << 10;

    // Without initialisers: no copy shall ask whether the class has been initialised.
    private static CopyKernel s_short, s_medium, s_long;

    /// <summary>
    /// Chooses the kernels, while nothing is copied: the fastest for each size, or one for everything that does not overlap and has
    /// 128 bytes or more. 512-bit vectors are only used when they are asked for; they were slower than 256-bit ones.
    /// </summary>
    internal static void UseKernel(string name)
    {
        bool isFree = name == CopyKernel.Auto;
        string first = isFree ? CopyKernel.FirstOf("avx2", "sse2") : name, middle = isFree ? CopyKernel.Libc : name, last = isFree ? CopyKernel.FirstOf("avx2-nt", "sse2-nt", "neon-nt") : name;
        (s_short, s_medium, s_long) = (CopyKernel.Of(first), CopyKernel.Of(middle), CopyKernel.Of(last));
        KernelsInUse = isFree ? $"{first} to {VectorLoopBytes >> 10} KiB, {middle} to {CachedBytes >> 10} KiB, {last} above" : name;
    }

    /// <summary>The choice, for people.</summary>
    internal static string KernelsInUse { get; private set; } = null!;

    /// <summary>At most <see cref="SmallBytes"/>. Overlapping ranges come out as with memmove.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CopySmall(byte* to, byte* from, nuint bytes)
    {
        if (bytes - 32 <= 32)
        {
            // 32 to 64 bytes: all loads before the first store, so it may overlap. With the vectors that every processor has.
            Vector128<byte> first = Vector128.Load(from), second = Vector128.Load(from + 16), third = Vector128.Load(from + bytes - 32), fourth = Vector128.Load(from + bytes - 16);
            first.Store(to);
            second.Store(to + 16);
            third.Store(to + bytes - 32);
            fourth.Store(to + bytes - 16);
        }
        else
        {
            CopyMedium(to, from, bytes);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CopyMedium(byte* to, byte* from, nuint bytes)
    {
        if (bytes < KernelBytes)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
        }
        else if (Overlap(to, from, bytes))
        {
            _ = Posix.memmove(to, from, bytes);
        }
        else
        {
            KernelOf(bytes).Copy(to, from, bytes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref readonly CopyKernel KernelOf(nuint bytes)
    {
        if (bytes <= VectorLoopBytes)
        {
            return ref s_short;
        }
        return ref bytes <= CachedBytes ? ref s_medium : ref s_long;
    }

    /// <summary>The function in C for that copy; null when libc's memmove is to make it.</summary>
    internal static void* NativeKernel(byte* to, byte* from, nuint bytes)
        => bytes < KernelBytes || Overlap(to, from, bytes) ? null : KernelOf(bytes).Native;

    /// <summary>A piece of something large, which does not stay in the cache; the ranges do not overlap.</summary>
    internal static void CopyPiece(byte* to, byte* from, nuint bytes)
    {
        if (bytes < KernelBytes)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
        }
        else
        {
            s_long.Copy(to, from, bytes);
        }
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
}
