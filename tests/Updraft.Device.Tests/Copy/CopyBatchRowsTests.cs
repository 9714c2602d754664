using System.Runtime.InteropServices;
using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Section 7 of the facts: batches, in four forms.</summary>
public sealed unsafe class CopyBatchRowsTests
{
    private const string Chips = "910b 910c 950", NoChips = "310b 310p 910";
    private const nuint Untouched = 4711;
    private static readonly nuint None = nuint.MaxValue;

    /// <summary>The arrays of a call, which the rows spoil one by one.</summary>
    private sealed class Batch(CopyBench bench)
    {
        internal nint[] Dsts = [], Srcs = [];
        internal nuint[] DestMaxs = [], Sizes = [], Indexes = [0];
        internal aclrtMemcpyBatchAttr[] Attributes = [];
        internal nuint? Count, AttributeCount;
        internal bool NoDsts, NoSrcs, NoMaxs, NoSizes, NoAttributes, NoIndexes, NoFailIndex;
        internal nuint FailIndex = Untouched;
        internal nint Stream = bench.Stream;

        internal Batch Add(void* dst, void* src, nuint size, nuint? destMax = null)
        {
            (Dsts, Srcs) = ([.. Dsts, (nint)dst], [.. Srcs, (nint)src]);
            (DestMaxs, Sizes) = ([.. DestMaxs, destMax ?? size], [.. Sizes, size]);
            return this;
        }

        internal Batch From(aclrtMemLocationType from, aclrtMemLocationType to, uint fromId = 0, uint toId = 0)
        {
            Attributes = [.. Attributes, new aclrtMemcpyBatchAttr { srcLoc = new() { id = fromId, type = from }, dstLoc = new() { id = toId, type = to } }];
            return this;
        }

        internal int Call(string form)
        {
            fixed (nint* dsts = Dsts, srcs = Srcs)
            fixed (nuint* maxs = DestMaxs, sizes = Sizes, indexes = Indexes)
            fixed (aclrtMemcpyBatchAttr* attributes = Attributes)
            {
                nuint failIndex = FailIndex;
                nuint* fail = NoFailIndex ? null : &failIndex;
                void** to = NoDsts ? null : (void**)dsts, from = NoSrcs ? null : (void**)srcs;
                nuint* max = NoMaxs ? null : maxs, size = NoSizes ? null : sizes, index = NoIndexes ? null : indexes;
                aclrtMemcpyBatchAttr* attribute = NoAttributes ? null : attributes;
                nuint count = Count ?? (nuint)Dsts.Length, attributeCount = AttributeCount ?? (nuint)Attributes.Length;
                int code = form switch
                {
                    "sync" => bench.Api.aclrtMemcpyBatch(to, max, from, size, count, attribute, index, attributeCount, fail),
                    "sync V2" => bench.Api.aclrtMemcpyBatchV2(to, max, from, size, count, attribute, index, attributeCount),
                    "async" => bench.Api.aclrtMemcpyBatchAsync(to, max, from, size, count, attribute, index, attributeCount, fail, Stream),
                    _ => bench.Api.aclrtMemcpyBatchAsyncV2(to, max, from, size, count, attribute, index, attributeCount, Stream),
                };
                FailIndex = failIndex;
                return code;
            }
        }
    }

    private const aclrtMemLocationType Host = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST, OnDevice = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE,
        Unregistered = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED, Numa = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST_NUMA, Managed = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_MANAGED;

    /// <summary>Three elements from pinned to device memory.</summary>
    private static Batch Good(CopyBench bench) => new Batch(bench).Add(bench.Dev, bench.Pin, 64).Add(bench.Dev + 128, bench.Pin + 64, 32).Add(bench.Dev2, bench.Pin2, 8, 4000).From(Host, OnDevice);

    private static void Fails(CopyBench bench, string form, int code, nuint failIndex, Batch batch, bool stored = true)
    {
        bench.Fails(code, batch.Call(form), stored);
        Assert.Equal(form.EndsWith("V2", StringComparison.Ordinal) ? Untouched : failIndex, batch.FailIndex);
    }

