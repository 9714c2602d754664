using System.Reflection;

namespace Updraft.Device.Tests;

/// <summary>Every argument 0 or NULL: the wrapper's checks come first (errors.md 1, the rule), and a wrapper failure never reaches the last error (errors.md 3).</summary>
public sealed unsafe class FamiliesNullArgumentTests
{
    public static TheoryData<string> Functions =>
    [
        .. CallByName.OfObjects,
        "aclGetCannAttributeList", "aclGetCannAttribute", "aclGetDeviceCapability", "aclsysGetCANNVersion", "aclsysGetVersionStr", "aclsysGetVersionNum",
        "aclrtGetVersion", "aclrtGetSysParamOpt", "aclrtCtxGetSysParamOpt", "aclrtSetOpExecuteTimeOutV2", "aclrtGetOpTimeOutInterval", "aclrtGetOpExecuteTimeout",
        "aclrtGetDeviceUtilizationRate", "aclrtGetDeviceSatMode", "aclrtGetOverflowStatus", "aclrtQueryDeviceStatus", "aclrtDeviceGetBareTgid",
        "aclrtGetDeviceInfo", "aclrtDeviceGetStreamPriorityRange", "aclrtGetDeviceCapability", "aclrtDeviceGetUuid", "aclrtDeviceGetPCIBusId",
        "aclrtDeviceGetByPCIBusId", "aclrtGetDeviceResLimit", "aclrtGetStreamResLimit", "aclrtGetResInCurrentThread", "aclrtGetDevicesTopo",
        "aclrtGetLogicDevIdByUserDevId", "aclrtGetUserDevIdByLogicDevId", "aclrtGetLogicDevIdByPhyDevId", "aclrtGetPhyDevIdByLogicDevId",
        "aclrtGetUserDevIdByPhyDevId", "aclrtGetPhyDevIdByUserDevId", "aclrtCheckArchCompatibility", "aclplatformGetDeviceInfo", "aclrtProfTrace", "aclprofInit",
        "aclprofSetConfig", "aclprofMarkEx", "aclprofRangePushEx",
    ];

    [Theory]
    [MemberData(nameof(Functions))]
    public void Call_WithNullPointers_Returns100000AndKeepsTheLastError(string name)
    {
        using var machine = new TestMachine();
        machine.Returns(100000, (int)CallByName.Call(machine.Api, name)!, name);
        Assert.Contains($"{name} returned 100000", machine.Message(), StringComparison.Ordinal);
        Assert.Equal(0, machine.Api.aclrtGetLastError(0));
    }

    [Theory]
    [InlineData("aclrtGetGroupCount"), InlineData("aclrtDestroyGroupInfo"), InlineData("aclrtGetAllGroupInfo"), InlineData("aclrtGetGroupInfoDetail")]
    public void GroupCall_WithNullPointers_Returns100000(string name)
    {
        using var machine = new TestMachine("310p");
        machine.Returns(100000, (int)CallByName.Call(machine.Api, name)!, name);
    }

    [Theory]
    [InlineData("aclGetDataBufferAddr", 0), InlineData("aclGetDataBufferSize", 0), InlineData("aclGetDataBufferSizeV2", 0)]
    [InlineData("aclGetTensorDescType", -1), InlineData("aclGetTensorDescFormat", -1), InlineData("aclGetTensorDescSize", 0), InlineData("aclGetTensorDescElementCount", 0)]
    [InlineData("aclGetTensorDescNumDims", 0), InlineData("aclGetTensorDescDim", -1), InlineData("aclGetTensorDescName", 0)]
    [InlineData("aclmdlGetDatasetNumBuffers", 0), InlineData("aclmdlGetDatasetBuffer", 0), InlineData("aclmdlGetDatasetTensorDesc", 0)]
    [InlineData("acltdtGetTensorTypeFromItem", -1), InlineData("acltdtGetDataTypeFromItem", -1), InlineData("acltdtGetDataAddrFromItem", 0), InlineData("acltdtGetDataSizeFromItem", 0)]
    [InlineData("acltdtGetDimNumFromItem", 0), InlineData("acltdtGetDataItem", 0), InlineData("acltdtGetDatasetSize", 0), InlineData("acltdtGetDatasetName", 0)]
    [InlineData("acltdtGetQueueRouteNum", 0)]
    [InlineData("aclprofStr2Id", 0), InlineData("aclprofCreateSubscribeConfig", 0)]
    public void Getter_OfNull_GivesTheValueThatMeansNothing(string name, long expected)
    {
        using var machine = new TestMachine();
        Assert.Equal(expected, CallByName.Call(machine.Api, name) switch
        {
            Pointer pointer => (nint)Pointer.Unbox(pointer),
            nint word => word,
            nuint word => (long)word,
            { } number => Convert.ToInt64(number, null),
            null => 0,
        });
    }

    /// <summary>The void destroyers say nothing and break nothing.</summary>
    [Theory]
    [InlineData("aclDestroyTensorDesc"), InlineData("aclSetTensorDescName"), InlineData("aclprofDestroyStamp"), InlineData("aclprofDestroyStepInfo")]
    public void VoidCall_OfNull_OnlyLeavesAMessage(string name)
    {
        using var machine = new TestMachine();
        CallByName.Call(machine.Api, name);
        Assert.Contains("NULL", machine.Message(), StringComparison.Ordinal);
    }
}
