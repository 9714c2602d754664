namespace Updraft.Device;

/// <summary>aclrtMemset and aclrtMemsetD32, at once and queued.</summary>
internal static unsafe class Fills
{
    internal static void Sync(void* devPtr, nuint maxCount, int value, nuint count)
    {
        if (count == 0)
        {
            return;
        }
        Check.NotNull(devPtr, nameof(devPtr));
        Context context = Current.Context;
        context.Device.CheckTrouble();
        Captures.RefuseBlockingCall(context);
        CheckRoom(maxCount, count);
        Now(Place.Of(devPtr, count), (byte)value, count);
    }

    internal static void Async(void* devPtr, nuint maxCount, int value, nuint count, StreamHandle streamHandle)
    {
        if (count == 0)
        {
            return;
        }
        Check.NotNull(devPtr, nameof(devPtr));
        _ = streamHandle.GetOrNull();
        CheckRoom(maxCount, count);
        Stream stream = Current.Stream(streamHandle);
        Place place = Place.Of(devPtr, count);
        if (place.Class is MemoryClass.Host or MemoryClass.Unregistered)
        {
            // Documented surprise: host memory is filled at once, whatever the stream still has to do.
            Now(place, (byte)value, count);
            return;
        }
        Queue(stream, CommandKind.Fill, place, (byte)value, count, count);
    }

    internal static void SyncD32(void* ptr, nuint memSize, uint value, nuint count)
    {
        if (count == 0)
        {
            return;
        }
        Place place = CheckD32(ptr, memSize, count);
        if (!Chip.Supports(Function.aclrtMemsetD32))
        {
            // The real wrapper takes "not supported" for success; so programs for these chips cannot rely on the fill.
            return;
        }
        Current.Device.CheckTrouble();
        Copies.CheckWritable(place, count * 4, "filled");
        Now32(place, value, count);
    }

    internal static void AsyncD32(void* ptr, nuint memSize, uint value, nuint count, StreamHandle streamHandle)
    {
        if (count == 0)
        {
            return;
        }
        Place place = CheckD32(ptr, memSize, count);
        if (!Chip.Supports(Function.aclrtMemsetD32Async))
        {
            return;
        }
        if (place.Class == MemoryClass.Device)
        {
            Queue(Current.Stream(streamHandle), CommandKind.Fill32, place, value, count, count * 4);
            return;
        }
        _ = streamHandle.GetOrNull();
        _ = Current.Context;
        Copies.CheckWritable(place, count * 4, "filled");
        Now32(place, value, count);
    }

    private static Place CheckD32(void* ptr, nuint memSize, nuint count)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.That(((nuint)ptr & 3) == 0, AclError.InvalidParam, $"The address 0x{(nuint)ptr:x} is not aligned to 4 bytes.");
        Check.That(memSize >= unchecked(count * 4), AclError.InvalidParam, $"{count} numbers of 4 bytes do not fit into {memSize} bytes.");
        // The product may wrap for huge counts and pass the test above: then the range leaves every allocation.
        Place place = Place.Of(ptr, count > nuint.MaxValue / 4 ? nuint.MaxValue : count * 4);
        Check.That(place.Class is MemoryClass.Device or MemoryClass.Host, AclError.InvalidParam, $"aclrtMemsetD32 needs device or pinned host memory, not {Place.Describe(ptr)}.");
        return place;
    }

    private static void Queue(Stream stream, CommandKind kind, in Place place, uint value, nuint count, nuint bytes)
    {
        if (place.IsWritable && !place.NeedsGuard)
        {
            stream.Submit(new Command { Kind = kind, A = place.Backing, B = value, C = count });
            return;
        }
        if (place.Class == MemoryClass.Managed && !Chip.Current.CopiesManagedByTask)
        {
            // A host function fills managed memory there: its failure is a line in the log, not an error of the stream.
            Log.Error($"the fill of {bytes} bytes queued on stream {stream.Id} will not be made: {Place.Describe((void*)place.Address)}");
            stream.Submit(new Command { Kind = CommandKind.Marker });
            return;
        }
        stream.SubmitFault(AclError.RtSysDma, $"The fill of {bytes} bytes queued on stream {stream.Id} is not made: {Place.Describe((void*)place.Address)}.");
    }

    private static void Now(in Place place, byte value, nuint count)
    {
        Copies.CheckWritable(place, count, "filled");
        CheckWritable(place, count);
        ThreadState thread = ProcessLock.Enter();
        CopyEngine.Fill((byte*)place.Backing, value, count);
        ProcessLock.Leave(thread);
        ValueWaits.Written();
    }

    private static void Now32(in Place place, uint value, nuint count)
    {
        CheckWritable(place, count * 4);
        ThreadState thread = ProcessLock.Enter();
        CopyEngine.Fill32((uint*)place.Backing, value, count);
        ProcessLock.Leave(thread);
        ValueWaits.Written();
    }

    private static void CheckWritable(in Place place, nuint bytes) =>
        Check.That(!place.NeedsGuard || HostGuard.CanWrite((void*)place.Address, bytes), AclError.RtInvalidHandle, $"{bytes} bytes at 0x{place.Address:x} are not writable memory of this process.");

    private static void CheckRoom(nuint maxCount, nuint count) =>
        Check.That(count <= maxCount, AclError.RtParamInvalid, $"count ({count} bytes) is larger than maxCount ({maxCount} bytes).");
}