    private static void Copied(CopyBench bench, string form, Batch batch, params int[] elements)
    {
        bench.Ok(batch.Call(form));
        Assert.Equal(form.EndsWith("V2", StringComparison.Ordinal) ? Untouched : None, batch.FailIndex);
        bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        Arrived(bench, batch, elements.Length == 0 ? [.. Enumerable.Range(0, batch.Dsts.Length)] : elements);
    }

    /// <summary>Exactly these elements were copied.</summary>
    private static void Arrived(CopyBench bench, Batch batch, int[] elements)
    {
        foreach (int index in elements)
        {
            nint source = batch.Srcs[index];
            nint start = bench.Buffers.Single(each => source >= each && source < each + Size);
            int offset = (int)(source - start);
            bench.AssertBytes(bench.Original((void*)start)[offset..(offset + (int)batch.Sizes[index])], (void*)batch.Dsts[index]);
        }
        bench.NothingChanged([.. elements.Select(index => (batch.Dsts[index], (int)batch.Sizes[index]))]);
    }

    private static CopyRow[] Form(string form)
    {
        bool isAsync = form.StartsWith("async", StringComparison.Ordinal), hasFailIndex = !form.EndsWith("V2", StringComparison.Ordinal);
        List<CopyRow> rows =
        [
            new($"memcpy.md 7 row 2 ({form}): sizes NULL", CopyRow.All, bench => Fails(bench, form, 100000, Untouched, new Batch(bench) { NoSizes = true, Count = 0 })),
            new($"memcpy.md 7 row 2 ({form}): numBatches 0", CopyRow.All, bench => Fails(bench, form, 100000, Untouched, new Batch(bench) { Sizes = [0] })),
            new($"memcpy.md 7 row 3 ({form}): every size 0", CopyRow.All, bench =>
            {
                var batch = new Batch(bench) { Sizes = [0, 0], Count = 2, NoDsts = true, NoSrcs = true, NoMaxs = true, NoAttributes = true, NoIndexes = true, Stream = bench.Destroyed };
                bench.Ok(batch.Call(form));
                Assert.Equal(hasFailIndex ? None : Untouched, batch.FailIndex);
            }),
            .. new (string Name, Action<Batch> Spoil)[]
            {
                ("dsts", batch => batch.NoDsts = true), ("destMaxs", batch => batch.NoMaxs = true), ("srcs", batch => batch.NoSrcs = true),
                ("attrs", batch => batch.NoAttributes = true), ("attrsIndexes", batch => batch.NoIndexes = true),
            }.Select(array => new CopyRow($"memcpy.md 7 row 4 ({form}): {array.Name} NULL", CopyRow.All, bench =>
            {
                Batch batch = Good(bench);
                array.Spoil(batch);
                Fails(bench, form, 100000, Untouched, batch);
            })),
            new($"memcpy.md 7 row 5 ({form}): destMax smaller than size", CopyRow.All, bench => Fails(bench, form, 100000, Untouched, Good(bench).Add(bench.Dev, bench.Pin, 8, 7))),
            new($"memcpy.md 7 row 6 ({form}): rsv", CopyRow.All, bench =>
            {
                Batch batch = Good(bench);
                MemoryMarshal.AsBytes(batch.Attributes.AsSpan())[31] = 1;
                Fails(bench, form, 100000, Untouched, batch);
            }),
            new($"memcpy.md 7 row 7 ({form}): chip", NoChips, bench =>
            {
                Batch batch = Good(bench);
                (batch.Stream, batch.AttributeCount) = (bench.Destroyed, 0);
                Fails(bench, form, 207000, Untouched, batch);
            }),
            new($"memcpy.md 7 row 10 ({form}): numAttrs 0", Chips, bench => { Batch batch = Good(bench); batch.AttributeCount = 0; Fails(bench, form, 107000, None, batch); }),
            new($"memcpy.md 7 row 10 ({form}): numAttrs larger than numBatches", Chips, bench => Fails(bench, form, 107000, None, Good(bench).From(Host, OnDevice).From(Host, OnDevice).From(Host, OnDevice))),
            new($"memcpy.md 7 row 12 ({form}): attrsIndexes[0] is 1", Chips, bench => { Batch batch = Good(bench); batch.Indexes = [1]; Fails(bench, form, 107000, None, batch); }),
            new($"memcpy.md 7 row 12 ({form}): attrsIndexes not ascending", Chips, bench => { Batch batch = Good(bench).From(Host, OnDevice).From(Host, OnDevice); batch.Indexes = [0, 2, 2]; Fails(bench, form, 107000, None, batch); }),
            new($"memcpy.md 7 row 12 ({form}): attrsIndexes beyond the batch", Chips, bench => { Batch batch = Good(bench).From(Host, OnDevice); batch.Indexes = [0, 3]; Fails(bench, form, 107000, None, batch); }),
            .. new (string Name, Func<CopyBench, Batch> Make)[]
            {
                ("host memory said to be device memory", bench => Good(bench).Add(bench.Pin, bench.Pin2, 8)),
                ("device memory said to be host memory", bench => Good(bench).Add(bench.Dev, bench.Dev2, 8)),
                ("memory of another device", bench => Good(bench).Add(bench.Other, bench.Pin, 8)),
            }.Select(element => new CopyRow($"memcpy.md 7 row 18 ({form}): {element.Name}", Chips, bench => FailsAtLast(bench, form, element.Make(bench)))),
            new($"memcpy.md 7 row 18 ({form}): attribute of an unknown type", Chips, bench => Fails(bench, form, 107000, 0, new Batch(bench).Add(bench.Dev, bench.Pin, 8).From((aclrtMemLocationType)9, OnDevice))),
            new($"memcpy.md 7 row 18 ({form}): managed memory is expected", Chips, bench => Fails(bench, form, 107000, 0, new Batch(bench).Add(bench.Dev, bench.Pin, 8).From(Managed, OnDevice))),
            new($"memcpy.md 7 row 19 ({form}): device to device", Chips, bench => Fails(bench, form, 107000, 0, new Batch(bench).Add(bench.Dev, bench.Dev2, 8).From(OnDevice, OnDevice))),
            new($"memcpy.md 7 row 19 ({form}): host to host", Chips, bench => Fails(bench, form, 107000, 0, new Batch(bench).Add(bench.Pin, bench.Page, 8).From(Unregistered, Host))),
            new($"memcpy.md 7 ({form}): copies", Chips, bench => Copied(bench, form, Good(bench))),
            new($"memcpy.md 7 ({form}): pageable memory counts as host memory", Chips, bench => Copied(bench, form, new Batch(bench).Add(bench.Dev, bench.Page, 64).Add(bench.Dev2, bench.Pin, 32).From(Host, OnDevice))),
            new($"memcpy.md 7 ({form}): NUMA memory counts as host memory", Chips, bench => Copied(bench, form, new Batch(bench).Add(bench.Dev, bench.Page, 64).From(Numa, OnDevice))),
            new($"memcpy.md 7 ({form}): memory of another device with its id", Chips, bench => Copied(bench, form, new Batch(bench).Add(bench.Other, bench.Pin, 64).From(Host, OnDevice, 0, 1))),
            new($"memcpy.md 7 ({form}): mixed directions (Q-11)", Chips, bench =>
            {
                Batch batch = new Batch(bench).Add(bench.Dev, bench.Pin, 64).Add(bench.Pin2, bench.Dev2, 64).Add(bench.Page, bench.Dev2 + 64, 8).From(Host, OnDevice).From(OnDevice, Host);
                batch.Indexes = [0, 1];
                Copied(bench, form, batch);
            }),
        ];
        if (hasFailIndex)
        {
            rows.Add(new($"memcpy.md 7 row 1 ({form}): failIndex NULL", CopyRow.All, bench => { Batch batch = Good(bench); (batch.NoFailIndex, batch.NoSizes) = (true, true); Fails(bench, form, 100000, Untouched, batch); }));
        }
        rows.AddRange(isAsync ? AsyncOnly(form) : SyncOnly(form));
        return [.. rows];
    }

