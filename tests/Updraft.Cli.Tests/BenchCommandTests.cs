using System.Text.Json;

namespace Updraft.Cli.Tests;

public sealed class BenchCommandTests
{
    [Theory]
    [InlineData(5.0, "5.00 ns")]
    [InlineData(42.34, "42.3 ns")]
    [InlineData(999, "999 ns")]
    [InlineData(1500, "1.50 us")]
    [InlineData(12_345_678, "12.3 ms")]
    public void Time_HasThreeDigitsAndAUnit(double ns, string text) => Assert.Equal(text, BenchCommand.Time(ns));

    [Fact]
    public void Plot_FasterCopiesStandHigher()
    {
        string[] lines = [.. Plot.Lines(
        [
            new(CopyBench.HostToDevice, 64, 1, 0), new(CopyBench.Memcpy, 64, 4, 0),
            new(CopyBench.HostToDevice, 4096, 4, 0), new(CopyBench.Memcpy, 4096, 4, 0),
        ])];
        Assert.Equal("        4 | m     hm", lines[0]);
        Assert.Equal("        1 | h", lines[4]);
        Assert.Equal("            64B   4K", lines[^1]);
    }

    [Fact]
    public void Quick_Json_HasEveryDirectionAndSize()
    {
        var result = InstalledProgram.Updraft("bench", "--quick", "--json");
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        using JsonDocument document = JsonDocument.Parse(result.Output);
        JsonElement root = document.RootElement;
        Assert.Equal("threads", root.GetProperty("schedule").GetString());
        Assert.Equal(Path.Combine(InstalledProgram.Root, "lib64", "libascendcl.so"), root.GetProperty("library").GetString());
        var items = root.GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(CopyBench.Directions.Order(), items.Select(item => item.GetProperty("direction").GetString()!).Distinct().Order());
        Assert.Equal([64L, 1024, 16 << 10, 256 << 10], items.Select(item => item.GetProperty("bytes").GetInt64()).Distinct());
        Assert.Equal(20, items.Count);
        Assert.All(items, item =>
        {
            Assert.True(item.GetProperty("gigabytesPerSecond").GetDouble() > 0);
            Assert.True(item.GetProperty("latencyNs").GetDouble() > 0);
        });
    }

    [Fact]
    public void Quick_Tables_NameWhatIsMissingAndHaveNoColours()
    {
        var result = InstalledProgram.Start("env", "UPDRAFT_DEVICES=1", "UPDRAFT_SCHEDULE=eager", Path.Combine(InstalledProgram.Root, "bin", "updraft"), "bench", "--quick", "--max-size", "4K");
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains("schedule eager", result.Output);
        Assert.Contains("Bandwidth in GB/s", result.Output);
        Assert.Contains("Latency", result.Output);
        Assert.Contains("h = H2D", result.Output);
        Assert.Contains("Copies between devices were not measured: there is one device only.", result.Output);
        Assert.DoesNotContain('\e', result.Output);
    }
}
