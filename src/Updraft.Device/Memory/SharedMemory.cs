using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>
/// Memory files: what physical memory, exported allocations and notifies are made of when several processes use them. They have no
/// name anywhere and vanish with the last process that holds one, however it ends.
/// </summary>
internal static unsafe class SharedMemory
{
    private const int TooManyFiles = 24;

    internal static int CreateFile(nuint bytes)
    {
        int file = Posix.memfd_create("updraft", Posix.MFD_CLOEXEC);
        if (file < 0 && Marshal.GetLastPInvokeError() == TooManyFiles && RaiseFileLimit())
        {
            file = Posix.memfd_create("updraft", Posix.MFD_CLOEXEC);
        }
        if (file < 0)
        {
            Check.Fail(AclError.RtResourceAllocFail, "The process may not open more files: each piece of physical or shared memory needs one; raise `ulimit -n`.");
        }
        if (Posix.ftruncate(file, (nint)bytes) != 0)
        {
            _ = Posix.close(file);
            Check.Fail(AclError.RtMemoryAllocation, $"The system refuses {bytes} bytes of shared memory.");
        }
        return file;
    }

    /// <summary>Shows the file at an address of ours. False when the system has no room for one more mapping.</summary>
    internal static bool Map(nuint address, nuint bytes, int file, nuint offset, bool isReadable = true) =>
        Posix.mmap((void*)address, bytes, isReadable ? Posix.PROT_READ | Posix.PROT_WRITE : Posix.PROT_NONE, Posix.MAP_SHARED | Posix.MAP_FIXED, file, (nint)offset) != Posix.MAP_FAILED;

    private const int QuietTimeoutMs = 5000;

    /// <summary>
    /// Set by the native shell: moves bytes of the backing into a file while others read and write them; stores meanwhile wait in the
    /// signal handler. 0 when done, 1 when the system refuses, 2 when the program has a signal handler of its own in front; of 0 bytes, whether it has.
    /// </summary>
    internal static delegate* unmanaged[Cdecl]<void*, nuint, int, long, int> AtomicMove;

    private const int Moved = 0, Refused = 1;

    /// <summary>Looks, a millisecond apart, after which a thread that blocks the signal is taken to do so for good.</summary>
    private const int BlockedLooks = 50;

    /// <summary>
    /// Moves bytes that others may be working on from private pages into a file, under the same address. Private pages cannot be made
    /// shared, so the bytes are copied.
    /// </summary>
    internal static void Move(nuint backing, nuint bytes, int file, nuint offset, bool isAtomic)
    {
        int result = isAtomic ? AtomicMove((void*)backing, bytes, file, (long)offset) : -1;
        Check.That(result != Refused, AclError.RtMemoryAllocation, $"The system refuses to map {bytes} bytes of shared memory.");
        if (result != Moved)
        {
            MoveWhenQuiet(backing, bytes, file, offset);
        }
    }

    /// <summary>
    /// Whether stores can be made to wait. Not in a managed host, which owns the signal, not when a handler of the program's stands before
    /// ours, and not while a thread blocks the signal: the process would end at the first store instead. A thread that starts or ends
    /// blocks all signals for a moment, which is long when the machine is busy.
    /// </summary>
    internal static bool MovesAtomically()
    {
        bool arrives = AtomicMove != null && AtomicMove(null, 0, -1, 0) == Moved;
        for (int attempt = 0; arrives && attempt < BlockedLooks; attempt++)
        {
            if (!IsFaultBlocked())
            {
                return true;
            }
            Thread.Sleep(1);
        }
        return false;
    }

    private static bool IsFaultBlocked()
    {
        const int faultSignal = 11;
        try
        {
            foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
            {
                string? blocked = File.ReadLines(task + "/status").FirstOrDefault(line => line.StartsWith("SigBlk:", StringComparison.Ordinal));
                if (blocked != null && (Convert.ToUInt64(blocked[7..].Trim(), 16) >> (faultSignal - 1) & 1) != 0)
                {
                    return true;
                }
            }
            return false;
        }
        catch (IOException)
        {
            return true; // A thread that ended between the two looks, or no /proc.
        }
    }

    /// <summary>
    /// Without the help of the signal handler. Whatever ran meanwhile may have written behind the copy, and then it is made again. A device
    /// that does not stand still for a moment in all that time keeps its private pages, and the export fails: what is queued loses
    /// nothing. A copy that starts exactly when the pages are exchanged can be lost; see docs/architecture.md.
    /// </summary>
    private static void MoveWhenQuiet(nuint backing, nuint bytes, int file, nuint offset)
    {
        void* copy = Posix.mmap(null, bytes, Posix.PROT_READ | Posix.PROT_WRITE, Posix.MAP_SHARED, file, (nint)offset);
        Check.That(copy != Posix.MAP_FAILED, AclError.RtMemoryAllocation, $"The system refuses to map {bytes} bytes of shared memory.");
        var deadline = new Deadline(QuietTimeoutMs);
        for (int attempt = 0; ; attempt++)
        {
            long before = Quiet(out bool wasQuiet);
            // What was never written stays without pages in the file too.
            if (attempt > 0 || new ReadOnlySpan<byte>((void*)backing, (int)bytes).ContainsAnyExcept((byte)0))
            {
                CopyEngine.CopyPiece((byte*)copy, (byte*)backing, bytes);
            }
            if (wasQuiet && Quiet(out bool isQuiet) == before && isQuiet)
            {
                break;
            }
            if (deadline.IsOver)
            {
                _ = Posix.munmap(copy, bytes);
                Check.Fail(AclError.RtInternalError, $"The memory cannot be exported while the device copies without a pause (for {QuietTimeoutMs} ms now); synchronise its streams first.");
            }
            Thread.Sleep(attempt < 10 ? 0 : 1);
        }
        _ = Posix.munmap(copy, bytes);
        Check.That(Map(backing, bytes, file, offset), AclError.RtMemoryAllocation, $"The system refuses to map {bytes} bytes of shared memory.");
    }

    /// <summary>
    /// Lets what is queued end before memory is moved. A stream that stands still may do so until the caller goes on, so not for ever.
    /// </summary>
    internal static void Drain()
    {
        var busy = new List<(Stream Stream, long Tail)>();
        Machine.CollectBusyStreams(busy);
        var deadline = new Deadline(2000);
        foreach ((Stream stream, long tail) in busy)
        {
            _ = Machine.Scheduler.WaitUntil(stream, tail, deadline.LeftMs);
        }
    }

    /// <summary>Commands that have ended so far, and whether none is running now.</summary>
    private static long Quiet(out bool isQuiet)
    {
        long ended = 0;
        isQuiet = true;
        foreach (Device device in Machine.Devices)
        {
            foreach (Context context in device.Contexts)
            {
                foreach (Stream stream in context.Streams)
                {
                    ended += stream.Head;
                    isQuiet &= !stream.IsRunning;
                }
            }
        }
        return ended;
    }

    /// <summary>The soft limit is often 1024; the hard one, which needs no privilege, much larger.</summary>
    private static bool RaiseFileLimit()
    {
        Posix.Limit limit;
        if (Posix.getrlimit(Posix.RLIMIT_NOFILE, &limit) != 0 || limit.Current >= limit.Maximum)
        {
            return false;
        }
        limit.Current = Math.Min(limit.Maximum, Math.Max(limit.Current * 4, 65536));
        return Posix.setrlimit(Posix.RLIMIT_NOFILE, &limit) == 0;
    }
}
