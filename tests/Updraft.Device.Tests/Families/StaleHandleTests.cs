using System.Reflection;

namespace Updraft.Device.Tests;

/// <summary>Every function that takes a plain object, with handles that are not one: destroyed, of another kind, a stream, a stray pointer.</summary>
public sealed unsafe class FamiliesStaleHandleTests
{
    public static TheoryData<string> Functions =>
    [
        "aclDestroyDataBuffer", "aclUpdateDataBuffer",
        "aclrtAllocatorDestroyDesc", "aclrtAllocatorSetObjToDesc", "aclrtAllocatorSetAllocFuncToDesc", "aclrtAllocatorSetFreeFuncToDesc",
        "aclrtAllocatorSetAllocAdviseFuncToDesc", "aclrtAllocatorSetGetAddrFromBlockFuncToDesc",
        "aclprofStart", "aclprofStop", "aclprofDestroyConfig", "aclprofDestroySubscribeConfig", "aclprofGetStepTimestamp",
        "aclprofPush", "aclprofRangeStart", "aclprofSetStampTraceMessage", "aclprofMark",
        "aclSetTensorShapeRange", "aclSetTensorValueRange", "aclGetTensorDescDimV2", "aclGetTensorDescDimRange", "aclSetTensorStorageFormat", "aclSetTensorStorageShape",
        "aclSetTensorFormat", "aclSetTensorShape", "aclSetTensorOriginFormat", "aclSetTensorOriginShape", "aclSetTensorDynamicInput", "aclSetTensorConst", "aclSetTensorPlaceMent",
        "aclmdlDestroyDataset", "aclmdlAddDatasetBuffer", "aclmdlSetDatasetTensorDesc",
        "acltdtGetDimsFromItem", "acltdtDestroyDataItem", "acltdtDestroyDataset", "acltdtAddDataItem",
        "acltdtDestroyQueueAttr", "acltdtSetQueueAttr", "acltdtGetQueueAttr", "acltdtDestroyQueueRoute", "acltdtGetQueueRouteParam", "acltdtDestroyQueueRouteList",
        "acltdtAddQueueRoute", "acltdtGetQueueRoute", "acltdtDestroyQueueRouteQueryInfo", "acltdtSetQueueRouteQueryInfo",
    ];

    [Theory]
    [MemberData(nameof(Functions))]
    public void Call_WithWhatIsNoSuchObject_Returns107017(string name)
    {
        using var machine = new TestMachine();
        void* destroyed = machine.Api.aclCreateDataBuffer(null, 0);
        machine.Ok(machine.Api.aclDestroyDataBuffer(destroyed));
        nint otherKind = DataObjects.Create(new object());
        foreach (nint handle in new[] { (nint)destroyed, otherKind, machine.Stream(), (nint)machine.Device(64), 0x7EADBEEF, -1, 1 })
        {
            machine.Returns(107017, Call(machine.Api, name, handle), $"{name}(0x{handle:x})");
            Assert.Equal(107017, machine.Api.aclrtGetLastError(0));
        }
    }

    [Theory]
    [InlineData("aclrtDestroyGroupInfo"), InlineData("aclrtGetAllGroupInfo"), InlineData("aclrtGetGroupInfoDetail")]
    public void GroupCall_WithWhatIsNoSuchObject_Returns107017(string name)
    {
        using var machine = new TestMachine("310p");
        machine.Returns(107017, Call(machine.Api, name, DataObjects.Create(new object())));
    }

    private static int Call(AclApi api, string name, nint handle)
    {
        MethodInfo method = typeof(AclApi).GetMethod(name) ?? throw new ArgumentException($"no function {name}", nameof(name));
        object?[] arguments = [.. method.GetParameters().Select(parameter => parameter.ParameterType.IsPointer ? Pointer.Box(null, parameter.ParameterType) : Activator.CreateInstance(parameter.ParameterType))];
        Type first = method.GetParameters()[0].ParameterType;
        arguments[0] = first.IsPointer ? Pointer.Box((void*)handle, first) : handle;
        return (int)method.Invoke(api, arguments)!;
    }
}
