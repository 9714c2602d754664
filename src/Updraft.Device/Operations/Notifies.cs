namespace Updraft.Device;

/// <summary>Notifies: binary semaphores between streams and devices.</summary>
internal static unsafe class Notifies
{
    internal static void Create(nint* handle, ulong flag)
    {
        Check.NotNull(handle, "notify");
        Check.That(flag <= 1, AclError.RtParamInvalid, $"flag is 0x{flag:x}; expected 0 or ACL_NOTIFY_DEVICE_USE_ONLY (1).");
        Device device = (Current.ContextOrNull ?? throw Current.NoContext(isStored: false)).Device;
        *handle = HandleTable.Add(HandleKind.Notify, new Notify(device, device.TakeNotify(), flag));
    }

    internal static void Destroy(NotifyHandle handle)
    {
        Notify notify = Get(handle);
        if (!HandleTable.Remove(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "notify");
        }
        SharedKeys.Destroyed(notify);
        if (!notify.IsImported)
        {
            notify.Device.ReturnNotify(notify.Id);
        }
    }

    internal static void Record(NotifyHandle handle, StreamHandle stream)
    {
        Notify notify = Get(handle);
        Current.Stream(stream).Submit(new Command { Kind = CommandKind.Task }, new ActionTask(notify.Record));
    }

    /// <summary>Consumes one record; 0 and the largest number of seconds mean no limit.</summary>
    internal static void Wait(NotifyHandle handle, StreamHandle stream, uint timeoutSeconds)
    {
        Notify notify = Get(handle);
        Stream waiting = Current.Stream(stream);
        Check.That(!notify.IsShared || waiting.Device == notify.Device, AclError.RtParamInvalid, $"A notify of several processes is waited for on the device that made it, device {notify.Device.Id}, not on device {waiting.Device.Id}.");
        waiting.Submit(new Command { Kind = CommandKind.Task }, new WaitTask(Limited(notify, timeoutSeconds)));
    }

    internal static WaitCondition Limited(WaitCondition condition, uint timeoutSeconds) =>
        timeoutSeconds is 0 or uint.MaxValue ? condition : new TimedWait(condition, timeoutSeconds * 1000L);

    internal static void GetId(NotifyHandle handle, uint* notifyId)
    {
        Notify notify = Get(handle);
        Check.NotNull(notifyId, nameof(notifyId));
        *notifyId = (uint)notify.Id;
    }

    /// <summary>Resets them one after another on the default stream and waits for it. Stops at the first that is not a notify.</summary>
    internal static AclError ResetAll(NotifyHandle* notifies, nuint count)
    {
        Check.NotNull(notifies, nameof(notifies));
        Check.That(count > 0, AclError.RtParamInvalid, "num is 0; give at least one notify.");
        Stream stream = Current.Context.DefaultStream;
        for (nuint index = 0; index < count; index++)
        {
            Check.That(!notifies[index].IsNull, AclError.RtParamInvalid, $"notifies[{index}] is NULL; the ones before it are reset.");
            stream.Submit(new Command { Kind = CommandKind.Task }, new ActionTask(notifies[index].Get().Reset));
        }
        return stream.Synchronize(Timeout.Infinite);
    }

    internal static Notify Get(NotifyHandle handle)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "notify is NULL; give a notify of aclrtCreateNotify.");
        return handle.Get();
    }
}
