namespace Updraft.Device;

/// <summary>What a stream can stand still for. A wait is a command: it is asked whenever the stream gets a runner.</summary>
internal abstract class WaitCondition
{
    /// <summary>True when the stream may go on; <paramref name="result"/> tells a time-out. False after it has marked the stream blocked and will unblock it.</summary>
    internal abstract bool IsOver(Stream stream, ref AclError result);

    /// <summary>True when the stream would not have to wait now.</summary>
    internal abstract bool IsMet { get; }

    /// <summary>The wait is dropped: its stream was destroyed or aborted.</summary>
    internal virtual void Abandon() { }

    /// <summary>The wait was recorded in a graph and begins once more.</summary>
    internal virtual void Restart() { }
}

/// <summary>A wait with an end: expiry is an asynchronous error of the waiting stream (107020), then the stream goes on.</summary>
internal sealed class TimedWait(WaitCondition condition, long timeoutMs) : WaitCondition
{
    /// <summary>How often a stream that is late for its own time-out is woken again.</summary>
    private const int RepeatMs = 50;

    private Timer? _timer;
    private long _end;

    internal override bool IsMet => condition.IsMet;

    internal override bool IsOver(Stream stream, ref AclError result)
    {
        // The time counts from when the stream comes to the wait, not from when the wait was queued.
        bool isFirstLook = _timer == null;
        if (!isFirstLook && Environment.TickCount64 >= _end && !condition.IsMet)
        {
            Abandon();
            result = AclError.RtTaskTimeout;
            return true;
        }
        if (isFirstLook && !condition.IsMet)
        {
            _end = Environment.TickCount64 + timeoutMs;
            // A little late rather than early: the look at the clock must find the time over.
            _timer = new Timer(static state => ((Stream)state!).Unblock(), stream, Math.Min(timeoutMs + 1, uint.MaxValue - 1), RepeatMs);
        }
        if (!condition.IsOver(stream, ref result))
        {
            return false;
        }
        _timer?.Dispose();
        return true;
    }

    internal override void Restart() => _timer = null;

    internal override void Abandon()
    {
        _timer?.Dispose();
        condition.Abandon();
    }
}

/// <summary>A wait of a stream for something that is no event.</summary>
internal sealed class WaitTask(WaitCondition condition) : DeviceTask
{
    internal override bool Run(Stream stream, ref AclError result) => condition.IsOver(stream, ref result);
    internal override void Restart() => condition.Restart();
    internal override void Abandon(Stream stream) => condition.Abandon();
}

/// <summary>Streams that stand still until something happens; the owner's lock protects it. Mostly it is one, for which nothing is allocated.</summary>
internal struct BlockedStreams
{
    private Stream? _first;
    private HashSet<Stream>? _more;

    internal readonly bool IsEmpty => _first == null;

    /// <summary>A stream that was woken for nothing comes a second time.</summary>
    internal void Add(Stream stream)
    {
        stream.MarkBlocked();
        if (_first == null)
        {
            _first = stream;
        }
        else if (_first != stream)
        {
            _ = (_more ??= []).Add(stream);
        }
    }

    /// <summary>Takes all out; to be unblocked after the lock is left.</summary>
    internal BlockedStreams Take()
    {
        BlockedStreams taken = this;
        this = default;
        return taken;
    }

    internal readonly void Unblock()
    {
        _first?.Unblock();
        if (_more == null)
        {
            return;
        }
        foreach (Stream stream in _more)
        {
            stream.Unblock();
        }
    }
}