    /// <summary>The last element is refused. Synchronous: nothing was copied. Queued: those before it were.</summary>
    private static void FailsAtLast(CopyBench bench, string form, Batch batch, int code = 107000)
    {
        int last = batch.Dsts.Length - 1;
        if (!form.StartsWith("async", StringComparison.Ordinal))
        {
            Fails(bench, form, code, (nuint)last, batch);
            return;
        }
        using (Gate gate = bench.Machine.Hold(bench.Stream))
        {
            Fails(bench, form, code, (nuint)last, batch);
        }
        bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        Arrived(bench, batch, [.. Enumerable.Range(0, last)]);
    }

    private static CopyRow[] SyncOnly(string form) =>
    [
        new($"memcpy.md 7 row 11 ({form}): 4097 elements (Q-12c)", Chips, bench => Fails(bench, form, 107000, None, Many(bench, 4097))),
        new($"memcpy.md 7 row 11 ({form}): 4096 elements", Chips, bench => Copied(bench, form, Many(bench, 4096), 0)),
        new($"memcpy.md 7 row 14 ({form}): needs no context", Chips, bench =>
        {
            Assert.Equal((0, 0), bench.WithoutContext(() => Good(bench).Call(form)));
            Arrived(bench, Good(bench), [0, 1, 2]);
        }),
        new($"memcpy.md 7 row 16 ({form}): a size of 0 among others is accepted (Q-12a)", Chips, bench => Copied(bench, form, Good(bench).Add(bench.Dev, bench.Pin, 0))),
        new($"memcpy.md 7 row 17 ({form}): an entry NULL", Chips, bench => Fails(bench, form, 107000, 3, Good(bench).Add(null, bench.Pin, 8))),
        new($"memcpy.md 7 row 20 ({form}): freed memory", Chips, bench => Fails(bench, form, 107017, None, Good(bench).Add(bench.FreedDevice(), bench.Pin, 8))),
        new($"memcpy.md 7 row 20 ({form}): range too large", Chips, bench => Fails(bench, form, 107017, None, Good(bench).Add(bench.Dev + 64, bench.Pin, Size))),
        new($"memcpy.md 7 row 20 ({form}): size that wraps around", Chips, bench => Fails(bench, form, 107017, None, Good(bench).Add(bench.Dev, bench.Pin, nuint.MaxValue))),
        new($"memcpy.md 7 row 20 ({form}): freed pinned memory", Chips, bench => Fails(bench, form, 107017, None, Good(bench).Add(bench.Dev, bench.FreedPinned(), 8))),
        new($"memcpy.md 1.9 ({form}): does not wait for queued tasks", Chips, bench =>
        {
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(Good(bench).Call(form));
            Arrived(bench, Good(bench), [0, 1, 2]);
        }),
    ];

