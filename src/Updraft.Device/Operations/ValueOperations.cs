namespace Updraft.Device;

/// <summary>aclrtValueWrite and aclrtValueWait: 64 bits of device memory as a signal between streams, or between a stream and the host.</summary>
internal static unsafe class ValueOperations
{
    internal static void Write(void* devAddr, ulong value, uint flag, StreamHandle streamHandle)
    {
        Stream stream = CheckArguments(devAddr, flag, maximumFlag: 0, Function.aclrtValueWrite, streamHandle, out Place cell);
        if (cell.IsWritable)
        {
            stream.Submit(new Command { Kind = CommandKind.Write64, A = cell.Backing, B = (nuint)value });
        }
        else
        {
            SubmitFault(stream, cell);
        }
    }

    internal static void Wait(void* devAddr, ulong value, uint flag, StreamHandle streamHandle)
    {
        Stream stream = CheckArguments(devAddr, flag, maximumFlag: 3, Function.aclrtValueWait, streamHandle, out Place cell);
        if (cell.IsWhole)
        {
            stream.Submit(new Command { Kind = CommandKind.Task }, new ValueWait(cell.Backing, value, flag));
        }
        else
        {
            SubmitFault(stream, cell);
        }
    }

    private static Stream CheckArguments(void* devAddr, uint flag, uint maximumFlag, Function function, StreamHandle streamHandle, out Place cell)
    {
        Check.NotNull(devAddr, nameof(devAddr));
        Check.Supported(function);
        _ = streamHandle.GetOrNull();
        Check.That(flag <= maximumFlag, AclError.RtParamInvalid, maximumFlag == 0 ? $"flag is {flag}; it is reserved and must be 0." : $"flag is {flag}; expected 0 (at least), 1 (equal), 2 (and) or 3 (nor).");
        cell = Place.Of(devAddr, sizeof(ulong));
        Check.That(cell.Class == MemoryClass.Device, AclError.RtParamInvalid, $"devAddr must be device memory, not {Place.Describe(devAddr)}.");
        return Current.Stream(streamHandle);
    }

    private static void SubmitFault(Stream stream, in Place cell)
    {
        stream.SubmitFault(AclError.RtSysDma, $"The value operation queued on stream {stream.Id} is not made: {Place.Describe((void*)cell.Address)}.");
    }
}
