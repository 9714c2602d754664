using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Updraft.Tests;

/// <summary>The packages as their users get them: made, restored from a local feed into a fresh project, run, published natively, installed.</summary>
public sealed class PackageTests
{
    [Fact]
    public void Packages_RestoreRunPublishAndInstall()
    {
        Assert.SkipUnless(Backend.IsPrefixThere, "UPDRAFT_PREFIX does not name an installed tree");
        string root = Root;
        string work = Directory.CreateTempSubdirectory("updraft-packages-").FullName;
        try
        {
            string library = Backend.LibraryOf(Environment.GetEnvironmentVariable("UPDRAFT_PREFIX")!);
            Run(root, "eng/pack/pack", "--output", $"{work}/feed", "--library", library);
            string output = Run(root, "eng/pack/check", $"{work}/feed", $"{work}/fresh");
            Assert.Equal(6, output.Split('\n').Count(line => line.StartsWith("ok - ", StringComparison.Ordinal)));
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static string Run(string root, string script, params string[] arguments) =>
        Child.Run(new ProcessStartInfo(Path.Combine(root, script), arguments) { WorkingDirectory = root }, TimeSpan.FromMinutes(10));

    internal static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(SourceFile())!, "../.."));

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
