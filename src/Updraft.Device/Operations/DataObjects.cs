namespace Updraft.Device;

/// <summary>An address and a length that travel together. Owns nothing: destroying it frees no memory.</summary>
internal sealed class DataBuffer(nint address, nuint sizeBytes)
{
    internal nint Address = address;
    internal nuint SizeBytes = sizeBytes;
}

/// <summary>A program's own memory allocator: an object of the program's and the functions that work on it.</summary>
internal sealed class AllocatorDescription
{
    internal const string Kind = "allocator description";

    internal nint Allocator, Allocate, Free, AllocateAdvised, AddressOfBlock;
}

/// <summary>
/// The plain objects of the interface: made, read and written by the host, never seen by the device. Programs hold a checked handle,
/// so a destroyed object is told from a live one; what C calls a pointer is never followed.
/// </summary>
internal static unsafe class DataObjects
{
    internal const string Buffer = "data buffer";

    internal static nint Create(object target) => HandleTable.Add(HandleKind.Object, target);

    internal static void Destroy<T>(ObjectHandle handle, string name, string kind) where T : class
    {
        _ = handle.Get<T>(name, kind);
        if (!HandleTable.Remove(handle.Value))
        {
            throw handle.Failure(name, kind);
        }
    }

    internal static void Update(ObjectHandle handle, void* data, nuint sizeBytes)
    {
        DataBuffer buffer = handle.Get<DataBuffer>("dataBuffer", Buffer);
        (buffer.Address, buffer.SizeBytes) = ((nint)data, sizeBytes);
    }

    internal static AllocatorDescription GetAllocator(ObjectHandle handle) => handle.Get<AllocatorDescription>("allocatorDesc", AllocatorDescription.Kind);

    /// <summary>A part of an allocator description: an address that may not be NULL.</summary>
    internal static nint NotNull(nint part, string name)
    {
        Check.NotNull((void*)part, name);
        return part;
    }

    internal static DataBuffer GetBuffer(ObjectHandle handle) => handle.Get<DataBuffer>("dataBuffer", Buffer);

    /// <summary>Bytes of one element; 0 for types narrower than a byte, for text and for what is no type at all.</summary>
    internal static nuint SizeOf(aclDataType type) => type switch
    {
        aclDataType.ACL_INT8 or aclDataType.ACL_UINT8 or aclDataType.ACL_BOOL or aclDataType.ACL_HIFLOAT8
            or aclDataType.ACL_FLOAT8_E5M2 or aclDataType.ACL_FLOAT8_E4M3FN or aclDataType.ACL_FLOAT8_E8M0 => 1,
        aclDataType.ACL_FLOAT16 or aclDataType.ACL_BF16 or aclDataType.ACL_INT16 or aclDataType.ACL_UINT16 => 2,
        aclDataType.ACL_FLOAT or aclDataType.ACL_INT32 or aclDataType.ACL_UINT32 or aclDataType.ACL_COMPLEX32 => 4,
        aclDataType.ACL_DOUBLE or aclDataType.ACL_INT64 or aclDataType.ACL_UINT64 or aclDataType.ACL_COMPLEX64 => 8,
        aclDataType.ACL_COMPLEX128 => 16,
        _ => 0,
    };
}
