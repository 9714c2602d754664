using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft;

/// <summary>
/// A range of device or host memory. Copies do not count references: each only leaves its stream here (<see cref="UsedBy"/>, a comparison
/// or two when the stream has used it before). Whoever disposes the memory, or the collector, finds out whether those streams still have
/// work and leaves the memory alive until they have come past it; nobody waits.
/// </summary>
internal sealed unsafe class MemoryObject : NativeObject
{
    private enum Kind { Device, Host, Registered, Foreign }

    private readonly Kind _kind;
    private readonly NpuContext _context;
    private readonly Lock _lock = new();
    private static long s_lastNumber;
    private readonly long _number = Interlocked.Increment(ref s_lastNumber);
    private StreamObject? _user;
    private List<StreamObject>? _moreUsers;
    private MemoryHandle _pin;

    private MemoryObject(NpuContext context, Kind kind, nuint bytes) : base(context.Device.Object) =>
        (_context, _kind, Bytes, DeviceKey) = (context, kind, bytes, context.Device.Object.Key);

    /// <summary>The device that it belongs to; for host memory the one it was asked from, though it may be used with all of the library's.</summary>
    internal readonly DeviceKey DeviceKey;

    internal nuint Bytes { get; }

    internal nuint Address { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => (nuint)handle; }

    internal NpuContext Context => _context;

    internal bool IsDevice => _kind is Kind.Device or Kind.Foreign;

    internal static MemoryObject Device(NpuContext context, nuint bytes, aclrtMemMallocPolicy policy)
    {
        var memory = new MemoryObject(context, Kind.Device, bytes);
        void* address;
        return memory.Made(context.Api.aclrtMalloc(&address, bytes, policy), nameof(context.Api.aclrtMalloc), &address);
    }

    internal static MemoryObject Host(NpuContext context, nuint bytes)
    {
        var memory = new MemoryObject(context, Kind.Host, bytes);
        void* address;
        return memory.Made(context.Api.aclrtMallocHost(&address, bytes), nameof(context.Api.aclrtMallocHost), &address);
    }

    internal static MemoryObject Registered(NpuContext context, nint pointer, nuint bytes, MemoryHandle pin)
    {
        var memory = new MemoryObject(context, Kind.Registered, bytes);
        void* address = (void*)pointer;
        memory.Made(context.Api.aclrtHostRegisterV2(address, bytes, (uint)AclConstants.ACL_HOST_REG_PINNED), nameof(context.Api.aclrtHostRegisterV2), &address);
        memory._pin = pin;
        return memory;
    }

    internal static MemoryObject Foreign(NpuContext context, nint address, nuint bytes)
    {
        var memory = new MemoryObject(context, Kind.Foreign, bytes);
        memory.SetHandle(address);
        return memory;
    }

    /// <exception cref="ArgumentOutOfRangeException">Less than one element, or more than an address can count.</exception>
    internal static nuint BytesOf<T>(long length) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue / sizeof(T));
        return (nuint)length * (nuint)sizeof(T);
    }

    /// <summary>The stream has work, or will have, that uses the memory. Called inside a submission.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void UsedBy(StreamObject stream)
    {
        if (_user != stream && !stream.HasUsed(_number))
        {
            AddUser(stream);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddUser(StreamObject stream)
    {
        lock (_lock)
        {
            if (_user == null)
            {
                _user = stream;
            }
            else if (_moreUsers == null || !_moreUsers.Contains(stream))
            {
                _moreUsers ??= [];
                _moreUsers.RemoveAll(static other => other.IsGone);
                _moreUsers.Add(stream);
            }
        }
        stream.SetUsed(_number);
    }

    private MemoryObject Made(int code, string function, void** address)
    {
        if (code != 0)
        {
            throw NotMade(_context.Api, code, function);
        }
        SetHandle((nint)(*address));
        return this;
    }

    protected override void Free()
    {
        if (_kind == Kind.Foreign)
        {
            ReleaseParent();
            return;
        }
        if (!ThreadSlot.AreAllOutside())
        {
            // Somebody is submitting something, perhaps with this memory. It takes nanoseconds, unless the stream is full.
            _ = Task.Delay(1).ContinueWith(static (_, memory) => ((MemoryObject)memory!).Free(), this, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return;
        }
        FreeBehind(0);
    }

    /// <summary>Frees when the users from this one on have no work that is older than this call.</summary>
    private void FreeBehind(int index)
    {
        for (; User(index) is { } stream; index++)
        {
            int next = index + 1;
            if (!stream.TryHold())
            {
                // Closed: it is being destroyed, which ends its work, or it is gone.
                if (stream.WhenGone(() => FreeBehind(next)))
                {
                    return;
                }
                continue;
            }
            bool isBusy = IsBusy(stream);
            if (isBusy && HostCall.TryLaunch(stream, () => ThreadPool.UnsafeQueueUserWorkItem(static state => state.Memory.FreeBehind(state.Next), (Memory: this, Next: next), preferLocal: false)))
            {
                stream.Release();
                return;
            }
            if (isBusy)
            {
                // The stream takes no more work, and what it has must be waited for.
                ThreadPool.UnsafeQueueUserWorkItem(static state =>
                {
                    _ = state.Stream.Context.Api.aclrtSynchronizeStream(state.Stream.Value);
                    state.Stream.Release();
                    state.Memory.FreeBehind(state.Next);
                }, (Memory: this, Stream: stream, Next: next), preferLocal: false);
                return;
            }
            stream.Release();
        }
        FreeNow();
    }

    private StreamObject? User(int index) => index == 0 ? _user : index <= _moreUsers?.Count ? _moreUsers[index - 1] : null;

    private static bool IsBusy(StreamObject stream)
    {
        aclrtStreamStatus status;
        return !stream.Context.TryEnter() || stream.Context.Api.aclrtStreamQuery(stream.Value, &status) != 0 || status != aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
    }

    private void FreeNow()
    {
        switch (_kind)
        {
            case Kind.Device:
                _ = _context.Api.aclrtFree((void*)handle);
                break;
            case Kind.Host:
                _ = _context.Api.aclrtFreeHost((void*)handle);
                break;
            case Kind.Registered:
                _ = _context.TryEnter();
                _ = _context.Api.aclrtHostUnregister((void*)handle);
                _pin.Dispose();
                break;
        }
        ReleaseParent();
    }
}

/// <summary>Keeps what stored work uses, memory and functions: of a captured graph, of a model instance.</summary>
internal sealed class MemoryHolder
{
    private readonly HashSet<MemoryObject> _memory = [];
    private readonly List<HostCall> _calls = [];

    /// <summary>The capture that began before and goes on meanwhile: it keeps the memory too.</summary>
    internal MemoryHolder? Next { get; set; }

    internal void Add(HostCall call)
    {
        lock (_memory)
        {
            _calls.Add(call);
        }
    }

    internal void Add(MemoryObject memory)
    {
        lock (_memory)
        {
            if (_memory.Add(memory))
            {
                memory.Hold();
            }
        }
        Next?.Add(memory);
    }

    internal void ReleaseAll()
    {
        lock (_memory)
        {
            foreach (MemoryObject memory in _memory)
            {
                memory.Release();
            }
            _memory.Clear();
            _calls.ForEach(call => call.Return());
            _calls.Clear();
        }
    }
}
