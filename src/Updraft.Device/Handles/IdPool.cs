namespace Updraft.Device;

/// <summary>Numbers a device hands out, lowest free one first, up to a limit.</summary>
internal sealed class IdPool(int limit)
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<int, int> _returned = new();
    private int _next;

    /// <summary>A free number, or -1 when all are in use.</summary>
    internal int Take()
    {
        lock (_lock)
        {
            return _returned.TryDequeue(out int id, out _) ? id : _next < limit ? _next++ : -1;
        }
    }

    internal void Return(int id)
    {
        lock (_lock)
        {
            _returned.Enqueue(id, id);
        }
    }

    internal int Free
    {
        get
        {
            lock (_lock)
            {
                return limit - _next + _returned.Count;
            }
        }
    }
}
