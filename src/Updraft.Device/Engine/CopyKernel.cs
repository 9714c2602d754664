using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Updraft.Device;

/// <summary>
/// One way of moving bytes that do not overlap, at least 128 of them. Which there are depends on the processor and is found out once:
/// in a managed process the kernels below, which the just-in-time compiler makes of the widest vectors it may use; in the native library
/// those of kernels.c take their places, because the native compiler knows one instruction set for all processors.
/// Names with <c>-nt</c> store past the cache: for what is too large to be read from there again.
/// </summary>
internal readonly unsafe struct CopyKernel
{
    /// <summary>What <c>UPDRAFT_KERNEL</c> may name, on one machine or another. <c>auto</c> is no kernel: the fastest for each size.</summary>
    internal static readonly string[] Names = [Auto, Libc, "movsb", "sse2", "sse2-nt", "avx2", "avx2-nt", "avx512", "avx512-nt", "neon", "neon-nt"];

    internal const string Auto = "auto", Libc = "libc";

    private static readonly List<(string Name, CopyKernel Kernel)> s_available = Managed();

    /// <summary>The function in C, or null.</summary>
    internal readonly delegate* unmanaged[Cdecl, SuppressGCTransition]<byte*, byte*, nuint, void> Native;
    private readonly delegate*<byte*, byte*, nuint, void> _managed;

    private CopyKernel(delegate*<byte*, byte*, nuint, void> managed) => _managed = managed;

    private CopyKernel(delegate* unmanaged[Cdecl, SuppressGCTransition]<byte*, byte*, nuint, void> native) => Native = native;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Copy(byte* to, byte* from, nuint bytes)
    {
        if (Native != null)
        {
            Native(to, from, bytes);
        }
        else
        {
            _managed(to, from, bytes);
        }
    }

    /// <summary>The names of those that this process can use.</summary>
    internal static IEnumerable<string> Available => s_available.Select(each => each.Name);

    /// <summary>The first of the names that this processor has; libc's function is always there.</summary>
    internal static string FirstOf(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (s_available.Exists(each => each.Name == name))
            {
                return name;
            }
        }
        return Libc;
    }

    internal static CopyKernel Of(string name) => s_available.Find(each => each.Name == name).Kernel;

    /// <summary>The native shell brings a function of its own; it takes the place of the managed one of that name.</summary>
    internal static void Offer(string name, delegate* unmanaged[Cdecl, SuppressGCTransition]<byte*, byte*, nuint, void> native)
    {
        _ = s_available.RemoveAll(each => each.Name == name);
        s_available.Add((name, new CopyKernel(native)));
    }

    private static List<(string Name, CopyKernel Kernel)> Managed()
    {
        List<(string, CopyKernel)> kernels = [(Libc, new(&ByLibc))];
        if (Vector128.IsHardwareAccelerated)
        {
            Add<Vectors128>(kernels, X86Base.IsSupported ? "sse2" : "neon");
        }
        if (Avx2.IsSupported)
        {
            Add<Vectors256>(kernels, "avx2");
        }
        if (Avx512F.IsSupported)
        {
            Add<Vectors512>(kernels, "avx512");
        }
        return kernels;
    }

    private static void Add<T>(List<(string Name, CopyKernel Kernel)> kernels, string name) where T : IVectors
    {
        kernels.Add((name, new(&ThroughCache<T>)));
        kernels.Add((name + "-nt", new(&PastCache<T>)));
    }

    private static void ByLibc(byte* to, byte* from, nuint bytes) => _ = Posix.memmove(to, from, bytes);

    private const nuint Line = 64, Step = 2 * Line;

    private static void ThroughCache<T>(byte* to, byte* from, nuint bytes) where T : IVectors
    {
        nuint done = 0;
        for (; done + Step <= bytes; done += Step)
        {
            T.CopyLine(to + done, from + done);
            T.CopyLine(to + done + Line, from + done + Line);
        }
        if (done < bytes)
        {
            LastStep<T>(to, from, bytes);
        }
    }

    private static void PastCache<T>(byte* to, byte* from, nuint bytes) where T : IVectors
    {
        nuint done = (nuint)(-(nint)to) & (Line - 1);
        if (done > 0)
        {
            T.CopyLine(to, from);
        }
        for (; done + Step <= bytes; done += Step)
        {
            T.CopyLinePastCache(to + done, from + done);
            T.CopyLinePastCache(to + done + Line, from + done + Line);
        }
        if (done < bytes)
        {
            LastStep<T>(to, from, bytes);
        }
        // Such stores are not ordered by the release that publishes the end of the copy.
        if (Sse.IsSupported)
        {
            Sse.StoreFence();
        }
        else
        {
            Interlocked.MemoryBarrier();
        }
    }

    /// <summary>Some of it a second time: cheaper than a copy of a size that has to be found out.</summary>
    private static void LastStep<T>(byte* to, byte* from, nuint bytes) where T : IVectors
    {
        T.CopyLine(to + bytes - Step, from + bytes - Step);
        T.CopyLine(to + bytes - Line, from + bytes - Line);
    }

    /// <summary>Vectors of one width: a line of 64 bytes by them.</summary>
    private interface IVectors
    {
        static abstract void CopyLine(byte* to, byte* from);

        /// <summary>The target begins at a line.</summary>
        static abstract void CopyLinePastCache(byte* to, byte* from);
    }

    private readonly struct Vectors128 : IVectors
    {
        public static void CopyLine(byte* to, byte* from)
        {
            Vector128<byte> first = Vector128.Load(from), second = Vector128.Load(from + 16), third = Vector128.Load(from + 32), fourth = Vector128.Load(from + 48);
            first.Store(to);
            second.Store(to + 16);
            third.Store(to + 32);
            fourth.Store(to + 48);
        }

        public static void CopyLinePastCache(byte* to, byte* from)
        {
            Vector128<byte> first = Vector128.Load(from), second = Vector128.Load(from + 16), third = Vector128.Load(from + 32), fourth = Vector128.Load(from + 48);
            first.StoreAlignedNonTemporal(to);
            second.StoreAlignedNonTemporal(to + 16);
            third.StoreAlignedNonTemporal(to + 32);
            fourth.StoreAlignedNonTemporal(to + 48);
        }
    }

    private readonly struct Vectors256 : IVectors
    {
        public static void CopyLine(byte* to, byte* from)
        {
            Vector256<byte> first = Vector256.Load(from), second = Vector256.Load(from + 32);
            first.Store(to);
            second.Store(to + 32);
        }

        public static void CopyLinePastCache(byte* to, byte* from)
        {
            Vector256<byte> first = Vector256.Load(from), second = Vector256.Load(from + 32);
            first.StoreAlignedNonTemporal(to);
            second.StoreAlignedNonTemporal(to + 32);
        }
    }

    private readonly struct Vectors512 : IVectors
    {
        public static void CopyLine(byte* to, byte* from) => Vector512.Load(from).Store(to);

        public static void CopyLinePastCache(byte* to, byte* from) => Vector512.Load(from).StoreAlignedNonTemporal(to);
    }
}
