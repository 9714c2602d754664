namespace Updraft.Device;

/// <summary>Counting notifies: a number that streams change, compare and wait for.</summary>
internal static unsafe class CountNotifies
{
    internal static void Create(nint* handle, ulong flag)
    {
        Check.NotNull(handle, "cntNotify");
        Check.That(flag <= 1, AclError.RtParamInvalid, $"flag is 0x{flag:x}; expected 0 or 1.");
        Device device = Current.Device;
        *handle = HandleTable.Add(HandleKind.CntNotify, new CountNotify(device, device.TakeNotify()));
    }

    internal static void Destroy(CountNotifyHandle handle)
    {
        CountNotify notify = Get(handle);
        if (!HandleTable.Remove(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "counting notify");
        }
        notify.Device.ReturnNotify(notify.Id);
    }

    internal static void Record(CountNotifyHandle handle, StreamHandle stream, aclrtCntNotifyRecordInfo* info)
    {
        CheckNotNull(handle);
        Check.NotNull(info, nameof(info));
        CountNotify notify = handle.Get();
        (aclrtCntNotifyRecordMode mode, uint value) = (info->mode, info->value);
        Check.That((int)mode is 0 or 1 or 2 or 4, AclError.RtParamInvalid, $"info->mode is {(int)mode}; expected a value of aclrtCntNotifyRecordMode: 0, 1, 2 or 4.");
        Current.Stream(stream).Submit(new Command { Kind = CommandKind.Task }, new ActionTask(() => notify.Record(mode, value)));
    }

    internal static void Wait(CountNotifyHandle handle, StreamHandle stream, aclrtCntNotifyWaitInfo* info)
    {
        CheckNotNull(handle);
        Check.NotNull(info, nameof(info));
        CountNotify notify = handle.Get();
        Check.That((int)info->mode is >= 0 and <= 4, AclError.RtParamInvalid, $"info->mode is {(int)info->mode}; expected a value of aclrtCntNotifyWaitMode, 0 to 4.");
        var comparison = new CountNotify.Comparison(notify, info->mode, info->value, info->isClear != 0);
        Current.Stream(stream).Submit(new Command { Kind = CommandKind.Task }, new WaitTask(Notifies.Limited(comparison, info->timeout)));
    }

    internal static void Reset(CountNotifyHandle handle, StreamHandle stream)
    {
        CountNotify notify = Get(handle);
        Current.Stream(stream).Submit(new Command { Kind = CommandKind.Task }, new ActionTask(() => notify.Record(aclrtCntNotifyRecordMode.ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, 0)));
    }

    internal static void GetId(CountNotifyHandle handle, uint* notifyId)
    {
        CountNotify notify = Get(handle);
        Check.NotNull(notifyId, nameof(notifyId));
        *notifyId = (uint)notify.Id;
    }

    private static CountNotify Get(CountNotifyHandle handle)
    {
        CheckNotNull(handle);
        return handle.Get();
    }

    private static void CheckNotNull(CountNotifyHandle handle) => Check.That(!handle.IsNull, AclError.InvalidParam, "cntNotify is NULL; give one of aclrtCntNotifyCreate.");
}
