using System.Runtime.CompilerServices;

namespace Updraft;

/// <summary>
/// A native stream. Destroying it waits for its work, so memory that its copies use is free of it afterwards; who wants to know
/// leaves an action with <see cref="WhenGone"/>.
/// </summary>
internal sealed unsafe class StreamObject : NativeObject
{
    private readonly Lock _lock = new();
    private readonly NpuContext _context;
    private List<Action>? _whenGone;
    private volatile bool _isGone;
    private Used _used;

    internal StreamObject(NpuContext context, uint flags, uint priority) : base(context.Object)
    {
        _context = context;
        if (!context.TryEnter())
        {
            throw NotMade(context.Api, (int)AclError.RtContextNull, nameof(context.Api.aclrtSetCurrentContext));
        }
        nint stream;
        int code = flags == 0 && priority == 0 ? context.Api.aclrtCreateStream(&stream) : context.Api.aclrtCreateStreamWithConfig(&stream, priority, flags);
        if (code != 0)
        {
            throw NotMade(context.Api, code, flags == 0 && priority == 0 ? nameof(context.Api.aclrtCreateStream) : nameof(context.Api.aclrtCreateStreamWithConfig));
        }
        SetHandle(stream);
        int id;
        if (context.Api.aclrtStreamGetId(stream, &id) == 0)
        {
            Id = id;
            context.Session.Remember(this, (uint)context.Device.Id, (uint)id);
        }
    }

    /// <summary>The library's number of the stream, as in exception information; -1 when it does not say.</summary>
    internal int Id { get; } = -1;

    internal NpuContext Context => _context;

    /// <summary>A task has failed since the last synchronisation.</summary>
    internal volatile bool HasFailed;

    /// <summary>Destroyed: it has no work any more.</summary>
    internal bool IsGone => _isGone;

    /// <summary>True when the memory of this number knows for certain that the stream uses it. By number, so that the stream keeps no memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool HasUsed(long memory) => Volatile.Read(ref _used[(int)memory & (Used.Length - 1)]) == memory;

    /// <summary>After the stream was added to the users of the memory.</summary>
    internal void SetUsed(long memory) => Volatile.Write(ref _used[(int)memory & (Used.Length - 1)], memory);

    /// <summary>Runs the action when the stream has been destroyed, or returns false when it has been already.</summary>
    internal bool WhenGone(Action action)
    {
        lock (_lock)
        {
            if (!_isGone)
            {
                (_whenGone ??= []).Add(action);
            }
            return !_isGone;
        }
    }

    protected override void Free()
    {
        if (IsDisposing)
        {
            Destroy();
        }
        else
        {
            // The finalizer must not wait for a device.
            ThreadPool.UnsafeQueueUserWorkItem(static stream => stream.Destroy(), this, preferLocal: false);
        }
    }

    private void Destroy()
    {
        _ = _context.TryEnter();
        _ = _context.Api.aclrtDestroyStream(handle);
        List<Action>? actions;
        lock (_lock)
        {
            _isGone = true;
            (actions, _whenGone) = (_whenGone, null);
        }
        actions?.ForEach(action => action());
        ReleaseParent();
    }

    /// <summary>Numbers of memories, each where its lowest bits say; one that was pushed out is only looked up again.</summary>
    [InlineArray(Length)]
    private struct Used
    {
        internal const int Length = 64;

        private long _first;
    }
}
