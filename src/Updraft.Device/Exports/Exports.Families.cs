namespace Updraft.Device;

// Small families: numbers, plain objects, groups. Reference: docs/api/data-objects.md, docs/api/device-queries.md
internal static unsafe partial class Exports
{
    static float aclFloat16ToFloat(ushort value) => Float16.ToFloat(value);
    static ushort aclFloatToFloat16(float value) => Float16.FromFloat(value);
    static nuint aclDataTypeSize(aclDataType dataType) => DataObjects.SizeOf(dataType);

    static nint aclCreateDataBuffer(void* data, nuint size) => DataObjects.Create(new DataBuffer((nint)data, size));
    static void aclDestroyDataBuffer(ObjectHandle dataBuffer) => DataObjects.Destroy<DataBuffer>(dataBuffer, nameof(dataBuffer), DataObjects.Buffer);
    static void aclUpdateDataBuffer(ObjectHandle dataBuffer, void* data, nuint size) => DataObjects.Update(dataBuffer, data, size);
    static nint aclGetDataBufferAddr(ObjectHandle dataBuffer) => DataObjects.GetBuffer(dataBuffer).Address;
    static uint aclGetDataBufferSize(ObjectHandle dataBuffer) => (uint)DataObjects.GetBuffer(dataBuffer).SizeBytes;
    static nuint aclGetDataBufferSizeV2(ObjectHandle dataBuffer) => DataObjects.GetBuffer(dataBuffer).SizeBytes;

    static nint aclrtAllocatorCreateDesc() => DataObjects.Create(new AllocatorDescription());
    static void aclrtAllocatorDestroyDesc(ObjectHandle allocatorDesc) => DataObjects.Destroy<AllocatorDescription>(allocatorDesc, nameof(allocatorDesc), AllocatorDescription.Kind);
    static void aclrtAllocatorSetObjToDesc(ObjectHandle allocatorDesc, nint allocator) => DataObjects.GetAllocator(allocatorDesc).Allocator = DataObjects.NotNull(allocator, nameof(allocator));
    static void aclrtAllocatorSetAllocFuncToDesc(ObjectHandle allocatorDesc, nint func) => DataObjects.GetAllocator(allocatorDesc).Allocate = DataObjects.NotNull(func, nameof(func));
    static void aclrtAllocatorSetFreeFuncToDesc(ObjectHandle allocatorDesc, nint func) => DataObjects.GetAllocator(allocatorDesc).Free = DataObjects.NotNull(func, nameof(func));
    static void aclrtAllocatorSetAllocAdviseFuncToDesc(ObjectHandle allocatorDesc, nint func) => DataObjects.GetAllocator(allocatorDesc).AllocateAdvised = DataObjects.NotNull(func, nameof(func));
    static void aclrtAllocatorSetGetAddrFromBlockFuncToDesc(ObjectHandle allocatorDesc, nint func) => DataObjects.GetAllocator(allocatorDesc).AddressOfBlock = DataObjects.NotNull(func, nameof(func));

    static void aclrtSetGroup(int groupId) => Groups.Set(groupId);
    static void aclrtGetGroupCount(uint* count) => Out.Set(count, &Groups.Count, nameof(count));
    static nint aclrtCreateGroupInfo() => DataObjects.Create(new Groups.Info());
    static void aclrtDestroyGroupInfo(ObjectHandle groupInfo) => DataObjects.Destroy<Groups.Info>(groupInfo, nameof(groupInfo), Groups.Kind);
    static void aclrtGetAllGroupInfo(ObjectHandle groupInfo) => Groups.Fill(groupInfo);
    static void aclrtGetGroupInfoDetail(ObjectHandle groupInfo, int groupIndex, aclrtGroupAttr attr, void* attrValue, nuint valueLen, nuint* paramRetSize) => Groups.Detail(groupInfo, groupIndex, attr, attrValue, valueLen, paramRetSize);

