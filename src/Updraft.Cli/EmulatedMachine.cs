using Updraft.Device;

namespace Updraft.Cli;

/// <summary>The machine that a program started with the present environment would find.</summary>
internal sealed record EmulatedMachine(Chip Chip, string SocName, ulong MemoryBytes, int Devices, List<int> Visible)
{
    internal string RunMode => Chip.RunsOnBoard ? "device (on the board)" : "host";

    internal static EmulatedMachine FromEnvironment() => From(Environment.GetEnvironmentVariable);

    internal static EmulatedMachine From(Func<string, string?> variable)
    {
        Chip chip = Values.ChipOf(Checked("UPDRAFT_SOC", Values.Soc) ?? Values.DefaultChip, out string socName);
        int devices = Checked("UPDRAFT_DEVICES", Values.Devices) is string count ? int.Parse(count) : chip.DefaultDevices;
        ulong memory = chip.MemoryBytes;
        if (Checked("UPDRAFT_DEVICE_MEMORY", Values.Size) is string size)
            Options.TryParseSize(size, out memory);
        return new(chip, socName, memory, devices, VisibleOf(variable("ASCEND_RT_VISIBLE_DEVICES"), devices));

        string? Checked(string name, Func<string, string> check)
            => variable(name) is { Length: > 0 } text ? Values.OfVariable(name, text, check) : null;
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
