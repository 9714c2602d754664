using Updraft.Headers;

namespace Updraft.Interface.Tests;

/// <summary>
/// Any argument to any function: a code, never a signal, a hang or a write outside an allocation. The fuzzer is a C++ program over
/// a printed table of all functions (Fuzz/fuzz.cpp); its seed is fixed, so a failure happens again.
/// <code>
/// dotnet run --project src/Updraft.Headers -- fuzz interface DIRECTORY      # prints the table
/// fuzz SEED CALLS MIXED FUNCTION                                            # one function again
/// </code>
/// </summary>
public class FuzzTests
{
    [Theory]
    [InlineData("910b", "threads", 1)]
    [InlineData("310b", "threads", 2)]
    [InlineData("950", "random:9", 3)]
    public async Task EveryFunction_AnyArguments_ReturnsAndTouchesNothingElse(string soc, string schedule, int seed)
    {
        string library = LibraryTests.LibraryOrSkip();
        Compiler compiler = await Compiler.GetOrSkip("g++", "c++17");
        string directory = Directory.CreateTempSubdirectory("updraft-fuzz-").FullName;
        try
        {
            string source = Path.Combine(Repository.Root, "tests", "Updraft.Interface.Tests", "Fuzz");
            foreach ((string path, string text) in FuzzPrinter.Print(Repository.Table))
            {
                await File.WriteAllTextAsync(Path.Combine(directory, path), text, TestContext.Current.CancellationToken);
            }
            string libraries = Path.GetDirectoryName(library)!, program = Path.Combine(directory, "fuzz");
            await compiler.Run(await File.ReadAllTextAsync(Path.Combine(source, "fuzz.cpp"), TestContext.Current.CancellationToken),
                ["-D_GNU_SOURCE", "-O1", "-Wno-deprecated-declarations", "-Wno-pedantic", "-I" + source, "-I" + directory, "-o", program],
                ["-L" + libraries, "-Wl,-rpath," + libraries, "-lascendcl"]);
            // In the directory that is deleted: some functions write files.
            Tool.Result result = await Tool.Run("env", ["-C", directory, "UPDRAFT_SOC=" + soc, "UPDRAFT_SCHEDULE=" + schedule, "UPDRAFT_DEVICES=2",
                "UPDRAFT_DEVICE_MEMORY=1G", "UPDRAFT_LOG=off", program, $"{seed}", "90", "4"]);
            Assert.True(result.ExitCode == 0, $"exit code {result.ExitCode}\n{result.Output}{result.Errors}");
            Assert.Contains($"{Repository.Table.Functions.Count} functions, 0 failures", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
