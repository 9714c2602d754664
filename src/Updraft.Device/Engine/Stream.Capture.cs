namespace Updraft.Device;

/// <summary>
/// The recording side of a stream: while it is bound to a model or captured, what is submitted goes into a <see cref="Lane"/> of that
/// model's graph and runs when the model is executed. The ordinary path pays nothing for it: it shares its one test with refusal.
/// </summary>
internal sealed unsafe partial class Stream
{
    /// <summary>Value of the refusal word: commands are recorded.</summary>
    private const int Diverted = -1;

    /// <summary>Value of the refusal word: submissions wait until the process is unlocked.</summary>
    private const int Held = -2;

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

    /// <summary>Entered inside a submission, which it ends: the stream refuses work, records it, or lets it wait.</summary>
    private long SubmitElsewhere(int thread, in Command command, object? attached)
    {
        Lane? lane = Lane;
        int refusal = Volatile.Read(ref _producer.Refusal);
        try
        {
            if (refusal is not (0 or Diverted or Held))
            {
                throw Refusal();
            }
            if (lane != null && refusal != Held)
            {
                return lane.Record(this, in command, attached);
            }
        }
        finally
        {
            LeaveSubmit(thread);
        }
        if (refusal == Held)
        {
            ProcessLock.Pass();
            UpdateTrouble(); // Whoever unlocked the process may not have come to this stream yet.
        }
        // The recording has just ended, or the process was unlocked.
        return Submit(in command, attached);
    }
}
