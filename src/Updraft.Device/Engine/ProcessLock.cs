namespace Updraft.Device;

/// <summary>
/// Holds the devices of the process still for a snapshot: while it is closed, whoever submits a command or copies synchronously waits.
/// A submission learns of it from the refusal word that it reads anyway, the others from one load.
/// </summary>
internal static class ProcessLock
{
    private static readonly object s_changed = new();
    private static int s_owner;

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
        lock (s_changed)
        {
            Volatile.Write(ref s_owner, 0);
            Monitor.PulseAll(s_changed);
        }
        TellStreams();
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
        lock (s_changed)
        {
            while (IsClosed)
            {
                Monitor.Wait(s_changed);
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
