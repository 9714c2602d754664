namespace Updraft.Device;

/// <summary>One emulated device: its memory, its primary context and the numbers it hands out.</summary>
internal sealed class Device
{
    private readonly Lock _lock = new();
    private readonly IdPool _streamIds = new(Chip.Current.StreamsPerDevice), _eventIds = new(Chip.Current.EventsPerDevice), _notifyIds = new(Chip.Current.NotifiesPerDevice);
    private readonly HashSet<int> _peers = [];
    private readonly List<Context> _contexts = [];
    private int _references;
    private bool _wasReset;

    /// <summary>The id programs use; the physical one differs when ASCEND_RT_VISIBLE_DEVICES hides some.</summary>
    internal readonly int Id, PhysicalId;
    internal readonly ulong MemoryBytes;
    internal Arena Memory { get; }
    internal Context? Primary { get; private set; }

    internal unsafe Device(int id, int physicalId, ulong memoryBytes)
    {
        (Id, PhysicalId, MemoryBytes) = (id, physicalId, memoryBytes);
        nuint window = (nuint)1 << AddressSpace.DeviceShift;
        nuint offset = (nuint)id * window;
        Memory = new Arena(AddressSpace.DeviceBase + offset, window, AddressSpace.BackingDistance, AddressSpace.DeviceChunks + (offset >> AddressSpace.ChunkShift), memoryBytes);
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
        Context context;
        lock (_lock)
        {
            if (Primary is { } primary)
            {
                _references++;
                return primary;
            }
        }
        DeviceState.Changes(this, aclrtDeviceState.ACL_RT_DEVICE_STATE_SET_PRE);
        lock (_lock)
        {
            if (Primary == null)
            {
                Primary = new Context(this, isPrimary: true);
                _contexts.Add(Primary);
            }
            _references++;
            context = Primary;
        }
        StreamState.Created(context.DefaultStream);
        DeviceState.Changes(this, aclrtDeviceState.ACL_RT_DEVICE_STATE_SET_POST);
        return context;
    }

    internal Context CreateContext()
    {
        var context = new Context(this, isPrimary: false);
        lock (_lock)
        {
            _contexts.Add(context);
        }
        StreamState.Created(context.DefaultStream);
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

    /// <summary>
    /// One user less, or none at all. The last one ends everything that lives on the device; others may set the device again meanwhile
    /// and get a primary context of their own. False when nobody was left.
    /// </summary>
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
            Primary = null;
        }
        DeviceState.Changes(this, aclrtDeviceState.ACL_RT_DEVICE_STATE_RESET_PRE);
        foreach (Context context in contexts)
        {
            context.Destroy(force: !context.IsPrimary || all);
            lock (_lock)
            {
                _contexts.Remove(context);
            }
        }
        bool isUnused;
        lock (_lock)
        {
            isUnused = _contexts.Count == 0;
            if (isUnused)
            {
                _peers.Clear();
                _wasReset = true;
                Volatile.Write(ref _fault, 0);
            }
        }
        if (isUnused)
        {
            MemoryPools.Forget(this);
            VirtualMemory.Forget(this);
            Memory.Clear();
        }
        DeviceState.Changes(this, aclrtDeviceState.ACL_RT_DEVICE_STATE_RESET_POST);
        return true;
    }

    internal bool WasReset => _wasReset;

    internal bool IsSet
    {
        get
        {
            lock (_lock)
            {
                return _references > 0;
            }
        }
    }

    // --- Faults and the abort of all tasks ---------------------------------------------------------------------------------------

    private readonly object _abortLock = new();
    private int _fault;
    private volatile bool _isAborting;

    /// <summary>True while aclrtDeviceTaskAbort works: failures of this time are its doing and are not reported.</summary>
    internal bool IsAborting => _isAborting;

    /// <summary>What every call on the device returns: 107022 during an abort, the code of a device-level fault, or success.</summary>
    internal AclError Trouble => _isAborting ? AclError.RtDeviceTaskAbort : (AclError)Volatile.Read(ref _fault);

    /// <summary>A fault that concerns the whole device: all contexts and streams return the code until the device is reset or its tasks are aborted.</summary>
    internal void Fault(AclError code)
    {
        Volatile.Write(ref _fault, (int)code);
        UpdateTrouble();
        // Neither a task nor a stream is to blame.
        ExceptionCallbacks.Fire(this, code, uint.MaxValue, uint.MaxValue, (uint)ThreadState.Current.ThreadId);
    }

    /// <summary>
    /// Drops everything that is queued on the device and clears the failures of its contexts. Meanwhile calls return 107022. False when
    /// a running command did not end in time: the abort stays in force, a later one may complete it.
    /// </summary>
    internal bool AbortTasks(int timeoutMs)
    {
        lock (_abortLock)
        {
            var deadline = new Deadline(timeoutMs);
            _isAborting = true;
            UpdateTrouble();
            Stream[] streams = [.. Contexts.SelectMany(context => context.Streams)];
            foreach (Stream stream in streams)
            {
                stream.StopForGood(); // All at once: a stream must not get its commands done while others are being dropped.
            }
            foreach (Stream stream in streams)
            {
                if (!stream.DropAll(deadline.LeftMs))
                {
                    return false;
                }
                stream.ClearError();
            }
            foreach (Context context in Contexts)
            {
                context.ClearFailure();
            }
            // A memory fault stays until the memory is repaired.
            if ((AclError)Volatile.Read(ref _fault) is not (AclError.RtHbmMultiBitEccError or AclError.RtDeviceMemError or AclError.RtSuspectDeviceMemError))
            {
                Volatile.Write(ref _fault, 0);
            }
            _isAborting = false;
            UpdateTrouble();
            return true;
        }
    }

    private void UpdateTrouble()
    {
        foreach (Context context in Contexts)
        {
            context.UpdateTrouble();
        }
    }

    /// <summary>Throws what is wrong with the device: for the calls that use it without a stream.</summary>
    internal void CheckTrouble()
    {
        if (Trouble is not AclError.Success and var code)
        {
            Check.Fail(code, $"Device {Id} does not work at the moment: {AclErrorNames.Meaning((int)code)}.");
        }
    }

    // --- Numbers it hands out ----------------------------------------------------------------------------------------------------

    internal int TakeStreamId() => Take(_streamIds, AclError.RtNoStreamResource, "streams", Chip.Current.StreamsPerDevice);
    internal void ReturnStreamId(int id) => _streamIds.Return(id);
    internal int FreeStreams => _streamIds.Free;

    internal int TakeEvent() => Take(_eventIds, Chip.Current.NoEventCode, "events", Chip.Current.EventsPerDevice);
    internal void ReturnEvent(int id) => _eventIds.Return(id);

    /// <summary>A place among the events without a number, for as long as a snapshot is pending.</summary>
    internal void ReserveEvent() => Check.That(_eventIds.TryReserve(), Chip.Current.NoEventCode, "All events of the device are in use; destroy events that are no longer needed, or synchronise.");
    internal void UnreserveEvent() => _eventIds.Unreserve();
    internal int FreeEvents => _eventIds.Free;

    internal int TakeNotify() => Take(_notifyIds, AclError.RtNoNotifyResource, "notifies", Chip.Current.NotifiesPerDevice);
    internal void ReturnNotify(int id) => _notifyIds.Return(id);

    private int Take(IdPool pool, AclError code, string what, int limit)
    {
        int id = pool.Take();
        Check.That(id >= 0, code, id >= 0 ? "" : $"Device {Id} has all of its {limit} {what} in use; destroy {what} that are no longer needed.");
        return id;
    }

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
