using System.Runtime.CompilerServices;

namespace Updraft;

/// <summary>
/// A queue of work on a device: what is submitted runs in this order and not before its turn; different streams have no order unless events,
/// notifies or waits make one. Submitting is safe from any thread; the order of submissions from several threads is the threads' business.
/// </summary>
/// <example><code>
/// stream.Copy(host, memory);            // queued: neither may be touched
/// stream.Launch(() => Console.WriteLine("copied"));
/// await stream.SynchronizeAsync();      // done
/// </code></example>
public sealed unsafe partial class NpuStream : IDisposable, IAsyncDisposable
{
    private readonly StreamObject _object;
    private readonly AclApi _api;
    private readonly NpuContext _context;
    private readonly nint _handle;
    private readonly DeviceKey _device;
    private Exception? _failure;

    internal NpuStream(NpuContext context, StreamObject stream)
    {
        (_context, _object, _api, _handle) = (context, stream, context.Api, stream.Value);
        _device = context.Device.Object.Key;
    }

    /// <summary>The context whose stream it is.</summary>
    public NpuContext Context => _context;

    /// <summary>The C handle (aclrtStream), for calls through <see cref="Npu.Api"/>.</summary>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public nint Handle
    {
        get
        {
            ThrowIfDisposed();
            return _handle;
        }
    }

    /// <summary>The library's number of the stream, as in <see cref="TaskFailure.StreamId"/>; -1 when the library does not say. C: aclrtStreamGetId.</summary>
    public int Id => _object.Id;

    /// <summary>0 (highest) to 7. C: aclrtStreamGetPriority.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public int Priority
    {
        get
        {
            uint priority;
            EnterRare();
            Check(_api.aclrtStreamGetPriority(_handle, &priority), nameof(_api.aclrtStreamGetPriority));
            return (int)priority;
        }
    }

    /// <summary>True when nothing is queued or running. Says nothing of failures. C: aclrtStreamQuery.</summary>
    /// <exception cref="AclException">107027: the stream is being captured.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public bool IsIdle
    {
        get
        {
            aclrtStreamStatus status;
            EnterRare();
            Check(_api.aclrtStreamQuery(_handle, &status), nameof(_api.aclrtStreamQuery));
            return status == aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
        }
    }

    internal StreamObject Object => _object;

    /// <summary>Set while a model owns what is submitted here.</summary>
    internal MemoryHolder? Holder { get; set; }

    /// <summary>Blocks until all that is queued now is done. C: aclrtSynchronizeStream, aclrtSynchronizeStreamWithTimeout.</summary>
    /// <param name="timeout">1 ms to 24 days, rounded up to milliseconds; null waits without limit.</param>
    /// <exception cref="AclException">507046: the time ran out. Otherwise the last failure of a task of this stream (each is thrown once).</exception>
    /// <exception cref="InvalidOperationException">A function given to <see cref="Launch(Action)"/> threw; it is the inner exception.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public void Synchronize(TimeSpan? timeout = null)
    {
        int milliseconds = NpuContext.Milliseconds(timeout);
        int code = SynchronizeCode(milliseconds);
        Check(code, milliseconds < 0 ? nameof(_api.aclrtSynchronizeStream) : nameof(_api.aclrtSynchronizeStreamWithTimeout));
        ThrowKeptFailure();
    }

    /// <summary>As <see cref="Synchronize"/>; false when the time ran out.</summary>
    /// <inheritdoc cref="Synchronize"/>
    public bool TrySynchronize(TimeSpan timeout)
    {
        int code = SynchronizeCode(NpuContext.Milliseconds(timeout));
        if (code == (int)AclError.RtStreamSyncTimeout)
        {
            return false;
        }
        Check(code, nameof(_api.aclrtSynchronizeStreamWithTimeout));
        ThrowKeptFailure();
        return true;
    }

    /// <summary>
    /// Completes when all that is queued now is done, at once if it is already; no thread waits, and in steady state nothing is allocated.
    /// Await the result once. C: aclrtStreamQuery, aclrtLaunchHostFunc.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait, not the work.</param>
    /// <returns>Fails as <see cref="Synchronize"/> does.</returns>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public ValueTask SynchronizeAsync(CancellationToken cancellationToken = default) => SynchronizeAsync(null, cancellationToken);

