using System.Runtime.InteropServices;
using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>
/// Copies that follow one another and touch nothing in common are shared between threads. What a program can see stays as if they had
/// run one by one: the bytes at the end, and at any time the order of what arrives in host memory.
/// </summary>
public sealed unsafe class CopiesTogetherTests
{
    private const int Area = 8 << 20, Longest = 24 << 10, Tasks = 1 << 14;

    public enum Targets { Growing, Shrinking, Scattered, Anywhere }

    public static TheoryData<Targets, bool, int> Programs
    {
        get
        {
            var data = new TheoryData<Targets, bool, int>();
            foreach (Targets targets in Enum.GetValues<Targets>())
            {
                for (int seed = 1; seed <= 4; seed++)
                {
                    data.Add(targets, false, seed);
                    data.Add(targets, true, seed);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Programs))]
    public void ManyCopies_AnyTargets_EndLikeOneAfterAnother(Targets targets, bool isCaptured, int seed)
    {
        using var machine = new TestMachine(tasksPerStream: Tasks);
        var random = new Random(seed);
        nint stream = machine.Stream();
        byte* device = machine.Device(Area), host = machine.Pinned(Area);
        var expected = new byte[Area];
        var source = new Span<byte>(host, Area);
        random.NextBytes(source);
        machine.Write(device, expected);
        nint model = 0;
        Gate? gate = isCaptured ? null : machine.Hold(stream);
        if (isCaptured)
        {
            machine.Ok(machine.Api.aclmdlRICaptureBegin(stream, aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_RELAXED));
        }
        foreach ((int to, int bytes) in Places(targets, random))
        {
            bool isOnDevice = targets == Targets.Anywhere && random.Next(100) == 0;
            int from = random.Next(Area - bytes);
            if (isOnDevice && (from + bytes <= to || to + bytes <= from))
            {
                machine.Ok(machine.Api.aclrtMemcpyAsync(device + to, (nuint)bytes, device + from, (nuint)bytes, D2D, stream));
                expected.AsSpan(from, bytes).CopyTo(expected.AsSpan(to));
            }
            else
            {
                machine.Ok(machine.Api.aclrtMemcpyAsync(device + to, (nuint)bytes, host + from, (nuint)bytes, H2D, stream));
                source.Slice(from, bytes).CopyTo(expected.AsSpan(to));
            }
            if (random.Next(500) == 0)
            {
                machine.Ok(machine.Api.aclrtMemsetAsync(device + to, (nuint)bytes, seed, (nuint)bytes, stream));
                expected.AsSpan(to, bytes).Fill((byte)seed);
            }
        }
        if (isCaptured)
        {
            machine.Ok(machine.Api.aclmdlRICaptureEnd(stream, &model));
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        }
        gate?.Dispose();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        byte[] found = machine.Read(device, Area);
        int difference = expected.AsSpan().CommonPrefixLength(found);
        Assert.True(difference == Area, $"{targets}, captured {isCaptured}, seed {seed}: byte {difference} is {found[Math.Min(difference, Area - 1)]}");
    }

    /// <summary>Where the copies go: one after another, or several times to the same places in any order.</summary>
    private static List<(int To, int Bytes)> Places(Targets targets, Random random)
    {
        var places = new List<(int, int)>();
        for (int to = 0; to < Area - Longest;)
        {
            // Sizes about the limits of what is run together.
            int bytes = random.Next(8) == 0 ? random.Next(1, 2048) : random.Next(1024, Longest);
            places.Add((to, bytes));
            to += bytes + random.Next(3);
        }
        switch (targets)
        {
            case Targets.Shrinking:
                places.Reverse();
                break;
            case Targets.Scattered:
                random.Shuffle(CollectionsMarshal.AsSpan(places));
                break;
            case Targets.Anywhere:
                // Many in a small place: copies close to one another in the queue overwrite each other.
                places = [.. places.Select(place => (random.Next(1 << 20), place.Item2)), .. places];
                break;
        }
        return places;
    }

    /// <summary>Which copies of a queue change places: blocks of 4 KB, a letter each for where they go.</summary>
    [Theory]
    [InlineData("abcdef", 6, "one after another")]
    [InlineData("fedcba", 6, "backwards")]
    [InlineData("daebfc", 6, "anywhere, each once")]
    [InlineData("abcdbe", 4, "b again: its first copy has to come before")]
    [InlineData("caadbe", 2, "a twice")]
    [InlineData("abc1de", 3, "a flag of 8 bytes keeps its place")]
    [InlineData("abc!de", 3, "what is no copy ends the row")]
    [InlineData("abcHde", 3, "host memory is filled in order")]
    [InlineData("abcDef", 3, "from memory that was just written")]
    [InlineData("abcLde", 3, "a large copy is shared by itself")]
    [InlineData("abcVde", 3, "mapped memory may have other addresses too")]
    [InlineData("Sabcde", 0, "from mapped memory, which may be that of a target")]
    [InlineData("?abcde", 0, "a stream waits for a value that may be in one of the blocks")]
    [InlineData("Habcde", 0, "starts with a copy to the host")]
    public void CopiesThatMayChangePlaces(string queue, int expected, string because)
    {
        const int Block = 4096;
        const nuint Large = 2 << 20;
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream(), waiting = machine.Stream();
        byte* device = machine.Device(26 * Block), elsewhere = machine.Device(Large), host = machine.Pinned(Large);
        byte* mapped = Mapped(machine, Large);
        using Gate gate = machine.Hold(stream);
        gate.WaitUntilEntered();
        foreach (char letter in queue)
        {
            machine.Ok(letter switch
            {
                '1' => api.aclrtMemcpyAsync(elsewhere, 8, host, 8, H2D, stream),
                '!' => api.aclrtMemsetAsync(elsewhere, Block, 0, Block, stream),
                'H' => api.aclrtMemcpyAsync(host, Block, elsewhere, Block, D2H, stream),
                'D' => api.aclrtMemcpyAsync(device + 25 * Block, Block, device + Block, Block, D2D, stream),
                '?' => api.aclrtValueWait(device, 1, 0, waiting),
                'V' => api.aclrtMemcpyAsync(mapped, Block, host, Block, H2D, stream),
                'S' => api.aclrtMemcpyAsync(device + 25 * Block, Block, mapped, Block, D2D, stream),
                'L' => api.aclrtMemcpyAsync(elsewhere, Large, host, Large, H2D, stream),
                _ => api.aclrtMemcpyAsync(device + (letter - 'a') * Block, Block, host, Block, H2D, stream),
            });
        }
        Assert.True(HandleTable.TryGet(stream, out Stream? commands));
        Assert.True(SpinWait.SpinUntil(() => ValueWaits.Any == queue.Contains('?'), 30_000));
        int found = commands.GatherTogether(commands.Head + 1, commands.Tail).Count;
        Assert.True(found == expected, $"{queue} ({because}): {found} copies together, expected {expected}");
    }

    private static byte* Mapped(TestMachine machine, nuint bytes)
    {
        void* address;
        nint memory;
        var properties = new aclrtPhysicalMemProp { memAttr = aclrtMemAttr.ACL_HBM_MEM_HUGE, location = new aclrtMemLocation { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
        machine.Ok(machine.Api.aclrtMallocPhysical(&memory, bytes, &properties, 0));
        machine.Ok(machine.Api.aclrtReserveMemAddress(&address, bytes, 0, null, 0));
        machine.Ok(machine.Api.aclrtMapMem(address, bytes, 0, memory, 0));
        return (byte*)address;
    }

    [Theory, InlineData(Targets.Growing), InlineData(Targets.Scattered)]
    public void CopiesToDevice_WhileAThreadWaits_AreShared(Targets targets)
    {
        using var machine = new TestMachine(tasksPerStream: Tasks);
        nint stream = machine.Stream();
        byte* device = machine.Device(Area), host = machine.Pinned(Area);
        // Whether somebody is free at the right moment is a matter of luck: again until it was seen. The watchdog ends the test.
        for (bool wasShared = false; !wasShared;)
        {
            using (machine.Hold(stream))
            {
                foreach ((int to, int bytes) in Places(targets, new Random(1)))
                {
                    machine.Ok(machine.Api.aclrtMemcpyAsync(device + to, (nuint)bytes, host + to, (nuint)bytes, H2D, stream));
                }
            }
            Assert.True(HandleTable.TryGet(stream, out Stream? queue));
            var waiter = new Thread(() => queue!.WaitForAll(-1));
            waiter.Start();
            while (!queue!.IsIdle)
            {
                wasShared |= SharedWork.AnyOpen;
            }
            waiter.Join();
        }
    }

    [Fact]
    public void CopiesToHost_WatchedByTheProgram_ArriveInOrder()
    {
        const int Block = 4096, Blocks = Area / Block;
        using var machine = new TestMachine(tasksPerStream: Tasks);
        nint stream = machine.Stream();
        byte* device = machine.Device(Area), host = machine.Pinned(Area);
        for (int round = 1; round <= 20; round++)
        {
            var value = (byte)round;
            machine.Ok(machine.Api.aclrtMemset(device, Area, value, Area));
            using (machine.Hold(stream))
            {
                for (int block = 0; block < Blocks; block++)
                {
                    machine.Ok(machine.Api.aclrtMemcpyAsync(host + block * Block, Block, device + block * Block, Block, D2H, stream));
                }
            }
            Assert.True(HandleTable.TryGet(stream, out Stream? queue));
            var waiter = new Thread(() => queue!.WaitForAll(-1));
            waiter.Start();
            for (int arrived = 0; arrived < Blocks;)
            {
                // The furthest block that has begun: all before it are complete.
                int begun = arrived;
                while (begun + 1 < Blocks && Volatile.Read(ref host[(begun + 1) * Block]) == value)
                {
                    begun++;
                }
                for (int next = Math.Min(begun + 200, Blocks - 1); next > begun; next--)
                {
                    if (Volatile.Read(ref host[next * Block]) == value)
                    {
                        begun = next;
                        break;
                    }
                }
                for (int block = arrived; block < begun; block++)
                {
                    Assert.True(Volatile.Read(ref host[block * Block + Block - 1]) == value, $"round {round}: block {begun} has begun to arrive, block {block} is not complete");
                }
                arrived = begun == Blocks - 1 && Volatile.Read(ref host[Area - 1]) == value ? Blocks : begun;
            }
            waiter.Join();
        }
    }

    [Fact]
    public void Flag_BehindLargeCopies_ArrivesAfterThem()
    {
        const int Block = 16 << 10, Blocks = 256;
        using var machine = new TestMachine(tasksPerStream: Tasks);
        nint sender = machine.Stream(), receiver = machine.Stream();
        byte* device = machine.Device(Blocks * Block), copy = machine.Device(Blocks * Block), host = machine.Pinned(Blocks * Block), back = machine.Pinned(Blocks * Block);
        byte* flag = machine.Device(8);
        var one = (ulong*)machine.Pinned(8);
        machine.Ok(machine.Api.aclrtMemset(flag, 8, 0, 8));
        for (int round = 1; round <= 50; round++)
        {
            new Span<byte>(host, Blocks * Block).Fill((byte)round);
            *one = (ulong)round;
            machine.Ok(machine.Api.aclrtValueWait(flag, (ulong)round, 0, receiver));
            machine.Ok(machine.Api.aclrtMemcpyAsync(copy, Blocks * Block, device, Blocks * Block, D2D, receiver));
            machine.Ok(machine.Api.aclrtMemcpyAsync(back, Blocks * Block, copy, Blocks * Block, D2H, receiver));
            for (int block = 0; block < Blocks; block++)
            {
                machine.Ok(machine.Api.aclrtMemcpyAsync(device + block * Block, Block, host + block * Block, Block, H2D, sender));
            }
            machine.Ok(machine.Api.aclrtMemcpyAsync(flag, 8, one, 8, H2D, sender));
            machine.Ok(machine.Api.aclrtSynchronizeStream(receiver));
            Assert.True(new Span<byte>(back, Blocks * Block).IndexOfAnyExcept((byte)round) < 0, $"round {round}: the flag came before the blocks");
            machine.Ok(machine.Api.aclrtSynchronizeStream(sender));
        }
    }
}
