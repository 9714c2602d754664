namespace Updraft.Device;

/// <summary>aclrtMemcpy2d and aclrtMemcpy2dAsync: rows of equal width, a pitch apart on either side.</summary>
internal static unsafe class RectangleCopies
{
    private const nuint MaximumHeight = 5_242_880, MaximumWidth = 5_000_000;

    private const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, D2D = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE;

    internal static void Sync(void* dst, nuint dpitch, void* src, nuint spitch, nuint width, nuint height, aclrtMemcpyKind kind)
    {
        if (width == 0 || height == 0)
        {
            return;
        }
        CheckArguments(dst, dpitch, src, spitch, width, kind);
        CheckSize(width, height);
        if (kind == D2D)
        {
            Check.Fail(AclError.RtFeatureNotSupport, "aclrtMemcpy2d does not copy inside a device; use aclrtMemcpy2dAsync.", isStored: false);
        }
        Context context = Current.Context;
        Place to = Of(dst, dpitch, width, height), from = Of(src, spitch, width, height);
        aclrtMemcpyKind direction = Copies.Direction(to, from, kind);
        Check.That(direction is H2D or D2H, AclError.RtParamInvalid, $"aclrtMemcpy2d copies between host and device, not from {Place.Describe(src)} to {Place.Describe(dst)}.");
        context.Device.CheckTrouble();
        Captures.RefuseBlockingCall(context);
        Now(to, dpitch, from, spitch, width, height);
    }

    internal static void Async(void* dst, nuint dpitch, void* src, nuint spitch, nuint width, nuint height, aclrtMemcpyKind kind, StreamHandle streamHandle)
    {
        if (width == 0 || height == 0)
        {
            return;
        }
        CheckArguments(dst, dpitch, src, spitch, width, kind);
        Stream stream = streamHandle.GetOrNull() ?? DefaultStream();
        CheckSize(width, height);
        Context context = Current.Context;
        Place to = Of(dst, dpitch, width, height), from = Of(src, spitch, width, height);
        aclrtMemcpyKind direction = Copies.Direction(to, from, kind);
        Check.That(direction is H2D or D2H or D2D, AclError.RtParamInvalid, $"aclrtMemcpy2dAsync does not copy from {Place.Describe(src)} to {Place.Describe(dst)} with {kind}.");
        if (Copies.IsPageable(to, from, direction))
        {
            Captures.RefusePageable(stream);
            Copies.Drain(stream);
            Captures.RefuseBlockingCopy(context);
            Now(to, dpitch, from, spitch, width, height);
            return;
        }
        if (stream.Context != context)
        {
            Current.ThrowForeign(stream, context);
        }
        bool isGuarded = to.NeedsGuard || from.NeedsGuard;
        Copies.Submit(stream, to, from, width * height, direction, new Command
        {
            Kind = isGuarded ? CommandKind.Copy2DGuarded : CommandKind.Copy2D,
            A = to.Backing,
            B = from.Backing,
            C = width * height,
        }, Rectangle.Of(width, height, dpitch, spitch));
    }

    /// <summary>The range from the first byte to the last one. Pitches may be any number: one that overflows lies in no allocation.</summary>
    private static Place Of(void* pointer, nuint pitch, nuint width, nuint height)
    {
        UInt128 span = (UInt128)pitch * (height - 1) + width;
        return Place.Of(pointer, span > nuint.MaxValue ? nuint.MaxValue : (nuint)span);
    }

    private static void Now(in Place to, nuint dpitch, in Place from, nuint spitch, nuint width, nuint height)
    {
        Copies.CheckBoth(to, from, width * height);
        ThreadState thread = ProcessLock.Enter();
        if (!to.NeedsGuard && !from.NeedsGuard)
        {
            CopyEngine.Copy2D((byte*)to.Backing, dpitch, (byte*)from.Backing, spitch, width, height);
        }
        else
        {
            for (nuint row = 0; row < height; row++)
            {
                Copies.NowGuarded(to.Backing + row * dpitch, from.Backing + row * spitch, width);
            }
        }
        ProcessLock.Leave(thread);
        ValueWaits.Written();
    }

    private static void CheckArguments(void* dst, nuint dpitch, void* src, nuint spitch, nuint width, aclrtMemcpyKind kind)
    {
        Check.NotNull(dst, nameof(dst));
        Check.NotNull(src, nameof(src));
        Check.That(width <= spitch && width <= dpitch, AclError.InvalidParam, $"width ({width} bytes) is larger than a pitch (source {spitch}, destination {dpitch}).");
        Check.That(kind is >= H2D and <= aclrtMemcpyKind.ACL_MEMCPY_DEFAULT, AclError.InvalidParam, $"kind is {(int)kind}; expected ACL_MEMCPY_HOST_TO_DEVICE (1) to ACL_MEMCPY_DEFAULT (4).");
    }

    private static void CheckSize(nuint width, nuint height) =>
        Check.That(height <= MaximumHeight && width <= MaximumWidth, AclError.RtParamInvalid, $"{height} rows of {width} bytes are too many; expected at most {MaximumHeight} rows of {MaximumWidth} bytes.");

    /// <summary>Here, other than elsewhere, a thread without a context gets 107000, and some chips do not take NULL at all.</summary>
    private static Stream DefaultStream()
    {
        Check.That(Chip.Current.NullStreamInNewCalls, AclError.RtParamInvalid, $"stream is NULL; on {Chip.Current.Name} aclrtMemcpy2dAsync needs a stream.");
        Check.That(ThreadState.Current.Context != null || Machine.DefaultDevice != null, AclError.RtParamInvalid, "stream is NULL and this thread has no current context; call aclrtSetDevice first.");
        return Current.Context.DefaultStream;
    }
}