    /// <summary>As <see cref="SynchronizeAsync(CancellationToken)"/>, but not for longer than a time.</summary>
    /// <param name="timeout">1 ms to 24 days, rounded up to milliseconds; null waits without limit. When it runs out the wait fails with an <see cref="AclException"/> of code 507046.</param>
    /// <param name="cancellationToken">Ends the wait, not the work.</param>
    /// <returns>Fails as <see cref="Synchronize"/> does.</returns>
    /// <exception cref="AclException">The stream takes no work.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public ValueTask SynchronizeAsync(TimeSpan? timeout, CancellationToken cancellationToken = default)
    {
        int milliseconds = NpuContext.Milliseconds(timeout);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }
        ThrowIfDisposed();
        EnterFast();
        _object.Hold();
        if (IsDone())
        {
            // Nothing to hand over: neither a thread of the library nor one of the pool has to wake up.
            Exception? failure = TakeFailure(_object);
            _object.Release();
            return failure == null ? default : ValueTask.FromException(failure);
        }
        return Completion.Start(_object, this, isWaiter: false, milliseconds, cancellationToken);
    }

    /// <summary>
    /// Queues a function: it runs on a thread of the library when all before it is done, and what is queued behind it waits. All functions
    /// of a context run one after another on one thread. It must not call this API or wait for other functions of the context.
    /// C: aclrtLaunchHostFunc.
    /// </summary>
    /// <param name="action">What it throws is thrown by the next synchronisation of the stream.</param>
    /// <exception cref="AclException">107011: the stream is in subscription mode.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public void Launch(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        Launch(action, null, null);
    }

    /// <summary>As <see cref="Launch(Action)"/>, with a state, so that nothing needs to be allocated.</summary>
    /// <inheritdoc cref="Launch(Action)"/>
    public void Launch(Action<object?> action, object? state)
    {
        ArgumentNullException.ThrowIfNull(action);
        Launch(null, action, state);
    }

    /// <summary>Queues a native function, as <see cref="Launch(Action)"/>.</summary>
    /// <param name="function">Called with the argument, from a thread of the library.</param>
    /// <param name="argument">Handed on; must be valid until then.</param>
    /// <exception cref="ArgumentNullException">The function is null.</exception>
    /// <exception cref="AclException">107011: the stream is in subscription mode.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public void Launch(delegate* unmanaged[Cdecl]<void*, void> function, void* argument)
    {
        ArgumentNullException.ThrowIfNull(function);
        EnterRare();
        Check(_api.aclrtLaunchHostFunc(_handle, (nint)function, argument), nameof(_api.aclrtLaunchHostFunc));
    }

    /// <summary>What comes after a failed task of this stream: go on (default), or stop the whole context. C: aclrtSetStreamFailureMode.</summary>
    /// <param name="stopOnFailure">True stops; cannot be taken back.</param>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public void SetFailureMode(bool stopOnFailure)
    {
        EnterRare();
        Check(_api.aclrtSetStreamFailureMode(_handle, stopOnFailure ? 1u : 0u), nameof(_api.aclrtSetStreamFailureMode));
    }

    /// <summary>Waits for the queued work and destroys the stream; failures of the work are not reported. C: aclrtDestroyStream.</summary>
    public void Dispose() => _object.Dispose();

    /// <summary>As <see cref="Dispose"/>, without a blocked thread.</summary>
    public ValueTask DisposeAsync() => _object.IsClosed ? default : StreamDisposal.Run(this);

    /// <summary>A host function of the program threw.</summary>
    internal void HostFunctionFailed(Exception exception) =>
        KeepFailure(new InvalidOperationException("A host function of the stream threw an exception.", exception));

    internal void KeepFailure(Exception exception) => Interlocked.CompareExchange(ref _failure, exception, null);

    /// <summary>After an await: the failure of what was awaited, if any. Must not wait for work that was queued later.</summary>
    internal Exception? TakeFailure(StreamObject stream)
    {
        if (Interlocked.Exchange(ref _failure, null) is { } kept)
        {
            return kept;
        }
        if (!_context.TryEnter())
        {
            return null;
        }
        aclrtStreamStatus status;
        int code = _api.aclrtStreamQuery(_handle, &status);
        if (code != 0)
        {
            return AclException.Of(_api, code, nameof(_api.aclrtStreamQuery));
        }
        bool isIdle = status == aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
        if (!isIdle && !stream.HasFailed)
        {
            return null;
        }
        // Only synchronising tells the code. An idle stream answers at once; one that got work in this moment is left alone.
        stream.HasFailed = false;
        code = isIdle ? _api.aclrtSynchronizeStreamWithTimeout(_handle, 1) : _api.aclrtSynchronizeStream(_handle);
        return code == 0 || isIdle && code == (int)AclError.RtStreamSyncTimeout ? null : AclException.Of(_api, code, nameof(_api.aclrtSynchronizeStream));
    }

    /// <summary>Whether all that is queued is done. A stream that stores its work is not asked: it has no answer, and a capture could take offence.</summary>
    private bool IsDone()
    {
        aclrtStreamStatus status;
        return Holder == null && _context.Capture == null
            && _api.aclrtStreamQuery(_handle, &status) == 0 && status == aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
    }

    private int SynchronizeCode(int milliseconds)
    {
        _object.Hold();
        try
        {
            _context.Enter();
            _object.HasFailed = false;
            return milliseconds < 0 ? _api.aclrtSynchronizeStream(_handle) : _api.aclrtSynchronizeStreamWithTimeout(_handle, milliseconds);
        }
        finally
        {
            _object.Release();
        }
    }

    private void Launch(Action? action, Action<object?>? actionWithState, object? state)
    {
        EnterRare();
        bool isStored = Holder != null || _context.Capture != null;
        HostCall call = HostCall.Of(this, action, actionWithState, state, isStored);
        int code = _api.aclrtLaunchHostFunc(_handle, HostCall.Function, call.Argument);
        if (code != 0)
        {
            call.Return();
            throw AclException.Of(_api, code, nameof(_api.aclrtLaunchHostFunc));
        }
        if (isStored)
        {
            (Holder ?? _capture ?? _context.Capture!).Add(call);
        }
    }

    private void ThrowKeptFailure()
    {
        if (_failure != null && Interlocked.Exchange(ref _failure, null) is { } failure)
        {
            throw failure;
        }
    }

    private void EnterFast()
    {
        if (ThreadSlot.Mine.Context != _context)
        {
            _context.Enter();
        }
    }

    /// <summary>Before calls that are not made often.</summary>
    private void EnterRare()
    {
        ThrowIfDisposed();
        _context.Enter();
    }

    private void Check(int code, string function)
    {
        if (code != 0)
        {
            throw AclException.Of(_api, code, function);
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_object.IsClosed, this);
}

