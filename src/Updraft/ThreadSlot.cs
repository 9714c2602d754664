using System.Runtime.CompilerServices;

namespace Updraft;

/// <summary>
/// What a thread is doing with the library: which context is current, and whether it is inside a submission.
/// <para>
/// A submission must not find its memory freed under it, and must not pay for that with interlocked counters. So the thread only
/// marks itself busy with a plain store, and whoever frees memory makes every processor see and show its stores first
/// (<see cref="Interlocked.MemoryBarrierProcessWide"/>): either the submission sees that the memory is disposed, or the one
/// who frees sees that a thread is busy and comes back later.
/// </para>
/// </summary>
internal sealed class ThreadSlot
{
    [ThreadStatic]
    private static ThreadSlot? t_mine;

    private static readonly List<WeakReference<ThreadSlot>> s_all = [];

    private bool _isBusy;

    /// <summary>The context this API last made current on the thread. C calls may have changed it since: see NpuContext.Again.</summary>
    internal NpuContext? Context;

    internal static ThreadSlot Mine
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => t_mine ?? Create();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter() => Volatile.Write(ref _isBusy, true);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Leave() => Volatile.Write(ref _isBusy, false);

    /// <summary>True when no thread is inside a submission that began before the call.</summary>
    internal static bool AreAllOutside()
    {
        Interlocked.MemoryBarrierProcessWide();
        lock (s_all)
        {
            bool isAnyBusy = false;
            s_all.RemoveAll(reference => !reference.TryGetTarget(out _));
            foreach (WeakReference<ThreadSlot> reference in s_all)
            {
                isAnyBusy |= reference.TryGetTarget(out ThreadSlot? slot) && Volatile.Read(ref slot._isBusy);
            }
            return !isAnyBusy;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ThreadSlot Create()
    {
        t_mine = new ThreadSlot();
        lock (s_all)
        {
            s_all.Add(new WeakReference<ThreadSlot>(t_mine));
        }
        return t_mine;
    }
}
