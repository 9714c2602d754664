using System.CommandLine;

namespace Updraft.Cli;

/// <summary>
/// The program under the name that scripts call to see whether devices are there. It answers `info` and `info -l`; any other
/// question is refused, because an invented temperature or firmware version would be believed.
/// </summary>
internal static class NpuSmi
{
    internal const string Name = "npu-smi";

    internal static int Invoke(string[] args)
    {
        try
        {
            return args switch
            {
                ["info"] => InfoCommand.Print(),
                ["info", "-l"] => List(),
                ["-v"] or ["--version"] => Version(),
                _ => throw new UsageException("this stand-in answers only 'npu-smi info', 'npu-smi info -l' and 'npu-smi -v'."),
            };
        }
        catch (UsageException mistake)
        {
            Terminal.Error($"{Name}: {mistake.Message}");
            return ExitCode.Usage;
        }
    }

    private static int List()
    {
        EmulatedMachine machine = EmulatedMachine.FromEnvironment();
        Console.Out.WriteLine($"\tTotal Count                    : {machine.Devices}");
        for (int id = 0; id < machine.Devices; id++)
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine($"\tNPU ID                         : {id}");
            Console.Out.WriteLine("\tChip Count                     : 1");
        }
        return ExitCode.Ok;
    }

    private static int Version()
    {
        Console.Out.WriteLine($"npu-smi stand-in of Updraft {Program.Version}");
        return ExitCode.Ok;
    }
}
