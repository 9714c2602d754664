using System.CommandLine;

namespace Updraft.Cli;

/// <summary>`eval "$(updraft env)"`: what `updraft run` would set, as exports for a POSIX shell.</summary>
internal static class EnvCommand
{
    internal static Command Create()
    {
        Command command = new("env", "Print exports for a shell: eval \"$(updraft env)\".");
        EmulationOptions emulation = new(command);
        command.SetAction(result =>
        {
            List<(string, string)> options = emulation.Variables(result, Environment.GetEnvironmentVariable);
            foreach ((string name, string value) in Prefix.Find().Variables(Environment.GetEnvironmentVariable).Concat(options))
                Console.Out.WriteLine($"export {name}={Quote(value)}");
            return ExitCode.Ok;
        });
        return command;
    }

    internal static string Quote(string value)
        => value.All(c => char.IsAsciiLetterOrDigit(c) || "/:._-+,=@%".Contains(c)) && value.Length > 0
            ? value
            : $"'{value.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