    static nint aclCreateTensorDesc(aclDataType dataType, int numDims, long* dims, aclFormat format) => Tensors.Create(dataType, numDims, dims, format);
    static void aclDestroyTensorDesc(ObjectHandle desc) => DataObjects.Destroy<TensorDescription>(desc, nameof(desc), Tensors.Kind);
    static void aclSetTensorShapeRange(ObjectHandle desc, nuint dimsCount, long* dimsRange) => Tensors.Get(desc).ShapeRange = Tensors.Ranges(dimsCount, dimsRange);
    static void aclSetTensorValueRange(ObjectHandle desc, nuint valueCount, long* valueRange) => Tensors.Get(desc).ValueRange = Tensors.Ranges(valueCount, valueRange);
    static aclDataType aclGetTensorDescType(ObjectHandle desc) => Tensors.TypeOf(desc);
    static aclFormat aclGetTensorDescFormat(ObjectHandle desc) => Tensors.FormatOf(desc);
    static nuint aclGetTensorDescSize(ObjectHandle desc) => Tensors.SizeOf(desc);
    static nuint aclGetTensorDescElementCount(ObjectHandle desc) => Tensors.Get(desc).ElementCount;
    static nuint aclGetTensorDescNumDims(ObjectHandle desc) => (nuint)Tensors.Get(desc).Dimensions.Length;
    static long aclGetTensorDescDim(ObjectHandle desc, nuint index) => Tensors.Dimension(desc, index);
    static void aclGetTensorDescDimV2(ObjectHandle desc, nuint index, long* dimSize) => Tensors.Dimension(desc, index, dimSize);
    static void aclGetTensorDescDimRange(ObjectHandle desc, nuint index, nuint dimRangeNum, long* dimRange) => Tensors.DimensionRange(desc, index, dimRangeNum, dimRange);
    static void aclSetTensorDescName(ObjectHandle desc, byte* name) => Tensors.SetName(desc, name);
    static byte* aclGetTensorDescName(ObjectHandle desc) => Tensors.NameOf(desc);
    static void aclSetTensorStorageFormat(ObjectHandle desc, aclFormat format) => Tensors.Get(desc).StorageFormat = format;
    static void aclSetTensorStorageShape(ObjectHandle desc, int numDims, long* dims) => Tensors.Get(desc).StorageDimensions = Tensors.Read(numDims, dims);
    static void aclSetTensorFormat(ObjectHandle desc, aclFormat format) => Tensors.Get(desc).StorageFormat = format;
    static void aclSetTensorShape(ObjectHandle desc, int numDims, long* dims) => Tensors.Get(desc).StorageDimensions = Tensors.Read(numDims, dims);
    static void aclSetTensorOriginFormat(ObjectHandle desc, aclFormat format) => Tensors.Get(desc).Format = format;
    static void aclSetTensorOriginShape(ObjectHandle desc, int numDims, long* dims) => Tensors.Get(desc).Dimensions = Tensors.Read(numDims, dims);
    static void aclSetTensorDynamicInput(ObjectHandle desc, byte* dynamicInputName) => Tensors.Get(desc).DynamicInput = Tensors.Text(dynamicInputName, nameof(dynamicInputName));
    static void aclSetTensorConst(ObjectHandle desc, void* dataBuffer, nuint length) => Tensors.SetConstant(desc, dataBuffer, length);
    static void aclSetTensorPlaceMent(ObjectHandle desc, aclMemType memType) => Tensors.SetPlacement(desc, memType);

    static nint aclmdlCreateDataset() => DataObjects.Create(new Dataset());
    static void aclmdlDestroyDataset(ObjectHandle dataset) => Tensors.Destroy(dataset);
    static void aclmdlAddDatasetBuffer(ObjectHandle dataset, ObjectHandle dataBuffer) => Tensors.Add(dataset, dataBuffer);
    static void aclmdlSetDatasetTensorDesc(ObjectHandle dataset, ObjectHandle tensorDesc, nuint index) => Tensors.Describe(dataset, tensorDesc, index);
    static nint aclmdlGetDatasetTensorDesc(ObjectHandle dataset, nuint index) => Tensors.DescriptionAt(dataset, index);
    static nuint aclmdlGetDatasetNumBuffers(ObjectHandle dataset) => (nuint)Tensors.GetDataset(dataset).Entries.Count;
    static nint aclmdlGetDatasetBuffer(ObjectHandle dataset, nuint index) => Tensors.BufferAt(dataset, index);

