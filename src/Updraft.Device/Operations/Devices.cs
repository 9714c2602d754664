namespace Updraft.Device;

/// <summary>The life of devices and contexts as the C interface drives it.</summary>
internal static unsafe class Devices
{
    internal static void Set(int deviceId) => ThreadState.Current.Context = Current.DeviceById(deviceId).Retain();

    internal static int Get()
    {
        Context? context = ThreadState.Current.Context;
        if (context != null)
        {
            return context.Device.Id;
        }
        return Machine.DefaultDevice ?? throw Current.NoContext(isStored: false);
    }

    internal static void Reset(int deviceId, bool force) => Check.That(Current.DeviceById(deviceId).Release(all: force), AclError.RtContextReleaseError,
        $"Device {deviceId} is not set: every aclrtSetDevice has been taken back already.");

    internal static void CreateContext(nint* context, int deviceId)
    {
        Check.NotNull(context, nameof(context));
        Context created = Current.DeviceById(deviceId).CreateContext();
        ThreadState.Current.Context = created;
        *context = created.Handle;
    }

    internal static void DestroyContext(ContextHandle handle)
    {
        Check.That(handle.Value != 0, AclError.InvalidParam, "context is NULL; give a context of aclrtCreateContext.");
        Context context = handle.Get();
        Check.That(!context.IsPrimary, AclError.RtParamInvalid, "The primary context of a device is destroyed by aclrtResetDevice, not by aclrtDestroyContext.");
        if (!context.Device.DestroyContext(context))
        {
            throw HandleFailure.Of(handle.Value, "context");
        }
    }

    internal static void SetCurrentContext(ContextHandle handle)
    {
        Check.That(handle.Value != 0, AclError.InvalidParam, "context is NULL; give a context of aclrtCreateContext.");
        ThreadState.Current.Context = handle.Get();
    }

    internal static void GetCurrentContext(nint* context)
    {
        Check.NotNull(context, nameof(context));
        *context = 0;
        *context = ThreadState.Current.Context?.Handle ?? (Machine.DefaultDevice != null ? Current.Context.Handle : throw Current.NoContext(isStored: false));
    }

    /// <summary>Whether the primary context exists. It has no flags.</summary>
    internal static void PrimaryState(int deviceId, uint* flags, int* active)
    {
        Check.NotNull(flags, nameof(flags));
        Check.NotNull(active, nameof(active));
        bool isSet = Current.DeviceById(deviceId).IsSet;
        *flags = 0;
        *active = isSet ? 1 : 0;
    }

    internal static AclError Synchronize(int timeoutMs)
    {
        AclError code = Current.Context.Synchronize(timeoutMs);
        MemoryPools.Synchronized();
        return code;
    }

    internal static AclError SynchronizeWithin(int timeoutMs)
    {
        CheckTimeout(timeoutMs);
        return Synchronize(timeoutMs);
    }

    internal static void CheckTimeout(int timeoutMs) => Check.That(timeoutMs is -1 or > 0, AclError.RtParamInvalid, $"timeout is {timeoutMs} ms; expected -1 (no limit) or more than 0.");

    /// <summary>The wrapper's test, whose failure is not stored as last error.</summary>
    internal static void CheckNotBelowMinusOne(int timeoutMs)
    {
        if (timeoutMs < -1)
        {
            Check.Fail(AclError.RtParamInvalid, $"timeout is {timeoutMs} ms; expected -1 (no limit) or more than 0.", isStored: false);
        }
    }

    // Peer access: the order of the checks is the documented one, odd as it is.
    internal static void CanAccessPeer(int* canAccessPeer, int deviceId, int peerDeviceId)
    {
        Check.That(deviceId != peerDeviceId, AclError.InvalidParam, $"deviceId and peerDeviceId are both {deviceId}; ask about two different devices.");
        _ = Current.DeviceById(peerDeviceId);
        _ = Current.DeviceById(deviceId);
        Check.NotNull(canAccessPeer, nameof(canAccessPeer), AclError.RtParamInvalid);
        // Any two emulated devices reach each other.
        *canAccessPeer = 1;
    }

    internal static void EnablePeerAccess(int peerDeviceId, uint flags)
    {
        Check.That(flags == 0, AclError.FeatureUnsupported, $"flags is 0x{flags:x}; it is reserved and must be 0.");
        PeerOf(peerDeviceId, out Device device);
        device.SetPeer(peerDeviceId, true);
    }

    internal static void DisablePeerAccess(int peerDeviceId)
    {
        PeerOf(peerDeviceId, out Device device);
        device.SetPeer(peerDeviceId, false);
    }

    private static void PeerOf(int peerDeviceId, out Device device)
    {
        device = Current.Device;
        Check.That(peerDeviceId != device.Id, AclError.InvalidParam, $"Device {peerDeviceId} is the current device; name another one.");
        _ = Current.DeviceById(peerDeviceId);
    }

    internal static void PeerStatus(int deviceId, int peerDeviceId, int* status)
    {
        Check.NotNull(status, nameof(status));
        Check.That(deviceId != peerDeviceId, AclError.InvalidParam, $"deviceId and peerDeviceId are both {deviceId}; ask about two different devices.");
        _ = Current.DeviceById(peerDeviceId);
        *status = Current.DeviceById(deviceId).HasPeer(peerDeviceId) ? 1 : 0;
    }
}
