using System.Diagnostics;

namespace Updraft.Tests;

/// <summary>The samples in C#, run as programs of their own: in process and on the built library.</summary>
public sealed class SamplesTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("csharp-kv-offload", "every byte is where it belongs")]
    [InlineData("csharp-pipeline", "equal")]
    [InlineData("csharp-aclapi", "equal")]
    public void Sample_SaysThatAllIsRight(string name, string said)
    {
        foreach (string schedule in (string[])["threads", "late"])
        {
            Assert.EndsWith(said + "\n", Run(name, schedule));
        }
        Assert.SkipUnless(Backend.IsPrefixThere, "UPDRAFT_PREFIX does not name an installed tree: not run on a library");
        Assert.EndsWith(said + "\n", Run(name, "threads", ["--library", Library]));
    }

    /// <summary>The same cache, the same victims, the same copies: the checksum over all places is that of the sample in C.</summary>
    [Fact]
    public void KvOffload_DoesWhatTheSampleInCDoes()
    {
        Assert.SkipUnless(Backend.IsPrefixThere, "UPDRAFT_PREFIX does not name an installed tree");
        string prefix = Environment.GetEnvironmentVariable("UPDRAFT_PREFIX")!, directory = Directory.CreateTempSubdirectory("updraft-samples-").FullName;
        try
        {
            string program = Path.Combine(directory, "kv_offload");
            Child.Run(new ProcessStartInfo("cc", ["-O2", Path.Combine(PackageTests.Root, "samples/kv-offload/kv_offload.c"), $"-I{prefix}/include", $"-L{prefix}/lib64", "-lascendcl", "-o", program]), s_limit);
            var start = new ProcessStartInfo(program, [.. Small("csharp-kv-offload"), "--seed", "7"]);
            start.Environment["LD_LIBRARY_PATH"] = $"{prefix}/lib64";
            string expected = Checksum(Child.Run(start, s_limit));
            Assert.Equal(expected, Checksum(Run("csharp-kv-offload", "threads", ["--seed", "7"])));
            Assert.NotEqual(expected, Checksum(Run("csharp-kv-offload", "threads", ["--seed", "8"])));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Library => Backend.LibraryOf(Environment.GetEnvironmentVariable("UPDRAFT_PREFIX")!);

    private static string Checksum(string output) => output.Split('\n').Single(line => line.StartsWith("checksum ", StringComparison.Ordinal));

    /// <summary>Arguments that make it short.</summary>
    private static string[] Small(string name) => name == "csharp-kv-offload" ? ["--layers", "4", "--blocks", "64", "--rounds", "3"] : [];

    private static string Run(string name, string schedule, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, name + ".dll"), .. Small(name), .. arguments]);
        start.Environment["UPDRAFT_SCHEDULE"] = schedule;
        return Child.Run(start, s_limit);
    }
}
