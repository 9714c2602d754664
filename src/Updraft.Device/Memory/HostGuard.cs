namespace Updraft.Device;

/// <summary>
/// Touches host memory that is not ours, so it may be unmapped, read-only or a number somebody made up. In the native library a copy
/// runs under a guard that turns the fault into a result and costs nothing otherwise; in a managed host, which owns the signal, the
/// range is probed first.
/// </summary>
internal static unsafe class HostGuard
{
    /// <summary>Set by the native shell: copies and returns 1, or returns 0 when the memory faulted.</summary>
    internal static delegate* unmanaged[Cdecl]<void*, void*, nuint, int> GuardedCopy;

    /// <summary>Set by the native shell: calls a function of the program; returns 0 when its address is not code.</summary>
    internal static delegate* unmanaged[Cdecl]<void*, void*, int> GuardedCall;

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
            return GuardedCopy(to, from, bytes) != 0;
        }
        if (!CanRead(from, bytes) || !CanWrite(to, bytes))
        {
            return false;
        }
        Buffer.MemoryCopy(from, to, bytes, bytes);
        return true;
    }

    internal static bool CanRead(void* start, nuint bytes) => IsOwn(start) || Probe(start, bytes, Posix.MADV_POPULATE_READ);

    internal static bool CanWrite(void* start, nuint bytes) => IsOwn(start) || Probe(start, bytes, Posix.MADV_POPULATE_WRITE);

    internal static void Call(nuint function, nuint argument)
    {
        if (GuardedCall == null)
        {
            ((delegate* unmanaged[Cdecl]<void*, void>)function)((void*)argument);
        }
        else if (GuardedCall((void*)function, (void*)argument) == 0)
        {
            Log.Error($"the host function 0x{function:x} is not code; it was not called.");
        }
    }

    private static bool IsOwn(void* start) => AddressSpace.IsPinned((nuint)start) || (nuint)start - (AddressSpace.DeviceBase + AddressSpace.BackingDistance) < AddressSpace.DeviceBytes;

    private static bool Probe(void* start, nuint bytes, int advice)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint first = (nuint)start & ~(page - 1);
        nuint end = (nuint)start + bytes;
        return end >= first && Posix.madvise((void*)first, ((end - first) + page - 1) & ~(page - 1), advice) == 0;
    }
}
