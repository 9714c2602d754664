using System.Text.RegularExpressions;

namespace Updraft.Device.Tests;

/// <summary>The reference pages of devices, streams, events, notifies, callbacks and errors against the code.</summary>
public sealed partial class StreamDocumentationTests
{
    private static readonly string s_api = Path.Combine(FindRoot(), "docs", "api");

    public static TheoryData<string> Pages => ["devices.md", "streams.md", "events.md", "notifies.md", "callbacks.md", "errors.md"];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Page_DeclaresWhatTheTableDeclares_InTheOrderOfTheFormat(string page)
    {
        string[] sections = File.ReadAllText(Path.Combine(s_api, page)).Split("\n### ")[1..];
        Assert.NotEmpty(sections);
        foreach (string section in sections)
        {
            string name = section[..section.IndexOf('\n')];
            Assert.True(Enum.TryParse(name, out Function function), $"{page}: {name} is no function");
            Assert.True(Functions.IsImplemented(function), $"{page}: {name} is refused");
            Assert.Contains($"```c\n{Functions.Declaration(function)};\n```", section, StringComparison.Ordinal);
            int[] places = [.. new[] { "**Behaviour**", "**Errors:**", "**Ordering:**", "**Here:**", "**Source:**" }.Select(part => section.IndexOf(part, StringComparison.Ordinal))];
            Assert.True(places[0] > 0 && places.SequenceEqual(places.Order()), $"{page}: {name} lacks a part");
            Assert.Equal(section.Contains("**Deprecated**", StringComparison.Ordinal), Functions.IsDeprecated(function));
            Assert.Equal(section.Contains("207000 elsewhere", StringComparison.Ordinal), !Functions.IsUnsaid(function) && Functions.Support(function) != (1 << Functions.Chips.Length) - 1);
        }
    }

    [Fact]
    public void ImplementedFunctions_OfTheseChapters_AreDescribedOnce()
    {
        string[] described = [.. Directory.GetFiles(s_api, "*.md").SelectMany(page => Heading().Matches(File.ReadAllText(page)).Select(match => match.Groups[1].Value))];
        for (int index = 0; index < Functions.Count; index++)
        {
            var function = (Function)index;
            string name = Functions.Name(function);
            // Keys between processes, copies and the control flow of models have pages of their own.
            bool isElsewhere = name.Contains("Ipc", StringComparison.Ordinal) || name.Contains("Export", StringComparison.Ordinal) || name.Contains("Import", StringComparison.Ordinal)
                || name is "aclrtReduceAsync" or "aclrtActiveStream" or "aclrtSwitchStream";
            if (Functions.IsImplemented(function) && !isElsewhere && Functions.Chapter(function) is ("02" or "05" or "06" or "07" or "08" or "09" or "12" or "13"))
            {
                Assert.True(described.Count(each => each == name) == 1, $"{name}: described {described.Count(each => each == name)} times");
            }
        }
    }

    /// <summary>The limits in streams.md are those of the profiles.</summary>
    [Fact]
    public void StreamPage_LimitsOfEachChip_AreThoseOfItsProfile()
    {
        string page = File.ReadAllText(Path.Combine(s_api, "streams.md"));
        int found = 0;
        foreach (Match row in Limits().Matches(page))
        {
            foreach (string key in row.Groups[1].Value.Split(", "))
            {
                Chip chip = Chip.Find(key, out _)!;
                Assert.Equal((chip.StreamsPerDevice, chip.TasksPerStream), (int.Parse(row.Groups[2].Value), int.Parse(row.Groups[3].Value)));
                found++;
            }
        }
        Assert.Equal(Chip.All.Length, found);
    }

    [GeneratedRegex(@"^### (\w+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^\| ([\w, ]+) \| (\d+) \| (\d+) \|$", RegexOptions.Multiline)]
    private static partial Regex Limits();

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory != null && !File.Exists(Path.Combine(directory, "Updraft.slnx")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        return directory ?? throw new DirectoryNotFoundException("Updraft.slnx is not above the test");
    }
}
