namespace Updraft.Device.Tests;

/// <summary>
/// A random program over reservations, physical memory, mappings and rights beside a model of lists. Each piece of physical memory keeps a
/// byte per chunk in the model; whatever is mapped must show it, through every mapping of it. The seed is in the name of the case.
/// </summary>
public sealed unsafe class MemoryVirtualModelTests
{
    private const nuint Chunk = 2 << 20, Capacity = 64 * Chunk;
    private const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE;

    private sealed class Reservation(nuint start, int chunks)
    {
        internal readonly nuint Start = start;
        internal readonly Mapping?[] Chunks = new Mapping?[chunks];
        internal nuint End => Start + (nuint)Chunks.Length * Chunk;
    }

    private sealed class Memory(nint handle, int chunks, int device)
    {
        internal readonly nint Handle = handle;
        internal readonly int Device = device; // -1: the host
        internal readonly byte[] Marks = new byte[chunks];
        internal int Handles = 1, Mappings;
        internal bool IsAlive => Handles + Mappings > 0;
        internal nuint Bytes => (nuint)Marks.Length * Chunk;
    }

    private sealed class Mapping(Memory memory, Reservation where, int first, bool isFree)
    {
        internal readonly Memory Memory = memory;
        internal readonly Reservation Where = where;
        internal readonly int First = first;
        internal int? Granted; // to device 0

