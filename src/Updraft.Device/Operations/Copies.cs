using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>
/// The copies of one range: which checks in which order, which direction, at once or queued. Order and codes are those of the real
/// library; a request with two faults gets the code of the first row that finds one.
/// </summary>
internal static unsafe class Copies
{
    private const aclrtMemcpyKind H2H = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_HOST, H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE,
        D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, D2D = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE,
        Default = aclrtMemcpyKind.ACL_MEMCPY_DEFAULT, Buffered = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE;

    /// <summary>aclrtMemcpy: the pointers alone decide the direction; queued work is not waited for.</summary>
    internal static void Sync(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind)
    {
        if (count == 0)
        {
            return;
        }
        CheckArguments(dst, src, kind);
        CheckCount(destMax, count);
        if (dst == src)
        {
            return;
        }
        ThreadState thread = ThreadState.Current;
        Context context = thread.Context ?? Current.Context;
        context.Device.CheckTrouble();
        Captures.RefuseBlockingCall(context);
        Now(thread, Place.Of(dst, count), Place.Of(src, count), count);
    }

    /// <summary>aclrtMemcpyAsync and its deprecated alias aclrtMemcpyAsyncWithCondition.</summary>
    internal static void Async(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, StreamHandle stream)
    {
        if (!TryQueue(dst, destMax, src, count, kind, stream))
        {
            AsyncChecked(dst, destMax, src, count, kind, stream);
        }
    }

    /// <summary>
    /// The call that users measure: everything in order, memory of AscendCL on both sides, a stream of the current context. What is
    /// special in any way, mistakes included, takes the documented path through the checks.
    /// </summary>
    private static bool TryQueue(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, StreamHandle handle)
    {
        ThreadState caller = ThreadState.Current;
        // Wraps around for a count of 0, which is special too.
        if (count - 1 >= destMax || (uint)kind > (uint)Default || dst == src || Machine.IsStrict
            || caller.Context is not { } context || handle.GetOrNull(context.DefaultStream) is not { } stream || stream.Context != context)
        {
            return false;
        }
        nuint to = Place.Translate(dst, count, isWritten: true, out bool toDevice), from = Place.Translate(src, count, isWritten: false, out bool fromDevice);
        if (to == 0 || from == 0 || !(toDevice | fromDevice))
        {
            return false;
        }
        stream.Submit(caller, new Command { Kind = CommandKind.Copy, A = to, B = from, C = count }, null);
        return true;
    }

