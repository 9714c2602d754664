using System.Runtime.CompilerServices;

namespace Updraft;

/// <summary>
/// A device in use, with its primary context, which all who open the device share. Memory belongs to the device, streams and events to
/// a context; the shortcuts here mean the primary one. Safe to use from any thread.
/// </summary>
public sealed unsafe class NpuDevice : IDisposable
{
    private readonly DeviceObject _object;

    internal NpuDevice(Npu npu, int id)
    {
        Npu = npu;
        Id = id;
        _object = new DeviceObject(npu.Session, id);
        nint context;
        int code = npu.Api.aclrtGetCurrentContext(&context);
        if (code != 0)
        {
            _object.Dispose();
            throw AclException.Of(npu.Api, code, nameof(npu.Api.aclrtGetCurrentContext));
        }
        Context = new NpuContext(this, context, _object);
        // aclrtSetDevice made it current already.
        ThreadSlot.Mine.Context = Context;
    }

    /// <summary>The machine the device is part of.</summary>
    public Npu Npu { get; }

    /// <summary>From 0 to <see cref="Npu.DeviceCount"/> - 1.</summary>
    public int Id { get; }

    /// <summary>The primary context, which exists as long as anybody has the device open.</summary>
    public NpuContext Context { get; }

    internal DeviceObject Object => _object;

    internal AclApi Api => Npu.Api;

    /// <summary>A further context of this device, with streams of its own. C: aclrtCreateContext.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The device is disposed.</exception>
    public NpuContext CreateContext() => new(this, _object);

    /// <summary>A stream of the primary context: see <see cref="NpuContext.CreateStream"/>.</summary>
    /// <inheritdoc cref="NpuContext.CreateStream"/>
    public NpuStream CreateStream(NpuStreamFlags flags = NpuStreamFlags.None, int priority = 0) => Context.CreateStream(flags, priority);

    /// <summary>An event of the primary context: see <see cref="NpuContext.CreateEvent"/>.</summary>
    /// <inheritdoc cref="NpuContext.CreateEvent"/>
    public NpuEvent CreateEvent(NpuEventKind kind = NpuEventKind.Snapshot) => Context.CreateEvent(kind);

    /// <summary>A notify of the device: see <see cref="NpuContext.CreateNotify"/>.</summary>
    /// <inheritdoc cref="NpuContext.CreateNotify"/>
    public NpuNotify CreateNotify() => Context.CreateNotify();

    /// <summary>Device memory: see <see cref="NpuContext.Allocate{T}"/>.</summary>
    /// <inheritdoc cref="NpuContext.Allocate{T}"/>
    public DeviceMemory<T> Allocate<T>(long length, aclrtMemMallocPolicy policy = aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST) where T : unmanaged => Context.Allocate<T>(length, policy);

    /// <summary>Pinned host memory: see <see cref="NpuContext.AllocateHost{T}"/>.</summary>
    /// <inheritdoc cref="NpuContext.AllocateHost{T}"/>
    public PinnedMemory<T> AllocateHost<T>(long length) where T : unmanaged => Context.AllocateHost<T>(length);

    /// <summary>Free and total memory. Changes with everybody's use of the device. C: aclrtGetMemInfo.</summary>
    /// <param name="kind">Which memory; chips without HBM count their memory as DDR.</param>
    /// <exception cref="AclException">107016: no such kind. 207000: the chip does not have it.</exception>
    public MemoryInfo GetMemoryInfo(aclrtMemAttr kind = aclrtMemAttr.ACL_HBM_MEM)
    {
        nuint free, total;
        Context.Enter();
        Context.Check(Api.aclrtGetMemInfo(kind, &free, &total), nameof(Api.aclrtGetMemInfo));
        return new MemoryInfo((long)free, (long)total);
    }

    /// <summary>Whether this device could copy from and to the other's memory. C: aclrtDeviceCanAccessPeer.</summary>
    /// <exception cref="AclException">100000: it is the same device. 207000: the chip has no peer access.</exception>
    public bool CanAccess(NpuDevice peer)
    {
        CheckPeer(peer);
        int can;
        Npu.Check(Api.aclrtDeviceCanAccessPeer(&can, Id, peer.Id), nameof(Api.aclrtDeviceCanAccessPeer));
        return can != 0;
    }

