using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>Options of the process and of each context: values that programs set and ask for. Nobody computes on the device, so nothing else reads them.</summary>
internal static unsafe class SystemParameters
{
    private sealed class Values
    {
        internal readonly long?[] Of = new long?[4];
    }

    private static readonly ConditionalWeakTable<Context, Values> s_contexts = [];
    private static Values s_process = new();

    internal static void Get(aclSysParamOpt option, long* value) => Read(s_process, option, value, "process", "aclrtSetSysParamOpt");
    internal static void Set(aclSysParamOpt option, long value) => Write(s_process, option, value);

    internal static void GetOfContext(aclSysParamOpt option, long* value)
    {
        Check.NotNull(value, nameof(value));
        CheckOption(option);
        Read(s_contexts.GetOrCreateValue(Current.Context), option, value, "context", "aclrtCtxSetSysParamOpt");
    }

    internal static void SetOfContext(aclSysParamOpt option, long value)
    {
        CheckOption(option);
        Write(s_contexts.GetOrCreateValue(Current.Context), option, value);
    }

    /// <summary>A fresh process; for tests.</summary>
    internal static void Forget()
    {
        s_process = new Values();
        OpTimeouts.Forget();
    }

    private static void Read(Values values, aclSysParamOpt option, long* value, string owner, string setter)
    {
        Check.NotNull(value, nameof(value));
        CheckOption(option);
        lock (values)
        {
            *value = values.Of[(int)option] ?? throw new AclException(AclError.RtSysparamoptNotSet, $"{option} was never set for this {owner}; set it with {setter}.");
        }
    }

    private static void Write(Values values, aclSysParamOpt option, long value)
    {
        CheckOption(option);
        Check.That(value is 0 or 1, AclError.RtParamInvalid, $"{option} is a switch: 0 or 1, not {value}.");
        lock (values)
        {
            values.Of[(int)option] = value;
        }
    }

    private static void CheckOption(aclSysParamOpt option) => Check.That(option is >= aclSysParamOpt.ACL_OPT_DETERMINISTIC and <= aclSysParamOpt.ACL_OPT_ENABLE_KERNEL_EARLY_START,
        AclError.InvalidParam, $"opt is {(int)option}; expected a value of aclSysParamOpt, 0 to 3.");
}

/// <summary>How long an operator may run. No operator runs here, so the limit is kept and never expires.</summary>
internal static unsafe class OpTimeouts
{
    private static ulong s_limitUs;

    /// <summary>The grain of the limits: every number of microseconds is kept as it is.</summary>
    internal const ulong IntervalUs = 1;

    internal static void SetSeconds(uint seconds) => Volatile.Write(ref s_limitUs, seconds * 1_000_000ul);

    internal static void SetMicroseconds(ulong limitUs, ulong* actualUs)
    {
        Check.NotNull(actualUs, "actualTimeout");
        Volatile.Write(ref s_limitUs, limitUs);
        *actualUs = limitUs;
    }

    internal static uint GetMilliseconds() => (uint)Math.Min((Volatile.Read(ref s_limitUs) + 999) / 1000, uint.MaxValue);

    internal static void Forget() => Volatile.Write(ref s_limitUs, 0);
}
