using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace Updraft;

/// <summary>
/// One await of a stream or event. A host function behind the awaited work hands this object to the thread pool, which continues the awaiter:
/// nobody blocks, and as objects are used again nothing is allocated.
/// <para>
/// Two hold the object: the awaiter, who may be let go early by cancellation or time-out, and the device, whose host function
/// comes in any case. The last one returns it to the pool.
/// </para>
/// </summary>
internal sealed unsafe class Completion : IValueTaskSource, IThreadPoolWorkItem
{
    private const int Pending = 0, Done = 1;
    private static readonly Lock s_lock = new();
    private static Completion? s_free;

    private readonly GCHandle _self;
    private ManualResetValueTaskSourceCore<bool> _core;
    private Completion? _next;
    private StreamObject? _object;
    private NpuStream? _stream;
    private CancellationToken _cancellation;
    private CancellationTokenRegistration _registration;
    private Timer? _timer;
    private long _deadline = long.MaxValue;
    private int _state, _holders;
    private bool _isWaiter;
    private volatile bool _isReached;

    private Completion() => _self = GCHandle.Alloc(this);

    private static nint Function => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Reached;

    /// <summary>Completes when the stream has done what is queued now.</summary>
    /// <param name="target">The stream; held until its host function has run.</param>
    /// <param name="stream">Who is told of failed host functions; null for hidden streams.</param>
    /// <param name="isWaiter">The stream is one of the context's waiters and goes back to it.</param>
    /// <param name="timeoutMs">-1 without limit.</param>
    /// <param name="cancellation">Ends the wait.</param>
    internal static ValueTask Start(StreamObject target, NpuStream? stream, bool isWaiter, int timeoutMs, CancellationToken cancellation)
    {
        Completion completion = Rent();
        completion._core.Reset();
        // The pool's thread goes on with the awaiter itself: one hop, not two.
        completion._core.RunContinuationsAsynchronously = false;
        (completion._object, completion._stream, completion._isWaiter, completion._cancellation) = (target, stream, isWaiter, cancellation);
        (completion._state, completion._holders, completion._isReached) = (Pending, 2, false);
        short token = completion._core.Version;
        NpuContext context = target.Context;
        int code = context.Api.aclrtLaunchHostFunc(target.Value, Function, (void*)GCHandle.ToIntPtr(completion._self));
        if (code != 0 && context.MayRepeat(code))
        {
            code = context.Api.aclrtLaunchHostFunc(target.Value, Function, (void*)GCHandle.ToIntPtr(completion._self));
        }
        if (code != 0)
        {
            completion.GiveBackStream();
            completion.Return();
            throw AclException.Of(context.Api, code, nameof(context.Api.aclrtLaunchHostFunc));
        }
        // From here on the object may be completed, never returned: the awaiter still holds it.
        if (timeoutMs >= 0)
        {
            Volatile.Write(ref completion._deadline, Environment.TickCount64 + timeoutMs);
            completion._timer ??= new Timer(static state => ((Completion)state!).OnTimer(), completion, Timeout.Infinite, Timeout.Infinite);
            completion._timer.Change(timeoutMs, Timeout.Infinite);
        }
        if (cancellation.CanBeCanceled)
        {
            completion._registration = cancellation.UnsafeRegister(static state => ((Completion)state!).OnCanceled(), completion);
        }
        if (context.Session.IsStepped && target.TryHold())
        {
            ThreadPool.UnsafeQueueUserWorkItem(static state => state.completion.DriveSchedule(state.token, state.target), (completion, token, target), preferLocal: false);
        }
        return new ValueTask(completion, token);
    }

    /// <summary>
    /// Under the schedules eager, late and random nothing runs unless a thread waits or asks, and an await is a wait: so somebody asks
    /// until the device has come here, even if the awaiter was let go before.
    /// </summary>
    private void DriveSchedule(short token, StreamObject target)
    {
        while (_core.Version == token && !_isReached)
        {
            aclrtStreamStatus status;
            bool isBusy = target.Context.TryEnter() && target.Context.Api.aclrtStreamQuery(target.Value, &status) == 0 && status != aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
            if (isBusy)
            {
                Thread.Yield();
            }
            else
            {
                Thread.Sleep(1);
            }
        }
        target.Release();
    }

    void IValueTaskSource.GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            // Not to be called for an earlier await of this object: waits for a callback that is running.
            _registration.Dispose();
            _registration = default;
            Volatile.Write(ref _deadline, long.MaxValue);
            _timer?.Change(Timeout.Infinite, Timeout.Infinite);
            ReleaseHold();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>On a thread of the pool, after the host function: errors, then the awaiter.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        NpuStream? stream = _stream;
        Exception? failure = stream?.TakeFailure(_object!);
        GiveBackStream();
        if (Interlocked.CompareExchange(ref _state, Done, Pending) == Pending)
        {
            if (failure == null)
            {
                _core.SetResult(true);
            }
            else
            {
                _core.SetException(failure);
            }
        }
        else if (failure != null)
        {
            // The awaiter was let go: the next synchronisation throws it.
            stream!.KeepFailure(failure);
        }
        ReleaseHold();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Reached(void* argument)
    {
        var completion = (Completion)GCHandle.FromIntPtr((nint)argument).Target!;
        completion._isReached = true;
        ThreadPool.UnsafeQueueUserWorkItem(completion, preferLocal: false);
    }

    private void OnCanceled() => EndEarly(new OperationCanceledException(_cancellation));

    private void OnTimer()
    {
        // A late call for an earlier await finds another deadline.
        long deadline = Volatile.Read(ref _deadline), left = deadline - Environment.TickCount64;
        if (left > 0)
        {
            _timer!.Change(deadline == long.MaxValue ? Timeout.Infinite : left, Timeout.Infinite);
            return;
        }
        EndEarly(_isWaiter ? new AclException(AclError.RtEventSyncTimeout, "NpuEvent.WaitAsync", null) : new AclException(AclError.RtStreamSyncTimeout, "NpuStream.SynchronizeAsync", null));
    }

    private void EndEarly(Exception exception)
    {
        if (Interlocked.CompareExchange(ref _state, Done, Pending) == Pending)
        {
            // The awaiter must not run inside whoever cancels.
            _core.RunContinuationsAsynchronously = true;
            _core.SetException(exception);
        }
    }

    private void GiveBackStream()
    {
        StreamObject target = _object!;
        (_object, _stream) = (null, null);
        if (_isWaiter)
        {
            target.Context.ReturnWaiter(target);
        }
        else
        {
            target.Release();
        }
    }

    private void ReleaseHold()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Return();
        }
    }

    private void Return()
    {
        _cancellation = default;
        lock (s_lock)
        {
            (_next, s_free) = (s_free, this);
        }
    }

    private static Completion Rent()
    {
        lock (s_lock)
        {
            if (s_free is { } completion)
            {
                (s_free, completion._next) = (completion._next, null);
                return completion;
            }
        }
        return new Completion();
    }
}
