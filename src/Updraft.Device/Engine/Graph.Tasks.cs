namespace Updraft.Device;

/// <summary>A record of an event in a capture: the lane, and the number of its commands up to the record.</summary>
internal sealed record CapturedRecord(Capture Capture, Lane Lane, int Count);

/// <summary>A wait of one captured stream for the record of an event in another: an edge of the graph.</summary>
internal sealed class GraphEdge(Event source, Lane from, int count) : WaitCondition
{
    internal Event Source => source;
    internal Lane From => from;

    /// <summary>Number of commands of that lane that must have ended: the record is the last of them.</summary>
    internal int Count => count;

    internal override bool IsMet => from.HasReached(count);
    internal override bool IsOver(Stream stream, ref AclError result) => from.HasReached(count, stream);
}

/// <summary>A wait for an event of the program that was recorded in a graph; with a limit it has a clock of its own in every run.</summary>
internal sealed class RecordedWait(Event source, long limitMs, bool isExternal) : WaitCondition
{
    private WaitCondition? _current;

    internal Event Source => source;
    internal bool IsExternal => isExternal;

    internal override void Restart() => _current = null;
    internal override void Abandon() => _current?.Abandon();

    internal override bool IsMet => (_current ?? Condition())?.IsMet ?? true;

    internal override bool IsOver(Stream stream, ref AclError result)
    {
        WaitCondition? condition = _current ??= Condition() is { } found && limitMs > 0 ? new TimedWait(found, limitMs) : Condition();
        if (condition != null && !condition.IsOver(stream, ref result))
        {
            return false;
        }
        _current = null;
        return true;
    }

    private WaitCondition? Condition() => source.Kind == EventKind.Flagged ? source : Volatile.Read(ref source.Latest);
}

/// <summary>
/// A record of an event outside the graph, made anew by every execution: the snapshot is known to the program when the execution is
/// submitted, and complete when the execution comes by.
/// </summary>
internal sealed class ExternalRecord(Event target)
{
    private readonly Queue<RecordPoint> _pending = new();

    internal Event Target => target;

    internal void Submitted(Stream stream, long position)
    {
        target.BeginRecord();
        var point = new RecordPoint(target, stream) { Position = position };
        lock (_pending)
        {
            _pending.Enqueue(point);
        }
        Volatile.Write(ref target.Latest, point);
    }

    internal void Complete()
    {
        RecordPoint? point;
        lock (_pending)
        {
            _ = _pending.TryDequeue(out point);
        }
        point?.Complete(Machine.Clock.NowNs);
    }
}

/// <summary>The marker of aclmdlRIEndTask: an execution is complete when it is reached.</summary>
internal sealed class EndTask(Graph graph) : DeviceTask
{
    internal override bool Run(Stream stream, ref AclError result)
    {
        graph.ReachEnd();
        return true;
    }
}

/// <summary>
/// An INVALID operation with a barrier id. Waits refer to the operations recorded before them, and each execution runs every
/// operation anew: "complete" means in this execution.
/// </summary>
internal sealed class CacheInvalidation(Graph graph, uint barrierId)
{
    private BlockedStreams _blocked;
    private long _completeIn;

    internal uint BarrierId => barrierId;
    internal bool IsComplete => Volatile.Read(ref _completeIn) == graph.RunNumber;

    internal void Complete()
    {
        BlockedStreams released;
        lock (this)
        {
            Volatile.Write(ref _completeIn, graph.RunNumber);
            released = _blocked.Take();
        }
        released.Unblock();
    }

    internal bool IsOver(Stream waiting)
    {
        if (IsComplete)
        {
            return true;
        }
        lock (this)
        {
            if (!IsComplete)
            {
                _blocked.Add(waiting);
                return false;
            }
        }
        return true;
    }
}

/// <summary>Stands still until the INVALID operations it names are complete.</summary>
internal sealed class BarrierWait(uint[] barrierIds, CacheInvalidation[] operations) : WaitCondition
{
    internal uint[] BarrierIds => barrierIds;
    internal override bool IsMet => operations.All(operation => operation.IsComplete);

    internal override bool IsOver(Stream stream, ref AclError result)
    {
        foreach (CacheInvalidation operation in operations)
        {
            if (!operation.IsOver(stream))
            {
                return false;
            }
        }
        return true;
    }
}

/// <summary>A recorded command as the program asks for it.</summary>
internal sealed unsafe class RecordedTask(Lane lane, int index)
{
    /// <summary>The program's event that the task records, waits for or resets; null for other tasks.</summary>
    internal Event? Event => lane.Attached(index) switch
    {
        RecordPoint point => point.Event,
        ExternalRecord record => record.Target,
        GraphEdge edge => edge.Source,
        RecordedWait wait => wait.Source,
        Event source => source,
        _ => null,
    };

    internal bool IsExternal => lane.Attached(index) is ExternalRecord or RecordedWait { IsExternal: true, Source.Kind: EventKind.Snapshot };

    /// <summary>Address, value and flag of a value write or wait.</summary>
    internal (nuint Address, ulong Value, uint Flag)? Value => lane.Attached(index) is ValueWait wait ? (AddressOf(wait.Cell), wait.Value, wait.Flag)
        : lane[index].Kind == CommandKind.Write64 ? (AddressOf(lane[index].A), (ulong)lane[index].B, 0) : null;

    private static nuint AddressOf(nuint backing) => Place.OfBacking(backing, sizeof(ulong)).Address;

    internal uint Sequence => (uint)lane.Sequence(index);

    internal aclmdlRITaskType Type => lane[index].Kind switch
    {
        CommandKind.EventRecord => aclmdlRITaskType.ACL_MODEL_RI_TASK_EVENT_RECORD,
        CommandKind.EventWait when lane.Attached(index) is not BarrierWait => aclmdlRITaskType.ACL_MODEL_RI_TASK_EVENT_WAIT,
        CommandKind.EventReset => aclmdlRITaskType.ACL_MODEL_RI_TASK_EVENT_RESET,
        CommandKind.Write64 => aclmdlRITaskType.ACL_MODEL_RI_TASK_VALUE_WRITE,
        CommandKind.Task => ((DeviceTask)lane.Attached(index)!).TaskType,
        _ => aclmdlRITaskType.ACL_MODEL_RI_TASK_DEFAULT,
    };
}
