using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Section 8 of the facts: rectangles.</summary>
public sealed unsafe class CopyRectangleRowsTests
{
    private const string NullStream = "910b 910c 950", NoNullStream = "310b 310p 910";

    private delegate int Copy(CopyBench bench, void* dst, nuint dpitch, void* src, nuint spitch, nuint width, nuint height, aclrtMemcpyKind kind);

    private static readonly Copy s_sync = static (bench, dst, dpitch, src, spitch, width, height, kind) => bench.Api.aclrtMemcpy2d(dst, dpitch, src, spitch, width, height, kind);
    private static readonly Copy s_queued = static (bench, dst, dpitch, src, spitch, width, height, kind) => bench.Api.aclrtMemcpy2dAsync(dst, dpitch, src, spitch, width, height, kind, bench.Stream);

    private static int On(CopyBench bench, nint stream, void* dst, void* src, aclrtMemcpyKind kind, nuint width = 8, nuint height = 2) => bench.Api.aclrtMemcpy2dAsync(dst, 64, src, 64, width, height, kind, stream);

    private static CopyRow[] Both(string form, Copy copy) =>
    [
        new($"memcpy.md 8 row 1 ({form}): width 0", CopyRow.All, bench => bench.Ok(copy(bench, null, 0, null, 0, 0, 8, (aclrtMemcpyKind)99))),
        new($"memcpy.md 8 row 1 ({form}): height 0", CopyRow.All, bench => bench.Ok(copy(bench, null, 0, null, 0, 8, 0, (aclrtMemcpyKind)99))),
        new($"memcpy.md 8 row 2 ({form}): dst NULL", CopyRow.All, bench => bench.Fails(100000, copy(bench, null, 0, bench.Pin, 0, 8, 1, H2D))),
        new($"memcpy.md 8 row 2 ({form}): src NULL", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 0, null, 0, 8, 1, H2D))),
        new($"memcpy.md 8 row 3 ({form}): width larger than spitch", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 8, bench.Pin, 7, 8, 1, H2D))),
        new($"memcpy.md 8 row 3 ({form}): width larger than dpitch", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 7, bench.Pin, 8, 8, 1, H2D))),
        new($"memcpy.md 8 row 4 ({form}): kind H2H", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 8, bench.Pin, 8, 8, 6_000_000, H2H))),
        new($"memcpy.md 8 row 4 ({form}): kind 5", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 8, bench.Pin, 8, 8, 1, Buffered))),
        new($"memcpy.md 8 row 7 ({form}): height", CopyRow.All, bench => bench.Fails(107000, copy(bench, bench.Dev, 8, bench.Dev2, 8, 8, 5_242_881, D2D))),
        new($"memcpy.md 8 row 7 ({form}): width", CopyRow.All, bench => bench.FailsWithoutContext(107000, () => copy(bench, bench.Dev, 5_000_001, bench.Dev2, 5_000_001, 5_000_001, 1, D2D))),
        new($"memcpy.md 8 row 9 ({form}): no context", CopyRow.All, bench => bench.FailsWithoutContext(107002, () => copy(bench, bench.Dev, 8, bench.Pin, 8, 8, 1, H2D))),
        new($"memcpy.md 8 rows 10 and 11 ({form}): host to host", CopyRow.All, bench => bench.Fails(107000, copy(bench, bench.Pin, 8, bench.Pin2, 8, 8, 1, H2D))),
        new($"memcpy.md 8 rows 10 and 11 ({form}): wrong direction of pageable memory", CopyRow.All, bench => bench.Fails(107000, copy(bench, bench.Dev, 8, bench.Page, 8, 8, 1, D2H))),
        new($"memcpy.md 8 row 13 ({form}): pageable memory", CopyRow.All, bench => Rectangle(bench, bench.Dev, bench.Page, 24, 5, Default, copy)),
        new($"memcpy.md 8 ({form}): to the device", CopyRow.All, bench => Rectangle(bench, bench.Dev, bench.Pin, 24, 5, H2D, copy)),
        new($"memcpy.md 8 ({form}): to the host, kind corrected", CopyRow.All, bench => Rectangle(bench, bench.Pin, bench.Dev, 24, 5, H2D, copy)),
        new($"memcpy.md 8 ({form}): a single row", CopyRow.All, bench => Rectangle(bench, bench.Dev, bench.Pin, 64, 1, H2D, copy)),
    ];

    /// <summary>Different pitches; every byte between two rows stays.</summary>
    private static void Rectangle(CopyBench bench, byte* to, byte* from, int width, int height, aclrtMemcpyKind kind, Copy copy)
    {
        bench.Ok(copy(bench, to, 96, from, 64, (nuint)width, (nuint)height, kind));
        bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        for (int row = 0; row < height; row++)
        {
            bench.AssertBytes(bench.Original(from)[(row * 64)..(row * 64 + width)], to + row * 96);
        }
        bench.NothingChanged([.. Enumerable.Range(0, height).Select(row => ((nint)to + row * 96, width))]);
    }

    private static readonly CopyRow[] s_rows =
    [
        .. Both("sync", s_sync),
        .. Both("async", s_queued),
        new("memcpy.md 8 row 5: destroyed stream", CopyRow.All, bench => bench.Fails(107017, On(bench, bench.Destroyed, bench.Dev, bench.Pin, H2D, 8, 6_000_000))),
        new("memcpy.md 8 row 6: stream NULL is the default stream", NullStream, bench =>
        {
            bench.Ok(On(bench, 0, bench.Dev, bench.Pin, H2D));
            bench.Ok(bench.Api.aclrtSynchronizeStream(0));
            bench.AssertBytes(bench.Original(bench.Pin)[..8], bench.Dev);
        }),
        new("memcpy.md 8 row 6: stream NULL and no context", NullStream, bench => bench.FailsWithoutContext(107000, () => On(bench, 0, bench.Dev, bench.Pin, H2D))),
        new("memcpy.md 8 row 6: stream NULL is refused", NoNullStream, bench => bench.Fails(107000, On(bench, 0, bench.Dev, bench.Pin, H2D))),
        new("memcpy.md 8 row 8: D2D, sync", CopyRow.All, bench => bench.FailsWithoutContext(207000, () => s_sync(bench, bench.Dev, 8, bench.Dev2, 8, 8, 1, D2D), stored: false)),
        new("memcpy.md 8 row 8: D2D, async", CopyRow.All, bench => Rectangle(bench, bench.Dev, bench.Dev2, 24, 5, D2D, s_queued)),
        new("memcpy.md 8 row 10: both on the device, sync", CopyRow.All, bench => bench.Fails(107000, s_sync(bench, bench.Dev, 8, bench.Dev2, 8, 8, 1, H2D))),
        new("memcpy.md 8 row 13: pageable memory on a stream of another context", CopyRow.All, bench =>
        {
            bench.Ok(On(bench, bench.Foreign, bench.Dev, bench.Page, H2D));
            bench.AssertBytes(bench.Original(bench.Page)[..8], bench.Dev);
        }),
        new("memcpy.md 8 row 13: pageable memory returns the older error of the stream", CopyRow.All, bench =>
        {
            bench.Ok(bench.Api.aclrtMemcpyAsync(bench.FreedDevice(), 8, bench.Pin, 8, H2D, bench.Stream));
            bench.Fails(507013, On(bench, bench.Stream, bench.Dev, bench.Page, H2D));
        }),
        new("memcpy.md 8 row 15: stream of another context", CopyRow.All, bench => bench.Fails(107003, On(bench, bench.Foreign, bench.Dev, bench.Pin, H2D))),
        new("memcpy.md 8: pageable memory with D2D faults later (1.6)", CopyRow.All, bench => bench.Faults(On(bench, bench.Stream, bench.Dev, bench.Page, D2D))),
        new("memcpy.md 8: last row outside the allocation, sync", CopyRow.All, bench => bench.Fails(107017, s_sync(bench, bench.Dev, 1024, bench.Pin, 8, 8, 6, H2D))),
        new("memcpy.md 8: last row outside the allocation, async", CopyRow.All, bench => bench.Faults(s_queued(bench, bench.Dev, 1024, bench.Pin, 8, 8, 6, H2D))),
        new("memcpy.md 8: pitches that overflow, sync", CopyRow.All, bench => bench.Fails(107017, s_sync(bench, bench.Dev, nuint.MaxValue / 2 + 1, bench.Pin, 8, 8, 3, H2D))),
        new("memcpy.md 8: pitches that overflow, async", CopyRow.All, bench => bench.Faults(s_queued(bench, bench.Dev, nuint.MaxValue / 2 + 1, bench.Pin, 8, 8, 3, H2D))),
        new("memcpy.md 8: a rectangle of several megabytes", "910b", bench =>
        {
            const int width = 3000, height = 2000, pitch = 3008;
            byte* to = bench.Machine.Device(pitch * height), from = bench.Machine.Pinned(width * height);
            new Random(5).NextBytes(new Span<byte>(from, width * height));
            bench.Ok(s_queued(bench, to, pitch, from, width, width, height, H2D));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            for (int row = 0; row < height; row += 37)
            {
                bench.AssertBytes(new Span<byte>(from + row * width, width).ToArray(), to + row * pitch);
            }
            bench.AssertBytes(new Span<byte>(from + (height - 1) * width, width).ToArray(), to + (height - 1) * pitch);
        }),
    ];

    public static TheoryData<string, string> Rows => CopyRow.Data(s_rows);

    [Theory, MemberData(nameof(Rows))]
    public void Memcpy2d_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_rows, row, chip);

    [Theory, InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:3")]
    public void Memcpy2dAsync_BehindGate_HasNotHappenedWhenTheCallReturns(string schedule)
    {
        using var bench = new CopyBench("910b", nameof(Memcpy2dAsync_BehindGate_HasNotHappenedWhenTheCallReturns), schedule: schedule);
        using Gate gate = bench.Machine.Hold(bench.Stream);
        bench.Ok(s_queued(bench, bench.Dev, 96, bench.Pin, 64, 24, 5, H2D));
        bench.NothingChanged();
        gate.Open();
        bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        bench.AssertBytes(bench.Original(bench.Pin)[64..88], bench.Dev + 96);
    }
}
