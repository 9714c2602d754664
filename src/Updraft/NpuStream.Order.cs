namespace Updraft;

// What makes an order between streams: events, notifies, values in device memory.
public sealed unsafe partial class NpuStream
{
    /// <summary>Marks this place in the stream: the event is complete when everything before it is. C: aclrtRecordEvent.</summary>
    /// <param name="event">Of any context of the same library.</param>
    /// <exception cref="AclException">107003: the library wants an event of this context. 207007: no event is left. 207000: not in a stream of a model.</exception>
    /// <exception cref="ArgumentException">The event comes from another library.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the event is disposed.</exception>
    public void Record(NpuEvent @event)
    {
        CheckOther(@event, @event?.Context);
        EnterRare();
        Check(_api.aclrtRecordEvent(@event!.Handle, _handle), nameof(_api.aclrtRecordEvent));
    }

    /// <summary>What is queued from here on waits for the event; the caller does not. C: aclrtStreamWaitEvent, aclrtStreamWaitEventWithTimeout.</summary>
    /// <param name="event">As it was last recorded; what an event that was never recorded means depends on its <see cref="NpuEvent.Kind"/>.</param>
    /// <param name="timeout">Whole seconds, rounded up; null waits without limit. When it runs out the stream goes on and the next synchronisation throws code 107020.</param>
    /// <exception cref="AclException">107000: a classic event was never recorded. 207000: not in a stream of a model.</exception>
    /// <exception cref="ArgumentException">The event comes from another library.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the event is disposed.</exception>
    public void Wait(NpuEvent @event, TimeSpan? timeout = null)
    {
        CheckOther(@event, @event?.Context);
        uint seconds = Seconds(timeout);
        EnterRare();
        if (seconds == 0)
        {
            Check(_api.aclrtStreamWaitEvent(_handle, @event!.Handle), nameof(_api.aclrtStreamWaitEvent));
        }
        else
        {
            Check(_api.aclrtStreamWaitEventWithTimeout(_handle, @event!.Handle, (int)seconds), nameof(_api.aclrtStreamWaitEventWithTimeout));
        }
    }

    /// <summary>Clears the event when the stream comes to it. Only for events that stay set (<see cref="NpuEventKind.Sticky"/>). C: aclrtResetEvent.</summary>
    /// <exception cref="AclException">207000: snapshot events are not reset.</exception>
    /// <exception cref="ArgumentException">The event comes from another library.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the event is disposed.</exception>
    public void Reset(NpuEvent @event)
    {
        CheckOther(@event, @event?.Context);
        EnterRare();
        Check(_api.aclrtResetEvent(@event!.Handle, _handle), nameof(_api.aclrtResetEvent));
    }

    /// <summary>Sets the notify when the stream comes to it; a set notify stays set. C: aclrtRecordNotify.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ArgumentException">The notify comes from another library.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the notify is disposed.</exception>
    public void Record(NpuNotify notify)
    {
        CheckOther(notify, notify?.Context);
        EnterRare();
        Check(_api.aclrtRecordNotify(notify!.Handle, _handle), nameof(_api.aclrtRecordNotify));
    }

    /// <summary>What is queued from here on waits until the notify is set, and clears it. C: aclrtWaitAndResetNotify.</summary>
    /// <param name="notify">Of this device.</param>
    /// <param name="timeout">Whole seconds, rounded up; null waits without limit. When it runs out the stream goes on and the next synchronisation throws code 107020.</param>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ArgumentException">The notify comes from another library.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the notify is disposed.</exception>
    public void Wait(NpuNotify notify, TimeSpan? timeout = null)
    {
        CheckOther(notify, notify?.Context);
        uint seconds = Seconds(timeout);
        EnterRare();
        Check(_api.aclrtWaitAndResetNotify(notify!.Handle, _handle, seconds), nameof(_api.aclrtWaitAndResetNotify));
    }

    /// <summary>Writes a value when the stream comes to it. Chips 950, A3, 910b. C: aclrtValueWrite.</summary>
    /// <param name="destination">One element of device memory; its first is taken.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="AclException">207000: the chip does not have it.</exception>
    /// <exception cref="ArgumentException">The memory is empty, of another device or library, or a default value.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the memory is disposed.</exception>
    public void WriteValue(DeviceSlice<ulong> destination, ulong value)
    {
        MemoryRange range = OneValue(destination, nameof(destination));
        ThreadSlot slot = Begin(range.Object, range.Object, HostToDevice);
        int code = _api.aclrtValueWrite((void*)range.Address, value, 0, _handle);
        slot.Leave();
        Check(code, nameof(_api.aclrtValueWrite));
    }

    /// <summary>What is queued from here on waits until a value in device memory fits. Chips 950, A3, 910b. C: aclrtValueWait.</summary>
    /// <param name="source">One element of device memory; its first is taken.</param>
    /// <param name="value">What it is compared with.</param>
    /// <param name="comparison">How.</param>
    /// <exception cref="AclException">207000: the chip does not have it. 107000: no such comparison.</exception>
    /// <exception cref="ArgumentException">The memory is empty, of another device or library, or a default value.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the memory is disposed.</exception>
    public void WaitValue(DeviceSlice<ulong> source, ulong value, ValueComparison comparison = ValueComparison.GreaterOrEqual)
    {
        MemoryRange range = OneValue(source, nameof(source));
        ThreadSlot slot = Begin(range.Object, range.Object, HostToDevice);
        int code = _api.aclrtValueWait((void*)range.Address, value, (uint)comparison, _handle);
        slot.Leave();
        Check(code, nameof(_api.aclrtValueWait));
    }

    private static MemoryRange OneValue<T>(DeviceSlice<T> slice, string name) where T : unmanaged
    {
        MemoryRange range = slice.Range;
        return slice.Length > 0 ? range : throw new ArgumentException("The slice is empty; one element is needed.", name);
    }

    private void CheckOther(object? other, NpuContext? context)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (context!.Session != _context.Session)
        {
            throw new ArgumentException($"The {other.GetType().Name} comes from another library than the stream.");
        }
    }

    private static uint Seconds(TimeSpan? timeout)
    {
        if (timeout is not { } time || time == Timeout.InfiniteTimeSpan)
        {
            return 0;
        }
        double seconds = Math.Ceiling(time.TotalSeconds);
        return seconds is >= 1 and <= int.MaxValue ? (uint)seconds
            : throw new ArgumentOutOfRangeException(nameof(timeout), time, "A wait on the device takes at least 1 s, or null to wait without limit.");
    }
}

/// <summary>How <see cref="NpuStream.WaitValue"/> compares; the memory's value on the left.</summary>
public enum ValueComparison
{
    /// <summary>At least the value, both as signed numbers. C: ACL_STREAM_WAIT_VALUE_GEQ.</summary>
    GreaterOrEqual = 0,

    /// <summary>The value. C: ACL_STREAM_WAIT_VALUE_EQ.</summary>
    Equal = 1,

    /// <summary>Has one of the value's bits. C: ACL_STREAM_WAIT_VALUE_AND.</summary>
    And = 2,

    /// <summary>Some bit is in neither. C: ACL_STREAM_WAIT_VALUE_NOR.</summary>
    Nor = 3,
}
