using Updraft.Headers;
using Updraft.Interface;

namespace Updraft.Interface.Tests;

/// <summary>Where things are, found from the test's own place upward.</summary>
internal static class Repository
{
    public static readonly string Root = FindRoot();
    public static readonly string Include = Path.Combine(Root, "include");
    public static readonly string ConformanceSources = Path.Combine(Root, "tests", "c", "conformance");
    public static readonly InterfaceTable Table = TableFiles.Read(Path.Combine(Root, "interface"));

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
}
