namespace Updraft;

/// <summary>
/// A mark in a stream (<see cref="NpuStream.Record(NpuEvent)"/>) that other streams (<see cref="NpuStream.Wait(NpuEvent, TimeSpan?)"/>) and the
/// program wait for, and that knows when it was reached. Safe to use from any thread.
/// </summary>
public sealed unsafe class NpuEvent : IDisposable
{
    private const uint Sync = AclConstants.ACL_EVENT_SYNC, TimeLine = AclConstants.ACL_EVENT_TIME_LINE;
    private readonly EventObject _object;
    private readonly AclApi _api;

    internal NpuEvent(NpuContext context, NpuEventKind kind) => (Context, Kind, _api, _object) = (context, kind, context.Api, new EventObject(context, kind));

    /// <summary>The context it was made in.</summary>
    public NpuContext Context { get; }

    /// <summary>What waiting for it means before it is recorded, and after it is recorded again.</summary>
    public NpuEventKind Kind { get; }

    /// <summary>The C handle (aclrtEvent), for calls through <see cref="Npu.Api"/>.</summary>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(_object.IsClosed, this);
            return _object.Value;
        }
    }

    /// <summary>True when the stream has come to where it was last recorded. Never recorded: true for snapshots, false otherwise. C: aclrtQueryEventStatus.</summary>
    /// <exception cref="AclException">107028: a capture uses the event.</exception>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public bool IsComplete
    {
        get
        {
            aclrtEventRecordedStatus status;
            Enter();
            Check(_api.aclrtQueryEventStatus(_object.Value, &status), nameof(_api.aclrtQueryEventStatus));
            return status == aclrtEventRecordedStatus.ACL_EVENT_RECORDED_STATUS_COMPLETE;
        }
    }

    /// <summary>When it was reached: microseconds of the device's own clock, comparable between events of one device. C: aclrtEventGetTimestamp.</summary>
    /// <exception cref="AclException">107006: it was not recorded, not reached, or has no time.</exception>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public long TimestampMicroseconds
    {
        get
        {
            ulong timestamp;
            Enter();
            Check(_api.aclrtEventGetTimestamp(_object.Value, &timestamp), nameof(_api.aclrtEventGetTimestamp));
            return (long)timestamp;
        }
    }

    /// <summary>Blocks until the event is complete; at once when it was never recorded. C: aclrtSynchronizeEvent, aclrtSynchronizeEventWithTimeout.</summary>
    /// <param name="timeout">1 ms to 24 days, rounded up to milliseconds; null waits without limit.</param>
    /// <exception cref="AclException">507047: the time ran out.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public void Synchronize(TimeSpan? timeout = null)
    {
        int milliseconds = NpuContext.Milliseconds(timeout);
        _object.Hold();
        try
        {
            Enter();
            Check(milliseconds < 0 ? _api.aclrtSynchronizeEvent(_object.Value) : _api.aclrtSynchronizeEventWithTimeout(_object.Value, milliseconds),
                milliseconds < 0 ? nameof(_api.aclrtSynchronizeEvent) : nameof(_api.aclrtSynchronizeEventWithTimeout));
        }
        finally
        {
            _object.Release();
        }
    }

    /// <summary>
    /// Completes when the event does, as it is recorded now; no thread waits, and in steady state nothing is allocated. Await the result once.
    /// C: aclrtStreamWaitEvent and aclrtLaunchHostFunc in a stream that nobody else uses.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AclException">No stream is left to wait in, or a capture uses the event.</exception>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default) => WaitAsync(null, cancellationToken);

    /// <summary>As <see cref="WaitAsync(CancellationToken)"/>, but not for longer than a time.</summary>
    /// <param name="timeout">1 ms to 24 days, rounded up to milliseconds; null waits without limit. When it runs out the wait fails with an <see cref="AclException"/> of code 507047.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AclException">No stream is left to wait in, or a capture uses the event.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public ValueTask WaitAsync(TimeSpan? timeout, CancellationToken cancellationToken = default)
    {
        int milliseconds = NpuContext.Milliseconds(timeout);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }
        if (IsComplete)
        {
            return default;
        }
        StreamObject waiter = Context.RentWaiter();
        Context.Enter();
        int code = _api.aclrtStreamWaitEvent(waiter.Value, Handle);
        if (code != 0)
        {
            AclException exception = AclException.Of(_api, code, nameof(_api.aclrtStreamWaitEvent));
            Context.ReturnWaiter(waiter);
            throw exception;
        }
        return Completion.Start(waiter, null, isWaiter: true, milliseconds, cancellationToken);
    }

    /// <summary>Makes <c>await event</c> mean <see cref="WaitAsync(CancellationToken)"/>.</summary>
    public System.Runtime.CompilerServices.ValueTaskAwaiter GetAwaiter() => WaitAsync().GetAwaiter();

    /// <summary>The time from another event to this one, on the device's clock; negative when this one came first. Resolution: a float of milliseconds. C: aclrtEventElapsedTime.</summary>
    /// <exception cref="AclException">507000: one was never recorded. 107006: one is not complete or has no time.</exception>
    /// <exception cref="ArgumentException">The events come from different libraries.</exception>
    /// <exception cref="ObjectDisposedException">One of the events is disposed.</exception>
    public TimeSpan ElapsedSince(NpuEvent start)
    {
        ArgumentNullException.ThrowIfNull(start);
        if (start.Context.Session != Context.Session)
        {
            throw new ArgumentException("The events come from different libraries.", nameof(start));
        }
        float milliseconds;
        Enter();
        Check(_api.aclrtEventElapsedTime(&milliseconds, start.Handle, Handle), nameof(_api.aclrtEventElapsedTime));
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    /// <summary>Destroys the event; streams that wait for it still do. C: aclrtDestroyEvent.</summary>
    public void Dispose() => _object.Dispose();

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_object.IsClosed, this);
        Context.Enter();
    }

    private void Check(int code, string function)
    {
        if (code != 0)
        {
            throw AclException.Of(_api, code, function);
        }
    }

    private sealed class EventObject : NativeObject
    {
        private readonly NpuContext _context;

        internal EventObject(NpuContext context, NpuEventKind kind) : base(context.Object)
        {
            _context = context;
            AclApi api = context.Api;
            nint handle = 0;
            (int code, string function) = kind switch
            {
                NpuEventKind.Classic => (api.aclrtCreateEvent(&handle), nameof(api.aclrtCreateEvent)),
                NpuEventKind.Sticky => (api.aclrtCreateEventWithFlag(&handle, Sync | TimeLine), nameof(api.aclrtCreateEventWithFlag)),
                NpuEventKind.Snapshot => (api.aclrtCreateEventExWithFlag(&handle, Sync | TimeLine), nameof(api.aclrtCreateEventExWithFlag)),
                _ => (api.aclrtCreateEventExWithFlag(&handle, Sync), nameof(api.aclrtCreateEventExWithFlag)),
            };
            if (code != 0)
            {
                throw NotMade(api, code, function);
            }
            SetHandle(handle);
        }

        protected override void Free()
        {
            _ = _context.TryEnter();
            _ = _context.Api.aclrtDestroyEvent(handle);
            ReleaseParent();
        }
    }
}

/// <summary>What an event means before it is recorded and when it is recorded again.</summary>
public enum NpuEventKind
{
    /// <summary>Each record replaces the one before; waits that are queued keep theirs; waiting for one that was never recorded is no wait. With time. C: aclrtCreateEventExWithFlag.</summary>
    Snapshot,

    /// <summary>As <see cref="Snapshot"/>, without time. C: aclrtCreateEventExWithFlag.</summary>
    SnapshotWithoutTime,

    /// <summary>Stays set until it is reset; a wait before any record waits for the record. For streams of models too. With time. C: aclrtCreateEventWithFlag.</summary>
    Sticky,

    /// <summary>A wait before any record is refused (107000). With time. C: aclrtCreateEvent.</summary>
    Classic,
}
