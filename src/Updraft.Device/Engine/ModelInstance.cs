namespace Updraft.Device;

/// <summary>How a model came to be: built by hand from bound streams, captured, or the body of a conditional task.</summary>
internal enum ModelKind { Built, Captured, Body }

/// <summary>
/// A model running instance: a graph with a name, the streams bound to it and what belongs to it alone (cache barriers, condition
/// handles, functions to call at its end).
/// </summary>
/// <example><code>aclmdlRIBuildBegin → aclmdlRIBindStream → submit → aclmdlRIEndTask → aclmdlRIBuildEnd → aclmdlRIExecuteAsync …</code></example>
internal sealed unsafe class ModelInstance
{
    /// <summary>The facts name the code of exhaustion but no number: as many as fit into 16 bits.</summary>
    private const int MaximumPerDevice = ushort.MaxValue;

    private readonly List<(nint Function, nint Argument)> _destroyCallbacks = [];
    private readonly Dictionary<uint, List<CacheInvalidation>> _barriers = [];
    private readonly List<(Stream Stream, long Position)> _executions = [];
    private readonly List<ConditionHandle> _conditions = [];
    private readonly List<Stream> _shownStreams = [];
    private readonly List<ExternalRecord> _externals = [];
    private volatile bool _hasExternals;
    private int _isDestroyed;

    private static readonly Lock s_idLock = new();
    private static readonly Dictionary<Device, SortedSet<uint>> s_ids = [];

    internal Context Context { get; }
    internal ModelKind Kind { get; set; }
    internal Graph Graph { get; }
    internal uint Id { get; }
    internal nint Handle { get; }
    internal string Name { get; set; } = "";

    /// <summary>The model this is a body in, or null.</summary>
    internal ModelInstance? Parent { get; init; }

    /// <summary>The capture that fills this model while it lasts.</summary>
    internal Capture? Capture { get; set; }

    /// <summary>A captured model is ready when its capture has ended well; a built one when aclmdlRIBuildEnd was called.</summary>
    internal bool IsReady { get; set; }

    internal ModelInstance(Context context, ModelKind kind)
    {
        (Context, Kind) = (context, kind);
        Id = TakeId(context.Device);
        Graph = new Graph(this);
        Handle = HandleTable.Add(HandleKind.Model, this);
    }

    internal bool HasEndTask => Graph.Lanes.Any(lane => lane.EndTaskAt >= 0);

    /// <summary>The lane of a stream bound to this model, or null.</summary>
    internal Lane? LaneOf(Stream stream) => stream.BoundTo == this ? stream.Lane : null;

    // --- Executions --------------------------------------------------------------------------------------------------------------

    /// <summary>Queues one execution: one command, nothing allocated.</summary>
    internal long Execute(Stream stream)
    {
        long position = stream.Submit(new Command { Kind = CommandKind.Task }, Graph);
        lock (_executions)
        {
            int index = _executions.Count - 1;
            if (index >= 0 && _executions[index].Stream == stream)
            {
                _executions[index] = (stream, position);
            }
            else
            {
                _executions.RemoveAll(static entry => entry.Stream.HasRunPast(entry.Position));
                _executions.Add((stream, position));
            }
        }
        if (_hasExternals)
        {
            foreach (ExternalRecord record in _externals)
            {
                record.Submitted(stream, position);
            }
        }
        return position;
    }

    internal void Add(ExternalRecord record)
    {
        lock (_executions)
        {
            _externals.Add(record);
        }
        _hasExternals = true;
    }

    /// <summary>Waits until no execution is queued or running. False when the time is over.</summary>
    internal bool WaitUntilIdle(int timeoutMs)
    {
        var deadline = new Deadline(timeoutMs);
        (Stream Stream, long Position)[] executions;
        lock (_executions)
        {
            executions = [.. _executions];
        }
        return executions.All(entry => Machine.Scheduler.WaitUntil(entry.Stream, entry.Position, deadline.LeftMs));
    }

    // --- Cache barriers ----------------------------------------------------------------------------------------------------------

    /// <summary>Registers a barrier number of this model; an INVALID operation can be waited for from then on.</summary>
    internal CacheInvalidation? RegisterBarrier(uint id, bool isInvalidation)
    {
        lock (_barriers)
        {
            if (!_barriers.TryGetValue(id, out List<CacheInvalidation>? operations))
            {
                _barriers[id] = operations = [];
            }
            if (!isInvalidation)
            {
                return null;
            }
            var operation = new CacheInvalidation(Graph, id);
            operations.Add(operation);
            return operation;
        }
    }

