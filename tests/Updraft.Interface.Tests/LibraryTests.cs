namespace Updraft.Interface.Tests;

/// <summary>The built library against the table; UPDRAFT_PREFIX names the installed tree.</summary>
public class LibraryTests
{
    /// <summary>Exported beside the table: what the vendor's libraries have without a public declaration, and the runtime's own.</summary>
    private static readonly string[] Extras =
    [
        "aclAppLogWithArgs",
        "aclrtSetDeviceWithoutTsdVXX", "aclrtResetDeviceWithoutTsdVXX",
        "aclprofWarmup", "aclprofGetSupportedFeatures", "aclprofGetSupportedFeaturesV2", "aclprofRegisterDeviceCallback",
        "aclprofGetGraphId", "aclprofSetCategoryName", "aclprofSetStampCategory", "aclprofSetStampPayload",
        "DotNetRuntimeDebugHeader",
    ];

    [Fact]
    public async Task Exports_AreTheNamesOfTheTable_Unversioned()
    {
        string library = LibraryOrSkip();
        Assert.SkipUnless(await Tool.Exists("nm"), "nm is not installed");
        Tool.Result result = await Tool.Run("nm", ["-D", "--defined-only", library]);
        Assert.Equal(0, result.ExitCode);
        var exported = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1]).ToHashSet();
        var table = Repository.Table.Functions.Select(function => function.Name).ToHashSet();

        Assert.DoesNotContain(exported, name => name.Contains('@'));
        Assert.Empty(table.Except(exported).Order());
        Assert.Empty(exported.Except(table).Except(Extras).Order());
    }

    [Fact]
    public async Task ConformanceSource_LinksAndStarts()
    {
        string library = LibraryOrSkip();
        Compiler compiler = await Compiler.GetOrSkip("gcc", "c11");
        string program = Path.Combine(Path.GetTempPath(), $"updraft-conformance-{Guid.NewGuid():N}");
        try
        {
            // --no-undefined: every name must come from the one library.
            string directory = Path.GetDirectoryName(library)!;
            await compiler.Run(ConformanceTests.Source(compiler), ["-Wno-deprecated-declarations", "-o", program],
                ["-L" + directory, "-Wl,-rpath," + directory, "-Wl,--no-undefined", "-Wl,-z,now", "-lascendcl"]);
            Assert.Equal(0, (await Tool.Run(program, [])).ExitCode);
        }
        finally
        {
            File.Delete(program);
        }
    }

    internal static string LibraryOrSkip()
    {
        string? prefix = Environment.GetEnvironmentVariable("UPDRAFT_PREFIX");
        Assert.SkipWhen(string.IsNullOrEmpty(prefix), "UPDRAFT_PREFIX does not name an installed prefix");
        return Path.Combine(prefix!, "lib64", "libascendcl.so");
    }
}
