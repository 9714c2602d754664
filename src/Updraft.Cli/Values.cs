using System.Globalization;
using Updraft.Device;

namespace Updraft.Cli;

/// <summary>Checks one value each: gives back what the library is told, or throws with one sentence that says what would have been right.</summary>
internal static class Values
{
    internal static string DefaultChip => Chip.All[0].Key;

    internal static string ChipList => string.Join(", ", Chip.All.Select(chip => chip.Aliases.Length == 0 ? chip.Key : $"{chip.Key} (= {string.Join(", ", chip.Aliases)})"));

    internal static Chip ChipOf(string text, out string socName)
        => Chip.Find(text, out socName)
            ?? throw new UsageException($"--soc: there is no chip \"{text}\"; choose one of {ChipList}, or a full SoC name such as {Chip.All[0].SocName}.");

    internal static string Soc(string text)
    {
        ChipOf(text, out _);
        return text;
    }

    internal static string Devices(string text)
        => Number(text) is ulong count and >= 1 and <= Options.MaximumDevices
            ? count.ToString(CultureInfo.InvariantCulture)
            : throw new UsageException($"--devices: \"{text}\" is not a number from 1 to {Options.MaximumDevices}.");

    internal static string Size(string text)
        => Options.TryParseSize(text, out _) ? text : throw new UsageException($"--device-memory: \"{text}\" is not a size; write a number of bytes or one such as 512M, 64G or 1T.");

    internal static string Schedule(string text)
        => Scheduler.IsKnown(text)
            ? text
            : throw new UsageException($"--schedule: \"{text}\" is not threads, eager, late or random:SEED with a number as seed.");

    internal static string Kernel(string text)
        => CopyKernel.Names.Contains(text)
            ? text
            : throw new UsageException($"--kernel: \"{text}\" is not one of {string.Join(", ", CopyKernel.Names)}.");

    internal static string Clock(string text) => text switch
    {
        "wall" => text,
        "model" => throw new UsageException("--clock model: modelled chip times are not in this version."),
        _ => throw new UsageException($"--clock: \"{text}\" is not wall or model."),
    };

    internal static string Check(string text) => text switch
    {
        "off" or "strict" => text,
        "on" => throw new UsageException("--check on: strict turns tolerated mistakes into errors; findings of races and dead buffers are not in this version."),
        _ => throw new UsageException($"--check: \"{text}\" is not off, on or strict."),
    };

    internal static string Report(string text)
        => throw new UsageException(HasEnding(text, ".txt", ".json", ".sarif", ".xml")
            ? "--report: reports of findings are not in this version."
            : $"--report: the ending of \"{text}\" is not .txt, .json, .sarif or .xml.");

    internal static string Trace(string text)
        => throw new UsageException(HasEnding(text, ".json", ".pftrace", ".html")
            ? "--trace: timelines are not in this version."
            : $"--trace: the ending of \"{text}\" is not .json, .pftrace or .html.");

    internal static string Log(string text)
        => text is "off" or "error" or "warn" or "info" or "debug"
            ? text
            : throw new UsageException($"--log: \"{text}\" is not off, error, warn, info or debug.");

    /// <summary>Checks the value of a variable: the sentence then names the variable, not the option.</summary>
    internal static string OfVariable(string variable, string text, Func<string, string> check)
    {
        try
        {
            return check(text);
        }
        catch (UsageException mistake)
        {
            throw new UsageException($"{variable}={text}{mistake.Message[mistake.Message.IndexOf(':')..]}");
        }
    }

    private static ulong? Number(string text)
        => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;

    private static bool HasEnding(string file, params string[] endings) => endings.Contains(Path.GetExtension(file));
}
