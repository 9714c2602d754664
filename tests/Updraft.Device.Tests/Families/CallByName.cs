using System.Reflection;

namespace Updraft.Device.Tests;

/// <summary>Functions of the C interface called by their names, for tests that go through many of them.</summary>
internal static unsafe class CallByName
{
    /// <summary>Those that take an object of the small families first and return a code.</summary>
    internal static readonly string[] OfObjects =
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

    /// <summary>Calls with 0 or NULL for every argument but the first.</summary>
    internal static object? Call(AclApi api, string name, nint first = 0)
    {
        MethodInfo method = typeof(AclApi).GetMethod(name) ?? throw new ArgumentException($"no function {name}", nameof(name));
        ParameterInfo[] parameters = method.GetParameters();
        object?[] arguments = [.. parameters.Select(parameter => Nothing(parameter.ParameterType))];
        if (first != 0)
        {
            Type type = parameters[0].ParameterType;
            arguments[0] = type.IsPointer ? Pointer.Box((void*)first, type) : first;
        }
        return method.Invoke(api, arguments);
    }

    private static object? Nothing(Type type) => type.IsPointer ? Pointer.Box(null, type) : Activator.CreateInstance(type);
}
