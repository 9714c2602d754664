using System.Text;

namespace Updraft.Device;

/// <summary>The argument trace of UPDRAFT_LOG=debug: one line per call, stamped into every entry point.</summary>
internal static class Trace
{
    /// <summary>False in ordinary runs: one predictable branch is all that an entry pays.</summary>
    internal static bool Calls;

    internal static void Call(Function function, params ReadOnlySpan<ulong> arguments)
    {
        var line = new StringBuilder(Functions.Name(function)).Append('(');
        for (int index = 0; index < arguments.Length; index++)
        {
            if (index > 0)
            {
                line.Append(", ");
            }
            ulong value = arguments[index];
            _ = value < 4096 ? line.Append(value) : line.Append("0x").Append(value.ToString("x"));
        }
        Log.Debug(line.Append(')').ToString());
    }
}
