using System.Runtime.CompilerServices;

namespace Updraft;

/// <summary>
/// What streams and events belong to. AscendCL keeps one current context per thread; this API makes the right one current by itself,
/// so that it does not matter on which thread a program continues after an await.
/// </summary>
public sealed unsafe class NpuContext : IDisposable
{
    private readonly NativeObject _object;
    private readonly Stack<StreamObject> _idleWaiters = new();

    /// <summary>Set with the last look at the idle waiters; the owner itself counts as open as long as a waiter in use holds it.</summary>
    private bool _keepsNoWaiters;

    /// <summary>The primary context: lives and dies with the device.</summary>
    internal NpuContext(NpuDevice device, nint handle, DeviceObject owner)
    {
        (Device, Handle, _object, IsPrimary) = (device, handle, owner, true);
        Api = device.Api;
    }

    internal NpuContext(NpuDevice device, DeviceObject owner)
    {
        Device = device;
        Api = device.Api;
        var created = new ContextObject(owner, device.Api, device.Id);
        (_object, Handle) = (created, created.Value);
        ThreadSlot.Mine.Context = this;
    }

    /// <summary>The device the context works on.</summary>
    public NpuDevice Device { get; }

    /// <summary>The C handle (aclrtContext), for calls through <see cref="Npu.Api"/>.</summary>
    public nint Handle { get; }

    /// <summary>True for the context that all who open the device share.</summary>
    public bool IsPrimary { get; }

    internal AclApi Api { get; }

    internal NativeObject Object => _object;

    internal Session Session => Device.Npu.Session;

    /// <summary>Set while a stream of the context is being captured: what copies use then belongs to the graph.</summary>
    internal MemoryHolder? Capture { get; private set; }

    internal MemoryHolder BeginCapture()
    {
        lock (_idleWaiters)
        {
            return Capture = new MemoryHolder { Next = Capture };
        }
    }

    internal void EndCapture(MemoryHolder holder)
    {
        lock (_idleWaiters)
        {
            if (Capture == holder)
            {
                Capture = holder.Next;
                return;
            }
            for (MemoryHolder? each = Capture; each != null; each = each.Next)
            {
                if (each.Next == holder)
                {
                    each.Next = holder.Next;
                }
            }
        }
    }

