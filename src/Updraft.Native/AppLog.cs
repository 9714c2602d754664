using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Updraft.Device;

namespace Updraft.Native;

/// <summary>Where applog.c hands over: the text is formatted already. Not visible outside the library.</summary>
internal static unsafe class AppLog
{
    // One call, as every entry: it may be the first one that the process makes.
    [UnmanagedCallersOnly(EntryPoint = "updraft_app_log", CallConvs = [typeof(CallConvCdecl)])]
    internal static void Entry(int level, byte* function, byte* file, uint line, byte* text) => Write(level, function, file, line, text);

    /// <summary>Whether a line of this level is shown at all; asked first, so that a line nobody sees is not formatted.</summary>
    [UnmanagedCallersOnly(EntryPoint = "updraft_app_log_shows", CallConvs = [typeof(CallConvCdecl)])]
    internal static int Shows(int level) => IsShown(level);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int IsShown(int level) => Log.ShowsApp(level) ? 1 : 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Write(int level, byte* function, byte* file, uint line, byte* text)
    {
        try
        {
            Log.App(level, Text(function), Text(file), line, Text(text));
        }
        catch (Exception)
        {
            // A line of a log is not worth the process.
        }
    }

    private static string Text(byte* text)
        => text == null ? "" : Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
}
