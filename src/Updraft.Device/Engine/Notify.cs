namespace Updraft.Device;

/// <summary>
/// A binary semaphore between streams, devices too: a record is remembered once, a wait consumes it. Of several streams that wait one
/// goes on per record.
/// </summary>
internal sealed unsafe class Notify(Device device, int id, ulong flags) : WaitCondition
{
    private BlockedStreams _blocked;
    private bool _isRecorded;

    // Once other processes know the notify, its state lies in a page that all of them map.
    private SharedPage? _page;
    private RemoteWaiters? _remote;
    private ProcessMark.Watch _owner;

    internal Device Device { get; } = device;
    internal int Id { get; } = id;
    internal ulong Flags { get; } = flags;

    /// <summary>The notify of another process, by the page it gave us.</summary>
    internal Notify(Device device, int id, SharedPage page)
        : this(device, id, 0)
    {
        (_page, _remote, IsImported) = (page, new RemoteWaiters(page), true);
    }

    internal bool IsImported { get; }
    internal bool IsShared => _page != null;

    /// <summary>How other processes find it; null while they cannot.</summary>
    internal SharedItem? Item;

    /// <summary>Moves the state into a page for other processes. Streams that wait look again and wait there.</summary>
    internal SharedPage Share()
    {
        BlockedStreams released;
        lock (this)
        {
            if (_page != null)
            {
                return _page;
            }
            var page = new SharedPage();
            *page.Word = _isRecorded ? 1 : 0;
            page.Numbers[0] = ProcessMark.Own;
            _remote = new RemoteWaiters(page);
            Volatile.Write(ref _page, page);
            released = _blocked.Take();
        }
        released.Unblock();
        return _page;
    }

    internal override bool IsMet => _page is { } page ? Volatile.Read(ref *page.Word) != 0 : Volatile.Read(ref _isRecorded);

    internal override bool IsOver(Stream stream, ref AclError result)
    {
        lock (this)
        {
            if (_page is { } page)
            {
                bool TakeRecord() => Interlocked.CompareExchange(ref *page.Word, 0, 1) == 1;
                if (TakeRecord())
                {
                    return true;
                }
                if (!IsImported || !_owner.HasEnded(page.Numbers[0]))
                {
                    return !_remote!.Add(stream, TakeRecord);
                }
                // Its last act may have been the record.
                if (!TakeRecord())
                {
                    stream.Explain($"The wait for notify {Id} of process {ProcessMark.ProcessId(page.Numbers[0])} was given up: the process has ended, and nobody has recorded it.");
                    result = AclError.RtIpcError;
                }
                return true;
            }
            if (!_isRecorded)
            {
                _blocked.Add(stream);
                return false;
            }
            _isRecorded = false;
            return true;
        }
    }

    internal void Record()
    {
        BlockedStreams released;
        lock (this)
        {
            if (_page is { } page)
            {
                Interlocked.Exchange(ref *page.Word, 1);
                _remote!.Changed();
                return;
            }
            Volatile.Write(ref _isRecorded, true);
            released = _blocked.Take();
        }
        released.Unblock();
    }

    internal void Reset()
    {
        lock (this)
        {
            _isRecorded = false;
            if (_page is { } page)
            {
                Interlocked.Exchange(ref *page.Word, 0);
            }
        }
    }
}

/// <summary>A counter between streams: records set or change it, waits compare it.</summary>
internal sealed class CountNotify(Device device, int id)
{
    private BlockedStreams _blocked;
    private uint _count;

    internal Device Device { get; } = device;
    internal int Id { get; } = id;

    internal void Record(aclrtCntNotifyRecordMode mode, uint value)
    {
        BlockedStreams released;
        lock (this)
        {
            _count = mode switch
            {
                aclrtCntNotifyRecordMode.ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE => _count + value,
                aclrtCntNotifyRecordMode.ACL_RT_CNT_NOTIFY_RECORD_BIT_OR_MODE => _count | value,
                aclrtCntNotifyRecordMode.ACL_RT_CNT_NOTIFY_RECORD_BIT_AND_MODE => _count & value,
                _ => value,
            };
            released = _blocked.Take();
        }
        released.Unblock();
    }

    /// <summary>One wait: what the counter is compared with, and whether it starts from 0 again afterwards.</summary>
    internal sealed class Comparison(CountNotify source, aclrtCntNotifyWaitMode mode, uint value, bool clears) : WaitCondition
    {
        internal override bool IsMet
        {
            get
            {
                lock (source)
                {
                    return Fits(source._count);
                }
            }
        }

        internal override bool IsOver(Stream stream, ref AclError result)
        {
            lock (source)
            {
                if (!Fits(source._count))
                {
                    source._blocked.Add(stream);
                    return false;
                }
                source._count = clears ? 0 : source._count;
                return true;
            }
        }

        private bool Fits(uint count) => mode switch
        {
            aclrtCntNotifyWaitMode.ACL_RT_CNT_NOTIFY_WAIT_LESS_MODE => count < value,
            aclrtCntNotifyWaitMode.ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE => count == value,
            aclrtCntNotifyWaitMode.ACL_RT_CNT_NOTIFY_WAIT_BIGGER_MODE => count > value,
            aclrtCntNotifyWaitMode.ACL_RT_CNT_NOTIFY_WAIT_BIGGER_OR_EQUAL_MODE => count >= value,
            _ => (count & value) == value,
        };
    }
}

/// <summary>A short action at a place of a stream.</summary>
internal sealed class ActionTask(Action action) : DeviceTask
{
    internal override bool Run(Stream stream, ref AclError result)
    {
        action();
        return true;
    }
}
