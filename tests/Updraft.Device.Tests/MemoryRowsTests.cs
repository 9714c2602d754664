using System.Globalization;

namespace Updraft.Device.Tests;

/// <summary>Rows of memory.md that belong to no larger story: peer access, links between devices, lists of servers, ranges, the memory of the process.</summary>
public sealed unsafe class MemoryRowsTests
{
    private const nuint MiB = 1 << 20;

    // memory.md 8, peer access: the order of the checks.
    [Theory]
    [InlineData("910b"), InlineData("910c"), InlineData("950"), InlineData("310p"), InlineData("910")]
    public void PeerAccess_ChecksInOrder_IsOneDirectional(string soc)
    {
        using var machine = new TestMachine(soc, setDevice: false);
        AclApi api = machine.Api;
        int value;
        machine.Returns(100000, api.aclrtDeviceCanAccessPeer(null, 9, 9));
        machine.Returns(107001, api.aclrtDeviceCanAccessPeer(null, 0, 9));
        machine.Returns(107001, api.aclrtDeviceCanAccessPeer(null, 9, 0));
        machine.Returns(107000, api.aclrtDeviceCanAccessPeer(null, 0, 1));
        machine.Ok(api.aclrtDeviceCanAccessPeer(&value, 0, 1)); // before any aclrtSetDevice
        Assert.Equal(1, value);
        machine.Returns(200006, api.aclrtDeviceEnablePeerAccess(1, 1)); // the flags come first
        machine.Returns(107002, api.aclrtDeviceEnablePeerAccess(1, 0));
        machine.Returns(107002, api.aclrtDeviceDisablePeerAccess(1));
        machine.Returns(100000, api.aclrtDevicePeerAccessStatus(0, 0, null));
        machine.Returns(100000, api.aclrtDevicePeerAccessStatus(0, 0, &value));
        machine.Returns(107001, api.aclrtDevicePeerAccessStatus(0, 9, &value));
        machine.Returns(107001, api.aclrtDevicePeerAccessStatus(9, 0, &value));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(100000, api.aclrtDeviceEnablePeerAccess(0, 0));
        machine.Returns(107001, api.aclrtDeviceEnablePeerAccess(9, 0));
        machine.Returns(100000, api.aclrtDeviceDisablePeerAccess(0));
        machine.Returns(107001, api.aclrtDeviceDisablePeerAccess(9));
        int Status(int device, int peer)
        {
            int status;
            machine.Ok(machine.Api.aclrtDevicePeerAccessStatus(device, peer, &status));
            return status;
        }
        Assert.Equal((0, 0), (Status(0, 1), Status(1, 0)));
        machine.Ok(api.aclrtDeviceEnablePeerAccess(1, 0));
        machine.Ok(api.aclrtDeviceEnablePeerAccess(1, 0));
        Assert.Equal((1, 0), (Status(0, 1), Status(1, 0)));
        machine.Ok(api.aclrtDeviceDisablePeerAccess(1));
        Assert.Equal(0, Status(0, 1));
        machine.Ok(api.aclrtDeviceEnablePeerAccess(1, 0));
        machine.Ok(api.aclrtResetDeviceForce(0));
        Assert.Equal(0, Status(0, 1)); // ends with the device
    }

    // Interface facts, chapter 11-05.
    [Fact]
    public void MemP2PMap_ChecksItsRange()
    {
        using var machine = new TestMachine();
        byte* device = machine.Device(4096), pinned = machine.Pinned(4096);
        machine.Returns(100000, machine.Api.aclrtMemP2PMap(null, 4096, 1, 0));
        machine.Returns(100000, machine.Api.aclrtMemP2PMap(device, 0, 1, 0));
        machine.Returns(107001, machine.Api.aclrtMemP2PMap(device, 4096, 9, 0));
        machine.Returns(107000, machine.Api.aclrtMemP2PMap(pinned, 4096, 1, 0));
        machine.Returns(107000, machine.Api.aclrtMemP2PMap(device, 8192, 1, 0));
        machine.Ok(machine.Api.aclrtMemP2PMap(device, 4096, 1, 0));
        machine.Ok(machine.Api.aclrtFree(device));
        machine.Returns(107000, machine.Api.aclrtMemP2PMap(device, 4096, 1, 0));
    }

