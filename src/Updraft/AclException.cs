using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Updraft.Device;

namespace Updraft;

/// <summary>
/// A C function did not return 0. <see cref="Code"/> is its code, <see cref="Exception.Message"/> says which function it was, what the
/// library says about it and what to do.
/// </summary>
/// <example><code>catch (AclException e) when (e.Code == AclError.RtMemoryAllocation) { … }</code></example>
public sealed class AclException : Exception
{
    internal AclException(AclError code, string function, string? details, long? failedIndex = null)
        : base(Compose(code, function, details))
    {
        (Code, Function, Details, FailedIndex) = (code, function, details, failedIndex);
        HResult = (int)code;
    }

    /// <summary>The code the C function returned; never 0. The families: 1xxxxx a mistake of the program, 2xxxxx resources or an unsupported function, 5xxxxx the device.</summary>
    public AclError Code { get; }

    /// <summary>The code's C name, as in <c>ACL_ERROR_RT_STREAM_CONTEXT</c>; the number when it has none.</summary>
    public string CodeName => AclErrorNames.Of((int)Code);

    /// <summary>The C function that failed, as in <c>aclrtMemcpyAsync</c>.</summary>
    public string Function { get; }

    /// <summary>The library's own words (<c>aclGetRecentErrMsg</c> of the failing thread); null when it has none.</summary>
    public string? Details { get; }

    /// <summary>What to do about it; null where nothing general can be said.</summary>
    public string? Advice => AdviceFor(Code);

    /// <summary>Batches: the entry, counted from 0, that was refused. Null when the library does not say, or for other functions.</summary>
    public long? FailedIndex { get; }

    /// <summary>The exception for a code just returned on this thread; takes the library's message with it.</summary>
    internal static unsafe AclException Of(AclApi api, int code, string function, long? failedIndex = null)
    {
        string? details = Marshal.PtrToStringUTF8((nint)api.aclGetRecentErrMsg());
        return new AclException((AclError)code, function, Shorten(details), failedIndex);
    }

    /// <summary>Of the layout "[PID: …] date Title(CODE): sentence" only the sentence; other texts stay as they are.</summary>
    private static string? Shorten(string? details)
    {
        if (string.IsNullOrWhiteSpace(details))
        {
            return null;
        }
        string line = string.Join(' ', details.Split((char[])['\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        int start = line.StartsWith("[PID", StringComparison.Ordinal) ? line.IndexOf("): ", StringComparison.Ordinal) : -1;
        return start < 0 ? line : line[(start + 3)..];
    }

    private static string Compose(AclError code, string function, string? details)
    {
        var text = new StringBuilder();
        string prefix = string.Create(CultureInfo.InvariantCulture, $"{function} returned {(int)code} ({AclErrorNames.Of((int)code)})");
        // Our library begins its sentence the same way: said once.
        if (details == null || !details.StartsWith(prefix, StringComparison.Ordinal))
        {
            text.Append(prefix).Append(": ").Append(AclErrorNames.Meaning((int)code)).Append('.');
            text.Append(details == null ? "" : " ");
        }
        text.Append(details);
        if (AdviceFor(code) is { } advice)
        {
            text.Append(text[^1] is '.' or ';' ? " " : ". ").Append(advice);
        }
        return text.ToString();
    }

    private static string? AdviceFor(AclError code) => (int)code switch
    {
        107000 or 100000 => "Compare the arguments with the documentation of the function; nothing was done.",
        107001 => "Device numbers run from 0 to Npu.DeviceCount - 1; ASCEND_RT_VISIBLE_DEVICES hides devices.",
        107002 => "The context or its device was reset outside this API; open the device again.",
        107003 => "Use a stream of the same NpuContext as the call.",
        107006 => "Create both events with timing and wait for them before the elapsed time is asked for.",
        107015 => "Subscribe a thread to the stream first, or use NpuStream.Launch.",
        107017 => "The object was destroyed outside this API, or the memory range leaves its allocation.",
        107020 => "The time of a wait on the device ran out: nobody recorded the event or notify it waits for.",
        107027 => "End the capture of the stream first.",
        107030 or 107041 => "A capture forbids blocking calls; capture in relaxed mode, or make the call outside of it.",
        200006 or 207000 => "This chip or this library does not have the function; `updraft api NAME` lists the chips that do.",
        207001 => "Dispose device memory that is no longer needed, or ask for less.",
        207007 or 207009 => "Dispose events and notifies that are no longer needed.",
        207008 => "Dispose streams that are no longer needed.",
        507002 => "A stream bound to a model holds a limited number of tasks; use more streams.",
        507010 or 507053 or 507054 or 507056 => "The device failed; reset it.",
        507013 => "A copy that was queued earlier left its allocation, or the memory was released before it ran.",
        507046 or 507047 => "The work goes on; wait again, or with a longer time.",
        507910 => "Memory can be registered once; dispose the earlier registration.",
        _ => null,
    };
}
