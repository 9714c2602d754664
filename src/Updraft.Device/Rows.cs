namespace Updraft.Device;

/// <summary>Marks a row that tests the chip itself, because the documented order puts other checks before it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ChecksChipAttribute : Attribute;

/// <summary>Marks a row that only says in its own words why it refuses: coverage does not count it as implemented.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RefusesAttribute : Attribute;

/// <summary>What every stamped entry point calls when a row did not simply succeed.</summary>
internal static class Rows
{
    private static readonly byte[] s_refusedOnce = new byte[Functions.Count];

    /// <summary>Turns what a row threw into the code the caller sees, and leaves its text and the last error on the thread.</summary>
    internal static int Fail(Function function, Exception exception)
    {
        switch (exception)
        {
            case AclException failure:
                return Record(function, failure.Code, failure.Message, failure.IsStored, failure.MessageCode);
            case OutOfMemoryException:
                return Record(function, AclError.RtMemoryAllocation, "The host has no memory left for the bookkeeping of this call.");
            case NullReferenceException:
                // A wild pointer given by the caller faults inside the row; the guard turns the fault into this exception.
                return Record(function, AclError.RtParamInvalid, "A pointer argument does not point to readable and writable memory of this process.");
            default:
                Log.Error($"{Functions.Name(function)}: {exception}");
                return Record(function, AclError.RtInternalError, exception.Message);
        }
    }

    /// <summary>A row returned a code instead of throwing: time-outs, pending asynchronous errors, context failures.</summary>
    internal static int Result(Function function, AclError code) => function is Function.aclrtGetLastError or Function.aclrtPeekAtLastError
        ? (int)code // A value, not a failure: reading the slot must not fill it again.
        : Record(function, code, ThreadState.Current.TakeExplanation(code), !ThreadState.IsNeverStored(code));

    internal static int Unsupported(Function function) =>
        Record(function, AclError.RtFeatureNotSupport, UnsupportedText(function), ThreadState.StoresUnsupported(function));

    internal static string UnsupportedText(Function function) => $"{Chip.Current.Name} does not have this function; `updraft api {Functions.Name(function)}` lists the chips that do.";

    /// <summary>A function nobody has written yet: says its name once and answers "not supported".</summary>
    internal static int Refused(Function function)
    {
        WarnOnce(function);
        return Record(function, AclError.RtFeatureNotSupport, "Updraft does not implement this function.", false);
    }

    internal static void WarnOnce(Function function)
    {
        if (Interlocked.Exchange(ref s_refusedOnce[(int)function], 1) == 0)
        {
            Log.Warn($"{Functions.Name(function)} is not implemented by Updraft; it returns 207000 (feature not supported).");
        }
    }

    private static int Record(Function function, AclError code, string? text, bool stored = true, string? messageCode = null)
    {
        ThreadState thread = ThreadState.Current;
        if (stored && ThreadState.IsRuntimeCode(code))
        {
            thread.LastError = code;
        }
        thread.Messages.Add(function, code, text, messageCode);
        thread.Explanation = null;
        ProcessLock.Leave(thread); // The call may have failed in the middle of a copy.
        return (int)code;
    }
}