    static acltdtTensorType acltdtGetTensorTypeFromItem(ObjectHandle dataItem) => TransferObjects.KindOf(dataItem);
    static aclDataType acltdtGetDataTypeFromItem(ObjectHandle dataItem) => TransferObjects.TypeOf(dataItem);
    static nint acltdtGetDataAddrFromItem(ObjectHandle dataItem) => TransferObjects.Item(dataItem).Address;
    static nuint acltdtGetDataSizeFromItem(ObjectHandle dataItem) => TransferObjects.Item(dataItem).SizeBytes;
    static nuint acltdtGetDimNumFromItem(ObjectHandle dataItem) => (nuint)TransferObjects.Item(dataItem).Dimensions.Length;
    static void acltdtGetDimsFromItem(ObjectHandle dataItem, long* dims, nuint dimNum) => TransferObjects.Dimensions(dataItem, dims, dimNum);
    static nint acltdtCreateDataItem(acltdtTensorType tdtType, long* dims, nuint dimNum, aclDataType dataType, void* data, nuint size) => TransferObjects.CreateItem(tdtType, dims, dimNum, dataType, data, size);
    static void acltdtDestroyDataItem(ObjectHandle dataItem) => DataObjects.Destroy<DataItem>(dataItem, nameof(dataItem), TransferObjects.ItemKind);
    static nint acltdtCreateDataset() => DataObjects.Create(new TransferDataset());
    static void acltdtDestroyDataset(ObjectHandle dataset) => DataObjects.Destroy<TransferDataset>(dataset, nameof(dataset), TransferObjects.DatasetKind);
    static nint acltdtGetDataItem(ObjectHandle dataset, nuint index) => TransferObjects.ItemAt(dataset, index);
    static void acltdtAddDataItem(ObjectHandle dataset, ObjectHandle dataItem) => TransferObjects.Add(dataset, dataItem);
    static nuint acltdtGetDatasetSize(ObjectHandle dataset) => (nuint)TransferObjects.Dataset(dataset).Items.Count;
    static byte* acltdtGetDatasetName(ObjectHandle dataset) => TransferObjects.NameOf(dataset);

    static nint acltdtCreateQueueAttr() => DataObjects.Create(new QueueAttributes());
    static void acltdtDestroyQueueAttr(ObjectHandle attr) => DataObjects.Destroy<QueueAttributes>(attr, nameof(attr), QueueObjects.AttributesKind);
    static void acltdtSetQueueAttr(ObjectHandle attr, acltdtQueueAttrType type, nuint len, void* param) => QueueObjects.Set(attr, type, len, param);
    static void acltdtGetQueueAttr(ObjectHandle attr, acltdtQueueAttrType type, nuint len, nuint* paramRetSize, void* param) => QueueObjects.Get(attr, type, len, paramRetSize, param);
    static nint acltdtCreateQueueRoute(uint srcId, uint dstId) => DataObjects.Create(new QueueRoute(srcId, dstId));
    static void acltdtDestroyQueueRoute(ObjectHandle route) => DataObjects.Destroy<QueueRoute>(route, nameof(route), QueueObjects.RouteKind);
    static void acltdtGetQueueRouteParam(ObjectHandle route, acltdtQueueRouteParamType type, nuint len, nuint* paramRetSize, void* param) => QueueObjects.Get(route, type, len, paramRetSize, param);
    static nint acltdtCreateQueueRouteList() => DataObjects.Create(new QueueRouteList());
    static void acltdtDestroyQueueRouteList(ObjectHandle routeList) => DataObjects.Destroy<QueueRouteList>(routeList, nameof(routeList), QueueObjects.ListKind);
    static void acltdtAddQueueRoute(ObjectHandle routeList, ObjectHandle route) => QueueObjects.Add(routeList, route);
    static void acltdtGetQueueRoute(ObjectHandle routeList, nuint index, ObjectHandle route) => QueueObjects.Copy(routeList, index, route);
    static nuint acltdtGetQueueRouteNum(ObjectHandle routeList) => (nuint)QueueObjects.List(routeList).Routes.Count;
    static nint acltdtCreateQueueRouteQueryInfo() => DataObjects.Create(new QueueRouteQuery());
    static void acltdtDestroyQueueRouteQueryInfo(ObjectHandle info) => DataObjects.Destroy<QueueRouteQuery>(info, nameof(info), QueueObjects.QueryKind);
    static void acltdtSetQueueRouteQueryInfo(ObjectHandle param, acltdtQueueRouteQueryInfoParamType type, nuint len, void* value) => QueueObjects.Set(param, type, len, value);
}
