namespace Updraft.Device;

/// <summary>
/// A capture that is going on: the streams that take part record into the graph of one model. It begins with one stream; others join
/// by waiting for an event recorded in the capture, and must be joined back before its end.
/// </summary>
internal sealed class Capture(ModelInstance model, Stream origin, aclmdlRICaptureMode mode)
{
    private volatile bool _isInvalidated;

    internal ModelInstance Model { get; } = model;

    /// <summary>The stream of aclmdlRICaptureBegin; only it can end the capture.</summary>
    internal Stream Origin { get; } = origin;
    internal aclmdlRICaptureMode Mode { get; } = mode;

    /// <summary>The thread that began.</summary>
    internal ThreadState Thread { get; } = ThreadState.Current;

    /// <summary>The lanes of the streams that take part, the origin's first.</summary>
    internal List<Lane> Lanes { get; } = [];

    /// <summary>False as soon as the capture has ended, well or not.</summary>
    internal bool IsActive { get; set; } = true;

    /// <summary>A step of the recording failed: nothing more is recorded, and the end gives 507903.</summary>
    internal bool IsInvalidated => _isInvalidated;
    internal void Invalidate() => _isInvalidated = true;

    /// <summary>Called for every command, before it is recorded.</summary>
    internal void CheckRecording(Lane lane)
    {
        if (_isInvalidated)
        {
            Check.Fail(AclError.RtStreamCaptureInvalidated, $"The capture of model {Model.Id} became invalid by an earlier failure; end it with aclmdlRICaptureEnd on stream {Origin.Id} and begin again.");
        }
        if (lane.HasOpenGroup)
        {
            Invalidate();
            Check.Fail(AclError.RtTaskTypeNotSupport, "A task group takes operator launches only; end it with aclmdlRICaptureTaskGrpEnd before copies are captured.");
        }
    }

    /// <summary>The lanes of streams that the origin's end does not wait for completely: forked, and not joined back.</summary>
    internal Lane? FirstUnjoined()
    {
        Lane[] lanes = Model.Graph.Lanes;
        Lane own = Origin.Lane!;
        var covered = lanes.ToDictionary(lane => lane, _ => 0);
        var open = new Queue<(Lane Lane, int Count)>();
        open.Enqueue((own, own.Count));
        while (open.TryDequeue(out (Lane Lane, int Count) part))
        {
            for (int index = covered[part.Lane]; index < part.Count; index++)
            {
                if (part.Lane.Attached(index) is GraphEdge edge && covered[edge.From] < edge.Count)
                {
                    open.Enqueue((edge.From, edge.Count));
                }
            }
            covered[part.Lane] = Math.Max(covered[part.Lane], part.Count);
        }
        return lanes.FirstOrDefault(lane => covered[lane] < lane.Count);
    }
}

/// <summary>How many captures of each mode are going on, in a context or begun by a thread.</summary>
internal sealed class CaptureModes
{
    private int _global, _threadLocal, _relaxed;

    /// <summary>True when none is: the one look that other functions pay.</summary>
    internal bool IsEmpty => (Volatile.Read(ref _global) | Volatile.Read(ref _threadLocal) | Volatile.Read(ref _relaxed)) == 0;

    /// <summary>The strictest mode of them; null when there is none.</summary>
    internal aclmdlRICaptureMode? Strictest => _global > 0 ? aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_GLOBAL
        : _threadLocal > 0 ? aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_THREAD_LOCAL
        : _relaxed > 0 ? aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_RELAXED : null;

    internal void Add(aclmdlRICaptureMode mode, int count)
    {
        switch (mode)
        {
            case aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_GLOBAL:
                Interlocked.Add(ref _global, count);
                break;
            case aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_THREAD_LOCAL:
                Interlocked.Add(ref _threadLocal, count);
                break;
            default:
                Interlocked.Add(ref _relaxed, count);
                break;
        }
    }
}
