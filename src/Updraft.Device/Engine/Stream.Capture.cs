namespace Updraft.Device;

/// <summary>
/// The recording side of a stream: while it is bound to a model or captured, what is submitted goes into a <see cref="Lane"/> of that
/// model's graph and runs when the model is executed. The ordinary path pays nothing for it: it shares its one test with refusal.
/// </summary>
internal sealed unsafe partial class Stream
{
    /// <summary>Value of the refusal word: commands are recorded.</summary>
    private const int Diverted = -1;

    private Lane? _lane;

    /// <summary>Where commands are recorded, or null when they are queued and run.</summary>
    internal Lane? Lane => Volatile.Read(ref _lane);

    /// <summary>The model this stream was bound to with aclmdlRIBindStream, or null.</summary>
    internal ModelInstance? BoundTo => Lane is { Capture: null, Graph.Model.Kind: ModelKind.Built } lane ? lane.Graph.Model : null;

    /// <summary>The capture this stream takes part in, or null.</summary>
    internal Capture? Capture => Lane?.Capture;

    /// <summary>Between aclmdlRICaptureTaskUpdateBegin and its end.</summary>
    internal bool UpdatesGroup { get; set; }

    /// <summary>From now on commands are recorded there. False when the stream records already.</summary>
    internal bool TryDivert(Lane lane)
    {
        if (Interlocked.CompareExchange(ref _lane, lane, null) != null)
        {
            return false;
        }
        UpdateTrouble();
        return true;
    }

    /// <summary>The stream is an ordinary one again.</summary>
    internal void EndDiversion()
    {
        Volatile.Write(ref _lane, null);
        UpdateTrouble();
    }

    /// <summary>Empties what was recorded from a bound stream; the model has to be completed again. False when it still runs after the time.</summary>
    internal bool TryClearRecording(Lane lane, int timeoutMs)
    {
        if (!lane.Graph.Model.WaitUntilIdle(timeoutMs))
        {
            return false;
        }
        int thread = ThreadState.Current.ThreadId;
        EnterSubmit(thread);
        lane.Clear();
        LeaveSubmit(thread);
        lane.Graph.Unseal();
        lane.Graph.Model.IsReady = false;
        return true;
    }

    /// <summary>Entered inside a submission, which it ends: the stream refuses work, or records it.</summary>
    private long SubmitElsewhere(int thread, in Command command, object? attached)
    {
        Lane? lane = Lane;
        bool isRecorded = Volatile.Read(ref _producer.Refusal) == Diverted;
        try
        {
            if (!isRecorded)
            {
                throw Refusal();
            }
            if (lane != null)
            {
                return lane.Record(this, in command, attached);
            }
        }
        finally
        {
            LeaveSubmit(thread);
        }
        // The recording has just ended.
        return Submit(in command, attached);
    }
}
