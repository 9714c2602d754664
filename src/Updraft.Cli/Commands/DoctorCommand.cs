using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Spectre.Console;

namespace Updraft.Cli;

/// <summary>`updraft doctor`: is everything in place, and what to do. One line per check; exit code 1 when one failed.</summary>
internal static class DoctorCommand
{
    internal enum Verdict { Ok, Warn, Fail }

    internal sealed record Line(Verdict Verdict, string Subject, string Found, string? WhatToDo = null);

    /// <summary>Hidden: loads the library and calls it, in a process of its own, so that a library that aborts is a finding.</summary>
    private const string LoadCheck = "load-check";

    internal static Command Create()
    {
        Command command = new("doctor", "Check that everything is in place, and say what to do where it is not.");
        Command load = new(LoadCheck) { Hidden = true };
        Argument<string> library = new("LIBRARY");
        load.Arguments.Add(library);
        load.SetAction(result => Load(result.GetValue(library)!));
        command.Subcommands.Add(load);
        command.SetAction(_ => Report(Check()));
        return command;
    }

    private static int Report(List<Line> lines)
    {
        foreach (Line line in lines)
        {
            string word = line.Verdict switch { Verdict.Ok => "[green]ok[/]  ", Verdict.Warn => "[yellow]warn[/]", _ => "[red]fail[/]" };
            Terminal.Out.MarkupLine($"{word}  {line.Subject.EscapeMarkup(),-12} {line.Found.EscapeMarkup()}");
            if (line.WhatToDo is not null)
                Terminal.Out.MarkupLine($"      {"",-12} [grey]{line.WhatToDo.EscapeMarkup()}[/]");
        }
        int failed = lines.Count(line => line.Verdict == Verdict.Fail);
        Terminal.Out.WriteLine(failed == 0 ? "Programs can run." : failed == 1 ? "1 check failed." : $"{failed} checks failed.");
        return failed == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    private static List<Line> Check()
    {
        List<Line> lines = [Platform()];
        if (Prefix.TryFind() is Prefix prefix)
        {
            lines.Add(Tree(prefix));
            lines.Add(LibraryLoads(prefix));
            lines.Add(EnvironmentOf(prefix));
        }
        else
        {
            lines.Add(new(Verdict.Fail, "tree", "this program is not inside an installed tree", "./eng/install --prefix DIR makes one, in a clone of the repository"));
        }
        lines.Add(Emulation());
        lines.Add(Memory());
        lines.AddRange(Kernel());
        lines.Add(Tool("cc", "compiler", "needed only to build C programs: install gcc or clang"));
        lines.Add(Tool("dotnet", "dotnet", "needed only to build Updraft itself or .NET programs"));
        return lines;
    }

    private static Line Platform()
    {
        string found = $"Linux {RuntimeInformation.OSArchitecture}".ToLowerInvariant();
        return RuntimeInformation.OSArchitecture == Architecture.X64
            ? new(Verdict.Ok, "platform", found)
            : new(Verdict.Warn, "platform", $"{found}: built for it, tested on linux x64 only");
    }

    private static Line Tree(Prefix prefix)
    {
        string manifest = Path.Combine(prefix.Root, "share", "updraft", "files");
        if (!File.Exists(manifest))
            return new(Verdict.Fail, "tree", $"{manifest} is missing", "install again");
        List<string> missing = [.. File.ReadLines(manifest).Where(file => !Path.Exists(Path.Combine(prefix.Root, file)))];
        return missing.Count == 0
            ? new(Verdict.Ok, "tree", prefix.Root)
            : new(Verdict.Fail, "tree", $"{prefix.Root}: {missing.Count} missing, first {missing[0]}", "install again");
    }

    private static Line LibraryLoads(Prefix prefix)
    {
        if (TryLoad(prefix, out Loaded loaded))
            return loaded.Complaint is null
                ? new(Verdict.Ok, "library", $"{loaded.Answer}; copies: {loaded.Kernels}")
                : new(Verdict.Warn, "library", $"{loaded.Answer}; copies: {loaded.Kernels}", loaded.Complaint);
        return loaded.ExitCode is null
            ? new(Verdict.Fail, "library", $"{prefix.Library} hangs when loaded", "please report this")
            : new(Verdict.Fail, "library", $"{prefix.Library}: {loaded.Complaint ?? $"exit code {loaded.ExitCode}"}", "install again; if that does not help, please report this");
    }

    /// <param name="ExitCode">Null when it hung.</param>
    /// <param name="Answer">What the library said about itself.</param>
    /// <param name="Kernels">What it copies with on this processor.</param>
    /// <param name="Complaint">The last line that the library or the runtime complained with.</param>
    internal sealed record Loaded(int? ExitCode, string Answer, string? Kernels, string? Complaint);

    /// <summary>Loads the library in a process of its own, where it may do what it likes. False when it cannot be used.</summary>
    internal static bool TryLoad(Prefix prefix, out Loaded loaded)
    {
        const string Info = "updraft: info: ", Copies = Info + "copies: ";
        ProcessStartInfo start = new(Environment.ProcessPath!, ["doctor", LoadCheck, prefix.Library]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["UPDRAFT_LOG"] = "info";
        using Process child = Process.Start(start)!;
        Task<string> said = child.StandardError.ReadToEndAsync();
        string answer = child.StandardOutput.ReadToEnd().Trim();
        if (!child.WaitForExit(TimeSpan.FromSeconds(30)))
        {
            child.Kill();
            loaded = new(null, answer, null, null);
            return false;
        }
        string[] lines = said.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        loaded = new(child.ExitCode, answer, lines.FirstOrDefault(line => line.StartsWith(Copies, StringComparison.Ordinal))?[Copies.Length..],
            lines.LastOrDefault(line => !line.StartsWith(Info, StringComparison.Ordinal)));
        return child.ExitCode == 0;
    }

    private static unsafe int Load(string library)
    {
        nint handle;
        try
        {
            handle = NativeLibrary.Load(library);
        }
        catch (Exception failure) when (failure is DllNotFoundException or BadImageFormatException)
        {
            throw new FailedException(failure.Message.ReplaceLineEndings(" "));
        }
        var getSocName = (delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(handle, "aclrtGetSocName");
        string? soc = Marshal.PtrToStringUTF8((nint)getSocName());
        if (soc is null)
            throw new FailedException("loads, but does not name a chip");
        Console.Out.WriteLine($"loads, chip {soc}");
        return ExitCode.Ok;
    }

    private static Line EnvironmentOf(Prefix prefix)
    {
        List<string> problems = [];
        string? home = Environment.GetEnvironmentVariable("ASCEND_HOME_PATH");
        if (string.IsNullOrEmpty(home))
            problems.Add("ASCEND_HOME_PATH is not set");
        else if (Paths.Real(home) != Paths.Real(prefix.Root))
            problems.Add($"ASCEND_HOME_PATH is {home}");
        string? first = (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(entry => File.Exists(Path.Combine(entry, Prefix.LibraryName)));
        if (first is null)
            problems.Add("LD_LIBRARY_PATH has no libascendcl.so");
        else if (Paths.Real(first) != Paths.Real(prefix.Libraries))
            problems.Add($"LD_LIBRARY_PATH finds the library of {first} first");
        return problems.Count == 0
            ? new(Verdict.Ok, "environment", "a program started here uses this tree")
            : new(Verdict.Warn, "environment", string.Join("; ", problems), $"start programs with 'updraft run', or source {prefix.Root}/set_env.sh first");
    }

    private static Line Emulation()
    {
        try
        {
            EmulatedMachine machine = EmulatedMachine.FromEnvironment();
            return new(Verdict.Ok, "machine", $"{machine.Devices} x {machine.SocName}, {Sizes.Text(machine.MemoryBytes)} each");
        }
        catch (UsageException mistake)
        {
            return new(Verdict.Fail, "machine", mistake.Message, "correct or unset the variable");
        }
    }

    private static Line Memory()
    {
        const ulong Comfortable = 2UL << 30;
        string? line = File.Exists("/proc/meminfo") ? File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)) : null;
        if (line is null || !ulong.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], out ulong kib))
            return new(Verdict.Warn, "memory", "the available memory is unknown");
        string found = $"{Sizes.Text(kib << 10)} available; device memory takes pages only when it is touched";
        return kib << 10 >= Comfortable
            ? new(Verdict.Ok, "memory", found)
            : new(Verdict.Warn, "memory", found, "programs that fill large caches may be killed; use smaller ones");
    }

