using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// What was recorded from one stream, and how far the current run has come in it. As a task it is the one command of the stream that
/// runs it; in place it is advanced by the runner of the executing stream.
/// </summary>
internal sealed unsafe class Lane(Graph graph, Stream source, bool isHead, Capture? capture) : DeviceTask
{
    private CommandSegment[] _segments = new CommandSegment[4];
    private readonly List<int> _sequences = [];
    private int _count;
    private Stream? _runner;

    // The state of the run: written by the thread that runs the lane.
    private int _next, _end, _jump;
    private nuint _progress;

    /// <summary>Copies before this place were found not to fit together.</summary>
    private int _apartUntil;
    private bool _isStarted, _isInHostFunction;
    private int _reached;
    private BlockedStreams _blocked;

    internal Graph Graph { get; } = graph;

    /// <summary>The stream the commands were submitted to.</summary>
    internal Stream Source { get; } = source;

    /// <summary>True when the lane begins with the model; others begin when they are activated.</summary>
    internal bool IsHead { get; } = isHead;

    /// <summary>The capture that records here while it lasts; null for a stream that was bound.</summary>
    internal Capture? Capture { get; set; } = capture;

    /// <summary>Place of the EndTask marker, -1 without one.</summary>
    internal int EndTaskAt { get; set; } = -1;

    /// <summary>An open task group (aclmdlRICaptureTaskGrpBegin).</summary>
    internal bool HasOpenGroup { get; set; }

    /// <summary>Running in the current execution; under the lock of the graph.</summary>
    internal bool IsActive { get; set; }
    internal int Count => Volatile.Read(ref _count);

    internal ref Command this[int index] => ref _segments[index >> 6].Commands[index & (CommandSegment.Length - 1)];

    /// <summary>Place of a command in the recorded order of all lanes, from 1.</summary>
    internal int Sequence(int index) => _sequences[index];
    internal object? Attached(int index) => this[index].HasObject ? _segments[index >> 6].Objects![index & (CommandSegment.Length - 1)] : null;

    /// <summary>Called under the submit lock of the source stream. Returns the number of commands recorded.</summary>
    internal long Record(Stream stream, in Command command, object? attached)
    {
        if (Capture is { } capture)
        {
            capture.CheckRecording(this);
        }
        else
        {
            // Messages are made only when they are needed: recording is as cheap as queueing.
            if (Graph.IsSealed)
            {
                Check.Fail(AclError.RtParamInvalid, $"Stream {stream.Id} is bound to model {Graph.Model.Id}, which is complete (aclmdlRIBuildEnd); unbind the stream before new work is given to it.");
            }
            if (_count >= stream.Depth)
            {
                Check.Fail(AclError.RtStreamTaskFull, $"Stream {stream.Id} holds all of the {stream.Depth} tasks that fit into a stream of a model; spread them over more streams.");
            }
        }
        if (attached is DeviceTask { NotInModels: { } reason })
        {
            Check.Fail(AclError.RtFeatureNotSupport, reason);
        }
        switch (attached)
        {
            case BatchElements batch:
                batch.Keep();
                break;
            case RecordPoint point:
                point.IsRecorded = true;
                break;
        }
        int slot = _count & (CommandSegment.Length - 1), index = _count >> 6;
        if (slot == 0)
        {
            if (index == _segments.Length)
            {
                Array.Resize(ref _segments, index * 2);
            }
            _segments[index] = CommandSegment.Rent();
        }
        CommandSegment segment = _segments[index];
        segment.Commands[slot] = command;
        ref Command recorded = ref segment.Commands[slot];
        recorded.ThreadId = ThreadState.Current.ThreadId;
        _sequences.Add(Graph.NextSequence());
        recorded.HasObject = attached != null;
        if (attached != null)
        {
            (segment.Objects ??= new object?[CommandSegment.Length])[slot] = attached;
        }
        Machine.Observer?.Recorded(stream, _count, in recorded);
        Volatile.Write(ref _count, _count + 1);
        return _count;
    }

    /// <summary>Forgets what was recorded. Called under the submit lock of the source stream, while the graph does not run.</summary>
    internal void Clear()
    {
        ForgetTasks();
        for (int index = 0; index < _count; index++)
        {
            (Attached(index) as RecordPoint)?.Event.EndRecord();
            this[index].HasObject = false;
        }
        EndTaskAt = -1;
        _sequences.Clear();
        _segments = new CommandSegment[4];
        Volatile.Write(ref _count, 0);
    }

    private List<nint>? _taskHandles;