    private static CopyRow[] AsyncOnly(string form) =>
    [
        new($"memcpy.md 7 row 8 ({form}): destroyed stream", Chips, bench => { Batch batch = Good(bench); (batch.Stream, batch.AttributeCount) = (bench.Destroyed, 0); Fails(bench, form, 107017, Untouched, batch); }),
        new($"memcpy.md 7 row 11 ({form}): 4097 elements (Q-12c)", Chips, bench => Copied(bench, form, Many(bench, 4097), 0)),
        new($"memcpy.md 7 row 14 ({form}): no context", Chips, bench =>
        {
            Batch batch = Good(bench).Add(null, null, 0);
            bench.FailsWithoutContext(107002, () => batch.Call(form));
            Assert.Equal(form.EndsWith("V2", StringComparison.Ordinal) ? Untouched : None, batch.FailIndex);
        }),
        new($"memcpy.md 7 row 16 ({form}): a size of 0 among others (Q-12a)", Chips, bench => FailsAtLast(bench, form, Good(bench).Add(bench.Dev, bench.Pin, 0))),
        new($"memcpy.md 7 row 16 ({form}): src NULL", Chips, bench => FailsAtLast(bench, form, Good(bench).Add(bench.Dev, null, 8))),
        new($"memcpy.md 7 row 16 ({form}): dst NULL", Chips, bench => FailsAtLast(bench, form, Good(bench).Add(null, bench.Pin, 8))),
        new($"memcpy.md 7 row 16 ({form}): the first element, before the launch", Chips, bench =>
        {
            Batch batch = new Batch(bench) { Stream = bench.Foreign }.Add(null, bench.Pin, 8).From(Host, OnDevice);
            Fails(bench, form, 107000, 0, batch);
        }),
        new($"memcpy.md 7 row 20 ({form}): stream of another context (Q-12b)", Chips, bench => { Batch batch = Good(bench); batch.Stream = bench.Foreign; Fails(bench, form, 107003, None, batch); }),
        new($"memcpy.md 7 row 20 ({form}): pageable elements may use a stream of another context", Chips, bench =>
        {
            Batch batch = new Batch(bench) { Stream = bench.Foreign }.Add(bench.Dev, bench.Page, 64).Add(bench.Dev2, bench.Pin, 64).From(Host, OnDevice);
            bench.Machine.Returns(107003, batch.Call(form));
            bench.ForgetError();
            Arrived(bench, batch, [0]);
        }),
        new($"memcpy.md 7 row 20 ({form}): a pageable element returns the older error of the stream", Chips, bench =>
        {
            bench.Ok(bench.Api.aclrtMemcpyAsync(bench.FreedDevice(), 8, bench.Pin, 8, H2D, bench.Stream));
            Fails(bench, form, 507013, None, new Batch(bench).Add(bench.Dev, bench.Page, 64).From(Host, OnDevice));
        }),
        new($"memcpy.md 7 ({form}): a pageable element waits for the elements before it", Chips, bench =>
        {
            Batch batch = new Batch(bench).Add(bench.Dev, bench.Pin, 64).Add(bench.Dev2, bench.Page, 64).From(Host, OnDevice);
            bench.Ok(batch.Call(form));
            Arrived(bench, batch, [0, 1]);
        }),
        new($"memcpy.md 7 ({form}): freed memory faults later", Chips, bench =>
        {
            Batch batch = Good(bench).Add(bench.FreedDevice(), bench.Pin, 8);
            bench.Ok(batch.Call(form));
            bench.Machine.Returns(507013, bench.Api.aclrtSynchronizeStream(bench.Stream));
            Arrived(bench, batch, [0, 1, 2]);
        }),
        new($"memcpy.md 7 ({form}): range too large faults later", Chips, bench => bench.Faults(new Batch(bench).Add(bench.Dev + 64, bench.Pin, Size).From(Host, OnDevice).Call(form))),
        new($"memcpy.md 7 ({form}): size that wraps around faults later", Chips, bench => bench.Faults(new Batch(bench).Add(bench.Dev, bench.Pin, nuint.MaxValue).From(Host, OnDevice).Call(form))),
        new($"memcpy.md 7 ({form}): NULL is the default stream", Chips, bench =>
        {
            Batch batch = Good(bench);
            batch.Stream = 0;
            bench.Ok(batch.Call(form));
            bench.Ok(bench.Api.aclrtSynchronizeStream(0));
            Arrived(bench, batch, [0, 1, 2]);
        }),
        new($"memcpy.md 7 ({form}): has not happened when the call returns", Chips, bench =>
        {
            using Gate gate = bench.Machine.Hold(bench.Stream);
            Batch batch = Good(bench);
            bench.Ok(batch.Call(form));
            bench.NothingChanged();
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            Arrived(bench, batch, [0, 1, 2]);
        }),
    ];