    private static void AsyncChecked(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, StreamHandle streamHandle)
    {
        if (count == 0)
        {
            return;
        }
        CheckArguments(dst, src, kind);
        Stream? stream = streamHandle.GetOrNull();
        CheckCount(destMax, count);
        Check.That(kind != Buffered || stream?.BoundTo == null, AclError.RtParamInvalid, "ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE cannot be queued on a stream that is bound to a model: the buffer holds for one run only.");
        Context context = Current.Context;
        Place to = Place.Of(dst, count), from = Place.Of(src, count);
        if (kind == Buffered)
        {
            AsyncBuffered(to, from, count, stream ?? context.DefaultStream, context);
            return;
        }
        aclrtMemcpyKind direction = Direction(to, from, kind);
        if (direction == H2H)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"An asynchronous copy between two host addresses is not supported ({Place.Describe(src)} to {Place.Describe(dst)}); use memcpy or aclrtMemcpy.", isStored: false);
        }
        if (dst == src)
        {
            return;
        }
        stream ??= context.DefaultStream;
        if (IsPageable(to, from, direction))
        {
            SyncBehind(stream, to, from, count);
            return;
        }
        if (stream.Context != context)
        {
            Current.ThrowForeign(stream, context);
        }
        Queue(stream, to, from, count, direction);
    }

    /// <summary>The direction that is really taken. Between memory of AscendCL the kind is only a hint; with a pageable side it must fit.</summary>
    internal static aclrtMemcpyKind Direction(in Place to, in Place from, aclrtMemcpyKind kind)
    {
        if (to.Class == MemoryClass.Managed || from.Class == MemoryClass.Managed)
        {
            return kind;
        }
        bool toDevice = to.Class == MemoryClass.Device, fromDevice = from.Class == MemoryClass.Device;
        aclrtMemcpyKind natural = (fromDevice, toDevice) switch { (false, true) => H2D, (true, false) => D2H, (true, true) => D2D, _ => H2H };
        if (to.Class != MemoryClass.Unregistered && from.Class != MemoryClass.Unregistered || kind == Default)
        {
            return natural;
        }
        bool fits = (from.Class, to.Class) switch
        {
            (MemoryClass.Unregistered, MemoryClass.Device) => kind is H2D or D2D,
            (MemoryClass.Device, MemoryClass.Unregistered) => kind is D2H or D2D,
            (MemoryClass.Host, MemoryClass.Unregistered) => kind is H2H or H2D,
            (MemoryClass.Unregistered, MemoryClass.Host) => kind is H2H or D2H,
            _ => true,
        };
        Check.That(fits, AclError.RtParamInvalid, $"{kind} does not fit the memory: the source is {Name(from.Class)} and the destination {Name(to.Class)} memory.");
        return kind;
    }

    internal static bool IsPageable(in Place to, in Place from, aclrtMemcpyKind direction) =>
        direction is not (H2H or D2D) && (to.Class == MemoryClass.Unregistered || from.Class == MemoryClass.Unregistered);

    /// <summary>
    /// Pageable memory cannot be copied behind the caller's back: what is queued on the stream is waited for (an older error of the
    /// stream becomes this call's result), then the caller's thread copies.
    /// </summary>
    internal static void SyncBehind(Stream stream, in Place to, in Place from, nuint count)
    {
        Captures.RefusePageable(stream);
        Drain(stream);
        Captures.RefuseBlockingCopy(Current.Context);
        Now(to, from, count);
    }

    /// <summary>As <see cref="SyncBehind"/>, for one element of a batch: a capture refuses it as it refuses a synchronous copy, or lets it happen at once.</summary>
    internal static void SyncBehindInBatch(Stream stream, in Place to, in Place from, nuint count)
    {
        Captures.RefuseBlockingCall(Current.Context);
        if (stream.Capture == null)
        {
            Drain(stream);
        }
        Now(to, from, count);
    }

    internal static void Drain(Stream stream)
    {
        AclError earlier = stream.Synchronize(Timeout.Infinite);
        if (earlier != AclError.Success)
        {
            Check.Fail(earlier, $"An earlier task of stream {stream.Id} failed; this copy of pageable memory waited for it and was not made. {ThreadState.Current.TakeExplanation(earlier)}");
        }
    }

    /// <summary>Copies on the calling thread. A range that leaves its allocation or was freed is never touched: 107017.</summary>
    internal static void Now(in Place to, in Place from, nuint count) => Now(ThreadState.Current, to, from, count);

    private static void Now(ThreadState thread, in Place to, in Place from, nuint count)
    {
        CheckBoth(to, from, count);
        ProcessLock.Enter(thread);
        if (to.NeedsGuard || from.NeedsGuard)
        {
            NowGuarded(to.Backing, from.Backing, count);
        }
        else
        {
            CopyEngine.Copy((byte*)to.Backing, (byte*)from.Backing, count);
        }
        ProcessLock.Leave(thread);
        ValueWaits.Written();
    }

    internal static void CheckBoth(in Place to, in Place from, nuint count)
    {
        CheckWritable(to, count, "destination");
        CheckWhole(from, count, "source");
        CheckStrict(to, from, AclError.RtInvalidHandle);
    }

    /// <summary>Copies with a side that is host memory of the program; 107017 when it cannot be touched.</summary>
    internal static void NowGuarded(nuint to, nuint from, nuint count)
    {
        if (!HostGuard.TryCopy((void*)to, (void*)from, count))
        {
            Check.Fail(AclError.RtInvalidHandle, $"The host memory of the copy is not accessible: {count} bytes from 0x{from:x} to 0x{to:x}.");
        }
    }

    /// <summary>A copy whose addresses a task has found in device memory, made at once by the executing thread. False for anything that is not live device memory.</summary>
    internal static bool TryOnDevice(Stream stream, nuint destination, nuint source, nuint count)
    {
        Place to = Place.Of((void*)destination, count, stream.Device), from = Place.Of((void*)source, count, stream.Device);
        if (to.Class != MemoryClass.Device || from.Class != MemoryClass.Device || !to.IsWritable || !from.IsWhole || Machine.IsStrict && !MayAccess(to, from))
        {
            stream.Explain($"The copy of {count} bytes whose addresses stream {stream.Id} has just read is not made: from {Place.Describe((void*)source)} to {Place.Describe((void*)destination)}.");
            return false;
        }
        CopyEngine.Copy((byte*)to.Backing, (byte*)from.Backing, count);
        return true;
    }

    /// <summary>Queues a copy whose sides were looked up. A range that is not whole becomes a task that fails with 507013.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Queue(Stream stream, in Place to, in Place from, nuint count, aclrtMemcpyKind direction) => Submit(stream, to, from, count, direction,
        new Command { Kind = to.NeedsGuard || from.NeedsGuard ? CommandKind.CopyGuarded : CommandKind.Copy, A = to.Backing, B = from.Backing, C = count });

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Submit(Stream stream, in Place to, in Place from, nuint count, aclrtMemcpyKind direction, in Command command, object? attached = null)
    {
        if (Faults(to, from, direction) || Machine.IsStrict)
        {
            SubmitChecked(stream, to, from, count, direction, command, attached);
            return;
        }
        stream.Submit(in command, attached);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SubmitChecked(Stream stream, in Place to, in Place from, nuint count, aclrtMemcpyKind direction, Command command, object? attached)
    {
        if (Machine.IsStrict)
        {
            CheckAlignment(to, from);
        }
        if (Faults(to, from, direction) || Machine.IsStrict && !MayAccess(to, from))
        {
            SubmitFailing(stream, to, from, count);
            return;
        }
        stream.Submit(in command, attached);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Faults(in Place to, in Place from, aclrtMemcpyKind direction) =>
        !to.IsWritable || !from.IsWhole || direction == D2D && (to.Class == MemoryClass.Unregistered || from.Class == MemoryClass.Unregistered) && !IsManaged(to, from);

    /// <summary>Such copies are made by a host function on most chips: any direction works, and a failure is a line in the log, not an error of the stream.</summary>
    private static bool IsManaged(in Place to, in Place from) =>
        (to.Class == MemoryClass.Managed || from.Class == MemoryClass.Managed) && !Chip.Current.CopiesManagedByTask;

    private static void AsyncBuffered(in Place to, in Place from, nuint count, Stream stream, Context context)
    {
        Check.That(stream.BoundTo == null, AclError.RtParamInvalid, $"Stream {stream.Id} is bound to a model, which cannot keep the buffer of ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE; use pinned memory.");
        Check.That(to.Class == MemoryClass.Device && from.Class != MemoryClass.Device, AclError.RtParamInvalid,
            "ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE copies from host memory to device memory only.");
        if (to.Address == from.Address)
        {
            return;
        }
        if (stream.Context != context)
        {
            Current.ThrowForeign(stream, context);
        }
        // First: a size that fits no allocation must not be asked for as a buffer.
        if (!to.IsWritable || !from.IsWhole)
        {
            SubmitFailing(stream, to, from, count);
            return;
        }
        stream.Submit(new Command { Kind = CommandKind.Task }, new BufferedCopy(to, from, count));
    }

    internal static void CheckArguments(void* dst, void* src, aclrtMemcpyKind kind)
    {
        Check.NotNull(dst, nameof(dst));
        Check.NotNull(src, nameof(src));
        if (kind is < H2H or > Buffered)
        {
            Check.Fail(AclError.InvalidParam, $"kind is {(int)kind}; expected ACL_MEMCPY_HOST_TO_HOST (0) to ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE (5).");
        }
    }

    internal static void CheckCount(nuint destMax, nuint count)
    {
        if (count > destMax)
        {
            Check.Fail(AclError.RtParamInvalid, $"count ({count} bytes) is larger than destMax ({destMax} bytes).");
        }
    }

    internal static void CheckWhole(in Place place, nuint count, string side)
    {
        if (!place.IsWhole)
        {
            Check.Fail(AclError.RtInvalidHandle, $"The {side} range of {count} bytes is not inside one live allocation: {Place.Describe((void*)place.Address)}.");
        }
    }

    /// <summary>As <see cref="CheckWhole"/>, for a range that is written: memory that the device may only read counts as memory that is not there.</summary>
    internal static void CheckWritable(in Place place, nuint count, string side)
    {
        CheckWhole(place, count, side);
        if (!place.IsWritable)
        {
            Check.Fail(AclError.RtInvalidHandle, $"The {side} range of {count} bytes may only be read: {Place.Describe((void*)place.Address)}.");
        }
    }

    private static void CheckStrict(in Place to, in Place from, AclError code)
    {
        if (Machine.IsStrict)
        {
            Check.That(MayAccess(to, from), code, $"Device {to.Device} has no peer access to device {from.Device}; call aclrtDeviceEnablePeerAccess on both devices first.");
        }
    }

    private static void CheckAlignment(in Place to, in Place from)
    {
        Check.That(((to.Address | from.Address) & 63) == 0, AclError.RtAddrUnaligned,
            $"Source 0x{from.Address:x} and destination 0x{to.Address:x} must be aligned to 64 bytes (strict mode).");
    }

    /// <summary>Strict mode: a copy between two devices needs peer access.</summary>
    private static bool MayAccess(in Place to, in Place from) =>
        to.Class != MemoryClass.Device || from.Class != MemoryClass.Device || to.Device == from.Device || !Chip.Current.NeedsPeerAccess || Machine.Devices[to.Device].HasPeer(from.Device) || Machine.Devices[from.Device].HasPeer(to.Device);

    /// <summary>In place of a copy that must not be made: a task that fails with 507013, or a line in the log.</summary>
    private static void SubmitFailing(Stream stream, in Place to, in Place from, nuint count)
    {
        string reason = $"The copy of {count} bytes queued on stream {stream.Id} is not made: from {Place.Describe((void*)from.Address)} to {Place.Describe((void*)to.Address)}.";
        if (IsManaged(to, from))
        {
            Log.Error(reason);
            stream.Submit(new Command { Kind = CommandKind.Marker });
            return;
        }
        stream.SubmitFault(AclError.RtSysDma, reason);
    }

    private static string Name(MemoryClass memoryClass) => memoryClass switch
    {
        MemoryClass.Unregistered => "pageable host",
        MemoryClass.Host => "pinned host",
        MemoryClass.Device => "device",
        _ => "managed",
    };

    /// <summary>The source was copied during the call, into memory of ours: the caller may overwrite or free it at once.</summary>
    private sealed class BufferedCopy : DeviceTask
    {
        private readonly byte* _buffer;
        private readonly Place _to;
        private readonly nuint _count;
        private readonly bool _faults;

        internal BufferedCopy(in Place to, in Place from, nuint count)
        {
            (_to, _count) = (to, count);
            // Outside the managed heap, which is small: throws OutOfMemoryException, and the caller gets 207001.
            _buffer = (byte*)NativeMemory.Alloc(count);
            _faults = !HostGuard.TryCopy(_buffer, (void*)from.Backing, count);
        }

        internal override bool UsesLiveMemory => Place.OfBacking(_to.Backing, _count).IsWhole;

        // Not at the end of Run: a recorded command runs again.
        ~BufferedCopy() => NativeMemory.Free(_buffer);

        internal override bool Run(Stream stream, ref AclError result)
        {
            if (_faults)
            {
                result = AclError.RtSysDma;
            }
            else
            {
                CopyEngine.Copy((byte*)_to.Backing, _buffer, _count);
            }
            return true;
        }
    }
}
