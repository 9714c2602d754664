namespace Updraft.Cli.Tests;

/// <summary>Files of the repository, found from the place of the test program.</summary>
internal static class Repository
{
    internal static string Root { get; } = Find();

    internal static string Text(string file) => File.ReadAllText(Path.Combine(Root, file));

    private static string Find()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Updraft.slnx")))
                return at;
        }
        throw new InvalidOperationException("the test program does not lie inside the repository");
    }
}
