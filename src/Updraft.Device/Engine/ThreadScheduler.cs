using System.Diagnostics;

namespace Updraft.Device;

/// <summary>
/// The real thing: a pool of workers runs ready streams, a host thread that synchronises runs the stream it waits for instead of
/// sleeping. Workers start when the first stream becomes ready, look for work a few microseconds longer than there is any (waking a
/// parked thread costs more than that), then sleep: an idle process costs nothing.
///
/// A worker keeps an eye on the streams it has just emptied. While it does, a submission is a write to the queue and nothing else; the
/// worker looks seldom enough that several commands have gathered, because every look takes the line of the tail from the submitter.
/// </summary>
internal sealed class ThreadScheduler : Scheduler
{
    private const int MaximumWatched = 16;
    private static readonly long s_spinTicks = Stopwatch.Frequency / 50_000; // 20 µs
    private static readonly long s_shortestLookTicks = Stopwatch.Frequency / 2_000_000; // 0.5 µs
    private static readonly long s_longestLookTicks = Stopwatch.Frequency / 100_000; // 10 µs

    /// <summary>Commands a look should find: enough to be worth the line it takes from the submitter, few enough not to keep anybody waiting.</summary>
    private const long FewCommands = 64, ManyCommands = 512;

    /// <summary>The streams a worker watches. With several workers only the latest: the others may be run by somebody else meanwhile.</summary>
    [ThreadStatic]
    private static List<Stream>? t_watched;

    // One CPU is left to the program: its threads help whenever they wait, and a worker too many only takes the CPU from them.
    private readonly int _maximumWorkers = Machine.Options.Workers ?? Math.Clamp(Environment.ProcessorCount - 1, 1, 16);
    private readonly ReadyQueue _ready = new();
    private readonly object _parkLock = new();
    private int _workers, _parked, _looking, _wakes, _waiting;
    private volatile bool _stops;

    internal override void Ready(Stream stream)
    {
        _ready.Add(stream);
        Poke();
    }

    internal override void Poke() => WakeOne(onlyIfNobodyLooks: true);

    internal override void InviteHelpers() => WakeOne(onlyIfNobodyLooks: false);

    /// <summary>Waking a sleeping thread takes as long as copying half a megabyte.</summary>
    internal const nuint FewestBytesToWake = 2 << 20;

    internal override bool HasHelp(nuint bytes) => bytes >= FewestBytesToWake || Volatile.Read(ref _looking) > 0 || Volatile.Read(ref _waiting) > 0;

