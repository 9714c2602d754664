using System.CommandLine;
using Spectre.Console;

namespace Updraft.Cli;

/// <summary>`updraft info`, and `npu-smi info`: the emulated devices.</summary>
internal static class InfoCommand
{
    internal static Command Create()
    {
        Command command = new("info", "Show the emulated devices.");
        command.SetAction(_ => Print());
        return command;
    }

    internal static int Print()
    {
        EmulatedMachine machine = EmulatedMachine.FromEnvironment();
        Terminal.Out.WriteLine($"Updraft {Program.Version}: {machine.Devices} emulated {(machine.Devices == 1 ? "device" : "devices")} of {machine.Chip.Name}");

        // Plain ASCII frames: scripts cut this output at the bars.
        Table table = new Table().Border(TableBorder.Ascii);
        foreach (string heading in new[] { "NPU", "Chip", "SoC name", "Memory", "Run mode", "Logical id" })
            table.AddColumn(heading);
        for (int id = 0; id < machine.Devices; id++)
        {
            int logical = machine.Visible.IndexOf(id);
            table.AddRow(id.ToString(), machine.Chip.Key, machine.SocName.EscapeMarkup(), Sizes.Text(machine.MemoryBytes), machine.RunMode,
                logical < 0 ? "hidden" : logical.ToString());
        }
        Terminal.Out.Write(table);
        return ExitCode.Ok;
    }
}
