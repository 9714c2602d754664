using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Updraft.Device;

/// <summary>
/// A stream: commands in the order they were queued, run one after another by whoever owns the stream at the moment.
///
/// Invariants. Only one thread at a time writes at the tail: the owner, which is the first thread that submitted and pays neither lock
/// nor fence, or after a second thread came the holder of the submit lock. Only the thread that brought the state to Running reads at the head, so commands of one stream never overlap. A stream that has commands is Queued, Running, Blocked or Watched, never Idle for
/// longer than it takes its last runner to look again. Everything that waits (events, notifies, host functions) is a command too.
/// </summary>
/// <example><code>stream.Submit(new Command { Kind = CommandKind.Copy, A = to, B = from, C = count }); stream.Synchronize(Timeout.Infinite);</code></example>
internal sealed unsafe partial class Stream
{
    /// <summary>
    /// Idle: nobody looks, a submission has to find a runner. Queued: waits for one. Running, Blocked: as they say. Watched: empty when
    /// last seen, and a worker looks at the tail from time to time, so that a submission costs nothing but its command.
    /// </summary>
    private const int Idle = 0, Queued = 1, Running = 2, Blocked = 3, Watched = 4;

    internal readonly Context Context;
    internal readonly int Id;
    internal readonly uint Flags;
    internal uint Priority;
    internal readonly int Depth;
    internal readonly bool IsDefault;
    internal nint Handle;

    /// <summary>The thread of the program that runs the callbacks of this stream, or null. Changed under the lock of the reports.</summary>
    internal ReportThread? Reports;

    /// <summary>A host function was queued: from then on the stream cannot be subscribed.</summary>
    internal bool HasHostFunctions;

    /// <summary>What aclrtSetStreamAttribute keeps.</summary>
    internal StreamAttributes Attributes;

    // The two sides are written by different threads: a cache line each (two, because lines are fetched in pairs). Without object
    // references, because with them the runtime would lay the fields out as it likes.
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct ProducerSide
    {
        internal long Tail;
        internal long HeadSeen;
        internal Command* Slots;
        internal int SparesTaken;
        internal int OwnerThread;
        internal int OwnerIsInside;
        internal int HasManyOwners;
        internal int Lock;

        /// <summary>
        /// Not 0 when commands must not be queued: 107017 once the stream is being destroyed, else the stream's trouble, else
        /// <see cref="Diverted"/> while they are recorded.
        /// </summary>
        internal int Refusal;
    }

    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct ConsumerSide
    {
        internal long Head;
        internal Command* Slots;
        internal long SegmentStart;
        internal int SparesKept;

        /// <summary>Bytes, rows or elements done of a large copy that gave way; how far a host function is.</summary>
        internal nuint Progress;

        /// <summary>The head at which a sleeping waiter wants to be woken.</summary>
        internal long WakeAt;

        /// <summary>Commands before this number were found not to fit together.</summary>
        internal long ApartUntil;
    }

    /// <summary>Apart from the head, which changes with every command: a submission reads the state and must not wait for the runner's writes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct RunState
    {
        internal int State;
        internal int IsWatched;
    }

    private CommandSegment? _written, _read;
    private ProducerSide _producer;
    private ConsumerSide _consumer;
    private RunState _run;

    /// <summary>What every call on the stream returns at the moment: the device's fault or abort, the context's failure, the stream's own abort.</summary>
    private int _trouble;
    private int _error;
    private int _halt;
    private int _inReadyQueue;

    internal Stream(Context context, int id, uint flags, uint priority, bool isDefault)
    {
        (Context, Id, Flags, Priority, IsDefault) = (context, id, flags, priority, isDefault);
        _consumer.WakeAt = long.MaxValue;
        Depth = Machine.Options.TasksPerStream ?? Chip.Current.TasksPerStream;
    }

    internal Device Device => Context.Device;

    /// <summary>Number of the last command queued; also the number of commands ever queued.</summary>
    internal long Tail => Volatile.Read(ref _producer.Tail);
    internal bool IsIdle => Volatile.Read(ref _consumer.Head) >= Tail;
    /// <summary>Number of commands that have ended.</summary>
    internal long Head => Volatile.Read(ref _consumer.Head);
    internal bool IsRunning => Volatile.Read(ref _run.State) == Running;
    internal bool HasRunPast(long tail) => Volatile.Read(ref _consumer.Head) >= tail;

