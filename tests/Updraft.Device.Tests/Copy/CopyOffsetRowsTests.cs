using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Sections 5 and 6 of the facts: addresses that are read from device memory when the task runs.</summary>
public sealed unsafe class CopyOffsetRowsTests
{
    private const string Offsets = "910b 910c 950 910", NoOffsets = "310b 310p", EarlyCells = "910b 910c 910";
    private const string Descriptors = "910b 910c 950 310b", NoDescriptors = "310p 910", FirstDescriptors = "910b 910c 310b";

    // --- Section 5 -----------------------------------------------------------------------------------------------------------------

    private static int Offset(CopyBench bench, void* dst, nuint destMax, nuint dstOffset, void* src, nuint count, nuint srcOffset, aclrtMemcpyKind kind = Inner, nint stream = -1) =>
        bench.Api.aclrtMemcpyAsyncWithOffset((void**)dst, destMax, dstOffset, (void**)src, count, srcOffset, kind, stream == -1 ? bench.Stream : stream);

    /// <summary>A cell in device memory that holds an address.</summary>
    private static byte* Cell(CopyBench bench, void* address)
    {
        byte* cell = bench.Machine.Device(8);
        bench.Machine.Write(cell, BitConverter.GetBytes((ulong)address));
        return cell;
    }

