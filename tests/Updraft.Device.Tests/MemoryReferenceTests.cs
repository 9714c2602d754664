using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Updraft.Device.Tests;

/// <summary>The reference pages of memory name every function that is implemented, as it is declared, and nothing else.</summary>
public sealed partial class MemoryReferenceTests
{
    [GeneratedRegex(@"^    static \w+ (acl\w+)\(", RegexOptions.Multiline)]
    private static partial Regex RowPattern();

    [GeneratedRegex(@"^### (.+)\n\n.+\n\n```c\n((?:.+;\n)+)```\n((?:(?!^#).*\n)*)", RegexOptions.Multiline)]
    private static partial Regex SectionPattern();

    [Fact]
    public void Pages_NameEveryRow()
    {
        string root = Root();
        var rows = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string file in new[] { "Exports.Memory.cs", "Exports.MemorySharing.cs", "Exports.Snapshot.cs" })
        {
            foreach (Match row in RowPattern().Matches(File.ReadAllText(Path.Combine(root, "src/Updraft.Device/Exports", file))))
            {
                rows.Add(row.Groups[1].Value);
            }
        }
        Assert.NotEmpty(rows);
        var described = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string page in new[] { "memory.md", "virtual-memory.md", "shared-memory.md", "memory-pools.md", "snapshots.md" })
        {
            foreach (Match section in SectionPattern().Matches(File.ReadAllText(Path.Combine(root, "docs/api", page))))
            {
                string[] names = section.Groups[1].Value.Split(", ");
                Assert.Equal(names.Select(name => Functions.Declaration(Enum.Parse<Function>(name)) + ";"), section.Groups[2].Value.TrimEnd().Split('\n'));
                Assert.All(names, name => Assert.True(described.Add(name), $"{name} is described twice"));
                Assert.All(new[] { "**Parameters**", "**Behaviour**", "**Errors:**", "**Ordering:**", "**Here:**", "**Source:**" }, part => Assert.Contains(part, section.Groups[3].Value));
            }
        }
        Assert.Equal(rows, described);
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "../.."));
}
