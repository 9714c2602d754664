using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Updraft.Device;

/// <summary>The running side of a stream: everything here is called by the one thread that owns it.</summary>
internal sealed unsafe partial class Stream
{
    private enum Outcome { Done, Blocked, Yields }

    private const int PrefetchDistance = 8;

    /// <summary>What a thread that only asks may do: copies that take less than a few microseconds, and what neither waits nor calls anybody.</summary>
    private const nuint ShortCopyBytes = 64 << 10;
    private const int ShortCommands = 16;

    /// <summary>
    /// Runs the short commands at the head of the owned stream, a few of them, and gives it up. False when the first one is not short.
    /// A thread that polls thereby does the work it asks for when no worker has come to it: on a machine whose CPUs are all taken, the
    /// worker may be waiting for the very CPU that the polling thread occupies.
    /// </summary>
    internal bool RunShort()
    {
        long head = _consumer.Head, end = head, last = Math.Min(Tail, head + ShortCommands);
        int slot = (int)head & (CommandSegment.Length - 1);
        if (slot == 0 && head > 0 && head < last)
        {
            NextSegmentToRun(head);
        }
        // Not beyond the segment: the next one is reached when its first command is run.
        for (; end < last && slot < CommandSegment.Length && IsShort(in _consumer.Slots[slot]); slot++)
        {
            end++;
        }
        if (end == head && head < last)
        {
            GiveWay();
            return false;
        }
        Run(end);
        return true;
    }

    private static bool IsShort(in Command command) => command.Kind switch
    {
        CommandKind.Copy => command.C <= ShortCopyBytes,
        CommandKind.Marker or CommandKind.EventRecord or CommandKind.EventReset => true,
        _ => false,
    };

    /// <summary>
    /// Runs the owned stream until it is empty, stands still, has come to <paramref name="target"/>, or gives way to others in the
    /// middle of a large copy. On return the caller does not own it any more. True when the stream was left empty.
    /// </summary>
    internal bool Run(long target = long.MaxValue)
    {
        long head = _consumer.Head;
        while (true)
        {
            long tail = Math.Min(Volatile.Read(ref _producer.Tail), target);
            while (head < tail)
            {
                int slot = (int)head & (CommandSegment.Length - 1);
                if (slot == 0 && head > 0 && NextSegmentToRun(head) && Machine.Scheduler.ShouldYield())
                {
                    // A stream that is fed without end would keep its thread from all others.
                    GiveWay();
                    WakeWaiters();
                    return false;
                }
                ref Command command = ref _consumer.Slots[slot];
                if (Sse.IsSupported)
                {
                    // The slots were written on another core; the transfer of the next ones overlaps with this command.
                    Sse.Prefetch0(_consumer.Slots + (slot + PrefetchDistance & (CommandSegment.Length - 1)));
                }
                if (MayRunTogether(in command, head, tail) && RunTogether(head, tail, out bool yields) is var reached && (yields || reached > head))
                {
                    head = reached;
                    Publish(head);
                    if (yields)
                    {
                        GiveWay();
                        return false;
                    }
                    continue;
                }
                if (Machine.Observer is { } observer && _consumer.Progress == 0)
                {
                    observer.Started(this, head, in command);
                }
                AclError result = AclError.Success;
                switch (Execute(ref command, slot, ref result))
                {
                    case Outcome.Blocked:
                        // From here on another thread may already be running the stream: nothing of it is touched.
                        if (Drops)
                        {
                            Unblock(); // Halted while the command was looking: nobody else unblocks it.
                        }
                        WakeWaiters();
                        return false;
                    case Outcome.Yields:
                        GiveWay();
                        return false;
                    default:
                        _consumer.Progress = 0;
                        if (result != AclError.Success)
                        {
                            Fail(result, in command, head, Attached(slot) as string ?? TakeExplanation());
                        }
                        Machine.Observer?.Finished(this, head, in command, result);
                        if (command.HasObject)
                        {
                            if (command.Kind == CommandKind.CopyBatch)
                            {
                                ((BatchElements)Attached(slot)!).End();
                            }
                            _read!.Objects![slot] = null;
                        }
                        head++;
                        Publish(head);
                        break;
                }
            }
            if (head >= target && Tail > head)
            {
                GiveWay();
                WakeWaiters();
                return false;
            }
            if (Volatile.Read(ref _run.IsWatched) != 0)
            {
                Interlocked.Exchange(ref _run.State, Watched);
                if (Volatile.Read(ref _run.IsWatched) == 0)
                {
                    TurnIdle();
                }
                WakeWaiters();
                return true;
            }
            // Idle first, then a look at the tail: a command queued in between either sees Idle or is seen here.
            Interlocked.Exchange(ref _run.State, Idle);
            FenceSubmitters();
            if (Tail == head || Interlocked.CompareExchange(ref _run.State, Running, Idle) != Idle)
            {
                WakeWaiters();
                return true;
            }
            // Between the two somebody else may have run the stream to its end and left it Idle again.
            head = _consumer.Head;
        }
    }