    private static readonly CopyRow[] s_offset =
    [
        new("memcpy.md 5 row 1: count 0", CopyRow.All, bench => bench.Ok(Offset(bench, null, 0, 0, null, 0, 0, H2D, bench.Destroyed))),
        new("memcpy.md 5 row 2: kind 3", CopyRow.All, bench => bench.Fails(107000, Offset(bench, null, 0, 0, null, 8, 0, D2D, bench.Destroyed))),
        new("memcpy.md 5 row 3: chip", NoOffsets, bench => bench.Fails(207000, Offset(bench, null, 0, 0, null, 8, 0, Inner, bench.Destroyed), stored: false)),
        new("memcpy.md 5 row 4: destroyed stream", Offsets, bench => bench.Fails(107017, Offset(bench, null, 0, 0, null, 8, 0, Inner, bench.Destroyed))),
        new("memcpy.md 5 row 5: dst NULL", Offsets, bench => bench.FailsWithoutContext(107000, () => Offset(bench, null, 8, 0, bench.Dev, 8, 0))),
        new("memcpy.md 5 row 5: src NULL", Offsets, bench => bench.Fails(107000, Offset(bench, bench.Dev, 8, 0, null, 8, 0))),
        new("memcpy.md 5 row 5: count larger than destMax", Offsets, bench => bench.Fails(107000, Offset(bench, bench.Dev, 7, 0, bench.Dev2, 8, 0))),
        new("memcpy.md 5 row 5: more than 4 GiB", Offsets, bench => bench.Fails(107000, Offset(bench, bench.Dev, nuint.MaxValue, 0, bench.Dev2, ((nuint)1 << 32) + 1, 0))),
        new("memcpy.md 5 row 6: srcOffset of 49 bits", Offsets, bench => bench.Fails(107000, Offset(bench, bench.Dev, 8, 0, bench.Dev2, 8, (nuint)1 << 48))),
        new("memcpy.md 5 row 6: dstOffset of 49 bits", Offsets, bench => bench.Fails(107000, Offset(bench, bench.Dev, nuint.MaxValue, (nuint)1 << 48, bench.Dev2, 8, 0))),
        new("memcpy.md 5 row 6: dstOffset not below destMax", Offsets, bench => bench.Fails(107000, Offset(bench, bench.Dev, 8, 8, bench.Dev2, 8, 0))),
        new("memcpy.md 5 row 6: count does not fit behind dstOffset", Offsets, bench => bench.Fails(107000, Offset(bench, bench.Dev, 15, 8, bench.Dev2, 8, 0))),
        new("memcpy.md 5 row 7: no context", Offsets, bench => bench.FailsWithoutContext(107002, () => Offset(bench, bench.Dev, 8, 0, bench.Dev2, 8, 0))),
        new("memcpy.md 5 row 9: stream of another context", Offsets, bench => bench.Fails(107003, Offset(bench, bench.Page, 8, 0, bench.Page2, 8, 0, Inner, bench.Foreign))),
        new("memcpy.md 5 row 11: destination cell in host memory", EarlyCells, bench => bench.Fails(107017, Offset(bench, bench.Page, 8, 0, bench.Dev2, 8, 0))),
        new("memcpy.md 5 row 11: source cell freed", EarlyCells, bench => bench.Fails(107017, Offset(bench, bench.Dev, 8, 0, bench.FreedDevice(), 8, 0))),
        new("memcpy.md 5 row 11: on 950 a bad cell faults later", "950", bench => bench.Faults(Offset(bench, bench.Dev, 8, 0, bench.FreedDevice(), 8, 0))),
        new("memcpy.md 5: copies between what the cells point to", Offsets, bench =>
            bench.Copies(Offset(bench, Cell(bench, bench.Dev - 64), 256, 128, Cell(bench, bench.Dev2), 64, 32), bench.Dev + 64, bench.Dev2 + 32, 64)),
        new("memcpy.md 5: one cell for both sides is no special case", Offsets, bench =>
        {
            byte* cell = Cell(bench, bench.Dev);
            bench.Ok(Offset(bench, cell, 256, 128, cell, 64, 0));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(bench.Original(bench.Dev)[..64], bench.Dev + 128);
        }),
        new("memcpy.md 5: the cells are read when the task runs", Offsets, bench =>
        {
            byte* to = Cell(bench, bench.Dev), from = Cell(bench, bench.FreedDevice());
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(Offset(bench, to, 64, 0, from, 64, 0));
            bench.Machine.Write(from, BitConverter.GetBytes((ulong)bench.Dev2));
            gate.Open();
            bench.Copies(0, bench.Dev, bench.Dev2, 64);
        }),
        new("memcpy.md 5: a cell that points to host memory faults", Offsets, bench => bench.Faults(Offset(bench, Cell(bench, bench.Dev), 64, 0, Cell(bench, bench.Pin), 64, 0))),
        new("memcpy.md 5: a range that leaves its allocation faults", Offsets, bench => bench.Faults(Offset(bench, Cell(bench, bench.Dev), 128, 64, Cell(bench, bench.Dev2), 64, Size - 16))),
        new("memcpy.md 5: an address that wraps around faults", Offsets, bench => bench.Faults(Offset(bench, Cell(bench, (void*)nuint.MaxValue), 128, 64, Cell(bench, bench.Dev2), 64, 0))),
    ];

    public static TheoryData<string, string> OffsetRows => CopyRow.Data(s_offset);

