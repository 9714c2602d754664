using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using Updraft.Device;

namespace Updraft.Cli;

/// <summary>`updraft api [NAME] [--soc X] [--json]`: what is implemented, asked of the table the library is stamped from.</summary>
internal static class ApiCommand
{
    internal sealed record Entry(string Name, string Header, string Chapter, string Declaration, bool IsImplemented, bool IsUnsaid, IReadOnlyList<string> Chips)
    {
        /// <summary>The facts name no chips for some functions: those count for every chip and are marked.</summary>
        internal string ChipText => IsUnsaid ? "unsaid" : Chips.Count == Chip.All.Length ? "all" : Chips.Count == 0 ? "none" : string.Join(' ', Chips);

        internal string Status => IsImplemented ? "implemented" : "refused";
    }

    internal static Command Create()
    {
        Command command = new("api", "List the functions of the interface: which are implemented, on which chip.");
        Argument<string?> name = new("NAME") { Description = "Only functions whose name contains this.", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> soc = new("--soc") { Description = "Only functions that this chip has.", HelpName = "CHIP" };
        Option<bool> json = new("--json") { Description = "As JSON." };
        command.Arguments.Add(name);
        command.Options.Add(soc);
        command.Options.Add(json);
        command.SetAction(result => Print(result.GetValue(name), result.GetValue(soc), result.GetValue(json)));
        return command;
    }

    internal static List<Entry> Entries { get; } = [.. Enumerable.Range(0, Functions.Count).Select(index => Of((Function)index))];

    private static Entry Of(Function function) => new(
        Functions.Name(function), Functions.Header(function), Functions.Chapter(function), Functions.Declaration(function), Functions.IsImplemented(function), Functions.IsUnsaid(function),
        [.. Chip.All.Where(chip => (Functions.Support(function) & (1 << chip.SupportBit)) != 0).Select(chip => chip.Key)]);

    private static int Print(string? name, string? soc, bool json)
    {
        string? chip = soc is null ? null : Values.ChipOf(soc, out _).Key;
        List<Entry> entries = [.. Entries.Where(entry => name is null || entry.Name.Contains(name, StringComparison.OrdinalIgnoreCase))];
        if (entries.Count == 0)
            throw new FailedException($"no function has \"{name}\" in its name.");
        List<Entry> shown = [.. entries.Where(entry => chip is null || entry.Chips.Contains(chip))];
        if (json)
            PrintJson(shown);
        else
            PrintTable(shown, chip);
        return ExitCode.Ok;
    }

    private static void PrintTable(List<Entry> entries, string? chip)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumns("Function", "Status", "Chips", "Header");
        foreach (Entry entry in entries)
        {
            table.AddRow(entry.Name, entry.IsImplemented ? "[green]implemented[/]" : "[grey]refused[/]",
                entry.ChipText, entry.Header.EscapeMarkup());
        }
        Terminal.Out.Write(table);
        if (entries.Count == 1)
        {
            Terminal.Out.WriteLine(entries[0].Declaration);
            return;
        }
        int implemented = entries.Count(entry => entry.IsImplemented);
        Terminal.Out.WriteLine($"{entries.Count} functions{(chip is null ? "" : $" on {chip}")}: {implemented} implemented, {entries.Count - implemented} refused with 207000 (feature not supported).");
        if (chip is null)
        {
            foreach (Chip each in Chip.All)
            {
                List<Entry> its = [.. entries.Where(entry => entry.Chips.Contains(each.Key))];
                Terminal.Out.WriteLine($"  {each.Key,-5} has {its.Count(entry => !entry.IsUnsaid)} and {its.Count(entry => entry.IsUnsaid)} unsaid; implemented {its.Count(entry => entry.IsImplemented)}");
            }
        }
    }

    private static void PrintJson(List<Entry> entries)
    {
        using var output = Console.OpenStandardOutput();
        using (Utf8JsonWriter writer = new(output, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteString("version", Program.Version);
            writer.WriteNumber("functions", entries.Count);
            writer.WriteNumber("implemented", entries.Count(entry => entry.IsImplemented));
            writer.WriteStartArray("items");
            foreach (Entry entry in entries)
            {
                writer.WriteStartObject();
                writer.WriteString("name", entry.Name);
                writer.WriteString("status", entry.Status);
                writer.WriteString("header", entry.Header);
                writer.WriteString("chapter", entry.Chapter);
                writer.WriteString("declaration", entry.Declaration);
                writer.WriteBoolean("chipsUnsaid", entry.IsUnsaid);
                writer.WriteStartArray("chips");
                foreach (string chip in entry.Chips)
                    writer.WriteStringValue(chip);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        output.Write("\n"u8);
    }
}
