namespace Updraft.Device;

/// <summary>A context: what a thread works in. Owns its streams, one of them the default stream, and the thread of its host functions.</summary>
internal sealed class Context
{
    private readonly List<Stream> _streams = [];
    private int _failure;
    private volatile bool _isAlive = true;

    internal readonly Device Device;
    internal readonly bool IsPrimary;
    internal readonly nint Handle;
    internal readonly Stream DefaultStream;
    internal readonly CallbackThread Callbacks;

    internal Context(Device device, bool isPrimary)
    {
        (Device, IsPrimary) = (device, isPrimary);
        Callbacks = new CallbackThread(this);
        Handle = HandleTable.Add(HandleKind.Context, this);
        DefaultStream = CreateStream(0, 0, isDefault: true);
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
        stream.Refuse(AclError.RtInvalidHandle);
        if (force)
        {
            stream.Discard();
        }
        else
        {
            _ = stream.WaitForAll(Timeout.Infinite);
        }
        lock (_streams)
        {
            _streams.Remove(stream);
        }
        Device.ReturnStreamId(stream.Id);
        return true;
    }

    /// <summary>A task of one of the streams has failed: in stop-on-failure mode the context keeps the first code and refuses new work.</summary>
    internal void TaskFailed(Stream stream, AclError code)
    {
        if (StopsOnFailure && Interlocked.CompareExchange(ref _failure, (int)code, 0) == 0)
        {
            foreach (Stream each in Streams)
            {
                each.Refuse(code);
            }
            stream.Discard();
        }
    }

    /// <summary>Waits for all streams of the context. The first error found is returned.</summary>
    internal AclError Synchronize(int timeoutMs)
    {
        var deadline = new Deadline(timeoutMs);
        AclError first = AclError.Success;
        foreach (Stream stream in Streams)
        {
            AclError code = stream.Synchronize(timeoutMs < 0 ? timeoutMs : deadline.LeftMs);
            if (code == AclError.RtStreamSyncTimeout || code != AclError.Success && StopsOnFailure)
            {
                return code;
            }
            first = first == AclError.Success ? code : first;
        }
        return first;
    }

    /// <summary>Ends the context: waits for the default stream unless forced, drops everything else. Pointers into it are stale from now on.</summary>
    internal bool Destroy(bool force)
    {
        if (!HandleTable.Remove(Handle))
        {
            return false;
        }
        if (!force)
        {
            _ = DefaultStream.WaitForAll(Timeout.Infinite);
        }
        _isAlive = false;
        foreach (Stream stream in Streams)
        {
            DestroyStream(stream, force: true);
        }
        Callbacks.Stop();
        return true;
    }
}
