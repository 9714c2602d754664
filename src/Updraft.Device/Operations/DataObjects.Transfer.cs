namespace Updraft.Device;

/// <summary>A tensor on its way through a channel: description and address, no memory of its own.</summary>
internal sealed record DataItem(acltdtTensorType Kind, long[] Dimensions, aclDataType Type, nint Address, nuint SizeBytes);

/// <summary>Items in a row. Owns none of them.</summary>
internal sealed class TransferDataset
{
    internal readonly List<nint> Items = [];
}

/// <summary>The plain objects of tensor transfer. The channels themselves are another matter.</summary>
internal static unsafe class TransferObjects
{
    internal const string ItemKind = "data item", DatasetKind = "transfer data set";
    private const int MaximumDimensions = 128;

    internal static nint CreateItem(acltdtTensorType kind, long* dimensions, nuint count, aclDataType type, void* data, nuint sizeBytes)
    {
        Check.That(Enum.IsDefined(kind) && kind != acltdtTensorType.ACL_TENSOR_DATA_UNDEFINED, AclError.InvalidParam, $"tdtType is {(int)kind}; expected a value of acltdtTensorType from 0.");
        Check.That(count <= MaximumDimensions, AclError.InvalidParam, $"dimNum is {count}; expected at most {MaximumDimensions}.");
        Check.That(dimensions != null || count == 0, AclError.InvalidParam, $"dims is NULL, dimNum is {count}.");
        return DataObjects.Create(new DataItem(kind, HostGuard.Read(dimensions, (int)count, "dims"), type, (nint)data, sizeBytes));
    }

    internal static DataItem Item(ObjectHandle handle) => handle.Get<DataItem>("dataItem", ItemKind);
    internal static acltdtTensorType KindOf(ObjectHandle handle) => handle.GetOrNull<DataItem>()?.Kind ?? acltdtTensorType.ACL_TENSOR_DATA_UNDEFINED;
    internal static aclDataType TypeOf(ObjectHandle handle) => handle.GetOrNull<DataItem>()?.Type ?? aclDataType.ACL_DT_UNDEFINED;

    internal static void Dimensions(ObjectHandle handle, long* dimensions, nuint count)
    {
        long[] own = Item(handle).Dimensions;
        Check.That(dimensions != null || count == 0, AclError.InvalidParam, $"dims is NULL, dimNum is {count}.");
        Check.That(count >= (nuint)own.Length, AclError.InvalidParam, $"dimNum is {count}; the item has {own.Length} dimensions.");
        own.CopyTo(new Span<long>(dimensions, own.Length));
    }

    internal static TransferDataset Dataset(ObjectHandle handle) => handle.Get<TransferDataset>("dataset", DatasetKind);

    internal static nint ItemAt(ObjectHandle handle, nuint index)
    {
        List<nint> items = Dataset(handle).Items;
        Check.That(index < (nuint)items.Count, AclError.InvalidParam, $"index is {index}; there are {items.Count} items.");
        return items[(int)index];
    }

    internal static void Add(ObjectHandle handle, ObjectHandle item)
    {
        TransferDataset dataset = Dataset(handle);
        _ = Item(item);
        dataset.Items.Add(item.Value);
    }

    /// <summary>A set that was made here has no name; only one that came through a channel could have.</summary>
    internal static byte* NameOf(ObjectHandle handle)
    {
        _ = Dataset(handle);
        return NativeText.Of("");
    }
}
