using System.Diagnostics;

namespace Updraft.Cli.Tests;

/// <summary>Starts programs of the installed tree that UPDRAFT_PREFIX names; tests without one are skipped.</summary>
internal static class InstalledProgram
{
    internal sealed record Result(int ExitCode, string Output, string Errors);

    internal static string Root
    {
        get
        {
            string? prefix = Environment.GetEnvironmentVariable("UPDRAFT_PREFIX");
            Assert.SkipWhen(string.IsNullOrEmpty(prefix), "UPDRAFT_PREFIX names no installed tree; ./test sets it");
            return Path.GetFullPath(prefix!);
        }
    }

    internal static Result Updraft(params string[] arguments) => Start(Path.Combine(Root, "bin", "updraft"), arguments);

    internal static Result Shell(string script, params string[] arguments) => Start("/bin/sh", ["-c", script, "sh", .. arguments]);

    internal static Result Start(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("UPDRAFT_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment.Remove("LD_LIBRARY_PATH");
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(1)), $"{program} does not end");
        return new(process.ExitCode, output, errors.Result);
    }
}
