using System.Runtime.InteropServices;

namespace Updraft.Device.Tests;

/// <summary>A random program of allocations, releases and mistakes beside a model that is a list. The seed is in the name of the case.</summary>
public sealed unsafe class MemoryModelTests
{
    private sealed record Live(nuint Address, nuint Size, nuint Touchable, nuint Charged, byte Mark);

    private const nuint Capacity = 256 << 20;

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void RandomProgram_AgreesWithTheModel(int seed)
    {
        using var machine = new TestMachine(deviceMemory: "256M");
        var random = new Random(seed);
        var live = new List<Live>();
        var freed = new List<nuint>();
        nuint used = 0;
        byte mark = 0;
        for (int step = 0; step < 4000; step++)
        {
            int choice = random.Next(100);
            if (choice < 50)
            {
                nuint size = (nuint)(random.Next(8) switch { 0 => random.Next(1, 64), < 5 => random.Next(1, 65536), < 7 => random.Next(1, 2 << 20), _ => random.Next(1, 64 << 20) });
                int policy = random.Next(3);
                nuint touchable = ((size + 31) & ~(nuint)31) + 32;
                nuint page = policy == 1 || policy == 0 && touchable > 1 << 20 ? 2u << 20 : 4096u;
                nuint charged = (touchable + page - 1) / page * page;
                void* pointer;
                int expected = used + charged > Capacity ? 207001 : 0;
                machine.Returns(expected, machine.Api.aclrtMalloc(&pointer, size, (aclrtMemMallocPolicy)policy));
                if (expected == 0)
                {
                    var taken = new Live((nuint)pointer, size, touchable, charged, ++mark);
                    Assert.DoesNotContain(live, other => taken.Address < other.Address + other.Touchable && other.Address < taken.Address + touchable);
                    live.Add(taken);
                    used += charged;
                    machine.Ok(machine.Api.aclrtMemset(pointer, 1, mark, 1));
                    machine.Ok(machine.Api.aclrtMemset((byte*)pointer + touchable - 1, 1, mark, 1));
                }
            }
            else if (choice < 90 && live.Count > 0)
            {
                int index = random.Next(live.Count);
                Live gone = live[index];
                machine.Returns(107000, machine.Api.aclrtFree((void*)(gone.Address + 1 + (nuint)random.Next((int)gone.Touchable - 1))));
                byte[] ends = [.. machine.Read((void*)gone.Address, 1), .. machine.Read((void*)(gone.Address + gone.Touchable - 1), 1)];
                Assert.Equal([gone.Mark, gone.Mark], ends);
                machine.Ok(machine.Api.aclrtFree((void*)gone.Address));
                live.RemoveAt(index);
                freed.Add(gone.Address);
                used -= gone.Charged;
            }
            else if (choice < 95 && freed.Count > 0)
            {
                nuint stale = freed[random.Next(freed.Count)];
                if (!live.Exists(other => stale >= other.Address && stale < other.Address + other.Touchable))
                {
                    machine.Returns(107000, machine.Api.aclrtFree((void*)stale));
                    machine.Returns(107017, machine.Api.aclrtMemset((void*)stale, 1, 0, 1));
                }
            }
            else if (live.Count > 0)
            {
                Live some = live[random.Next(live.Count)];
                machine.Returns(107017, machine.Api.aclrtMemset((void*)(some.Address + 1), some.Touchable, 0, some.Touchable));
                void* start;
                nuint size;
                machine.Ok(machine.Api.aclrtMemGetAddressRange((void*)(some.Address + (nuint)random.Next((int)some.Touchable)), &start, &size));
                Assert.Equal((some.Address, some.Size), ((nuint)start, size));
            }
            nuint free, total;
            machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
            Assert.Equal((Capacity - used, Capacity), (free, total));
        }
    }

    [Fact]
    public void ManyThreads_NeverTakeMoreThanThereIs_AndGiveAllBack()
    {
        using var machine = new TestMachine(deviceMemory: "64M");
        string? failure = null;
        var threads = Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            var random = new Random(number);
            _ = machine.Api.aclrtSetDevice(0);
            var mine = new List<nint>();
            for (int step = 0; step < 3000 && failure == null; step++)
            {
                if (random.Next(2) == 0)
                {
                    void* pointer;
                    int code = machine.Api.aclrtMalloc(&pointer, (nuint)random.Next(1, 6 << 20), 0);
                    if (code == 0)
                    {
                        mine.Add((nint)pointer);
                    }
                    else if (code != 207001)
                    {
                        failure = $"aclrtMalloc returned {code}";
                    }
                }
                else if (mine.Count > 0)
                {
                    int index = random.Next(mine.Count);
                    failure = machine.Api.aclrtFree((void*)mine[index]) == 0 ? failure : "a live pointer was not freed";
                    mine.RemoveAt(index);
                }
                nuint free, total;
                _ = machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total);
                failure = free <= total ? failure : "more is free than there is";
            }
            foreach (nint left in mine)
            {
                _ = machine.Api.aclrtFree((void*)left);
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Null(failure);
        nuint free, total;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(total, free);
    }

    // Issue 6: at most 100 bytes each with a million alive; the record and the share of its chunk's tables.
    [Fact]
    public void Bookkeeping_StaysSmall() => Assert.True(Marshal.SizeOf<Allocation>() + 8 <= 100);
}
