using System.Text.RegularExpressions;

namespace Updraft.Device.Tests;

/// <summary>What all pages under docs/api have in common.</summary>
internal static partial class ReferencePages
{
    internal static readonly string Directory = Path.Combine(FindRoot(), "docs", "api");

    /// <summary>Each function of the page is implemented, is declared as the table declares it, and has the parts of the format in their order.</summary>
    internal static void HasTheFormat(string page)
    {
        string[] sections = File.ReadAllText(Path.Combine(Directory, page)).Split("\n### ")[1..];
        Assert.NotEmpty(sections);
        foreach (string section in sections)
        {
            string name = section[..section.IndexOf('\n')];
            Assert.True(Enum.TryParse(name, out Function function), $"{page}: {name} is no function");
            Assert.True(Functions.IsImplemented(function), $"{page}: {name} is refused");
            Assert.Equal(Functions.Declaration(function) + ";", Declaration().Match(section).Groups[1].Value);
            int[] places = [.. new[] { "**Behaviour**", "**Errors:**", "**Ordering:**", "**Here:**", "**Source:**" }.Select(part => section.IndexOf(part, StringComparison.Ordinal))];
            Assert.True(places[0] > 0 && places.SequenceEqual(places.Order()), $"{page}: {name} lacks a part");
            Assert.Equal(section.Contains("**Deprecated**", StringComparison.Ordinal), Functions.IsDeprecated(function));
            Assert.Equal(section.Contains("207000 elsewhere", StringComparison.Ordinal), !Functions.IsUnsaid(function) && Functions.Support(function) != (1 << Functions.Chips.Length) - 1);
        }
    }

    /// <summary>The functions that have a section, on all pages.</summary>
    internal static string[] Described() => [.. System.IO.Directory.GetFiles(Directory, "*.md").SelectMany(page => Heading().Matches(File.ReadAllText(page)).Select(match => match.Groups[1].Value))];

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory != null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Updraft.slnx")))
            {
                return directory.FullName;
            }
        }
        throw new DirectoryNotFoundException("no Updraft.slnx above " + AppContext.BaseDirectory);
    }

    [GeneratedRegex(@"```c\n(.*)\n```")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^### (\w+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
