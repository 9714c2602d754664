namespace Updraft.Device;

/// <summary>
/// Work that several threads share: numbered pieces taken in order from one counter, so that everything up to the counter is done
/// once those who took pieces have finished them. It can stop there and go on later, with other threads. Which pieces run first among
/// those taken is open: only work whose pieces have no order fits.
/// </summary>
/// <example><code>
/// owner   publishes the work, takes pieces, withdraws it, waits for helpers that still have one
/// helper  any worker without a stream to run, any host thread that waits
/// </code></example>
internal abstract class SharedWork
{
    private const int MaximumActive = 8;
    private static readonly SharedWork?[] s_active = new SharedWork?[MaximumActive];
    private static int s_activeCount;

    private long _next, _end, _piece;
    private int _helpers;
    private volatile bool _isOpen;

    /// <summary>True when there is work that a free thread could help with.</summary>
    internal static bool AnyOpen => Volatile.Read(ref s_activeCount) != 0;

    /// <summary>Does the units <c>[first, first + count)</c>.</summary>
    protected abstract void Do(nuint first, nuint count);

    /// <summary>
    /// Works from <paramref name="done"/> until all units are done (true) or other streams need the thread (false). The units are handed
    /// out <paramref name="piece"/> at a time.
    /// </summary>
    protected bool Run(nuint units, nuint piece, ref nuint done)
    {
        (_end, _piece, _next) = ((long)units, (long)piece, (long)done);
        bool shared = units - done > piece && Publish();
        if (shared)
        {
            Machine.Scheduler.InviteHelpers();
        }
        bool yields = false;
        while (TakePiece() && !(yields = Machine.Scheduler.ShouldYield()))
        {
        }
        // Whatever was taken is finished by its taker; nobody takes more.
        long reached = Interlocked.Exchange(ref _next, (long)units);
        if (shared)
        {
            Withdraw();
        }
        done = Math.Min((nuint)reached, units);
        return !yields || done == units;
    }

    /// <summary>Takes pieces of open work until it has none left or other work is waiting. False when there was nothing to help with.</summary>
    internal static bool Help()
    {
        for (int slot = 0; slot < MaximumActive; slot++)
        {
            if (Volatile.Read(ref s_active[slot]) is not { } work)
            {
                continue;
            }
            Interlocked.Increment(ref work._helpers);
            bool helped = false;
            // Open is read after the increment, and closed before the owner waits for the helpers: either we see it closed or it waits.
            while (work._isOpen && work.TakePiece())
            {
                helped = true;
                if (Machine.Scheduler.ShouldYield())
                {
                    break;
                }
            }
            Interlocked.Decrement(ref work._helpers);
            if (helped)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The work is over although pieces are left: nobody takes another.</summary>
    protected void TakeNoMore() => Interlocked.Exchange(ref _next, _end);

    private bool TakePiece()
    {
        long first = Interlocked.Add(ref _next, _piece) - _piece;
        if (first >= _end)
        {
            return false;
        }
        Do((nuint)first, (nuint)Math.Min(_piece, _end - first));
        return true;
    }

    private bool Publish()
    {
        for (int slot = 0; slot < MaximumActive; slot++)
        {
            if (Interlocked.CompareExchange(ref s_active[slot], this, null) == null)
            {
                // Only now: work that finds no slot is not withdrawn, so nobody who still holds it from an earlier time may help.
                _isOpen = true;
                Interlocked.Increment(ref s_activeCount);
                return true;
            }
        }
        return false;
    }

    private void Withdraw()
    {
        _isOpen = false;
        for (int slot = 0; slot < MaximumActive; slot++)
        {
            if (Interlocked.CompareExchange(ref s_active[slot], null, this) == this)
            {
                Interlocked.Decrement(ref s_activeCount);
            }
        }
        var spinner = new SpinWait();
        while (Volatile.Read(ref _helpers) != 0)
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }
    }
}
