namespace Updraft.Device.Tests;

/// <summary>What distinguishes this library from a stub: copies happen later, in stream order. A synchronous engine fails all of these.</summary>
public sealed unsafe class AsynchronyTests
{
    private const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST;

    [Theory]
    [InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:7")]
    public void MemcpyAsync_BehindGate_HasNotHappenedWhenTheCallReturns(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        nint stream = machine.Stream();
        byte* device = machine.Device(4096), host = machine.Pinned(4096, 7);
        machine.Write(device, new byte[4096]);
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 4096, host, 4096, H2D, stream));
        Assert.All(machine.Read(device, 4096), value => Assert.Equal(0, value));
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.All(machine.Read(device, 4096), value => Assert.Equal(7, value));
    }

    [Fact]
    public void MemcpyAsync_SourceChangedBeforeItRuns_CopiesTheLaterBytes()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        byte* device = machine.Device(64), host = machine.Pinned(64, 1);
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 64, host, 64, H2D, stream));
        new Span<byte>(host, 64).Fill(2);
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.All(machine.Read(device, 64), value => Assert.Equal(2, value));
    }

    [Fact]
    public void MemcpyAsync_PageableMemory_DrainsTheStreamAndReturnsAfterTheCopy()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        byte* device = machine.Device(64), pinned = machine.Pinned(64, 1), pageable = TestMachine.Pageable(64, 9);
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 64, pinned, 64, H2D, stream));
        using var opener = new Timer(_ => gate.Open(), null, 50, Timeout.Infinite);
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 64, pageable, 64, H2D, stream));
        Assert.All(machine.Read(device, 64), value => Assert.Equal(9, value));
    }

    [Fact]
    public void StreamWaitEvent_AcrossStreams_OrdersTheCopies()
    {
        using var machine = new TestMachine();
        nint first = machine.Stream(), second = machine.Stream(), recorded;
        machine.Ok(machine.Api.aclrtCreateEventExWithFlag(&recorded, 1));
        byte* device = machine.Device(64), one = machine.Pinned(64, 1), result = machine.Pinned(64);
        using Gate gate = machine.Hold(first);
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 64, one, 64, H2D, first));
        machine.Ok(machine.Api.aclrtRecordEvent(recorded, first));
        machine.Ok(machine.Api.aclrtStreamWaitEvent(second, recorded));
        machine.Ok(machine.Api.aclrtMemcpyAsync(result, 64, device, 64, D2H, second));
        aclrtStreamStatus status;
        machine.Ok(machine.Api.aclrtStreamQuery(second, &status));
        Assert.Equal(aclrtStreamStatus.ACL_STREAM_STATUS_NOT_READY, status);
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(second));
        Assert.All(new Span<byte>(result, 64).ToArray(), value => Assert.Equal(1, value));
    }

    [Theory]
    [InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:1"), InlineData("random:2")]
    public void ManyStreams_ManyCopies_KeepTheOrderOfEachStream(string schedule)
    {
        const int streams = 8, rounds = 500;
        using var machine = new TestMachine(schedule: schedule);
        nint[] stream = [.. Enumerable.Range(0, streams).Select(_ => machine.Stream())];
        byte* device = machine.Device(streams * 64), host = machine.Pinned(rounds * 64), result = machine.Pinned(streams * 64);
        for (int round = 0; round < rounds; round++)
        {
            new Span<byte>(host + round * 64, 64).Fill((byte)round);
        }
        for (int round = 0; round < rounds; round++)
        {
            for (int index = 0; index < streams; index++)
            {
                machine.Ok(machine.Api.aclrtMemcpyAsync(device + index * 64, 64, host + round * 64, 64, H2D, stream[index]));
            }
        }
        for (int index = 0; index < streams; index++)
        {
            machine.Ok(machine.Api.aclrtMemcpyAsync(result + index * 64, 64, device + index * 64, 64, D2H, stream[index]));
        }
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
        Assert.All(new Span<byte>(result, streams * 64).ToArray(), value => Assert.Equal((rounds - 1) & 0xff, value));
    }
}
