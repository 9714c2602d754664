namespace Updraft.Device.Tests;

/// <summary>
/// A random program that takes and gives back memory of a pool on several streams, in stream order or across streams behind an event. Every
/// block is filled by the stream that takes it and read back by the stream that gives it back: nobody may have written it in between. The
/// seed is in the name of the case.
/// </summary>
public sealed unsafe class MemoryPoolModelTests
{
    private sealed record Block(nint Address, nuint Size, byte Mark, int Stream, int Slot);

    [Theory]
    [InlineData("threads", 1), InlineData("threads", 2), InlineData("late", 3), InlineData("random:9", 4), InlineData("random:10", 5), InlineData("eager", 6)]
    public void RandomProgram_NobodyWritesALivingBlock(string schedule, int seed)
    {
        using var machine = new TestMachine(schedule: schedule, deviceMemory: "64M");
        AclApi api = machine.Api;
        var random = new Random(seed);
        const int steps = 1500;
        nint pool;
        aclrtMemPoolProps properties = new() { location = new() { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
        machine.Ok(api.aclrtMemPoolCreate(&pool, &properties));
        nint[] streams = [machine.Stream(), machine.Stream(), machine.Stream()];
        byte* seen = machine.Pinned(steps * 2);
        List<Block> live = [];
        List<Block> given = [];
        byte mark = 0;
        int refused = 0;
        for (int step = 0; step < steps; step++)
        {
            if (random.Next(20) == 0)
            {
                machine.Ok(api.aclrtSynchronizeStream(streams[random.Next(3)])); // what is beyond the threshold goes back
            }
            if (random.Next(2) == 0 || live.Count == 0)
            {
                int on = random.Next(3);
                nuint size = (nuint)(random.Next(3) == 0 ? random.Next(1, 6 << 20) : random.Next(1, 100_000));
                void* address;
                int code = api.aclrtMemPoolMallocAsync(&address, size, pool, streams[on]);
                if (code == 207001)
                {
                    refused++;
                    continue;
                }
                machine.Ok(code);
                mark = (byte)(mark % 250 + 1);
                machine.Ok(api.aclrtMemsetAsync(address, size, mark, size, streams[on]));
                var block = new Block((nint)address, size, mark, on, step);
                Assert.DoesNotContain(live, other => block.Address < other.Address + (nint)other.Size && other.Address < block.Address + (nint)size);
                live.Add(block);
            }
            else
            {
                Block block = live[random.Next(live.Count)];
                live.Remove(block);
                int on = block.Stream;
                if (random.Next(3) == 0)
                {
                    on = random.Next(3);
                    nint @event;
                    machine.Ok(api.aclrtCreateEventExWithFlag(&@event, 1));
                    machine.Ok(api.aclrtRecordEvent(@event, streams[block.Stream]));
                    machine.Ok(api.aclrtStreamWaitEvent(streams[on], @event));
                    machine.Ok(api.aclrtDestroyEvent(@event));
                }
                machine.Ok(api.aclrtMemcpyAsync(seen + 2 * block.Slot, 1, (void*)block.Address, 1, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, streams[on]));
                machine.Ok(api.aclrtMemcpyAsync(seen + 2 * block.Slot + 1, 1, (byte*)block.Address + block.Size - 1, 1, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, streams[on]));
                machine.Ok(api.aclrtMemPoolFreeAsync((void*)block.Address, streams[on]));
                machine.Returns(107000, api.aclrtMemPoolFreeAsync((void*)block.Address, streams[on]));
                given.Add(block);
            }
            ulong used, reserved;
            machine.Ok(api.aclrtMemPoolGetAttr(pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT, &used));
            machine.Ok(api.aclrtMemPoolGetAttr(pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT, &reserved));
            Assert.InRange(used, (ulong)live.Sum(block => (long)block.Size), reserved);
            Assert.InRange(reserved, used, 64ul << 20);
        }
        machine.Ok(api.aclrtSynchronizeDevice());
        Assert.All(given, block => Assert.Equal((block.Mark, block.Mark), (seen[2 * block.Slot], seen[2 * block.Slot + 1])));
        Assert.True(given.Count > 200 && refused < steps / 2, $"{given.Count} blocks were given back, {refused} refused");
        live.ForEach(block => machine.Ok(api.aclrtFree((void*)block.Address)));
        machine.Ok(api.aclrtMemPoolTrimTo(pool, 0));
        machine.Ok(api.aclrtMemPoolDestroy(pool));
        nuint free, total;
        machine.Ok(api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(total, free);
    }
}
