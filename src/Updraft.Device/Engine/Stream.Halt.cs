namespace Updraft.Device;

/// <summary>
/// What ends or interrupts a stream before its commands are done: destruction, abort, stop, and the failure of its context or device.
///
/// Two words say it all. <c>_halt</c> is for the running side: commands are dropped, or not looked at. <c>_trouble</c> is for callers:
/// the code that every submission, synchronise and query returns. Whoever changes a word wakes those who may be waiting on the old one.
/// </summary>
internal sealed unsafe partial class Stream
{
    /// <summary>Values of <c>_halt</c>: commands run; stand still; are dropped, and what waits for them goes on waiting; are dropped for good, and waiters are released.</summary>
    private const int Runs = 0, Stopped = 1, Aborted = 2, Closed = 3;

    private bool _isDestroyed, _isAborting;

    /// <summary>Success, or what every call on this stream returns at the moment, in the order of the real library: device, context, stream.</summary>
    internal AclError Trouble => (AclError)Volatile.Read(ref _trouble);

    /// <summary>True when what is queued will not run any more.</summary>
    internal bool Drops => Volatile.Read(ref _halt) >= Aborted;

    internal bool IsStopped => Volatile.Read(ref _halt) == Stopped;

    /// <summary>The head command waits for something outside the stream that is not a host function. A look from outside: it may be over already.</summary>
    internal bool StandsAtWait => Volatile.Read(ref _run.State) == Blocked && _consumer.Slots != null && _consumer.Slots[Head & (CommandSegment.Length - 1)].Kind != CommandKind.HostFunction;

    /// <summary>The code of the last failed task, which the next synchronise returns; not taken.</summary>
    internal AclError PendingError => (AclError)Volatile.Read(ref _error);

    internal void ClearError() => Volatile.Write(ref _error, 0);

    /// <summary>What the refusal word holds while nothing is wrong.</summary>
    private int RefusalInOrder => ProcessLock.IsClosed ? Held : _lane == null ? 0 : Diverted;

    /// <summary>Works out both words for callers anew. To be called after any of their causes has changed.</summary>
    internal void UpdateTrouble()
    {
        AclError code;
        lock (Context.TroubleLock)
        {
            code = Device.Trouble;
            code = code != AclError.Success ? code : Context.Failure;
            code = code == AclError.Success && _isAborting ? AclError.RtStreamAbort : code;
            Volatile.Write(ref _trouble, (int)code);
            Volatile.Write(ref _producer.Refusal, _isDestroyed ? (int)AclError.RtInvalidHandle : code != AclError.Success ? (int)code : RefusalInOrder);
        }
        WaitForSubmitters();
        if (code != AclError.Success)
        {
            WakeAllWaiters();
            Machine.Scheduler.Interrupt();
        }
    }

    /// <summary>Submissions that have not seen the new refusal word are over afterwards: the tail is final if it refuses.</summary>
    private void WaitForSubmitters()
    {
        int thread = ThreadState.Current.ThreadId;
        Interlocked.MemoryBarrier();
        FenceSubmitters();
        var spinner = new SpinWait();
        while (Volatile.Read(ref _producer.Lock) != 0 || Volatile.Read(ref _producer.OwnerIsInside) != 0 && _producer.OwnerThread != thread)
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }
    }

    /// <summary>Ends the stream for good: waits for its work, or drops it and waits for the command that is running just now.</summary>
    internal void Close(bool force)
    {
        _isDestroyed = true;
        UpdateTrouble();
        // A stream that stands still by order, or belongs to a failed context, never gets to its end.
        if (force || Trouble != AclError.Success || IsStopped)
        {
            SetHalt(Closed);
        }
        if (t_tellsOfFailure != this)
        {
            _ = WaitForAll(Timeout.Infinite);
        }
    }

    /// <summary>In stop-on-failure mode: the stream that failed does nothing more until its context is gone or the device's tasks are aborted.</summary>
    internal void StopForGood() => SetHalt(Aborted);

    /// <summary>Drops what is queued and refuses new work meanwhile; then the stream is as new. False when the running command did not end in time.</summary>
    internal bool Abort(int timeoutMs)
    {
        lock (Context.AbortLock)
        {
            _isAborting = true;
            UpdateTrouble();
            bool ended = DropAll(timeoutMs);
            _isAborting = !ended;
            UpdateTrouble();
            return ended;
        }
    }

    /// <summary>Drops everything that has been queued so far; what comes later runs.</summary>
    internal bool DropAll(int timeoutMs)
    {
        SetHalt(Aborted);
        bool ended = WaitForAll(timeoutMs);
        if (ended)
        {
            _ = Interlocked.CompareExchange(ref _halt, Runs, Aborted);
        }
        return ended;
    }

    /// <summary>Holds the stream behind the command that is running now; what is queued stays queued.</summary>
    internal void Stop() => _ = Interlocked.CompareExchange(ref _halt, Stopped, Runs);

    private void SetHalt(int halt)
    {
        int before;
        do
        {
            before = Volatile.Read(ref _halt);
        }
        while (before < halt && Interlocked.CompareExchange(ref _halt, halt, before) != before);
        Context.Callbacks.Drop(this);
        Unblock();
    }

    /// <summary>In place of executing a command: it is dropped, or the stream stands still.</summary>
    private Outcome ExecuteHalted(in Command command, int slot)
    {
        if (IsStopped)
        {
            MarkBlocked();
            if (!IsStopped)
            {
                Unblock();
            }
            return Outcome.Blocked;
        }
        switch (Attached(slot))
        {
            case { } wait when command.Kind == CommandKind.EventWait:
                EventWait.Abandon(wait);
                break;
            case RecordPoint point:
                point.Drop(releases: Volatile.Read(ref _halt) == Closed);
                break;
            case DeviceTask task:
                task.Abandon(this);
                break;
        }
        return Outcome.Done;
    }
}
