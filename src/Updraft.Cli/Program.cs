using System.Reflection;

namespace Updraft.Cli;

/// <summary>`updraft`: one file per command; what they share is beside this file.</summary>
internal static class Program
{
    internal static string Version { get; } =
        typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private static int Main(string[] args)
        => Path.GetFileName(Environment.GetCommandLineArgs()[0]) == NpuSmi.Name
            ? NpuSmi.Invoke(args)
            : CommandTree.Invoke(args);
}
