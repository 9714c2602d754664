namespace Updraft.Device;

/// <summary>
/// Touches host memory that is not ours, so it may be unmapped, read-only or a number somebody made up. In the native library a copy
/// runs under a guard that turns the fault into a result and costs nothing otherwise; in a managed host, which owns the signal, the
/// range is probed first.
/// </summary>
internal static unsafe class HostGuard
{
    /// <summary>Set by the native shell: copies with the kernel (null: memmove) and returns 1, or returns 0 when the memory faulted.</summary>
    internal static delegate* unmanaged[Cdecl]<void*, void*, nuint, void*, int> GuardedCopy;

    /// <summary>Set by the native shell: calls a function of the program; returns 0 when its address is not code.</summary>
    internal static delegate* unmanaged[Cdecl]<void*, nuint*, nuint*, int> GuardedCall;

    /// <summary>Copies with the help of free threads when it is large. False when a byte of either range cannot be touched.</summary>
    internal static bool TryCopy(void* to, void* from, nuint bytes)
    {
        AclError result = AclError.Success;
        for (nuint done = 0; !CopyEngine.CopyGuardedShared((byte*)to, (byte*)from, bytes, ref done, ref result);)
        {
            // Gave way to a stream that somebody else runs now.
        }
        return result == AclError.Success;
    }

    /// <summary>Copies on the calling thread alone.</summary>
    internal static bool TryCopyHere(void* to, void* from, nuint bytes)
    {
        if (GuardedCopy != null)
        {
            return GuardedCopy(to, from, bytes, CopyEngine.NativeKernel((byte*)to, (byte*)from, bytes)) != 0;
        }
        if (!CanRead(from, bytes) || !CanWrite(to, bytes))
        {
            return false;
        }
        Buffer.MemoryCopy(from, to, bytes, bytes);
        return true;
    }

    /// <summary>
    /// An array of the program's, copied. A loop over it would fault in our own code, which is caught; the framework's copies of more
    /// than a few hundred bytes run in the C library, where a fault is not ours to catch.
    /// </summary>
    internal static T[] Read<T>(T* from, int count, string name) where T : unmanaged
    {
        var copy = new T[count];
        fixed (T* to = copy)
        {
            nuint bytes = (nuint)count * (nuint)sizeof(T);
            if (count > 0 && !TryCopy(to, from, bytes))
            {
                Check.Fail(AclError.RtParamInvalid, $"{name} has {count} elements, but the {bytes} bytes at 0x{(nuint)from:x} are not readable memory of this process.");
            }
        }
        return copy;
    }

    /// <summary>
    /// Refuses an array that cannot be that long, before somebody walks along it: in the reserved ranges nothing would stop the walk.
    /// Elsewhere it ends at the first byte that is not there.
    /// </summary>
    internal static void CheckArray(void* array, nuint count, nuint elementBytes, string name)
    {
        if (array == null || count == 0)
        {
            return;
        }
        bool isPossible = count <= nuint.MaxValue / 2 / elementBytes;
        if (!isPossible || !Place.Of(array, count * elementBytes).IsWhole)
        {
            Check.Fail(AclError.RtParamInvalid, $"{name} cannot have {count} elements of {elementBytes} bytes at {Place.Describe(array)}.");
        }
    }

    internal static bool CanRead(void* start, nuint bytes) => IsOwn(start) || Probe(start, bytes, Posix.MADV_POPULATE_READ);

    internal static bool CanWrite(void* start, nuint bytes) => IsOwn(start) || Probe(start, bytes, Posix.MADV_POPULATE_WRITE);

    /// <summary>Calls a function of the program with up to four words. What it returns; 0 when its address is not code.</summary>
    internal static nuint Call(nuint function, nuint first, nuint second = 0, nuint third = 0, nuint fourth = 0)
    {
        if (GuardedCall == null)
        {
            return ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint>)function)(first, second, third, fourth);
        }
        nuint* words = stackalloc nuint[] { first, second, third, fourth };
        nuint result = 0;
        if (GuardedCall((void*)function, words, &result) == 0)
        {
            Log.Error($"the function 0x{function:x} given as a callback is not code; it was not called.");
        }
        return result;
    }

    private static bool IsOwn(void* start) => AddressSpace.IsPinned((nuint)start) || (nuint)start - (AddressSpace.DeviceBase + AddressSpace.BackingDistance) < AddressSpace.DeviceBytes + AddressSpace.VirtualBytes;

    private static bool Probe(void* start, nuint bytes, int advice)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint first = (nuint)start & ~(page - 1);
        nuint end = (nuint)start + bytes;
        return end >= first && Posix.madvise((void*)first, ((end - first) + page - 1) & ~(page - 1), advice) == 0;
    }
}
