using System.CommandLine;
using System.CommandLine.Help;

namespace Updraft.Cli;

/// <summary>The commands, and how mistakes are told: one sentence on stderr and exit code 2.</summary>
internal static class CommandTree
{
    internal static RootCommand Create() => new("Runs AscendCL programs on emulated NPUs.")
    {
        RunCommand.Create(),
        InfoCommand.Create(),
        DoctorCommand.Create(),
        ApiCommand.Create(),
        EnvCommand.Create(),
        InstallCommand.Create(),
        BenchCommand.Create(),
        LaterCommands.Explain(),
    };

    internal static int Invoke(string[] args)
    {
        RootCommand root = Create();
        string command = args.Length > 0 && root.Subcommands.Any(sub => sub.Name == args[0]) ? $"updraft {args[0]}" : "updraft";
        try
        {
            return Invoke(root, command, args);
        }
        catch (UsageException mistake)
        {
            Terminal.Error($"{command}: {mistake.Message}");
            return ExitCode.Usage;
        }
        catch (Exception failure) when (failure is FailedException or IOException or UnauthorizedAccessException)
        {
            Terminal.Error($"{command}: {failure.Message}");
            return ExitCode.Failed;
        }
    }

    private static int Invoke(RootCommand root, string command, string[] args)
    {
        // "@file" is an argument of somebody's program, not a request to read options from a file.
        ParseResult result = root.Parse(RunCommand.Separate(root, args), new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Errors.Count == 0 || result.Action is HelpAction)
            return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        if (args.Length == 0)
            root.Parse("--help").Invoke();
        else
            Terminal.Error($"{command}: {result.Errors[0].Message}{Environment.NewLine}Try '{command} --help'.");
        return ExitCode.Usage;
    }
}
