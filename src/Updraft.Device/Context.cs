namespace Updraft.Device;

/// <summary>A context: what a thread works in. Owns its streams, one of them the default stream, and the thread of its host functions.</summary>
internal sealed class Context
{
    /// <summary>How long a machine must have been without any progress before a context that is being destroyed gives up waits in it.</summary>
    private const int QuietMs = 20;

    private readonly List<Stream> _streams = [];
    private int _failure;
    private volatile bool _isAlive = true;

    internal readonly Device Device;
    internal readonly bool IsPrimary;
    internal readonly nint Handle;
    internal readonly Stream DefaultStream;
    internal readonly CallbackThread Callbacks;

    /// <summary>One stream of the context is aborted at a time.</summary>
    internal readonly object AbortLock = new();

    /// <summary>Held while a stream works out what its callers get.</summary>
    internal readonly Lock TroubleLock = new();

    /// <summary>The captures of this context that are going on.</summary>
    internal readonly CaptureModes Captures = new();

    internal Context(Device device, bool isPrimary)
    {
        (Device, IsPrimary) = (device, isPrimary);
        Callbacks = new CallbackThread(this);
        DefaultStream = CreateStream(0, 0, isDefault: true);
        Handle = HandleTable.Add(HandleKind.Context, this);
    }

    internal bool IsAlive => _isAlive;

    /// <summary>Set by one stream's stop-on-failure mode for the whole context.</summary>
    internal bool StopsOnFailure { get; set; }

    /// <summary>The first failure in stop-on-failure mode; every later call on a stream of the context returns it.</summary>
    internal AclError Failure => (AclError)Volatile.Read(ref _failure);

    internal Stream CreateStream(uint flags, uint priority, bool isDefault = false)
    {
        int id = Device.TakeStreamId();
        var stream = new Stream(this, id, flags, priority, isDefault);
        stream.Handle = HandleTable.Add(HandleKind.Stream, stream);
        lock (_streams)
        {
            _streams.Add(stream);
        }
        // Only now is it in the list that a failure goes through: one that came before is looked up.
        if (Failure != AclError.Success || Device.Trouble != AclError.Success || ProcessLock.IsClosed)
        {
            stream.UpdateTrouble();
        }
        return stream;
    }

    internal Stream[] Streams
    {
        get
        {
            lock (_streams)
            {
                return [.. _streams];
            }
        }
    }

    /// <summary>Ends a stream. Waits for its work, or drops it. False when another thread was faster.</summary>
    internal bool DestroyStream(Stream stream, bool force)
    {
        if (!HandleTable.Remove(stream.Handle))
        {
            return false;
        }
        stream.Close(force);
        Reports.Forget(stream);
        lock (_streams)
        {
            _streams.Remove(stream);
        }
        Device.ReturnStreamId(stream.Id);
        return true;
    }

    /// <summary>
    /// A task of one of the streams has failed. In stop-on-failure mode the stream does nothing more, and the context keeps the first
    /// code: all its streams return it.
    /// </summary>
    internal void TaskFailed(Stream stream, AclError code)
    {
        if (!StopsOnFailure)
        {
            return;
        }
        stream.StopForGood();
        if (Interlocked.CompareExchange(ref _failure, (int)code, 0) == 0)
        {
            UpdateTrouble();
        }
    }

    internal void UpdateTrouble()
    {
        foreach (Stream stream in Streams)
        {
            stream.UpdateTrouble();
        }
    }

    /// <summary>The device's tasks have been aborted: the context works again.</summary>
    internal void ClearFailure() => Volatile.Write(ref _failure, 0);

    /// <summary>Waits for the streams of the context, but those that never take part. The first error found is returned.</summary>
    internal AclError Synchronize(int timeoutMs)
    {
        Updraft.Device.Captures.RefuseCapturing(this); // Not the member of that name.
        var deadline = new Deadline(timeoutMs);
        AclError first = AclError.Success;
        foreach (Stream stream in Streams)
        {
            if ((stream.Flags & Chip.Current.StreamsOutsideDeviceSynchronize) != 0 || stream.BoundTo != null)
            {
                continue;
            }
            AclError code = stream.Synchronize(timeoutMs < 0 ? timeoutMs : deadline.LeftMs);
            if (code == AclError.RtStreamSyncTimeout || code != AclError.Success && StopsOnFailure)
            {
                return code;
            }
            // Destroyed meanwhile: not a stream of the context any more.
            first = first == AclError.Success && code != AclError.RtInvalidHandle ? code : first;
        }
        return first;
    }

    /// <summary>Ends the context. Waits for its work unless forced, then drops what is left. Pointers into it are stale from now on.</summary>
    internal bool Destroy(bool force)
    {
        if (!HandleTable.Remove(Handle))
        {
            return false;
        }
        if (!force && Failure == AclError.Success && Device.Trouble == AclError.Success)
        {
            Drain();
        }
        Updraft.Device.Captures.Forget(this);
        _isAlive = false;
        foreach (Stream stream in Streams)
        {
            StreamState.Ends(stream);
            DestroyStream(stream, force: true);
        }
        Callbacks.Stop();
        return true;
    }

    /// <summary>
    /// Waits for the default stream, as long as it takes, then for the others. Of those it leaves the ones that stand at a wait when
    /// nothing on the machine moves any more: nobody is going to end that wait, and a reset must not hang.
    /// </summary>
    private void Drain()
    {
        if (!DefaultStream.IsStopped)
        {
            _ = DefaultStream.WaitForAll(Timeout.Infinite);
        }
        foreach (Stream stream in Streams)
        {
            long progress = Machine.Progress();
            while (!stream.IsStopped && !stream.WaitForAll(QuietMs))
            {
                long before = progress;
                progress = Machine.Progress();
                if (progress == before && Machine.StandsStill())
                {
                    return;
                }
            }
        }
    }
}
