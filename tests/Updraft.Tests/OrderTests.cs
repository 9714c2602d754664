namespace Updraft.Tests;

/// <summary>Awaiting, cancellation, time-outs, events, notifies, failures.</summary>
public abstract class OrderTests : Backend
{
    [Fact]
    public async Task SynchronizeAsync_Idle_CompletesAtOnceOrSoon()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        await using NpuStream stream = device.CreateStream();
        await stream.SynchronizeAsync().AsTask().WaitAsync(Limit);
        Assert.True(stream.TrySynchronize(Limit));
        Assert.True(stream.IsIdle);
    }

    [Fact]
    public async Task SynchronizeAsync_Held_CompletesWhenTheGateOpens()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        Task wait;
        using (Gate gate = Hold(stream))
        {
            wait = stream.SynchronizeAsync().AsTask();
            gate.WaitUntilEntered();
            Assert.False(wait.IsCompleted);
            Assert.False(stream.TrySynchronize(TimeSpan.FromMilliseconds(1)));
        }
        await wait.WaitAsync(Limit);
    }

    [Fact]
    public async Task SynchronizeAsync_ManyWaiters_AllComplete()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        var waits = new List<Task>();
        using (Gate gate = Hold(stream))
        {
            for (int index = 0; index < 100; index++)
            {
                waits.Add(stream.SynchronizeAsync().AsTask());
            }
        }
        await Task.WhenAll(waits).WaitAsync(Limit);
    }

    [Fact]
    public async Task SynchronizeAsync_Canceled_EndsTheWaitNotTheWork()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        bool hasRun = false;
        using (Gate gate = Hold(stream))
        {
            stream.Launch(() => hasRun = true);
            using var source = new CancellationTokenSource();
            Task wait = stream.SynchronizeAsync(source.Token).AsTask();
            await source.CancelAsync();
            var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(Limit));
            Assert.Equal(source.Token, exception.CancellationToken);
            Assert.True(stream.SynchronizeAsync(source.Token).IsCanceled);
        }
        stream.Synchronize(Limit);
        Assert.True(hasRun);
    }

    [Fact]
    public async Task SynchronizeAsync_TimeRunsOut_SaysSo()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using (Gate gate = Hold(stream))
        {
            var exception = await Assert.ThrowsAsync<AclException>(() => stream.SynchronizeAsync(TimeSpan.FromMilliseconds(5)).AsTask().WaitAsync(Limit));
            Assert.Equal(AclError.RtStreamSyncTimeout, exception.Code);
            Assert.Equal("ACL_ERROR_RT_STREAM_SYNC_TIMEOUT", exception.CodeName);
            Assert.Equal(AclError.RtStreamSyncTimeout, Assert.Throws<AclException>(() => stream.Synchronize(TimeSpan.FromMilliseconds(1))).Code);
        }
        await stream.SynchronizeAsync(Limit).AsTask().WaitAsync(Limit);
    }

    [Theory]
    [InlineData(NpuEventKind.Snapshot)]
    [InlineData(NpuEventKind.Sticky)]
    [InlineData(NpuEventKind.Classic)]
    public async Task Event_OrdersStreams_AndIsAwaited(NpuEventKind kind)
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream first = device.CreateStream(), second = device.CreateStream();
        using NpuEvent @event = device.CreateEvent(kind);
        var order = new List<int>();
        Task wait;
        using (Gate gate = Hold(first))
        {
            first.Record(@event);
            second.Wait(@event);
            second.Launch(() => order.Add(2));
            wait = @event.WaitAsync().AsTask();
            gate.WaitUntilEntered();
            Assert.False(@event.IsComplete);
            Assert.False(wait.IsCompleted);
            Assert.Equal(AclError.RtEventSyncTimeout, Assert.Throws<AclException>(() => @event.Synchronize(TimeSpan.FromMilliseconds(1))).Code);
            order.Add(1);
        }
        await wait.WaitAsync(Limit);
        await @event;
        Assert.True(@event.IsComplete);
        second.Synchronize(Limit);
        Assert.Equal([1, 2], order);
    }

    [Fact]
    public async Task Event_AwaitCanceled_AndTimedOut()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using NpuEvent @event = device.CreateEvent();
        using (Gate gate = Hold(stream))
        {
            stream.Record(@event);
            using var source = new CancellationTokenSource();
            Task wait = @event.WaitAsync(source.Token).AsTask();
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(Limit));
            var exception = await Assert.ThrowsAsync<AclException>(() => @event.WaitAsync(TimeSpan.FromMilliseconds(5)).AsTask().WaitAsync(Limit));
            Assert.Equal(AclError.RtEventSyncTimeout, exception.Code);
        }
        await @event.WaitAsync().AsTask().WaitAsync(Limit);
    }

    [Fact]
    public void Event_Elapsed_IsOrdered()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using NpuEvent start = device.CreateEvent(), end = device.CreateEvent();
        stream.Record(start);
        stream.Launch(() => { });
        stream.Record(end);
        stream.Synchronize(Limit);
        Assert.True(end.ElapsedSince(start) >= TimeSpan.Zero);
        Assert.True(start.ElapsedSince(end) <= TimeSpan.Zero);
        Assert.True(end.TimestampMicroseconds >= start.TimestampMicroseconds);
    }

    [Fact]
    public void Notify_SetBeforeTheWait_IsRemembered()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream first = device.CreateStream(), second = device.CreateStream();
        NpuNotify? notify = null;
        SkipWithout(() => notify = device.CreateNotify());
        using (notify)
        {
            var order = new List<int>();
            second.Wait(notify!);
            second.Launch(() => order.Add(2));
            using (Gate gate = Hold(first))
            {
                first.Launch(() => order.Add(1));
                first.Record(notify!);
            }
            first.Synchronize(Limit);
            second.Synchronize(Limit);
            Assert.Equal([1, 2], order);
        }
    }

    [Fact]
    public void Value_WrittenByOneStream_LetsAnotherGo()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream first = device.CreateStream(), second = device.CreateStream();
        using DeviceMemory<ulong> flag = device.Allocate<ulong>(8);
        flag.Fill(0);
        SkipWithout(() => second.WaitValue(flag[2..3], 5, ValueComparison.Equal));
        Assert.False(second.TrySynchronize(TimeSpan.FromMilliseconds(1)));
        first.WriteValue(flag[2..3], 5);
        first.Synchronize(Limit);
        second.Synchronize(Limit);
        Assert.Equal(5ul, flag.ToArray()[2]);
    }

    [Fact]
    public async Task HostFunction_Throws_IsThrownByTheNextSynchronisation()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        stream.Launch(static state => throw new InvalidDataException((string)state!), "broken");
        var exception = Assert.Throws<InvalidOperationException>(() => stream.Synchronize(Limit));
        Assert.Equal("broken", Assert.IsType<InvalidDataException>(exception.InnerException).Message);
        stream.Synchronize(Limit);
        stream.Launch(() => throw new InvalidDataException());
        await Assert.ThrowsAsync<InvalidOperationException>(() => stream.SynchronizeAsync().AsTask().WaitAsync(Limit));
        await stream.SynchronizeAsync().AsTask().WaitAsync(Limit);
    }

    [Fact]
    public async Task FailedCopy_IsThrownOnce_WithItsCode()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<byte> host = device.AllocateHost<byte>(1 << 16);
        using DeviceMemory<byte> memory = device.Allocate<byte>(1 << 12);
        // Says that the memory is larger than it is: nothing but the run of the copy can find out.
        using DeviceMemory<byte> wrong = device.Context.Wrap<byte>(memory.Address, 1 << 16);
        var failures = new System.Collections.Concurrent.ConcurrentQueue<TaskFailure>();
        npu.TaskFailed += failures.Enqueue;
        stream.Copy(host, wrong);
        var exception = Assert.Throws<AclException>(() => stream.Synchronize(Limit));
        Assert.Equal(AclError.RtSysDma, exception.Code);
        Assert.Equal("aclrtSynchronizeStream", exception.Function[.."aclrtSynchronizeStream".Length]);
        Assert.NotNull(exception.Advice);
        stream.Synchronize(Limit);

        stream.Copy(host, wrong);
        exception = await Assert.ThrowsAsync<AclException>(() => stream.SynchronizeAsync().AsTask().WaitAsync(Limit));
        Assert.Equal(AclError.RtSysDma, exception.Code);
        await stream.SynchronizeAsync().AsTask().WaitAsync(Limit);
        Assert.Equal(2, failures.Count);
        Assert.All(failures, failure => Assert.Equal((AclError.RtSysDma, 0, (uint)stream.Id), (failure.Code, failure.DeviceId, failure.StreamId)));
    }

    [Fact]
    public void Capture_RepeatsTheCopies_AndKeepsTheirMemory()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<int> host = device.AllocateHost<int>(16), back = device.AllocateHost<int>(16);
        DeviceMemory<int> memory = device.Allocate<int>(16);
        back.Span.Clear();
        int runs = 0;
        SkipWithout(() => stream.BeginCapture());
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE, stream.CaptureStatus);
        stream.Copy(host, memory);
        stream.Copy(memory, back);
        stream.Launch(() => runs++);
        using ModelInstance graph = stream.EndCapture();
        memory.Dispose();
        for (int round = 1; round <= 3; round++)
        {
            host.Span.Fill(round);
            stream.Execute(graph);
            stream.Synchronize(Limit);
            Assert.Equal(round, back[15]);
            Assert.Equal(round, runs);
        }
    }

    [Fact]
    public void Model_RunsItsStreamsAsOftenAsWanted()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using NpuStream inside = device.CreateStream(NpuStreamFlags.Persistent);
        using PinnedMemory<int> host = device.AllocateHost<int>(16);
        using DeviceMemory<int> memory = device.Allocate<int>(16);
        memory.Fill(0);
        ModelInstance? model = null;
        SkipWithout(() => model = device.Context.CreateModel());
        using (model)
        {
            model!.Bind(inside);
            inside.Copy(host, memory);
            model.EndTask(inside);
            model.EndBuild();
            host.Span.Fill(3);
            Assert.Equal(0, memory.ToArray()[0]);
            model.Execute(Limit);
            Assert.Equal(3, memory.ToArray()[0]);
            host.Span.Fill(4);
            stream.Execute(model);
            stream.Synchronize(Limit);
            Assert.Equal(4, memory.ToArray()[0]);
            model.Unbind(inside);
        }
    }

    [Fact]
    public void Context_OfItsOwn_HasItsOwnStreams()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuContext context = device.CreateContext();
        using NpuStream one = context.CreateStream(), other = device.CreateStream();
        using PinnedMemory<int> host = context.AllocateHost<int>(16);
        using DeviceMemory<int> memory = device.Allocate<int>(16);
        for (int round = 0; round < 3; round++)
        {
            one.Copy(host, memory);
            other.Copy(memory, host);
        }
        context.Synchronize(Limit);
        device.Synchronize(Limit);
        // A C call changes the thread's context behind the API's back: the next copy finds its way.
        Assert.Equal(0, npu.Api.aclrtSetCurrentContext(device.Context.Handle));
        one.Copy(host, memory);
        one.Synchronize(Limit);
    }
}

public sealed class OrderTestsInProcess : OrderTests
{
    internal override Npu Open() => Npu.Open(new NpuOptions { DeviceCount = 2, Soc = "910b" });
}

public sealed class OrderTestsUnderTheLateSchedule : OrderTests
{
    internal override Npu Open() => Npu.Open(new NpuOptions { DeviceCount = 2, Soc = "910b", Schedule = "late", Clock = "wall" });
}

public sealed class OrderTestsOfLibrary : OrderTests
{
    internal override Npu Open() => OpenLibrary();
}

public sealed class OrderTestsOfRealLibrary : OrderTests
{
    internal override Npu Open() => OpenReal();
}
