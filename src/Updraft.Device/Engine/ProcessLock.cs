using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// Holds the devices of the process still for a snapshot: while it is closed, whoever submits a command or copies synchronously waits.
/// A submission learns of it from the refusal word that it reads anyway; a synchronous copy marks its thread, without a fence, and looks
/// at one word. Who closes the lock fences all processors between its own store and its look at the marks.
/// </summary>
/// <example><code>ThreadState thread = ProcessLock.Enter(); CopyEngine.Copy(to, from, count); ProcessLock.Leave(thread);</code></example>
internal static class ProcessLock
{
    // Every synchronous copy reads it, so it stands in a class that has nothing to initialise.
    private static int s_owner;

    private static class Waiters
    {
        internal static readonly object Changed = new();
    }

    /// <summary>The thread that closed it, or 0.</summary>
    private static int Owner => Volatile.Read(ref s_owner);

    internal static bool IsClosed => Owner != 0;

    /// <summary>When it returns, no submission is under way and none passes any more.</summary>
    internal static void Close()
    {
        Volatile.Write(ref s_owner, ThreadState.Current.ThreadId);
        TellStreams();
    }

    internal static void Open()
    {
        lock (Waiters.Changed)
        {
            Volatile.Write(ref s_owner, 0);
            Monitor.PulseAll(Waiters.Changed);
        }
        TellStreams();
    }

    /// <summary>The calling thread copies from now on until <see cref="Leave"/>, or until its call fails.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Enter(ThreadState thread)
    {
        Volatile.Write(ref thread.IsCopying, 1);
        if (IsClosed)
        {
            WaitToEnter(thread);
        }
    }

    internal static ThreadState Enter()
    {
        ThreadState thread = ThreadState.Current;
        Enter(thread);
        return thread;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Leave(ThreadState thread) => Volatile.Write(ref thread.IsCopying, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WaitToEnter(ThreadState thread)
    {
        while (IsClosed)
        {
            Volatile.Write(ref thread.IsCopying, 0);
            Wait();
            Volatile.Write(ref thread.IsCopying, 1);
            Interlocked.MemoryBarrier();
        }
    }

    /// <summary>Closed it is already; waits for the copies that had begun. False when the time is over.</summary>
    internal static bool WaitForCopies(Deadline deadline)
    {
        Interlocked.MemoryBarrierProcessWide();
        foreach (ThreadState thread in ThreadState.All)
        {
            while (Volatile.Read(ref thread.IsCopying) != 0)
            {
                if (deadline.IsOver)
                {
                    return false;
                }
                Thread.Sleep(1);
            }
        }
        return true;
    }

    /// <summary>Waits until it is open. The thread that closed it would wait for itself: 507906.</summary>
    internal static void Pass()
    {
        if (IsClosed)
        {
            Wait();
        }
    }

    private static void Wait()
    {
        if (Owner == ThreadState.Current.ThreadId)
        {
            Check.Fail(AclError.SnapshotLockFailed, "This thread has locked the process for a snapshot (aclrtSnapShotProcessLock); call aclrtSnapShotProcessUnlock before it gives the devices new work.");
        }
        lock (Waiters.Changed)
        {
            while (IsClosed)
            {
                Monitor.Wait(Waiters.Changed);
            }
        }
    }

    private static void TellStreams()
    {
        foreach (Device device in Machine.Devices)
        {
            foreach (Context context in device.Contexts)
            {
                context.UpdateTrouble();
            }
        }
    }
}
