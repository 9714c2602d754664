using System.Runtime.InteropServices;
using Updraft.Device;

namespace Updraft;

/// <summary>Whatever must outlive its children: held by each of them.</summary>
internal interface IOwner
{
    void Hold();

    void Release();
}

/// <summary>
/// Something of the library that must be given back: a device, context, stream, event, memory. Each holds its parent (memory its
/// device, a device the machine), so whatever order a program or the collector disposes them in, the library sees children go first.
/// </summary>
internal abstract class NativeObject : SafeHandle, IOwner
{
    private IOwner? _parent;

    /// <summary>The parent is held before the library is asked, so that it cannot go in between; SetHandle follows.</summary>
    protected NativeObject(IOwner parent) : base(-1, ownsHandle: true)
    {
        parent.Hold();
        _parent = parent;
    }

    /// <summary>-1 is no handle of any library; device 0 has the number 0.</summary>
    public override bool IsInvalid => handle == -1;

    internal nint Value => handle;

    /// <summary>True while Dispose runs, false in the finalizer: only the former may wait.</summary>
    protected bool IsDisposing { get; private set; }

    protected sealed override bool ReleaseHandle()
    {
        Free();
        return true;
    }

    /// <summary>Gives the object back and then calls <see cref="ReleaseParent"/>, now or when nothing uses it any more.</summary>
    protected abstract void Free();

    protected void ReleaseParent() => Interlocked.Exchange(ref _parent, null)?.Release();

    /// <summary>The library refused to make the object: nothing is to be given back but the parent.</summary>
    protected AclException NotMade(AclApi api, int code, string function)
    {
        AclException exception = AclException.Of(api, code, function);
        SetHandleAsInvalid();
        ReleaseParent();
        return exception;
    }

    protected override void Dispose(bool disposing)
    {
        IsDisposing = disposing;
        base.Dispose(disposing);
    }

    /// <summary>Keeps the object until <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">It is disposed.</exception>
    public void Hold()
    {
        bool isHeld = false;
        DangerousAddRef(ref isHeld);
    }

    public void Release() => DangerousRelease();

    internal bool TryHold()
    {
        try
        {
            Hold();
            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }
}

/// <summary>The root: a library, or the machine in process, which stops when the last object of it is gone.</summary>
internal sealed unsafe class Session : IOwner
{
    private static readonly Session?[] s_slots = new Session?[4];
    private readonly Dictionary<(uint Device, uint Stream), WeakReference<StreamObject>> _streams = [];
    private readonly Dictionary<int, DeviceKey> _keys = [];
    private readonly int _slot;

    internal readonly AclApi Api;
    internal readonly NpuOptions? Options;
    internal readonly string? Path;

    private int _references = 1;

    /// <summary>How many Npu there are; under the gate.</summary>
    internal int Users { get; set; }

    internal Session(AclApi api, NpuOptions? options, string? path)
    {
        (Api, Options, Path) = (api, options, path);
        IsStepped = (options?.Schedule ?? Environment.GetEnvironmentVariable("UPDRAFT_SCHEDULE")) is { Length: > 0 } schedule && schedule != "threads";
        lock (s_slots)
        {
            _slot = Array.IndexOf(s_slots, null);
            if (_slot >= 0)
            {
                s_slots[_slot] = this;
            }
        }
        // A second initialisation is counted by the library and says 100002, which is fine.
        int code = api.aclInit(null);
        if (code is not (0 or (int)AclError.RepeatInitialize))
        {
            throw AclException.Of(api, code, "aclInit");
        }
        // What it said about that must not turn up in the next exception.
        _ = api.aclGetRecentErrMsg();
        if (_slot >= 0)
        {
            _ = api.aclrtExceptionInfoCallbackRegister(Callback(_slot));
        }
    }

    /// <summary>What programs subscribe to with <see cref="Npu.TaskFailed"/>.</summary>
    internal event Action<TaskFailure>? TaskFailed;

    internal bool IsInProcess => Path == null;

    /// <summary>A schedule without threads of its own, asked for by options or environment (which our library reads too).</summary>
    internal bool IsStepped { get; }

    internal DeviceKey KeyOf(int id)
    {
        lock (_keys)
        {
            return _keys.TryGetValue(id, out DeviceKey? key) ? key : _keys[id] = new DeviceKey(this, id);
        }
    }

    internal void Remember(StreamObject stream, uint device, uint id)
    {
        lock (_streams)
        {
            _streams[(device, id)] = new WeakReference<StreamObject>(stream);
        }
    }

    public void Hold() => Interlocked.Increment(ref _references);

    public void Release()
    {
        lock (Npu.Gate)
        {
            if (Interlocked.Decrement(ref _references) > 0)
            {
                return;
            }
            if (_slot >= 0)
            {
                _ = Api.aclrtExceptionInfoCallbackUnregister(Callback(_slot));
                s_slots[_slot] = null;
            }
            ulong remaining;
            _ = Api.aclFinalizeReference(&remaining);
            if (IsInProcess)
            {
                Machine.Stop();
                Lifecycle.Forget();
            }
            Npu.Forget(this);
        }
    }

    // The callback is not told whose it is, and the information it gets can be read with the functions of its library only:
    // so every session has a function of its own.
    private static nint Callback(int slot) => slot switch
    {
        0 => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Failed0,
        1 => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Failed1,
        2 => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Failed2,
        _ => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Failed3,
    };

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void Failed0(void* info) => s_slots[0]?.OnFailed(info);

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void Failed1(void* info) => s_slots[1]?.OnFailed(info);

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void Failed2(void* info) => s_slots[2]?.OnFailed(info);

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void Failed3(void* info) => s_slots[3]?.OnFailed(info);

    private void OnFailed(void* info)
    {
        var failure = new TaskFailure((AclError)Api.aclrtGetErrorCodeFromExceptionInfo(info), (int)Api.aclrtGetDeviceIdFromExceptionInfo(info),
            Api.aclrtGetStreamIdFromExceptionInfo(info), Api.aclrtGetTaskIdFromExceptionInfo(info), Api.aclrtGetThreadIdFromExceptionInfo(info));
        lock (_streams)
        {
            if (_streams.TryGetValue(((uint)failure.DeviceId, failure.StreamId), out WeakReference<StreamObject>? reference) && reference.TryGetTarget(out StreamObject? stream))
            {
                stream.HasFailed = true;
            }
        }
        try
        {
            TaskFailed?.Invoke(failure);
        }
        catch (Exception exception)
        {
            // There is no managed caller: an exception that left here would end the process.
            Console.Error.WriteLine($"updraft: a handler of Npu.TaskFailed threw: {exception}");
        }
    }
}
