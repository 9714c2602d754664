namespace Updraft.Device;

/// <summary>
/// aclrtMemcpyAsyncWithOffset: the arguments are the addresses of two cells in device memory, the cells hold the base addresses. Both
/// are read when the task runs, so an earlier task may still change where the copy goes.
/// </summary>
internal static unsafe class OffsetCopies
{
    private const ulong MaximumBytes = 1UL << 32, MaximumOffset = 0xFFFF_FFFF_FFFF;

    internal static void Async(void** dst, nuint destMax, nuint dstOffset, void** src, nuint count, nuint srcOffset, aclrtMemcpyKind kind, StreamHandle streamHandle)
    {
        if (count == 0)
        {
            return;
        }
        Check.That(kind == aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE, AclError.RtParamInvalid, $"kind is {(int)kind}; only ACL_MEMCPY_INNER_DEVICE_TO_DEVICE (6) copies with offsets.");
        Check.Supported(Function.aclrtMemcpyAsyncWithOffset);
        _ = streamHandle.GetOrNull();
        Check.NotNull(dst, nameof(dst), AclError.RtParamInvalid);
        Check.NotNull(src, nameof(src), AclError.RtParamInvalid);
        Copies.CheckCount(destMax, count);
        Check.That(count <= MaximumBytes, AclError.RtParamInvalid, $"count is {count} bytes; one copy with offsets moves at most 4 GiB.");
        Check.That(srcOffset <= MaximumOffset && dstOffset <= MaximumOffset, AclError.RtParamInvalid, $"An offset (source {srcOffset}, destination {dstOffset}) is larger than 48 bits.");
        Check.That(dstOffset < destMax && count <= destMax - dstOffset, AclError.RtParamInvalid, $"{count} bytes at offset {dstOffset} do not fit into destMax ({destMax} bytes).");
        Stream stream = Current.Stream(streamHandle);
        Place to = Place.Of(dst, sizeof(ulong)), from = Place.Of(src, sizeof(ulong));
        bool areCells = IsCell(to) && IsCell(from);
        Check.That(areCells || !Chip.Current.TranslatesCellsAtSubmit, AclError.RtInvalidHandle,
            $"dst and src are addresses of cells in live device memory that hold the base addresses, not {Place.Describe(dst)} and {Place.Describe(src)}.");
        stream.Submit(new Command { Kind = CommandKind.Task }, new Copy(areCells ? to.Backing : 0, dstOffset, areCells ? from.Backing : 0, srcOffset, count));
    }

    private static bool IsCell(in Place place) => place.Class == MemoryClass.Device && place.IsWhole;

    /// <summary>A cell of 0 stands for one that is no device memory: the task faults.</summary>
    private sealed class Copy(nuint toCell, nuint toOffset, nuint fromCell, nuint fromOffset, nuint count) : DeviceTask
    {
        internal override bool UsesLiveMemory => toCell == 0 || Place.OfBacking(toCell, (nuint)sizeof(nuint)).IsWhole && Place.OfBacking(fromCell, (nuint)sizeof(nuint)).IsWhole;

        internal override bool Run(Stream stream, ref AclError result)
        {
            if (toCell == 0 || !Copies.TryOnDevice(stream, Cell(toCell) + toOffset, Cell(fromCell) + fromOffset, count))
            {
                result = AclError.RtSysDma;
            }
            return true;
        }

        private static nuint Cell(nuint backing) => System.Runtime.CompilerServices.Unsafe.ReadUnaligned<nuint>((void*)backing);
    }
}