    /// <summary>A queue of work, first in, first out. C: aclrtCreateStreamWithConfig.</summary>
    /// <param name="flags">What the stream is for.</param>
    /// <param name="priority">0 (highest) to 7; larger values count as 7.</param>
    /// <exception cref="AclException">207005, 207008: the chip has no stream left. 207000: the chip has no such streams.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The priority is negative.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public NpuStream CreateStream(NpuStreamFlags flags = NpuStreamFlags.None, int priority = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(priority);
        Enter();
        return new NpuStream(this, new StreamObject(this, (uint)flags, (uint)priority));
    }

    /// <summary>A mark in a stream that others wait for. C: aclrtCreateEventExWithFlag, aclrtCreateEventWithFlag, aclrtCreateEvent.</summary>
    /// <exception cref="AclException">207007, 207009: the chip has no event left.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such kind.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public NpuEvent CreateEvent(NpuEventKind kind = NpuEventKind.Snapshot)
    {
        if (!Enum.IsDefined(kind))
        {
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind of event.");
        }
        Enter();
        return new NpuEvent(this, kind);
    }

    /// <summary>A binary semaphore between streams, of other devices too. C: aclrtCreateNotify.</summary>
    /// <exception cref="AclException">207009: the chip has no notify left.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public NpuNotify CreateNotify()
    {
        Enter();
        return new NpuNotify(this);
    }

    /// <summary>Begins a model instance: tasks that are stored in streams bound to it and run as often as wanted. C: aclmdlRIBuildBegin.</summary>
    /// <exception cref="AclException">207010: the chip has no model left.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public ModelInstance CreateModel()
    {
        Enter();
        return new ModelInstance(this);
    }

    /// <summary>Memory of the device; its content is undefined. C: aclrtMalloc.</summary>
    /// <typeparam name="T">What the memory holds; <see cref="byte"/> for raw memory.</typeparam>
    /// <param name="length">Elements, at least 1.</param>
    /// <param name="policy">Size of the pages.</param>
    /// <exception cref="AclException">207001: the device has no room. 207000: the chip has no such pages.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is less than 1, or the bytes do not fit an address.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public DeviceMemory<T> Allocate<T>(long length, aclrtMemMallocPolicy policy = aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST) where T : unmanaged
    {
        nuint bytes = MemoryObject.BytesOf<T>(length);
        Enter();
        return new DeviceMemory<T>(this, MemoryObject.Device(this, bytes, policy), length);
    }

    /// <summary>Pinned host memory: copies from and to it are truly asynchronous, with any device. Its content is undefined. C: aclrtMallocHost.</summary>
    /// <typeparam name="T">What the memory holds.</typeparam>
    /// <param name="length">Elements, at least 1.</param>
    /// <exception cref="AclException">207001: no memory is left.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is less than 1, or the bytes do not fit an address.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public PinnedMemory<T> AllocateHost<T>(long length) where T : unmanaged
    {
        nuint bytes = MemoryObject.BytesOf<T>(length);
        Enter();
        return new PinnedMemory<T>(MemoryObject.Host(this, bytes), length);
    }

    /// <summary>Pins memory that the program has already, so that copies of it are truly asynchronous. C: aclrtHostRegisterV2 with PINNED.</summary>
    /// <param name="pointer">Native memory, or pinned managed memory; must stay valid until the registration is disposed. Page boundaries (4 KiB) are what systems pin.</param>
    /// <param name="length">Elements, at least 1.</param>
    /// <exception cref="AclException">507910: a part of it is registered already.</exception>
    /// <exception cref="ArgumentNullException">The pointer is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is less than 1.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public RegisteredMemory<T> Register<T>(T* pointer, long length) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(pointer);
        nuint bytes = MemoryObject.BytesOf<T>(length);
        Enter();
        return new RegisteredMemory<T>(MemoryObject.Registered(this, (nint)pointer, bytes, default), length);
    }

    /// <summary>Pins managed memory: the collector does not move it until the registration is disposed. C: aclrtHostRegisterV2 with PINNED.</summary>
    /// <param name="memory">At least one element, as of an array.</param>
    /// <exception cref="AclException">507910: a part of it is registered already.</exception>
    /// <exception cref="ArgumentException">The memory is empty.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public RegisteredMemory<T> Register<T>(Memory<T> memory) where T : unmanaged
    {
        if (memory.IsEmpty)
        {
            throw new ArgumentException("The memory is empty.", nameof(memory));
        }
        Enter();
        System.Buffers.MemoryHandle pin = memory.Pin();
        try
        {
            return new RegisteredMemory<T>(MemoryObject.Registered(this, (nint)pin.Pointer, MemoryObject.BytesOf<T>(memory.Length), pin), memory.Length);
        }
        catch
        {
            pin.Dispose();
            throw;
        }
    }

    /// <summary>Device memory that somebody else owns, as typed memory; disposing it frees nothing.</summary>
    /// <param name="address">A device address; 0 is refused.</param>
    /// <param name="length">Elements, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The address is 0 or the length less than 1.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public DeviceMemory<T> Wrap<T>(nint address, long length) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfZero(address);
        nuint bytes = MemoryObject.BytesOf<T>(length);
        return new DeviceMemory<T>(this, MemoryObject.Foreign(this, address, bytes), length);
    }

    /// <summary>A descriptor of a copy, kept in device memory and read when the copy runs. C: aclrtGetMemcpyDescSize, aclrtSetMemcpyDesc.</summary>
    /// <exception cref="AclException">207000: the chip has no descriptors.</exception>
    /// <exception cref="ArgumentException">The slices are no slices of this device, or of different length.</exception>
    public CopyDescriptor CreateCopyDescriptor<T>(DeviceSlice<T> source, DeviceSlice<T> destination) where T : unmanaged
    {
        var descriptor = new CopyDescriptor(this);
        try
        {
            descriptor.Set(source, destination);
            return descriptor;
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <summary>Waits until the work of all streams of the context is done. C: aclrtSynchronizeDevice, aclrtSynchronizeDeviceWithTimeout.</summary>
    /// <param name="timeout">1 ms to 24 days, rounded up to milliseconds; null waits without limit.</param>
    /// <exception cref="AclException">507046: the time ran out. Otherwise the first failure of a task.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public void Synchronize(TimeSpan? timeout = null)
    {
        int milliseconds = Milliseconds(timeout);
        Enter();
        int code = milliseconds < 0 ? Api.aclrtSynchronizeDevice() : Api.aclrtSynchronizeDeviceWithTimeout(milliseconds);
        Check(code, milliseconds < 0 ? nameof(Api.aclrtSynchronizeDevice) : nameof(Api.aclrtSynchronizeDeviceWithTimeout));
    }

    /// <summary>Makes the context current on the calling thread, for C calls through <see cref="Npu.Api"/>. This API does it by itself. C: aclrtSetCurrentContext.</summary>
    /// <exception cref="AclException">The context was destroyed by a C call.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public void MakeCurrent()
    {
        ObjectDisposedException.ThrowIf(_object.IsClosed, this);
        Enter();
    }

    /// <summary>Gives the context up; its streams and events stay usable and it is destroyed with the last of them. Without effect on a primary context. C: aclrtDestroyContext.</summary>
    public void Dispose()
    {
        if (!IsPrimary)
        {
            _object.Dispose();
            DisposeWaiters();
        }
    }

    /// <summary>Makes the context current whatever C calls have done since: for everything that is not called often.</summary>
    internal void Enter()
    {
        ThreadSlot slot = ThreadSlot.Mine;
        slot.Context = null;
        int code = Api.aclrtSetCurrentContext(Handle);
        if (code != 0)
        {
            ObjectDisposedException.ThrowIf(_object.IsClosed, this);
            throw AclException.Of(Api, code, nameof(Api.aclrtSetCurrentContext));
        }
        slot.Context = this;
    }

    /// <summary>As <see cref="Enter"/> where nobody can be told that it failed.</summary>
    internal bool TryEnter()
    {
        ThreadSlot slot = ThreadSlot.Mine;
        slot.Context = Api.aclrtSetCurrentContext(Handle) == 0 ? this : null;
        return slot.Context != null;
    }

    /// <summary>A hot call did not succeed: true when it was for the current context, which a C call had changed and which is right now.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal bool MayRepeat(int code)
    {
        if (code is not ((int)AclError.RtContextNull or (int)AclError.RtStreamContext))
        {
            return false;
        }
        nint current;
        bool isRight = Api.aclrtGetCurrentContext(&current) == 0 && current == Handle;
        return !isRight && TryEnter();
    }

    internal void Check(int code, string function)
    {
        if (code != 0)
        {
            throw AclException.Of(Api, code, function);
        }
    }

    /// <summary>A hidden stream in which one await waits for one event.</summary>
    internal StreamObject RentWaiter() => TakeIdleWaiter() ?? new StreamObject(this, 0, 0);

    internal void ReturnWaiter(StreamObject waiter)
    {
        lock (_idleWaiters)
        {
            if (!_keepsNoWaiters)
            {
                _idleWaiters.Push(waiter);
                return;
            }
        }
        waiter.Dispose();
    }

    /// <summary>After the owner was closed: idle waiters would keep it.</summary>
    internal void DisposeWaiters()
    {
        lock (_idleWaiters)
        {
            _keepsNoWaiters = true;
        }
        while (TakeIdleWaiter() is { } waiter)
        {
            waiter.Dispose();
        }
    }

    /// <summary>What the C interface takes: -1 without limit, else at least 1.</summary>
    internal static int Milliseconds(TimeSpan? timeout)
    {
        if (timeout is not { } time || time == Timeout.InfiniteTimeSpan)
        {
            return -1;
        }
        double milliseconds = Math.Ceiling(time.TotalMilliseconds);
        if (milliseconds is < 1 or > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(timeout), time, "A timeout is 1 ms to 24 days, or null to wait without limit.");
        }
        return (int)milliseconds;
    }

    private StreamObject? TakeIdleWaiter()
    {
        lock (_idleWaiters)
        {
            return _idleWaiters.TryPop(out StreamObject? waiter) ? waiter : null;
        }
    }
}

/// <summary>One aclrtCreateContext.</summary>
internal sealed unsafe class ContextObject : NativeObject
{
    private readonly AclApi _api;

    internal ContextObject(DeviceObject owner, AclApi api, int deviceId) : base(owner)
    {
        _api = api;
        nint context;
        int code = api.aclrtCreateContext(&context, deviceId);
        if (code != 0)
        {
            throw NotMade(api, code, nameof(api.aclrtCreateContext));
        }
        SetHandle(context);
    }

    protected override void Free()
    {
        ThreadSlot.Mine.Context = null;
        _ = _api.aclrtDestroyContext(handle);
        ReleaseParent();
    }
}
