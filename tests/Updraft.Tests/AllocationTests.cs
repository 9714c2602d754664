namespace Updraft.Tests;

/// <summary>Copies and awaits allocate nothing once they have been made before. One object per call of the smallest size would be seen.</summary>
public abstract class AllocationTests : Backend
{
    private const int Rounds = 300, SmallestObject = 24;

    [Fact]
    public void Copies_AllocateNothing()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream(), other = device.CreateStream(), third = device.CreateStream();
        using PinnedMemory<int> host = device.AllocateHost<int>(64);
        using DeviceMemory<int> memory = device.Allocate<int>(64), target = device.Allocate<int>(64);
        using var batch = new CopyBatch();
        batch.Add(host, memory.AsSlice());
        var array = new int[64];
        bool hasBatches = Has(() => stream.Copy(batch)), hasRectangles = Has(() => stream.Copy2D<int>(host, 8, memory, 8, 4, 4));
        void CopyAll()
        {
            foreach (NpuStream each in (ReadOnlySpan<NpuStream>)[stream, other, third])
            {
                each.Copy(host, memory);
                each.Copy(memory, host);
                each.Copy(memory, target);
                each.Copy(host[8..16], memory[..8]);
                each.Copy(memory[8..16], host[..8]);
                each.Copy(host, 8, memory, 0, 8);
                each.CopyPageable<int>(array, memory);
                each.Fill(memory, 1);
                if (hasBatches)
                {
                    each.Copy(batch);
                }
                if (hasRectangles)
                {
                    each.Copy2D<int>(host, 8, memory, 8, 4, 4);
                }
                each.Synchronize(Limit);
            }
            memory.CopyFrom(array);
            memory.CopyTo(array);
            memory.Fill(0);
        }
        Repeat(CopyAll);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Repeat(CopyAll);
        AssertNothingPerRound(GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Awaits_OfDoneWork_AllocateNothing()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using NpuEvent @event = device.CreateEvent();
        stream.Record(@event);
        stream.Synchronize(Limit);
        async Task AwaitAll()
        {
            for (int round = 0; round < Rounds; round++)
            {
                await stream.SynchronizeAsync();
                await @event;
            }
        }
        AssertNothingPerRound(await AllocatedBy(AwaitAll));
    }

    [Fact]
    public async Task Awaits_OfStreams_AllocateNothing()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using var gate = new ReusableGate(stream);
        using var source = new CancellationTokenSource();
        async Task AwaitAll()
        {
            for (int round = 0; round < Rounds; round++)
            {
                gate.Close();
                ValueTask wait = stream.SynchronizeAsync(Limit, source.Token);
                Assert.False(wait.IsCompleted);
                gate.Open();
                await wait;
            }
        }
        AssertNothingPerRound(await AllocatedBy(AwaitAll));
    }

    /// <summary>A record is an object of the emulated device, in process: it is not the await's.</summary>
    [Fact]
    public async Task Awaits_OfEvents_AllocateNothing()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using NpuEvent @event = device.CreateEvent();
        using var gate = new ReusableGate(stream);
        async Task RecordAll(bool isAwaited)
        {
            for (int round = 0; round < Rounds; round++)
            {
                gate.Close();
                stream.Record(@event);
                ValueTask wait = isAwaited ? @event.WaitAsync() : stream.SynchronizeAsync();
                Assert.False(wait.IsCompleted);
                gate.Open();
                await wait;
            }
        }
        long records = await AllocatedBy(() => RecordAll(isAwaited: false));
        AssertNothingPerRound(await AllocatedBy(() => RecordAll(isAwaited: true)) - records);
    }

    /// <summary>By all threads: what an await allocates, it may allocate on threads of the library or of the pool.</summary>
    private static async Task<long> AllocatedBy(Func<Task> action)
    {
        long allocated = long.MaxValue;
        for (int time = 0; time < 5; time++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await action();
            // The least: other threads of the process allocate now and then.
            allocated = Math.Min(allocated, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return allocated;
    }

    private static void Repeat(Action action)
    {
        for (int round = 0; round < Rounds; round++)
        {
            action();
        }
    }

    private static void AssertNothingPerRound(long bytes) => Assert.True(bytes < Rounds * SmallestObject, $"{bytes} bytes were allocated in {Rounds} rounds");

    private static bool Has(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (AclException exception) when (exception.Code == AclError.RtFeatureNotSupport)
        {
            return false;
        }
    }

    /// <summary>As <see cref="Gate"/>, as often as wanted and without allocations.</summary>
    private sealed class ReusableGate(NpuStream stream) : IDisposable
    {
        private readonly SemaphoreSlim _opened = new(0);

        internal void Close() => stream.Launch(static opened => ((SemaphoreSlim)opened!).Wait(), _opened);

        internal void Open() => _opened.Release();

        public void Dispose()
        {
            _opened.Release();
            stream.Synchronize(Limit);
        }
    }
}

public sealed class AllocationTestsInProcess : AllocationTests
{
    internal override Npu Open() => Npu.Open(new NpuOptions { DeviceCount = 2, Soc = "910b" });
}

public sealed class AllocationTestsOfLibrary : AllocationTests
{
    internal override Npu Open() => OpenLibrary();
}

public sealed class AllocationTestsOfRealLibrary : AllocationTests
{
    internal override Npu Open() => OpenReal();
}
