using System.Text;

namespace Updraft.Device;

internal enum LogLevel { Off, Error, Warn, Info, Debug }

/// <summary>Lines on stderr, as far as UPDRAFT_LOG asks for them. Never stdout: that belongs to the program.</summary>
internal static unsafe class Log
{
    internal static LogLevel Level { get; set; } = LogLevel.Error;

    internal static void Error(string text) => Write(LogLevel.Error, text);
    internal static void Warn(string text) => Write(LogLevel.Warn, text);
    internal static void Info(string text) => Write(LogLevel.Info, text);
    internal static void Debug(string text) => Write(LogLevel.Debug, text);

    /// <summary>A line of the program's own, through <c>aclAppLog</c>.</summary>
    internal static void App(int level, string function, string file, uint line, string text)
    {
        Write(OfApp(level), $"{function} ({Path.GetFileName(file)}:{line}): {text}");
    }

    internal static bool ShowsApp(int level) => OfApp(level) <= Level;

    private static LogLevel OfApp(int level) => level switch { 0 => LogLevel.Debug, 1 => LogLevel.Info, 2 => LogLevel.Warn, _ => LogLevel.Error };

    /// <summary>Written whatever the level: the last word before the process dies.</summary>
    internal static void Fatal(string text) => WriteLine("updraft: " + text);

    private static void Write(LogLevel level, string text)
    {
        if (level <= Level)
        {
            WriteLine($"updraft: {level.ToString().ToLowerInvariant()}: {text}");
        }
    }

    // One write(2) per line keeps lines of several threads and processes whole, and needs no Console.
    private static void WriteLine(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text + "\n");
        fixed (byte* start = bytes)
        {
            _ = Posix.write(2, start, (nuint)bytes.Length);
        }
    }
}
