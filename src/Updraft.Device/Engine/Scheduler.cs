using System.Globalization;

namespace Updraft.Device;

/// <summary>
/// Decides which thread runs which stream when. A parameter of the machine: <c>threads</c> is the product, the others make order
/// visible and repeatable. Streams tell it when they have become ready; host threads wait through it, so that it can let them help.
/// </summary>
internal abstract class Scheduler
{
    internal static bool IsKnown(string text) => text is "threads" or "eager" or "late" || TryParseSeed(text, out _);

    internal static Scheduler Create(string text) => text switch
    {
        "eager" => new SteppedScheduler(SteppedScheduler.Eager, 0),
        "late" => new SteppedScheduler(SteppedScheduler.Late, 0),
        _ when TryParseSeed(text, out ulong seed) => new SteppedScheduler(SteppedScheduler.Random, seed),
        _ => new ThreadScheduler(),
    };

    private static bool TryParseSeed(string text, out ulong seed)
    {
        seed = 0;
        return text.StartsWith("random:", StringComparison.Ordinal) && ulong.TryParse(text.AsSpan(7), NumberStyles.None, CultureInfo.InvariantCulture, out seed);
    }

    /// <summary>The stream has commands and nobody runs it.</summary>
    internal abstract void Ready(Stream stream);

    /// <summary>An idle stream got a command from that thread, the caller. True when it was run inside the call; false when it has to be made <see cref="Ready"/>.</summary>
    internal virtual bool RunAtOnce(Stream stream, int thread) => false;

    /// <summary>A stream that is still in the ready queue has become ready again.</summary>
    internal abstract void Poke();

    /// <summary>
    /// Waits until the stream has run past the target, helping where it can. False when the time (ms, -1: none) is over or, if asked
    /// for, when calls on the stream have become errors (<see cref="Stream.Trouble"/>).
    /// </summary>
    internal abstract bool WaitUntil(Stream stream, long target, int timeoutMs, bool untilTrouble = false);

    /// <summary>Waiting threads look again although no stream has made progress.</summary>
    internal virtual void Interrupt() { }

    /// <summary>A host thread asks for a state instead of waiting: schedules without threads of their own make progress here.</summary>
    internal abstract void Poll(Stream stream);

    /// <summary>True when a thread in the middle of a large copy should let another stream run.</summary>
    internal virtual bool ShouldYield() => false;

    /// <summary>True when the commands of a graph are steps of their own rather than one, so that other streams can run in between.</summary>
    internal virtual bool StepsThroughGraphs => false;

    /// <summary>True when a thread is awake and has nothing to do but to help, or one can be woken for a copy of so many bytes.</summary>
    internal virtual bool HasHelp(nuint bytes) => false;

    /// <summary>A large copy has pieces for free threads.</summary>
    internal virtual void InviteHelpers() { }

    /// <summary>Ends the scheduler's own threads; only tests do, between two machines.</summary>
    internal virtual void Stop() { }
}

/// <summary>The time left of a wait in milliseconds.</summary>
internal readonly struct Deadline(int timeoutMs)
{
    private readonly long _end = timeoutMs < 0 ? long.MaxValue : Environment.TickCount64 + timeoutMs;

    internal bool IsOver => _end != long.MaxValue && Environment.TickCount64 >= _end;
    internal int LeftMs => _end == long.MaxValue ? Timeout.Infinite : (int)Math.Max(0, _end - Environment.TickCount64);
}
