using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft.Device.Tests;

/// <summary>Interface facts, chapter 21: a process locks its devices, backs their memory up, restores and unlocks.</summary>
public sealed unsafe class SnapshotTests
{
    private const nuint MiB = 1 << 20;
    private const aclrtSnapShotStage LockPre = 0, BackupPre = (aclrtSnapShotStage)1, BackupPost = (aclrtSnapShotStage)2, RestorePre = (aclrtSnapShotStage)3, RestorePost = (aclrtSnapShotStage)4, UnlockPost = (aclrtSnapShotStage)5;

    private static int Me => Environment.ProcessId;

    private static int Backup(TestMachine machine)
    {
        aclrtSnapShotBackupArgs args = default;
        return machine.Api.aclrtSnapShotProcessBackup(Me, &args);
    }

    private static int Restore(TestMachine machine)
    {
        aclrtSnapShotRestoreArgs args = default;
        return machine.Api.aclrtSnapShotProcessRestore(Me, &args);
    }

    [Theory]
    [InlineData("910b", "threads"), InlineData("910c", "eager"), InlineData("950", "late"), InlineData("910b", "random:3")]
    public void Restore_BringsTheBytesBack(string soc, string schedule)
    {
        using var machine = new TestMachine(soc, schedule);
        AclApi api = machine.Api;
        byte* small = machine.Device(4096), large = machine.Device(5 * MiB), untouched = machine.Device(3 * MiB), host = machine.Pinned(5 * MiB, 7);
        aclrtPhysicalMemProp properties = new() { memAttr = aclrtMemAttr.ACL_HBM_MEM_HUGE, location = new() { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
        nint handle, stream = machine.Stream();
        void* mapped;
        machine.Ok(api.aclrtMallocPhysical(&handle, 2 * MiB, &properties, 0));
        machine.Ok(api.aclrtReserveMemAddress(&mapped, 2 * MiB, 0, null, 0));
        machine.Ok(api.aclrtMapMem(mapped, 2 * MiB, 0, handle, 0));
        machine.Ok(api.aclrtFreePhysical(handle));
        machine.Ok(api.aclrtMemset(mapped, 2 * MiB, 5, 100));
        machine.Write(small, [1, 2, 3]);
        machine.Ok(api.aclrtMemcpyAsync(large, 5 * MiB, host, 5 * MiB, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream)); // the lock waits for it
        machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
        machine.Ok(Backup(machine));
        // What the memory holds is changed behind the interface, as a device that was taken away would.
        foreach (byte* memory in new[] { small, large + 3 * MiB, untouched, (byte*)mapped })
        {
            ((byte*)AddressSpace.Backing((nuint)memory))[1] = 99;
        }
        machine.Ok(Restore(machine));
        machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
        Assert.Equal([1, 2, 3], machine.Read(small, 3));
        Assert.Equal(-1, machine.Read(large, (int)(5 * MiB)).AsSpan().IndexOfAnyExcept((byte)7));
        Assert.Equal([0, 0], machine.Read(untouched, 2));
        Assert.Equal([5, 5], machine.Read(mapped, 2));
    }

    [Fact]
    public void Locked_NewWorkOfOtherThreadsWaits()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* device = machine.Device(4096), host = machine.Pinned(4096, 1);
        nint stream = machine.Stream();
        machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
        var started = new CountdownEvent(2);
        int ended = 0, failed = 0;
        var threads = new[]
        {
            () => api.aclrtMemcpyAsync(device, 4096, host, 4096, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream),
            () => api.aclrtMemset(device, 4096, 1, 4096),
        }.Select(call => new Thread(() =>
        {
            _ = api.aclrtSetDevice(0);
            started.Signal();
            Interlocked.Add(ref failed, call());
            Interlocked.Increment(ref ended);
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Assert.True(started.Wait(TimeSpan.FromSeconds(30)));
        machine.Ok(Backup(machine));
        // None of them has come through: the device still holds what it held. The thread that locked is told instead of waiting for itself.
        machine.Returns(507906, api.aclrtMemcpyAsync(device, 4096, host, 4096, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
        machine.Returns(507906, api.aclrtMemset(device, 4096, 9, 4096));
        Assert.Contains("aclrtSnapShotProcessUnlock", machine.Message());
        nint created;
        machine.Ok(api.aclrtCreateStream(&created)); // a stream made meanwhile is held too
        machine.Returns(507906, api.aclrtMemcpyAsync(device, 4096, host, 4096, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, created));
        Assert.Equal(0, *(byte*)AddressSpace.Backing((nuint)device));
        Assert.Equal(0, Volatile.Read(ref ended));
        void* allocated;
        machine.Ok(api.aclrtMalloc(&allocated, 4096, 0)); // memory may be taken and given back
        machine.Ok(api.aclrtFree(allocated));
        machine.Ok(api.aclrtSynchronizeStream(stream));
        machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal((2, 0), (ended, failed));
        machine.Ok(api.aclrtSynchronizeDevice());
        Assert.Equal(1, machine.Read(device, 1)[0]);
        machine.Ok(api.aclrtMemcpyAsync(device, 4096, host, 4096, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, created));
        machine.Ok(api.aclrtSynchronizeStream(created));
    }

    /// <summary>Threads that copy, fill and submit without a pause: between lock and unlock nothing of theirs arrives, and afterwards they go on.</summary>
    [Theory]
    [InlineData("threads"), InlineData("random:4")]
    public void Locked_UnderFire_NothingMoves(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        AclApi api = machine.Api;
        const int bytes = 256 << 10;
        nint[] devices = new nint[4];
        for (int index = 0; index < devices.Length; index++)
        {
            devices[index] = (nint)machine.Device(bytes);
        }
        byte* host = machine.Pinned(bytes, 1);
        bool ends = false;
        int failed = 0;
        long calls = 0;
        Thread[] threads = [.. Enumerable.Range(0, devices.Length).Select(number => new Thread(() =>
        {
            nint stream;
            int code = api.aclrtSetDevice(0) + api.aclrtCreateStream(&stream);
            byte* device = (byte*)devices[number];
            for (int turn = 0; !Volatile.Read(ref ends) && code == 0; turn++)
            {
                code = number switch
                {
                    0 => api.aclrtMemset(device, bytes, turn & 255, bytes),
                    1 => api.aclrtMemcpy(device, bytes, host, bytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE),
                    2 => api.aclrtMemsetAsync(device, bytes, turn & 255, bytes, stream) + (turn % 8 == 0 ? api.aclrtSynchronizeStream(stream) : 0),
                    _ => api.aclrtMemcpy2d(device, 64, host, 64, 32, 1000, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE) + api.aclrtMemsetD32(device, bytes, (uint)turn, bytes / 4),
                };
                Interlocked.Increment(ref calls);
            }
            Interlocked.Add(ref failed, code);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        byte[] Seen() => [.. devices.SelectMany(device => new ReadOnlySpan<byte>(AddressSpace.Backing((nuint)device), bytes).ToArray())];
        for (int round = 0; round < 20; round++)
        {
            machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
            byte[] before = Seen();
            machine.Ok(Backup(machine));
            machine.Ok(Restore(machine));
            Assert.Equal(before, Seen());
            long during = Interlocked.Read(ref calls);
            machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
            Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref calls) >= during + 2 * devices.Length, TimeSpan.FromSeconds(30)), "nobody went on");
        }
        Volatile.Write(ref ends, true);
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(0, failed);
    }

    [Fact]
    public void Locked_ACaptureGoesOnAfterwards()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* device = machine.Device(4096), host = machine.Pinned(4096, 3);
        nint stream = machine.Stream(), model;
        machine.Ok(api.aclmdlRICaptureBegin(stream, aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_RELAXED));
        machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
        machine.Returns(507906, api.aclrtMemcpyAsync(device, 4096, host, 4096, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
        machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
        machine.Ok(api.aclrtMemcpyAsync(device, 4096, host, 4096, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
        machine.Ok(api.aclmdlRICaptureEnd(stream, &model));
        Assert.Equal(0, machine.Read(device, 1)[0]); // recorded, not run
        machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
        machine.Ok(api.aclrtSynchronizeStream(stream));
        Assert.Equal(3, machine.Read(device, 1)[0]);
    }

    [Theory]
    [InlineData("threads"), InlineData("late")]
    public void Lock_DevicesThatNeverRest_TimeOut(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), notify;
        machine.Ok(api.aclrtCreateNotify(&notify, 0));
        machine.Ok(api.aclrtWaitAndResetNotify(notify, stream, 0));
        machine.Returns(507905, api.aclrtSnapShotProcessLock(Me, null));
        machine.Returns(507908, Backup(machine)); // not locked
        machine.Ok(api.aclrtRecordNotify(notify, 0)); // and not held
        machine.Ok(api.aclrtSynchronizeStream(stream));
        machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
        machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
    }

    [Fact]
    public void WrongOrder_IsRefused()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        machine.Returns(507907, api.aclrtSnapShotProcessUnlock(Me, null));
        machine.Returns(507908, Backup(machine));
        machine.Returns(507909, Restore(machine));
        machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
        machine.Returns(507906, api.aclrtSnapShotProcessLock(Me, null));
        Assert.Contains("it is locked", machine.Message());
        machine.Returns(507909, Restore(machine)); // no backup yet
        machine.Ok(Backup(machine));
        machine.Ok(Restore(machine));
        machine.Ok(Restore(machine));
        machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
        machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
        machine.Returns(507909, Restore(machine)); // the backup ended with the unlock
        machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
    }

    [Fact]
    public void Arguments()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        using var other = new MemoryPeer();
        aclrtSnapShotBackupArgs backup = default;
        aclrtSnapShotRestoreArgs restore = default;
        byte some;
        machine.Returns(100000, api.aclrtSnapShotProcessLock(Me, &some));
        machine.Returns(100000, api.aclrtSnapShotProcessUnlock(Me, &some));
        machine.Returns(100000, api.aclrtSnapShotProcessBackup(Me, null));
        machine.Returns(100000, api.aclrtSnapShotProcessRestore(Me, null));
        backup.backupFlags = 1;
        machine.Returns(100000, api.aclrtSnapShotProcessBackup(Me, &backup));
        restore.reserved[59] = 1;
        machine.Returns(100000, api.aclrtSnapShotProcessRestore(Me, &restore));
        machine.Returns(107000, api.aclrtSnapShotProcessLock(0, null));
        machine.Returns(107000, api.aclrtSnapShotProcessLock(-1, null));
        machine.Returns(207000, api.aclrtSnapShotProcessLock(other.ProcessId, null)); // of itself only
        machine.Returns(100000, api.aclrtSnapShotCallbackRegister((aclrtSnapShotStage)6, 0, null));
        machine.Returns(100000, api.aclrtSnapShotCallbackRegister(LockPre, 0, null));
        machine.Returns(100000, api.aclrtSnapShotCallbackUnregister(LockPre, 0));
        machine.Returns(107000, api.aclrtSnapShotCallbackUnregister(LockPre, First));
        machine.Ok(api.aclrtSnapShotCallbackRegister(LockPre, First, null));
        machine.Returns(507913, api.aclrtSnapShotCallbackRegister(LockPre, First, &some));
        machine.Ok(api.aclrtSnapShotCallbackRegister(BackupPre, First, null)); // another stage
        machine.Ok(api.aclrtSnapShotCallbackUnregister(LockPre, First));
        machine.Returns(107000, api.aclrtSnapShotCallbackUnregister(LockPre, First));
    }

    [Fact]
    public void Callbacks_EveryStage_EveryDevice_InOrder()
    {
        using var machine = new TestMachine(devices: 3);
        AclApi api = machine.Api;
        machine.Ok(api.aclrtSetDevice(2));
        s_calls.Clear();
        s_failsAt = -1;
        for (int stage = 0; stage <= 5; stage++)
        {
            machine.Ok(api.aclrtSnapShotCallbackRegister((aclrtSnapShotStage)stage, First, (void*)(10 * stage)));
            machine.Ok(api.aclrtSnapShotCallbackRegister((aclrtSnapShotStage)stage, Second, (void*)(10 * stage + 1)));
        }
        machine.Ok(api.aclrtSnapShotProcessLock(Me, null));
        machine.Ok(Backup(machine));
        machine.Ok(Restore(machine));
        machine.Ok(api.aclrtSnapShotProcessUnlock(Me, null));
        // Device 1 is not in use.
        Assert.Equal(Enumerable.Range(0, 6).SelectMany(stage => new[] { (0, 10 * stage), (0, 10 * stage + 1), (2, 10 * stage), (2, 10 * stage + 1) }), s_calls);
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void Callbacks_OneThatFails_EndsItsStage(int stage)
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        s_calls.Clear();
        s_failsAt = stage;
        for (int number = 0; number <= 5; number++)
        {
            machine.Ok(api.aclrtSnapShotCallbackRegister((aclrtSnapShotStage)number, First, (void*)number));
        }
        int Expect(params int[] stages) => stages.Contains(stage) ? 507912 : 0;
        machine.Returns(Expect(0), api.aclrtSnapShotProcessLock(Me, null));
        if (stage == 0)
        {
            machine.Returns(507908, Backup(machine)); // not locked
            return;
        }
        machine.Returns(Expect(1, 2), Backup(machine));
        if (stage is 1 or 2)
        {
            machine.Returns(507909, Restore(machine)); // there is no backup
            s_failsAt = -1;
            machine.Ok(Backup(machine));
        }
        machine.Returns(Expect(3, 4), Restore(machine));
        s_failsAt = stage == 5 ? 5 : -1;
        machine.Ok(Restore(machine));
        machine.Returns(Expect(5), api.aclrtSnapShotProcessUnlock(Me, null));
        machine.Returns(507907, api.aclrtSnapShotProcessUnlock(Me, null)); // it is unlocked in any case
    }

    [Theory]
    [InlineData("Ascend950DT_9591", 207000), InlineData("Ascend950PR_9599", 0), InlineData("310b", 207000), InlineData("310p", 207000), InlineData("910", 207000)]
    public void Chips(string soc, int code)
    {
        using var machine = new TestMachine(soc);
        machine.Returns(code, machine.Api.aclrtSnapShotProcessLock(Me, null));
        nint notify;
        machine.Ok(machine.Api.aclrtCreateNotify(&notify, 0));
        byte* key = stackalloc byte[65];
        // What else the lesser 950 lacks: notifies and events of other processes.
        machine.Returns(soc is "Ascend950DT_9591" or "310b" ? 207000 : 0, machine.Api.aclrtNotifyGetExportKey(notify, key, 65, 2));
    }

    private static readonly List<(int Device, int Argument)> s_calls = [];
    private static int s_failsAt;

    private static nint First => (nint)(delegate* unmanaged[Cdecl]<int, void*, uint>)&Note;
    private static nint Second => (nint)(delegate* unmanaged[Cdecl]<int, void*, uint>)&NoteToo;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static uint Note(int device, void* argument)
    {
        s_calls.Add((device, (int)argument));
        return (int)argument == s_failsAt ? 3u : 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static uint NoteToo(int device, void* argument)
    {
        s_calls.Add((device, (int)argument));
        return 0;
    }
}