    /// <summary>Lets this device use the other's memory. One direction only: for copies both ways both devices must. C: aclrtDeviceEnablePeerAccess.</summary>
    /// <exception cref="AclException">100000: it is the same device. 207000: the chip has no peer access.</exception>
    public void EnablePeerAccess(NpuDevice peer)
    {
        CheckPeer(peer);
        Context.Enter();
        Context.Check(Api.aclrtDeviceEnablePeerAccess(peer.Id, 0), nameof(Api.aclrtDeviceEnablePeerAccess));
    }

    /// <summary>Takes back <see cref="EnablePeerAccess"/>. C: aclrtDeviceDisablePeerAccess.</summary>
    /// <exception cref="AclException">100000: it is the same device.</exception>
    public void DisablePeerAccess(NpuDevice peer)
    {
        CheckPeer(peer);
        Context.Enter();
        Context.Check(Api.aclrtDeviceDisablePeerAccess(peer.Id), nameof(Api.aclrtDeviceDisablePeerAccess));
    }

    /// <summary>Whether this device may use the other's memory now. C: aclrtDevicePeerAccessStatus.</summary>
    /// <exception cref="AclException">100000: it is the same device.</exception>
    public bool HasPeerAccess(NpuDevice peer)
    {
        CheckPeer(peer);
        int status;
        Npu.Check(Api.aclrtDevicePeerAccessStatus(Id, peer.Id, &status), nameof(Api.aclrtDevicePeerAccessStatus));
        return status != 0;
    }

    /// <summary>An attribute of the device, as the library numbers them. C: aclrtGetDeviceInfo.</summary>
    /// <exception cref="AclException">The chip or the library does not know the attribute.</exception>
    public long GetAttribute(aclrtDevAttr attribute)
    {
        long value;
        Npu.Check(Api.aclrtGetDeviceInfo((uint)Id, attribute, &value), nameof(Api.aclrtGetDeviceInfo));
        return value;
    }

    /// <summary>Waits for all streams of the primary context: see <see cref="NpuContext.Synchronize"/>.</summary>
    /// <inheritdoc cref="NpuContext.Synchronize"/>
    public void Synchronize(TimeSpan? timeout = null) => Context.Synchronize(timeout);

    /// <summary>Gives the device up. What came from it stays usable; it is reset with the last of it. C: aclrtResetDevice.</summary>
    public void Dispose()
    {
        _object.Dispose();
        Context.DisposeWaiters();
    }

    private void CheckPeer(NpuDevice peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ObjectDisposedException.ThrowIf(_object.IsClosed, this);
        if (peer.Npu.Session != Npu.Session)
        {
            throw new ArgumentException("The devices belong to different libraries.", nameof(peer));
        }
    }
}

/// <summary>Memory of a device.</summary>
/// <param name="FreeBytes">What is left, in bytes.</param>
/// <param name="TotalBytes">What there is, in bytes.</param>
public readonly record struct MemoryInfo(long FreeBytes, long TotalBytes);

/// <summary>One aclrtSetDevice, given back by aclrtResetDevice when nothing of the device is left.</summary>
internal sealed class DeviceObject : NativeObject
{
    internal readonly Session Session;
    internal readonly DeviceKey Key;

    internal DeviceObject(Session session, int id) : base(session)
    {
        Session = session;
        Key = session.KeyOf(id);
        ThreadSlot.Mine.Context = null;
        int code = session.Api.aclrtSetDevice(id);
        if (code != 0)
        {
            throw NotMade(session.Api, code, nameof(session.Api.aclrtSetDevice));
        }
        SetHandle(id);
    }

    protected override void Free()
    {
        ThreadSlot.Mine.Context = null;
        _ = Session.Api.aclrtResetDevice((int)handle);
        ReleaseParent();
    }
}

/// <summary>A device of a library: one object each, so that a comparison tells whether two things are of the same device.</summary>
internal sealed class DeviceKey(Session session, int id)
{
    internal readonly Session Session = session;
    internal readonly int Id = id;
}
