using Updraft.Device;

namespace Updraft.Cli;

/// <summary>The machine that a program started with the present environment would find.</summary>
internal sealed record EmulatedMachine(Chip Chip, string SocName, ulong MemoryBytes, int Devices, List<int> Visible)
{
    internal string RunMode => Chip.RunsOnBoard ? "device (on the board)" : "host";

    internal static EmulatedMachine FromEnvironment() => From(Environment.GetEnvironmentVariable);

    internal static EmulatedMachine From(Func<string, string?> variable)
    {
        Chip chip = Checked("UPDRAFT_SOC", text => Values.ChipOf(text, out _)) ?? Values.ChipOf(Values.DefaultChip, out _);
        Values.ChipOf(variable("UPDRAFT_SOC") is { Length: > 0 } soc ? soc : chip.Key, out string socName);
        int devices = Checked("UPDRAFT_DEVICES", Values.Devices) is string count ? int.Parse(count) : chip.DefaultDevices;
        ulong memory = chip.MemoryBytes;
        if (Checked("UPDRAFT_DEVICE_MEMORY", Values.Size) is string size)
            Options.TryParseSize(size, out memory);
        return new(chip, socName, memory, devices, VisibleOf(variable("ASCEND_RT_VISIBLE_DEVICES"), devices));

        // A sentence about a variable names the variable, not the option.
        T? Checked<T>(string name, Func<string, T> check) where T : class
        {
            if (variable(name) is not { Length: > 0 } text)
                return null;
            try
            {
                return check(text);
            }
            catch (UsageException mistake)
            {
                throw new UsageException($"{name}{mistake.Message[mistake.Message.IndexOf(':')..]}");
            }
        }
    }

    /// <summary>Ascending device numbers, separated by commas; reading stops at the first that is not one. Without a list all are visible.</summary>
    private static List<int> VisibleOf(string? list, int devices)
    {
        if (list is null)
            return [.. Enumerable.Range(0, devices)];
        List<int> visible = [];
        foreach (string entry in list.Split(','))
        {
            if (!int.TryParse(entry, System.Globalization.NumberStyles.None, null, out int id) || id >= devices || (visible.Count > 0 && id <= visible[^1]))
                break;
            visible.Add(id);
        }
        return visible;
    }
}
