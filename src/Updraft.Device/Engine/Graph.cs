namespace Updraft.Device;

/// <summary>
/// The commands of a model, recorded once, run again and again. A lane per recorded stream keeps them in order; executing the graph is
/// one command of the executing stream. That stream's runner works through one lane itself, so a graph of a single stream costs
/// nothing but its commands; further lanes run on streams of their own. Nothing is copied and nothing allocated per command.
///
/// Invariants. One execution at a time: a second one stands still until the first has ended, so the state of a run lives in the graph.
/// Lanes do not change once the graph has run. A lane that has blocked its stream is not touched by that thread any more.
/// </summary>
/// <example><code>
/// executing stream  ─ copy ─ [graph] ─ copy ─▶        the graph is one command
///                              │ lane 0: run in place
///                              │ lane 1: on a stream of its own, joined by edges or by the end
/// </code></example>
internal sealed class Graph(ModelInstance model) : DeviceTask
{
    private readonly Lock _lock = new();
    private readonly List<Lane> _recorded = [];
    private Lane[] _lanes = [];
    private Lane? _inPlace;
    private int _sequence;

    // The state of the run, under the lock unless one thread at a time can see it.
    private BlockedStreams _waiting;
    private Stream? _owner;
    private int _active;
    private bool _ownerWaits, _hasEnded, _inPlaceEnded;
    private volatile bool _aborts;
    private int _error;
    private string? _reason;
    private long _run;
    private long _validAt = -1;

    internal ModelInstance Model { get; } = model;

    /// <summary>Number of the current or last execution.</summary>
    internal long RunNumber => Volatile.Read(ref _run);
    internal bool IsAborting => _aborts;

    /// <summary>An execution has begun and not ended.</summary>
    internal bool IsRunning => Volatile.Read(ref _owner) != null;

    /// <summary>Set when nothing more may be recorded.</summary>
    internal bool IsSealed { get; private set; }

    /// <summary>A stream was emptied: recording goes on.</summary>
    internal void Unseal()
    {
        lock (_lock)
        {
            IsSealed = false;
            _lanes = []; // Another lane may hold the end next time.
        }
    }

    internal int NextSequence() => Interlocked.Increment(ref _sequence);

    internal Lane[] Lanes
    {
        get
        {
            lock (_lock)
            {
                return [.. _recorded];
            }
        }
    }

    internal Lane Add(Stream source, bool isHead, Capture? capture)
    {
        lock (_lock)
        {
            var lane = new Lane(this, source, isHead, capture);
            _recorded.Add(lane);
            _lanes = [];
            return lane;
        }
    }

    internal void Remove(Lane lane)
    {
        lock (_lock)
        {
            _recorded.Remove(lane);
            _lanes = [];
        }
    }

    /// <summary>Recording is over.</summary>
    internal void Seal() => IsSealed = true;

    /// <summary>Forgets what was recorded: the capture has failed.</summary>
    internal void Clear()
    {
        lock (_lock)
        {
            _recorded.Clear();
            _lanes = [];
        }
    }

    // --- One execution -----------------------------------------------------------------------------------------------------------

    internal override bool Run(Stream stream, ref AclError result)
    {
        bool begins = false;
        lock (_lock)
        {
            if (_owner != stream)
            {
                if (_owner != null || _active > 0)
                {
                    _waiting.Add(stream);
                    return false;
                }
                Begin(stream);
                begins = true;
            }
        }
        if (begins)
        {
            StartLanes();
        }
        if (!_inPlaceEnded)
        {
            if (!_inPlace!.Advance(stream))
            {
                return false;
            }
            _inPlaceEnded = true;
        }
        BlockedStreams next = default;
        lock (_lock)
        {
            if (!_hasEnded && _active > 0)
            {
                _ownerWaits = true;
                stream.MarkBlocked();
                return false;
            }
            result = _error != 0 || !_aborts ? (AclError)_error : AclError.RtModelAbortNormal;
            if (_error != 0 && _reason != null)
            {
                stream.Explain(_reason);
            }
            _owner = null;
            if (_active == 0)
            {
                next = _waiting.Take();
            }
        }
        next.Unblock();
        return true;
    }