    [Theory, MemberData(nameof(OffsetRows))]
    public void MemcpyAsyncWithOffset_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_offset, row, chip);

    // --- Section 6 -----------------------------------------------------------------------------------------------------------------

    private static int Bytes(CopyBench bench) => bench.Chip == "950" ? 64 : 32;

    /// <summary>Device memory for a descriptor, aligned to 64 bytes, filled with rubbish.</summary>
    private static byte* Descriptor(CopyBench bench)
    {
        byte* memory = bench.Machine.Device(128);
        bench.Machine.Write(memory, Enumerable.Repeat((byte)0xee, 128).ToArray());
        Assert.Equal(0u, (nuint)memory & 63);
        return memory;
    }

    private static byte* Described(CopyBench bench, void* dst, void* src, nuint count)
    {
        byte* descriptor = Descriptor(bench);
        bench.Ok(bench.Api.aclrtSetMemcpyDesc(descriptor, Inner, src, dst, count, null));
        return descriptor;
    }

    private static int Set(CopyBench bench, void* desc, void* src, void* dst, nuint count, aclrtMemcpyKind kind = Inner, void* config = null) =>
        bench.Api.aclrtSetMemcpyDesc(desc, kind, src, dst, count, config);

    private static readonly CopyRow[] s_descriptor =
    [
        new("memcpy.md 6.1: descSize NULL", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtGetMemcpyDescSize((aclrtMemcpyKind)8, null))),
        new("memcpy.md 6.1: kind 8", CopyRow.All, bench => { nuint size; bench.Fails(100000, bench.Api.aclrtGetMemcpyDescSize((aclrtMemcpyKind)8, &size)); }),
        new("memcpy.md 6.1: kind -1", CopyRow.All, bench => { nuint size; bench.Fails(100000, bench.Api.aclrtGetMemcpyDescSize((aclrtMemcpyKind)(-1), &size)); }),
        new("memcpy.md 6.1: chip", NoDescriptors, bench => { nuint size; bench.Fails(207000, bench.Api.aclrtGetMemcpyDescSize(Inner, &size), stored: false); }),
        new("memcpy.md 6.1: kind 3", Descriptors, bench => { nuint size; bench.Fails(207000, bench.Api.aclrtGetMemcpyDescSize(D2D, &size), stored: false); }),
        new("memcpy.md 6.1: size", Descriptors, bench =>
        {
            nuint size;
            bench.Ok(bench.Api.aclrtGetMemcpyDescSize(Inner, &size));
            Assert.Equal((nuint)Bytes(bench), size);
        }),

        new("memcpy.md 6.2: desc NULL", CopyRow.All, bench => bench.Fails(100000, Set(bench, null, bench.Dev, bench.Dev2, 8, (aclrtMemcpyKind)8))),
        new("memcpy.md 6.2: kind 8", CopyRow.All, bench => bench.Fails(100000, Set(bench, bench.Dev, null, bench.Dev2, 8, (aclrtMemcpyKind)8))),
        new("memcpy.md 6.2: srcAddr NULL", CopyRow.All, bench => bench.Fails(100000, Set(bench, bench.Dev, null, bench.Dev2, 8))),
        new("memcpy.md 6.2: dstAddr NULL", CopyRow.All, bench => bench.Fails(100000, Set(bench, bench.Dev, bench.Dev2, null, 8))),
        new("memcpy.md 6.2: count 0", CopyRow.All, bench => bench.Fails(100000, Set(bench, bench.Dev, bench.Dev2, bench.Dev2, 0))),
        new("memcpy.md 6.2: config", CopyRow.All, bench => bench.Fails(100000, Set(bench, bench.Dev, bench.Dev2, bench.Dev2, 8, Inner, bench.Pin))),
        new("memcpy.md 6.2: chip", NoDescriptors, bench => bench.Fails(207000, Set(bench, bench.Dev, bench.Dev2, bench.Dev2, 8, D2D), stored: false)),
        new("memcpy.md 6.2: kind 3", Descriptors, bench => bench.Fails(207000, Set(bench, bench.Dev + 1, bench.Dev2, bench.Dev2, 8, D2D), stored: false)),
        new("memcpy.md 6.2: more than 4 GiB", Descriptors, bench => bench.Fails(107000, Set(bench, bench.Dev + 1, bench.Dev2, bench.Dev2, ((nuint)1 << 32) + 1))),
        new("memcpy.md 6.2: not aligned", Descriptors, bench => bench.Fails(107000, Set(bench, bench.Dev + 32, bench.Dev2, bench.Dev2, 8))),
        new("memcpy.md 6.2: descriptor in host memory", Descriptors, bench => bench.Fails(107000, Set(bench, bench.Pin, bench.Dev, bench.Dev2, 8))),
        new("memcpy.md 6.2: source in host memory", Descriptors, bench => bench.Fails(107000, Set(bench, bench.Dev, bench.Pin, bench.Dev2, 8))),
        new("memcpy.md 6.2: on two devices", Descriptors, bench => bench.Fails(107000, Set(bench, bench.Dev, bench.Other, bench.Dev2, 8))),
        new("memcpy.md 6.2: no context", Descriptors, bench => bench.FailsWithoutContext(107002, () => Set(bench, bench.Dev, bench.Dev2, bench.Dev2, 8))),
        new("memcpy.md 6.2: freed descriptor", Descriptors, bench => bench.Fails(107017, Set(bench, bench.FreedDevice(), bench.Dev, bench.Dev2, 8))),
        new("memcpy.md 6.2: layout, written at once and nothing behind it", Descriptors, bench =>
        {
            using Gate gate = bench.Machine.Hold(bench.Stream);
            byte[] found = bench.Machine.Read(Described(bench, bench.Dev, bench.Dev2, 0x1234), 128);
            (int source, int destination, int length) = bench.Chip == "950" ? (32, 40, 48) : (16, 24, 12);
            Assert.Equal((ulong)bench.Dev2, BitConverter.ToUInt64(found, source));
            Assert.Equal((ulong)bench.Dev, BitConverter.ToUInt64(found, destination));
            Assert.Equal(0x1234u, BitConverter.ToUInt32(found, length));
            Assert.All(found[Bytes(bench)..], value => Assert.Equal(0xee, value));
        }),
        new("memcpy.md 6.2: exactly 4 GiB becomes 0, a copy of nothing (Q-14g)", Descriptors, bench =>
        {
            byte* descriptor = Described(bench, bench.Dev, bench.Dev2, (nuint)1 << 32);
            Assert.Equal(0u, BitConverter.ToUInt32(bench.Machine.Read(descriptor, 64), bench.Chip == "950" ? 48 : 12));
            bench.Ok(bench.Api.aclrtMemcpyAsyncWithDesc(descriptor, Inner, bench.Stream));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.NothingChanged();
        }),

        new("memcpy.md 6.3 row 1: desc NULL", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpyAsyncWithDesc(null, Inner, bench.Stream))),
        new("memcpy.md 6.3 row 1: kind 8", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Dev, (aclrtMemcpyKind)8, bench.Stream))),
        new("memcpy.md 6.3 row 1: stream NULL", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Dev, Inner, 0))),
        new("memcpy.md 6.3 row 2: chip", NoDescriptors, bench => bench.Fails(207000, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Dev, Inner, bench.Destroyed), stored: false)),
        new("memcpy.md 6.3 row 3: destroyed stream", Descriptors, bench => bench.Fails(107017, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Dev, D2D, bench.Destroyed))),
        new("memcpy.md 6.3 row 4: kind 3", Descriptors, bench => bench.Fails(207000, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Pin, D2D, bench.Stream), stored: false)),
        new("memcpy.md 6.3 row 5: descriptor in host memory", Descriptors, bench => bench.Fails(107000, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Pin, Inner, bench.Foreign))),
        new("memcpy.md 6.3 row 6: not aligned", Descriptors, bench => bench.Fails(107000, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Dev + 32, Inner, bench.Foreign))),
        new("memcpy.md 6.3 row 7: no context", Descriptors, bench => bench.FailsWithoutContext(107002, () => bench.Api.aclrtMemcpyAsyncWithDesc(bench.Dev, Inner, bench.Stream))),
        new("memcpy.md 6.3 row 7: stream of another context", Descriptors, bench => bench.Fails(107003, bench.Api.aclrtMemcpyAsyncWithDesc(bench.Dev, Inner, bench.Foreign))),
        new("memcpy.md 6.3: freed descriptor", FirstDescriptors, bench => bench.Fails(107017, bench.Api.aclrtMemcpyAsyncWithDesc(bench.FreedDevice(), Inner, bench.Stream))),
        new("memcpy.md 6.3: freed descriptor, which the call does not touch", "950", bench => bench.Faults(bench.Api.aclrtMemcpyAsyncWithDesc(bench.FreedDevice(), Inner, bench.Stream))),
        new("memcpy.md 6.3: copies", Descriptors, bench => bench.Copies(bench.Api.aclrtMemcpyAsyncWithDesc(Described(bench, bench.Dev, bench.Dev2, 64), Inner, bench.Stream), bench.Dev, bench.Dev2, 64)),
        new("memcpy.md 6.3: the launch overwrites the first 12 bytes, at once", FirstDescriptors, bench =>
        {
            byte* descriptor = Described(bench, bench.Dev, bench.Dev2, 64);
            bench.Machine.Write(descriptor, Enumerable.Repeat((byte)0xaa, 12).ToArray());
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(bench.Api.aclrtMemcpyAsyncWithDesc(descriptor, Inner, bench.Stream));
            Assert.DoesNotContain((byte)0xaa, bench.Machine.Read(descriptor, 12));
            bench.NothingChanged();
            gate.Open();
            bench.Copies(0, bench.Dev, bench.Dev2, 64);
        }),
        new("memcpy.md 6.3: the launch leaves the descriptor alone", "950", bench =>
        {
            byte* descriptor = Described(bench, bench.Dev, bench.Dev2, 64);
            bench.Machine.Write(descriptor, Enumerable.Repeat((byte)0xaa, 12).ToArray());
            bench.Copies(bench.Api.aclrtMemcpyAsyncWithDesc(descriptor, Inner, bench.Stream), bench.Dev, bench.Dev2, 64);
            Assert.All(bench.Machine.Read(descriptor, 12), value => Assert.Equal(0xaa, value));
        }),
        new("memcpy.md 6.3: read when the task runs, after a change by the host", Descriptors, bench =>
        {
            byte* descriptor = Described(bench, bench.Dev, bench.Dev + 512, 8);
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(bench.Api.aclrtMemcpyAsyncWithDesc(descriptor, Inner, bench.Stream));
            bench.Ok(Set(bench, descriptor, bench.Dev2, bench.Dev, 64));
            gate.Open();
            bench.Copies(0, bench.Dev, bench.Dev2, 64);
        }),
        new("memcpy.md 6.3: read when the task runs, after a change by an earlier task", Descriptors, bench =>
        {
            byte* descriptor = Described(bench, bench.Dev, bench.Dev + 512, 8), better = Described(bench, bench.Dev, bench.Dev2, 64);
            bench.Ok(bench.Api.aclrtMemcpyAsync(descriptor, 64, better, (nuint)Bytes(bench), D2D, bench.Stream));
            bench.Copies(bench.Api.aclrtMemcpyAsyncWithDesc(descriptor, Inner, bench.Stream), bench.Dev, bench.Dev2, 64);
        }),
        new("memcpy.md 6.3: rubbish in the descriptor faults", Descriptors, bench => bench.Faults(bench.Api.aclrtMemcpyAsyncWithDesc(Descriptor(bench), Inner, bench.Stream))),
        new("memcpy.md 6.3: host addresses in the descriptor fault", Descriptors, bench =>
        {
            byte* descriptor = Described(bench, bench.Dev, bench.Dev2, 64);
            bench.Machine.Write(descriptor + (bench.Chip == "950" ? 40 : 24), BitConverter.GetBytes((ulong)bench.Pin));
            bench.Faults(bench.Api.aclrtMemcpyAsyncWithDesc(descriptor, Inner, bench.Stream));
        }),
        new("memcpy.md 6.3: a range that leaves its allocation faults", Descriptors, bench => bench.Faults(bench.Api.aclrtMemcpyAsyncWithDesc(Described(bench, bench.Dev, bench.Dev2 + 64, Size), Inner, bench.Stream))),
    ];

    public static TheoryData<string, string> DescriptorRows => CopyRow.Data(s_descriptor);

    [Theory, MemberData(nameof(DescriptorRows))]
    public void MemcpyDesc_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_descriptor, row, chip);
}
