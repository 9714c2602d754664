using System.Globalization;

namespace Updraft.Device;

/// <summary>
/// A process as a number that other processes can keep: its id and when it started, so that a later process of the same id is not taken
/// for it. A process that was killed and that nobody has waited for yet counts as ended.
/// </summary>
internal static class ProcessMark
{
    private const int StartBits = 40;

    /// <summary>This process.</summary>
    internal static readonly long Own = Of(Environment.ProcessId);

    internal static int ProcessId(long mark) => (int)(mark >> StartBits);

    /// <summary>True while the process lives. Where the system shows no processes, while one of that id does.</summary>
    internal static bool IsAlive(long mark)
    {
        long now = Of(ProcessId(mark));
        return now != 0 && (now == mark || Start(now) == 0 || Start(mark) == 0);
    }

    /// <summary>Asks whether a process has ended, but not at every look: the answer takes longer than most waits.</summary>
    internal struct Watch
    {
        private const int PeriodMs = 200;
        private long _asked;

        /// <summary>False also when the last question was a moment ago; a wait looks again anyway.</summary>
        internal bool HasEnded(long mark)
        {
            long now = Environment.TickCount64;
            if (now - _asked < PeriodMs)
            {
                return false;
            }
            _asked = now;
            return !IsAlive(mark);
        }
    }

    private static long Start(long mark) => mark & ((1L << StartBits) - 1);

    private static long Of(int process)
    {
        if (process <= 0 || Posix.kill(process, 0) != 0)
        {
            return 0;
        }
        try
        {
            // "id (name) state parent …": the name may hold anything. The start is the 22nd field, in hundredths of a second since boot.
            string text = File.ReadAllText($"/proc/{process}/stat");
            string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? 0 : (long)process << StartBits | long.Parse(fields[19], CultureInfo.InvariantCulture) & ((1L << StartBits) - 1);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Posix.kill(process, 0) == 0 ? (long)process << StartBits : 0;
        }
    }
}
