using System.Text.Json;

namespace Updraft.Cli.Tests;

/// <summary>The program and the tree as users have them.</summary>
public sealed class InstalledTests
{
    [Fact]
    public void Run_SetsTheVariablesAndKeepsTheArguments()
    {
        string root = InstalledProgram.Root;
        var result = InstalledProgram.Updraft("run", "--soc", "310b", "--devices=1", "--", "/bin/sh", "-c",
            "echo $ASCEND_HOME_PATH; echo $ASCEND_TOOLKIT_HOME; echo $LD_LIBRARY_PATH; echo $UPDRAFT_SOC $UPDRAFT_DEVICES; printf '<%s>' \"$@\"", "sh", "--soc", "", "a b", "@x", "--");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal($"{root}\n{root}\n{root}/lib64\n310b 1\n<--soc><><a b><@x><-->", result.Output);
        Assert.Equal("", result.Errors);
    }

    [Fact]
    public void Run_BytesThatAreNotText_ArriveUnchanged()
    {
        var result = InstalledProgram.Shell("\"$1\" run -- printf %s \"$(printf 'a\\377b')\" | od -An -tx1", Path.Combine(InstalledProgram.Root, "bin", "updraft"));
        Assert.Equal("61 ff 62", result.Output.Trim());
    }

    [Fact]
    public void Run_ExitCodeAndSignal_AreTheProgramsOwn()
    {
        Assert.Equal(7, InstalledProgram.Updraft("run", "sh", "-c", "exit 7").ExitCode);
        Assert.Equal(128 + 15, InstalledProgram.Updraft("run", "sh", "-c", "kill -TERM $$").ExitCode);
    }

    [Fact]
    public void Run_ProcessIdAndSignals_AreThoseOfTheCaller()
    {
        const string Signals = "grep -E '^Sig(Blk|Ign)' /proc/self/status";
        string updraft = Path.Combine(InstalledProgram.Root, "bin", "updraft");
        string[] lines = InstalledProgram.Shell($"echo $$; exec \"$1\" run -- sh -c \"echo \\$\\$; {Signals}\"", updraft).Output.Split('\n');
        Assert.Equal(lines[0], lines[1]);
        string[] direct = InstalledProgram.Shell(Signals).Output.Split('\n');
        Assert.Equal(direct[0], lines[2]);

        // Of the ignored ones SIGPIPE is left out: this test's own runtime ignores it, `updraft run` gives the default.
        const ulong Pipe = 1UL << (13 - 1);
        Assert.Equal(Ignored(direct[1]) & ~Pipe, Ignored(lines[3]));

        static ulong Ignored(string line) => Convert.ToUInt64(line.Split('\t')[1], 16);
    }

    [Theory]
    [InlineData(2, "run", "--soc", "none", "--", "true")]
    [InlineData(2, "run", "--check", "--", "true")]
    [InlineData(2, "run", "--clock", "model", "true")]
    [InlineData(2, "run")]
    [InlineData(2, "frobnicate")]
    [InlineData(2, "bench", "--max-size", "many")]
    [InlineData(2, "bench", "--max-size", "2G")]
    [InlineData(2, "explain", "UPD-COPY-001")]
    [InlineData(1, "api", "noSuchFunction")]
    [InlineData(127, "run", "--", "/no/such/program")]
    [InlineData(126, "run", "--", "/etc/passwd")]
    public void Mistakes_AreOneSentenceOnStderr(int exitCode, params string[] arguments)
    {
        var result = InstalledProgram.Updraft(arguments);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.StartsWith("updraft", result.Errors);
        Assert.Equal("", result.Output);
        Assert.InRange(result.Errors.Trim().Split('\n').Length, 1, 2);
    }

    [Theory]
    [InlineData("UPDRAFT_TRACE=t.html", "UPDRAFT_TRACE=t.html: timelines are not in this version.")]
    [InlineData("UPDRAFT_DEVICES=many", "UPDRAFT_DEVICES=many: \"many\" is not a number from 1 to 384.")]
    public void Run_InheritedVariable_IsCheckedAsItsOption(string variable, string sentence)
    {
        var result = InstalledProgram.Start("env", variable, Path.Combine(InstalledProgram.Root, "bin", "updraft"), "run", "--", "true");
        Assert.Equal((2, $"updraft run: {sentence}\n"), (result.ExitCode, result.Errors));
    }

    [Fact]
    public void Output_WithoutTerminal_HasNoColours()
    {
        Assert.All(new[] { "info", "doctor", "api" }, command => Assert.DoesNotContain('\e', InstalledProgram.Updraft(command).Output));
    }

    [Fact]
    public void Doctor_FreshTree_FailsNothing()
    {
        var result = InstalledProgram.Updraft("doctor");
        Assert.Equal(0, result.ExitCode);
        Assert.DoesNotContain("\nfail", result.Output);
        Assert.Contains("loads, chip Ascend", result.Output);
    }

