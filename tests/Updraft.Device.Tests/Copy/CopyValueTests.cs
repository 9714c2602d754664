using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Section 12 of the facts: values in device memory as signals.</summary>
public sealed unsafe class CopyValueTests
{
    private const string Chips = "910b 910c 950", NoChips = "310b 310p 910";

    private delegate int Operation(CopyBench bench, void* cell, ulong value, uint flag, nint stream);

    private static CopyRow[] Both(string name, uint badFlag, Operation call) =>
    [
        new($"memcpy.md 12 {name}: devAddr NULL", CopyRow.All, bench => bench.Fails(100000, call(bench, null, 0, 9, bench.Destroyed))),
        new($"memcpy.md 12 {name}: chip", NoChips, bench => bench.Fails(207000, call(bench, bench.Dev, 0, 9, bench.Destroyed), stored: false)),
        new($"memcpy.md 12 {name}: destroyed stream", Chips, bench => bench.Fails(107017, call(bench, bench.Dev, 0, badFlag, bench.Destroyed))),
        new($"memcpy.md 12 {name}: flag", Chips, bench => bench.Fails(107000, call(bench, bench.Pin, 0, badFlag, bench.Stream))),
        new($"memcpy.md 12 {name}: pinned memory", Chips, bench => bench.FailsWithoutContext(107000, () => call(bench, bench.Pin, 0, 0, bench.Stream))),
        new($"memcpy.md 12 {name}: pageable memory", Chips, bench => bench.Fails(107000, call(bench, bench.Page, 0, 0, bench.Foreign))),
        new($"memcpy.md 12 {name}: no context", Chips, bench => bench.FailsWithoutContext(107002, () => call(bench, bench.Dev, 0, 0, bench.Stream))),
        new($"memcpy.md 12 {name}: stream of another context", Chips, bench => bench.Fails(107003, call(bench, bench.Dev, 0, 0, bench.Foreign))),
        new($"memcpy.md 12 {name}: freed memory faults later", Chips, bench => bench.Faults(call(bench, bench.FreedDevice(), 0, 0, bench.Stream))),
        new($"memcpy.md 12 {name}: the last bytes of an allocation fault later", "950", bench => bench.Faults(call(bench, bench.Dev + Size - 4, 0, 0, bench.Stream))),
    ];

    private static readonly CopyRow[] s_rows =
    [
        .. Both("aclrtValueWrite", 1, static (bench, cell, value, flag, stream) => bench.Api.aclrtValueWrite(cell, value, flag, stream)),
        .. Both("aclrtValueWait", 4, static (bench, cell, value, flag, stream) => bench.Api.aclrtValueWait(cell, value, flag, stream)),
        new("memcpy.md 12 aclrtValueWrite: 64 bits, when reached", Chips, bench =>
        {
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(bench.Api.aclrtValueWrite(bench.Dev + 8, 0x0102030405060708, 0, bench.Stream));
            bench.NothingChanged();
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes([8, 7, 6, 5, 4, 3, 2, 1], bench.Dev + 8);
            bench.NothingChanged(((nint)bench.Dev + 8, 8));
        }),
        new("memcpy.md 12 aclrtValueWrite: alignment is not verified", Chips, bench =>
        {
            bench.Ok(bench.Api.aclrtValueWrite(bench.Dev + 3, 0x0102030405060708, 0, bench.Stream));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes([8, 7, 6, 5, 4, 3, 2, 1], bench.Dev + 3);
            bench.NothingChanged(((nint)bench.Dev + 3, 8));
        }),
    ];

    public static TheoryData<string, string> Rows => CopyRow.Data(s_rows);

