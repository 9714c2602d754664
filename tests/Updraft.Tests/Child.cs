using System.Diagnostics;

namespace Updraft.Tests;

/// <summary>Another program, run to its end.</summary>
internal static class Child
{
    /// <summary>What it printed; it must end with exit code 0 within the time.</summary>
    internal static string Run(ProcessStartInfo start, TimeSpan limit)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{start.FileName} did not end");
        }
        Assert.True(process.ExitCode == 0, $"{start.FileName}: exit code {process.ExitCode}\n{errors.Result}{output.Result}");
        return output.Result;
    }
}