    /// <summary>
    /// Queues a command and returns its number. On a busy stream: one cache line written, no allocation, no system call, and for the
    /// stream's owner no lock and no fence. A full stream holds the caller until commands have ended, as the real one does.
    /// </summary>
    internal long Submit(in Command command, object? attached = null) => Submit(ThreadState.Current, in command, attached);

    /// <summary>As the other, for a caller who has looked up the state of its thread already.</summary>
    internal long Submit(ThreadState caller, in Command command, object? attached)
    {
        int thread = caller.ThreadId;
        EnterSubmit(thread);
        long tail = _producer.Tail;
        if (tail - _producer.HeadSeen >= Depth)
        {
            tail = WaitForRoom(thread);
        }
        if (Volatile.Read(ref _producer.Refusal) != 0)
        {
            return SubmitElsewhere(thread, in command, attached);
        }
        int slot = (int)tail & (CommandSegment.Length - 1);
        if (slot == 0)
        {
            NextSegment(tail);
        }
        Command* target = _producer.Slots + slot;
        // Read field by field: the caller has just written them, and a load of several at once would have to wait until these stores have
        // left the processor, behind those of the commands before, whose lines are still on their way here from the runner's. Written at
        // once: where that way is long, room for stores is what a submission waits for.
        ulong head = (byte)command.Kind | (attached != null ? Command.HasObjectBit : 0) | (command.UsesFreedMemory ? Command.UsesFreedMemoryBit : 0) | (ulong)(uint)thread << 32;
        Vector128.Create(head, command.A).Store((ulong*)target);
        Vector128.Create((ulong)command.B, command.C).Store((ulong*)target + 2);
        caller.LastTask = (uint)tail;
        if (attached != null)
        {
            (_written!.Objects ??= new object?[CommandSegment.Length])[slot] = attached;
        }
        Machine.Observer?.Queued(this, tail, in command);
        Volatile.Write(ref _producer.Tail, tail + 1);
        LeaveSubmit(thread);
        // The runner that goes idle must see the new tail, or we must see that it went idle: it pays the fence for both (FenceSubmitters).
        if (Volatile.Read(ref _run.State) == Idle && !Machine.Scheduler.RunAtOnce(this, thread) && Interlocked.CompareExchange(ref _run.State, Queued, Idle) == Idle)
        {
            Enqueue();
        }
        return tail + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EnterSubmit(int thread)
    {
        if (_producer.OwnerThread == thread)
        {
            // The other side of this handshake, in TakeOwnership, fences all processors between its store and its load.
            Volatile.Write(ref _producer.OwnerIsInside, 1);
            if (Volatile.Read(ref _producer.HasManyOwners) == 0)
            {
                return;
            }
            Volatile.Write(ref _producer.OwnerIsInside, 0);
        }
        EnterSubmitShared(thread);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void LeaveSubmit(int thread)
    {
        if (_producer.OwnerThread == thread)
        {
            Volatile.Write(ref _producer.OwnerIsInside, 0);
        }
        else
        {
            Interlocked.Exchange(ref _producer.Lock, 0);
        }
    }

    /// <summary>A few microseconds.</summary>
    private const int ContendedSpins = 64;

    /// <summary>The first thread becomes the owner; a second one ends ownership for good, and from then on a lock decides.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnterSubmitShared(int thread)
    {
        var spinner = new SpinWait();
        while (Volatile.Read(ref _producer.Lock) != 0 || Interlocked.CompareExchange(ref _producer.Lock, 1, 0) != 0)
        {
            // Seldom: a lock that changes hands with every command costs more than the command. The other side goes on alone meanwhile.
            Thread.SpinWait(ContendedSpins);
            spinner.SpinOnce(sleep1Threshold: -1);
        }
        if (_producer.HasManyOwners != 0)
        {
            return;
        }
        if (_producer.OwnerThread == 0)
        {
            // Inside before it is the owner: whoever takes the ownership away waits for this submission.
            _producer.OwnerIsInside = 1;
            Volatile.Write(ref _producer.OwnerThread, thread);
            Interlocked.Exchange(ref _producer.Lock, 0);
            return;
        }
        Volatile.Write(ref _producer.HasManyOwners, 1);
        Interlocked.MemoryBarrierProcessWide();
        while (Volatile.Read(ref _producer.OwnerIsInside) != 0)
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }
        Volatile.Write(ref _producer.OwnerThread, -1);
    }

    /// <summary>Makes a tail that an owner has written without a fence visible to the caller, which has just left the stream idle.</summary>
    private void FenceSubmitters()
    {
        int owner = Volatile.Read(ref _producer.OwnerThread);
        if (owner > 0 && owner != ThreadState.Current.ThreadId)
        {
            Interlocked.MemoryBarrierProcessWide();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void NextSegment(long tail)
    {
        CommandSegment next = TakeSpare() ?? CommandSegment.Rent();
        if (tail == 0)
        {
            _read = next;
            _consumer.Slots = next.Commands;
        }
        else
        {
            Volatile.Write(ref _written!.Next, next);
        }
        _written = next;
        _producer.Slots = next.Commands;
    }

    // Segments that were run, for the submitter to fill again: a ring with one writer, the runner, and one reader. The pool of all streams
    // would hand one submitter the lines that another has just written, and its lock goes from one to the other.
    private const int MaximumSpares = 16;
    private CommandSegment?[]? _spares;

    private CommandSegment? TakeSpare()
    {
        if (Volatile.Read(ref _spares) is not { } spares)
        {
            return null;
        }
        ref CommandSegment? place = ref spares[_producer.SparesTaken & (MaximumSpares - 1)];
        CommandSegment? spare = Volatile.Read(ref place);
        if (spare != null)
        {
            _producer.SparesTaken++;
            Volatile.Write(ref place, null);
        }
        return spare;
    }

    private void KeepSpare(CommandSegment segment)
    {
        ref CommandSegment? place = ref (_spares ??= new CommandSegment?[MaximumSpares])[_consumer.SparesKept & (MaximumSpares - 1)];
        if (Volatile.Read(ref place) != null)
        {
            CommandSegment.Return(segment);
            return;
        }
        _consumer.SparesKept++;
        segment.Next = null;
        Volatile.Write(ref place, segment);
    }

    /// <summary>Inside a submission on entry and on return, not in between.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private long WaitForRoom(int thread)
    {
        while (true)
        {
            long tail = _producer.Tail;
            _producer.HeadSeen = Volatile.Read(ref _consumer.Head);
            if (tail - _producer.HeadSeen < Depth || Volatile.Read(ref _producer.Refusal) != 0)
            {
                return tail;
            }
            LeaveSubmit(thread);
            Check.That(t_tellsOfFailure != this, AclError.RtStreamTaskFull, $"Stream {Id} has all of its {Depth} commands pending and goes on only when this exception callback has returned.");
            Check.That(!RefusesWhenFull, AclError.RtStreamTaskFull, $"Stream {Id} has all of its {Depth} commands pending; a persistent stream does not wait for room on {Chip.Current.Name}.");
            // Half of the queue at once: a producer that outruns the device stops seldom, not at every call.
            Machine.Scheduler.WaitUntil(this, tail - Depth / 2, Timeout.Infinite, untilTrouble: true);
            EnterSubmit(thread);
        }
    }

    /// <summary>A full stream answers 507002 instead of holding the caller.</summary>
    private bool RefusesWhenFull => Chip.Current.PersistentStreamsRefuseWhenFull && (Flags & Streams.Persistent) != 0;

    /// <summary>A wait in this stream may have come true, or a host function has ended: the stream is looked at again.</summary>
    internal void Unblock()
    {
        if (Interlocked.CompareExchange(ref _run.State, Queued, Blocked) == Blocked)
        {
            Enqueue();
        }
    }

    private void Enqueue()
    {
        if (Interlocked.Exchange(ref _inReadyQueue, 1) == 0)
        {
            Machine.Scheduler.Ready(this);
        }
        else
        {
            Machine.Scheduler.Poke();
        }
    }

    /// <summary>Taken from the ready queue. True when the caller now owns the stream; false when somebody else ran it meanwhile.</summary>
    internal bool TryTakeFromQueue()
    {
        Interlocked.Exchange(ref _inReadyQueue, 0);
        return TryOwn();
    }

    /// <summary>Takes a stream that has commands and no runner.</summary>
    internal bool TryOwn()
    {
        int state = Volatile.Read(ref _run.State);
        return (state == Queued || state == Watched && !IsIdle) && Interlocked.CompareExchange(ref _run.State, Running, state) == state;
    }

    /// <summary>Takes an idle stream that nobody was told of.</summary>
    internal bool TryOwnIdle() => Interlocked.CompareExchange(ref _run.State, Running, Idle) == Idle;

    /// <summary>True when <see cref="TryOwn"/> is worth a try.</summary>
    internal bool IsWaitingForRunner => Volatile.Read(ref _run.State) is var state && (state == Queued || state == Watched && !IsIdle);

    /// <summary>The calling worker is going to look at the tail; it promises to call <see cref="Unwatch"/> when it stops.</summary>
    internal void Watch()
    {
        if (_run.IsWatched == 0)
        {
            Volatile.Write(ref _run.IsWatched, 1);
        }
    }

    /// <summary>The worker stops looking. What was queued meanwhile finds another runner.</summary>
    internal void Unwatch()
    {
        // A full fence: a helper that leaves the stream as Watched looks at the flag again afterwards, and one of us turns it Idle.
        Interlocked.Exchange(ref _run.IsWatched, 0);
        TurnIdle();
    }

    private void TurnIdle()
    {
        if (Interlocked.CompareExchange(ref _run.State, Idle, Watched) == Watched)
        {
            FenceSubmitters();
            if (!IsIdle && Interlocked.CompareExchange(ref _run.State, Queued, Idle) == Idle)
            {
                Enqueue();
            }
        }
    }

    /// <summary>Waits until everything queued so far has ended. False when the time is over; the commands go on.</summary>
    internal bool WaitForAll(int timeoutMs) => HasRunPast(Tail) || Machine.Scheduler.WaitUntil(this, Tail, timeoutMs);

    /// <summary>The asynchronous error that a synchronise returns, once; of several failures the last.</summary>
    internal AclError TakeError() => _error == 0 ? AclError.Success : TakeErrorWithReason();

    /// <summary>Why the last task failed, if that is known; whoever takes the error takes it along for the message.</summary>
    private string? _reason;

    private AclError TakeErrorWithReason()
    {
        var code = (AclError)Interlocked.Exchange(ref _error, 0);
        if (code != AclError.Success && Interlocked.Exchange(ref _reason, null) is { } reason)
        {
            ThreadState.Current.Explanation ??= (code, reason); // Of several streams the first one's code is returned.
        }
        return code;
    }

    /// <summary>Queues a command that fails: the fault is certain already, but it belongs to its place in the stream.</summary>
    internal void SubmitFault(AclError code, string reason)
    {
        Log.Info($"{reason} Stream {Id} will report {(int)code}.");
        Submit(new Command { Kind = CommandKind.Fault, Failure = code }, reason);
    }

    /// <summary>
    /// For calls of the program: waits until that many commands have ended. False when the time is over, when the stream has trouble, and at
    /// once inside an exception callback of this stream: the caller is its runner, so nobody would end the wait.
    /// </summary>
    internal bool WaitFor(long target, int timeoutMs)
    {
        if (HasRunPast(target))
        {
            return true;
        }
        if (t_tellsOfFailure == this)
        {
            Log.Warn($"an exception callback of stream {Id} waits for this stream, which goes on when the callback has returned; the wait ends at once. Wait elsewhere.");
            return false;
        }
        return Machine.Scheduler.WaitUntil(this, target, timeoutMs, untilTrouble: true);
    }

    /// <summary>
    /// The C interface's synchronise: waits, then gives what is wrong with device, context or stream, or else the stream's own
    /// asynchronous error. 507046 when the time is over.
    /// </summary>
    internal AclError Synchronize(int timeoutMs)
    {
        if (Trouble is not AclError.Success and var before)
        {
            return before;
        }
        long tail = Tail;
        if (!WaitFor(tail, timeoutMs))
        {
            return Trouble is not AclError.Success and var during ? during : AclError.RtStreamSyncTimeout;
        }
        if (Volatile.Read(ref _halt) == Closed)
        {
            return AclError.RtInvalidHandle; // Destroyed by another thread meanwhile, and its work was dropped.
        }
        AclError own = TakeError();
        return Trouble is not AclError.Success and var after ? after : own;
    }

    /// <summary>What a submission would throw now; for functions that find this out before their last checks.</summary>
    internal void CheckAccepts()
    {
        if (Volatile.Read(ref _producer.Refusal) is not (0 or Diverted or Held))
        {
            throw Refusal();
        }
    }

    private AclException Refusal()
    {
        var code = (AclError)_producer.Refusal;
        return code == AclError.RtInvalidHandle
            ? new AclException(code, $"Stream {Id} was destroyed by another thread during this call.")
            : new AclException(code, $"Stream {Id} takes no new work: {AclErrorNames.Meaning((int)code)}.");
    }
}
