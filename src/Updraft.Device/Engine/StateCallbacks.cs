namespace Updraft.Device;

/// <summary>Functions that programs register under a name: one per name, a later one replaces it, NULL takes it out.</summary>
internal sealed class NamedCallbacks
{
    private readonly List<(string Name, nint Function, nint Argument)> _entries = [];

    internal void Set(string name, nint function, nint argument)
    {
        lock (_entries)
        {
            int index = _entries.FindIndex(entry => entry.Name == name);
            if (index >= 0)
            {
                _entries.RemoveAt(index);
            }
            if (function != 0)
            {
                _entries.Insert(index >= 0 ? index : _entries.Count, (name, function, argument));
            }
        }
    }

    /// <summary>In the order of registration. They are called outside the lock: a function may register another.</summary>
    internal (string Name, nint Function, nint Argument)[] All
    {
        get
        {
            lock (_entries)
            {
                return [.. _entries];
            }
        }
    }

    internal void Clear()
    {
        lock (_entries)
        {
            _entries.Clear();
        }
    }
}

/// <summary>Tells registered functions when streams begin and end; the handle is valid during the call.</summary>
internal static unsafe class StreamState
{
    internal static readonly NamedCallbacks Callbacks = new();

    internal static void Created(Stream stream) => Call(stream, aclrtStreamState.ACL_RT_STREAM_STATE_CREATE_POST);
    internal static void Ends(Stream stream) => Call(stream, aclrtStreamState.ACL_RT_STREAM_STATE_DESTROY_PRE);

    private static void Call(Stream stream, aclrtStreamState state)
    {
        foreach ((_, nint function, nint argument) in Callbacks.All)
        {
            _ = HostGuard.Call((nuint)function, (nuint)stream.Handle, (nuint)state, (nuint)argument);
        }
    }
}

/// <summary>Tells registered functions when a device comes into use by its first aclrtSetDevice, and when the last reset ends it.</summary>
internal static unsafe class DeviceState
{
    internal static readonly NamedCallbacks Callbacks = new();

    internal static void Changes(Device device, aclrtDeviceState state)
    {
        foreach ((_, nint function, nint argument) in Callbacks.All)
        {
            _ = HostGuard.Call((nuint)function, (nuint)device.Id, (nuint)state, (nuint)argument);
        }
    }
}

/// <summary>Asks registered functions before and after all tasks of a device are aborted.</summary>
internal static unsafe class TaskAbort
{
    internal static readonly NamedCallbacks Callbacks = new();

    /// <summary>The name of the first function that did not return 0, with its result; null when all agree.</summary>
    internal static (string Name, int Result)? Call(Device device, aclrtDeviceTaskAbortStage stage, uint timeoutMs)
    {
        foreach ((string name, nint function, nint argument) in Callbacks.All)
        {
            int result = (int)HostGuard.Call((nuint)function, (nuint)device.Id, (nuint)stage, timeoutMs, (nuint)argument);
            if (result != 0)
            {
                return (name, result);
            }
        }
        return null;
    }
}