        /// <summary>What device 0, which runs the program, may do there.</summary>
        internal int Rights => Granted ?? (isFree ? 3 : 0);
        internal nuint Start => Where.Start + (nuint)First * Chunk;
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public void RandomProgram_AgreesWithTheModel(int seed)
    {
        using var machine = new TestMachine(deviceMemory: "128M");
        AclApi api = machine.Api;
        var random = new Random(seed);
        List<Reservation> reservations = [];
        List<Memory> memories = [];
        List<Mapping> mappings = [];
        List<nint> stale = [];
        byte mark = 0;
        byte* host = machine.Pinned(1);
        nint stream = machine.Stream();
        T? Any<T>(List<T> list) where T : class => list.Count == 0 ? null : list[random.Next(list.Count)];
        void Drop(Memory memory)
        {
            if (!memory.IsAlive)
            {
                memories.Remove(memory);
            }
            if (memory.Handles == 0)
            {
                stale.Add(memory.Handle);
            }
        }
        for (int step = 0; step < 3000; step++)
        {
            switch (random.Next(10))
            {
                case 0 when reservations.Count < 12:
                    void* address;
                    int size = random.Next(1, 12);
                    machine.Ok(api.aclrtReserveMemAddress(&address, (nuint)size * Chunk, 0, null, 0));
                    var reserved = new Reservation((nuint)address, size);
                    Assert.DoesNotContain(reservations, other => reserved.Start < other.End && other.Start < reserved.End);
                    reservations.Add(reserved);
                    break;
                case 1 when Any(reservations) is { } some:
                    bool isEmpty = Array.TrueForAll(some.Chunks, chunk => chunk == null);
                    if (random.Next(4) == 0 || !isEmpty)
                    {
                        machine.Returns(isEmpty ? 0 : 107000, api.aclrtReleaseMemAddress((void*)some.Start));
                        if (isEmpty)
                        {
                            machine.Returns(107000, api.aclrtReleaseMemAddress((void*)some.Start));
                            reservations.Remove(some);
                        }
                    }
                    break;
                case 2:
                    int device = random.Next(5) == 0 ? -1 : random.Next(2), chunks = random.Next(1, 6);
                    aclrtPhysicalMemProp properties = new() { memAttr = aclrtMemAttr.ACL_HBM_MEM_HUGE, location = new() { type = device < 0 ? aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST : aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, id = (uint)Math.Max(device, 0) } };
                    nint handle;
                    int expected = device >= 0 && Used(memories, device) + (nuint)chunks * Chunk > Capacity ? 207001 : 0;
                    machine.Returns(expected, api.aclrtMallocPhysical(&handle, (nuint)chunks * Chunk, &properties, 0));
                    if (expected == 0)
                    {
                        stale.Remove(handle); // a handle may come back after a while
                        memories.Add(new Memory(handle, chunks, device));
                    }
                    break;
                case 3 when Any(memories) is { } memory:
                    machine.Returns(memory.Handles > 0 ? 0 : 107017, api.aclrtFreePhysical(memory.Handle));
                    if (memory.Handles > 0)
                    {
                        memory.Handles--;
                        Drop(memory);
                    }
                    break;
                case 4 or 5 when Any(reservations) is { } where && Any(memories) is { } memory:
                    int first = random.Next(where.Chunks.Length);
                    bool isFree = random.Next(3) > 0, fits = first + memory.Marks.Length <= where.Chunks.Length && where.Chunks.Skip(first).Take(memory.Marks.Length).All(chunk => chunk == null);
                    void* start = (void*)(where.Start + (nuint)first * Chunk);
                    int code = memory.Handles == 0 ? 107017 : fits ? 0 : 107000;
                    machine.Returns(code, isFree ? api.aclrtMapMem(start, memory.Bytes, 0, memory.Handle, 0) : api.aclrtMemMapNoAccess(start, memory.Bytes, 0, memory.Handle, 0));
                    if (code == 0)
                    {
                        var mapping = new Mapping(memory, where, first, isFree);
                        Array.Fill(where.Chunks, mapping, first, memory.Marks.Length);
                        mappings.Add(mapping);
                        memory.Mappings++;
                    }
                    break;
                case 6 when Any(mappings) is { } gone:
                    machine.Returns(107000, api.aclrtUnmapMem((void*)(gone.Start + 1)));
                    machine.Ok(api.aclrtUnmapMem((void*)gone.Start));
                    Array.Clear(gone.Where.Chunks, gone.First, gone.Memory.Marks.Length);
                    mappings.Remove(gone);
                    gone.Memory.Mappings--;
                    Drop(gone.Memory);
                    machine.Returns(107017, api.aclrtMemset((void*)gone.Start, 1, 0, 1));
                    break;
                case 7 when Any(mappings) is { } kept:
                    nint retained;
                    machine.Ok(api.aclrtMemRetainAllocationHandle((void*)(kept.Start + (nuint)random.Next((int)Chunk)), &retained));
                    if (kept.Memory.Handles > 0)
                    {
                        Assert.Equal(kept.Memory.Handle, retained);
                        kept.Memory.Handles++;
                    }
                    else
                    {
                        machine.Ok(api.aclrtFreePhysical(retained));
                    }
                    break;
                case 8 when Any(mappings) is { } granted:
                    int flags = random.Next(3) switch { 0 => 0, 1 => 1, _ => 3 };
                    aclrtMemAccessDesc grant = new() { flags = (aclrtMemAccessFlags)flags, location = new() { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
                    machine.Returns(granted.Granted is { } before && before != flags ? 507899 : 0, api.aclrtMemSetAccess((void*)granted.Start, granted.Memory.Bytes, &grant, 1));
                    granted.Granted ??= flags;
                    break;
                case 9 when Any(mappings) is { } target:
                    int chunkIndex = random.Next(target.Memory.Marks.Length);
                    void* place = (void*)(target.Start + (nuint)chunkIndex * Chunk + Chunk - 1);
                    *host = ++mark;
                    if (random.Next(2) == 0)
                    {
                        machine.Returns(target.Rights == 3 ? 0 : 107017, api.aclrtMemcpy(place, 1, host, 1, H2D));
                    }
                    else if (target.Memory.Device >= 0)
                    {
                        machine.Ok(api.aclrtMemcpyAsync(place, 1, host, 1, H2D, stream));
                        machine.Returns(target.Rights == 3 ? 0 : 507013, api.aclrtSynchronizeStream(stream));
                    }
                    else
                    {
                        break;
                    }
                    target.Memory.Marks[chunkIndex] = target.Rights == 3 ? mark : target.Memory.Marks[chunkIndex];
                    break;
            }
            CheckInvariants(machine, memories, mappings, stale, random);
        }
    }

    private static nuint Used(List<Memory> memories, int device) => (nuint)memories.Where(memory => memory.Device == device).Sum(memory => (long)memory.Bytes);

    private static void CheckInvariants(TestMachine machine, List<Memory> memories, List<Mapping> mappings, List<nint> stale, Random random)
    {
        nuint free, total;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal((Capacity - Used(memories, 0), Capacity), (free, total));
        if (mappings.Count > 0)
        {
            Mapping some = mappings[random.Next(mappings.Count)];
            int chunk = random.Next(some.Memory.Marks.Length);
            byte* place = (byte*)some.Start + (nuint)chunk * Chunk + Chunk - 1;
            byte value;
            machine.Returns(some.Rights == 0 ? 107017 : 0, machine.Api.aclrtMemcpy(&value, 1, place, 1, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST));
            if (some.Rights != 0)
            {
                Assert.Equal(some.Memory.Marks[chunk], value);
            }
            void* start;
            nuint size;
            machine.Ok(machine.Api.aclrtMemGetAddressRange(place, &start, &size));
            Assert.Equal((some.Start, some.Memory.Bytes), ((nuint)start, size));
        }
        if (stale.Count > 0 && random.Next(8) == 0)
        {
            machine.Returns(107017, machine.Api.aclrtFreePhysical(stale[random.Next(stale.Count)]));
        }
    }
}