    /// <summary>So many elements, all of them the same eight bytes.</summary>
    private static Batch Many(CopyBench bench, int count) => new Batch(bench)
    {
        Dsts = [.. Enumerable.Repeat((nint)bench.Dev, count)],
        Srcs = [.. Enumerable.Repeat((nint)bench.Pin, count)],
        DestMaxs = [.. Enumerable.Repeat((nuint)8, count)],
        Sizes = [.. Enumerable.Repeat((nuint)8, count)],
    }.From(Host, OnDevice);

    private static readonly CopyRow[] s_rows = [.. Form("sync"), .. Form("sync V2"), .. Form("async"), .. Form("async V2")];

    public static TheoryData<string, string> Rows => CopyRow.Data(s_rows);

    [Theory, MemberData(nameof(Rows))]
    public void MemcpyBatch_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_rows, row, chip);

    [Theory, InlineData("threads"), InlineData("late"), InlineData("random:11")]
    public void MemcpyBatchAsync_ScatteredBlocksOfAllSizes_AllArrive(string schedule)
    {
        const int blocks = 3000, stride = 5000;
        using var machine = new TestMachine(schedule: schedule);
        nint stream = machine.Stream();
        byte* device = machine.Device((nuint)blocks * stride + (3 << 20)), host = machine.Pinned((nuint)blocks * stride + (3 << 20));
        var random = new Random(8);
        random.NextBytes(new Span<byte>(host, blocks * stride + (3 << 20)));
        var dsts = new void*[blocks];
        var srcs = new void*[blocks];
        var sizes = new nuint[blocks];
        int[] order = [.. Enumerable.Range(0, blocks)];
        random.Shuffle(order);
        for (int index = 0; index < blocks; index++)
        {
            // The last block is larger than what fits into one element.
            bool isLarge = order[index] == blocks - 1;
            dsts[index] = device + order[index] * stride;
            srcs[index] = host + order[index] * stride;
            sizes[index] = isLarge ? (nuint)(3 << 20) : (nuint)random.Next(1, stride);
        }
        var attribute = new aclrtMemcpyBatchAttr { dstLoc = new() { type = OnDevice }, srcLoc = new() { type = Host } };
        nuint zero = 0, failIndex = 0;
        fixed (void** to = dsts, from = srcs)
        fixed (nuint* bytes = sizes)
        {
            machine.Ok(machine.Api.aclrtMemcpyBatchAsync(to, bytes, from, bytes, blocks, &attribute, &zero, 1, &failIndex, stream));
        }
        Assert.Equal(None, failIndex);
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        for (int index = 0; index < blocks; index++)
        {
            Assert.Equal(new Span<byte>(srcs[index], (int)sizes[index]).ToArray(), machine.Read(dsts[index], (int)sizes[index]));
        }
    }

    [Fact]
    public void MemcpyBatchAsync_TenMillionEntries_AreCopied()
    {
        const int count = 10_000_000;
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        byte* device = machine.Device(4096), host = machine.Pinned(4096, 3);
        // One array serves for destinations, one for sources: all entries name the same eight bytes, the last one others.
        var dsts = (void**)NativeMemory.Alloc(count, (nuint)sizeof(void*));
        var srcs = (void**)NativeMemory.Alloc(count, (nuint)sizeof(void*));
        var sizes = (nuint*)NativeMemory.Alloc(count, (nuint)sizeof(nuint));
        try
        {
            new Span<nint>(dsts, count).Fill((nint)device);
            new Span<nint>(srcs, count).Fill((nint)host);
            new Span<nuint>(sizes, count).Fill(8);
            dsts[count - 1] = device + 64;
            srcs[count - 1] = host + 64;
            var attribute = new aclrtMemcpyBatchAttr { dstLoc = new() { type = OnDevice }, srcLoc = new() { type = Host } };
            nuint zero = 0, failIndex = 0;
            machine.Write(device, new byte[4096]);
            machine.Ok(machine.Api.aclrtMemcpyBatchAsync(dsts, sizes, srcs, sizes, count, &attribute, &zero, 1, &failIndex, stream));
            machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
            Assert.Equal(None, failIndex);
            Assert.All(machine.Read(device + 64, 8), value => Assert.Equal(3, value));
            Assert.All(machine.Read(device + 72, 64), value => Assert.Equal(0, value));
            srcs[count - 1] = null;
            machine.Returns(107000, machine.Api.aclrtMemcpyBatchAsync(dsts, sizes, srcs, sizes, count, &attribute, &zero, 1, &failIndex, stream));
            Assert.Equal((nuint)count - 1, failIndex);
            machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        }
        finally
        {
            NativeMemory.Free(dsts);
            NativeMemory.Free(srcs);
            NativeMemory.Free(sizes);
        }
    }
}
