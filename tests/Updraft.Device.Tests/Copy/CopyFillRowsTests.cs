using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Sections 9 and 10 of the facts: filling memory.</summary>
public sealed unsafe class CopyFillRowsTests
{
    private const string Fills32 = "910b 910c 950", Silent = "310b 310p 910";

    private static int D32(CopyBench bench, void* memory, nuint bytes, nuint count, bool isAsync, nint stream = -1) => isAsync
        ? bench.Api.aclrtMemsetD32Async(memory, bytes, 0x01020304, count, stream == -1 ? bench.Stream : stream)
        : bench.Api.aclrtMemsetD32(memory, bytes, 0x01020304, count);

    /// <summary>Exactly these bytes have the value, now or after the synchronise.</summary>
    private static void Filled(CopyBench bench, byte* memory, int bytes, byte[] pattern)
    {
        bench.AssertBytes([.. Enumerable.Range(0, bytes).Select(index => pattern[index % pattern.Length])], memory);
        bench.NothingChanged(((nint)memory, bytes));
    }

    private static void FillsInOrder(CopyBench bench, byte* memory, Func<int> fill, byte[] pattern, bool atOnce)
    {
        using Gate gate = bench.Machine.Hold(bench.Stream);
        bench.Ok(fill());
        if (atOnce)
        {
            Filled(bench, memory, 64, pattern);
        }
        else
        {
            bench.NothingChanged();
        }
        gate.Open();
        bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        Filled(bench, memory, 64, pattern);
    }

    private static readonly byte[] s_seven = [7], s_number = [4, 3, 2, 1];

