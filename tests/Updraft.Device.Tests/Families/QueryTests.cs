using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device.Tests;

/// <summary>Chapters 03, 04 (queries), 24: what is asked about devices, and what is kept for whoever asks later.</summary>
public sealed unsafe class FamiliesQueryTests
{
    private const int Missing = 207000;

    [Theory]
    [InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_AICORE_CORE_NUM, 20), InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_CUBE_CORE_NUM, 20), InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_VECTOR_CORE_NUM, 40)]
    [InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_L2_CACHE_SIZE, 192L << 20), InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_TOTAL_GLOBAL_MEM_SIZE, 64L << 30)]
    [InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_PHY_CHIP_ID, 1), InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_IS_VIRTUAL, 0), InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_NPU_ARCH, 2201)]
    [InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_HD_CONNECT_TYPE, 0), InlineData("910c", aclrtDevAttr.ACL_DEV_ATTR_HD_CONNECT_TYPE, 1), InlineData("950", aclrtDevAttr.ACL_DEV_ATTR_HD_CONNECT_TYPE, 2)]
    [InlineData("950", aclrtDevAttr.ACL_DEV_ATTR_NPU_ARCH, 3510), InlineData("310p", aclrtDevAttr.ACL_DEV_ATTR_NPU_ARCH, 2002), InlineData("910", aclrtDevAttr.ACL_DEV_ATTR_NPU_ARCH, 1001)]
    [InlineData("310p", aclrtDevAttr.ACL_DEV_ATTR_AICORE_CORE_NUM, 8), InlineData("310p", aclrtDevAttr.ACL_DEV_ATTR_VECTOR_CORE_NUM, 7)]
    public void DeviceInfo_OfTheProfile_IsAnswered(string soc, aclrtDevAttr attribute, long expected)
    {
        using var machine = new TestMachine(soc);
        long value;
        machine.Ok(machine.Api.aclrtGetDeviceInfo(1, attribute, &value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_AICPU_CORE_NUM), InlineData("910b", aclrtDevAttr.ACL_DEV_ATTR_SUPER_POD_ID), InlineData("950", aclrtDevAttr.ACL_DEV_ATTR_L2_CACHE_SIZE)]
    [InlineData("950", aclrtDevAttr.ACL_DEV_ATTR_WARP_SIZE), InlineData("310b", aclrtDevAttr.ACL_DEV_ATTR_L2_CACHE_SIZE), InlineData("310b", aclrtDevAttr.ACL_DEV_ATTR_HD_CONNECT_TYPE)]
    public void DeviceInfo_NotInTheProfile_IsRefusedAndLeavesTheValue(string soc, aclrtDevAttr attribute)
    {
        using var machine = new TestMachine(soc);
        long value = -7;
        machine.Returns(Missing, machine.Api.aclrtGetDeviceInfo(0, attribute, &value));
        Assert.Equal(-7, value);
        Assert.Equal(0, machine.Api.aclrtGetLastError(0));
    }

    [Fact]
    public void DeviceInfo_WrongDeviceOrAttribute_ReturnsTheCodes()
    {
        using var machine = new TestMachine();
        long value;
        machine.Returns(107001, machine.Api.aclrtGetDeviceInfo(2, aclrtDevAttr.ACL_DEV_ATTR_AICORE_CORE_NUM, &value));
        machine.Returns(107001, machine.Api.aclrtGetDeviceInfo(uint.MaxValue, aclrtDevAttr.ACL_DEV_ATTR_AICORE_CORE_NUM, &value));
        Assert.Equal(107001, machine.Api.aclrtGetLastError(0));
        machine.Returns(100000, machine.Api.aclrtGetDeviceInfo(0, (aclrtDevAttr)2, &value));
    }

    [Theory]
    [InlineData("910b", 0, 20), InlineData("910b", 1, 40), InlineData("910b", 2, 192 << 20), InlineData("910c", 0, 24), InlineData("910", 2, 32 << 20)]
    public void Capability_OfTheProfile_IsAnswered(string soc, int info, long expected)
    {
        using var machine = new TestMachine(soc);
        long value;
        machine.Ok(machine.Api.aclGetDeviceCapability(0, (aclDeviceInfo)info, &value));
        Assert.Equal(expected, value);
    }

    [Fact]
    public void Capability_WrongArguments_ReturnTheCodes()
    {
        using var machine = new TestMachine("950");
        long value;
        machine.Returns(Missing, machine.Api.aclGetDeviceCapability(0, aclDeviceInfo.ACL_DEVICE_INFO_L2_SIZE, &value));
        machine.Returns(100000, machine.Api.aclGetDeviceCapability(0, aclDeviceInfo.ACL_DEVICE_INFO_UNDEFINED, &value));
        machine.Returns(100000, machine.Api.aclGetDeviceCapability(0, (aclDeviceInfo)3, &value));
        machine.Returns(107001, machine.Api.aclGetDeviceCapability(9, aclDeviceInfo.ACL_DEVICE_INFO_AI_CORE_NUM, &value));
    }

    [Fact]
    public void Features_AreNotAnnounced()
    {
        using var machine = new TestMachine();
        int value = -1;
        machine.Ok(machine.Api.aclrtGetDeviceCapability(0, aclrtDevFeatureType.ACL_FEATURE_TSCPU_TASK_UPDATE_SUPPORT_AIC_AIV, &value));
        Assert.Equal(0, value);
        machine.Ok(machine.Api.aclrtGetDeviceCapability(0, aclrtDevFeatureType.ACL_FEATURE_SYSTEM_MEMQ_EVENT_CROSS_DEV, &value));
        machine.Returns(100000, machine.Api.aclrtGetDeviceCapability(0, (aclrtDevFeatureType)2, &value));
        machine.Returns(107001, machine.Api.aclrtGetDeviceCapability(-1, aclrtDevFeatureType.ACL_FEATURE_TSCPU_TASK_UPDATE_SUPPORT_AIC_AIV, &value));
    }

    [Theory]
    [InlineData("910b", 1, 1), InlineData("910c", 1, 1), InlineData("950", 1, 1), InlineData("310b", 0, 1), InlineData("310p", 0, 1), InlineData("910", 0, 1)]
    public void CannAttributes_PerChip(string soc, int bfloat16, int compile)
    {
        using var machine = new TestMachine(soc);
        aclCannAttr* list;
        nuint count;
        machine.Ok(machine.Api.aclGetCannAttributeList(&list, &count));
        Assert.Equal([aclCannAttr.ACL_CANN_ATTR_INF_NAN, aclCannAttr.ACL_CANN_ATTR_BF16, aclCannAttr.ACL_CANN_ATTR_JIT_COMPILE], new Span<aclCannAttr>(list, (int)count).ToArray());
        int value;
        machine.Ok(machine.Api.aclGetCannAttribute(aclCannAttr.ACL_CANN_ATTR_BF16, &value));
        Assert.Equal(bfloat16, value);
        machine.Ok(machine.Api.aclGetCannAttribute(aclCannAttr.ACL_CANN_ATTR_INF_NAN, &value));
        Assert.Equal(bfloat16, value);
        machine.Ok(machine.Api.aclGetCannAttribute(aclCannAttr.ACL_CANN_ATTR_JIT_COMPILE, &value));
        Assert.Equal(compile, value);
        machine.Returns(100000, machine.Api.aclGetCannAttribute(aclCannAttr.ACL_CANN_ATTR_UNDEFINED, &value));
    }

    [Fact]
    public void Utilization_CoresIdle_MemoryFollowsAllocations()
    {
        using var machine = new TestMachine(deviceMemory: "1G");
        var info = new aclrtUtilizationInfo { cubeUtilization = -1, vectorUtilization = -1, aicpuUtilization = -1, memoryUtilization = -1 };
        machine.Ok(machine.Api.aclrtGetDeviceUtilizationRate(0, &info));
        Assert.Equal((0, 0, 0, 0), (info.cubeUtilization, info.vectorUtilization, info.aicpuUtilization, info.memoryUtilization));
        machine.Device(512 << 20);
        machine.Ok(machine.Api.aclrtGetDeviceUtilizationRate(0, &info));
        Assert.InRange(info.memoryUtilization, 50, 51);
        machine.Ok(machine.Api.aclrtGetDeviceUtilizationRate(1, &info));
        Assert.Equal(0, info.memoryUtilization);
        machine.Returns(107001, machine.Api.aclrtGetDeviceUtilizationRate(2, &info));
    }

    [Fact]
    public void Status_Priorities_Tgid()
    {
        using var machine = new TestMachine();
        aclrtDeviceStatus status = aclrtDeviceStatus.ACL_RT_DEVICE_STATUS_END;
        machine.Ok(machine.Api.aclrtQueryDeviceStatus(1, &status));
        Assert.Equal(aclrtDeviceStatus.ACL_RT_DEVICE_STATUS_NORMAL, status);
        machine.Returns(107001, machine.Api.aclrtQueryDeviceStatus(2, &status));
        int least, greatest, pid;
        machine.Ok(machine.Api.aclrtDeviceGetStreamPriorityRange(&least, &greatest));
        Assert.Equal((7, 0), (least, greatest));
        machine.Ok(machine.Api.aclrtDeviceGetBareTgid(&pid));
        Assert.Equal(Environment.ProcessId, pid);
    }

    [Fact]
    public void Uuid_SameDeviceSameBytes_OthersDiffer()
    {
        using var machine = new TestMachine();
        aclrtUuid first, again, other;
        machine.Ok(machine.Api.aclrtDeviceGetUuid(0, &first));
        machine.Ok(machine.Api.aclrtDeviceGetUuid(0, &again));
        machine.Ok(machine.Api.aclrtDeviceGetUuid(1, &other));
        Assert.Equal(new Span<byte>(&first, 16).ToArray(), new Span<byte>(&again, 16).ToArray());
        Assert.NotEqual(new Span<byte>(&first, 16).ToArray(), new Span<byte>(&other, 16).ToArray());
        machine.Returns(107001, machine.Api.aclrtDeviceGetUuid(2, &first));
    }

    [Fact]
    public void PciBusId_ThereAndBack()
    {
        using var machine = new TestMachine(devices: 40);
        byte* text = stackalloc byte[13];
        int device;
        for (int id = 0; id < 40; id++)
        {
            machine.Ok(machine.Api.aclrtDeviceGetPCIBusId(id, text, 13));
            machine.Ok(machine.Api.aclrtDeviceGetByPCIBusId(text, &device));
            Assert.Equal(id, device);
        }
        Assert.Equal("ff00:01:07.0", Marshal.PtrToStringUTF8((nint)text));
        machine.Returns(107000, machine.Api.aclrtDeviceGetPCIBusId(0, text, 12));
        machine.Returns(100000, machine.Api.aclrtDeviceGetPCIBusId(0, text, 0));
        machine.Returns(107001, machine.Api.aclrtDeviceGetPCIBusId(40, text, 13));
        fixed (byte* wrong = "0000:81:00.0\0"u8)
        {
            machine.Returns(107001, machine.Api.aclrtDeviceGetByPCIBusId(wrong, &device));
        }
    }

    [Theory]
    [InlineData("910b", 0, 1, AclConstants.ACL_RT_DEVS_TOPOLOGY_HCCS)]
    [InlineData("910c", 0, 1, AclConstants.ACL_RT_DEVS_TOPOLOGY_SIO), InlineData("910c", 1, 2, AclConstants.ACL_RT_DEVS_TOPOLOGY_HCCS_SW)]
    [InlineData("910", 0, 3, AclConstants.ACL_RT_DEVS_TOPOLOGY_HCCS), InlineData("910", 3, 4, AclConstants.ACL_RT_DEVS_TOPOLOGY_SYS)]
    [InlineData("310p", 0, 5, AclConstants.ACL_RT_DEVS_TOPOLOGY_PHB)]
    public void Topology_OfTheUsualServer(string soc, uint one, uint other, ulong expected)
    {
        using var machine = new TestMachine(soc, devices: 8);
        ulong value;
        machine.Ok(machine.Api.aclrtGetDevicesTopo(one, other, &value));
        Assert.Equal(expected, value);
        machine.Ok(machine.Api.aclrtGetDevicesTopo(other, one, &value));
        Assert.Equal(expected, value);
        machine.Returns(100000, machine.Api.aclrtGetDevicesTopo(one, one, &value));
        machine.Returns(107001, machine.Api.aclrtGetDevicesTopo(one, 8, &value));
    }

    [Fact]
    public void Topology_NotInTheProfile_IsRefused()
    {
        using var machine = new TestMachine("950");
        ulong value;
        machine.Returns(Missing, machine.Api.aclrtGetDevicesTopo(0, 1, &value));
    }

    /// <summary>exports.md 4: an ascending list, renumbered from 0; what follows the first bad entry is ignored.</summary>
    [Theory]
    [InlineData(null, new[] { 0, 1, 2, 3, 4, 5, 6, 7 }), InlineData("1,3,6", new[] { 1, 3, 6 }), InlineData("2,1,5", new[] { 2 }), InlineData("7,8,9", new[] { 7 })]
    public void DeviceNumbers_FollowTheVisibleDevices(string? visible, int[] logic)
    {
        Environment.SetEnvironmentVariable("ASCEND_RT_VISIBLE_DEVICES", visible);
        try
        {
            using var machine = new TestMachine(devices: 8);
            AclApi api = machine.Api;
            int value;
            for (int user = 0; user < logic.Length; user++)
            {
                machine.Ok(api.aclrtGetLogicDevIdByUserDevId(user, &value));
                Assert.Equal(logic[user], value);
                machine.Ok(api.aclrtGetPhyDevIdByUserDevId(user, &value));
                Assert.Equal(logic[user], value);
                machine.Ok(api.aclrtGetUserDevIdByLogicDevId(logic[user], &value));
                Assert.Equal(user, value);
                machine.Ok(api.aclrtGetUserDevIdByPhyDevId(logic[user], &value));
                Assert.Equal(user, value);
            }
            machine.Returns(107001, api.aclrtGetLogicDevIdByUserDevId(logic.Length, &value));
            machine.Returns(107001, api.aclrtGetPhyDevIdByUserDevId(-1, &value));
            for (int id = 0; id < 8; id++)
            {
                machine.Ok(api.aclrtGetPhyDevIdByLogicDevId(id, &value));
                Assert.Equal(id, value);
                machine.Ok(api.aclrtGetLogicDevIdByPhyDevId(id, &value));
                Assert.Equal(id, value);
                machine.Returns(logic.Contains(id) ? 0 : 107001, api.aclrtGetUserDevIdByLogicDevId(id, &value));
            }
            machine.Returns(107001, api.aclrtGetPhyDevIdByLogicDevId(8, &value));
            machine.Returns(107001, api.aclrtGetUserDevIdByPhyDevId(-1, &value));
        }
        finally
        {
            Environment.SetEnvironmentVariable("ASCEND_RT_VISIBLE_DEVICES", null);
        }
    }

    [Theory]
    [InlineData("910b", 1), InlineData("950", 1), InlineData("310p", 0), InlineData("910", 0)]
    public void SatMode_IsKeptPerDevice(string soc, int before)
    {
        using var machine = new TestMachine(soc);
        aclrtFloatOverflowMode mode;
        machine.Ok(machine.Api.aclrtGetDeviceSatMode(&mode));
        Assert.Equal((aclrtFloatOverflowMode)before, mode);
        machine.Returns(before == 1 ? 0 : Missing, machine.Api.aclrtSetDeviceSatMode(aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_INFNAN));
        machine.Ok(machine.Api.aclrtSetDeviceSatMode(aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_SATURATION));
        machine.Ok(machine.Api.aclrtGetDeviceSatMode(&mode));
        Assert.Equal(aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_SATURATION, mode);
        machine.Returns(100000, machine.Api.aclrtSetDeviceSatMode(aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_UNDEF));
        machine.Ok(machine.Api.aclrtSetDevice(1));
        machine.Ok(machine.Api.aclrtGetDeviceSatMode(&mode));
        Assert.Equal((aclrtFloatOverflowMode)before, mode);
    }

    [Fact]
    public void OverflowStatus_IsZero_InStreamOrder()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        byte* status = machine.Device(64);
        machine.Write(status, Enumerable.Repeat((byte)9, 64).ToArray());
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtGetOverflowStatus(status, 64, stream));
        machine.Ok(machine.Api.aclrtResetOverflowStatus(stream));
        Assert.All(machine.Read(status, 64), value => Assert.Equal(9, value));
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.All(machine.Read(status, 64), value => Assert.Equal(0, value));
        machine.Returns(100000, machine.Api.aclrtGetOverflowStatus(status, 0, stream));
    }

    [Fact]
    public void WithoutContext_TheCallsThatNeedOneReturn107002()
    {
        using var machine = new TestMachine("310p", setDevice: false);
        AclApi api = machine.Api;
        aclrtFloatOverflowMode mode;
        long option;
        uint value;
        int status;
        machine.Returns(107002, api.aclrtGetDeviceSatMode(&mode));
        machine.Returns(107002, api.aclrtSetDeviceSatMode(aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_SATURATION));
        machine.Returns(107002, api.aclrtCtxGetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, &option));
        machine.Returns(107002, api.aclrtCtxSetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, 1));
        machine.Returns(107002, api.aclrtGetResInCurrentThread(aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE, &value));
        machine.Returns(107002, api.aclrtUseStreamResInCurrentThread(0));
        machine.Returns(107002, api.aclrtGetOverflowStatus(&status, 4, 0));
        machine.Returns(107002, api.aclrtResetOverflowStatus(0));
        machine.Returns(107002, api.aclrtSetTsDevice(aclrtTsId.ACL_TS_ID_AICORE));
        machine.Returns(107002, api.aclrtGetGroupCount(&value));
        machine.Returns(107002, api.aclrtSetGroup(0));
        machine.Returns(107002, api.aclprofMarkEx((byte*)&status, 1, 0));
        machine.Returns(107002, api.aclrtProfTrace(&status, 4, 0));
        Assert.Equal(107002, api.aclrtGetLastError(0));
        // And those that do not.
        machine.Ok(api.aclrtGetDeviceResLimit(0, aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE, &value));
        machine.Ok(api.aclrtSetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, 1));
    }

    [Theory]
    [InlineData(0, 0), InlineData(1, 0), InlineData(2, 100000), InlineData(-1, 100000)]
    public void TsDevice_OfEachId(int id, int expected)
    {
        using var machine = new TestMachine();
        machine.Returns(expected, machine.Api.aclrtSetTsDevice((aclrtTsId)id));
    }

    [Fact]
    public void SysParam_OfProcess_NotSetThenKept()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        long value;
        for (int option = 0; option < 4; option++)
        {
            machine.Returns(107021, api.aclrtGetSysParamOpt((aclSysParamOpt)option, &value));
            machine.Ok(api.aclrtSetSysParamOpt((aclSysParamOpt)option, 1));
            machine.Ok(api.aclrtGetSysParamOpt((aclSysParamOpt)option, &value));
            Assert.Equal(1, value);
        }
        machine.Ok(api.aclrtSetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, 0));
        machine.Ok(api.aclrtGetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, &value));
        Assert.Equal(0, value);
        machine.Returns(107000, api.aclrtSetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, 2));
        machine.Returns(100000, api.aclrtSetSysParamOpt((aclSysParamOpt)4, 1));
        machine.Returns(100000, api.aclrtGetSysParamOpt((aclSysParamOpt)(-1), &value));
    }

    [Fact]
    public void SysParam_OfContext_IsTheContextsOwn()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        long value;
        machine.Ok(api.aclrtSetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, 1));
        machine.Returns(107021, api.aclrtCtxGetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, &value));
        machine.Ok(api.aclrtCtxSetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, 0));
        machine.Ok(api.aclrtCtxGetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, &value));
        Assert.Equal(0, value);
        nint other;
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107021, api.aclrtCtxGetSysParamOpt(aclSysParamOpt.ACL_OPT_DETERMINISTIC, &value));
        machine.Ok(api.aclrtDestroyContext(other));
    }

    [Fact]
    public void OpTimeouts_AreKeptInTheirUnits()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        uint milliseconds = 99;
        ulong interval, actual;
        machine.Ok(api.aclrtGetOpExecuteTimeout(&milliseconds));
        Assert.Equal(0u, milliseconds);
        machine.Ok(api.aclrtSetOpExecuteTimeOut(3)); // seconds
        machine.Ok(api.aclrtGetOpExecuteTimeout(&milliseconds));
        Assert.Equal(3000u, milliseconds);
        machine.Ok(api.aclrtGetOpTimeOutInterval(&interval));
        machine.Ok(api.aclrtSetOpExecuteTimeOutV2(2500, &actual)); // microseconds
        Assert.Equal((1ul, 2500ul), (interval, actual));
        machine.Ok(api.aclrtGetOpExecuteTimeout(&milliseconds));
        Assert.Equal(3u, milliseconds);
        machine.Returns(Missing, api.aclrtSetOpExecuteTimeOutWithMs(5));
    }

    [Fact]
    public void ResLimits_StreamOverDeviceOverChip()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        const aclrtDevResLimitType Cube = aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE, Vector = aclrtDevResLimitType.ACL_RT_DEV_RES_VECTOR_CORE;
        nint stream = machine.Stream();
        uint value;
        void Expect(uint device, uint own, uint thread)
        {
            uint each;
            machine.Ok(api.aclrtGetDeviceResLimit(0, Cube, &each));
            Assert.Equal(device, each);
            machine.Ok(api.aclrtGetStreamResLimit(stream, Cube, &each));
            Assert.Equal(own, each);
            machine.Ok(api.aclrtGetResInCurrentThread(Cube, &each));
            Assert.Equal(thread, each);
        }
        Expect(20, 20, 20);
        machine.Ok(api.aclrtSetDeviceResLimit(0, Cube, 10));
        Expect(10, 10, 10);
        machine.Ok(api.aclrtSetStreamResLimit(stream, Cube, 4));
        Expect(10, 4, 10);
        machine.Ok(api.aclrtUseStreamResInCurrentThread(stream));
        Expect(10, 4, 4);
        machine.Ok(api.aclrtGetResInCurrentThread(Vector, &value));
        Assert.Equal(40u, value);
        machine.Returns(107000, api.aclrtUnuseStreamResInCurrentThread(0));
        machine.Ok(api.aclrtUnuseStreamResInCurrentThread(stream));
        Expect(10, 4, 10);
        machine.Ok(api.aclrtResetStreamResLimit(stream));
        Expect(10, 10, 10);
        machine.Ok(api.aclrtResetDeviceResLimit(0));
        Expect(20, 20, 20);
        machine.Ok(api.aclrtSetStreamResLimit(0, Cube, 2)); // NULL: the default stream
        machine.Ok(api.aclrtGetStreamResLimit(0, Cube, &value));
        Assert.Equal(2u, value);
        machine.Ok(api.aclrtGetDeviceResLimit(1, Cube, &value));
        Assert.Equal(20u, value);
    }

    [Theory]
    [InlineData(0, 0, 0u, 107000), InlineData(0, 0, 21u, 107000), InlineData(0, 0, 20u, 0), InlineData(0, 1, 40u, 0), InlineData(0, 1, 41u, 107000), InlineData(0, 2, 1u, 100000), InlineData(2, 0, 1u, 107001)]
    public void SetDeviceResLimit_Checks(int device, int type, uint value, int expected)
    {
        using var machine = new TestMachine();
        machine.Returns(expected, machine.Api.aclrtSetDeviceResLimit(device, (aclrtDevResLimitType)type, value));
    }

    [Fact]
    public void ResLimits_OfADestroyedStream_LimitNobody()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream();
        uint value;
        machine.Ok(api.aclrtSetStreamResLimit(stream, aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE, 1));
        machine.Ok(api.aclrtUseStreamResInCurrentThread(stream));
        machine.Ok(api.aclrtDestroyStream(stream));
        machine.Ok(api.aclrtGetResInCurrentThread(aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE, &value));
        Assert.Equal(20u, value);
        machine.Returns(107017, api.aclrtSetStreamResLimit(stream, aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE, 1));
        machine.Returns(107017, api.aclrtUseStreamResInCurrentThread(stream));
    }

    [Theory]
    [InlineData(aclplatformDevInfo.ACL_PLATFORM_AICORE_CNT, "20"), InlineData(aclplatformDevInfo.ACL_PLATFORM_VECTOR_CORE_CNT, "40"), InlineData(aclplatformDevInfo.ACL_PLATFORM_L2_SIZE, "201326592")]
    [InlineData(aclplatformDevInfo.ACL_PLATFORM_MEMORY_SIZE, "68719476736"), InlineData(aclplatformDevInfo.ACL_PLATFORM_SOC_VERSION, "Ascend910B3"), InlineData(aclplatformDevInfo.ACL_PLATFORM_NPU_ARCH, "2201")]
    public void Platform_OfTheProfile_IsText(aclplatformDevInfo info, string expected)
    {
        using var machine = new TestMachine();
        byte* text = stackalloc byte[32];
        machine.Ok(machine.Api.aclplatformGetDeviceInfo(info, text, 32));
        Assert.Equal(expected, Marshal.PtrToStringUTF8((nint)text));
        machine.Ok(machine.Api.aclplatformGetDeviceInfo(info, text, (uint)expected.Length + 1));
        machine.Returns(100000, machine.Api.aclplatformGetDeviceInfo(info, text, (uint)expected.Length));
    }

    [Theory]
    [InlineData(aclplatformDevInfo.ACL_PLATFORM_CUBE_FREQ, Missing), InlineData(aclplatformDevInfo.ACL_PLATFORM_L1_SIZE, Missing), InlineData((aclplatformDevInfo)17, 100000)]
    public void Platform_NotInTheProfile_IsRefused(aclplatformDevInfo info, int expected)
    {
        using var machine = new TestMachine();
        byte* text = stackalloc byte[32];
        machine.Returns(expected, machine.Api.aclplatformGetDeviceInfo(info, text, 32));
    }

    [Theory]
    [InlineData("910b", "Ascend910B1", 1), InlineData("910b", "Ascend910B4", 1), InlineData("910b", "Ascend910_9391", 1), InlineData("910b", "Ascend310P3", 0), InlineData("310p", "Ascend310P1", 1), InlineData("310p", "something", 0), InlineData("310p", "", 0)]
    public void ArchCompatibility_IsThatOfTheCores(string soc, string asked, int expected)
    {
        using var machine = new TestMachine(soc);
        int value = -1;
        fixed (byte* name = Encoding.UTF8.GetBytes(asked + "\0"))
        {
            machine.Ok(machine.Api.aclrtCheckArchCompatibility(name, &value));
        }
        Assert.Equal(expected, value);
    }

    [Fact]
    public void Version_OfTheInterface_IsThatOfTheHeaders()
    {
        using var machine = new TestMachine();
        int major, minor, patch;
        machine.Ok(machine.Api.aclrtGetVersion(&major, &minor, &patch));
        Assert.Equal((1, 17, 0), (major, minor, patch));
    }

    [Theory]
    [InlineData("cann", 0), InlineData("runtime", 0), InlineData("npu-runtime", 0), InlineData("npu_runtime", 0), InlineData("toolkit", 0)]
    [InlineData("driver", 100003), InlineData("", 100003), InlineData("../cann", 100003), InlineData("..", 100003)]
    public void Version_WithoutInstallation_OwnPackagesOnly(string package, int expected)
    {
        using var machine = new TestMachine();
        WithHome(null, () =>
        {
            machine.Returns(expected, VersionText(package, out string text));
            machine.Returns(expected, VersionNumber(package, out int number));
            Assert.Equal(expected == 0 ? ("9.1.0", 90_100_000) : ("", 0), (text, number));
        });
    }

    [Theory]
    [InlineData("opp_kernel", "opp-kernel", "Version=8.5.0.alpha002", 0, "8.5.0.alpha002", 80_500_000)]
    [InlineData("opp-kernel", "opp_kernel", "# made by hand\nVersion = 1\nVersion=10.20.30\n", 0, "10.20.30", 102_030_000)]
    [InlineData("runtime", "runtime", "version=7.2.1", 0, "7.2.1", 70_201_000)]
    [InlineData("runtime", "runtime", "Release=7.2.1", 100006, "", 0)]
    [InlineData("compiler", "compiler", "Version=main", 0, "main", 100006)]
    public void Version_OfAnInstallation_IsRead(string asked, string directory, string content, int code, string expected, int number)
    {
        using var machine = new TestMachine();
        string home = Directory.CreateTempSubdirectory("updraft-versions-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(home, "share", "info", directory));
            File.WriteAllText(Path.Combine(home, "share", "info", directory, "version.info"), content);
            WithHome(home, () =>
            {
                machine.Returns(code, VersionText(asked, out string text));
                Assert.Equal(expected, text);
                int numberCode = VersionNumber(asked, out int value);
                Assert.Equal(code != 0 ? code : number, numberCode != 0 ? numberCode : value);
            });
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    [Fact]
    public void Version_LongerThanTheBuffer_IsCut()
    {
        using var machine = new TestMachine();
        string home = Directory.CreateTempSubdirectory("updraft-versions-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(home, "share", "info", "cann"));
            File.WriteAllText(Path.Combine(home, "share", "info", "cann", "version.info"), "Version=" + new string('7', 500));
            WithHome(home, () =>
            {
                byte* buffer = stackalloc byte[129];
                buffer[128] = 0xAB;
                fixed (byte* name = "cann\0"u8)
                {
                    machine.Ok(machine.Api.aclsysGetVersionStr(name, buffer));
                }
                Assert.Equal(127, Marshal.PtrToStringUTF8((nint)buffer)!.Length);
                Assert.Equal(0xAB, buffer[128]);
                aclCANNPackageVersion version;
                machine.Ok(machine.Api.aclsysGetCANNVersion(aclCANNPackageName.ACL_PKG_NAME_CANN, &version));
                Assert.Equal(63, Marshal.PtrToStringUTF8((nint)version.majorVersion)!.Length);
                Assert.Equal("", Marshal.PtrToStringUTF8((nint)version.minorVersion));
            });
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    [Theory]
    [InlineData(0, 0), InlineData(1, 0), InlineData(4, 0), InlineData(7, 100003), InlineData(8, 100000), InlineData(-1, 100000)]
    public void CannVersion_OfEachPackage(int name, int expected)
    {
        using var machine = new TestMachine();
        WithHome(null, () =>
        {
            aclCANNPackageVersion version;
            machine.Returns(expected, machine.Api.aclsysGetCANNVersion((aclCANNPackageName)name, &version));
            if (expected == 0)
            {
                string[] parts = [.. new nint[] { (nint)version.version, (nint)version.majorVersion, (nint)version.minorVersion, (nint)version.releaseVersion, (nint)version.patchVersion }.Select(part => Marshal.PtrToStringUTF8(part)!)];
                Assert.Equal(["9.1.0", "9", "1", "0", ""], parts);
            }
        });
    }

    private static int VersionText(string package, out string text)
    {
        byte* buffer = stackalloc byte[128];
        buffer[0] = 0;
        fixed (byte* name = Encoding.UTF8.GetBytes(package + "\0"))
        {
            int code = AclApi.InProcess.aclsysGetVersionStr(name, buffer);
            text = Marshal.PtrToStringUTF8((nint)buffer)!;
            return code;
        }
    }

    private static int VersionNumber(string package, out int number)
    {
        int value = 0;
        fixed (byte* name = Encoding.UTF8.GetBytes(package + "\0"))
        {
            int code = AclApi.InProcess.aclsysGetVersionNum(name, &value);
            number = value;
            return code;
        }
    }

    private static void WithHome(string? home, Action body)
    {
        string? before = Environment.GetEnvironmentVariable("ASCEND_HOME_PATH");
        Environment.SetEnvironmentVariable("ASCEND_HOME_PATH", home);
        try
        {
            body();
        }
        finally
        {
            Environment.SetEnvironmentVariable("ASCEND_HOME_PATH", before);
        }
    }
}
