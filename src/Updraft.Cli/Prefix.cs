namespace Updraft.Cli;

/// <summary>
/// The installed tree. It may be copied or moved, so it is found from the running program: <c>PREFIX/ARCH-linux/bin/updraft</c>.
/// A program started from a build directory takes the tree that UPDRAFT_PREFIX names.
/// </summary>
internal sealed record Prefix(string Root)
{
    internal const string LibraryName = "libascendcl.so";

    internal string Libraries => Path.Combine(Root, "lib64");
    internal string Programs => Path.Combine(Root, "bin");
    internal string Library => Path.Combine(Libraries, LibraryName);

    internal static Prefix Find()
        => TryFind() ?? throw new FailedException(
            "this program is not inside an installed tree; make one with './eng/install --prefix DIR' and use DIR/bin/updraft.");

    internal static Prefix? TryFind()
    {
        for (string? at = Path.GetDirectoryName(Environment.ProcessPath); at is not null; at = Path.GetDirectoryName(at))
        {
            if (IsTree(at))
                return new Prefix(at);
        }
        string? named = Environment.GetEnvironmentVariable("UPDRAFT_PREFIX");
        return named is not null && IsTree(named) ? new Prefix(Path.GetFullPath(named)) : null;
    }

    /// <summary>Only a tree that this project laid: another toolkit's tree must be neither used nor overwritten.</summary>
    internal static bool IsTree(string directory)
    {
        string version = Path.Combine(directory, "version.cfg");
        return File.Exists(version) && File.ReadLines(version).Any(line => line.StartsWith("updraft_version=", StringComparison.Ordinal));
    }

    /// <summary>What <c>set_env.sh</c> sets, so that a started program sees the same.</summary>
    internal IEnumerable<(string Name, string Value)> Variables(Func<string, string?> current)
    {
        yield return ("ASCEND_HOME_PATH", Root);
        yield return ("ASCEND_TOOLKIT_HOME", Root);
        yield return ("ASCEND_OPP_PATH", Path.Combine(Root, "opp"));
        yield return ("ASCEND_AICPU_PATH", Root);
        yield return ("TOOLCHAIN_HOME", Path.Combine(Root, "toolkit"));
        yield return ("LD_LIBRARY_PATH", First(Libraries, current("LD_LIBRARY_PATH")));
        yield return ("PATH", First(Programs, current("PATH")));
    }

    /// <summary>Puts <paramref name="entry"/> first and removes it elsewhere. No empty entries: the loader takes one for the current directory.</summary>
    internal static string First(string entry, string? list)
        => string.Join(':', (list ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Where(other => other != entry).Prepend(entry));
}
