using System.Globalization;

namespace Updraft.Device;

/// <summary>What the UPDRAFT_* variables ask for. Unknown values are reported and the default is taken: a library cannot refuse to load.</summary>
internal sealed class Options
{
    internal Chip Chip { get; set; } = Chip.All[0];
    internal string SocName { get; set; } = Chip.All[0].SocName;
    internal int? DeviceCount { get; set; }
    internal ulong? DeviceMemoryBytes { get; set; }
    internal string Schedule { get; set; } = "threads";
    internal string Kernel { get; set; } = CopyKernel.Auto;
    internal bool Strict { get; set; }
    internal LogLevel LogLevel { get; set; } = LogLevel.Error;

    /// <summary>Threads that run streams; by the number of processors unless a test wants another.</summary>
    internal int? Workers { get; set; }

    /// <summary>Commands that may wait in one stream; the chip's number unless a test wants another.</summary>
    internal int? TasksPerStream { get; set; }

    internal const int MaximumDevices = 384;

    internal static Options FromEnvironment()
    {
        var options = new Options();
        Read("UPDRAFT_LOG", "off, error, warn, info or debug", text => Enum.TryParse(text, ignoreCase: true, out LogLevel level) && !char.IsDigit(text[0]) && Set(() => options.LogLevel = Log.Level = level));
        Read("UPDRAFT_SOC", "910b, 910c, 950, 310b, 310p, 910 or a full SoC name", text => Chip.Find(text, out string name) is { } chip && Set(() => (options.Chip, options.SocName) = (chip, name)));
        Read("UPDRAFT_DEVICES", "a number from 1 to 384", text => int.TryParse(text, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MaximumDevices && Set(() => options.DeviceCount = count));
        Read("UPDRAFT_DEVICE_MEMORY", "bytes, as in 64G", text => TryParseSize(text, out ulong bytes) && Set(() => options.DeviceMemoryBytes = bytes));
        Read("UPDRAFT_SCHEDULE", "threads, eager, late or random:SEED", text => Scheduler.IsKnown(text) && Set(() => options.Schedule = text));
        Read("UPDRAFT_KERNEL", $"{CopyKernel.Auto}, or one that this processor has: {string.Join(", ", CopyKernel.Available)}",
            text => (text == CopyKernel.Auto || CopyKernel.Available.Contains(text)) && Set(() => options.Kernel = text));
        Read("UPDRAFT_CHECK", "off or strict (on is not in this version)", text => text is "off" or "strict" && Set(() => options.Strict = text == "strict"));
        Read("UPDRAFT_CLOCK", Clock.Known, Clock.IsKnown);
        Read("UPDRAFT_REPORT", "nothing: findings are not in this version", _ => false);
        Read("UPDRAFT_TRACE", "nothing: the timeline is not in this version", _ => false);
        return options;
    }

    /// <summary>A number of bytes with an optional K, M, G or T (powers of 1024), optionally followed by B or iB.</summary>
    internal static bool TryParseSize(string text, out ulong bytes)
    {
        string digits = text.TrimEnd('b', 'B');
        digits = digits.EndsWith('i') ? digits[..^1] : digits;
        int shift = digits.Length == 0 ? -1 : char.ToUpperInvariant(digits[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        digits = shift > 0 ? digits[..^1] : digits;
        bytes = 0;
        if (shift < 0 || !ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count) || count == 0 || count > ulong.MaxValue >> shift)
        {
            return false;
        }
        bytes = count << shift;
        return true;
    }

    private static bool Set(Action assign)
    {
        assign();
        return true;
    }

    private static void Read(string variable, string expected, Func<string, bool> accept)
    {
        string? text = Environment.GetEnvironmentVariable(variable);
        if (!string.IsNullOrEmpty(text) && !accept(text))
        {
            Log.Error($"{variable}={text} is not understood (expected {expected}); the default is used.");
        }
    }
}
