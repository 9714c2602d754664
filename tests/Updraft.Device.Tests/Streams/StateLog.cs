using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft.Device.Tests;

/// <summary>Callbacks that note what they were told.</summary>
internal static unsafe class StateLog
{
    internal static readonly List<string> Entries = [];

    internal static int AbortResult { get; set; }
    internal static int LifecycleResult { get; set; }

    internal static nint StreamFunction => (nint)(delegate* unmanaged[Cdecl]<nint, int, void*, void>)&StreamState;
    internal static nint DeviceFunction => (nint)(delegate* unmanaged[Cdecl]<int, int, void*, void>)&DeviceState;
    internal static nint AbortFunction => (nint)(delegate* unmanaged[Cdecl]<int, int, uint, void*, int>)&Abort;
    internal static nint InitFunction => (nint)(delegate* unmanaged[Cdecl]<byte*, nuint, void*, int>)&Init;
    internal static nint FinalizeFunction => (nint)(delegate* unmanaged[Cdecl]<void*, int>)&End;
    internal static nint ExceptionFunction => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Exception;
    /// <summary>What <see cref="WaitingExceptionFunction"/> waits for, although the callbacks of this stream must end before it goes on.</summary>
    internal static nint OwnStream { get; set; }
    internal static nint OwnEvent { get; set; }
    internal static nint WaitingExceptionFunction => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&WaitingException;
    internal static nint OtherExceptionFunction => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&OtherException;

    private static void Add(string entry)
    {
        lock (Entries)
        {
            Entries.Add(entry);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void StreamState(nint stream, int state, void* argument)
    {
        uint flags;
        // The handle is valid during the call.
        int code = AclApi.InProcess.aclrtStreamGetFlags(stream, &flags);
        Add($"{stream:x} {state} {(nint)argument}" + (code == 0 ? "" : $" failed {code}"));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void DeviceState(int device, int state, void* argument) => Add($"device {device} {state} {(nint)argument}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Abort(int device, int stage, uint timeout, void* argument)
    {
        Add($"abort {device} {stage} {timeout} {(nint)argument}");
        return AbortResult;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Init(byte* configuration, nuint length, void* argument)
    {
        Add($"init {Marshal.PtrToStringUTF8((nint)configuration)} {length} {(nint)argument}");
        return LifecycleResult;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int End(void* argument)
    {
        Add($"finalize {(nint)argument}");
        return LifecycleResult;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Exception(void* info) => Add("first " + Describe((nint)info));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void WaitingException(void* info)
    {
        AclApi api = AclApi.InProcess;
        Add($"{api.aclrtSetDevice(0)} {api.aclrtSynchronizeStream(OwnStream)} {api.aclrtSynchronizeDevice()} {api.aclrtSynchronizeEvent(OwnEvent)}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OtherException(void* info) => Add("second " + Describe((nint)info));

    private static string Describe(nint info)
    {
        AclApi api = AclApi.InProcess;
        return $"task {(int)api.aclrtGetTaskIdFromExceptionInfo((void*)info)} stream {(int)api.aclrtGetStreamIdFromExceptionInfo((void*)info)} device {api.aclrtGetDeviceIdFromExceptionInfo((void*)info)} code {api.aclrtGetErrorCodeFromExceptionInfo((void*)info)}";
    }
}
