using System.Diagnostics;

namespace Updraft.Device.Tests;

/// <summary>
/// Many threads against the engine itself, seeded. Tasks that count find what must never happen: a command that runs twice, before its
/// predecessor, at the same time as another of its stream, or not at all. Whoever waits here only looks (a synchronise would run the
/// stream itself and hide that nobody else was woken).
/// </summary>
public sealed unsafe class EngineStressTests
{
    private const int LimitMs = 20_000;

    /// <summary>What the commands of one stream say about each other.</summary>
    private sealed class Ledger(int producers)
    {
        internal readonly long[] LastOf = new long[producers];
        internal long Runs;
        internal string? Fault;
        private int _isInside;

        internal void Run(int producer, long number)
        {
            if (Interlocked.Exchange(ref _isInside, 1) != 0)
            {
                Fault = "two commands of one stream ran at the same time";
            }
            if (number != LastOf[producer] + 1)
            {
                Fault = $"command {number} of producer {producer} ran after {LastOf[producer]}";
            }
            LastOf[producer] = number;
            Volatile.Write(ref Runs, Runs + 1);
            Volatile.Write(ref _isInside, 0);
        }

        internal void AwaitWithoutHelping(long runs)
        {
            long start = Stopwatch.GetTimestamp();
            var spinner = new SpinWait();
            while (Volatile.Read(ref Runs) < runs)
            {
                spinner.SpinOnce(sleep1Threshold: -1);
                Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds < LimitMs, $"{runs - Volatile.Read(ref Runs)} of {runs} commands never ran: nobody was woken");
            }
            Assert.Null(Fault);
        }
    }

    private sealed class Entry(Ledger ledger, int producer, long number) : DeviceTask
    {
        internal override bool Run(Stream stream, ref AclError result)
        {
            ledger.Run(producer, number);
            return true;
        }
    }

    /// <summary>A submission writes the first eight bytes of a slot as one number.</summary>
    [Theory, InlineData(false, false), InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void Command_FirstWord_HoldsItsSmallFields(bool hasObject, bool usesFreedMemory)
    {
        var command = new Command { Kind = CommandKind.Fill32, HasObject = hasObject, UsesFreedMemory = usesFreedMemory, ThreadId = -2 };
        ulong expected = (byte)CommandKind.Fill32 | (hasObject ? Command.HasObjectBit : 0) | (usesFreedMemory ? Command.UsesFreedMemoryBit : 0) | 0xffff_fffe_0000_0000;
        Assert.Equal(expected, *(ulong*)&command);
    }

    private static readonly Command s_task = new() { Kind = CommandKind.Task };

    private static Stream StreamOf(TestMachine machine) => HandleTable.TryGet(machine.Stream(), out Stream? stream) ? stream : throw new InvalidOperationException();

    /// <summary>Runs the body on so many threads at once; the first exception of any of them fails the test.</summary>
    private static void Threads(int count, Action<int> body)
    {
        using var start = new Barrier(count);
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, count).Select(index => new Thread(() =>
        {
            try
            {
                start.SignalAndWait();
                body(index);
            }
            catch (Exception exception)
            {
                failure ??= exception;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.True(failure == null, failure?.ToString());
    }

    /// <summary>Around the time after which a worker stops looking, so that all its states are met.</summary>
    private static void Pause(Random random)
    {
        if (random.Next(3) == 0)
        {
            long end = Stopwatch.GetTimestamp() + random.NextInt64(Stopwatch.Frequency / 20_000);
            while (Stopwatch.GetTimestamp() < end)
            {
                Thread.SpinWait(1);
            }
        }
    }

    [Theory]
    [InlineData(1, 1), InlineData(1, 2), InlineData(3, 3), InlineData(2, 4)]
    public void OneStream_ManyProducers_EveryCommandRunsOnceInOrder(int workers, int producers)
    {
        const int commands = 20_000;
        using var machine = new TestMachine(workers: workers);
        for (int round = 0; round < 3; round++)
        {
            // A fresh stream every time: the hand-over of its ownership happens once in its life.
            Stream stream = StreamOf(machine);
            var ledger = new Ledger(producers);
            Threads(producers, producer =>
            {
                var random = new Random(100 * round + producer);
                for (int number = 1; number <= commands; number++)
                {
                    stream.Submit(in s_task, new Entry(ledger, producer, number));
                    if (random.Next(256) == 0)
                    {
                        Pause(random);
                    }
                    if (random.Next(2048) == 0)
                    {
                        Assert.True(stream.WaitForAll(LimitMs));
                    }
                }
            });
            ledger.AwaitWithoutHelping((long)commands * producers);
        }
    }

    [Theory]
    [InlineData("eager", 2), InlineData("eager", 4), InlineData("random:3", 3)]
    public void SteppedSchedules_ManyProducers_EveryCommandRunsOnceInOrder(string schedule, int producers)
    {
        const int commands = 5_000;
        using var machine = new TestMachine(schedule: schedule);
        Stream shared = StreamOf(machine);
        Stream[] own = [.. Enumerable.Range(0, producers).Select(_ => StreamOf(machine))];
        Ledger together = new(producers);
        Ledger[] alone = [.. own.Select(_ => new Ledger(1))];
        Threads(producers, producer =>
        {
            for (int number = 1; number <= commands; number++)
            {
                shared.Submit(in s_task, new Entry(together, producer, number));
                own[producer].Submit(in s_task, new Entry(alone[producer], 0, number));
            }
            Assert.True(own[producer].WaitForAll(LimitMs));
        });
        Assert.True(shared.WaitForAll(LimitMs));
        together.AwaitWithoutHelping((long)commands * producers);
        Array.ForEach(alone, ledger => ledger.AwaitWithoutHelping(commands));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(4)]
    public void OwnershipHandOver_ShortStreams_NothingIsLost(int workers)
    {
        using var machine = new TestMachine(workers: workers);
        for (int round = 0; round < 1500; round++)
        {
            Stream stream = StreamOf(machine);
            var ledger = new Ledger(2);
            using var second = new Barrier(2);
            var other = new Thread(() =>
            {
                second.SignalAndWait();
                for (int number = 1; number <= 4; number++)
                {
                    stream.Submit(in s_task, new Entry(ledger, 1, number));
                }
            });
            other.Start();
            stream.Submit(in s_task, new Entry(ledger, 0, 1));
            second.SignalAndWait();
            for (int number = 2; number <= 6; number++)
            {
                stream.Submit(in s_task, new Entry(ledger, 0, number));
            }
            other.Join();
            ledger.AwaitWithoutHelping(10);
            machine.Ok(machine.Api.aclrtDestroyStream(stream.Handle));
        }
    }

    [Theory]
    [InlineData(1, 1), InlineData(1, 3), InlineData(3, 4)]
    public void ManyStreams_RandomPauses_NoWakeUpIsLost(int workers, int producers)
    {
        const int streams = 20, turns = 12_000; // more streams than a worker watches
        using var machine = new TestMachine(workers: workers);
        Stream[] all = [.. Enumerable.Range(0, streams).Select(_ => StreamOf(machine))];
        Ledger[] ledgers = [.. all.Select(_ => new Ledger(producers))];
        var sent = new long[producers, streams];
        Threads(producers, producer =>
        {
            var random = new Random(producer);
            for (int turn = 0; turn < turns; turn++)
            {
                int index = random.Next(random.Next(2) == 0 ? 2 : streams);
                long number = ++sent[producer, index];
                all[index].Submit(in s_task, new Entry(ledgers[index], producer, number));
                if (producers == 1 && random.Next(2) == 0)
                {
                    // Alone with the worker: the next submission comes when it watches, is about to park, or sleeps.
                    ledgers[index].AwaitWithoutHelping(number);
                    Pause(random);
                }
                else if (random.Next(64) == 0)
                {
                    Pause(random);
                }
            }
        });
        for (int index = 0; index < streams; index++)
        {
            ledgers[index].AwaitWithoutHelping(Enumerable.Range(0, producers).Sum(producer => sent[producer, index]));
        }
    }

    [Theory]
    [InlineData("threads", 1), InlineData("threads", 3), InlineData("eager", 1), InlineData("random:5", 1)]
    public void FullQueue_SeveralProducers_NothingIsLostOrRefused(string schedule, int workers)
    {
        const int producers = 3, commands = 3_000;
        using var machine = new TestMachine(schedule: schedule, tasksPerStream: 16, workers: workers);
        Stream stream = StreamOf(machine);
        var ledger = new Ledger(producers);
        Threads(producers, producer =>
        {
            for (int number = 1; number <= commands; number++)
            {
                stream.Submit(in s_task, new Entry(ledger, producer, number));
            }
        });
        Assert.True(stream.WaitForAll(LimitMs));
        ledger.AwaitWithoutHelping(producers * commands);
    }

    [Fact]
    public void EndlessStream_OneWorker_OthersGetTheirTurn()
    {
        using var machine = new TestMachine(workers: 1);
        Stream endless = StreamOf(machine), other = StreamOf(machine);
        Ledger fed = new(1), served = new(1);
        long sent = 0;
        for (int round = 1; round <= 20; round++)
        {
            // Only the turn of the other stream ends the feeding: on a device it comes, whatever the first one has to do.
            other.Submit(in s_task, new Entry(served, 0, round));
            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref served.Runs) < round)
            {
                endless.Submit(in s_task, new Entry(fed, 0, ++sent));
                Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds < LimitMs, "a stream that is fed without end keeps the worker from all others");
            }
        }
        Assert.True(endless.WaitForAll(LimitMs));
        fed.AwaitWithoutHelping(sent);
    }

    /// <summary>Feeds its own stream: the worker that runs it never finds it empty.</summary>
    private sealed class Perpetual(StrongBox<bool> ends, Stream stream) : DeviceTask
    {
        internal override bool Run(Stream own, ref AclError result)
        {
            if (!Volatile.Read(ref ends.Value))
            {
                stream.Submit(in s_task, new Perpetual(ends, stream));
            }
            return true;
        }
    }

    private sealed class StrongBox<T>(T value)
    {
        internal T Value = value;
    }

    [Fact]
    public void StreamsThatNeverRunDry_OneWorker_OthersGetTheirTurn()
    {
        using var machine = new TestMachine(workers: 1);
        // As many as a worker keeps an eye on.
        Stream[] perpetual = [.. Enumerable.Range(0, 16).Select(_ => StreamOf(machine))];
        Stream other = StreamOf(machine);
        var ends = new StrongBox<bool>(false);
        var served = new Ledger(1);
        try
        {
            foreach (Stream stream in perpetual)
            {
                stream.Submit(in s_task, new Perpetual(ends, stream));
            }
            for (int round = 1; round <= 200; round++)
            {
                other.Submit(in s_task, new Entry(served, 0, round));
                served.AwaitWithoutHelping(round);
            }
        }
        finally
        {
            Volatile.Write(ref ends.Value, true);
        }
        Assert.All(perpetual, stream => Assert.True(stream.WaitForAll(LimitMs)));
    }

    private sealed class Call(Action body) : DeviceTask
    {
        internal override bool Run(Stream stream, ref AclError result)
        {
            body();
            return true;
        }
    }

    [Fact]
    public void LongQueue_AnotherStreamBecomesReadyMeanwhile_GetsItsTurnBeforeTheEnd()
    {
        const int commands = 900;
        using var machine = new TestMachine(workers: 1);
        Stream queue = StreamOf(machine), other = StreamOf(machine);
        using ManualResetEventSlim queued = new(), ended = new();
        int reached = 0, seenAt = 0;
        queue.Submit(in s_task, new Call(queued.Wait));
        for (int number = 1; number <= commands; number++)
        {
            int own = number;
            queue.Submit(in s_task, new Call(() =>
            {
                reached = own;
                if (own == 100)
                {
                    other.Submit(in s_task, new Call(() => seenAt = reached));
                }
                if (own == commands)
                {
                    ended.Set();
                }
            }));
        }
        queued.Set();
        Assert.True(ended.Wait(LimitMs));
        Assert.InRange(Volatile.Read(ref seenAt), 100, 300);
    }

    [Theory]
    [InlineData(1), InlineData(3)]
    public void LargeCopies_WithSmallOnesBeside_BytesAndOrderHold(int workers)
    {
        const int large = 6 << 20, rounds = 40;
        using var machine = new TestMachine(workers: workers);
        nint first = machine.Stream(), second = machine.Stream();
        byte* device = machine.Device(large), host = machine.Pinned(large), back = machine.Pinned(large), small = machine.Device(64), one = machine.Pinned(64), result = machine.Pinned(64);
        var random = new Random(11);
        for (int round = 1; round <= rounds; round++)
        {
            new Span<byte>(host, large).Fill((byte)round);
            new Span<byte>(one, 64).Fill((byte)round);
            machine.Ok(machine.Api.aclrtMemcpyAsync(device, large, host, large, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, first));
            machine.Ok(machine.Api.aclrtMemcpyAsync(back, large, device, large, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, first));
            Threads(3, index =>
            {
                if (index == 0)
                {
                    machine.Ok(machine.Api.aclrtSetDevice(0));
                    for (int turn = 0; turn < 50; turn++)
                    {
                        machine.Ok(machine.Api.aclrtMemcpyAsync(small, 64, one, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, second));
                        machine.Ok(machine.Api.aclrtMemcpyAsync(result, 64, small, 64, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, second));
                    }
                }
                else
                {
                    // Two threads wait for the same stream: one runs it, the other helps with the pieces.
                    machine.Ok(machine.Api.aclrtSetDevice(0));
                    machine.Ok(machine.Api.aclrtSynchronizeStream(first));
                    Assert.True(new ReadOnlySpan<byte>(back, large).IndexOfAnyExcept((byte)round) < 0, $"round {round}: the large copies were not complete");
                }
            });
            machine.Ok(machine.Api.aclrtSynchronizeStream(second));
            Assert.True(new ReadOnlySpan<byte>(result, 64).IndexOfAnyExcept((byte)round) < 0);
        }
    }

    [Theory]
    [InlineData("threads"), InlineData("late"), InlineData("random:3")]
    public void FreedWhileQueued_BytesBelongToTheCopyUntilItEnds(string schedule)
    {
        const int bytes = 8192, count = 64;
        using var machine = new TestMachine(schedule: schedule);
        nint stream = machine.Stream();
        byte* target = machine.Device(bytes), source = machine.Pinned(bytes, 1), old = machine.Pinned(bytes);
        using (Gate gate = machine.Hold(stream))
        {
            machine.Ok(machine.Api.aclrtMemcpyAsync(target, bytes, source, bytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
            machine.Ok(machine.Api.aclrtMemcpyAsync(old, bytes, target, bytes, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, stream));
            machine.Ok(machine.Api.aclrtFree(target));
            var fresh = new nint[count];
            for (int round = 0; round < 20; round++)
            {
                for (int index = 0; index < count; index++)
                {
                    fresh[index] = (nint)machine.Device(bytes);
                    Assert.NotEqual((nint)target, fresh[index]);
                    machine.Ok(machine.Api.aclrtMemset((void*)fresh[index], bytes, 2, bytes));
                }
                for (int index = 0; index < count && round < 19; index++)
                {
                    machine.Ok(machine.Api.aclrtFree((void*)fresh[index]));
                }
            }
            gate.Open();
            machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
            Assert.All(fresh, each => Assert.True(machine.Read((void*)each, bytes).AsSpan().IndexOfAnyExcept((byte)2) < 0, "a queued copy wrote into memory that was given to somebody else"));
        }
        Assert.True(new ReadOnlySpan<byte>(old, bytes).IndexOfAnyExcept((byte)1) < 0);
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void DestroyedWhileProducersWaitForRoom_AllOfThemReturn(bool force)
    {
        using var machine = new TestMachine(tasksPerStream: 16);
        nint handle = machine.Stream();
        Assert.True(HandleTable.TryGet(handle, out Stream? stream));
        using Gate gate = machine.Hold(handle);
        int refused = 0;
        Thread[] producers = [.. Enumerable.Range(0, 3).Select(producer => new Thread(() =>
        {
            var ledger = new Ledger(1);
            try
            {
                for (int number = 1; ; number++)
                {
                    stream.Submit(in s_task, new Entry(ledger, 0, number));
                }
            }
            catch (AclException failure) when (failure.Code == AclError.RtInvalidHandle)
            {
                Interlocked.Increment(ref refused);
            }
        }))];
        Array.ForEach(producers, producer => producer.Start());
        Assert.True(SpinWait.SpinUntil(() => stream.Tail - stream.Head >= 16, LimitMs));
        if (!force)
        {
            gate.Open();
        }
        machine.Ok(force ? machine.Api.aclrtDestroyStreamForce(handle) : machine.Api.aclrtDestroyStream(handle));
        Assert.All(producers, producer => Assert.True(producer.Join(LimitMs), "a producer still waits for room in a stream that is gone"));
        Assert.Equal(3, refused);
        gate.Open();
    }

    [Fact]
    public void HandleTable_UnderThreads_NeverGivesAnotherObject()
    {
        using var machine = new TestMachine();
        Threads(4, index =>
        {
            var random = new Random(index);
            var mine = new List<(nint Handle, object Target)>();
            for (int turn = 0; turn < 20_000; turn++)
            {
                if (mine.Count < 20 || random.Next(2) == 0 && mine.Count < 200)
                {
                    var target = new Ledger(1);
                    mine.Add((HandleTable.Add(HandleKind.Object, target), target));
                }
                else
                {
                    int at = random.Next(mine.Count);
                    (nint handle, object target) = mine[at];
                    Assert.True(HandleTable.TryGet(handle, out Ledger? found));
                    Assert.Same(target, found);
                    Assert.False(HandleTable.TryGet(handle, out Stream? _));
                    Assert.True(HandleTable.Remove(handle));
                    Assert.False(HandleTable.Remove(handle));
                    Assert.False(HandleTable.TryGet(handle, out Ledger? _));
                    mine.RemoveAt(at);
                }
            }
            mine.ForEach(each => Assert.True(HandleTable.Remove(each.Handle)));
        });
    }

    [Fact]
    public void Arena_UnderThreads_AllocationsNeverOverlap()
    {
        using var machine = new TestMachine(deviceMemory: "2G");
        Threads(4, index =>
        {
            machine.Ok(machine.Api.aclrtSetDevice(0));
            var random = new Random(index);
            var mine = new List<(nint Address, int Bytes)>();
            for (int turn = 0; turn < 6_000; turn++)
            {
                if (mine.Count < 10 || random.Next(2) == 0 && mine.Count < 60)
                {
                    int bytes = random.Next(8) == 0 ? random.Next(1, 4 << 20) : random.Next(1, 20_000);
                    void* memory;
                    machine.Ok(machine.Api.aclrtMallocHost(&memory, (nuint)bytes));
                    Mark(memory, bytes, (byte)(index + 1));
                    mine.Add(((nint)memory, bytes));
                }
                else
                {
                    int at = random.Next(mine.Count);
                    (nint address, int bytes) = mine[at];
                    Assert.True(((byte*)address)[0] == index + 1 && ((byte*)address)[bytes - 1] == index + 1 && ((byte*)address)[bytes / 2] == index + 1, "two live allocations share bytes");
                    Mark((void*)address, bytes, 0);
                    machine.Ok(machine.Api.aclrtFreeHost((void*)address));
                    mine.RemoveAt(at);
                }
            }
        });

        static void Mark(void* memory, int bytes, byte value) => (((byte*)memory)[0], ((byte*)memory)[bytes / 2], ((byte*)memory)[bytes - 1]) = (value, value, value);
    }
}
