using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>The description of a tensor: what kind of elements, how many in which direction, in which order.</summary>
internal sealed class TensorDescription(aclDataType type, aclFormat format, long[] dimensions)
{
    internal readonly aclDataType Type = type;
    internal aclFormat Format = format;
    internal long[] Dimensions = dimensions;
    internal aclFormat? StorageFormat;
    internal long[]? StorageDimensions;

    /// <summary>Pairs of the smallest and the largest value; null when none were given.</summary>
    internal (long Low, long High)[]? ShapeRange, ValueRange;
    internal OwnedText? Name;
    internal string? DynamicInput;
    internal byte[]? Constant;
    internal aclMemType Placement;

    internal TensorDescription Clone() => (TensorDescription)MemberwiseClone();

    /// <summary>0 when a dimension is not known yet (negative) or the product does not fit.</summary>
    internal nuint ElementCount
    {
        get
        {
            UInt128 count = 1;
            foreach (long dimension in Dimensions)
            {
                if (dimension < 0 || count > ulong.MaxValue)
                {
                    return 0;
                }
                count *= (ulong)dimension;
            }
            return count > ulong.MaxValue ? 0 : (nuint)count;
        }
    }
}

/// <summary>A string that C holds a pointer to for as long as its owner lives.</summary>
internal sealed unsafe class OwnedText(byte* source)
{
    internal readonly byte* Pointer = (byte*)Marshal.StringToCoTaskMemUTF8(Marshal.PtrToStringUTF8((nint)source));

    ~OwnedText() => Marshal.FreeCoTaskMem((nint)Pointer);
}

/// <summary>Buffers in a row, each with an optional description: what a model takes or gives. Owns neither buffers nor memory.</summary>
internal sealed class Dataset
{
    internal readonly List<(nint Buffer, nint Description)> Entries = [];
}

/// <summary>Tensor descriptions and data sets: plain objects of the operator and model interface, whose computing functions are refused.</summary>
internal static unsafe class Tensors
{
    internal const string Kind = "tensor description", DatasetKind = "data set";
    private const int MaximumDimensions = 1024;

    internal static nint Create(aclDataType type, int count, long* dimensions, aclFormat format) => DataObjects.Create(new TensorDescription(type, format, Read(count, dimensions)));

    internal static TensorDescription Get(ObjectHandle handle) => handle.Get<TensorDescription>("desc", Kind);

    internal static aclDataType TypeOf(ObjectHandle handle) => handle.GetOrNull<TensorDescription>()?.Type ?? aclDataType.ACL_DT_UNDEFINED;

    internal static aclFormat FormatOf(ObjectHandle handle) => handle.GetOrNull<TensorDescription>()?.Format ?? aclFormat.ACL_FORMAT_UNDEFINED;

    internal static nuint SizeOf(ObjectHandle handle)
    {
        TensorDescription description = Get(handle);
        UInt128 size = (UInt128)description.ElementCount * DataObjects.SizeOf(description.Type);
        return size > ulong.MaxValue ? 0 : (nuint)size;
    }

    /// <summary>-1, which is also an unknown dimension, when there is no such one; the newer function tells the two apart.</summary>
    internal static long Dimension(ObjectHandle handle, nuint index)
        => handle.GetOrNull<TensorDescription>() is { } description && index < (nuint)description.Dimensions.Length ? description.Dimensions[index] : -1;

    internal static void Dimension(ObjectHandle handle, nuint index, long* value)
    {
        TensorDescription description = Get(handle);
        Check.NotNull(value, "dimSize");
        CheckIndex(index, description.Dimensions.Length, "dimensions");
        *value = description.Dimensions[index];
    }

    internal static void DimensionRange(ObjectHandle handle, nuint index, nuint count, long* range)
    {
        TensorDescription description = Get(handle);
        Check.NotNull(range, "dimRange");
        Check.That(count >= 2, AclError.InvalidParam, $"dimRangeNum is {count}; a range is two numbers.");
        (long Low, long High)[] ranges = description.ShapeRange ?? throw new AclException(AclError.InvalidParam, "The description has no ranges; aclSetTensorShapeRange comes first.");
        CheckIndex(index, ranges.Length, "ranges");
        (range[0], range[1]) = ranges[index];
    }

