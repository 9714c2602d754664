using System.Text;

namespace Updraft;

/// <summary>
/// Work that is stored and run as often as wanted: captured from a stream (<see cref="NpuStream.BeginCapture"/>), or built by hand from
/// streams of <see cref="NpuStreamFlags.Persistent"/>. It keeps the memory that its copies use.
/// </summary>
/// <example><code>
/// stream.BeginCapture();
/// stream.Copy(host, memory);
/// using ModelInstance graph = stream.EndCapture();
/// stream.Execute(graph);
/// </code></example>
public sealed unsafe class ModelInstance : IDisposable
{
    private const uint Head = 0;
    private readonly ModelObject _object;
    private readonly AclApi _api;
    private readonly List<NpuStream> _streams = [];

    /// <summary>An instance to be built.</summary>
    internal ModelInstance(NpuContext context)
    {
        (Context, _api) = (context, context.Api);
        _object = new ModelObject(context, new MemoryHolder());
    }

    /// <summary>A captured graph.</summary>
    internal ModelInstance(NpuContext context, nint handle, MemoryHolder holder)
    {
        (Context, _api, IsCaptured) = (context, context.Api, true);
        _object = new ModelObject(context, holder, handle);
    }

    /// <summary>The context it was made in.</summary>
    public NpuContext Context { get; }

    /// <summary>True when it was captured: such an instance has no streams of its own and is run with <see cref="NpuStream.Execute"/> only.</summary>
    public bool IsCaptured { get; }

    /// <summary>The C handle (aclmdlRI), for calls through <see cref="Npu.Api"/>.</summary>
    /// <exception cref="ObjectDisposedException">The instance is disposed.</exception>
    public nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(_object.IsClosed, this);
            return _object.Value;
        }
    }

    /// <summary>A name for tools. C: aclmdlRISetName, aclmdlRIGetName.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The instance is disposed.</exception>
    public string Name
    {
        get
        {
            byte* name = stackalloc byte[512];
            nint handle = Enter();
            Check(_api.aclmdlRIGetName(handle, 512, name), nameof(_api.aclmdlRIGetName));
            return System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)name) ?? "";
        }
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            nint handle = Enter();
            fixed (byte* name = Encoding.UTF8.GetBytes(value + '\0'))
            {
                Check(_api.aclmdlRISetName(handle, name), nameof(_api.aclmdlRISetName));
            }
        }
    }

    /// <summary>What is submitted to the stream from now on is stored here instead of run. C: aclmdlRIBindStream.</summary>
    /// <param name="stream">One of <see cref="NpuStreamFlags.Persistent"/>.</param>
    /// <exception cref="AclException">107000: the stream is not persistent. 107005: it is bound already.</exception>
    /// <exception cref="ArgumentException">The stream comes from another library.</exception>
    /// <exception cref="ObjectDisposedException">The instance or the stream is disposed.</exception>
    public void Bind(NpuStream stream)
    {
        nint streamHandle = HandleOf(stream), handle = Enter();
        Check(_api.aclmdlRIBindStream(handle, streamHandle, Head), nameof(_api.aclmdlRIBindStream));
        stream.Holder = _object.Holder;
        _streams.Add(stream);
    }

    /// <summary>Marks the end of a stream's tasks. C: aclmdlRIEndTask.</summary>
    /// <exception cref="AclException">507000: the stream is not bound to this instance.</exception>
    /// <exception cref="ArgumentException">The stream comes from another library.</exception>
    /// <exception cref="ObjectDisposedException">The instance or the stream is disposed.</exception>
    public void EndTask(NpuStream stream)
    {
        nint streamHandle = HandleOf(stream), handle = Enter();
        Check(_api.aclmdlRIEndTask(handle, streamHandle), nameof(_api.aclmdlRIEndTask));
    }

    /// <summary>Ends the building; the instance can be run now. C: aclmdlRIBuildEnd.</summary>
    /// <exception cref="AclException">107005: no stream is bound. 507011: no stream has its end.</exception>
    /// <exception cref="ObjectDisposedException">The instance is disposed.</exception>
    public void EndBuild()
    {
        nint handle = Enter();
        Check(_api.aclmdlRIBuildEnd(handle, null), nameof(_api.aclmdlRIBuildEnd));
    }

    /// <summary>Runs the instance behind the work of the context's default stream and waits for it. C: aclmdlRIExecute.</summary>
    /// <param name="timeout">1 ms to 24 days, rounded up to milliseconds; null waits without limit.</param>
    /// <exception cref="AclException">107000: it was captured. 507011: it is not built. 507046: the time ran out. Otherwise the failure of a task.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The instance is disposed.</exception>
    public void Execute(TimeSpan? timeout = null)
    {
        int milliseconds = NpuContext.Milliseconds(timeout);
        nint handle = Enter();
        Check(_api.aclmdlRIExecute(handle, milliseconds), nameof(_api.aclmdlRIExecute));
    }

    /// <summary>The stream becomes an ordinary one again. C: aclmdlRIUnbindStream.</summary>
    /// <exception cref="AclException">107005: it is not bound to this instance.</exception>
    /// <exception cref="ArgumentException">The stream comes from another library.</exception>
    /// <exception cref="ObjectDisposedException">The instance or the stream is disposed.</exception>
    public void Unbind(NpuStream stream)
    {
        nint streamHandle = HandleOf(stream), handle = Enter();
        Check(_api.aclmdlRIUnbindStream(handle, streamHandle), nameof(_api.aclmdlRIUnbindStream));
        stream.Holder = null;
        _streams.Remove(stream);
    }

    /// <summary>Destroys the instance; the streams bound to it become ordinary ones. C: aclmdlRIDestroy.</summary>
    public void Dispose()
    {
        _object.Dispose();
        _streams.ForEach(stream => stream.Holder = null);
        _streams.Clear();
    }

    internal ModelObject Object => _object;

    private nint HandleOf(NpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return stream.Context.Session == Context.Session ? stream.Handle : throw new ArgumentException("The stream comes from another library than the model instance.", nameof(stream));
    }

    private nint Enter()
    {
        nint handle = Handle;
        Context.Enter();
        return handle;
    }

    private void Check(int code, string function) => Context.Check(code, function);

    internal sealed class ModelObject : NativeObject
    {
        private readonly NpuContext _context;

        internal ModelObject(NpuContext context, MemoryHolder holder) : base(context.Object)
        {
            (_context, Holder) = (context, holder);
            nint handle;
            int code = context.Api.aclmdlRIBuildBegin(&handle, 0);
            if (code != 0)
            {
                throw NotMade(context.Api, code, nameof(context.Api.aclmdlRIBuildBegin));
            }
            SetHandle(handle);
        }

        internal ModelObject(NpuContext context, MemoryHolder holder, nint handle) : base(context.Object)
        {
            (_context, Holder) = (context, holder);
            SetHandle(handle);
        }

        internal MemoryHolder Holder { get; }

        /// <summary>Streams it was queued in: destroyed only when they have run it.</summary>
        internal NpuStream? LastStream { get; set; }

        protected override void Free()
        {
            if (LastStream is { } stream && IsDisposing && stream.Object.TryHold())
            {
                // The C interface does not wait for runs of built models, and the memory goes with the instance.
                _ = _context.TryEnter();
                _ = _context.Api.aclrtSynchronizeStream(stream.Object.Value);
                stream.Object.Release();
            }
            _ = _context.TryEnter();
            _ = _context.Api.aclmdlRIDestroy(handle);
            Holder.ReleaseAll();
            ReleaseParent();
        }
    }
}

