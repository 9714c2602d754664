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
        lock (s_lock)
        {
            s_registered = [.. s_registered.Where(each => each != function)];
        }
    }

    internal static void SetSingle(nint function) => Volatile.Write(ref s_single, function);

    internal static void Fire(AclError code, uint task, uint stream, uint thread, uint device)
    {
        nint[] registered = s_registered;
        nint single = Volatile.Read(ref s_single);
        if (registered.Length == 0 && single == 0)
        {
            return;
        }
        var info = new ExceptionInfo { TaskId = task, StreamId = stream, ThreadId = thread, DeviceId = device, ReturnCode = (uint)code };
        foreach (nint function in registered)
        {
            HostGuard.Call((nuint)function, (nuint)(&info));
        }
        if (single != 0)
        {
            HostGuard.Call((nuint)single, (nuint)(&info));
        }
    }
}
