namespace Updraft.Device;

/// <summary>
/// Numbers a device hands out, lowest free one first, up to a limit. A place may also be reserved without a number: for things that
/// come and go so often that a number for each would be wasted.
/// </summary>
internal sealed class IdPool(int limit)
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<int, int> _returned = new();
    private int _next, _inUse, _reserved;

    /// <summary>A free number, or -1 when all are in use.</summary>
    internal int Take()
    {
        lock (_lock)
        {
            if (_inUse + Volatile.Read(ref _reserved) >= limit)
            {
                return -1;
            }
            Volatile.Write(ref _inUse, _inUse + 1);
            return _returned.TryDequeue(out int id, out _) ? id : _next++;
        }
    }

    internal void Return(int id)
    {
        lock (_lock)
        {
            _returned.Enqueue(id, id);
            Volatile.Write(ref _inUse, _inUse - 1);
        }
    }

    internal bool TryReserve()
    {
        if (Interlocked.Increment(ref _reserved) + Volatile.Read(ref _inUse) <= limit)
        {
            return true;
        }
        Unreserve();
        return false;
    }

    internal void Unreserve() => Interlocked.Decrement(ref _reserved);

    internal int Free => limit - Volatile.Read(ref _inUse) - Volatile.Read(ref _reserved);
}
