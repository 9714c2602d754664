namespace Updraft.Device;

/// <summary>How an event was created decides what a wait before any record does, and whether it can be reset.</summary>
internal enum EventKind
{
    /// <summary>aclrtCreateEvent: a wait before a record is an error.</summary>
    Default,

    /// <summary>aclrtCreateEventWithFlag: a flag on the device; a wait blocks until it is set, it stays set until reset.</summary>
    Flagged,

    /// <summary>aclrtCreateEventExWithFlag: each record is a new snapshot; a wait before any record does not wait.</summary>
    Snapshot,
}

/// <summary>An event. A record makes a <see cref="RecordPoint"/>; waits, queries and times refer to the latest one at the time of the call.</summary>
internal sealed class Event(Context context, EventKind kind, uint flags) : WaitCondition
{
    internal const uint Sync = 0x1, CaptureStreamProgress = 0x2, TimeLine = 0x8, DeviceUseOnly = 0x10, External = 0x20, Ipc = 0x40;

    private BlockedStreams _blocked;
    private bool _isSet;
    private int _waits;

    internal Context Context { get; } = context;
    internal EventKind Kind { get; } = kind;
    internal uint Flags { get; } = flags;
    internal int Id { get; init; }
    internal nint Handle;

    /// <summary>The latest record that was queued, null before the first.</summary>
    internal RecordPoint? Latest;

    internal bool Has(uint flag) => (Flags & flag) != 0;

    /// <summary>Waits for this event that are queued and not over.</summary>
    internal int PendingWaits => Volatile.Read(ref _waits);
    internal void WaitQueued() => Interlocked.Increment(ref _waits);
    internal void WaitEnded() => Interlocked.Decrement(ref _waits);

    /// <summary>Complete as the queries see it: recorded, the record reached, and not reset since.</summary>
    internal bool IsComplete => Kind == EventKind.Flagged ? IsMet : Latest is { IsMet: true };

    // The flag of a Flagged event; the other kinds wait for record points.
    internal override bool IsMet => Volatile.Read(ref _isSet);

    internal override bool IsOver(Stream stream, ref AclError result)
    {
        lock (this)
        {
            if (!_isSet)
            {
                _blocked.Add(stream);
                return false;
            }
        }
        return true;
    }

    internal void SetOnDevice()
    {
        Stream[] released;
        lock (this)
        {
            _isSet = true;
            released = _blocked.Take();
        }
        foreach (Stream stream in released)
        {
            stream.Unblock();
        }
    }

    internal void ResetOnDevice()
    {
        lock (this)
        {
            _isSet = false;
        }
    }
}

/// <summary>One record of an event: a place in a stream, and the time when the stream came by.</summary>
internal sealed class RecordPoint(Event source, Stream stream) : WaitCondition
{
    private BlockedStreams _blocked;
    private bool _isComplete;

    internal Event Event { get; } = source;
    internal Stream Stream { get; } = stream;

    /// <summary>Number of the record command in its stream: waiting for the record is waiting for the stream to run past it.</summary>
    internal long Position;
    internal long TimeNs { get; private set; }
    internal override bool IsMet => Volatile.Read(ref _isComplete);

    internal void Complete(long nowNs)
    {
        Stream[] released;
        lock (this)
        {
            TimeNs = nowNs;
            Volatile.Write(ref _isComplete, true);
            released = _blocked.Take();
        }
        foreach (Stream waiting in released)
        {
            waiting.Unblock();
        }
        if (Event.Kind == EventKind.Flagged)
        {
            Event.SetOnDevice();
        }
    }

    internal override bool IsOver(Stream waiting, ref AclError result)
    {
        if (IsMet)
        {
            return true;
        }
        lock (this)
        {
            if (!_isComplete)
            {
                _blocked.Add(waiting);
                return false;
            }
        }
        return true;
    }
}

/// <summary>A wait of one stream for one event, so that the event knows how many are pending.</summary>
internal sealed class EventWait(Event source, WaitCondition condition)
{
    internal bool IsOver(Stream stream, ref AclError result)
    {
        if (!condition.IsOver(stream, ref result))
        {
            return false;
        }
        source.WaitEnded();
        return true;
    }
}
