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

/// <summary>
/// An event. A record makes a <see cref="RecordPoint"/>; waits, queries and times refer to the latest one at the time of the call.
///
/// The number of an event on the device is a resource. A flagged event has one from its creation, a default event from its first
/// record, a snapshot event only from a record until the stream has come by. All give it back when no queued record needs it any more.
/// </summary>
internal sealed class Event(Context context, EventKind kind, uint flags) : WaitCondition
{
    internal const uint Sync = 0x1, CaptureStreamProgress = 0x2, TimeLine = 0x8, DeviceUseOnly = 0x10, External = 0x20, Ipc = 0x40;

    /// <summary>What aclrtCreateEvent gives: order, time and mark.</summary>
    internal const uint DefaultFlags = 0x0E;

    private const int None = -1;

    private BlockedStreams _blocked;
    private bool _isSet, _isDestroyed;
    private int _waits, _pendingRecords, _id = None;
    private int _recordFlag = None, _waitFlag = None;

    internal Context Context { get; } = context;
    internal EventKind Kind { get; } = kind;
    internal uint Flags { get; } = flags;
    internal nint Handle;

    /// <summary>What other processes see of it; only events with ACL_EVENT_IPC have that.</summary>
    internal SharedEvent? Shared { get; init; }

    /// <summary>The latest record that was queued, null before the first.</summary>
    internal RecordPoint? Latest;

    /// <summary>The latest record if it went into a graph that was being captured.</summary>
    internal CapturedRecord? Captured;

    internal bool Has(uint flag) => (Flags & flag) != 0;

    /// <summary>A stream can wait for it. The default kind always can, whatever its flags say.</summary>
    internal bool CanBeWaitedFor => Kind == EventKind.Default || Has(Sync) || Has(Ipc);

    /// <summary>The number on the device, or null while it has none. A snapshot event gets one when it is asked for while a record is pending.</summary>
    internal int? Id
    {
        get
        {
            if (Kind == EventKind.Snapshot && Volatile.Read(ref _pendingRecords) > 0)
            {
                TakeId();
            }
            return Volatile.Read(ref _id) is var id && id == None ? null : id;
        }
    }

    /// <summary>Waits for this event that are queued and not over.</summary>
    internal int PendingWaits => Volatile.Read(ref _waits);
    internal void WaitQueued() => Interlocked.Increment(ref _waits);
    internal void WaitEnded() => Interlocked.Decrement(ref _waits);

    /// <summary>Complete as the queries see it: the latest record was reached and, for a flag, it was not reset since.</summary>
    internal bool IsComplete => Latest is { IsMet: true } && (Kind != EventKind.Flagged || IsMet);

    // The flag of a Flagged event; the other kinds wait for record points.
    internal override bool IsMet => Volatile.Read(ref _isSet);

    /// <summary>An event is recorded, and waited for, in one way only: with or without ACL_EVENT_RECORD_EXTERNAL. The first call decides, even one that fails.</summary>
    internal bool TryUseRecordFlag(int flag) => TryUse(ref _recordFlag, flag);
    internal bool TryUseWaitFlag(int flag) => TryUse(ref _waitFlag, flag);

    private static bool TryUse(ref int remembered, int flag) => Interlocked.CompareExchange(ref remembered, flag, None) is var before && (before == None || before == flag);

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
        BlockedStreams released;
        lock (this)
        {
            Volatile.Write(ref _isSet, true);
            released = _blocked.Take();
        }
        released.Unblock();
    }

    internal void ResetOnDevice()
    {
        lock (this)
        {
            _isSet = false;
        }
    }

    /// <summary>Gives the event its number on the device if it has none. 207007 (950: 207009) when all are in use.</summary>
    internal void TakeId()
    {
        if (Volatile.Read(ref _id) == None)
        {
            int id = Context.Device.TakeEvent();
            if (Interlocked.CompareExchange(ref _id, id, None) != None)
            {
                Context.Device.ReturnEvent(id);
            }
        }
    }

    /// <summary>A record is about to be queued: it needs its place among the device's events until the stream has come by.</summary>
    internal void BeginRecord()
    {
        if (Kind != EventKind.Snapshot)
        {
            TakeId();
            Interlocked.Increment(ref _pendingRecords);
        }
        else if (Interlocked.Increment(ref _pendingRecords) == 1)
        {
            Reserve();
        }
    }

    private void Reserve()
    {
        try
        {
            Context.Device.ReserveEvent();
        }
        catch
        {
            Interlocked.Decrement(ref _pendingRecords);
            throw;
        }
    }

    internal void EndRecord()
    {
        if (Interlocked.Decrement(ref _pendingRecords) != 0)
        {
            return;
        }
        if (Kind == EventKind.Snapshot)
        {
            Context.Device.UnreserveEvent();
            ReturnId();
        }
        else if (Volatile.Read(ref _isDestroyed))
        {
            ReturnId();
        }
    }

    /// <summary>The program has destroyed it: what is queued goes on, then the number is free.</summary>
    internal void Destroy()
    {
        // Either this look finds the last record ended, or its end finds the mark.
        Volatile.Write(ref _isDestroyed, true);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _pendingRecords) == 0)
        {
            ReturnId();
        }
    }

    private void ReturnId()
    {
        if (Volatile.Read(ref _id) != None && Interlocked.Exchange(ref _id, None) is var id && id != None)
        {
            Context.Device.ReturnEvent(id);
        }
    }
}

