using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Updraft.Device.Tests;

/// <summary>The reference page repeats what the code says: functions, declarations, chips. The tests repeat the rows of the facts. Both are compared.</summary>
public sealed partial class CopyReferenceTests
{
    private static string Root([CallerFilePath] string file = "")
    {
        string? directory = Path.GetDirectoryName(file);
        while (directory != null && !File.Exists(Path.Combine(directory, "Updraft.slnx")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        return directory ?? AppContext.BaseDirectory;
    }

    [GeneratedRegex(@"^ *(\[ChecksChip\] )?static \S+ (acl\w+)\(", RegexOptions.Multiline)]
    private static partial Regex RowPattern();

    [GeneratedRegex(@"^### (\w+)\n\n(.+)\n\n```c\n(.+);\n```\n\n((?:(?!^#).*\n)*)", RegexOptions.Multiline)]
    private static partial Regex SectionPattern();

    [Fact]
    public void MemoryCopyPage_EveryRow_HasASectionWithItsDeclarationAndAllParts()
    {
        string root = Root();
        string[] rows = [.. RowPattern().Matches(File.ReadAllText(Path.Combine(root, "src/Updraft.Device/Exports/Exports.Copy.cs"))).Select(match => match.Groups[2].Value)];
        Match[] sections = [.. SectionPattern().Matches(File.ReadAllText(Path.Combine(root, "docs/api/memory-copy.md"))).Cast<Match>()];
        Assert.NotEmpty(rows);
        Assert.Equal(rows.Order(StringComparer.Ordinal), sections.Select(section => section.Groups[1].Value).Order(StringComparer.Ordinal));
        foreach (Match section in sections)
        {
            string name = section.Groups[1].Value, text = section.Groups[4].Value;
            var function = Enum.Parse<Function>(name);
            Assert.Equal(Functions.Declaration(function), section.Groups[3].Value);
            foreach (string part in new[] { "**Parameters**", "**Behaviour**", "**Errors:**", "**Ordering:**", "**Here:**", "**Source:**" })
            {
                Assert.True(text.Contains(part, StringComparison.Ordinal), $"{name} has no {part}");
            }
            foreach (string parameter in section.Groups[3].Value.Split('(', ',', ')')[1..^1])
            {
                string parameterName = parameter.Split(' ', '*')[^1];
                Assert.True(text.Contains($"- `{parameterName}`:", StringComparison.Ordinal), $"{name} does not describe {parameterName}");
            }
            for (int chip = 0; chip < Chip.All.Length; chip++)
            {
                Chip each = Chip.All[chip];
                bool lacks = (Functions.Support(function) & (1 << each.SupportBit)) == 0;
                Match not = Regex.Match(text.Replace('\n', ' '), @"Not on ([0-9bcp, ]+)\.");
                Assert.Equal(lacks, not.Success && not.Groups[1].Value.Split(", ").Contains(each.Key));
            }
        }
    }

    /// <summary>Rows that cannot be reached here, and why.</summary>
    private static readonly Dictionary<string, string> s_unreachable = new()
    {
        ["3 row 8b"] = "the class of every address is known",
        ["3 row 11"] = "950 over UB is not emulated",
        ["3 row 15"] = "the streams' tests: refusals of a submission",
        ["5 row 8"] = "the class of every address is known",
        ["5 row 10"] = "there is no old scheduler firmware",
        ["7 row 9"] = "every row after it sees SIZE_MAX",
        ["7 row 13"] = "950 over UB is not emulated",
        ["7 row 15"] = "950 over UB is not emulated",
        ["7 row 21"] = "there is no driver without batches",
        ["8 row 12"] = "950 over UB is not emulated",
        ["12b row 7"] = "no variable is known, so none is too small",
        ["12b row 8"] = "no variable is known",
        ["2 row 8"] = "CopyAbortTests",
        ["2 row 9"] = "the models' tests: capture modes",
        ["3 row 6"] = "CopyModesTests",
        ["8 row 14"] = "the models' tests: capture modes",
    };

    [Theory]
    [InlineData("2", "1 2 3 4 5 6 7 8 9 10")]
    [InlineData("3", "1 2 3 4 5 6 7 8a 8b 8c 9 10 11 12 13 14 15")]
    [InlineData("5", "1 2 3 4 5 6 7 8 9 10 11")]
    [InlineData("6.3", "1 2 3 4 5 6 7")]
    [InlineData("7", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21")]
    [InlineData("8", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15")]
    [InlineData("12b", "1 2 3 4 5 6 7 8")]
    public void Facts_EveryNumberedRow_IsTestedOrSaidToBeUnreachable(string section, string rows)
    {
        string tests = string.Concat(Directory.GetFiles(Path.Combine(Root(), "tests/Updraft.Device.Tests/Copy"), "*.cs").Where(file => !file.EndsWith("CopyReferenceTests.cs", StringComparison.Ordinal)).Select(File.ReadAllText));
        // Sections 3 and 4 share their rows, and so do 10 and 11 of section 8.
        tests = tests.Replace("{section} row", "memcpy.md 3 row", StringComparison.Ordinal).Replace("memcpy.md 8 rows 10 and 11", "memcpy.md 8 row 10 memcpy.md 8 row 11", StringComparison.Ordinal);
        string[] open = [.. rows.Split(' ').Where(row => !Regex.IsMatch(tests, $@"memcpy\.md {Regex.Escape(section)} row {row}\b") && !s_unreachable.ContainsKey($"{section} row {row}"))];
        Assert.Empty(open);
    }
}