    /// <summary>The executing stream was destroyed by force: the run winds down without it.</summary>
    internal override void Abandon(Stream stream)
    {
        BlockedStreams next = default;
        lock (_lock)
        {
            if (_owner != stream)
            {
                return;
            }
            _aborts = true;
            _owner = null;
            _ownerWaits = false;
            if (_active == 0)
            {
                next = _waiting.Take();
            }
        }
        _inPlace?.AbandonCommand(stream);
        next.Unblock();
        UnblockLanes();
    }

    /// <summary>Ends the running execution; what has not begun is left out. False when none is running.</summary>
    internal bool Abort()
    {
        Stream? owner;
        lock (_lock)
        {
            owner = _owner;
            if (owner == null)
            {
                return false;
            }
            _aborts = true;
        }
        owner.Unblock();
        UnblockLanes();
        return true;
    }

    private void Begin(Stream stream)
    {
        if (_lanes.Length == 0)
        {
            _lanes = [.. _recorded];
            // The lane whose end is the end of the model, so that the executing stream is free when it is reached.
            Lane? end = _lanes.LastOrDefault(lane => lane.EndTaskAt >= 0) ?? _lanes.FirstOrDefault(lane => lane.IsHead);
            _inPlace = end is { IsHead: true } ? end : null;
        }
        _owner = stream;
        _run++;
        _error = 0;
        _reason = null;
        _aborts = false;
        _ownerWaits = _hasEnded = false;
        _inPlaceEnded = _inPlace == null;
        long vanished = Place.VanishedCount;
        bool validates = _validAt != vanished;
        foreach (Lane lane in _lanes)
        {
            lane.Begin();
            if (validates)
            {
                lane.Validate();
            }
            if (lane.IsHead && lane != _inPlace)
            {
                lane.IsActive = true;
                _active++;
            }
        }
        _validAt = vanished;
        if (_inPlace != null)
        {
            _inPlace.IsActive = true;
        }
    }

    private void StartLanes()
    {
        Model.AssignConditionDefaults();
        foreach (Lane lane in _lanes)
        {
            if (lane.IsHead && lane != _inPlace)
            {
                lane.Start();
            }
        }
    }

    /// <summary>Starts a lane from within the run (aclrtActiveStream, a switch, a jump to one of its labels). A lane that runs already goes on.</summary>
    internal void Activate(Lane lane, int at = 0)
    {
        lock (_lock)
        {
            if (lane.IsActive || _aborts)
            {
                return;
            }
            lane.IsActive = true;
            lane.Begin(at);
            _active++;
        }
        lane.Start();
    }

    /// <summary>A lane on a stream of its own has come to its end.</summary>
    internal void LaneEnded(Lane lane)
    {
        Stream? owner = null;
        BlockedStreams next = default;
        lock (_lock)
        {
            lane.IsActive = false;
            _active--;
            if (_active == 0)
            {
                if (_ownerWaits)
                {
                    _ownerWaits = false;
                    owner = _owner;
                }
                else if (_owner == null)
                {
                    next = _waiting.Take();
                }
            }
        }
        owner?.Unblock();
        next.Unblock();
    }

    /// <summary>The EndTask marker was reached: the execution is complete.</summary>
    internal void ReachEnd()
    {
        Stream? owner = null;
        lock (_lock)
        {
            _hasEnded = true;
            if (_ownerWaits)
            {
                _ownerWaits = false;
                owner = _owner;
            }
        }
        owner?.Unblock();
    }

    /// <summary>A recorded command has failed. The execution reports the last failure and goes on, or ends if its context stops on failure.</summary>
    internal void Fail(AclError code, string? reason)
    {
        Volatile.Write(ref _reason, reason);
        Volatile.Write(ref _error, (int)code);
        if (Model.Context.StopsOnFailure)
        {
            _ = Abort();
        }
    }

    private void UnblockLanes()
    {
        foreach (Lane lane in _lanes)
        {
            lane.Unblock();
        }
    }
}
