namespace Updraft.Device;

/// <summary>
/// Snapshots of the process's devices: lock (they come to rest, and new work waits), backup, restore, unlock. Functions of the program
/// are called at each stage, for every device in use, in the order of their registration.
/// </summary>
internal static unsafe class Snapshots
{
    private const int LockTimeoutMs = 10_000;

    /// <summary>How long nothing may move on the machine before a lock gives up: what is left waits for something that is not coming.</summary>
    private const int StandstillMs = 500;

    private enum State { Running, Locked, BackedUp }

    private static readonly Lock s_lock = new();
    private static readonly List<(aclrtSnapShotStage Stage, nint Function, nint Argument)> s_callbacks = [];
    private static State s_state;
    private static bool s_isBusy;
    private static MemoryBackup? s_backup;

    internal static void Lock(int pid, void* reserve)
    {
        Check.That(reserve == null, AclError.InvalidParam, "reserve must be NULL.");
        CheckProcess(pid);
        Enter(static state => state == State.Running, AclError.SnapshotLockFailed, "locked", () =>
        {
            Call(aclrtSnapShotStage.ACL_RT_SNAPSHOT_LOCK_PRE);
            ProcessLock.Close();
            if (!ComesToRest())
            {
                ProcessLock.Open();
                Check.Fail(AclError.SnapshotLockTimeout, $"The devices did not come to rest: commands were still queued after {LockTimeoutMs} ms, or what is queued waits for something that nobody does. The process is not locked.");
            }
            return State.Locked;
        });
    }

    internal static void Backup(int pid, aclrtSnapShotBackupArgs* args)
    {
        Check.NotNull(args, nameof(args));
        CheckReserved(args->backupFlags, args->reserved, "backupFlags");
        CheckProcess(pid);
        Enter(static state => state != State.Running, AclError.SnapshotBackupFailed, "backed up", () =>
        {
            Call(aclrtSnapShotStage.ACL_RT_SNAPSHOT_BACKUP_PRE);
            MemoryBackup backup = MemoryBackup.Take() ?? throw new AclException(AclError.SnapshotBackupFailed, "The host has not enough memory for the bytes of the devices; no backup was made.");
            try
            {
                Call(aclrtSnapShotStage.ACL_RT_SNAPSHOT_BACKUP_POST);
            }
            catch (AclException)
            {
                backup.Dispose();
                throw;
            }
            s_backup?.Dispose();
            s_backup = backup;
            return State.BackedUp;
        });
    }

    internal static void Restore(int pid, aclrtSnapShotRestoreArgs* args)
    {
        Check.NotNull(args, nameof(args));
        CheckReserved(args->restoreFlags, args->reserved, "restoreFlags");
        CheckProcess(pid);
        Enter(static state => state == State.BackedUp, AclError.SnapshotRestoreFailed, "restored", () =>
        {
            Call(aclrtSnapShotStage.ACL_RT_SNAPSHOT_RESTORE_PRE);
            try
            {
                s_backup!.Restore();
            }
            catch (OutOfMemoryException)
            {
                Check.Fail(AclError.SnapshotRestoreFailed, "The system has no room to map physical memory (vm.max_map_count); a part of the memory was restored.");
            }
            Call(aclrtSnapShotStage.ACL_RT_SNAPSHOT_RESTORE_POST);
            return State.BackedUp;
        });
    }

    internal static void Unlock(int pid, void* reserve)
    {
        Check.That(reserve == null, AclError.InvalidParam, "reserve must be NULL.");
        CheckProcess(pid);
        Enter(static state => state != State.Running, AclError.SnapshotUnlockFailed, "unlocked", static () =>
        {
            s_backup?.Dispose();
            s_backup = null;
            ProcessLock.Open();
            return State.Running;
        });
        // After it: a function that fails is reported, but the process runs.
        Call(aclrtSnapShotStage.ACL_RT_SNAPSHOT_UNLOCK_POST);
    }

    internal static void Register(aclrtSnapShotStage stage, nint callback, void* args)
    {
        CheckStage(stage);
        Check.NotNull((void*)callback, nameof(callback));
        lock (s_lock)
        {
            Check.That(!s_callbacks.Exists(entry => entry.Stage == stage && entry.Function == callback), AclError.SnapshotRegisterCallbackFailed, $"The function is registered for {stage} already; unregister it before it gets another argument.");
            s_callbacks.Add((stage, callback, (nint)args));
        }
    }