    [Fact]
    public void MemGetAddressRange_EveryKindOfMemory()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* device = machine.Device(100), pinned = machine.Pinned(200), pageable = TestMachine.Pageable(64);
        void* managed, start;
        nuint size;
        machine.Ok(api.aclrtMemAllocManaged(&managed, 3 * MiB, 1));
        machine.Returns(100000, api.aclrtMemGetAddressRange(null, &start, &size));
        machine.Returns(100000, api.aclrtMemGetAddressRange(device, null, &size));
        machine.Returns(100000, api.aclrtMemGetAddressRange(device, &start, null));
        machine.Returns(107000, api.aclrtMemGetAddressRange(pageable, &start, &size));
        foreach ((nint memory, nuint bytes) in new[] { ((nint)device, (nuint)100), ((nint)pinned, (nuint)200), ((nint)managed, 3 * MiB) })
        {
            machine.Ok(api.aclrtMemGetAddressRange((byte*)memory + bytes - 1, &start, &size));
            Assert.Equal((memory, bytes), ((nint)start, size));
        }
        machine.Ok(api.aclrtFree(device));
        machine.Returns(107000, api.aclrtMemGetAddressRange(device, &start, &size));
    }

    // memory.md 6 on A3: lists of processes of servers. All servers are this machine here.
    [Fact]
    public void InterServerLists_SayWhoImports()
    {
        using var machine = new TestMachine("910c");
        using var peer = new MemoryPeer("910c");
        AclApi api = machine.Api;
        byte* device = machine.Device(4 * MiB), key = stackalloc byte[65], notifyKey = stackalloc byte[65];
        nint notify;
        machine.Ok(api.aclrtIpcMemGetExportKey(device, 4 * MiB, key, 65, 0));
        machine.Ok(api.aclrtCreateNotify(&notify, 0));
        string text = System.Text.Encoding.ASCII.GetString(key, 64);
        int* pids = stackalloc int[] { peer.ProcessId };
        aclrtServerPid* servers = stackalloc aclrtServerPid[] { new() { sdid = 1, pid = pids, num = 1 }, new() { sdid = 2, pid = pids, num = 1 } };
        Assert.Equal(207006, peer.Code($"import x {text} 0"));
        machine.Returns(100000, api.aclrtIpcMemImportPidInterServer(null, servers, 2));
        machine.Returns(100000, api.aclrtIpcMemImportPidInterServer(key, null, 2));
        machine.Returns(107000, api.aclrtIpcMemImportPidInterServer(key, servers, 0));
        servers[1].num = 0;
        machine.Returns(107000, api.aclrtIpcMemImportPidInterServer(key, servers, 2));
        servers[1].num = 1;
        machine.Ok(api.aclrtIpcMemImportPidInterServer(key, servers, 2));
        peer.Ok($"import x {text} 0");
        machine.Returns(207006, api.aclrtNotifySetImportPidInterServer(notify, servers, 2)); // not exported yet
        machine.Ok(api.aclrtNotifyGetExportKey(notify, notifyKey, 65, 0));
        string notifyText = System.Text.Encoding.ASCII.GetString(notifyKey, 64);
        Assert.Equal(207006, peer.Code($"import-notify n {notifyText}"));
        machine.Returns(100000, api.aclrtNotifySetImportPidInterServer(0, servers, 2));
        machine.Returns(100000, api.aclrtNotifySetImportPidInterServer(notify, null, 2));
        machine.Ok(api.aclrtNotifySetImportPidInterServer(notify, servers, 2));
        peer.Ok($"import-notify n {notifyText}");
    }

    // memory.md 5, export V2.
    [Fact]
    public void ExportV2_ChecksInOrder()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        aclrtPhysicalMemProp properties = new() { memAttr = aclrtMemAttr.ACL_HBM_MEM_HUGE, location = new() { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
        nint handle;
        aclrtMemFabricHandle fabric;
        machine.Ok(api.aclrtMallocPhysical(&handle, 2 * MiB, &properties, 0));
        int Export(nint physical, ulong flags, int type, void* target) => api.aclrtMemExportToShareableHandleV2(physical, flags, (aclrtMemSharedHandleType)type, target);
        machine.Returns(100000, Export(0, 2, 3, &fabric));
        machine.Returns(100000, Export(handle, 2, 3, null));
        machine.Returns(107000, Export(handle, 0, 3, &fabric));
        machine.Returns(107000, Export(handle, 0, 0, &fabric));
        machine.Returns(107000, Export(handle, 2, 2, &fabric));
        machine.Ok(Export(handle, 1, 2, &fabric));
        machine.Returns(107000, Export(handle, 1, 2, &fabric)); // once
        machine.Ok(api.aclrtFreePhysical(handle));
        machine.Returns(107017, Export(handle, 1, 2, &fabric));
    }

    // Issue 6: memory is returned to the system on reset.
    [Theory]
    [InlineData(4096), InlineData(1 << 20), InlineData(32 << 20)]
    public void Reset_GivesTheMemoryBackToTheSystem(int size)
    {
        using var machine = new TestMachine();
        const long total = 256 << 20;
        for (long taken = 0; taken < total; taken += size)
        {
            machine.Ok(machine.Api.aclrtMemset(machine.Device((nuint)size), (nuint)size, 1, (nuint)size));
        }
        long before = Resident();
        machine.Ok(machine.Api.aclrtResetDevice(0));
        Assert.InRange(before - Resident(), total * 9 / 10, long.MaxValue);
    }

    private static long Resident() => long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
