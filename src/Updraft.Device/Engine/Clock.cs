using System.Diagnostics;

namespace Updraft.Device;

/// <summary>The time that events and the timeline show, in nanoseconds since the machine started. A parameter of the machine.</summary>
internal abstract class Clock
{
    /// <summary>What UPDRAFT_CLOCK may say.</summary>
    internal const string Known = "wall (model is not in this version)";

    internal static bool IsKnown(string text) => text == "wall";

    internal abstract long NowNs { get; }

    /// <summary>The host's monotonic clock.</summary>
    internal static readonly Clock Wall = new WallClock();

    private sealed class WallClock : Clock
    {
        private static readonly long s_start = Stopwatch.GetTimestamp();

        internal override long NowNs => (long)((Stopwatch.GetTimestamp() - s_start) * (1e9 / Stopwatch.Frequency));
    }
}