    private static IEnumerable<Line> Kernel()
    {
        const string HugePages = "/sys/kernel/mm/transparent_hugepage/enabled";
        string mode = File.Exists(HugePages) ? File.ReadAllText(HugePages).Trim() : "";
        yield return mode.Contains("[always]") || mode.Contains("[madvise]")
            ? new(Verdict.Ok, "huge pages", mode)
            : new(Verdict.Warn, "huge pages", mode.Length == 0 ? "not in this kernel" : mode, $"copies work and are slower; as root: echo madvise > {HugePages}");

        string? limit = File.Exists("/proc/self/limits") ? File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith("Max address space", StringComparison.Ordinal)) : null;
        if (limit is not null)
        {
            yield return limit.Contains("unlimited")
                ? new(Verdict.Ok, "addresses", "unlimited")
                : new(Verdict.Warn, "addresses", "the address space is limited", "device addresses are reserved in large ranges: ulimit -v unlimited");
        }

        string shared = "/dev/shm";
        yield return Directory.Exists(shared)
            ? new(Verdict.Ok, "shared", shared)
            : new(Verdict.Warn, "shared", $"{shared} is missing", "memory shared between processes needs it");
    }

    private static Line Tool(string name, string subject, string purpose)
    {
        string? found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
        return found is null ? new(Verdict.Warn, subject, $"{name} is not on the PATH", purpose) : new(Verdict.Ok, subject, found);
    }
}