    [Fact]
    public void Doctor_ThroughALinkedPath_KnowsItsOwnTree()
    {
        string directory = Directory.CreateTempSubdirectory("updraft-link-").FullName;
        try
        {
            string link = Path.Combine(directory, "latest");
            Directory.CreateSymbolicLink(link, InstalledProgram.Root);
            var result = InstalledProgram.Shell(". \"$1\"/set_env.sh && updraft doctor | grep environment", link);
            Assert.StartsWith("ok ", result.Output);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void ApiJson_IsValid_AndFollowsTheChip()
    {
        using JsonDocument all = JsonDocument.Parse(InstalledProgram.Updraft("api", "--json").Output);
        using JsonDocument some = JsonDocument.Parse(InstalledProgram.Updraft("api", "--soc", "310b", "--json").Output);
        Assert.InRange(all.RootElement.GetProperty("functions").GetInt32(), 511, 1000);
        Assert.True(some.RootElement.GetProperty("functions").GetInt32() < all.RootElement.GetProperty("functions").GetInt32());
        Assert.All(some.RootElement.GetProperty("items").EnumerateArray(), item => Assert.Contains(item.GetProperty("chips").EnumerateArray(), chip => chip.GetString() == "310b"));
    }

    [Fact]
    public void NpuSmi_AnswersInfo_AndRefusesWhatItDoesNotKnow()
    {
        string program = Path.Combine(InstalledProgram.Root, "bin", "npu-smi");
        Assert.Contains("| 0   |", InstalledProgram.Start(program, "info").Output);
        Assert.Matches("Total Count +: [1-9]", InstalledProgram.Start(program, "info", "-l").Output);
        Assert.Equal(2, InstalledProgram.Start(program, "info", "-t", "temp").ExitCode);
    }

    [Fact]
    public void Tree_HasTheVendorsShape_WithRelativeLinksOnly()
    {
        string root = InstalledProgram.Root;
        string[] expected =
        [
            "include/acl/acl.h", "lib64/libascendcl.so", "lib64/libacl_rt.so", "lib64/libascend_dump.so", "lib64/libmsprofiler.so", "lib64/libacl_tdt_channel.so",
            "lib64/libacl_tdt_queue.so", "lib64/libplatform.so", "lib64/libruntime.so", "lib64/libacl_rt_impl.so", "devlib/libascendcl.so", "devlib/libacl_prof.so",
            "runtime/include/acl/acl.h", "runtime/lib64/libacl_rt.so", "set_env.sh", "bin/setenv.bash", "version.cfg", "share/info/runtime/version.info", "bin/npu-smi",
        ];
        Assert.All(expected, file => Assert.True(File.Exists(Path.Combine(root, file)), file));
        string arch = Assert.Single(Directory.GetDirectories(root, "*-linux"));
        Assert.All(new[] { "include", "lib64", "devlib" }, name => Assert.True(new DirectoryInfo(Path.Combine(arch, name)) is { Exists: true, LinkTarget: null }, name));

        var links = new DirectoryInfo(root).EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Where(entry => entry.LinkTarget is not null);
        Assert.All(links, link => Assert.False(Path.IsPathRooted(link.LinkTarget), link.FullName));
    }

    [Fact]
    public void Install_CopiesTheTree_AndTheCopyWorksFromItsNewPlace()
    {
        string directory = Directory.CreateTempSubdirectory("updraft-install-").FullName;
        try
        {
            string first = Path.Combine(directory, "a b"), moved = Path.Combine(directory, "moved");
            Assert.Equal(0, InstalledProgram.Updraft("install", "--prefix", first).ExitCode);
            Assert.Equal(0, InstalledProgram.Updraft("install", "--prefix", first).ExitCode); // again, over itself
            Directory.Move(first, moved);
            Assert.Equal(0, InstalledProgram.Start(Path.Combine(moved, "bin", "updraft"), "doctor").ExitCode);
            Assert.Equal($"{moved}\n", InstalledProgram.Start(Path.Combine(moved, "bin", "updraft"), "run", "sh", "-c", "echo $ASCEND_HOME_PATH").Output);

            string foreign = Directory.CreateDirectory(Path.Combine(directory, "foreign")).FullName;
            File.WriteAllText(Path.Combine(foreign, "precious"), "data");
            Assert.Equal(2, InstalledProgram.Updraft("install", "--prefix", foreign).ExitCode);
            Assert.Equal(["precious"], Directory.GetFileSystemEntries(foreign).Select(Path.GetFileName));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData("sh", "set_env.sh")]
    [InlineData("bash", "set_env.sh")]
    [InlineData("bash", "bin/setenv.bash")]
    [InlineData("zsh", "set_env.sh")]
    public void SetEnv_FindsItsOwnPlace_AndTwiceIsOnce(string shell, string script)
    {
        string file = Path.Combine(InstalledProgram.Root, script);
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(directory => File.Exists(Path.Combine(directory, shell))), $"{shell} is not here");
        var result = InstalledProgram.Start(shell, "-c", $". '{file}'; . '{file}'; echo \"$ASCEND_HOME_PATH\"; echo \"$LD_LIBRARY_PATH\"; command -v npu-smi");
        Assert.Equal("", result.Errors);
        Assert.Equal($"{InstalledProgram.Root}\n{InstalledProgram.Root}/lib64\n{InstalledProgram.Root}/bin/npu-smi\n", result.Output);
    }

    [Fact]
    public void Env_IsEvaluatedByAShell()
    {
        var result = InstalledProgram.Shell("eval \"$(\"$1\" env --soc 310p)\"; echo $ASCEND_TOOLKIT_HOME $UPDRAFT_SOC", Path.Combine(InstalledProgram.Root, "bin", "updraft"));
        Assert.Equal($"{InstalledProgram.Root} 310p\n", result.Output);
    }
}
