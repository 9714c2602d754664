namespace Updraft.Cli;

internal static class Paths
{
    /// <summary>The absolute path without links, as far as it exists.</summary>
    internal static string Real(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(path) is not string parent)
            return path;
        string whole = Path.Combine(Real(parent), Path.GetFileName(path));
        return Path.Exists(whole) && Directory.ResolveLinkTarget(whole, returnFinalTarget: false) is { } target ? Real(target.FullName) : whole;
    }
}
