namespace Updraft.Device.Tests;

/// <summary>A thread that asks for a stream runs what is short in it: it need not wait for a worker that has other things to do.</summary>
public sealed unsafe class PollingTests
{
    [Fact]
    public void Query_NobodyElseCanRunTheStream_RunsItsShortCommands()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        const int Copies = 200; // several segments of the queue
        byte* device = machine.Device(4096 * Copies), host = machine.Pinned(4096 * Copies, 7);
        nint recorded;
        machine.Ok(machine.Api.aclrtCreateEvent(&recorded));
        using var held = new BusyWorkers();
        for (int index = 0; index < Copies; index++)
        {
            machine.Ok(machine.Api.aclrtMemcpyAsync(device + 4096 * index, 4096, host + 4096 * index, 4096, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
        }
        machine.Ok(machine.Api.aclrtRecordEvent(recorded, stream));
        aclrtStreamStatus status;
        int polls = 0;
        do
        {
            machine.Ok(machine.Api.aclrtStreamQuery(stream, &status));
            polls++;
        }
        while (status != aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE);
        Assert.InRange(polls, 2, Copies + 1); // one poll does not run the whole queue
        aclrtEventRecordedStatus eventStatus;
        machine.Ok(machine.Api.aclrtQueryEventStatus(recorded, &eventStatus));
        Assert.Equal(aclrtEventRecordedStatus.ACL_EVENT_RECORDED_STATUS_COMPLETE, eventStatus);
        held.Release();
        Assert.All(machine.Read(device, 4096 * Copies), each => Assert.Equal(7, each));
    }

    /// <summary>What is long stays with the workers: a query does not take as long as a copy.</summary>
    [Fact]
    public void Query_LongCommand_IsLeftToTheWorkers()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        const int Bytes = 8 << 20;
        byte* device = machine.Device(Bytes), host = machine.Pinned(Bytes, 9);
        using (var held = new BusyWorkers())
        {
            machine.Ok(machine.Api.aclrtMemcpyAsync(device, Bytes, host, Bytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
            for (int poll = 0; poll < 100; poll++)
            {
                aclrtStreamStatus status;
                machine.Ok(machine.Api.aclrtStreamQuery(stream, &status));
                Assert.Equal(aclrtStreamStatus.ACL_STREAM_STATUS_NOT_READY, status);
            }
        }
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.All(machine.Read(device, Bytes), each => Assert.Equal(9, each));
    }

    /// <summary>Keeps every worker of the machine inside a command until it is released.</summary>
    private sealed class BusyWorkers : IDisposable
    {
        private readonly ManualResetEventSlim _released = new();

        internal BusyWorkers()
        {
            // As many as the scheduler has at most; each worker takes a stream of its own.
            int workers = Math.Clamp(Environment.ProcessorCount - 1, 1, 16);
            using var entered = new CountdownEvent(workers);
            Context context = ThreadState.Current.Context!;
            for (int index = 0; index < workers; index++)
            {
                nint stream;
                Assert.Equal(0, AclApi.InProcess.aclrtCreateStream(&stream));
                nint handle = stream;
                Stream each = context.Streams.Single(other => other.Handle == handle);
                each.Submit(new Command { Kind = CommandKind.Task }, new Stay(entered, _released));
            }
            Assert.True(entered.Wait(TimeSpan.FromSeconds(30)), "the workers never came");
        }

        internal void Release() => _released.Set();

        public void Dispose() => Release();
    }

    private sealed class Stay(CountdownEvent entered, ManualResetEventSlim released) : DeviceTask
    {
        internal override bool Run(Stream stream, ref AclError result)
        {
            entered.Signal();
            released.Wait();
            return true;
        }
    }
}
