using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Updraft.Device.Tests.Models;

/// <summary>The reference pages repeat what the code says: rows, declarations, parameters, chips. Compared here.</summary>
public sealed partial class ModelReferenceTests
{
    /// <summary>Supported by more chips than the documents say: the real library tests none (Q-40).</summary>
    private const string WithoutChipTest = "aclmdlRIExecuteAsync";

    [GeneratedRegex(@"^ *(\[ChecksChip\] )?static \S+ (acl\w+)\(", RegexOptions.Multiline)]
    private static partial Regex RowPattern();

    [GeneratedRegex(@"^### (\w+)\n\n(.+)\n\n```c\n(.+);\n```\n\n((?:(?!^#).*\n)*)", RegexOptions.Multiline)]
    private static partial Regex SectionPattern();

    [Theory]
    [InlineData("Model", "models,capture"), InlineData("Cache", "cache-operations"), InlineData("Label", "labels")]
    public void Pages_EveryRow_HasASectionWithItsDeclarationPartsAndChips(string rowsOf, string pages)
    {
        string root = Root();
        string[] rows = [.. RowPattern().Matches(File.ReadAllText(Path.Combine(root, $"src/Updraft.Device/Exports/Exports.{rowsOf}.cs"))).Select(match => match.Groups[2].Value)];
        Match[] sections = [.. pages.Split(',').SelectMany(page => SectionPattern().Matches(File.ReadAllText(Path.Combine(root, $"docs/api/{page}.md"))))];
        Assert.NotEmpty(rows);
        Assert.Equal(rows.Order(StringComparer.Ordinal), sections.Select(section => section.Groups[1].Value).Order(StringComparer.Ordinal));
        foreach (Match section in sections)
        {
            string name = section.Groups[1].Value, text = section.Groups[4].Value.Replace('\n', ' ');
            var function = Enum.Parse<Function>(name);
            Assert.Equal(Functions.Declaration(function), section.Groups[3].Value);
            foreach (string part in new[] { "**Parameters**", "**Behaviour**", "**Errors:**", "**Ordering:**", "**Source:**" })
            {
                Assert.True(text.Contains(part, StringComparison.Ordinal), $"{name} has no {part}");
            }
            foreach (string parameter in section.Groups[3].Value.Split('(', ',', ')')[1..^1])
            {
                string parameterName = parameter.Split(' ', '*')[^1];
                Assert.True(text.Contains($"- `{parameterName}`:", StringComparison.Ordinal), $"{name} does not describe {parameterName}");
            }
            Match not = Regex.Match(text, "Not on ([0-9bc, p]+)\\.");
            string[] said = not.Success ? not.Groups[1].Value.Split(", ") : [];
            IEnumerable<string> lacking = Chip.All.Where(chip => (Functions.Support(function) & (1 << chip.SupportBit)) == 0).Select(chip => chip.Key);
            Assert.Equal(name == WithoutChipTest ? [] : lacking.Order(StringComparer.Ordinal), said.Order(StringComparer.Ordinal));
        }
    }

    private static string Root([CallerFilePath] string file = "")
    {
        string? directory = Path.GetDirectoryName(file);
        while (directory != null && !File.Exists(Path.Combine(directory, "Updraft.slnx")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        return directory ?? AppContext.BaseDirectory;
    }
}
