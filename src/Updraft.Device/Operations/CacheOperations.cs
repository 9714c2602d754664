namespace Updraft.Device;

/// <summary>
/// Cache operations (CMO). The caches of the emulated device are those of the host, so none of them changes data; what is real is who
/// may ask for them, where, and that a barrier holds its stream until the INVALID operations it names are complete.
/// </summary>
internal static unsafe class CacheOperations
{
    private const aclrtCmoType Invalid = aclrtCmoType.ACL_RT_CMO_TYPE_INVALID;

    internal static void Async(void* src, nuint size, aclrtCmoType type, StreamHandle handle)
    {
        Check.NotNull(src, nameof(src));
        Check.That(size > 0, AclError.InvalidParam, "size is 0; give at least one byte.");
        CheckChip(Function.aclrtCmoAsync);
        if ((uint)type > 3)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"cmoType is {(int)type}; {Expected}.", isStored: false);
        }
        Stream stream = Current.Stream(handle);
        if (stream.BoundTo is { } model)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"Stream {stream.Id} is bound to model {model.Id}; aclrtCmoAsync is for other streams, aclrtCmoAsyncWithDesc for bound ones.", isStored: false);
        }
        stream.Submit(Operation((nuint)src, size, type));
    }

    internal static void AsyncWithBarrier(void* src, nuint size, aclrtCmoType type, uint barrierId, StreamHandle handle)
    {
        Check.NotNull(src, nameof(src));
        CheckChip(Function.aclrtCmoAsyncWithBarrier);
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; give at least one byte.");
        Check.That(type != Invalid || barrierId != 0, AclError.RtParamInvalid, "barrierId is 0; an INVALID operation needs a number above 0, so that aclrtCmoWaitBarrier can name it.");
        Check.That((uint)type > 3 || type == Invalid || barrierId == 0, AclError.RtParamInvalid, $"barrierId is {barrierId}; only INVALID operations have one, the others need 0.");
        Check.That((uint)type <= 3, AclError.RtFeatureNotSupport, $"cmoType is {(int)type}; {Expected}.");
        Stream stream = Current.Stream(handle);
        ModelInstance model = OfBound(stream);
        stream.Submit(Operation((nuint)src, size, type), model.RegisterBarrier(barrierId, type == Invalid));
    }

    internal static void WaitBarrier(aclrtBarrierTaskInfo* info, StreamHandle handle)
    {
        Check.NotNull(info, "taskInfo");
        ulong count = info->barrierNum;
        Check.That(count is > 0 and <= 6, AclError.InvalidParam, $"barrierNum is {count}; expected 1 to {6}.");
        var entries = new ReadOnlySpan<aclrtBarrierCmoInfo>(&info->cmoInfo, (int)count);
        for (int index = 0; index < entries.Length; index++)
        {
            Check.That(entries[index].cmoType == Invalid, AclError.RtParamInvalid, $"cmoInfo[{index}].cmoType is {(int)entries[index].cmoType}; only INVALID operations can be waited for.");
            Check.That(entries[index].barrierId != 0, AclError.RtParamInvalid, $"cmoInfo[{index}].barrierId is 0; barriers are numbered from 1.");
        }
        CheckChip(Function.aclrtCmoWaitBarrier);
        Stream stream = Current.Stream(handle);
        ModelInstance model = OfBound(stream);
        var operations = new List<CacheInvalidation>();
        var ids = new uint[entries.Length];
        for (int index = 0; index < entries.Length; index++)
        {
            ids[index] = entries[index].barrierId;
            CacheInvalidation[]? known = model.Barrier(ids[index]);
            Check.That(known != null, AclError.RtStreamModel, $"Barrier {ids[index]} is not known in model {model.Id}: submit the INVALID operation with this number first.");
            operations.AddRange(known);
        }
        stream.Submit(new Command { Kind = CommandKind.EventWait }, new BarrierWait(ids, [.. operations]));
    }

    // --- Descriptors -------------------------------------------------------------------------------------------------------------

    internal static void GetDescriptorSize(nuint* size)
    {
        Check.NotNull(size, nameof(size), AclError.RtParamInvalid);
        *size = (nuint)Chip.Current.CacheDescriptorBytes;
    }

    internal static void SetDescriptor(void* descriptor, void* src, nuint size)
    {
        Check.NotNull(descriptor, "cmoDesc", AclError.RtParamInvalid);
        Check.NotNull(src, nameof(src), AclError.RtParamInvalid);
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; give at least one byte.");
        Context context = Current.Context;
        context.Device.CheckTrouble();
        Captures.RefuseBlockingCall(context);
        int bytes = Chip.Current.CacheDescriptorBytes;
        byte* image = stackalloc byte[bytes];
        new Span<byte>(image, bytes).Clear();
        *(nuint*)(image + AddressOffset) = (nuint)src;
        *(uint*)(image + LengthOffset) = (uint)size;
        Copies.Now(Place.Of(descriptor, (nuint)bytes), Place.Of(image, (nuint)bytes), (nuint)bytes);
    }

    internal static void AsyncWithDescriptor(void* descriptor, aclrtCmoType type, StreamHandle handle, void* reserve)
    {
        Check.That(reserve == null, AclError.RtParamInvalid, "reserve must be NULL.");
        CheckChip(Function.aclrtCmoAsyncWithDesc);
        _ = handle.GetOrNull();
        Check.NotNull(descriptor, "cmoDesc", AclError.RtParamInvalid);
        Check.That((uint)type <= 3, AclError.RtParamInvalid, $"cmoType is {(int)type}; {Expected}.");
        Stream stream = Current.Stream(handle);
        _ = OfBound(stream);
        stream.Submit(new Command { Kind = CommandKind.Task, A = (nuint)descriptor }, new DescribedOperation((nuint)descriptor));
    }

    // Where our descriptors keep what they describe; programs treat them as opaque.
    private const int LengthOffset = 12, AddressOffset = 16;

    /// <summary>Reads its descriptor when the model executes; a descriptor that is gone by then is a fault of the device.</summary>
    private sealed class DescribedOperation(nuint descriptor) : DeviceTask
    {
        internal override bool Run(Stream stream, ref AclError result)
        {
            if (!Place.Of((void*)descriptor, (nuint)Chip.Current.CacheDescriptorBytes).IsWhole)
            {
                result = AclError.RtSysDma;
            }
            return true;
        }
    }

    private const string Expected = "expected PREFETCH (0), WRITEBACK (1), INVALID (2) or FLUSH (3)";

    /// <summary>The device counts in 32 bits.</summary>
    private static Command Operation(nuint address, nuint size, aclrtCmoType type) =>
        new() { Kind = CommandKind.CacheOperation, A = address, B = (uint)size, C = (nuint)type };

    private static ModelInstance OfBound(Stream stream) =>
        stream.BoundTo ?? throw new AclException(AclError.RtInternalError, $"Stream {stream.Id} is not bound to a model; this cache operation works only on streams bound with aclmdlRIBindStream.");

    private static void CheckChip(Function function)
    {
        if (!Chip.Supports(function))
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} does not have this cache operation; `updraft api {Functions.Name(function)}` lists the chips that do.", ThreadState.StoresUnsupported(function));
        }
    }
}
