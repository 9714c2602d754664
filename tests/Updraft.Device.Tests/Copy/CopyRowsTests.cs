using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Sections 1.5, 1.6, 2, 3 and 4 of the facts: one range, at once and queued.</summary>
public sealed unsafe class CopyRowsTests
{
    // --- Section 2: aclrtMemcpy -----------------------------------------------------------------------------------------------

    private static readonly CopyRow[] s_sync =
    [
        new("memcpy.md 2 row 1: count 0", CopyRow.All, bench =>
        {
            bench.Ok(bench.Api.aclrtMemcpy(null, 0, null, 0, (aclrtMemcpyKind)99));
            Assert.Equal((0, 0), bench.WithoutContext(() => bench.Api.aclrtMemcpy(null, 0, null, 0, (aclrtMemcpyKind)99)));
        }),
        new("memcpy.md 2 row 2: dst NULL", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpy(null, 0, bench.Pin, 8, (aclrtMemcpyKind)99))),
        new("memcpy.md 2 row 2: src NULL", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpy(bench.Dev, 0, null, 8, H2D))),
        new("memcpy.md 2 row 3: kind 6", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpy(bench.Dev, 0, bench.Pin, 8, Inner))),
        new("memcpy.md 2 row 3: kind 7", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpy(bench.Dev, 8, bench.Pin, 8, Inter))),
        new("memcpy.md 2 row 3: kind -1", CopyRow.All, bench => bench.Fails(100000, bench.Api.aclrtMemcpy(bench.Dev, 8, bench.Pin, 8, (aclrtMemcpyKind)(-1)))),
        new("memcpy.md 2 row 4: destMax 0", CopyRow.All, bench => bench.Fails(107000, bench.Api.aclrtMemcpy(bench.Dev, 0, bench.Pin, 8, H2D))),
        new("memcpy.md 2 row 5: count larger than destMax", CopyRow.All, bench => bench.Fails(107000, bench.Api.aclrtMemcpy(bench.Dev, 7, bench.Pin, 8, H2D))),
        new("memcpy.md 2 row 5: before the missing context", CopyRow.All, bench => bench.FailsWithoutContext(107000, () => bench.Api.aclrtMemcpy(bench.Dev, 7, bench.Pin, 8, H2D))),
        new("memcpy.md 2 row 6: dst is src", CopyRow.All, bench =>
        {
            bench.Ok(bench.Api.aclrtMemcpy(bench.Dev, 8, bench.Dev, 8, H2D));
            Assert.Equal((0, 0), bench.WithoutContext(() => bench.Api.aclrtMemcpy(bench.Dev, 8, bench.Dev, 8, H2D)));
            bench.NothingChanged();
        }),
        new("memcpy.md 2 row 7: no context", CopyRow.All, bench => bench.FailsWithoutContext(107002, () => bench.Api.aclrtMemcpy(bench.Dev, 8, bench.Pin, 8, H2D))),
        new("memcpy.md 2 row 10: destination too small", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemcpy(bench.Dev + 64, Size, bench.Pin, Size, H2D))),
        new("memcpy.md 2 row 10: source too small", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemcpy(bench.Page, Size, bench.Dev + 64, Size, D2H))),
        new("memcpy.md 2 row 10: pinned memory too small", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemcpy(bench.Pin + 64, Size, bench.Dev, Size, D2H))),
        new("memcpy.md 2 row 10: freed device memory", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemcpy(bench.FreedDevice(), 8, bench.Pin, 8, H2D))),
        new("memcpy.md 2 row 10: freed pinned memory", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemcpy(bench.Dev, 8, bench.FreedPinned(), 8, H2D))),
        new("memcpy.md 2 row 10: unmapped host memory", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemcpy(bench.Dev, 8, (void*)0x10000, 8, H2D))),
        new("memcpy.md 2 row 10: size that wraps around", CopyRow.All, bench => bench.Fails(107017, bench.Api.aclrtMemcpy(bench.Dev, nuint.MaxValue, bench.Pin, nuint.MaxValue, H2D))),
        new("memcpy.md 2: the kind has no influence", CopyRow.All, bench =>
        {
            foreach (aclrtMemcpyKind kind in new[] { H2H, H2D, D2H, D2D, Default, Buffered })
            {
                bench.Copies(bench.Api.aclrtMemcpy(bench.Dev, 64, bench.Pin, 64, kind), bench.Dev, bench.Pin, 64);
            }
        }),
        new("memcpy.md 2: from host to host, pageable too", CopyRow.All, bench => bench.Copies(bench.Api.aclrtMemcpy(bench.Page2, 64, bench.Page, 64, H2H), bench.Page2, bench.Page, 64)),
        new("memcpy.md 2: between devices", CopyRow.All, bench => bench.Copies(bench.Api.aclrtMemcpy(bench.Dev, 64, bench.Other, 64, D2D), bench.Dev, bench.Other, 64)),
        new("memcpy.md 2: does not wait for queued tasks", CopyRow.All, bench =>
        {
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(bench.Api.aclrtMemcpyAsync(bench.Dev, 64, bench.Pin, 64, H2D, bench.Stream));
            bench.Ok(bench.Api.aclrtMemcpy(bench.Dev, 64, bench.Pin2, 64, H2D));
            bench.AssertBytes(bench.Original(bench.Pin2)[..64], bench.Dev);
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(bench.Original(bench.Pin)[..64], bench.Dev);
        }),
    ];

    public static TheoryData<string, string> SyncRows => CopyRow.Data(s_sync);

    [Theory, MemberData(nameof(SyncRows))]
    public void Memcpy_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_sync, row, chip);

    // --- Sections 3 and 4: aclrtMemcpyAsync and its alias --------------------------------------------------------------------------

    private delegate int Copy(CopyBench bench, void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, nint stream);

    private static readonly Copy s_plain = static (bench, dst, destMax, src, count, kind, stream) => bench.Api.aclrtMemcpyAsync(dst, destMax, src, count, kind, stream);
    private static readonly Copy s_condition = static (bench, dst, destMax, src, count, kind, stream) => bench.Api.aclrtMemcpyAsyncWithCondition(dst, destMax, src, count, kind, stream);

    private static CopyRow[] Async(string section, Copy copy) =>
    [
        new($"{section} row 1: count 0", CopyRow.All, bench => bench.Ok(copy(bench, null, 0, null, 0, (aclrtMemcpyKind)99, bench.Destroyed))),
        new($"{section} row 2: dst NULL", CopyRow.All, bench => bench.Fails(100000, copy(bench, null, 8, bench.Pin, 8, (aclrtMemcpyKind)99, bench.Destroyed))),
        new($"{section} row 2: src NULL", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 8, null, 8, (aclrtMemcpyKind)99, bench.Destroyed))),
        new($"{section} row 3: kind 6", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 8, bench.Pin, 8, Inner, bench.Destroyed))),
        new($"{section} row 3: kind 99", CopyRow.All, bench => bench.Fails(100000, copy(bench, bench.Dev, 8, bench.Pin, 8, (aclrtMemcpyKind)99, bench.Stream))),
        new($"{section} row 4: destroyed stream", CopyRow.All, bench => bench.Fails(107017, copy(bench, bench.Dev, 0, bench.Pin, 8, H2D, bench.Destroyed))),
        new($"{section} row 4: handle of an event", CopyRow.All, bench => bench.Fails(107017, copy(bench, bench.Dev, 8, bench.Pin, 8, H2D, bench.Event))),
        new($"{section} row 4: stray number", CopyRow.All, bench => bench.Fails(107017, copy(bench, bench.Dev, 8, bench.Pin, 8, H2D, 0x1234))),
        new($"{section} row 5: count larger than destMax", CopyRow.All, bench => bench.Fails(107000, copy(bench, bench.Dev, 7, bench.Pin, 8, H2D, bench.Stream))),
        new($"{section} row 5: destMax 0, before the missing context", CopyRow.All, bench => bench.FailsWithoutContext(107000, () => copy(bench, bench.Dev, 0, bench.Pin, 8, H2D, bench.Stream))),
        new($"{section} row 7: no context", CopyRow.All, bench => bench.FailsWithoutContext(107002, () => copy(bench, bench.Pin, 8, bench.Page, 8, Buffered, bench.Stream))),
        new($"{section} row 8a: buffered copy from device memory", CopyRow.All, bench => bench.Fails(107000, copy(bench, bench.Dev, 8, bench.Dev2, 8, Buffered, bench.Stream))),
        new($"{section} row 8a: buffered copy to host memory", CopyRow.All, bench => bench.Fails(107000, copy(bench, bench.Pin, 8, bench.Page, 8, Buffered, bench.Stream))),
        new($"{section} row 8c: kind and pageable memory disagree", CopyRow.All, bench => bench.Fails(107000, copy(bench, bench.Dev, 8, bench.Page, 8, D2H, bench.Foreign))),
        new($"{section} row 9: host to host", CopyRow.All, bench => bench.Fails(207000, copy(bench, bench.Pin, 8, bench.Pin2, 8, H2D, bench.Foreign), stored: false)),
        new($"{section} row 9: host to host, one pointer", CopyRow.All, bench => bench.Fails(207000, copy(bench, bench.Pin, 8, bench.Pin, 8, H2H, bench.Stream), stored: false)),
        new($"{section} row 10: dst is src", CopyRow.All, bench => bench.Ok(copy(bench, bench.Dev, 8, bench.Dev, 8, D2D, bench.Foreign))),
        new($"{section} row 12: pageable memory, copied when the call returns", CopyRow.All, bench =>
        {
            bench.Ok(copy(bench, bench.Dev, 64, bench.Page, 64, H2D, bench.Stream));
            bench.AssertBytes(bench.Original(bench.Page)[..64], bench.Dev);
            bench.NothingChanged(((nint)bench.Dev, 64));
        }),
        new($"{section} row 12: pageable memory returns the older error of the stream", CopyRow.All, bench =>
        {
            bench.Ok(copy(bench, bench.FreedDevice(), 8, bench.Pin, 8, H2D, bench.Stream));
            bench.Fails(507013, copy(bench, bench.Dev, 64, bench.Page, 64, H2D, bench.Stream));
            bench.Copies(copy(bench, bench.Dev, 64, bench.Page, 64, H2D, bench.Stream), bench.Dev, bench.Page, 64);
        }),
        new($"{section} row 12: pageable memory on a stream of another context", CopyRow.All, bench => bench.Copies(copy(bench, bench.Dev, 64, bench.Page, 64, H2D, bench.Foreign), bench.Dev, bench.Page, 64)),
        new($"{section} row 12: pageable memory, range too large", CopyRow.All, bench => bench.Fails(107017, copy(bench, bench.Dev + 64, Size, bench.Page, Size, H2D, bench.Stream))),
        new($"{section} row 12: freed pinned memory is pageable", CopyRow.All, bench => bench.Fails(107017, copy(bench, bench.Dev, 8, bench.FreedPinned(), 8, H2D, bench.Stream))),
        new($"{section} row 13: stream of another context", CopyRow.All, bench => bench.Fails(107003, copy(bench, bench.Dev, 8, bench.Pin, 8, H2D, bench.Foreign))),
        new($"{section} row 13: buffered copy on a stream of another context", CopyRow.All, bench => bench.Fails(107003, copy(bench, bench.Dev, 8, bench.Page, 8, Buffered, bench.Foreign))),
        new($"{section}: NULL is the default stream", CopyRow.All, bench =>
        {
            bench.Ok(copy(bench, bench.Dev, 64, bench.Pin, 64, H2D, 0));
            bench.Ok(bench.Api.aclrtSynchronizeStream(0));
            bench.AssertBytes(bench.Original(bench.Pin)[..64], bench.Dev);
        }),
        new($"{section}: freed destination faults later", CopyRow.All, bench => bench.Faults(copy(bench, bench.FreedDevice(), 8, bench.Pin, 8, H2D, bench.Stream))),
        new($"{section}: destination too small faults later", CopyRow.All, bench => bench.Faults(copy(bench, bench.Dev + 64, Size, bench.Pin, Size, H2D, bench.Stream))),
        new($"{section}: source too small faults later", CopyRow.All, bench => bench.Faults(copy(bench, bench.Dev, Size, bench.Pin + 64, Size, H2D, bench.Stream))),
        new($"{section}: size that wraps around faults later", CopyRow.All, bench => bench.Faults(copy(bench, bench.Dev, nuint.MaxValue, bench.Pin, nuint.MaxValue, H2D, bench.Stream))),
        new($"{section}: later tasks run after a fault", CopyRow.All, bench =>
        {
            bench.Ok(copy(bench, bench.FreedDevice(), 8, bench.Pin, 8, H2D, bench.Stream));
            bench.Ok(copy(bench, bench.Dev, 64, bench.Pin, 64, H2D, bench.Stream));
            bench.Machine.Returns(507013, bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(bench.Original(bench.Pin)[..64], bench.Dev);
        }),
        new($"{section}: buffered copy, source overwritten at once", CopyRow.All, bench =>
        {
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(copy(bench, bench.Dev, 64, bench.Page, 64, Buffered, bench.Stream));
            new Span<byte>(bench.Page, 64).Clear();
            bench.NothingChanged(((nint)bench.Page, 64));
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(bench.Original(bench.Page)[..64], bench.Dev);
            bench.NothingChanged(((nint)bench.Page, 64), ((nint)bench.Dev, 64));
        }),
        new($"{section}: buffered copy to freed memory faults later", CopyRow.All, bench => bench.Faults(copy(bench, bench.FreedDevice(), 8, bench.Page, 8, Buffered, bench.Stream))),
        new($"{section}: between devices", CopyRow.All, bench => bench.Copies(copy(bench, bench.Other, 64, bench.Dev, 64, D2D, bench.Stream), bench.Other, bench.Dev, 64)),
        .. Directions(section, copy),
    ];

    /// <summary>Table 1.5: for each pair of memory the kinds that are taken, and what becomes of them.</summary>
    private static List<CopyRow> Directions(string section, Copy copy)
    {
        (string From, string To, string Accepted, string Meaning)[] table =
        [
            ("pinned", "device", "H2H H2D D2H D2D Default", "copies"),
            ("device", "pinned", "H2H H2D D2H D2D Default", "copies"),
            ("pinned", "pinned", "H2H H2D D2H D2D Default", "refused"),
            ("device", "device", "H2H H2D D2H D2D Default", "copies"),
            ("pageable", "device", "H2D D2D Default", "copies"),
            ("device", "pageable", "D2H D2D Default", "copies"),
            ("pinned", "pageable", "H2H H2D Default", "copies"),
            ("pageable", "pinned", "H2H D2H Default", "copies"),
            ("pageable", "pageable", "H2H H2D D2H D2D Default", "copies"),
        ];
        var rows = new List<CopyRow>();
        foreach ((string from, string to, string accepted, string meaning) in table)
        {
            foreach ((string name, aclrtMemcpyKind kind) in new[] { ("H2H", H2H), ("H2D", H2D), ("D2H", D2H), ("D2D", D2D), ("Default", Default) })
            {
                rows.Add(new CopyRow($"memcpy.md 1.5 ({section}): {from} to {to} with {name}", CopyRow.All, bench =>
                {
                    byte* source = Buffer(bench, from, true), target = Buffer(bench, to, false);
                    bool isPageable = from == "pageable" || to == "pageable", onHost = from != "device" && to != "device";
                    if (!accepted.Split(' ').Contains(name))
                    {
                        bench.Fails(107000, copy(bench, target, 64, source, 64, kind, bench.Stream));
                    }
                    else if (meaning == "refused" || onHost && isPageable && (name is "H2H" or "Default"))
                    {
                        // Corrected to, or left as, host to host.
                        bench.Fails(207000, copy(bench, target, 64, source, 64, kind, bench.Stream), stored: false);
                    }
                    else if (isPageable && name == "D2D")
                    {
                        // Section 1.6, last paragraph.
                        bench.Faults(copy(bench, target, 64, source, 64, kind, bench.Stream));
                    }
                    else
                    {
                        bench.Copies(copy(bench, target, 64, source, 64, kind, bench.Stream), target, source, 64);
                    }
                }));
            }
        }
        return rows;
    }

    private static byte* Buffer(CopyBench bench, string kind, bool isSource) => kind switch
    {
        "device" => isSource ? bench.Dev2 : bench.Dev,
        "pinned" => isSource ? bench.Pin2 : bench.Pin,
        _ => isSource ? bench.Page2 : bench.Page,
    };

    private static readonly CopyRow[] s_async = Async("memcpy.md 3", s_plain), s_withCondition = Async("memcpy.md 4", s_condition);

    public static TheoryData<string, string> AsyncRows => CopyRow.Data(s_async);
    public static TheoryData<string, string> ConditionRows => CopyRow.Data(s_withCondition);

    [Theory, MemberData(nameof(AsyncRows))]
    public void MemcpyAsync_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_async, row, chip);

    [Theory, MemberData(nameof(ConditionRows))]
    public void MemcpyAsyncWithCondition_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_withCondition, row, chip);
}