    /// <summary>The operations registered under that number so far, or null when the model does not know it.</summary>
    internal CacheInvalidation[]? Barrier(uint id)
    {
        lock (_barriers)
        {
            return _barriers.TryGetValue(id, out List<CacheInvalidation>? operations) ? [.. operations] : null;
        }
    }

    // --- Conditions --------------------------------------------------------------------------------------------------------------

    internal void Add(ConditionHandle condition)
    {
        lock (_conditions)
        {
            _conditions.Add(condition);
        }
    }

    /// <summary>Handles with ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT begin every execution with their default.</summary>
    internal void AssignConditionDefaults()
    {
        foreach (ConditionHandle condition in _conditions)
        {
            condition.AssignDefault();
        }
    }

    // --- Life --------------------------------------------------------------------------------------------------------------------

    internal void AddDestroyCallback(nint function, nint argument)
    {
        lock (_destroyCallbacks)
        {
            _destroyCallbacks.Add((function, argument));
        }
    }

    /// <summary>False when the function was never registered.</summary>
    internal bool RemoveDestroyCallback(nint function)
    {
        lock (_destroyCallbacks)
        {
            return _destroyCallbacks.RemoveAll(entry => entry.Function == function) > 0;
        }
    }

    /// <summary>The streams that aclmdlRIGetStreams shows: those bound by the program, or one per recorded lane of a captured graph.</summary>
    internal Stream[] ShowStreams()
    {
        Lane[] lanes = Graph.Lanes;
        if (Kind == ModelKind.Built)
        {
            return [.. lanes.Select(lane => lane.Source)];
        }
        lock (_shownStreams)
        {
            foreach (Lane lane in lanes.Skip(_shownStreams.Count))
            {
                var shown = new Stream(Context, lane.Source.Id, Streams.Persistent, lane.Source.Priority, isDefault: false);
                _ = shown.TryDivert(lane);
                shown.Handle = HandleTable.Add(HandleKind.Stream, shown);
                _shownStreams.Add(shown);
            }
            return [.. _shownStreams];
        }
    }

    /// <summary>Ends the model. A running execution of a built model goes on to its end. False when another thread was faster.</summary>
    internal bool Destroy()
    {
        if (Interlocked.Exchange(ref _isDestroyed, 1) != 0 || !HandleTable.Remove(Handle))
        {
            return false;
        }
        (nint Function, nint Argument)[] callbacks;
        lock (_destroyCallbacks)
        {
            callbacks = [.. _destroyCallbacks];
        }
        foreach ((nint function, nint argument) in callbacks)
        {
            HostGuard.Call((nuint)function, (nuint)argument);
        }
        foreach (Lane lane in Graph.Lanes)
        {
            if (lane.Source.Lane == lane)
            {
                lane.Source.EndDiversion();
            }
            lane.ForgetTasks();
            for (int index = 0; index < lane.Count; index++)
            {
                object? attached = lane.Attached(index);
                (attached as ConditionalTask)?.DestroyBodies();
                (attached as RecordPoint)?.Event.EndRecord();
            }
        }
        lock (_shownStreams)
        {
            foreach (Stream shown in _shownStreams)
            {
                HandleTable.Remove(shown.Handle);
            }
        }
        foreach (ConditionHandle condition in _conditions)
        {
            condition.Free();
        }
        ReturnId(Context.Device, Id);
        return true;
    }

    private static uint TakeId(Device device)
    {
        lock (s_idLock)
        {
            if (!s_ids.TryGetValue(device, out SortedSet<uint>? used))
            {
                s_ids[device] = used = [];
            }
            Check.That(used.Count < MaximumPerDevice, AclError.RtNoModelResource, $"Device {device.Id} has {MaximumPerDevice} models; destroy models that are no longer needed.");
            uint id = used.Count == 0 || used.Max < MaximumPerDevice ? (used.Count == 0 ? 0 : used.Max + 1) : FirstFree(used);
            used.Add(id);
            return id;
        }
    }

    private static uint FirstFree(SortedSet<uint> used)
    {
        uint id = 0;
        while (used.Contains(id))
        {
            id++;
        }
        return id;
    }

    private static void ReturnId(Device device, uint id)
    {
        lock (s_idLock)
        {
            if (s_ids.TryGetValue(device, out SortedSet<uint>? used) && used.Remove(id) && used.Count == 0)
            {
                s_ids.Remove(device);
            }
        }
    }
}

internal readonly struct ModelHandle
{
    public readonly nint Value;
    internal bool IsNull => Value == 0;
    internal ModelInstance Get() => HandleTable.TryGet(Value, out ModelInstance? model) ? model : throw HandleFailure.Of(Value, "model");
}
