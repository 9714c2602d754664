using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Updraft.Tests;

/// <summary>The third backend, which ACL_REAL names, works: this program once more, with our own library in the place of a real one.</summary>
public sealed partial class RealLibraryTests
{
    [Theory]
    [InlineData(nameof(CopyTestsOfRealLibrary))]
    [InlineData(nameof(OrderTestsOfRealLibrary))]
    [InlineData(nameof(OwnershipTestsOfRealLibrary))]
    public void TestsOfTheRealLibrary_Run_WhenItIsNamed(string type)
    {
        Assert.SkipUnless(Backend.IsPrefixThere, "UPDRAFT_PREFIX does not name an installed tree");
        string program = Assembly.GetExecutingAssembly().Location, host = Environment.ProcessPath!;
        string[] arguments = [.. Path.GetFileNameWithoutExtension(host) == "dotnet" ? [program] : Array.Empty<string>(), "-noLogo", "-noColor", "-class", $"Updraft.Tests.{type}"];
        var start = new ProcessStartInfo(host, arguments);
        start.Environment["ACL_REAL"] = Backend.LibraryOf(Environment.GetEnvironmentVariable("UPDRAFT_PREFIX")!);
        start.Environment["UPDRAFT_DEVICES"] = "2";
        string output = Child.Run(start, TimeSpan.FromMinutes(3));
        Match summary = Summary().Match(output);
        Assert.True(summary.Success, output);
        int total = int.Parse(summary.Groups[1].Value), skipped = int.Parse(summary.Groups[2].Value);
        Assert.True(total > 5 && skipped == 0, summary.Value);
    }

    [GeneratedRegex(@"Total: (\d+), Errors: 0, Failed: 0, Skipped: (\d+)")]
    private static partial Regex Summary();
}
