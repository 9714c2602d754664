using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Cli;

/// <summary>The few system calls the framework has no word for.</summary>
internal static unsafe partial class Posix
{
    internal const int NoSuchFile = 2;
    internal const int NoAccess = 13;
    private const int SignalPipe = 13;

    /// <summary>Sets a variable of the C environment: the framework keeps its own copy, which a new program would not inherit.</summary>
    internal static void SetVariable(string name, string value)
    {
        if (setenv(name, value, overwrite: 1) != 0)
            throw new FailedException($"the variable {name} cannot be set: {Describe(Marshal.GetLastPInvokeError())}.");
    }

    internal static void Rename(string from, string to)
    {
        if (rename(from, to) != 0)
            throw new FailedException($"{to} cannot be written: {Describe(Marshal.GetLastPInvokeError())}.");
    }

    /// <summary>Replaces this process; returns only on failure, with the error number.</summary>
    internal static int Become(string[] program)
    {
        byte[][] arguments = Exact(program);
        nint* argv = stackalloc nint[arguments.Length + 1];
        for (int i = 0; i < arguments.Length; i++)
        {
            argv[i] = (nint)NativeMemory.Alloc((nuint)arguments[i].Length + 1);
            arguments[i].CopyTo(new Span<byte>((void*)argv[i], arguments[i].Length));
            ((byte*)argv[i])[arguments[i].Length] = 0;
        }
        argv[arguments.Length] = 0;
        // An ignored signal stays ignored across exec. The framework ignores SIGPIPE; a program in a pipeline expects to die of it.
        signal(SignalPipe, 0);
        execvp(argv[0], argv);
        return Marshal.GetLastPInvokeError();
    }

    internal static string Describe(int error) => Marshal.GetPInvokeErrorMessage(error);

    /// <summary>The program's arguments byte for byte: they end this process's own command line, and need not be valid UTF-8.</summary>
    private static byte[][] Exact(string[] program)
    {
        byte[] line = File.ReadAllBytes("/proc/self/cmdline");
        List<byte[]> all = [];
        for (int from = 0, to; from < line.Length && (to = Array.IndexOf(line, (byte)0, from)) >= 0; from = to + 1)
            all.Add(line[from..to]);
        bool isTail = all.Count >= program.Length && all[^program.Length..].Select(Encoding.UTF8.GetString).SequenceEqual(program);
        return isTail ? [.. all[^program.Length..]] : [.. program.Select(Encoding.UTF8.GetBytes)];
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int execvp(nint file, nint* argv);

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);
}
