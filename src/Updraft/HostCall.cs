using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft;

/// <summary>
/// A managed function queued in a stream. What the library keeps is a handle to an object of this class; the objects are used again,
/// so that a call costs no allocation. Functions stored in a graph or model run many times and have an object of their own.
/// </summary>
internal sealed unsafe class HostCall
{
    private static readonly Lock s_lock = new();
    private static HostCall? s_free;

    private readonly GCHandle _self;
    private HostCall? _next;
    private Action? _action;
    private Action<object?>? _actionWithState;
    private object? _state;
    private NpuStream? _stream;
    private bool _isStored;

    private HostCall() => _self = GCHandle.Alloc(this);

    /// <summary>Queues a function of this library; false when the stream takes no more work.</summary>
    internal static bool TryLaunch(StreamObject stream, Action action)
    {
        HostCall call = Rent();
        call._action = action;
        if (stream.Context.TryEnter() && stream.Context.Api.aclrtLaunchHostFunc(stream.Value, Function, call.Argument) == 0)
        {
            return true;
        }
        call.Return();
        return false;
    }

    /// <summary>Queues a function of the program. Its exceptions are thrown by the next synchronisation of the stream.</summary>
    internal static HostCall Of(NpuStream stream, Action? action, Action<object?>? actionWithState, object? state, bool isStored)
    {
        HostCall call = isStored ? new HostCall() : Rent();
        (call._stream, call._action, call._actionWithState, call._state, call._isStored) = (stream, action, actionWithState, state, isStored);
        return call;
    }

    internal static nint Function => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Run;

    internal void* Argument => (void*)GCHandle.ToIntPtr(_self);

    internal void Return()
    {
        if (_isStored)
        {
            _self.Free();
            return;
        }
        (_stream, _action, _actionWithState, _state) = (null, null, null, null);
        lock (s_lock)
        {
            (_next, s_free) = (s_free, this);
        }
    }

    private static HostCall Rent()
    {
        lock (s_lock)
        {
            if (s_free is { } call)
            {
                (s_free, call._next) = (call._next, null);
                return call;
            }
        }
        return new HostCall();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Run(void* argument)
    {
        var call = (HostCall)GCHandle.FromIntPtr((nint)argument).Target!;
        (NpuStream? stream, Action? action, Action<object?>? actionWithState, object? state) = (call._stream, call._action, call._actionWithState, call._state);
        if (!call._isStored)
        {
            call.Return();
        }
        try
        {
            action?.Invoke();
            actionWithState?.Invoke(state);
        }
        catch (Exception exception)
        {
            stream?.HostFunctionFailed(exception);
        }
    }
}
