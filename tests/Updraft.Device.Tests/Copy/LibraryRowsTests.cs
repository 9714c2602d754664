using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Updraft.Device.Tests;

/// <summary>The rows of the copies once more, on the built library: this program as a child, one per chip, with the library in place of the rows.</summary>
public sealed class LibraryRowsTests
{
    private static readonly Type[] s_bodies =
    [
        typeof(CopyRowsTests), typeof(CopyOffsetRowsTests), typeof(CopyBatchRowsTests), typeof(CopyRectangleRowsTests), typeof(CopyFillRowsTests),
        typeof(CopySymbolRowsTests), typeof(CopyReductionTests), typeof(CopyValueTests), typeof(CopyManagedTests),
    ];

    public static TheoryData<string> Chips => [.. CopyRow.All.Split(' ')];

    [Theory, MemberData(nameof(Chips))]
    public async Task BuiltLibrary_EveryRowOfTheCopies_HoldsToo(string chip)
    {
        string? prefix = Environment.GetEnvironmentVariable("UPDRAFT_PREFIX");
        string library = Path.Combine(prefix ?? "", "lib64", "libascendcl.so");
        Assert.SkipWhen(prefix == null || TestMachine.Library != null, "needs the installed tree (UPDRAFT_PREFIX), which ./test builds");
        Assert.True(File.Exists(library), $"{library} is missing");
        ProcessStartInfo start = OwnProgram.With(["-noColor", .. s_bodies.SelectMany(body => new[] { "-class", body.FullName! })]);
        start.RedirectStandardError = true;
        foreach ((string name, string value) in new[] { ("UPDRAFT_TEST_LIBRARY", library), ("UPDRAFT_SOC", chip), ("UPDRAFT_DEVICES", "2"), ("UPDRAFT_LOG", "off") })
        {
            start.Environment[name] = value;
        }
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Match total = Regex.Match(output, @"Total: (\d+), Errors: 0, Failed: 0, Skipped: (\d+)");
        Assert.True(child.ExitCode == 0 && total.Success, $"{output}\n{await errors}");
        int ran = int.Parse(total.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) - int.Parse(total.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(ran > 200, $"only {ran} tests ran:\n{output}");
    }
}
