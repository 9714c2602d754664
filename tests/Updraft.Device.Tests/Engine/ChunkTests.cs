namespace Updraft.Device.Tests;

/// <summary>The table that lookups read instead of the records: every slot size, every slot, both ends.</summary>
public sealed unsafe class ChunkTests
{
    [Fact]
    public void Covers_EverySlotOfEverySize_ExactlyItsBytes()
    {
        const int granule = 1 << Chunk.GranuleShift, granules = (int)AddressSpace.ChunkBytes / granule;
        nuint start = 7 << 21;
        var states = new uint[granules + 1];
        fixed (uint* words = states)
        {
            for (int size = 1; size <= granules / 2; size++)
            {
                nuint slotBytes = (nuint)(size * granule), bytes = slotBytes - 32;
                var record = new Allocation { State = AllocationState.Live, PageBytes = 4096, Bytes = bytes, Requested = bytes - 31 };
                uint live = Chunk.StateOf(&record);
                int slots = granules / size;
                Array.Clear(states);
                var chunk = new Chunk();
                chunk.Define(words, slotBytes);
                // Every second one lives: a slot that is taken for its neighbour shows.
                for (int slot = 0; slot < slots; slot += 2)
                {
                    states[slot] = live;
                }
                for (int slot = 0; slot <= slots; slot++)
                {
                    nuint offset = (nuint)slot * slotBytes;
                    if (offset >= AddressSpace.ChunkBytes)
                    {
                        break;
                    }
                    bool isLive = slot < slots && slot % 2 == 0;
                    nuint last = Math.Min(offset + slotBytes, AddressSpace.ChunkBytes) - 1;
                    Assert.Equal(isLive, Chunk.IsLive(&chunk, offset));
                    Assert.Equal(isLive, Chunk.IsLive(&chunk, last));
                    Assert.Equal(4096u, Chunk.PageBytes(&chunk, last));
                    Assert.Equal(isLive, Chunk.TryFind(&chunk, offset + 5, start + offset + 5, out nuint found, out nuint requested));
                    Assert.True(!isLive || found == start + offset && requested == bytes - 31);
                    Assert.False(Chunk.TryFind(&chunk, last, start + last, out _, out _));
                    Assert.Equal(isLive, Chunk.Covers(&chunk, offset, start + offset, bytes));
                    Assert.False(Chunk.Covers(&chunk, offset, start + offset, bytes + 1));
                    Assert.False(Chunk.Covers(&chunk, offset, start + offset, nuint.MaxValue));
                    Assert.False(Chunk.Covers(&chunk, last, start + last, 1));
                    if (slot < slots)
                    {
                        Assert.Equal(isLive, Chunk.Covers(&chunk, offset + bytes - 1, start + offset + bytes - 1, 1));
                    }
                }
            }
        }
    }

    [Fact]
    public void TryFind_MoreExcessThanTheWordHolds_LeavesItToTheRecord()
    {
        var record = new Allocation { State = AllocationState.Live, PageBytes = 4096, Bytes = 1 << 20, Requested = 1 };
        uint* states = stackalloc uint[] { Chunk.StateOf(&record), 0, 0 };
        var chunk = new Chunk();
        chunk.Define(states, 1 << 20);
        Assert.True(Chunk.Covers(&chunk, 0, 0, 1 << 20));
        Assert.False(Chunk.Covers(&chunk, 0, 0, (1 << 20) + 1));
        Assert.False(Chunk.TryFind(&chunk, 9, 9, out _, out _));
        record.Requested = (1 << 20) - 65534;
        states[0] = Chunk.StateOf(&record);
        Assert.True(Chunk.TryFind(&chunk, 9, 9, out nuint start, out nuint requested));
        Assert.True(start == 0 && requested == record.Requested);
        record.State = AllocationState.Freed;
        Assert.Equal(0u, Chunk.StateOf(&record));
    }

    [Fact]
    public void Covers_AChunkOfOneAllocation_AsksItsRecord()
    {
        var record = new Allocation { State = AllocationState.Live, Address = 4 << 20, PageBytes = 2 << 20, Bytes = 3 << 20, Requested = 2 << 20 };
        Chunk* chunks = stackalloc Chunk[4];
        new Span<Chunk>(chunks, 4).Clear();
        chunks[2].Define(&record);
        chunks[3].Define(&record);
        Assert.True(Chunk.Covers(chunks, 4 << 20, 4 << 20, 3 << 20));
        Assert.True(Chunk.Covers(chunks, (7 << 20) - 1, (7 << 20) - 1, 1));
        Assert.False(Chunk.Covers(chunks, 4 << 20, 4 << 20, (3 << 20) + 1));
        Assert.False(Chunk.Covers(chunks, 7 << 20, 7 << 20, 1));
        Assert.False(Chunk.Covers(chunks, 1 << 20, 1 << 20, 1));
        Assert.True(Chunk.TryFind(chunks, 6 << 20, 6 << 20, out nuint start, out nuint requested));
        Assert.Equal(((nuint)4 << 20, (nuint)2 << 20), (start, requested));
        Assert.False(Chunk.TryFind(chunks, 1 << 20, 1 << 20, out _, out _));
        record.State = AllocationState.Freed;
        Assert.False(Chunk.Covers(chunks, 4 << 20, 4 << 20, 1));
        Assert.Equal(2u << 20, Chunk.PageBytes(chunks, 5 << 20));
        Assert.False(Chunk.TryFind(chunks, 4 << 20, 4 << 20, out _, out _));
        Assert.Equal(4096u, Chunk.PageBytes(chunks, 0));
    }

    [Fact]
    public void SlotBytesFor_EverySize_IsTheSmallestThatFits()
    {
        using var machine = new TestMachine();
        Arena arena = Machine.Devices[0].Memory;
        nuint below = 0;
        for (nuint bytes = 1; bytes <= 1 << 20; bytes++)
        {
            nuint slot = arena.SlotBytesFor(bytes);
            Assert.True(slot >= bytes && (slot == below || bytes == below + 1), $"{bytes} bytes get a slot of {slot}, {bytes - 1} one of {below}");
            below = slot;
        }
        Assert.Equal((nuint)1 << 20, below);
    }
}
