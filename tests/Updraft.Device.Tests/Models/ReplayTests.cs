using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Updraft.Device.Tests.Models.ModelMachine;

namespace Updraft.Device.Tests.Models;

/// <summary>A graph is what was recorded, as often as it is executed: random command sequences against the same sequences submitted, and the price of a replay.</summary>
public sealed unsafe class ReplayTests
{
    private const int Blocks = 24, BlockBytes = 256;

    public static TheoryData<string, int, int> Cases()
    {
        var cases = new TheoryData<string, int, int>();
        string[] schedules = ["threads", "eager", "late", "random"];
        for (int seed = 0; seed < 40; seed++)
        {
            string schedule = schedules[seed % schedules.Length];
            cases.Add(schedule == "random" ? $"random:{seed}" : schedule, seed, 1 + seed % 3);
        }
        return cases;
    }

    /// <summary>The same commands, in the same order of calls, on streams that record and on streams that run. Races between streams are excluded by edges.</summary>
    [Theory, MemberData(nameof(Cases))]
    public void CapturedAndReplayed_EqualsSubmittedAsOften(string schedule, int seed, int streamCount)
    {
        using var machine = new TestMachine(schedule: schedule);
        const int rounds = 4, bytes = Blocks * BlockBytes;
        nint[] streams = [.. Enumerable.Range(0, streamCount).Select(_ => machine.Stream())];
        Memory captured = new(machine), submitted = new(machine);
        machine.Begin(streams[0]);
        Submit(machine, new Random(seed), streams, captured);
        nint model = machine.End(streams[0]);
        for (int round = 0; round < rounds; round++)
        {
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, streams[0]));
        }
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
        for (int round = 0; round < rounds; round++)
        {
            Submit(machine, new Random(seed), streams, submitted);
        }
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
        Assert.Equal(Convert.ToHexString(machine.Read(submitted.Device, bytes)), Convert.ToHexString(machine.Read(captured.Device, bytes)));
        Assert.True(new Span<byte>(submitted.Host, bytes).SequenceEqual(new Span<byte>(captured.Host, bytes)), "host memory differs");
        Assert.Equal(*submitted.Calls, *captured.Calls);
    }

    private sealed class Memory
    {
        internal readonly byte* Device, Host;
        internal readonly int* Calls;

        internal Memory(TestMachine machine)
        {
            Device = machine.Device(Blocks * BlockBytes);
            Host = machine.Pinned(Blocks * BlockBytes);
            Calls = (int*)machine.Pinned(64);
            for (int index = 0; index < Blocks * BlockBytes; index++)
            {
                Host[index] = (byte)(index * 31 + index / 256);
            }
            machine.Write(Device, new byte[Blocks * BlockBytes]);
        }
    }

    private static void Submit(TestMachine machine, Random random, nint[] streams, Memory memory)
    {
        // Every stream joins in, and every command waits for the one before if that was on another stream: one order, whatever the schedule.
        int current = 0;
        for (int step = 0; step < 60; step++)
        {
            int next = random.Next(streams.Length);
            if (next != current)
            {
                Link(machine, streams[current], streams[next]);
                current = next;
            }
            byte* to = memory.Device + random.Next(Blocks) * BlockBytes, from = memory.Device + random.Next(Blocks) * BlockBytes;
            byte* host = memory.Host + random.Next(Blocks) * BlockBytes;
            var bytes = (nuint)random.Next(1, BlockBytes + 1);
            nint stream = streams[current];
            switch (random.Next(9))
            {
                case 0:
                    machine.Copy(to, host, bytes, H2D, stream);
                    break;
                case 1:
                    machine.Copy(host, from, bytes, D2H, stream);
                    break;
                case 2 when to != from:
                    machine.Copy(to, from, bytes, D2D, stream);
                    break;
                case 3:
                    machine.Ok(machine.Api.aclrtMemsetAsync(to, bytes, random.Next(256), bytes, stream));
                    break;
                case 4:
                    machine.Ok(machine.Api.aclrtMemcpy2dAsync(to, 16, host, 32, 8, 8, H2D, stream));
                    break;
                case 5 when to != from:
                    machine.Ok(machine.Api.aclrtReduceAsync(to, from, 64, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT8, stream, null));
                    break;
                case 6:
                    machine.Ok(machine.Api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Increment, memory.Calls));
                    break;
                case 7:
                    machine.Ok(machine.Api.aclrtValueWrite(to, (ulong)random.NextInt64(), 0, stream));
                    break;
                default:
                    Batch(machine, random, memory, stream);
                    break;
            }
        }
        for (int index = 1; index < streams.Length; index++)
        {
            if (index != current)
            {
                Link(machine, streams[current], streams[index]);
                Link(machine, streams[index], streams[0]);
            }
        }
        if (current != 0)
        {
            Link(machine, streams[current], streams[0]);
        }
    }

    private static void Batch(TestMachine machine, Random random, Memory memory, nint stream)
    {
        const int count = 3;
        void** to = stackalloc void*[count], from = stackalloc void*[count];
        nuint* sizes = stackalloc nuint[count], maxima = stackalloc nuint[count];
        int start = random.Next(Blocks - count);
        for (int index = 0; index < count; index++)
        {
            to[index] = memory.Device + (start + index) * BlockBytes;
            from[index] = memory.Host + random.Next(Blocks) * BlockBytes;
            sizes[index] = maxima[index] = (nuint)random.Next(1, BlockBytes + 1);
        }
        var attribute = new aclrtMemcpyBatchAttr();
        attribute.dstLoc.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE;
        attribute.srcLoc.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST;
        nuint first = 0, failed;
        machine.Ok(machine.Api.aclrtMemcpyBatchAsync(to, maxima, from, sizes, count, &attribute, &first, 1, &failed, stream));
    }

    private static void Link(TestMachine machine, nint from, nint to)
    {
        nint marker = machine.ExEvent();
        machine.Ok(machine.Api.aclrtRecordEvent(marker, from));
        machine.Ok(machine.Api.aclrtStreamWaitEvent(to, marker));
    }

    [Fact]
    public void Replay_OfManyCopies_AllocatesNothingPerCommand()
    {
        using var machine = new TestMachine(schedule: "eager");
        nint stream = machine.Stream();
        byte* device = machine.Device(4096), host = machine.Pinned(4096);
        machine.Begin(stream);
        for (int copy = 0; copy < 10_000; copy++)
        {
            machine.Copy(device, host, 64, H2D, stream);
        }
        nint model = machine.End(stream);
        for (int round = 0; round < 50; round++)
        {
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        }
        machine.Sync(stream);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 20; round++)
        {
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        }
        machine.Sync(stream);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2048);
    }

    [Fact]
    public void Replay_SeveralLanes_AllocatesNothingPerCommand()
    {
        using var machine = new TestMachine(schedule: "eager");
        nint origin = machine.Stream(), side = machine.Stream();
        byte* device = machine.Device(4096), host = machine.Pinned(4096);
        machine.Begin(origin);
        Link(machine, origin, side);
        for (int copy = 0; copy < 2_000; copy++)
        {
            machine.Copy(device, host, 64, H2D, copy % 2 == 0 ? origin : side);
        }
        Link(machine, side, origin);
        nint model = machine.End(origin);
        for (int round = 0; round < 50; round++)
        {
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, origin));
        }
        machine.Sync(origin);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 20; round++)
        {
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, origin));
        }
        machine.Sync(origin);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20 * 512);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Increment(void* counter) => ++*(int*)counter;
}