    internal override bool ShouldYield()
    {
        if (Volatile.Read(ref _looking) > 0)
        {
            return false;
        }
        if (_ready.Count > 0)
        {
            return true;
        }
        // In the middle of a large copy nobody looks at what this worker watches. A thread of the program watches nothing.
        if (t_watched is not { } watched)
        {
            return false;
        }
        foreach (Stream stream in watched)
        {
            if (stream.IsWaitingForRunner)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whoever asks for a stream that has no runner runs what is short in it, or lets the worker have the CPU.</summary>
    internal override void Poll(Stream stream)
    {
        if (stream.IsWaitingForRunner && !(stream.TryOwn() && stream.RunShort()))
        {
            Thread.Yield();
        }
    }

    private void WakeOne(bool onlyIfNobodyLooks)
    {
        if (onlyIfNobodyLooks && Volatile.Read(ref _looking) > 0)
        {
            return; // Somebody is between two streams and finds this one.
        }
        if (Volatile.Read(ref _parked) > 0)
        {
            lock (_parkLock)
            {
                if (_parked > _wakes)
                {
                    _wakes++;
                    Monitor.Pulse(_parkLock);
                }
            }
        }
        else if (Volatile.Read(ref _workers) < _maximumWorkers)
        {
            StartWorker();
        }
    }

    private void StartWorker()
    {
        lock (_parkLock)
        {
            if (_workers >= _maximumWorkers || _stops)
            {
                return;
            }
            _workers++;
        }
        Interlocked.Increment(ref _looking);
        new Thread(Work, 256 << 10) { IsBackground = true, Name = "updraft worker" }.Start();
    }

    private void Work()
    {
        List<Stream> watched = t_watched = new(MaximumWatched);
        long lastWork = Stopwatch.GetTimestamp(), pause = s_shortestLookTicks;
        // Counted as looking from the moment it was started until it runs a stream, and again between streams.
        while (!_stops)
        {
            long found = RunWatched(watched);
            if (found > 0)
            {
                pause = found < FewCommands ? Math.Min(pause * 2, s_longestLookTicks) : found > ManyCommands ? Math.Max(pause / 2, s_shortestLookTicks) : pause;
            }
            // Both kinds in every turn: watched streams that never run dry must not keep the ready ones waiting.
            bool ran = RunReady(watched);
            if (found > 0 || ran || SharedWork.AnyOpen && Help())
            {
                lastWork = Stopwatch.GetTimestamp();
            }
            long now = Stopwatch.GetTimestamp();
            if (now - lastWork > s_spinTicks)
            {
                UnwatchAll(watched);
                Park();
                lastWork = Stopwatch.GetTimestamp();
                pause = s_shortestLookTicks;
                continue;
            }
            if (pause == s_longestLookTicks)
            {
                // Nothing is urgent: where there are more threads than CPUs, one that has something to do goes on.
                Thread.Yield();
            }
            do
            {
                Thread.SpinWait(2);
            }
            while (Stopwatch.GetTimestamp() - now < pause && _ready.Count == 0 && !SharedWork.AnyOpen);
        }
        UnwatchAll(watched);
        Interlocked.Decrement(ref _looking);
    }

    /// <summary>Whoever helps with a large copy does not look for streams meanwhile: one that becomes ready ends the help.</summary>
    private bool Help()
    {
        Interlocked.Decrement(ref _looking);
        bool helped = _ready.Count == 0 && SharedWork.Help();
        Interlocked.Increment(ref _looking);
        return helped;
    }

    private bool RunReady(List<Stream> watched)
    {
        if (!_ready.TryTake(out Stream? stream))
        {
            return false;
        }
        if (stream.TryTakeFromQueue())
        {
            if (!watched.Contains(stream))
            {
                if (watched.Count == MaximumWatched || _maximumWorkers > 1 && watched.Count > 0)
                {
                    UnwatchAll(watched);
                }
                watched.Add(stream);
            }
            RunOwned(stream, watched);
        }
        return true;
    }

    /// <summary>Runs what has gathered in the watched streams; the number of commands.</summary>
    private long RunWatched(List<Stream> watched)
    {
        long commands = 0;
        for (int index = watched.Count - 1; index >= 0; index--)
        {
            Stream stream = watched[index];
            if (stream.TryOwn())
            {
                long head = stream.Head;
                RunOwned(stream, watched);
                commands += Math.Max(1, stream.Head - head);
            }
        }
        return commands;
    }

    private void RunOwned(Stream stream, List<Stream> watched)
    {
        Interlocked.Decrement(ref _looking);
        // Whoever became ready meanwhile found somebody looking; now nobody is.
        if (_ready.Count > 0)
        {
            Poke();
        }
        stream.Watch();
        if (!stream.Run())
        {
            // Blocked, or given way to others: whoever readies it decides who runs it next.
            watched.Remove(stream);
            stream.Unwatch();
        }
        Interlocked.Increment(ref _looking);
    }

    private static void UnwatchAll(List<Stream> watched)
    {
        foreach (Stream stream in watched)
        {
            stream.Unwatch();
        }
        watched.Clear();
    }

    private void Park()
    {
        lock (_parkLock)
        {
            _parked++;
            Interlocked.Decrement(ref _looking);
            // Both sides order their store before their load: a stream added before this look is seen, one added later sees us parked.
            if (_ready.Count == 0)
            {
                while (_wakes == 0 && !_stops)
                {
                    Monitor.Wait(_parkLock);
                }
                if (_wakes > 0)
                {
                    _wakes--;
                }
            }
            Interlocked.Increment(ref _looking);
            _parked--;
            _wakes = Math.Min(_wakes, _parked);
        }
    }

    /// <summary>Commands that a thread with a time limit runs before it looks at the clock again.</summary>
    private const int CommandsPerLook = 16;

    internal override bool WaitUntil(Stream stream, long target, int timeoutMs, bool untilTrouble)
    {
        var deadline = new Deadline(timeoutMs);
        while (!stream.HasRunPast(target))
        {
            if (deadline.IsOver || untilTrouble && stream.Trouble != AclError.Success)
            {
                return false;
            }
            if (stream.TryOwn())
            {
                stream.Run(timeoutMs < 0 ? target : Math.Min(target, stream.Head + CommandsPerLook));
                continue;
            }
            if (SharedWork.AnyOpen && SharedWork.Help())
            {
                continue;
            }
            Interlocked.Increment(ref _waiting);
            bool progresses = SpinForProgress(stream, target);
            Interlocked.Decrement(ref _waiting);
            if (!progresses)
            {
                stream.WaitForProgress(target, deadline.LeftMs, untilTrouble);
            }
        }
        return true;
    }

    private static bool SpinForProgress(Stream stream, long target)
    {
        long end = Stopwatch.GetTimestamp() + s_spinTicks;
        do
        {
            for (int turn = 0; turn < 16; turn++)
            {
                if (stream.HasRunPast(target) || stream.IsWaitingForRunner || SharedWork.AnyOpen)
                {
                    return true;
                }
                Thread.SpinWait(4);
            }
        }
        while (Stopwatch.GetTimestamp() < end);
        return false;
    }

    internal override void Stop()
    {
        _stops = true;
        lock (_parkLock)
        {
            Monitor.PulseAll(_parkLock);
        }
    }
}

/// <summary>Streams that wait for a runner, first in, first out. Touched once per idle period of a stream, so a lock is enough.</summary>
internal sealed class ReadyQueue
{
    private readonly Lock _lock = new();
    private readonly Queue<Stream> _streams = new();
    private int _count;

    internal int Count => Volatile.Read(ref _count);

    internal void Add(Stream stream)
    {
        lock (_lock)
        {
            _streams.Enqueue(stream);
            Interlocked.Increment(ref _count);
        }
    }

    internal bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Stream? stream)
    {
        stream = null;
        if (Count == 0)
        {
            return false;
        }
        lock (_lock)
        {
            if (!_streams.TryDequeue(out stream))
            {
                return false;
            }
            _count--;
            return true;
        }
    }
}
