namespace Updraft.Device;

/// <summary>One page that several processes map: the state of a notify or an event that they share.</summary>
internal sealed unsafe class SharedPage
{
    private const nuint Bytes = 4096;
    private readonly void* _start;

    internal readonly int File;

    /// <summary>The word that changes when somebody has to look again.</summary>
    internal int* Word => (int*)_start;

    internal long* Numbers => (long*)((byte*)_start + 64);

    internal SharedPage()
        : this(SharedMemory.CreateFile(Bytes)) { }

    internal SharedPage(int file)
    {
        File = file;
        _start = Posix.mmap(null, Bytes, Posix.PROT_READ | Posix.PROT_WRITE, Posix.MAP_SHARED, file, 0);
        Check.That(_start != Posix.MAP_FAILED, AclError.RtMemoryAllocation, "The system allows no more mappings (vm.max_map_count).");
    }

    ~SharedPage()
    {
        _ = Posix.munmap(_start, Bytes);
        _ = Posix.close(File);
    }
}

/// <summary>
/// Streams of this process that wait for something another process may do. While there are any, one thread sleeps on the shared word
/// and lets all of them look again when it changes; whoever is not served comes back.
/// </summary>
internal sealed unsafe class RemoteWaiters(SharedPage page)
{
    private const int LookMs = 500;
    private readonly Lock _lock = new();
    private BlockedStreams _blocked;
    private bool _isWatched;

    /// <summary>False when there is nothing to wait for any more. The look is made under the lock: whatever changes later wakes the thread.</summary>
    internal bool Add(Stream stream, Func<bool> isMet)
    {
        lock (_lock)
        {
            if (isMet())
            {
                return false;
            }
            _blocked.Add(stream);
            if (!_isWatched)
            {
                _isWatched = true;
                new Thread(Watch, 128 << 10) { IsBackground = true, Name = "updraft sharing" }.Start();
            }
            return true;
        }
    }

    /// <summary>Something of this process has changed the word.</summary>
    internal void Changed()
    {
        Interlocked.Increment(ref *(page.Word + 1));
        Posix.FutexWake(page.Word + 1);
    }

    private void Watch()
    {
        while (true)
        {
            // Read before the waiters look: a change after this wakes the sleep below at once.
            int seen = Volatile.Read(ref *(page.Word + 1));
            BlockedStreams released;
            lock (_lock)
            {
                released = _blocked.Take();
                if (released.IsEmpty)
                {
                    _isWatched = false;
                    return;
                }
            }
            released.Unblock();
            Posix.FutexWait(page.Word + 1, seen, LookMs);
        }
    }
}

/// <summary>The state of an event that several processes record and wait for: how many records were queued, and which the latest was that was reached.</summary>
internal sealed unsafe class SharedEvent
{
    private readonly SharedPage _page;
    private readonly RemoteWaiters _waiters;
    private ProcessMark.Watch _recorder;

    internal SharedItem? Item;
    internal int File => _page.File;

    internal SharedEvent(SharedPage page)
    {
        _page = page;
        _waiters = new RemoteWaiters(page);
    }

    internal long Queued => Volatile.Read(ref _page.Numbers[0]);
    private long Completed => Volatile.Read(ref _page.Numbers[1]);

    /// <summary>Of the latest record, whoever queued it.</summary>
    internal bool IsComplete => Completed >= Queued;

    internal long Begin()
    {
        Volatile.Write(ref _page.Numbers[2], ProcessMark.Own);
        return Interlocked.Increment(ref _page.Numbers[0]);
    }

    /// <summary>The process that queued the latest record ended before the record was reached: it never happens.</summary>
    private bool IsOrphaned => !IsComplete && Volatile.Read(ref _page.Numbers[2]) is not 0 and var recorder && _recorder.HasEnded(recorder);

    private int Recorder => ProcessMark.ProcessId(Volatile.Read(ref _page.Numbers[2]));

    internal void Complete(long record)
    {
        long before;
        while ((before = Completed) < record && Interlocked.CompareExchange(ref _page.Numbers[1], record, before) != before)
        {
        }
        _waiters.Changed();
    }

    /// <summary>The wait for the latest record of any process; null when there is none, or it was reached.</summary>
    internal WaitCondition? WaitForLatest() => IsComplete ? null : new Wait(this, Queued);

    /// <summary>A host thread waits. 507047 when the time is over, 507022 when the recording process has died.</summary>
    internal AclError WaitUntilComplete(int timeoutMs)
    {
        long record = Queued;
        var deadline = new Deadline(timeoutMs);
        while (true)
        {
            int seen = Volatile.Read(ref *(_page.Word + 1));
            if (Completed >= record)
            {
                return AclError.Success;
            }
            if (deadline.IsOver)
            {
                return AclError.RtEventSyncTimeout;
            }
            if (IsOrphaned)
            {
                ThreadState.Current.Explanation = (AclError.RtIpcError, $"Process {Recorder}, which queued the latest record of the event, has ended before the record was reached.");
                return AclError.RtIpcError;
            }
            Posix.FutexWait(_page.Word + 1, seen, deadline.LeftMs < 0 ? 500 : Math.Min(deadline.LeftMs, 500));
        }
    }

    private sealed class Wait(SharedEvent source, long record) : WaitCondition
    {
        internal override bool IsMet => source.Completed >= record;

        internal override bool IsOver(Stream stream, ref AclError result)
        {
            if (IsMet)
            {
                return true;
            }
            if (source.IsOrphaned)
            {
                stream.Explain($"The wait for the event was given up: process {source.Recorder}, which queued its latest record, has ended before the record was reached.");
                result = AclError.RtIpcError;
                return true;
            }
            return !source._waiters.Add(stream, () => IsMet);
        }
    }
}
