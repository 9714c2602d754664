namespace Updraft.Device;

/// <summary>What a stream can stand still for. A wait is a command: it is asked whenever the stream gets a runner.</summary>
internal abstract class WaitCondition
{
    /// <summary>True when the stream may go on; <paramref name="result"/> tells a time-out. False after it has marked the stream blocked and will unblock it.</summary>
    internal abstract bool IsOver(Stream stream, ref AclError result);

    /// <summary>True when the stream would not have to wait now.</summary>
    internal abstract bool IsMet { get; }
}

/// <summary>A wait with an end: expiry is an asynchronous error of the waiting stream (107020), then the stream goes on.</summary>
internal sealed class TimedWait(WaitCondition condition, long timeoutMs) : WaitCondition
{
    private Timer? _timer;
    private Deadline _deadline;

    internal override bool IsMet => condition.IsMet;

    internal override bool IsOver(Stream stream, ref AclError result)
    {
        if (_timer == null && !condition.IsMet)
        {
            _deadline = new Deadline((int)Math.Min(timeoutMs, int.MaxValue));
            // A little late rather than early: the look at the deadline must find it over.
            _timer = new Timer(static state => ((Stream)state!).Unblock(), stream, timeoutMs + 1, 50);
        }
        if (_timer != null && _deadline.IsOver && !condition.IsMet)
        {
            _timer.Dispose();
            result = AclError.RtTaskTimeout;
            return true;
        }
        if (!condition.IsOver(stream, ref result))
        {
            return false;
        }
        _timer?.Dispose();
        return true;
    }
}

/// <summary>Streams that stand still until something happens; the owner's lock protects it.</summary>
internal struct BlockedStreams
{
    private List<Stream>? _streams;

    internal void Add(Stream stream)
    {
        stream.MarkBlocked();
        (_streams ??= []).Add(stream);
    }

    /// <summary>Takes all out; to be unblocked after the lock is left.</summary>
    internal Stream[] Take()
    {
        if (_streams is not { Count: > 0 })
        {
            return [];
        }
        Stream[] taken = [.. _streams];
        _streams.Clear();
        return taken;
    }
}