    /// <summary>Everything before this number has ended: the memory and the slots of those commands are free.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Publish(long head)
    {
        Volatile.Write(ref _consumer.Head, head);
        if (head >= Volatile.Read(ref _consumer.WakeAt))
        {
            WakeWaiters();
        }
    }

    /// <summary>The owner gives the stream up although it has commands: the next free thread takes it.</summary>
    private void GiveWay()
    {
        Interlocked.Exchange(ref _run.State, Queued);
        Enqueue();
    }

    /// <summary>False when this segment was reached before: a command that has to be tried again stands at the same head.</summary>
    private bool NextSegmentToRun(long head)
    {
        if (_consumer.SegmentStart == head)
        {
            return false;
        }
        CommandSegment segment = _read!;
        _read = Volatile.Read(ref segment.Next)!;
        _consumer.Slots = _read.Commands;
        _consumer.SegmentStart = head;
        KeepSpare(segment);
        return true;
    }

    private Outcome Execute(ref Command command, int slot, ref AclError result)
    {
        if (Volatile.Read(ref _halt) != Runs)
        {
            return ExecuteHalted(in command, slot);
        }
        switch (command.Kind)
        {
            case CommandKind.Copy:
                if (command.C <= CopyEngine.SmallBytes)
                {
                    CopyEngine.CopySmall((byte*)command.A, (byte*)command.B, command.C);
                    return Outcome.Done;
                }
                return CopyLarge(ref command);
            case CommandKind.EventRecord:
                ((RecordPoint)Attached(slot)!).Complete(Machine.Clock.NowNs);
                return Outcome.Done;
            case CommandKind.EventWait:
                return EventWait.IsOver(Attached(slot)!, this, ref result) ? Outcome.Done : Outcome.Blocked;
            case CommandKind.HostFunction:
                return RunHostFunction(ref command);
            case CommandKind.Task:
                return ((DeviceTask)Attached(slot)!).Run(this, ref result) ? Outcome.Done : Outcome.Blocked;
            default:
                return Ended(ExecuteSimple(ref command, Attached(slot), ref _consumer.Progress, ref result));
        }
    }

    /// <summary>
    /// Commands that need nothing of the stream: the same whether they were queued or recorded. False in the middle of a large one, when
    /// other streams need the thread; <paramref name="progress"/> says how far it is.
    /// </summary>
    internal static bool ExecuteSimple(ref Command command, object? attached, ref nuint progress, ref AclError result)
    {
        switch (command.Kind)
        {
            case CommandKind.Copy:
                return CopyEngine.CopyShared((byte*)command.A, (byte*)command.B, command.C, ref progress);
            case CommandKind.CopyGuarded:
                return CopyEngine.CopyGuardedShared((byte*)command.A, (byte*)command.B, command.C, ref progress, ref result);
            case CommandKind.Fill:
                CopyEngine.Fill((byte*)command.A, (byte)command.B, command.C);
                return true;
            case CommandKind.Fill32:
                CopyEngine.Fill32((uint*)command.A, (uint)command.B, command.C);
                return true;
            case CommandKind.Write64:
                Unsafe.WriteUnaligned((void*)command.A, (ulong)command.B);
                return true;
            case CommandKind.Copy2D:
                var rectangle = (Rectangle)attached!;
                return CopyEngine.Copy2DShared((byte*)command.A, rectangle.ToPitch, (byte*)command.B, rectangle.FromPitch, rectangle.Width, rectangle.Height, ref progress);
            case CommandKind.Copy2DGuarded:
                result = CopyRowsGuarded(command, (Rectangle)attached!);
                return true;
            case CommandKind.CopyBatch:
                return ((BatchElements)attached!).Run(ref progress, ref result);
            case CommandKind.EventReset:
                ((Event)attached!).ResetOnDevice();
                return true;
            case CommandKind.Fault:
                result = command.Failure;
                return true;
            default:
                return true;
        }
    }

    private static AclError CopyRowsGuarded(in Command command, Rectangle rectangle)
    {
        AclError result = AclError.Success;
        for (nuint row = 0; row < rectangle.Height; row++)
        {
            if (!HostGuard.TryCopy((void*)(command.A + row * rectangle.ToPitch), (void*)(command.B + row * rectangle.FromPitch), rectangle.Width))
            {
                result = AclError.RtSysDma;
            }
        }
        return result;
    }

    private object? Attached(int slot) => _read!.Objects?[slot];

    /// <summary>A large copy runs in pieces: free threads help, and between two pieces other streams get their turn.</summary>
    private Outcome CopyLarge(ref Command command)
    {
        WakeToHelp(command.C - _consumer.Progress);
        return Ended(CopyEngine.CopyShared((byte*)command.A, (byte*)command.B, command.C, ref _consumer.Progress));
    }

