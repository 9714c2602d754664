namespace Updraft.Cli.Tests;

/// <summary>The samples, built and run as their readers do. kv-offload also proves that a missing wait shows.</summary>
public sealed class SamplesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("updraft-samples-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("910b")]
    [InlineData("310b")]
    public void HelloAcl_Runs(string chip)
    {
        var result = InstalledProgram.Updraft("run", "--soc", chip, "--", Build(Repository.Text("samples/hello-acl/hello.c")));
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.EndsWith("equal\n", result.Output);
    }

    [Theory]
    [InlineData("threads")]
    [InlineData("eager")]
    [InlineData("late")]
    [InlineData("random:1")]
    [InlineData("random:2")]
    public void KvOffload_VerifiesUnderEverySchedule(string schedule)
    {
        var result = Offload(Repository.Text("samples/kv-offload/kv_offload.c"), schedule);
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains("every byte is where it belongs", result.Output);
    }

    [Fact]
    public void KvOffload_WithoutItsWait_IsCaughtByTheLateSchedule()
    {
        const string Wait = "CHECK(aclrtStreamWaitEvent(in, left[layer]));";
        string source = Repository.Text("samples/kv-offload/kv_offload.c");
        Assert.Contains(Wait, source);
        var result = Offload(source.Replace(Wait, ""), "late");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("blocks are WRONG", result.Output);
    }

    [Theory]
    [InlineData("910b", "threads")]
    [InlineData("910c", "late")]
    [InlineData("950", "random:1")]
    public void GraphReplay_VerifiesEveryStep(string chip, string schedule)
    {
        var result = InstalledProgram.Updraft("run", "--soc", chip, "--schedule", schedule, "--", Build(Repository.Text("samples/graph-replay/graph_replay.c")));
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains("every byte is where it belongs", result.Output);
    }

    [Fact]
    public void GraphReplay_WithoutItsJoin_IsRefusedAtTheEndOfTheCapture()
    {
        const string Join = "CHECK(aclrtStreamWaitEvent(compute, joined));";
        string source = Repository.Text("samples/graph-replay/graph_replay.c");
        Assert.Contains(Join, source);
        var result = InstalledProgram.Updraft("run", "--", Build(source.Replace(Join, "")));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("107025", result.Errors);
    }

    [Fact]
    public void PythonCtypes_Runs()
    {
        Assert.SkipUnless(InstalledProgram.Shell("python3 -c 'import ctypes'").ExitCode == 0, "python3 is not here");
        var result = InstalledProgram.Updraft("run", "--", "python3", Path.Combine(Repository.Root, "samples/python-ctypes/kv_offload.py"));
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains("every byte is where it belongs", result.Output);
    }

    [Theory]
    [InlineData("threads"), InlineData("late"), InlineData("random:3")]
    public void SleepWake_KeepsEveryByte(string schedule)
    {
        var result = InstalledProgram.Updraft("run", "--schedule", schedule, "--", Build(Repository.Text("samples/sleep-wake/sleep_wake.c")));
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.EndsWith("every byte survived\n", result.Output);
    }

    [Fact]
    public void SleepWake_RunsInPython()
    {
        Assert.SkipUnless(InstalledProgram.Shell("python3 -c 'import ctypes'").ExitCode == 0, "python3 is not here");
        var result = InstalledProgram.Updraft("run", "--", "python3", Path.Combine(Repository.Root, "samples/sleep-wake/sleep_wake.py"));
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Equal("every byte survived\n", result.Output);
    }

    // A C extension that registers Python's memory and uses virtual memory: the library inside an interpreter, called without ctypes.
    [Fact]
    public void PythonExtension_Runs()
    {
        var include = InstalledProgram.Shell("python3 -c 'import sysconfig; print(sysconfig.get_paths()[\"include\"])'");
        string headers = include.Output.Trim();
        Assert.SkipUnless(include.ExitCode == 0 && File.Exists(Path.Combine(headers, "Python.h")), "python3 with its headers is not here");
        string root = InstalledProgram.Root, source = Path.Combine(Repository.Root, "tests/python/updraft_memory.c");
        var built = InstalledProgram.Start("cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", $"-I{headers}", $"-I{root}/include", source, $"-L{root}/lib64", "-lascendcl", "-o", Path.Combine(_directory, "updraft_memory.so"));
        Assert.True(built.ExitCode == 0, built.Errors);
        const string Program = "import sys, updraft_memory as m; b = bytearray(range(256)) * 20000; e = bytes(b); m.sleep_and_wake(b); print(b == e)";
        var result = InstalledProgram.Updraft("run", "--", "env", $"PYTHONPATH={_directory}", "python3", "-c", Program);
        Assert.Equal((0, "", "True\n"), (result.ExitCode, result.Errors, result.Output));
    }

    [Fact]
    public void Readme_CSharpExample_IsTheProgramOfTheDotNetPage()
    {
        static string Example(string page) => Repository.Text(page).Split("```csharp\n")[1].Split("```")[0];
        // Which the check of the packages compiles and runs.
        Assert.Equal(Example("docs/dotnet.md"), Example("README.md"));
    }

    [Fact]
    public void Readme_ShowsLinesOfTheSample()
    {
        string sample = Repository.Text("samples/hello-acl/hello.c");
        string example = Repository.Text("README.md").Split("```c\n")[1].Split("```")[0];
        IEnumerable<string> calls = example.Split('\n').Where(line => line.StartsWith("CHECK(", StringComparison.Ordinal)).Select(line => line.Split("//")[0].Trim());
        Assert.All(calls, call => Assert.Contains(call, sample));
    }

    [Fact]
    public void Readme_NamesEveryOptionOfRun()
    {
        string readme = Repository.Text("README.md");
        var options = CommandTree.Create().Subcommands.Single(command => command.Name == "run").Options;
        Assert.All(options.Where(option => option.Name != "--help"), option => Assert.Contains($"`{option.Name}`", readme));
    }

    private InstalledProgram.Result Offload(string source, string schedule)
        => InstalledProgram.Updraft("run", "--schedule", schedule, "--", Build(source), "--layers", "4", "--blocks", "64", "--rounds", "3");

    private string Build(string source)
    {
        string root = InstalledProgram.Root, program = Path.Combine(_directory, "program");
        File.WriteAllText($"{program}.c", source);
        var result = InstalledProgram.Start("cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", $"-I{root}/include", $"{program}.c", $"-L{root}/lib64", "-lascendcl", "-o", program);
        Assert.True(result.ExitCode == 0, result.Errors);
        return program;
    }
}
