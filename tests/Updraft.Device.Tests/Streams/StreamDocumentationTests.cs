using System.Text.RegularExpressions;

namespace Updraft.Device.Tests;

/// <summary>The reference pages of devices, streams, events, notifies, callbacks and errors against the code.</summary>
public sealed partial class StreamDocumentationTests
{
    public static TheoryData<string> Pages => ["devices.md", "streams.md", "events.md", "notifies.md", "callbacks.md", "errors.md"];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Page_DeclaresWhatTheTableDeclares_InTheOrderOfTheFormat(string page)
    {
        ReferencePages.HasTheFormat(page);
    }

    [Fact]
    public void ImplementedFunctions_OfTheseChapters_AreDescribedOnce()
    {
        string[] described = ReferencePages.Described();
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
        string page = File.ReadAllText(Path.Combine(ReferencePages.Directory, "streams.md"));
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

    [GeneratedRegex(@"^\| ([\w, ]+) \| (\d+) \| (\d+) \|$", RegexOptions.Multiline)]
    private static partial Regex Limits();

}