public sealed unsafe partial class NpuStream
{
    private MemoryHolder? _capture;

    /// <summary>From here to <see cref="EndCapture"/> what is submitted is recorded, not run. Chips 950, A3, 910b, 310p. C: aclmdlRICaptureBegin.</summary>
    /// <param name="mode">Which blocking calls are refused meanwhile.</param>
    /// <exception cref="AclException">207000: the chip does not have it. 107027: the stream is being captured already.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public void BeginCapture(aclmdlRICaptureMode mode = aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_GLOBAL)
    {
        EnterRare();
        Check(_api.aclmdlRICaptureBegin(_handle, mode), nameof(_api.aclmdlRICaptureBegin));
        // Other streams join a capture through events, which is not seen here: what any stream of the context uses meanwhile is kept.
        _capture = _context.BeginCapture();
    }

    /// <summary>Ends the capture. C: aclmdlRICaptureEnd.</summary>
    /// <returns>The graph.</returns>
    /// <exception cref="AclException">107029: the stream is not being captured. 107038: another thread began it. 507903: something invalidated it.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public ModelInstance EndCapture()
    {
        nint model = 0;
        EnterRare();
        int code = _api.aclmdlRICaptureEnd(_handle, &model);
        MemoryHolder? holder = _capture;
        if (code is (int)AclError.RtStreamCaptureUnmatched)
        {
            // Refused, and the capture goes on.
            throw AclException.Of(_api, code, nameof(_api.aclmdlRICaptureEnd));
        }
        _capture = null;
        if (holder != null)
        {
            _context.EndCapture(holder);
        }
        if (code != 0)
        {
            holder?.ReleaseAll();
            throw AclException.Of(_api, code, nameof(_api.aclmdlRICaptureEnd));
        }
        return new ModelInstance(_context, model, holder ?? new MemoryHolder());
    }

    /// <summary>Whether the stream is being captured. C: aclmdlRICaptureGetInfo.</summary>
    /// <exception cref="AclException">207000: the chip does not have it.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public aclmdlRICaptureStatus CaptureStatus
    {
        get
        {
            aclmdlRICaptureStatus status;
            nint model;
            EnterRare();
            Check(_api.aclmdlRICaptureGetInfo(_handle, &status, &model), nameof(_api.aclmdlRICaptureGetInfo));
            return status;
        }
    }

    /// <summary>Queues a run of a model instance. C: aclmdlRIExecuteAsync.</summary>
    /// <exception cref="AclException">107004: it is of another context. 107026: it is still being captured. 507011: it is not built.</exception>
    /// <exception cref="ArgumentException">The instance comes from another library or context.</exception>
    /// <exception cref="ObjectDisposedException">The stream or the instance is disposed.</exception>
    public void Execute(ModelInstance model)
    {
        CheckOther(model, model?.Context);
        if (model!.Context != _context)
        {
            throw new ArgumentException("The model instance belongs to another context than the stream.", nameof(model));
        }
        EnterRare();
        Check(_api.aclmdlRIExecuteAsync(model.Handle, _handle), nameof(_api.aclmdlRIExecuteAsync));
        model.Object.LastStream = this;
    }
}
