using System.ComponentModel;
using System.Diagnostics;

namespace Updraft.Interface.Tests;

/// <summary>Runs a program under a watchdog: a compiler that hangs fails a test, it does not stop the run.</summary>
internal static class Tool
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    public sealed record Result(int ExitCode, string Output, string Errors);

    public static async Task<Result> Run(string program, IEnumerable<string> arguments, string input = "")
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        using Process process = Process.Start(start)!;
        using var watchdog = new CancellationTokenSource(Limit);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(watchdog.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(watchdog.Token);
            try
            {
                await process.StandardInput.WriteAsync(input);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It stopped reading; its exit code and its words say why.
            }
            await process.WaitForExitAsync(watchdog.Token);
            return new Result(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', start.ArgumentList)} ran longer than {Limit.TotalSeconds} s");
        }
    }

    public static async Task<bool> Exists(string program)
    {
        try
        {
            return (await Run(program, ["--version"])).ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