    [Theory, MemberData(nameof(Rows))]
    public void Value_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_rows, row, chip);

    /// <summary>Values that keep the stream waiting, and such that let it go.</summary>
    [Theory]
    [InlineData(0u, 5ul, new ulong[] { 4, 0, ulong.MaxValue, 0x8000000000000000 }, 5ul)]
    [InlineData(0u, 5ul, new ulong[] { 4 }, 0x7ffffffffffffffful)]
    [InlineData(0u, 0x8000000000000001ul, new ulong[] { 0x8000000000000000 }, 0x7ffffffffffffffful)] // Q-14i: a signed comparison, not a signed difference
    [InlineData(1u, 5ul, new ulong[] { 4, 6, 0x100000005 }, 5ul)]
    [InlineData(2u, 6ul, new ulong[] { 0, 1, 8 }, 4ul)]
    [InlineData(3u, 0xfffffffffffffff0ul, new ulong[] { 0xf, ulong.MaxValue }, 0xeul)]
    public void ValueWait_HostWritesTheCell_GoesOnWhenTheConditionHolds(uint flag, ulong value, ulong[] waits, ulong goes)
    {
        foreach (string schedule in new[] { "threads", "eager", "late", "random:5" })
        {
            using var machine = new TestMachine(schedule: schedule);
            nint stream = machine.Stream();
            byte* cell = machine.Device(64), target = machine.Device(64), one = machine.Pinned(64, 1);
            machine.Write(target, new byte[64]);
            machine.Write(cell, BitConverter.GetBytes(waits[0]));
            machine.Ok(machine.Api.aclrtValueWait(cell, value, flag, stream));
            machine.Ok(machine.Api.aclrtMemcpyAsync(target, 64, one, 64, H2D, stream));
            foreach (ulong each in waits)
            {
                machine.Write(cell, BitConverter.GetBytes(each));
                machine.Returns(507046, machine.Api.aclrtSynchronizeStreamWithTimeout(stream, 3));
                Assert.Equal(0, machine.Read(target, 1)[0]);
            }
            machine.Write(cell, BitConverter.GetBytes(goes));
            machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
            Assert.Equal(1, machine.Read(target, 1)[0]);
        }
    }

    public static TheoryData<string, string> Writers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string schedule in new[] { "threads", "eager", "late", "random:6" })
            {
                foreach (string writer in new[] { "aclrtValueWrite", "aclrtMemcpyAsync", "aclrtMemsetAsync", "aclrtMemcpyBatchAsync", "aclrtMemcpy2dAsync", "aclrtReduceAsync", "aclrtMemcpy", "aclrtMemset", "aclrtMemcpyBatch", "aclrtMemcpy2d", "aclrtMemsetD32" })
                {
                    data.Add(writer, schedule);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Writers))]
    public void ValueWait_AnyFunctionWritesTheCell_OnlyItsStreamHasWaited(string writer, string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        AclApi api = machine.Api;
        nint waiting = machine.Stream(), other = machine.Stream();
        byte* cell = machine.Device(64), target = machine.Device(64), one = machine.Pinned(64, 1);
        machine.Write(cell, new byte[64]);
        machine.Write(target, new byte[64]);
        machine.Ok(api.aclrtValueWait(cell, 0x0101010101010101, 1, waiting));
        machine.Ok(api.aclrtMemcpyAsync(target, 64, one, 64, H2D, waiting));
        // The other stream is not held up.
        machine.Ok(api.aclrtMemcpyAsync(machine.Device(64), 64, one, 64, H2D, other));
        machine.Ok(api.aclrtSynchronizeStream(other));
        aclrtStreamStatus status;
        machine.Ok(api.aclrtStreamQuery(waiting, &status));
        Assert.Equal(aclrtStreamStatus.ACL_STREAM_STATUS_NOT_READY, status);
        var attribute = new aclrtMemcpyBatchAttr { dstLoc = new() { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
        void* to = cell, from = one;
        nuint bytes = 8, zero = 0, failIndex;
        byte* ones = machine.Device(64);
        machine.Write(ones, new Span<byte>(one, 64));
        machine.Ok(writer switch
        {
            "aclrtValueWrite" => api.aclrtValueWrite(cell, 0x0101010101010101, 0, other),
            "aclrtMemcpyAsync" => api.aclrtMemcpyAsync(cell, 8, one, 8, H2D, other),
            "aclrtMemsetAsync" => api.aclrtMemsetAsync(cell, 8, 1, 8, other),
            "aclrtMemcpyBatchAsync" => api.aclrtMemcpyBatchAsync(&to, &bytes, &from, &bytes, 1, &attribute, &zero, 1, &failIndex, other),
            "aclrtMemcpy2dAsync" => api.aclrtMemcpy2dAsync(cell, 8, one, 8, 8, 1, H2D, other),
            "aclrtReduceAsync" => api.aclrtReduceAsync(cell, ones, 8, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT32, other, null),
            "aclrtMemcpy" => api.aclrtMemcpy(cell, 8, one, 8, H2D),
            "aclrtMemset" => api.aclrtMemset(cell, 8, 1, 8),
            "aclrtMemcpyBatch" => api.aclrtMemcpyBatch(&to, &bytes, &from, &bytes, 1, &attribute, &zero, 1, &failIndex),
            "aclrtMemcpy2d" => api.aclrtMemcpy2d(cell, 8, one, 8, 8, 1, H2D),
            _ => api.aclrtMemsetD32(cell, 8, 0x01010101, 2),
        });
        machine.Ok(api.aclrtSynchronizeStream(other));
        machine.Ok(api.aclrtSynchronizeStream(waiting));
        Assert.All(machine.Read(target, 64), value => Assert.Equal(1, value));
    }

    [Theory, InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:9")]
    public void ValueWait_TwoStreamsPlayPingPong_EveryRoundIsSeen(string schedule)
    {
        const int rounds = 200;
        using var machine = new TestMachine(schedule: schedule);
        nint first = machine.Stream(), second = machine.Stream();
        byte* cells = machine.Device(64);
        machine.Write(cells, new byte[64]);
        for (ulong round = 1; round <= rounds; round++)
        {
            machine.Ok(machine.Api.aclrtValueWrite(cells, round, 0, first));
            machine.Ok(machine.Api.aclrtValueWait(cells + 8, round, 0, first));
            machine.Ok(machine.Api.aclrtValueWait(cells, round, 0, second));
            machine.Ok(machine.Api.aclrtValueWrite(cells + 8, round, 0, second));
        }
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
        Assert.Equal((ulong)rounds, BitConverter.ToUInt64(machine.Read(cells + 8, 8)));
    }

    [Fact]
    public void ValueWait_StreamDestroyedByForce_DoesNotDisturbTheNextHostFunction()
    {
        using var machine = new TestMachine();
        nint waiting = machine.Stream(), stream = machine.Stream();
        byte* cell = machine.Device(64);
        machine.Write(cell, new byte[64]);
        machine.Ok(machine.Api.aclrtValueWait(cell, 1, 1, waiting));
        machine.Ok(machine.Api.aclrtDestroyStreamForce(waiting));
        using Gate gate = machine.Hold(stream);
        gate.WaitUntilEntered();
        machine.Write(cell, BitConverter.GetBytes(1ul));
        aclrtStreamStatus status;
        machine.Ok(machine.Api.aclrtStreamQuery(stream, &status));
        Assert.Equal(aclrtStreamStatus.ACL_STREAM_STATUS_NOT_READY, status);
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
    }
}
