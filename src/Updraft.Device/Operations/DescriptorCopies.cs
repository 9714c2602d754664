using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// Copies described in device memory: the descriptor is written by the host, and may be changed by it or by an earlier task until the
/// copy runs. Source, destination and length are read then, and whatever is found there: rubbish makes the task fail.
/// </summary>
internal static unsafe class DescriptorCopies
{
    private const ulong MaximumBytes = 1UL << 32;

    /// <summary>Where a chip expects what. The first bytes belong to the runtime: a launch overwrites them on chips that have such.</summary>
    private readonly record struct Layout(int Bytes, int OwnedBytes, int Length, int Source, int Destination);

    private static readonly Layout s_first = new(Bytes: 32, OwnedBytes: 12, Length: 12, Source: 16, Destination: 24);
    private static readonly Layout s_second = new(Bytes: 64, OwnedBytes: 0, Length: 48, Source: 32, Destination: 40);

    private static ref readonly Layout ChipLayout => ref Chip.Current.CopyDescriptorBytes == s_second.Bytes ? ref s_second : ref s_first;

    internal static void Size(aclrtMemcpyKind kind, nuint* descSize)
    {
        Check.NotNull(descSize, nameof(descSize));
        CheckKnown(kind);
        Check.Supported(Function.aclrtGetMemcpyDescSize);
        CheckUsable(kind);
        *descSize = (nuint)ChipLayout.Bytes;
    }

    internal static void Set(void* desc, aclrtMemcpyKind kind, void* srcAddr, void* dstAddr, nuint count, void* config)
    {
        Check.NotNull(desc, nameof(desc));
        CheckKnown(kind);
        Check.NotNull(srcAddr, nameof(srcAddr));
        Check.NotNull(dstAddr, nameof(dstAddr));
        Check.That(count != 0, AclError.InvalidParam, "count is 0; a descriptor copies at least one byte.");
        Check.That(config == null, AclError.InvalidParam, "config is reserved and must be NULL.");
        Check.Supported(Function.aclrtSetMemcpyDesc);
        CheckUsable(kind);
        Check.That(count <= MaximumBytes, AclError.RtParamInvalid, $"count is {count} bytes; one descriptor copies at most 4 GiB.");
        CheckAligned(desc);
        ref readonly Layout layout = ref ChipLayout;
        Place place = Place.Of(desc, (nuint)layout.Bytes), to = Place.Of(dstAddr, count), from = Place.Of(srcAddr, count);
        CheckOnDevice(place);
        Check.That(to.Class == MemoryClass.Device && from.Class == MemoryClass.Device && to.Device == from.Device, AclError.RtParamInvalid,
            $"Source and destination must be memory of one device, not {Place.Describe(srcAddr)} and {Place.Describe(dstAddr)}.");
        _ = Current.Context;
        Copies.CheckWritable(place, (nuint)layout.Bytes, "descriptor");
        ThreadState thread = ProcessLock.Enter();
        var bytes = (byte*)place.Backing;
        new Span<byte>(bytes, layout.Bytes).Clear();
        // 32 bits: exactly 4 GiB becomes 0, a copy of nothing.
        Unsafe.WriteUnaligned(bytes + layout.Length, (uint)count);
        Unsafe.WriteUnaligned(bytes + layout.Source, (ulong)srcAddr);
        Unsafe.WriteUnaligned(bytes + layout.Destination, (ulong)dstAddr);
        ProcessLock.Leave(thread);
        ValueWaits.Written();
    }

    internal static void Async(void* desc, aclrtMemcpyKind kind, StreamHandle streamHandle)
    {
        Check.NotNull(desc, nameof(desc));
        CheckKnown(kind);
        Check.That(!streamHandle.IsNull, AclError.InvalidParam, "stream is NULL; a copy with a descriptor needs a stream of its own, the default stream cannot be named by NULL here.");
        Check.Supported(Function.aclrtMemcpyAsyncWithDesc);
        _ = streamHandle.GetOrNull();
        CheckUsable(kind);
        ref readonly Layout layout = ref ChipLayout;
        Place place = Place.Of(desc, (nuint)layout.Bytes);
        CheckOnDevice(place);
        CheckAligned(desc);
        Stream stream = Current.Stream(streamHandle);
        if (layout.OwnedBytes > 0)
        {
            Copies.CheckWritable(place, (nuint)layout.Bytes, "descriptor");
            ThreadState thread = ProcessLock.Enter();
            new Span<byte>((void*)place.Backing, layout.OwnedBytes).Clear();
            ProcessLock.Leave(thread);
        }
        stream.Submit(new Command { Kind = CommandKind.Task }, new Copy(place.IsWhole ? place.Backing : 0, layout));
    }

    private static void CheckKnown(aclrtMemcpyKind kind) =>
        Check.That((uint)kind < 8, AclError.InvalidParam, $"kind is {(int)kind}; expected ACL_MEMCPY_INNER_DEVICE_TO_DEVICE (6).");

    private static void CheckUsable(aclrtMemcpyKind kind)
    {
        if (kind != aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"kind is {kind}; descriptors copy with ACL_MEMCPY_INNER_DEVICE_TO_DEVICE (6) only.", isStored: false);
        }
    }

    private static void CheckAligned(void* desc) =>
        Check.That(((nuint)desc & 63) == 0, AclError.RtParamInvalid, $"The descriptor 0x{(nuint)desc:x} must be aligned to 64 bytes.");

    private static void CheckOnDevice(in Place place) =>
        Check.That(place.Class == MemoryClass.Device, AclError.RtParamInvalid, $"A descriptor lies in device memory, not in {Place.Describe((void*)place.Address)}.");

    private sealed class Copy(nuint descriptor, Layout layout) : DeviceTask
    {
        internal override bool UsesLiveMemory => descriptor == 0 || Place.OfBacking(descriptor, (nuint)layout.Bytes).IsWhole;

        internal override bool Run(Stream stream, ref AclError result)
        {
            if (descriptor == 0)
            {
                result = AclError.RtSysDma;
                return true;
            }
            var bytes = (byte*)descriptor;
            nuint count = Unsafe.ReadUnaligned<uint>(bytes + layout.Length);
            nuint source = Unsafe.ReadUnaligned<nuint>(bytes + layout.Source), destination = Unsafe.ReadUnaligned<nuint>(bytes + layout.Destination);
            if (count != 0 && !Copies.TryOnDevice(stream, destination, source, count))
            {
                result = AclError.RtSysDma;
            }
            return true;
        }
    }
}
