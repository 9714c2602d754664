using System.CommandLine;

namespace Updraft.Cli;

/// <summary>`updraft install --prefix DIR`: copies the tree it runs from; the tree holds relative links only, so a copy is an installation.</summary>
internal static class InstallCommand
{
    internal static Command Create()
    {
        Command command = new("install", "Lay the vendor-shaped tree in another directory.");
        Option<string> target = new("--prefix") { Description = "Where to; made when it does not exist.", HelpName = "DIR", Required = true };
        command.Options.Add(target);
        command.SetAction(result => Install(Prefix.Find().Root, Path.GetFullPath(result.GetValue(target)!)));
        return command;
    }

    internal static int Install(string source, string target)
    {
        source = Paths.Real(source);
        if (Paths.Real(target) == source)
            throw new UsageException("--prefix: that is the tree this program runs from.");
        if (Paths.Real(target).StartsWith(source + '/', StringComparison.Ordinal))
            throw new UsageException("--prefix: the directory lies inside the tree this program runs from.");
        if (File.Exists(target))
            throw new UsageException($"--prefix: {target} is a file.");
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any() && !Prefix.IsTree(target))
            throw new UsageException($"--prefix: {target} is not empty and not a tree of Updraft; nothing was changed.");

        int files = Copy(source, target);
        Console.Out.WriteLine($"{files} files in {target}; next: source {Path.Combine(target, "set_env.sh")}");
        return ExitCode.Ok;
    }

    private static int Copy(string source, string target)
    {
        Directory.CreateDirectory(target);
        int files = 0;
        // The marker that makes the directory a tree comes first, so that a copy that was interrupted can be repeated.
        foreach (FileSystemInfo entry in new DirectoryInfo(source).EnumerateFileSystemInfos().OrderByDescending(entry => entry.Name == "version.cfg"))
        {
            string there = Path.Combine(target, entry.Name);
            if (entry.LinkTarget is string link)
                Replace(there, temporary => File.CreateSymbolicLink(temporary, link));
            else if (entry is FileInfo file)
                Replace(there, temporary => file.CopyTo(temporary));
            else
                files += Copy(entry.FullName, there) - 1;
            files++;
        }
        return files;
    }

    /// <summary>Writes beside the old file and renames: a program that has the old library mapped keeps it.</summary>
    private static void Replace(string path, Action<string> write)
    {
        string temporary = $"{path}.new-{Environment.ProcessId}";
        try
        {
            write(temporary);
            Posix.Rename(temporary, path); // File.Move refuses links to directories
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