    private static readonly CopyRow[] s_rows =
    [
        new("memcpy.md 9 aclrtMemset: count 0", CopyRow.All, bench => bench.Ok(bench.Api.aclrtMemset(null, 0, 7, 0))),
        new("memcpy.md 9 aclrtMemset: NULL", CopyRow.All, bench => bench.FailsWithoutContext(100000, () => bench.Api.aclrtMemset(null, 0, 7, 8))),
        new("memcpy.md 9 aclrtMemset: no context", CopyRow.All, bench => bench.FailsWithoutContext(107002, () => bench.Api.aclrtMemset(bench.Dev, 7, 7, 8))),
        new("memcpy.md 9 aclrtMemset: count larger than maxCount (Q-13a)", CopyRow.All, bench => bench.Fails(107000, bench.Api.aclrtMemset(bench.Dev, 7, 7, 8))),
        new("memcpy.md 9 aclrtMemset: only the low byte counts", CopyRow.All, bench => { bench.Ok(bench.Api.aclrtMemset(bench.Dev, 64, 0x12345607, 64)); Filled(bench, bench.Dev, 64, s_seven); }),
        new("memcpy.md 9 aclrtMemset: pinned memory", CopyRow.All, bench => { bench.Ok(bench.Api.aclrtMemset(bench.Pin, 64, 7, 64)); Filled(bench, bench.Pin, 64, s_seven); }),
        new("memcpy.md 9 aclrtMemset: pageable memory", CopyRow.All, bench => { bench.Ok(bench.Api.aclrtMemset(bench.Page, 64, 7, 64)); Filled(bench, bench.Page, 64, s_seven); }),
        new("memcpy.md 9 aclrtMemset: does not wait for queued tasks", CopyRow.All, bench =>
        {
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(bench.Api.aclrtMemset(bench.Dev, 64, 7, 64));
            Filled(bench, bench.Dev, 64, s_seven);
        }),
        new("memcpy.md 13 aclrtMemset: range too large", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemset(bench.Dev + 64, Size, 7, Size))),
        new("memcpy.md 13 aclrtMemset: freed memory", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemset(bench.FreedDevice(), 8, 7, 8))),
        new("memcpy.md 13 aclrtMemset: unmapped host memory", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemset((void*)0x10000, 8, 7, 8))),

        new("memcpy.md 9 aclrtMemsetAsync: count 0", CopyRow.All, bench => bench.Ok(bench.Api.aclrtMemsetAsync(null, 0, 7, 0, bench.Destroyed))),
        new("memcpy.md 9 aclrtMemsetAsync: NULL", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemsetAsync(null, 0, 7, 8, bench.Destroyed))),
        new("memcpy.md 9 aclrtMemsetAsync: destroyed stream", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemsetAsync(bench.Dev, 7, 7, 8, bench.Destroyed))),
        new("memcpy.md 9 aclrtMemsetAsync: count larger than maxCount", CopyRow.All, bench => bench.FailsWithoutContext(107000, () => bench.Api.aclrtMemsetAsync(bench.Dev, 7, 7, 8, bench.Stream))),
        new("memcpy.md 9 aclrtMemsetAsync: no context", CopyRow.All, bench => bench.FailsWithoutContext(107002, () => bench.Api.aclrtMemsetAsync(bench.Pin, 8, 7, 8, bench.Stream))),
        new("memcpy.md 9 aclrtMemsetAsync: stream of another context", CopyRow.All, bench => bench.Fails(107003, bench.Api.aclrtMemsetAsync(bench.Pin, 8, 7, 8, bench.Foreign))),
        new("memcpy.md 9 aclrtMemsetAsync: device memory, in stream order", CopyRow.All, bench => FillsInOrder(bench, bench.Dev, () => bench.Api.aclrtMemsetAsync(bench.Dev, 64, 7, 64, bench.Stream), s_seven, atOnce: false)),
        new("memcpy.md 9 aclrtMemsetAsync: pinned memory, at once (Q-13b)", CopyRow.All, bench => FillsInOrder(bench, bench.Pin, () => bench.Api.aclrtMemsetAsync(bench.Pin, 64, 7, 64, bench.Stream), s_seven, atOnce: true)),
        new("memcpy.md 9 aclrtMemsetAsync: pageable memory, at once (Q-13b)", CopyRow.All, bench => FillsInOrder(bench, bench.Page, () => bench.Api.aclrtMemsetAsync(bench.Page, 64, 7, 64, bench.Stream), s_seven, atOnce: true)),
        new("memcpy.md 13 aclrtMemsetAsync: range too large faults later", CopyRow.All, bench => bench.Faults(bench.Api.aclrtMemsetAsync(bench.Dev + 64, Size, 7, Size, bench.Stream))),
        new("memcpy.md 13 aclrtMemsetAsync: freed memory faults later", CopyRow.All, bench => bench.Faults(bench.Api.aclrtMemsetAsync(bench.FreedDevice(), 8, 7, 8, bench.Stream))),
        new("memcpy.md 9 aclrtMemsetAsync: NULL is the default stream", CopyRow.All, bench =>
        {
            bench.Ok(bench.Api.aclrtMemsetAsync(bench.Dev, 64, 7, 64, 0));
            bench.Ok(bench.Api.aclrtSynchronizeStream(0));
            Filled(bench, bench.Dev, 64, s_seven);
        }),
        .. D32Rows("aclrtMemsetD32", false),
        .. D32Rows("aclrtMemsetD32Async", true),
        new("memcpy.md 10 aclrtMemsetD32Async: destroyed stream", Fills32, bench => bench.FailsWithoutContext(107017, () => D32(bench, bench.Dev, 64, 16, true, bench.Destroyed))),
        new("memcpy.md 10 aclrtMemsetD32Async: destroyed stream, host memory", Fills32, bench => bench.Fails(107017, D32(bench, bench.Pin, 64, 16, true, bench.Destroyed))),
        new("memcpy.md 10 aclrtMemsetD32Async: stream of another context, device memory", Fills32, bench => bench.Fails(107003, D32(bench, bench.Dev, 64, 16, true, bench.Foreign))),
        new("memcpy.md 10 aclrtMemsetD32Async: stream of another context, host memory", Fills32, bench => { bench.Ok(D32(bench, bench.Pin, 64, 16, true, bench.Foreign)); Filled(bench, bench.Pin, 64, s_number); }),
        new("memcpy.md 10 aclrtMemsetD32Async: device memory, in stream order", Fills32, bench => FillsInOrder(bench, bench.Dev, () => D32(bench, bench.Dev, 64, 16, true), s_number, atOnce: false)),
        new("memcpy.md 10 aclrtMemsetD32Async: pinned memory, at once", Fills32, bench => FillsInOrder(bench, bench.Pin, () => D32(bench, bench.Pin, 64, 16, true), s_number, atOnce: true)),
        new("memcpy.md 13 aclrtMemsetD32Async: range too large faults later", Fills32, bench => bench.Faults(D32(bench, bench.Dev + 64, Size, Size / 4, true))),
        new("memcpy.md 10 aclrtMemsetD32Async: a product that wraps around faults later", Fills32, bench => bench.Faults(D32(bench, bench.Dev, 64, ((nuint)1 << 62) + 1, true))),
        new("memcpy.md 13 aclrtMemsetD32: range too large", Fills32, bench => bench.Fails(107017, D32(bench, bench.Dev + 64, Size, Size / 4, false))),
        new("memcpy.md 10 aclrtMemsetD32: a product that wraps around", Fills32, bench => bench.Fails(107017, D32(bench, bench.Dev, 64, ((nuint)1 << 62) + 1, false))),
    ];

    private static CopyRow[] D32Rows(string name, bool isAsync) =>
    [
        new($"memcpy.md 10 {name}: N 0", CopyRow.All, bench => bench.Ok(D32(bench, null, 0, 0, isAsync, bench.Destroyed))),
        new($"memcpy.md 10 {name}: NULL", CopyRow.All, bench => bench.Fails(100000, D32(bench, null, 4, 1, isAsync, bench.Destroyed))),
        new($"memcpy.md 10 {name}: not aligned to 4 bytes", CopyRow.All, bench => bench.Fails(100000, D32(bench, bench.Dev + 2, 4, 1, isAsync, bench.Destroyed))),
        new($"memcpy.md 10 {name}: memSize too small", CopyRow.All, bench => bench.Fails(100000, D32(bench, bench.Dev, 63, 16, isAsync, bench.Destroyed))),
        new($"memcpy.md 10 {name}: pageable memory", CopyRow.All, bench => bench.Fails(100000, D32(bench, bench.Page, 64, 16, isAsync, bench.Destroyed))),
        new($"memcpy.md 10 {name}: no context", Fills32, bench => bench.FailsWithoutContext(107002, () => D32(bench, bench.Pin, 64, 16, isAsync))),
        new($"memcpy.md 10 {name}: device memory", Fills32, bench =>
        {
            bench.Ok(D32(bench, bench.Dev, 64, 16, isAsync));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            Filled(bench, bench.Dev, 64, s_number);
        }),
        new($"memcpy.md 10 {name}: pinned memory", Fills32, bench => { bench.Ok(D32(bench, bench.Pin, 64, 16, isAsync)); Filled(bench, bench.Pin, 64, s_number); }),
        new($"memcpy.md 10 {name}: success without effect on a chip that lacks it (Q-13c)", Silent, bench =>
        {
            bench.Ok(D32(bench, bench.Dev, 64, 16, isAsync, bench.Destroyed));
            bench.Ok(bench.Api.aclrtSynchronizeDevice());
            Assert.Equal(0, (int)bench.Api.aclrtPeekAtLastError(0));
            bench.NothingChanged();
        }),
    ];

    public static TheoryData<string, string> Rows => CopyRow.Data(s_rows);

    [Theory, MemberData(nameof(Rows))]
    public void Memset_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_rows, row, chip);
}