    private static Outcome Ended(bool isComplete) => isComplete ? Outcome.Done : Outcome.Yields;

    private Outcome RunHostFunction(ref Command command)
    {
        // Progress tells the visits apart: at the first the function is handed over, at a later one it has returned.
        long position = _consumer.Head;
        if (_consumer.Progress != 0)
        {
            return HostFunctionHasReturned(position) ? Outcome.Done : Outcome.Blocked;
        }
        _consumer.Progress = 1;
        nuint function = command.A, argument = command.B;
        MarkBlocked();
        Context.Callbacks.Call(this, position, function, argument);
        return Outcome.Blocked;
    }

    private long _hostFunctionsEnded;

    /// <summary>A host function of a graph that this stream runs. False until it has returned.</summary>
    internal bool HostFunctionHasRun(ref Command command)
    {
        if (RunHostFunction(ref command) != Outcome.Done)
        {
            return false;
        }
        // A graph may call several at one place in the queue.
        _consumer.Progress = 0;
        Volatile.Write(ref _hostFunctionsEnded, _consumer.Head);
        return true;
    }

    /// <summary>The host function at that place has returned. One that was dropped may still run: it does not end its successor.</summary>
    internal void HostFunctionEnded(long position)
    {
        Volatile.Write(ref _hostFunctionsEnded, position + 1);
        Unblock();
    }

    private bool HostFunctionHasReturned(long position)
    {
        if (Volatile.Read(ref _hostFunctionsEnded) > position)
        {
            return true;
        }
        MarkBlocked();
        if (Volatile.Read(ref _hostFunctionsEnded) > position)
        {
            Unblock();
        }
        return false;
    }

    /// <summary>
    /// The head command has to wait. Whoever calls this has made sure that <see cref="Unblock"/> is called later: under a lock that the
    /// waker takes too, or by handing the stream over after this call.
    /// </summary>
    internal void MarkBlocked() => Interlocked.Exchange(ref _run.State, Blocked);

    private string? _explanation;

    /// <summary>Says why the command that is about to fail does so; by its runner.</summary>
    internal void Explain(string reason) => _explanation = reason;

    internal string? TakeExplanation()
    {
        string? explanation = _explanation;
        _explanation = null;
        return explanation;
    }

    private void Fail(AclError code, in Command command, long task, string? reason)
    {
        Volatile.Write(ref _reason, reason);
        Interlocked.Exchange(ref _error, (int)code);
        Log.Info($"task {task} of stream {Id} on device {Device.Id} failed: {(int)code} {AclErrorNames.Of((int)code)}. {reason}");
        Context.TaskFailed(this, code);
        Stream? outer = t_tellsOfFailure;
        t_tellsOfFailure = this;
        try
        {
            ExceptionCallbacks.Fire(Device, code, (uint)task, (uint)Id, (uint)command.ThreadId);
        }
        finally
        {
            t_tellsOfFailure = outer;
        }
    }

    /// <summary>The stream whose runner this thread is while the program's exception callbacks are called: to wait for it here is to wait for oneself.</summary>
    [ThreadStatic]
    private static Stream? t_tellsOfFailure;

    // --- Waiters: host threads that found nothing to help with -------------------------------------------------------------------

    private readonly object _waitersLock = new();
    private int _waiters;

    /// <summary>A host thread sleeps until this stream makes progress.</summary>
    internal bool HasWaiters => Volatile.Read(ref _waiters) != 0;

    private void WakeWaiters()
    {
        if (ValueWaits.Any)
        {
            ValueWaits.Look();
        }
        // After a state change, which is a full fence as is the increment in WaitForProgress, one of the two sees the other. The call
        // in the middle of a run may come too early to see a waiter; the one at its end does not.
        if (Volatile.Read(ref _waiters) != 0)
        {
            lock (_waitersLock)
            {
                Monitor.PulseAll(_waitersLock);
            }
        }
    }

    /// <summary>What waiters wait on has changed without progress of the stream.</summary>
    private void WakeAllWaiters()
    {
        lock (_waitersLock)
        {
            Monitor.PulseAll(_waitersLock);
        }
    }

    /// <summary>Sleeps until the stream has made progress, at most that long. The caller looks again afterwards.</summary>
    internal void WaitForProgress(long target, int timeoutMs, bool untilTrouble)
    {
        lock (_waitersLock)
        {
            _consumer.WakeAt = Math.Min(_consumer.WakeAt, target);
            Interlocked.Increment(ref _waiters);
            if (!HasRunPast(target) && !IsWaitingForRunner && !(untilTrouble && Trouble != AclError.Success))
            {
                Monitor.Wait(_waitersLock, timeoutMs);
            }
            if (Interlocked.Decrement(ref _waiters) == 0)
            {
                _consumer.WakeAt = long.MaxValue;
            }
        }
    }
}
