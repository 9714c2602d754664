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

    static void aclrtSetGroup(int groupId) => Groups.Set(groupId);
    static void aclrtGetGroupCount(uint* count) => Out.Set(count, &Groups.Count, nameof(count));
    static nint aclrtCreateGroupInfo() => DataObjects.Create(new Groups.Info());
    static void aclrtDestroyGroupInfo(ObjectHandle groupInfo) => DataObjects.Destroy<Groups.Info>(groupInfo, nameof(groupInfo), Groups.Kind);
    static void aclrtGetAllGroupInfo(ObjectHandle groupInfo) => Groups.Fill(groupInfo);
    static void aclrtGetGroupInfoDetail(ObjectHandle groupInfo, int groupIndex, aclrtGroupAttr attr, void* attrValue, nuint valueLen, nuint* paramRetSize) => Groups.Detail(groupInfo, groupIndex, attr, attrValue, valueLen, paramRetSize);
}