    /// <summary>Handles of the recorded tasks, made when somebody asks for them.</summary>
    internal nint[] ShowTasks()
    {
        lock (this)
        {
            _taskHandles ??= [];
            for (int index = _taskHandles.Count; index < Count; index++)
            {
                _taskHandles.Add(HandleTable.Add(HandleKind.CaptureTask, new RecordedTask(this, index)));
            }
            return [.. _taskHandles];
        }
    }

    internal void ForgetTasks()
    {
        lock (this)
        {
            _taskHandles?.ForEach(static handle => HandleTable.Remove(handle));
            _taskHandles = null;
        }
    }

    /// <summary>The stream that runs this lane when the executing stream does not; never one of the program's.</summary>
    private Stream Runner => _runner ??= new Stream(Source.Context, Source.Id, 0, Source.Priority, isDefault: false);

    internal void Start() => Runner.Submit(new Command { Kind = CommandKind.Task }, this);
    internal void Unblock() => _runner?.Unblock();

    internal void Begin(int at = 0)
    {
        (_next, _end, _progress, _apartUntil, _isStarted, _isInHostFunction) = (at, Count, 0, 0, false, false);
        if (at == 0)
        {
            Volatile.Write(ref _reached, 0);
        }
    }

    /// <summary>Runs as a task on a stream of its own.</summary>
    internal override bool Run(Stream stream, ref AclError result)
    {
        if (!Advance(stream))
        {
            return false;
        }
        Graph.LaneEnded(this);
        return true;
    }

    /// <summary>Runs on until the end (true) or until the stream has to stand still (false, and the lane is not touched any more).</summary>
    internal bool Advance(Stream stream)
    {
        Observer? observer = Machine.Observer;
        bool steps = Machine.Scheduler.StepsThroughGraphs;
        while (_next < _end && (!Graph.IsAborting || _isInHostFunction))
        {
            int index = _next;
            ref Command command = ref this[index];
            AclError result = AclError.Success;
            if (!_isStarted && CopiesTogether.MayBeginWith(in command) && index >= _apartUntil && RunTogether(stream, index, out bool yields) is var reached && (yields || reached > index))
            {
                _next = reached;
                if (yields)
                {
                    GiveWay(stream);
                    return false;
                }
                continue;
            }
            if (!_isStarted)
            {
                _isStarted = true;
                observer?.ReplayStarted(stream, this, index, in command);
            }
            if (command.Kind == CommandKind.Copy && command.C <= CopyEngine.SmallBytes && !command.UsesFreedMemory)
            {
                CopyEngine.CopySmall((byte*)command.A, (byte*)command.B, command.C);
                _next = index + 1;
            }
            else
            {
                _jump = index + 1;
                if (!Execute(stream, index, ref command, ref result))
                {
                    if (Graph.IsAborting)
                    {
                        stream.Unblock(); // Aborted while the command was looking: nobody else unblocks it.
                    }
                    return false;
                }
                _next = _jump;
                _progress = 0;
                if (result != AclError.Success)
                {
                    Graph.Fail(result, Attached(index) as string ?? stream.TakeExplanation());
                }
            }
            _isStarted = false;
            observer?.ReplayFinished(stream, this, index, in command, result);
            if (steps && _next < _end)
            {
                GiveWay(stream);
                return false;
            }
        }
        if (_next < _end)
        {
            AbandonCommand(stream);
        }
        return true;
    }

    /// <summary>As a stream does: <see cref="CopiesTogether"/>. Returns the place it has come to.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int RunTogether(Stream stream, int index, out bool yields)
    {
        yields = false;
        if (_end - index < 2 || !CopiesTogether.HasHelp(in this[index], (nuint)(_end - index)))
        {
            return index;
        }
        var gathered = new CopiesTogether();
        for (int next = index; next < _end && gathered.TryAdd(in this[next]); next++)
        {
        }
        if (CopiesTogether.TryRun(gathered.End(), stream, (nuint)(_end - index), out int count, out yields))
        {
            return index + count;
        }
        _apartUntil = index + count;
        return index;
    }

    /// <summary>The execution ends in the middle of the lane: what the command at hand has begun is given up.</summary>
    internal void AbandonCommand(Stream stream)
    {
        if (_isStarted && _next < _end)
        {
            object? attached = Attached(_next);
            (attached as DeviceTask)?.Abandon(stream);
            (attached as WaitCondition)?.Abandon();
        }
    }

    /// <summary>The stream is taken up again as soon as somebody has time for it.</summary>
    private static void GiveWay(Stream stream)
    {
        stream.MarkBlocked();
        stream.Unblock();
    }