/// <summary>What a stream is for; values of C's ACL_STREAM_*.</summary>
[Flags]
public enum NpuStreamFlags
{
    /// <summary>An ordinary stream.</summary>
    None = 0,

    /// <summary>Launches faster, with resources of its own. C: ACL_STREAM_FAST_LAUNCH.</summary>
    FastLaunch = 0x1,

    /// <summary>Synchronises faster, by polling. C: ACL_STREAM_FAST_SYNC.</summary>
    FastSync = 0x2,

    /// <summary>Keeps its tasks instead of running them: the stream of a <see cref="ModelInstance"/>. C: ACL_STREAM_PERSISTENT.</summary>
    Persistent = 0x4,

    /// <summary>A longer queue. Without effect; refused on 310P. C: ACL_STREAM_HUGE.</summary>
    Huge = 0x8,

    /// <summary>Tasks of the device's CPU. C: ACL_STREAM_CPU_SCHEDULE.</summary>
    CpuSchedule = 0x10,

    /// <summary>Only for the device itself; not with other flags. C: ACL_STREAM_DEVICE_USE_ONLY.</summary>
    DeviceUseOnly = 0x20,
}

/// <summary>Apart, because code that awaits cannot be in an unsafe class.</summary>
internal static class StreamDisposal
{
    internal static async ValueTask Run(NpuStream stream)
    {
        try
        {
            await stream.SynchronizeAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is AclException or InvalidOperationException)
        {
            // As with Dispose: whoever wants failures synchronises.
        }
        stream.Dispose();
    }
}
