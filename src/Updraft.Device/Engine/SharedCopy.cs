namespace Updraft.Device;

/// <summary>
/// A large copy that several threads work on. Pieces are taken in order from one counter, so the copy is complete up to the counter
/// once those who took pieces have finished them: it can stop there and go on later, with other threads.
/// </summary>
internal sealed unsafe class SharedCopy
{
    private const int MaximumActive = 8;
    private static readonly SharedCopy?[] s_active = new SharedCopy?[MaximumActive];
    private static int s_activeCount;

    [ThreadStatic]
    private static SharedCopy? t_own;

    private byte* _to, _from;
    private nuint _bytes, _piece;
    private long _next;
    private int _helpers;
    private volatile bool _isOpen;

    /// <summary>True when there is a copy that a free thread could help with.</summary>
    internal static bool AnyOpen => Volatile.Read(ref s_activeCount) != 0;

    /// <summary>Works on the copy from <paramref name="done"/> until it is complete (true) or other streams need the thread (false).</summary>
    internal static bool Run(byte* to, byte* from, nuint bytes, nuint piece, ref nuint done)
    {
        SharedCopy copy = t_own ??= new SharedCopy();
        copy._to = to;
        copy._from = from;
        (copy._bytes, copy._piece, copy._next) = (bytes, piece, (long)done);
        bool shared = bytes - done > piece && copy.Publish();
        if (shared)
        {
            Machine.Scheduler.InviteHelpers();
        }
        bool yields = false;
        while (copy.CopyPiece() && !(yields = Machine.Scheduler.ShouldYield()))
        {
        }
        // Whatever was taken is finished by its taker; nobody takes more.
        long reached = Interlocked.Exchange(ref copy._next, (long)bytes);
        if (shared)
        {
            copy.Withdraw();
        }
        done = Math.Min((nuint)reached, bytes);
        return !yields || done == bytes;
    }

    /// <summary>Takes pieces of an open copy until it has none left or other work is waiting. False when there was nothing to help with.</summary>
    internal static bool Help()
    {
        for (int slot = 0; slot < MaximumActive; slot++)
        {
            if (Volatile.Read(ref s_active[slot]) is not { } copy)
            {
                continue;
            }
            Interlocked.Increment(ref copy._helpers);
            bool helped = false;
            // Open is read after the increment, and closed before the owner waits for the helpers: either we see it closed or it waits.
            while (copy._isOpen && copy.CopyPiece())
            {
                helped = true;
                if (Machine.Scheduler.ShouldYield())
                {
                    break;
                }
            }
            Interlocked.Decrement(ref copy._helpers);
            if (helped)
            {
                return true;
            }
        }
        return false;
    }

    private bool CopyPiece()
    {
        nuint start = (nuint)(Interlocked.Add(ref _next, (long)_piece) - (long)_piece);
        if (start >= _bytes)
        {
            return false;
        }
        nuint bytes = Math.Min(_piece, _bytes - start);
        CopyEngine.CopyPastCache(_to + start, _from + start, bytes);
        return true;
    }

    private bool Publish()
    {
        _isOpen = true;
        for (int slot = 0; slot < MaximumActive; slot++)
        {
            if (Interlocked.CompareExchange(ref s_active[slot], this, null) == null)
            {
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
