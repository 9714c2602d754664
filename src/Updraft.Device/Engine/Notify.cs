namespace Updraft.Device;

/// <summary>
/// A binary semaphore between streams, devices too: a record is remembered once, a wait consumes it. Of several streams that wait one
/// goes on per record.
/// </summary>
internal sealed class Notify(Device device, int id, ulong flags) : WaitCondition
{
    private BlockedStreams _blocked;
    private bool _isRecorded;

    internal Device Device { get; } = device;
    internal int Id { get; } = id;
    internal ulong Flags { get; } = flags;

    internal override bool IsMet => Volatile.Read(ref _isRecorded);

    internal override bool IsOver(Stream stream, ref AclError result)
    {
        lock (this)
        {
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
        Stream[] released;
        lock (this)
        {
            Volatile.Write(ref _isRecorded, true);
            released = _blocked.Take();
        }
        BlockedStreams.Unblock(released);
    }

    internal void Reset()
    {
        lock (this)
        {
            _isRecorded = false;
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
        Stream[] released;
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
        BlockedStreams.Unblock(released);
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
