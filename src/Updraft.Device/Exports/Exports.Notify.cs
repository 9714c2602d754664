namespace Updraft.Device;

// Notifies and counting notifies. Reference: docs/api/notifies.md
internal static unsafe partial class Exports
{
    static void aclrtCreateNotify(nint* notify, ulong flag) => Notifies.Create(notify, flag);
    static void aclrtDestroyNotify(NotifyHandle notify) => Notifies.Destroy(notify);
    static void aclrtRecordNotify(NotifyHandle notify, StreamHandle stream) => Notifies.Record(notify, stream);
    static void aclrtWaitAndResetNotify(NotifyHandle notify, StreamHandle stream, uint timeout) => Notifies.Wait(notify, stream, timeout);
    static void aclrtGetNotifyId(NotifyHandle notify, uint* notifyId) => Notifies.GetId(notify, notifyId);
    static AclError aclrtNotifyBatchReset(NotifyHandle* notifies, nuint num) => Notifies.ResetAll(notifies, num);

    static void aclrtCntNotifyCreate(nint* cntNotify, ulong flag) => CountNotifies.Create(cntNotify, flag);
    static void aclrtCntNotifyDestroy(CountNotifyHandle cntNotify) => CountNotifies.Destroy(cntNotify);
    static void aclrtCntNotifyRecord(CountNotifyHandle cntNotify, StreamHandle stream, aclrtCntNotifyRecordInfo* info) => CountNotifies.Record(cntNotify, stream, info);
    static void aclrtCntNotifyWaitWithTimeout(CountNotifyHandle cntNotify, StreamHandle stream, aclrtCntNotifyWaitInfo* info) => CountNotifies.Wait(cntNotify, stream, info);
    static void aclrtCntNotifyReset(CountNotifyHandle cntNotify, StreamHandle stream) => CountNotifies.Reset(cntNotify, stream);
    static void aclrtCntNotifyGetId(CountNotifyHandle cntNotify, uint* notifyId) => CountNotifies.GetId(cntNotify, notifyId);
}
