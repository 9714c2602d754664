using System.CommandLine;

namespace Updraft.Cli;

/// <summary>
/// `updraft run [options] -- PROGRAM ARGS…`: sets the variables and becomes the program (execve), so that process id, signals,
/// terminal and exit code are the program's own.
/// </summary>
internal static class RunCommand
{
    private const string Name = "run";

    internal static Command Create()
    {
        Command command = new(Name, "Run an AscendCL program, unmodified, on emulated NPUs.");
        EmulationOptions emulation = new(command);
        Argument<string[]> program = new("PROGRAM") { Description = "The program and its arguments; write -- before it.", Arity = ArgumentArity.OneOrMore };
        command.Arguments.Add(program);
        command.SetAction(result => Start(emulation.Variables(result, Environment.GetEnvironmentVariable), result.GetValue(program)!));
        return command;
    }

    /// <summary>
    /// Everything from the program's name on belongs to the program: puts the missing `--` before it, as `env` and `timeout` understand
    /// their arguments. `--check` alone means `--check=on`.
    /// </summary>
    internal static string[] Separate(RootCommand root, string[] args)
    {
        if (args.Length == 0 || args[0] != Name)
            return args;
        List<string> known = [.. root.Subcommands.Single(command => command.Name == Name).Options.Select(option => option.Name)];
        List<string> separated = [Name];
        int at = 1;
        for (; at < args.Length && args[at] != "--" && args[at].StartsWith('-'); at++)
        {
            string option = args[at];
            bool hasNext = at + 1 < args.Length;
            if (option == "--check")
                separated.Add(hasNext && args[at + 1] is "off" or "on" or "strict" ? $"{option}={args[++at]}" : "--check=on");
            else if (option is "-h" or "-?" or "--help")
                return [Name, "--help"];
            else if (!known.Contains(option.Split('=')[0]))
                throw new UsageException($"there is no option {option}; write -- before a program whose name begins with a dash.");
            else if (option.Contains('=') || !hasNext || args[at + 1] == "--")
                separated.Add(option);
            else
                separated.AddRange([option, args[++at]]);
        }
        if (at < args.Length && args[at] != "--")
            separated.Add("--");
        separated.AddRange(args[at..]);
        return [.. separated];
    }

    private static int Start(List<(string Name, string Value)> options, string[] program)
    {
        Prefix prefix = Prefix.Find();
        if (!File.Exists(prefix.Library))
            throw new FailedException($"{prefix.Library} is missing; 'updraft doctor' says what to do.");
        foreach ((string name, string value) in prefix.Variables(Environment.GetEnvironmentVariable).Concat(options))
            Posix.SetVariable(name, value);

        int error = Posix.Become(program);
        (string why, int code) = error switch
        {
            Posix.NoSuchFile => ("there is no such program", ExitCode.NotFound),
            Posix.NoAccess => ("it cannot be executed", ExitCode.CannotExecute),
            _ => (Posix.Describe(error), ExitCode.CannotExecute),
        };
        Terminal.Error($"updraft run: {program[0]}: {why}.");
        return code;
    }
}
