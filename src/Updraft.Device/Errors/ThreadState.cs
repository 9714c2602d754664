using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>What the C interface keeps per thread: the current context, the last error, the messages of failed calls.</summary>
internal sealed class ThreadState
{
    [ThreadStatic]
    private static ThreadState? t_state;

    internal static ThreadState Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => t_state ?? Create();
    }

    internal AclError LastError;
    internal readonly ErrorMessages Messages = new();

    /// <summary>Why a task failed whose code this thread has just taken; for the message of the call that returns the code.</summary>
    internal (AclError Code, string Reason)? Explanation;

    internal string? TakeExplanation(AclError code)
    {
        string? reason = Explanation is { } explanation && explanation.Code == code ? explanation.Reason : null;
        Explanation = null;
        return reason;
    }

    private Context? _context;

    /// <summary>Number of the last task this thread has queued, in whatever stream; uint.MaxValue before the first.</summary>
    internal uint LastTask = uint.MaxValue;

    internal static uint GetLastTask() => Current.LastTask;

    /// <summary>The thread's current context, or null when it has none or when it was destroyed by anybody.</summary>
    internal Context? Context
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _context is { IsAlive: true } context ? context : null;
        set => _context = value;
    }

    /// <summary>The last context even if it is dead: only for messages that explain what happened.</summary>
    internal Context? ContextEvenIfDestroyed => _context;

    /// <summary>The system's id of this thread, as exception callbacks and messages show it.</summary>
    internal readonly int ThreadId = Posix.gettid();

    /// <summary>Mode that <c>aclmdlRICaptureThreadExchangeMode</c> swaps; GLOBAL at first.</summary>
    internal aclmdlRICaptureMode ExchangeMode = aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_GLOBAL;

    /// <summary>The captures that this thread began, less those that it ended.</summary>
    internal readonly CaptureModes Captures = new();

    /// <summary>The calling thread starts afresh; for tests.</summary>
    internal static void Forget() => t_state = null;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ThreadState Create()
    {
        var state = new ThreadState();
        Known.Add(state);
        return t_state = state;
    }

    /// <summary>Not 0 while the thread copies synchronously: who locks the process waits for it.</summary>
    internal int IsCopying;

    /// <summary>The states of all threads that live, and of some that have ended.</summary>
    internal static ThreadState[] All => Known.All;

    // Apart, because it has something to initialise, and every call asks the class above for its thread.
    private static class Known
    {
        private static readonly List<WeakReference<ThreadState>> s_states = [];
        private static int s_pruneAt = 64;

        internal static void Add(ThreadState state)
        {
            lock (s_states)
            {
                if (s_states.Count >= s_pruneAt)
                {
                    s_states.RemoveAll(static entry => !entry.TryGetTarget(out _));
                    s_pruneAt = Math.Max(64, s_states.Count * 2);
                }
                s_states.Add(new WeakReference<ThreadState>(state));
            }
        }

        internal static ThreadState[] All
        {
            get
            {
                lock (s_states)
                {
                    return [.. s_states.Select(static entry => entry.TryGetTarget(out ThreadState? state) ? state : null).OfType<ThreadState>()];
                }
            }
        }
    }

    /// <summary>Only codes of the runtime family reach the last-error slot; those of the wrapper (100xxx, 200xxx) never do.</summary>
    internal static bool IsRuntimeCode(AclError code) => (int)code is >= 107000 and < 108000 or >= 207000 and < 208000 or >= 507000 and < 508000;

    /// <summary>Codes that a synchronise call returns without storing them.</summary>
    internal static bool IsNeverStored(AclError code) => (int)code is 507005 or 507023 or 207003 or 207016 or 207017 or 507901;

    /// <summary>Most chip refusals are taken without logging; these functions write the last error all the same.</summary>
    internal static bool StoresUnsupported(Function function) => function is
        Function.aclrtMemcpyBatch or Function.aclrtMemcpyBatchV2 or Function.aclrtMemcpyBatchAsync or Function.aclrtMemcpyBatchAsyncV2
        or Function.aclrtCmoAsyncWithBarrier or Function.aclrtCmoGetDescSize or Function.aclrtCmoSetDesc or Function.aclrtCmoAsyncWithDesc
        or Function.aclmdlRICaptureBegin or Function.aclrtIpcMemClose;
}
