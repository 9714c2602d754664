using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device.Tests;

/// <summary>Chapter 25-03 and the plain objects of the operator interface: what is written is what is read; stale pointers are told.</summary>
public sealed unsafe class FamiliesDataObjectTests
{
    [Fact]
    public void DataBuffer_CreatedUpdatedDestroyed_KeepsAddressAndSize()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* memory = machine.Device(4096);
        void* buffer = api.aclCreateDataBuffer(memory, 4096);
        Assert.True(buffer != null);
        Assert.True(api.aclGetDataBufferAddr(buffer) == memory);
        Assert.Equal((nuint)4096, api.aclGetDataBufferSizeV2(buffer));
        machine.Ok(api.aclUpdateDataBuffer(buffer, memory + 64, ((nuint)1 << 32) + 5));
        Assert.True(api.aclGetDataBufferAddr(buffer) == memory + 64);
        Assert.Equal(((nuint)1 << 32) + 5, api.aclGetDataBufferSizeV2(buffer));
        Assert.Equal(5u, api.aclGetDataBufferSize(buffer)); // 32 bits: why there is a second function
        machine.Ok(api.aclDestroyDataBuffer(buffer));
        machine.Read(memory, 64); // the memory is not the buffer's
    }

    [Fact]
    public void DataBuffer_Stale_Returns107017()
    {
        using var machine = new TestMachine();
        void* buffer = machine.Api.aclCreateDataBuffer(null, 0);
        machine.Ok(machine.Api.aclDestroyDataBuffer(buffer));
        machine.Returns(107017, machine.Api.aclDestroyDataBuffer(buffer));
        Assert.Contains($"dataBuffer (0x{(nint)buffer:x}) is not a live data buffer", machine.Message(), StringComparison.Ordinal);
        machine.Returns(107017, machine.Api.aclUpdateDataBuffer(buffer, null, 0));
        Assert.True(machine.Api.aclGetDataBufferAddr(buffer) == null);
        Assert.Equal((nuint)0, machine.Api.aclGetDataBufferSizeV2(buffer));
    }

    [Fact]
    public void DataBuffer_WrongKindOrForeignPointer_Returns107017()
    {
        using var machine = new TestMachine();
        long wild = 42;
        machine.Returns(107017, machine.Api.aclDestroyDataBuffer(machine.Api.aclprofCreateStamp()));
        machine.Returns(107017, machine.Api.aclDestroyDataBuffer((void*)machine.Stream()));
        machine.Returns(107017, machine.Api.aclDestroyDataBuffer(&wild));
    }

    [Fact]
    public void DataBuffers_DestroyedByTwoThreads_OneWins()
    {
        using var machine = new TestMachine();
        nint[] buffers = [.. Enumerable.Range(0, 2000).Select(_ => (nint)AclApi.InProcess.aclCreateDataBuffer(null, 0))];
        int destroyed = 0;
        void Destroy()
        {
            foreach (nint buffer in buffers)
            {
                if (AclApi.InProcess.aclDestroyDataBuffer((void*)buffer) == 0)
                {
                    Interlocked.Increment(ref destroyed);
                }
            }
        }
        Thread[] threads = [new(Destroy), new(Destroy)];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(buffers.Length, destroyed);
    }

    [Fact]
    public void TensorDesc_Created_ReadsBack()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        long* dims = stackalloc long[] { 2, 3, 5 };
        void* desc = api.aclCreateTensorDesc(aclDataType.ACL_FLOAT16, 3, dims, aclFormat.ACL_FORMAT_ND);
        Assert.Equal(aclDataType.ACL_FLOAT16, api.aclGetTensorDescType(desc));
        Assert.Equal(aclFormat.ACL_FORMAT_ND, api.aclGetTensorDescFormat(desc));
        Assert.Equal((nuint)3, api.aclGetTensorDescNumDims(desc));
        Assert.Equal((nuint)30, api.aclGetTensorDescElementCount(desc));
        Assert.Equal((nuint)60, api.aclGetTensorDescSize(desc));
        Assert.Equal(5, api.aclGetTensorDescDim(desc, 2));
        Assert.Equal(-1, api.aclGetTensorDescDim(desc, 3));
        long dim;
        machine.Ok(api.aclGetTensorDescDimV2(desc, 1, &dim));
        Assert.Equal(3, dim);
        machine.Returns(100000, api.aclGetTensorDescDimV2(desc, 3, &dim));
        Assert.Equal("", Marshal.PtrToStringUTF8((nint)api.aclGetTensorDescName(desc)));
        fixed (byte* name = "weights\0"u8)
        {
            api.aclSetTensorDescName(desc, name);
        }
        Assert.Equal("weights", Marshal.PtrToStringUTF8((nint)api.aclGetTensorDescName(desc)));
        long* other = stackalloc long[] { 7 };
        machine.Ok(api.aclSetTensorOriginShape(desc, 1, other));
        machine.Ok(api.aclSetTensorOriginFormat(desc, aclFormat.ACL_FORMAT_NCHW));
        machine.Ok(api.aclSetTensorShape(desc, 3, dims)); // the storage side: what the getters show stays
        machine.Ok(api.aclSetTensorFormat(desc, aclFormat.ACL_FORMAT_FRACTAL_NZ));
        Assert.Equal((nuint)14, api.aclGetTensorDescSize(desc));
        Assert.Equal(aclFormat.ACL_FORMAT_NCHW, api.aclGetTensorDescFormat(desc));
        api.aclDestroyTensorDesc(desc);
        Assert.Equal(aclDataType.ACL_DT_UNDEFINED, api.aclGetTensorDescType(desc));
    }

    [Theory]
    [InlineData(new long[0], 1)]
    [InlineData(new long[] { 0, 9 }, 0)]
    [InlineData(new long[] { -1, 4 }, 0)]
    [InlineData(new long[] { long.MaxValue, long.MaxValue, long.MaxValue }, 0)]
    public void TensorDesc_ElementCount_OfOddShapes(long[] shape, int expected)
    {
        using var machine = new TestMachine();
        fixed (long* dims = shape)
        {
            void* desc = machine.Api.aclCreateTensorDesc(aclDataType.ACL_INT8, shape.Length, dims, aclFormat.ACL_FORMAT_ND);
            Assert.Equal((nuint)expected, machine.Api.aclGetTensorDescElementCount(desc));
        }
    }

    [Theory]
    [InlineData(-1), InlineData(1), InlineData(1025)]
    public void TensorDesc_WithImpossibleDimensions_IsNull(int count)
    {
        using var machine = new TestMachine();
        Assert.True(machine.Api.aclCreateTensorDesc(aclDataType.ACL_INT8, count, null, aclFormat.ACL_FORMAT_ND) == null);
        Assert.NotNull(machine.Message());
    }

    [Fact]
    public void TensorDesc_Ranges_ReadBackOnceSet()
    {
        using var machine = new TestMachine();
        long* dims = stackalloc long[] { -1, -1 };
        long* ranges = stackalloc long[] { 1, 16, 2, 32 };
        long* read = stackalloc long[2];
        void* desc = machine.Api.aclCreateTensorDesc(aclDataType.ACL_INT8, 2, dims, aclFormat.ACL_FORMAT_ND);
        machine.Returns(100000, machine.Api.aclGetTensorDescDimRange(desc, 0, 2, read));
        machine.Ok(machine.Api.aclSetTensorShapeRange(desc, 2, (long**)ranges));
        machine.Ok(machine.Api.aclGetTensorDescDimRange(desc, 1, 2, read));
        Assert.Equal((2, 32), (read[0], read[1]));
        machine.Returns(100000, machine.Api.aclGetTensorDescDimRange(desc, 2, 2, read));
        machine.Returns(100000, machine.Api.aclGetTensorDescDimRange(desc, 1, 1, read));
    }

    [Fact]
    public void ModelDataset_KeepsOrderAndOwnCopiesOfDescriptions()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        void* dataset = api.aclmdlCreateDataset(), first = api.aclCreateDataBuffer(null, 1), second = api.aclCreateDataBuffer(null, 2);
        machine.Ok(api.aclmdlAddDatasetBuffer(dataset, first));
        machine.Ok(api.aclmdlAddDatasetBuffer(dataset, second));
        Assert.Equal((nuint)2, api.aclmdlGetDatasetNumBuffers(dataset));
        Assert.True(api.aclmdlGetDatasetBuffer(dataset, 1) == second);
        Assert.True(api.aclmdlGetDatasetBuffer(dataset, 2) == null);
        Assert.True(api.aclmdlGetDatasetTensorDesc(dataset, 0) == null);
        void* desc = api.aclCreateTensorDesc(aclDataType.ACL_INT32, 0, null, aclFormat.ACL_FORMAT_ND);
        machine.Ok(api.aclmdlSetDatasetTensorDesc(dataset, desc, 0));
        machine.Returns(100000, api.aclmdlSetDatasetTensorDesc(dataset, desc, 2));
        api.aclDestroyTensorDesc(desc);
        void* copy = api.aclmdlGetDatasetTensorDesc(dataset, 0);
        Assert.Equal(aclDataType.ACL_INT32, api.aclGetTensorDescType(copy));
        machine.Ok(api.aclmdlDestroyDataset(dataset));
        Assert.Equal(aclDataType.ACL_DT_UNDEFINED, api.aclGetTensorDescType(copy));
        machine.Ok(api.aclDestroyDataBuffer(first)); // buffers outlive the set
        machine.Returns(107017, api.aclmdlDestroyDataset(dataset));
    }

    [Fact]
    public void TransferItemAndDataset_ReadBack()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        long* dims = stackalloc long[] { 4, 8 };
        int data;
        void* item = api.acltdtCreateDataItem(acltdtTensorType.ACL_TENSOR_DATA_TENSOR, dims, 2, aclDataType.ACL_FLOAT, &data, 128);
        Assert.Equal(acltdtTensorType.ACL_TENSOR_DATA_TENSOR, api.acltdtGetTensorTypeFromItem(item));
        Assert.Equal(aclDataType.ACL_FLOAT, api.acltdtGetDataTypeFromItem(item));
        Assert.True(api.acltdtGetDataAddrFromItem(item) == &data);
        Assert.Equal((nuint)128, api.acltdtGetDataSizeFromItem(item));
        Assert.Equal((nuint)2, api.acltdtGetDimNumFromItem(item));
        long* read = stackalloc long[2];
        machine.Returns(100000, api.acltdtGetDimsFromItem(item, read, 1));
        machine.Ok(api.acltdtGetDimsFromItem(item, read, 2));
        Assert.Equal((4, 8), (read[0], read[1]));
        void* dataset = api.acltdtCreateDataset();
        machine.Ok(api.acltdtAddDataItem(dataset, item));
        Assert.Equal((nuint)1, api.acltdtGetDatasetSize(dataset));
        Assert.True(api.acltdtGetDataItem(dataset, 0) == item);
        Assert.True(api.acltdtGetDataItem(dataset, 1) == null);
        Assert.Equal("", Marshal.PtrToStringUTF8((nint)api.acltdtGetDatasetName(dataset)));
        machine.Ok(api.acltdtDestroyDataset(dataset));
        machine.Ok(api.acltdtDestroyDataItem(item));
        machine.Returns(107017, api.acltdtDestroyDataItem(item));
        Assert.True(api.acltdtCreateDataItem(acltdtTensorType.ACL_TENSOR_DATA_TENSOR, null, 2, aclDataType.ACL_FLOAT, null, 0) == null);
    }

    [Fact]
    public void TransferObjects_OnAChipWithoutThem_AreRefused()
    {
        using var machine = new TestMachine("310p");
        Assert.True(machine.Api.acltdtCreateDataset() == null);
        machine.Returns(207000, machine.Api.acltdtDestroyDataset(null));
    }

    [Fact]
    public void QueueAttributes_ReadBack()
    {
        using var machine = new TestMachine("310p");
        AclApi api = machine.Api;
        void* attributes = api.acltdtCreateQueueAttr();
        nuint written;
        uint depth = 512;
        byte* read;
        machine.Ok(api.acltdtGetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_NAME_PTR, 8, &written, &read));
        Assert.Equal("", Marshal.PtrToStringUTF8((nint)read));
        fixed (byte* name = "requests\0"u8, longest = Encoding.UTF8.GetBytes(new string('q', 127) + "\0"), tooLong = Encoding.UTF8.GetBytes(new string('q', 128) + "\0"), empty = "\0"u8)
        {
            foreach ((nint text, int expected) in new[] { ((nint)name, 0), ((nint)tooLong, 100000), ((nint)empty, 100000), (0, 100000) })
            {
                nint pointer = text;
                machine.Returns(expected, api.acltdtSetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_NAME_PTR, 8, &pointer));
            }
            machine.Ok(api.acltdtGetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_NAME_PTR, 8, &written, &read));
            Assert.Equal(("requests", (nuint)8), (Marshal.PtrToStringUTF8((nint)read), written));
            byte* pointerToLongest = longest;
            machine.Ok(api.acltdtSetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_NAME_PTR, 8, &pointerToLongest));
        }
        machine.Returns(100000, api.acltdtSetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_DEPTH_UINT32, 8, &depth));
        machine.Ok(api.acltdtSetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_DEPTH_UINT32, 4, &depth));
        depth = 0;
        machine.Returns(100000, api.acltdtGetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_DEPTH_UINT32, 3, &written, &depth));
        machine.Ok(api.acltdtGetQueueAttr(attributes, acltdtQueueAttrType.ACL_TDT_QUEUE_DEPTH_UINT32, 4, &written, &depth));
        Assert.Equal((512u, (nuint)4), (depth, written));
        machine.Returns(100000, api.acltdtSetQueueAttr(attributes, (acltdtQueueAttrType)2, 4, &depth));
        machine.Ok(api.acltdtDestroyQueueAttr(attributes));
        machine.Returns(107017, api.acltdtDestroyQueueAttr(attributes));
    }

    [Fact]
    public void QueueRoutes_AreCopiedIntoTheListAndOut()
    {
        using var machine = new TestMachine("310p");
        AclApi api = machine.Api;
        void* list = api.acltdtCreateQueueRouteList(), route = api.acltdtCreateQueueRoute(3, 4), other = api.acltdtCreateQueueRoute(0, 0);
        machine.Ok(api.acltdtAddQueueRoute(list, route));
        machine.Ok(api.acltdtDestroyQueueRoute(route));
        machine.Returns(107017, api.acltdtAddQueueRoute(list, route));
        Assert.Equal((nuint)1, api.acltdtGetQueueRouteNum(list));
        machine.Ok(api.acltdtGetQueueRoute(list, 0, other));
        machine.Returns(100000, api.acltdtGetQueueRoute(list, 1, other));
        nuint written;
        uint value;
        foreach ((acltdtQueueRouteParamType type, uint expected) in new[] { (acltdtQueueRouteParamType.ACL_TDT_QUEUE_ROUTE_SRC_UINT32, 3u), (acltdtQueueRouteParamType.ACL_TDT_QUEUE_ROUTE_DST_UINT32, 4u), (acltdtQueueRouteParamType.ACL_TDT_QUEUE_ROUTE_STATUS_INT32, 0u) })
        {
            value = 99;
            machine.Ok(api.acltdtGetQueueRouteParam(other, type, 4, &written, &value));
            Assert.Equal((expected, (nuint)4), (value, written));
        }
        machine.Returns(100000, api.acltdtGetQueueRouteParam(other, (acltdtQueueRouteParamType)3, 4, &written, &value));
        machine.Returns(100000, api.acltdtGetQueueRouteParam(other, acltdtQueueRouteParamType.ACL_TDT_QUEUE_ROUTE_SRC_UINT32, 3, &written, &value));
        machine.Ok(api.acltdtDestroyQueueRouteList(list));
        Assert.Equal((nuint)0, api.acltdtGetQueueRouteNum(list));
        // What uses them is refused.
        machine.Returns(207000, api.acltdtBindQueueRoutes(list));
    }

    [Theory]
    [InlineData(0, 2, 4, 0), InlineData(0, 100, 4, 0), InlineData(0, 3, 4, 100000), InlineData(1, 7, 4, 0), InlineData(2, 7, 4, 0), InlineData(2, 7, 8, 100000), InlineData(3, 7, 4, 100000)]
    public void QueueRouteQuery_Checks(int type, uint value, int length, int expected)
    {
        using var machine = new TestMachine("310p");
        void* query = machine.Api.acltdtCreateQueueRouteQueryInfo();
        machine.Returns(expected, machine.Api.acltdtSetQueueRouteQueryInfo(query, (acltdtQueueRouteQueryInfoParamType)type, (nuint)length, &value));
        machine.Ok(machine.Api.acltdtDestroyQueueRouteQueryInfo(query));
    }

    [Fact]
    public void AllocatorDesc_TakesItsPartsAndIsDestroyedOnce()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint desc = api.aclrtAllocatorCreateDesc();
        machine.Ok(api.aclrtAllocatorSetObjToDesc(desc, 1));
        machine.Ok(api.aclrtAllocatorSetAllocFuncToDesc(desc, 2));
        machine.Ok(api.aclrtAllocatorSetFreeFuncToDesc(desc, 3));
        machine.Ok(api.aclrtAllocatorSetAllocAdviseFuncToDesc(desc, 4));
        machine.Ok(api.aclrtAllocatorSetGetAddrFromBlockFuncToDesc(desc, 5));
        Assert.True(HandleTable.TryGet(desc, out AllocatorDescription? stored));
        Assert.Equal((1, 2, 3, 4, 5), (stored.Allocator, stored.Allocate, stored.Free, stored.AllocateAdvised, stored.AddressOfBlock));
        machine.Returns(100000, api.aclrtAllocatorSetFreeFuncToDesc(desc, 0));
        machine.Ok(api.aclrtAllocatorDestroyDesc(desc));
        machine.Returns(107017, api.aclrtAllocatorDestroyDesc(desc));
    }

    [Fact]
    public void Groups_On310p_OneUndividedGroup()
    {
        using var machine = new TestMachine("310p");
        AclApi api = machine.Api;
        uint count;
        machine.Ok(api.aclrtGetGroupCount(&count));
        Assert.Equal(1u, count);
        void* info = api.aclrtCreateGroupInfo();
        int value;
        nuint written;
        machine.Returns(100000, api.aclrtGetGroupInfoDetail(info, 0, aclrtGroupAttr.ACL_GROUP_GROUPID_INT, &value, 4, &written));
        machine.Ok(api.aclrtGetAllGroupInfo(info));
        machine.Ok(api.aclrtGetGroupInfoDetail(info, 0, aclrtGroupAttr.ACL_GROUP_AICORE_INT, &value, 4, &written));
        Assert.Equal((8, (nuint)4), (value, written));
        machine.Ok(api.aclrtGetGroupInfoDetail(info, 0, aclrtGroupAttr.ACL_GROUP_AIV_INT, &value, 4, &written));
        Assert.Equal(7, value);
        machine.Ok(api.aclrtGetGroupInfoDetail(info, 0, aclrtGroupAttr.ACL_GROUP_GROUPID_INT, &value, 4, &written));
        Assert.Equal(0, value);
        machine.Returns(100000, api.aclrtGetGroupInfoDetail(info, 1, aclrtGroupAttr.ACL_GROUP_GROUPID_INT, &value, 4, &written));
        machine.Returns(100000, api.aclrtGetGroupInfoDetail(info, 0, (aclrtGroupAttr)6, &value, 4, &written));
        machine.Returns(100000, api.aclrtGetGroupInfoDetail(info, 0, aclrtGroupAttr.ACL_GROUP_GROUPID_INT, &value, 3, &written));
        machine.Returns(207000, api.aclrtGetGroupInfoDetail(info, 0, aclrtGroupAttr.ACL_GROUP_SDMANUM_INT, &value, 4, &written));
        machine.Ok(api.aclrtSetGroup(0));
        machine.Returns(107014, api.aclrtSetGroup(1));
        machine.Ok(api.aclrtDestroyGroupInfo(info));
        machine.Returns(107017, api.aclrtGetAllGroupInfo(info));
    }

    [Theory]
    [InlineData("950"), InlineData("910c"), InlineData("910b"), InlineData("310b"), InlineData("910")]
    public void Groups_Elsewhere_AreRefused(string soc)
    {
        using var machine = new TestMachine(soc);
        uint count;
        machine.Returns(207000, machine.Api.aclrtGetGroupCount(&count));
        machine.Returns(207000, machine.Api.aclrtSetGroup(0));
        Assert.True(machine.Api.aclrtCreateGroupInfo() == null);
    }

    [Fact]
    public void Kernels_AreRefusedWithTheName()
    {
        using var machine = new TestMachine();
        fixed (byte* name = "add_custom\0"u8, file = "ops/add.o\0"u8)
        {
            nint handle = 0;
            machine.Returns(207000, machine.Api.aclrtBinaryGetFunction(1, name, &handle));
            Assert.Contains("The kernel \"add_custom\" cannot be used", machine.Message(), StringComparison.Ordinal);
            machine.Returns(207000, machine.Api.aclrtBinaryLoadFromFile(file, null, &handle));
            Assert.Contains("\"ops/add.o\"", machine.Message(), StringComparison.Ordinal);
            machine.Returns(207000, machine.Api.aclrtRegisterCpuFunc(1, name, name, &handle));
            Assert.Contains("add_custom", machine.Message(), StringComparison.Ordinal);
            machine.Returns(207000, machine.Api.aclrtBinaryGetFunction(1, null, &handle));
            machine.Returns(207000, machine.Api.aclrtLaunchKernel(0x1230, 1, null, 0, 0));
            Assert.Contains("0x1230", machine.Message(), StringComparison.Ordinal);
        }
        Assert.Equal(0, machine.Api.aclrtGetLastError(0));
    }

    [Fact]
    public void Kernels_AreNotCountedAsImplemented()
    {
        Assert.False(Functions.IsImplemented(Function.aclrtLaunchKernel));
        Assert.False(Functions.IsImplemented(Function.aclrtBinaryGetFunction));
        Assert.True(Functions.IsImplemented(Function.aclCreateDataBuffer));
        for (int index = 0; index < Functions.Count; index++)
        {
            Assert.False(Functions.Chapter((Function)index) == "14" && Functions.IsImplemented((Function)index), Functions.Name((Function)index));
        }
    }

    /// <summary>Dump configuration, chapter 18, and operator information, chapter 19-03: nothing that could be dumped or described ever runs.</summary>
    [Fact]
    public void DumpsAndSubscriptions_AreRefused()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte[] text = Encoding.UTF8.GetBytes("dump.json\0");
        fixed (byte* path = text)
        {
            machine.Returns(207000, api.aclmdlInitDump());
            machine.Returns(207000, api.aclmdlSetDump(path));
            machine.Returns(207000, api.aclmdlFinalizeDump());
            machine.Returns(207000, api.aclopStartDumpArgs(1, path));
            machine.Returns(207000, api.aclopStopDumpArgs(1));
            machine.Returns(207000, api.acldumpRegCallback(1, 0));
            machine.Returns(207000, api.acldumpSaveExceptionInfo(path, path, null, 0));
            machine.Returns(207000, api.acldumpGetExceptionInfoPath(path, 8));
            machine.Returns(207000, api.aclprofModelSubscribe(1, null));
        }
        Assert.True(api.acldumpGetPath(acldumpType.DATA_DUMP) == null);
    }
}