    internal static (long, long)[] Ranges(nuint count, long* pairs)
    {
        Check.That(pairs != null || count == 0, AclError.InvalidParam, $"The ranges are NULL, their count is {count}.");
        Check.That(count <= MaximumDimensions, AclError.InvalidParam, $"{count} ranges are more than a tensor can have dimensions ({MaximumDimensions}).");
        var ranges = new (long, long)[count];
        for (int index = 0; index < ranges.Length; index++)
        {
            ranges[index] = (pairs[2 * index], pairs[2 * index + 1]);
        }
        return ranges;
    }

    internal static long[] Read(int count, long* dimensions)
    {
        Check.That(count is >= 0 and <= MaximumDimensions, AclError.InvalidParam, $"numDims is {count}; expected 0 to {MaximumDimensions}.");
        Check.That(dimensions != null || count == 0, AclError.InvalidParam, $"dims is NULL, numDims is {count}.");
        return HostGuard.Read(dimensions, count, "dims");
    }

    internal static void SetName(ObjectHandle handle, byte* name)
    {
        TensorDescription description = Get(handle);
        Check.NotNull(name, nameof(name));
        description.Name = new OwnedText(name);
    }

    internal static byte* NameOf(ObjectHandle handle)
    {
        OwnedText? name = Get(handle).Name;
        return name == null ? NativeText.Of("") : name.Pointer;
    }

    internal static string Text(byte* text, string name)
    {
        Check.NotNull(text, name);
        return Marshal.PtrToStringUTF8((nint)text)!;
    }

    internal static void SetConstant(ObjectHandle handle, void* data, nuint lengthBytes)
    {
        TensorDescription description = Get(handle);
        Check.NotNull(data, "dataBuffer");
        Check.That(lengthBytes is > 0 and <= int.MaxValue, AclError.InvalidParam, $"length is {lengthBytes}; expected 1 to {int.MaxValue} bytes.");
        description.Constant = HostGuard.Read((byte*)data, (int)lengthBytes, "dataBuffer");
    }

    internal static void SetPlacement(ObjectHandle handle, aclMemType type)
    {
        TensorDescription description = Get(handle);
        Check.That(Enum.IsDefined(type), AclError.InvalidParam, $"memType is {(int)type}; expected a value of aclMemType.");
        description.Placement = type;
    }

    internal static Dataset GetDataset(ObjectHandle handle) => handle.Get<Dataset>("dataset", DatasetKind);

    internal static void Add(ObjectHandle handle, ObjectHandle buffer)
    {
        Dataset dataset = GetDataset(handle);
        _ = buffer.Get<DataBuffer>("dataBuffer", DataObjects.Buffer);
        dataset.Entries.Add((buffer.Value, 0));
    }

    internal static nint BufferAt(ObjectHandle handle, nuint index)
    {
        Dataset dataset = GetDataset(handle);
        CheckIndex(index, dataset.Entries.Count, "buffers");
        return dataset.Entries[(int)index].Buffer;
    }

    /// <summary>The data set keeps a copy: the caller's description may be changed or destroyed.</summary>
    internal static void Describe(ObjectHandle handle, ObjectHandle description, nuint index)
    {
        Dataset dataset = GetDataset(handle);
        TensorDescription given = description.Get<TensorDescription>("tensorDesc", Kind);
        CheckIndex(index, dataset.Entries.Count, "buffers");
        (nint buffer, nint former) = dataset.Entries[(int)index];
        dataset.Entries[(int)index] = (buffer, DataObjects.Create(given.Clone()));
        HandleTable.Remove(former);
    }

    internal static nint DescriptionAt(ObjectHandle handle, nuint index)
    {
        Dataset dataset = GetDataset(handle);
        CheckIndex(index, dataset.Entries.Count, "buffers");
        return dataset.Entries[(int)index].Description;
    }

    internal static void Destroy(ObjectHandle handle)
    {
        Dataset dataset = GetDataset(handle);
        DataObjects.Destroy<Dataset>(handle, "dataset", DatasetKind);
        foreach ((_, nint description) in dataset.Entries)
        {
            HandleTable.Remove(description);
        }
    }

    private static void CheckIndex(nuint index, int count, string what) => Check.That(index < (nuint)count, AclError.InvalidParam, $"index is {index}; there are {count} {what}.");
}