    private bool Execute(Stream stream, int index, ref Command command, ref AclError result)
    {
        if (command.UsesFreedMemory)
        {
            stream.Explain($"Task {Sequence(index)} of model {Graph.Model.Id} uses memory that has been freed since it was recorded.");
            result = AclError.RtSysDma;
            return true;
        }
        switch (command.Kind)
        {
            case CommandKind.EventRecord:
                switch (Attached(index))
                {
                    case RecordPoint point:
                        point.CompleteInModel(Machine.Clock.NowNs);
                        break;
                    case ExternalRecord record:
                        record.Complete();
                        break;
                    default:
                        Reach(index + 1);
                        break;
                }
                return true;
            case CommandKind.EventWait:
                var wait = (WaitCondition)Attached(index)!;
                if (_progress == 0)
                {
                    _progress = 1;
                    wait.Restart();
                }
                return wait.IsOver(stream, ref result);
            case CommandKind.HostFunction:
                _isInHostFunction = true;
                if (!stream.HostFunctionHasRun(ref command))
                {
                    return false;
                }
                _isInHostFunction = false;
                return true;
            case CommandKind.CacheOperation:
                (Attached(index) as CacheInvalidation)?.Complete();
                return true;
            case CommandKind.Task:
                var task = (DeviceTask)Attached(index)!;
                if (_progress == 0)
                {
                    _progress = 1;
                    task.Restart();
                }
                return task.Run(stream, ref result);
            default:
                nuint done = _progress;
                if (!Stream.ExecuteSimple(ref command, Attached(index), ref done, ref result))
                {
                    _progress = done;
                    GiveWay(stream);
                    return false;
                }
                return true;
        }
    }

    // --- Edges: waits of other lanes for a record in this one --------------------------------------------------------------------

    private void Reach(int count)
    {
        BlockedStreams released;
        lock (this)
        {
            Volatile.Write(ref _reached, count);
            released = _blocked.Take();
        }
        released.Unblock();
    }

    internal bool HasReached(int count) => Volatile.Read(ref _reached) >= count;

    internal bool HasReached(int count, Stream waiting)
    {
        if (HasReached(count))
        {
            return true;
        }
        lock (this)
        {
            if (_reached < count)
            {
                _blocked.Add(waiting);
                return false;
            }
        }
        return true;
    }

    /// <summary>Nothing of the lane runs any more in this execution.</summary>
    internal void End() => _jump = _end;

    /// <summary>The lane goes on at a label; in another lane it ends here and that one begins at the label.</summary>
    internal void JumpTo(Label label)
    {
        if (label.Lane == this)
        {
            _jump = label.Index;
            return;
        }
        _jump = _end;
        if (label.Lane is { } other)
        {
            Graph.Activate(other, label.Index);
        }
    }

    // --- Memory: addresses stay those recorded; a range that was freed since becomes a fault -------------------------------------

    internal void Validate()
    {
        for (int index = 0; index < _end; index++)
        {
            ref Command command = ref this[index];
            command.UsesFreedMemory = !(command.Kind switch
            {
                CommandKind.Copy or CommandKind.CopyGuarded => IsWhole(command.A, command.C) && IsWhole(command.B, command.C),
                CommandKind.Fill => IsWhole(command.A, command.C),
                CommandKind.Fill32 => IsWhole(command.A, command.C * 4),
                CommandKind.Write64 => IsWhole(command.A, 8),
                CommandKind.Copy2D or CommandKind.Copy2DGuarded =>
                    IsWhole(command.A, command.B, (Rectangle)Attached(index)!),
                CommandKind.CopyBatch => IsWhole((BatchElements)Attached(index)!),
                CommandKind.Task => ((DeviceTask)Attached(index)!).UsesLiveMemory,
                _ => true,
            });
        }
    }

    private static bool IsWhole(BatchElements batch)
    {
        foreach (ref readonly BatchElement element in batch.Elements)
        {
            if (!IsWhole(element.To, element.Bytes) || !IsWhole(element.From, element.Bytes))
            {
                return false;
            }
        }
        return true;
    }

    private static bool IsWhole(nuint to, nuint from, Rectangle rectangle) =>
        IsWhole(to, (rectangle.Height - 1) * rectangle.ToPitch + rectangle.Width) && IsWhole(from, (rectangle.Height - 1) * rectangle.FromPitch + rectangle.Width);

    private static bool IsWhole(nuint backing, nuint bytes) => Place.OfBacking(backing, bytes).IsWhole;
}
