using Updraft.Device;

namespace Updraft;

/// <summary>
/// What machine <see cref="Npu.Open"/> emulates. A property that is null takes the environment variable of the same meaning, then the default.
/// Without effect on libraries opened with <see cref="Npu.Load"/>.
/// </summary>
public sealed record NpuOptions
{
    /// <summary>The chip: <c>910b</c> (default), <c>910c</c> (= <c>a3</c>), <c>950</c>, <c>310b</c>, <c>310p</c>, <c>910</c>, or a full SoC name. UPDRAFT_SOC.</summary>
    public string? Soc { get; init; }

    /// <summary>Number of devices, 1 to 384; default that of the chip's usual server. UPDRAFT_DEVICES.</summary>
    public int? DeviceCount { get; init; }

    /// <summary>Bytes per device, at least 1; default the chip's. Accounting only, pages are taken when they are touched. UPDRAFT_DEVICE_MEMORY.</summary>
    public long? DeviceMemoryBytes { get; init; }

    /// <summary>When copies run: <c>threads</c> (default), <c>eager</c>, <c>late</c> (as late as the rules allow), <c>random:SEED</c>. UPDRAFT_SCHEDULE.</summary>
    public string? Schedule { get; init; }

    /// <summary>Where times come from: <c>wall</c> (default), this machine's clock. The clock of the modelled chip is not in this version. UPDRAFT_CLOCK.</summary>
    public string? Clock { get; init; }

    /// <summary>Documented rules that the real library tolerates become errors (64-byte alignment, peer access, …). Default false. UPDRAFT_CHECK=strict.</summary>
    public bool? Strict { get; init; }

    /// <summary>What is written to stderr; default <see cref="NpuLogLevel.Error"/>. UPDRAFT_LOG.</summary>
    public NpuLogLevel? LogLevel { get; init; }

    /// <summary>Checks everything before the machine starts.</summary>
    /// <exception cref="ArgumentException">A value is outside what its property says.</exception>
    internal Options ToOptions()
    {
        Options options = Options.FromEnvironment();
        if (Soc != null)
        {
            Chip chip = Chip.Find(Soc, out string name) ?? throw new ArgumentException($"Soc is \"{Soc}\"; expected 910b, 910c, 950, 310b, 310p, 910 or a full SoC name.", nameof(Soc));
            (options.Chip, options.SocName) = (chip, name);
        }
        if (DeviceCount is { } count)
        {
            options.DeviceCount = count is >= 1 and <= Options.MaximumDevices ? count : throw new ArgumentException($"DeviceCount is {count}; expected 1 to {Options.MaximumDevices}.", nameof(DeviceCount));
        }
        if (DeviceMemoryBytes is { } bytes)
        {
            options.DeviceMemoryBytes = bytes > 0 ? (ulong)bytes : throw new ArgumentException($"DeviceMemoryBytes is {bytes}; expected at least 1.", nameof(DeviceMemoryBytes));
        }
        if (Schedule != null)
        {
            options.Schedule = Scheduler.IsKnown(Schedule) ? Schedule : throw new ArgumentException($"Schedule is \"{Schedule}\"; expected threads, eager, late or random:SEED.", nameof(Schedule));
        }
        if (Clock != null && !Updraft.Device.Clock.IsKnown(Clock))
        {
            throw new ArgumentException($"Clock is \"{Clock}\"; expected {Updraft.Device.Clock.Known}.", nameof(Clock));
        }
        options.Strict = Strict ?? options.Strict;
        options.LogLevel = LogLevel is { } level ? (Device.LogLevel)(int)level : options.LogLevel;
        return options;
    }
}

/// <summary>How much the emulated machine writes to stderr; each level includes those before it.</summary>
public enum NpuLogLevel
{
    /// <summary>Nothing.</summary>
    Off,

    /// <summary>What went wrong inside.</summary>
    Error,

    /// <summary>Functions that are not implemented, once each.</summary>
    Warn,

    /// <summary>Copies that will fail when they run, with the reason.</summary>
    Info,

    /// <summary>Every call with its arguments.</summary>
    Debug,
}
