using System.Runtime.InteropServices;

namespace Updraft.Device;

internal enum AllocationState : byte { None, Live, Freed }

/// <summary>The record of one allocation, 64 bytes; it outlives the free, so that a later use of the address can be explained.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Allocation
{
    internal nuint Address;

    /// <summary>Bytes a program may touch: the size it asked for, rounded up and padded as the chip does.</summary>
    internal nuint Bytes;

    /// <summary>Bytes the program asked for, for messages.</summary>
    internal nuint Requested;
    internal ulong Serial;

    /// <summary>Number of the grace period that was running when the memory was freed.</summary>
    internal ulong FreedInGrace;
    /// <summary>By <see cref="Posix.CoarseMs"/>, for messages.</summary>
    internal long FreedAtMs;
    internal int FreedByThread;
    internal uint PageBytes;
    internal uint Span;
    internal AllocationState State;

    /// <summary>The bytes lie in memory that other processes map as well: they need pages of their own before the addresses are used again.</summary>
    internal bool IsShared;

    /// <summary>Who asked for it, as the program named itself; for the usage list.</summary>
    internal ushort Module;

    internal readonly bool Contains(nuint address, nuint count) => State == AllocationState.Live && address >= Address && count <= Bytes && address - Address <= Bytes - count;
}
