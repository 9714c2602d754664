using System.CommandLine;
using Updraft.Device;

namespace Updraft.Cli;

/// <summary>The options that choose the emulated machine. Each is a variable that the library reads; values are checked here, before anything starts.</summary>
internal sealed class EmulationOptions
{
    private readonly List<(Option<string?> Option, string Variable, Func<string, string> Check)> _all = [];

    internal EmulationOptions(Command command)
    {
        Add(command, "--soc", "CHIP", "UPDRAFT_SOC", $"Chip: {Values.ChipList} (default {Values.DefaultChip}), or a full SoC name.", Values.Soc);
        Add(command, "--devices", "N", "UPDRAFT_DEVICES", "Number of devices, 1 to 384 (default: the chip's usual server).", Values.Devices);
        Add(command, "--device-memory", "SIZE", "UPDRAFT_DEVICE_MEMORY", "Memory of a device, such as 64G (default: the chip's).", Values.Size);
        Add(command, "--schedule", "NAME", "UPDRAFT_SCHEDULE", "threads (default), eager, late, or random:SEED.", Values.Schedule);
        Add(command, "--kernel", "NAME", "UPDRAFT_KERNEL", $"What moves bytes: auto (default, the fastest for each size), or one for everything: {string.Join(", ", CopyKernel.Names[1..])}; as far as the processor has it.", Values.Kernel);
        Add(command, "--clock", "NAME", "UPDRAFT_CLOCK", "wall (default), or model (not in this version).", Values.Clock);
        Add(command, "--check", "LEVEL", "UPDRAFT_CHECK", "off (default), on (not in this version), or strict: alignment of 64 bytes and peer access, which the real library tolerates, become errors.", Values.Check);
        Add(command, "--report", "FILE", "UPDRAFT_REPORT", "Findings to a .txt, .json, .sarif or .xml file (not in this version).", Values.Report);
        Add(command, "--trace", "FILE", "UPDRAFT_TRACE", "Timeline to a .json, .pftrace or .html file (not in this version).", Values.Trace);
        Add(command, "--log", "LEVEL", "UPDRAFT_LOG", "off, error (default), warn, info or debug; to stderr.", Values.Log);
    }

    private void Add(Command command, string name, string placeholder, string variable, string description, Func<string, string> check)
    {
        Option<string?> option = new(name) { Description = description, HelpName = placeholder };
        command.Options.Add(option);
        _all.Add((option, variable, check));
    }

    /// <summary>The variables of the options given, checked; throws <see cref="UsageException"/> with one sentence.
    /// Variables set already are checked too: what an option may not ask for, the environment may not ask for silently.</summary>
    internal List<(string Name, string Value)> Variables(ParseResult result, Func<string, string?> environment)
    {
        List<(string, string)> variables = [];
        foreach ((Option<string?> option, string variable, Func<string, string> check) in _all)
        {
            if (result.GetValue(option) is string text)
                variables.Add((variable, check(text)));
            else if (environment(variable) is { Length: > 0 } inherited)
                Values.OfVariable(variable, inherited, check);
        }
        return variables;
    }
}
