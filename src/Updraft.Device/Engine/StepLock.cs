namespace Updraft.Device;

/// <summary>
/// The lock of the stepped schedules: taken with every command, nearly always by the same thread. Its holder may take it again, and may wait
/// for a <see cref="PulseAll"/> while others have it, as with Monitor. Giving it up is an ordinary write and a look whether somebody
/// waits for it; the one who waits pays for both sides with a barrier on all processors.
/// </summary>
/// <example><code>using (_lock.Hold(ThreadState.Current.ThreadId)) { … }</code></example>
internal sealed class StepLock
{
    /// <summary>Before a thread sleeps until the lock is free; a look every few microseconds.</summary>
    private const int Looks = 16, SpinsBetweenLooks = 64;

    private readonly object _contention = new(), _sleep = new();
    private int _holder, _again, _contenders, _sleepers;
    private long _pulses;

    internal Scope Hold(int thread)
    {
        if (_holder == thread)
        {
            _again++;
        }
        else if (Interlocked.CompareExchange(ref _holder, thread, 0) != 0)
        {
            Contend(thread);
        }
        return new Scope(this);
    }

    internal readonly ref struct Scope(StepLock held)
    {
        public void Dispose() => held.Release();
    }

    /// <summary>By the holder: others have the lock until somebody pulses or the time is over.</summary>
    internal void Wait(int timeoutMs)
    {
        (int thread, int again, long seen) = (_holder, _again, _pulses);
        _sleepers++;
        _again = 0;
        Release();
        lock (_sleep)
        {
            if (_pulses == seen)
            {
                Monitor.Wait(_sleep, timeoutMs);
            }
        }
        _ = Hold(thread);
        _again = again;
        _sleepers--;
    }

    /// <summary>By the holder: whoever waits looks again.</summary>
    internal void PulseAll()
    {
        if (_sleepers > 0)
        {
            lock (_sleep)
            {
                _pulses++;
                Monitor.PulseAll(_sleep);
            }
        }
    }

    private void Release()
    {
        if (_again > 0)
        {
            _again--;
            return;
        }
        Volatile.Write(ref _holder, 0);
        if (Volatile.Read(ref _contenders) != 0)
        {
            lock (_contention)
            {
                Monitor.PulseAll(_contention);
            }
        }
    }

    private void Contend(int thread)
    {
        for (int look = 0; look < Looks; look++)
        {
            // Seldom, as in Stream: it must not go to the other CPU with every command.
            Thread.SpinWait(SpinsBetweenLooks);
            if (Volatile.Read(ref _holder) == 0 && Interlocked.CompareExchange(ref _holder, thread, 0) == 0)
            {
                return;
            }
        }
        lock (_contention)
        {
            _contenders++;
            // The other side of this is in Release, without a fence: from here on it sees us, or we see that it has let go.
            Interlocked.MemoryBarrierProcessWide();
            while (Interlocked.CompareExchange(ref _holder, thread, 0) != 0)
            {
                Monitor.Wait(_contention);
            }
            _contenders--;
        }
    }
}
