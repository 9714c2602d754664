using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>What an exception callback is told; programs see only a pointer and the getter functions.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExceptionInfo
{
    internal uint TaskId, StreamId, ThreadId, DeviceId, ReturnCode;
}

/// <summary>Functions the program wants to be called when a task fails: any number of registered ones, and the single deprecated slot.</summary>
internal static unsafe class ExceptionCallbacks
{
    private static nint[] s_registered = [];
    private static nint s_single;
    private static readonly Lock s_lock = new();

    internal static void Add(nint function)
    {
        CheckNotNull(function);
        lock (s_lock)
        {
            if (!s_registered.Contains(function))
            {
                s_registered = [.. s_registered, function];
            }
        }
    }

    internal static void Remove(nint function)
    {
        CheckNotNull(function);
        lock (s_lock)
        {
            s_registered = [.. s_registered.Where(each => each != function)];
        }
    }

    internal static void SetSingle(nint function) => Volatile.Write(ref s_single, function);

    private static void CheckNotNull(nint function)
    {
        if (function == 0)
        {
            Check.Fail(AclError.RtParamInvalid, "callback is NULL; give a function.", isStored: false);
        }
    }

    /// <summary>Calls all of them on the calling thread. Task and stream are uint.MaxValue for a fault of the device.</summary>
    internal static void Fire(Device device, AclError code, uint task, uint stream, uint thread)
    {
        nint[] registered = Volatile.Read(ref s_registered);
        nint single = Volatile.Read(ref s_single);
        if (registered.Length == 0 && single == 0 || device.IsAborting)
        {
            return;
        }
        var info = new ExceptionInfo { TaskId = task, StreamId = stream, ThreadId = thread, DeviceId = (uint)device.Id, ReturnCode = (uint)code };
        foreach (nint function in registered)
        {
            HostGuard.Call((nuint)function, (nuint)(&info));
        }
        if (single != 0)
        {
            HostGuard.Call((nuint)single, (nuint)(&info));
        }
    }

    internal static void Clear()
    {
        lock (s_lock)
        {
            (s_registered, s_single) = ([], 0);
        }
    }
}
