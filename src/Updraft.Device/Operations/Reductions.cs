namespace Updraft.Device;

/// <summary>aclrtReduceAsync: dst := dst OP src, element by element, in stream order.</summary>
internal static unsafe class Reductions
{
    private const ulong MaximumBytes = 1UL << 32;
    private const aclrtReduceKind Sum = aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, Equal = aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_EQUAL;

    internal static void Async(void* dst, void* src, ulong count, aclrtReduceKind kind, aclDataType type, StreamHandle streamHandle, void* reserve)
    {
        Check.NotNull(dst, nameof(dst));
        Check.NotNull(src, nameof(src));
        Check.That(reserve == null, AclError.InvalidParam, "reserve is reserved and must be NULL.");
        Check.That(IsKnown(type), AclError.InvalidParam, $"type is {type} ({(int)type}), which no chip reduces.");
        if (!Chip.Current.HasStars)
        {
            // Older chips come in by another door: it looks for a context first, and knows sums only.
            _ = Current.Context;
        }
        _ = streamHandle.GetOrNull();
        Check.That(count != 0, AclError.RtParamInvalid, "count is 0; give the number of bytes, at least one element.");
        Check.That(kind is >= Sum and <= Equal && (kind == Sum || Chip.Current.HasStars), AclError.RtParamInvalid, $"kind is {(int)kind}; expected {(Chip.Current.HasStars ? "10 (sum) to 13 (equal)" : "10 (sum)")}.");
        Check.That(count <= MaximumBytes || kind != Sum, AclError.RtParamInvalid, $"count is {count} bytes; one sum takes at most 4 GiB.");
        Stream stream = Current.Stream(streamHandle);
        CheckSupported(kind, type);
        int size = SizeOf(type);
        if (Chip.Current.TakesTaskBeforeAlignment)
        {
            stream.CheckAccepts();
        }
        CheckAligned(src, size, nameof(src));
        CheckAligned(dst, size, nameof(dst));
        Place to = Place.Of(dst, (nuint)count), from = Place.Of(src, (nuint)count);
        if (IsOnDevice(to) && to.IsWritable && IsOnDevice(from))
        {
            stream.Submit(new Command { Kind = CommandKind.Task }, new Reduction(to.Backing, from.Backing, (nuint)count / (nuint)size, kind, type));
            return;
        }
        stream.SubmitFault(AclError.RtSysDma, $"The reduction of {count} bytes queued on stream {stream.Id} is not made: from {Place.Describe(src)} to {Place.Describe(dst)}.");
    }

    private static bool IsOnDevice(in Place place) => place.Class == MemoryClass.Device && place.IsWhole;

    /// <summary>The types the wrapper lets through, on every chip.</summary>
    private static bool IsKnown(aclDataType type) => type is aclDataType.ACL_FLOAT or aclDataType.ACL_FLOAT16 or aclDataType.ACL_INT16 or aclDataType.ACL_INT4 or aclDataType.ACL_INT8
        or aclDataType.ACL_INT32 or aclDataType.ACL_BF16 or aclDataType.ACL_UINT8 or aclDataType.ACL_UINT16 or aclDataType.ACL_UINT32;

    private static void CheckSupported(aclrtReduceKind kind, aclDataType type)
    {
        ReductionSet chip = Chip.Current.Reductions;
        if (!chip.Kinds.Contains(kind))
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} does not reduce with {kind}.", isStored: false);
        }
        if (!chip.Types.Contains(type))
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} does not reduce {type}; it reduces {string.Join(", ", chip.Types)}.", isStored: false);
        }
    }

    private static void CheckAligned(void* address, int size, string name) =>
        Check.That(((nuint)address & (nuint)(size - 1)) == 0, AclError.RtAddrUnaligned, $"{name} 0x{(nuint)address:x} must be aligned to the {size} bytes of an element.");

    internal static int SizeOf(aclDataType type) => type switch
    {
        aclDataType.ACL_INT8 => 1,
        aclDataType.ACL_INT16 or aclDataType.ACL_FLOAT16 or aclDataType.ACL_BF16 => 2,
        _ => 4,
    };
}
