namespace Updraft.Device;

/// <summary>One emulated device: its memory, its primary context and the numbers it hands out.</summary>
internal sealed class Device
{
    private readonly Lock _lock = new();
    private readonly SortedSet<int> _freeStreamIds = [];
    private readonly HashSet<int> _peers = [];
    private readonly List<Context> _contexts = [];
    private int _streamIds, _references, _events;
    private bool _wasReset;

    /// <summary>The id programs use; the physical one differs when ASCEND_RT_VISIBLE_DEVICES hides some.</summary>
    internal readonly int Id, PhysicalId;
    internal readonly ulong MemoryBytes;
    internal Arena Memory { get; }
    internal Context? Primary { get; private set; }

    internal Device(int id, int physicalId, ulong memoryBytes)
    {
        (Id, PhysicalId, MemoryBytes) = (id, physicalId, memoryBytes);
        nuint window = (nuint)1 << AddressSpace.DeviceShift;
        Memory = new Arena(AddressSpace.DeviceBase + (nuint)id * window, window, AddressSpace.BackingDistance, memoryBytes);
    }

    internal Context[] Contexts
    {
        get
        {
            lock (_lock)
            {
                return [.. _contexts];
            }
        }
    }

    /// <summary>Counts one more user of the primary context and makes it when it is the first.</summary>
    internal Context Retain()
    {
        lock (_lock)
        {
            _references++;
            if (Primary is not { IsAlive: true })
            {
                Primary = new Context(this, isPrimary: true);
                _contexts.Add(Primary);
            }
            return Primary;
        }
    }

    internal Context CreateContext()
    {
        var context = new Context(this, isPrimary: false);
        lock (_lock)
        {
            _contexts.Add(context);
        }
        return context;
    }

    internal bool DestroyContext(Context context)
    {
        if (!context.Destroy(force: false))
        {
            return false;
        }
        lock (_lock)
        {
            _contexts.Remove(context);
        }
        return true;
    }

    /// <summary>One user less, or none at all. The last one ends everything that lives on the device. False when nobody was left.</summary>
    internal bool Release(bool all)
    {
        Context[] contexts;
        lock (_lock)
        {
            if (_references == 0)
            {
                return false;
            }
            _references = all ? 0 : _references - 1;
            if (_references > 0)
            {
                return true;
            }
            contexts = [.. _contexts];
            _contexts.Clear();
        }
        foreach (Context context in contexts)
        {
            context.Destroy(force: !context.IsPrimary || all);
        }
        lock (_lock)
        {
            Primary = null;
            _peers.Clear();
            _wasReset = true;
        }
        MemoryPools.Forget(this);
        VirtualMemory.Forget(this);
        Memory.Clear();
        return true;
    }

    internal bool WasReset => _wasReset;

    internal int TakeStreamId()
    {
        lock (_lock)
        {
            if (_freeStreamIds.Count > 0)
            {
                int id = _freeStreamIds.Min;
                _freeStreamIds.Remove(id);
                return id;
            }
            Check.That(_streamIds < Chip.Current.StreamsPerDevice, AclError.RtNoStreamResource,
                $"Device {Id} has all of its {Chip.Current.StreamsPerDevice} streams in use; destroy streams that are no longer needed.");
            return _streamIds++;
        }
    }

    internal void ReturnStreamId(int id)
    {
        lock (_lock)
        {
            _freeStreamIds.Add(id);
        }
    }

    internal int FreeStreams
    {
        get
        {
            lock (_lock)
            {
                return Chip.Current.StreamsPerDevice - _streamIds + _freeStreamIds.Count;
            }
        }
    }

    internal int TakeEvent()
    {
        int count = Interlocked.Increment(ref _events);
        if (count > Chip.Current.EventsPerDevice)
        {
            Interlocked.Decrement(ref _events);
            Check.Fail(Chip.Current.NoEventCode, $"Device {Id} has all of its {Chip.Current.EventsPerDevice} events in use; destroy events that are no longer needed.");
        }
        return count - 1;
    }

    internal void ReturnEvent() => Interlocked.Decrement(ref _events);
    internal int FreeEvents => Chip.Current.EventsPerDevice - Volatile.Read(ref _events);

    // Access of this device to the memory of others.
    internal void SetPeer(int peer, bool enabled)
    {
        lock (_lock)
        {
            _ = enabled ? _peers.Add(peer) : _peers.Remove(peer);
        }
    }

    internal bool HasPeer(int peer)
    {
        lock (_lock)
        {
            return _peers.Contains(peer);
        }
    }
}
