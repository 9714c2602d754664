namespace Updraft.Cli.Tests;

/// <summary>Figures in documents are those of bench/results, not what somebody remembered.</summary>
public sealed class ResultsTests
{
    private const string Begin = "<!-- results -->\n", End = "<!-- end of results -->";

    [Theory]
    [InlineData("README.md", "| **Updraft** |")]
    [InlineData("docs/performance.md", "| **Updraft** |")]
    [InlineData("docs/dotnet.md", "| `CopyInProcess` |", "--dotnet")]
    public void Table_IsThatOfTheResults(string document, string row, params string[] options)
    {
        string text = Repository.Text(document);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal), end = text.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, $"{document} has no markers for the table");
        var table = InstalledProgram.Start("bash", [Path.Combine(Repository.Root, "eng", "readme-table"), .. options]);
        Assert.Equal((0, ""), (table.ExitCode, table.Errors));
        Assert.Contains(row, table.Output);
        string shown = text[(begin + Begin.Length)..end];
        Assert.True(table.Output == shown, $"{document} differs from bench/results; run ./eng/readme-table --write\n{table.Output}\n{shown}");
    }

    /// <summary>Every workload of the table is there with a ratio, and the library under test really was this one.</summary>
    [Fact]
    public void Results_HaveEveryWorkload()
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "bench", "results"), "workloads.json", SearchOption.AllDirectories))
        {
            var lines = File.ReadAllLines(file).Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement).ToList();
            Assert.Equal(["W1", "W2", "W3", "W4", "W5", "S5", "W6", "W7"], lines.Select(line => line.GetProperty("name").GetString()!));
            Assert.All(lines, line => Assert.Equal("updraft", line.GetProperty("by").GetString()));
            Assert.All(lines, line => Assert.True(line.GetProperty("ratio").GetDouble() > 0 && line.GetProperty("round_trip_ns").GetDouble() > 0));
        }
    }
}