/// <summary>One record of an event: a place in a stream, and the time when the stream came by.</summary>
internal sealed class RecordPoint(Event source, Stream stream) : WaitCondition
{
    private BlockedStreams _blocked;
    private bool _isComplete, _isDropped;

    internal Event Event { get; } = source;
    internal Stream Stream { get; } = stream;

    /// <summary>Number of the record among those of all processes; 0 when no other process knows the event.</summary>
    internal long SharedNumber;

    /// <summary>Number of the record command in its stream: waiting for the record is waiting for the stream to run past it.</summary>
    internal long Position;

    /// <summary>True when the record went into a model: every execution completes it anew.</summary>
    internal bool IsRecorded;
    internal long TimeNs { get; private set; }
    internal override bool IsMet => Volatile.Read(ref _isComplete);

    /// <summary>The stream was aborted before it came by: this record never happens.</summary>
    internal bool IsDropped => Volatile.Read(ref _isDropped);

    internal void Complete(long nowNs)
    {
        TimeNs = nowNs;
        Release();
        if (Event.Kind == EventKind.Flagged)
        {
            Event.SetOnDevice();
        }
        Event.Shared?.Complete(SharedNumber);
        Event.EndRecord();
    }

    /// <summary>The record is part of a model, and an execution of it came by: as a record, but the event stays in use.</summary>
    internal void CompleteInModel(long nowNs)
    {
        TimeNs = nowNs;
        Release();
        Event.SetOnDevice();
    }

    /// <summary>The record will not happen. Streams that wait for it go on when its stream is gone for good, else they keep waiting.</summary>
    internal void Drop(bool releases)
    {
        Volatile.Write(ref _isDropped, true);
        if (releases)
        {
            Complete(Machine.Clock.NowNs);
        }
        else
        {
            Event.EndRecord();
        }
    }

    private void Release()
    {
        BlockedStreams released;
        lock (this)
        {
            Volatile.Write(ref _isComplete, true);
            released = _blocked.Take();
        }
        released.Unblock();
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

/// <summary>
/// A wait of one stream for one event, so that the event knows how many are pending. Where the command waits for an event or a record of it
/// without an end, that object stands for the wait itself, and nothing is allocated.
/// </summary>
internal sealed class EventWait
{
    private readonly Event _source;
    private readonly WaitCondition _condition;

    private EventWait(Event source, WaitCondition condition) => (_source, _condition) = (source, condition);

    /// <summary>The object of a <see cref="CommandKind.EventWait"/>.</summary>
    internal static object Of(Event source, WaitCondition condition) =>
        condition == source || condition is RecordPoint point && point.Event == source ? condition : new EventWait(source, condition);

    internal static bool IsOver(object attached, Stream stream, ref AclError result)
    {
        (Event source, WaitCondition condition) = Parts(attached);
        if (!condition.IsOver(stream, ref result))
        {
            return false;
        }
        source.WaitEnded();
        return true;
    }

    internal static void Abandon(object attached)
    {
        (Event source, WaitCondition condition) = Parts(attached);
        condition.Abandon();
        source.WaitEnded();
    }

    private static (Event Source, WaitCondition Condition) Parts(object attached) => attached switch
    {
        RecordPoint point => (point.Event, point),
        Event source => (source, source),
        EventWait wait => (wait._source, wait._condition),
        _ => throw new InvalidOperationException($"a {attached.GetType().Name} is no wait for an event"),
    };
}
