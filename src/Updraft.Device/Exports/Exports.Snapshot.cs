namespace Updraft.Device;

// Snapshots of the process. Reference: docs/api/snapshots.md
internal static unsafe partial class Exports
{
    static void aclrtSnapShotProcessLock(int pid, void* reserve) => Snapshots.Lock(pid, reserve);
    static void aclrtSnapShotProcessUnlock(int pid, void* reserve) => Snapshots.Unlock(pid, reserve);
    static void aclrtSnapShotProcessBackup(int pid, aclrtSnapShotBackupArgs* args) => Snapshots.Backup(pid, args);
    static void aclrtSnapShotProcessRestore(int pid, aclrtSnapShotRestoreArgs* args) => Snapshots.Restore(pid, args);
    static void aclrtSnapShotCallbackRegister(aclrtSnapShotStage stage, nint callback, void* args) => Snapshots.Register(stage, callback, args);
    static void aclrtSnapShotCallbackUnregister(aclrtSnapShotStage stage, nint callback) => Snapshots.Unregister(stage, callback);
}