    internal static void Unregister(aclrtSnapShotStage stage, nint callback)
    {
        CheckStage(stage);
        Check.NotNull((void*)callback, nameof(callback));
        lock (s_lock)
        {
            Check.That(s_callbacks.RemoveAll(entry => entry.Stage == stage && entry.Function == callback) > 0, AclError.RtParamInvalid, $"The function is not registered for {stage}.");
        }
    }

    /// <summary>The machine ends; nothing of the program is called any more.</summary>
    internal static void Clear()
    {
        lock (s_lock)
        {
            s_callbacks.Clear();
            s_backup?.Dispose();
            (s_backup, s_state, s_isBusy) = (null, State.Running, false);
        }
        ProcessLock.Open();
    }

    /// <summary>One of the four at a time, and only where it makes sense. What the step throws leaves the state as it was.</summary>
    private static void Enter(Func<State, bool> isAllowed, AclError code, string what, Func<State> step)
    {
        lock (s_lock)
        {
            Check.That(!s_isBusy, code, $"The process cannot be {what} now: another snapshot function is at work.");
            Check.That(isAllowed(s_state), code, $"The process cannot be {what} now: it is {s_state switch { State.Running => "not locked", State.Locked => "locked", _ => "locked, with a backup" }}. The order is lock, backup, restore, unlock.");
            s_isBusy = true;
        }
        try
        {
            s_state = step();
        }
        finally
        {
            Volatile.Write(ref s_isBusy, false);
        }
    }

    private static void Call(aclrtSnapShotStage stage)
    {
        (aclrtSnapShotStage Stage, nint Function, nint Argument)[] callbacks;
        lock (s_lock)
        {
            callbacks = [.. s_callbacks.Where(entry => entry.Stage == stage)];
        }
        foreach (Device device in Machine.Devices.Where(device => device.IsSet))
        {
            foreach ((_, nint function, nint argument) in callbacks)
            {
                uint result = (uint)HostGuard.Call((nuint)function, (nuint)device.Id, (nuint)argument);
                Check.That(result == 0, AclError.SnapshotCallbackFailed, $"The function 0x{function:x} registered for {stage} returned {result} for device {device.Id}.");
            }
        }
    }

    /// <summary>Waits until every stream has run dry and no thread copies. False when the time is over, or when nothing moves although commands are left.</summary>
    private static bool ComesToRest()
    {
        var busy = new List<(Stream Stream, long Tail)>();
        Machine.CollectBusyStreams(busy);
        var deadline = new Deadline(LockTimeoutMs);
        var standstill = new Deadline(StandstillMs);
        long progress = Machine.Progress();
        foreach ((Stream stream, long tail) in busy)
        {
            while (!stream.HasRunPast(tail) && !Machine.Scheduler.WaitUntil(stream, tail, 20))
            {
                long before = progress;
                progress = Machine.Progress();
                if (progress != before || !Machine.StandsStill())
                {
                    standstill = new Deadline(StandstillMs);
                }
                if (deadline.IsOver || standstill.IsOver)
                {
                    return false;
                }
            }
        }
        return ProcessLock.WaitForCopies(deadline);
    }

    private static void CheckProcess(int pid)
    {
        if (pid == Environment.ProcessId)
        {
            return;
        }
        Check.That(pid > 0 && Posix.kill(pid, 0) == 0, AclError.RtParamInvalid, $"pid is {pid}; there is no such process.");
        Check.Fail(AclError.RtFeatureNotSupport, $"pid is {pid}, another process; here a process takes snapshots of itself ({Environment.ProcessId}) only.", isStored: false);
    }

    private static void CheckStage(aclrtSnapShotStage stage) =>
        Check.That((int)stage is >= 0 and <= 5, AclError.InvalidParam, $"stage is {(int)stage}; expected ACL_RT_SNAPSHOT_LOCK_PRE (0) to ACL_RT_SNAPSHOT_UNLOCK_POST (5).");

    private static void CheckReserved(uint flags, byte* reserved, string name)
    {
        Check.That(flags == 0, AclError.InvalidParam, $"args->{name} is {flags}; no flag is defined, so it must be 0.");
        Check.That(!new ReadOnlySpan<byte>(reserved, 60).ContainsAnyExcept((byte)0), AclError.InvalidParam, "args->reserved is not all zero.");
    }
}
