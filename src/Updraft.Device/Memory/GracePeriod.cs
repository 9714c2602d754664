namespace Updraft.Device;

/// <summary>
/// Answers "has every command that was queued at that moment ended?" without any cost for the commands. Freed memory carries the
/// number of the period it was freed in; a period has passed when each stream that was busy at its end has run past the tail it had
/// then. Copies therefore look their memory up once, when they are queued, and the bytes are theirs until they end.
/// </summary>
internal static class GracePeriod
{
    private static readonly Lock s_lock = new();
    private static readonly List<(Stream Stream, long Tail)> s_waitingFor = [];
    private static ulong s_current = 1;
    private static ulong s_passed;
    private static bool s_isRunning;

    /// <summary>The period a free belongs to.</summary>
    internal static ulong Current => Volatile.Read(ref s_current);

    /// <summary>True when nothing queued before the end of that period is left.</summary>
    internal static bool HasPassed(ulong period)
    {
        if (period <= Volatile.Read(ref s_passed))
        {
            return true;
        }
        lock (s_lock)
        {
            Advance();
            if (period > s_passed)
            {
                Advance();
            }
            return period <= s_passed;
        }
    }

    /// <summary>A new machine: streams of the old one, some of which never ended, hold nothing back.</summary>
    internal static void Reset()
    {
        lock (s_lock)
        {
            s_waitingFor.Clear();
            s_isRunning = false;
        }
    }

    private static void Advance()
    {
        if (!s_isRunning)
        {
            // Frees from here on belong to the next period; whatever is queued now may still use what this one freed.
            Volatile.Write(ref s_current, s_current + 1);
            Interlocked.MemoryBarrier();
            Machine.CollectBusyStreams(s_waitingFor);
            s_isRunning = true;
        }
        s_waitingFor.RemoveAll(static entry => entry.Stream.HasRunPast(entry.Tail));
        if (s_waitingFor.Count == 0)
        {
            Volatile.Write(ref s_passed, s_current - 1);
            s_isRunning = false;
        }
    }
}
