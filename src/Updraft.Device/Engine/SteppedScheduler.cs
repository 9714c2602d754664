namespace Updraft.Device;

/// <summary>
/// Schedules without workers: host threads run the commands inside their own calls, one step at a time under one lock, in an order
/// that depends on nothing but the calls and the seed. <c>eager</c> runs everything at once, <c>late</c> nothing before somebody waits,
/// <c>random:SEED</c> a random choice at every call. A failure under one of them happens again with the same program and seed.
/// </summary>
internal sealed class SteppedScheduler(Func<SteppedScheduler, int> stepsPerCall, ulong seed) : Scheduler
{
    internal static readonly Func<SteppedScheduler, int> Eager = static _ => int.MaxValue;
    internal static readonly Func<SteppedScheduler, int> Late = static _ => 0;
    internal static readonly Func<SteppedScheduler, int> Random = static scheduler => (int)(scheduler.NextRandom() % 4);

    private readonly StepLock _lock = new();
    private readonly List<Stream> _ready = [];
    private readonly bool _picksAtRandom = ReferenceEquals(stepsPerCall, Random);
    private ulong _state = seed;
    private readonly bool _isEager = ReferenceEquals(stepsPerCall, Eager);
    private bool _isStepping;

    internal override bool StepsThroughGraphs => _picksAtRandom;

    /// <summary>The usual case of <c>eager</c>, in which nothing else is ready: without the way through the list.</summary>
    internal override bool RunAtOnce(Stream stream, int thread)
    {
        if (!_isEager)
        {
            return false;
        }
        using (_lock.Hold(thread))
        {
            if (_isStepping || _ready.Count > 0 || !stream.TryOwnIdle())
            {
                return false;
            }
            RunOwned(stream, long.MaxValue);
            _ = Step(int.MaxValue);
            return true;
        }
    }

    internal override void Ready(Stream stream)
    {
        using (_lock.Hold(ThreadState.Current.ThreadId))
        {
            _ready.Add(stream);
            Poke();
        }
    }

    internal override void Poke()
    {
        using (_lock.Hold(ThreadState.Current.ThreadId))
        {
            _lock.PulseAll();
            Step(stepsPerCall(this));
        }
    }

    internal override void Interrupt()
    {
        using (_lock.Hold(ThreadState.Current.ThreadId))
        {
            _lock.PulseAll();
        }
    }

    internal override bool WaitUntil(Stream stream, long target, int timeoutMs, bool untilTrouble)
    {
        var deadline = new Deadline(timeoutMs);
        using (_lock.Hold(ThreadState.Current.ThreadId))
        {
            // Inside a step only when a command waits: an exception callback that resets the device. The other streams go on then.
            bool wasStepping = _isStepping;
            _isStepping = false;
            try
            {
                return WaitLocked(stream, target, deadline, untilTrouble);
            }
            finally
            {
                _isStepping = wasStepping;
            }
        }
    }

    private bool WaitLocked(Stream stream, long target, Deadline deadline, bool untilTrouble)
    {
        while (!stream.HasRunPast(target))
        {
            if (untilTrouble && stream.Trouble != AclError.Success)
            {
                return false;
            }
            // The stream itself first: what others have queued stays as late as the rules allow.
            if (!_isStepping && (!_picksAtRandom && RunOne(stream) || Step(1)))
            {
                continue;
            }
            if (deadline.IsOver)
            {
                return false;
            }
            _lock.Wait(deadline.LeftMs);
        }
        return true;
    }

    internal override void Poll(Stream stream)
    {
        using (_lock.Hold(ThreadState.Current.ThreadId))
        {
            _ = _picksAtRandom || !RunOne(stream) ? Step(1) : true;
        }
    }

    /// <summary>Runs so many commands of ready streams. True when at least one stream was looked at.</summary>
    private bool Step(int steps)
    {
        if (_isStepping)
        {
            return false; // A command made another stream ready: the loop below finds it.
        }
        bool any = false;
        for (; steps > 0 && _ready.Count > 0; steps--)
        {
            RunOne(_ready[_picksAtRandom ? (int)(NextRandom() % (ulong)_ready.Count) : 0]);
            any = true;
        }
        return any;
    }

    /// <summary>One command of the stream. False when it was not ready.</summary>
    private bool RunOne(Stream stream)
    {
        if (_isStepping || !_ready.Remove(stream))
        {
            return false;
        }
        if (stream.TryTakeFromQueue())
        {
            RunOwned(stream, stream.Head + 1);
        }
        return true;
    }

    private void RunOwned(Stream stream, long target)
    {
        _isStepping = true;
        try
        {
            stream.Run(target);
        }
        finally
        {
            _isStepping = false;
        }
        _lock.PulseAll();
    }

    // splitmix64: small, and the same on every machine.
    private ulong NextRandom()
    {
        ulong value = _state += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
