namespace Updraft.Cli.Tests;

/// <summary>The samples in C and Python, built and run as their readers do; those in C# are run by Updraft.Tests.</summary>
public sealed class SamplesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("updraft-samples-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private const string Every = "every byte is where it belongs", Survived = "every byte survived", Equal = "equal";

    [Theory]
    [InlineData("hello-acl/hello.c", Equal, "910b", "threads")]
    [InlineData("hello-acl/hello.c", Equal, "310b", "threads")]
    [InlineData("kv-offload/kv_offload.c", Every, "910b", "threads")]
    [InlineData("kv-offload/kv_offload.c", Every, "910b", "eager")]
    [InlineData("kv-offload/kv_offload.c", Every, "910b", "late")]
    [InlineData("kv-offload/kv_offload.c", Every, "910b", "random:1")]
    [InlineData("kv-offload/kv_offload.c", Every, "910b", "random:2")]
    [InlineData("graph-replay/graph_replay.c", Every, "910b", "threads")]
    [InlineData("graph-replay/graph_replay.c", Every, "910c", "late")]
    [InlineData("graph-replay/graph_replay.c", Every, "950", "random:1")]
    [InlineData("sleep-wake/sleep_wake.c", Survived, "910b", "threads")]
    [InlineData("sleep-wake/sleep_wake.c", Survived, "910b", "late")]
    [InlineData("sleep-wake/sleep_wake.c", Survived, "910b", "random:3")]
    public void CProgram_SaysThatAllIsRight(string file, string said, string chip, string schedule)
    {
        var result = Run(Build(file), chip, schedule);
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains(said + "\n", result.Output);
    }

    /// <summary>The samples prove what they show: without the line that makes the order they fail.</summary>
    [Theory]
    [InlineData("kv-offload/kv_offload.c", "CHECK(aclrtStreamWaitEvent(in, left[layer]));", "late", "blocks are WRONG")]
    [InlineData("graph-replay/graph_replay.c", "CHECK(aclrtStreamWaitEvent(compute, joined));", "threads", "107025")]
    public void CProgram_WithoutItsWait_Fails(string file, string wait, string schedule, string said)
    {
        var result = Run(Build(file, without: wait), "910b", schedule);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(said, result.Output + result.Errors);
    }

    [Theory]
    [InlineData("python-ctypes/kv_offload.py", Every)]
    [InlineData("sleep-wake/sleep_wake.py", Survived)]
    public void PythonProgram_SaysThatAllIsRight(string file, string said)
    {
        Assert.SkipUnless(InstalledProgram.Shell("python3 -c 'import ctypes'").ExitCode == 0, "python3 is not here");
        var result = InstalledProgram.Updraft("run", "--", "python3", Path.Combine(Repository.Root, "samples", file));
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains(said + "\n", result.Output);
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

    private static InstalledProgram.Result Run(string program, string chip, string schedule)
        => InstalledProgram.Updraft(["run", "--soc", chip, "--schedule", schedule, "--", program, .. Small(Path.GetFileName(program))]);

    /// <summary>Arguments that make a sample short.</summary>
    private static string[] Small(string name) => name == "kv_offload" ? ["--layers", "4", "--blocks", "64", "--rounds", "3"] : [];

    private string Build(string file, string without = "")
    {
        string root = InstalledProgram.Root, program = Path.Combine(_directory, Path.GetFileNameWithoutExtension(file)), source = Repository.Text("samples/" + file);
        Assert.Contains(without, source);
        File.WriteAllText($"{program}.c", without.Length > 0 ? source.Replace(without, "") : source);
        var result = InstalledProgram.Start("cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", $"-I{root}/include", $"{program}.c", $"-L{root}/lib64", "-lascendcl", "-o", program);
        Assert.True(result.ExitCode == 0, result.Errors);
        return program;
    }
}
