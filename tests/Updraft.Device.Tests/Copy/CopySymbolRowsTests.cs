using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Section 12b of the facts: device variables, of which there are none without a kernel loader.</summary>
public sealed unsafe class CopySymbolRowsTests
{
    private const string Chips = "910b 910c 950 310p", NoChips = "310b 910";

    private static readonly CopyRow[] s_rows =
    [
        .. From("aclrtMemcpyFromSymbol", static (bench, dst, max, symbol, count, kind) => bench.Api.aclrtMemcpyFromSymbol(dst, max, symbol, count, 0, kind)),
        .. From("aclrtMemcpyFromSymbolAsync", static (bench, dst, max, symbol, count, kind) => bench.Api.aclrtMemcpyFromSymbolAsync(dst, max, symbol, count, 0, kind, bench.Stream)),
        .. To("aclrtMemcpyToSymbol", static (bench, symbol, src, count, kind) => bench.Api.aclrtMemcpyToSymbol(symbol, src, count, 0, kind)),
        .. To("aclrtMemcpyToSymbolAsync", static (bench, symbol, src, count, kind) => bench.Api.aclrtMemcpyToSymbolAsync(symbol, src, count, 0, kind, bench.Stream)),
        new("memcpy.md 12b row 2 aclrtGetSymbolAddress: symbol NULL", Chips, bench => { void* address; bench.Fails(100000, bench.Api.aclrtGetSymbolAddress(null, &address)); }),
        new("memcpy.md 12b row 2 aclrtGetSymbolAddress: devPtr NULL", Chips, bench => bench.Fails(100000, bench.Api.aclrtGetSymbolAddress(bench.Page, null))),
        new("memcpy.md 12b row 5 aclrtGetSymbolAddress: no context", Chips, bench => bench.FailsWithoutContext(107002, () => { void* address; return bench.Api.aclrtGetSymbolAddress(bench.Page, &address); })),
        new("memcpy.md 12b row 6 aclrtGetSymbolAddress: unknown", Chips, bench => { void* address; bench.Fails(107043, bench.Api.aclrtGetSymbolAddress(bench.Page, &address)); }),
        new("memcpy.md 12b row 2 aclrtGetSymbolSize: symbol NULL", Chips, bench => { nuint size; bench.Fails(100000, bench.Api.aclrtGetSymbolSize(null, &size)); }),
        new("memcpy.md 12b row 2 aclrtGetSymbolSize: size NULL", Chips, bench => bench.Fails(100000, bench.Api.aclrtGetSymbolSize(bench.Page, null))),
        new("memcpy.md 12b row 6 aclrtGetSymbolSize: unknown", Chips, bench => { nuint size; bench.Fails(107043, bench.Api.aclrtGetSymbolSize(bench.Page, &size)); }),
        new("memcpy.md 12b aclrtGetSymbolSize: chip", NoChips, bench => bench.Fails(207000, bench.Api.aclrtGetSymbolSize(null, null), stored: false)),
    ];

    private delegate int FromSymbol(CopyBench bench, void* dst, nuint max, void* symbol, nuint count, aclrtMemcpyKind kind);

    private delegate int ToSymbol(CopyBench bench, void* symbol, void* src, nuint count, aclrtMemcpyKind kind);

    private static CopyRow[] From(string name, FromSymbol copy) =>
    [
        new($"memcpy.md 12b row 1 {name}: count 0", Chips, bench => bench.Ok(copy(bench, null, 0, null, 0, (aclrtMemcpyKind)99))),
        new($"memcpy.md 12b row 2 {name}: symbol NULL", Chips, bench => bench.Fails(100000, copy(bench, null, 8, null, 8, D2H))),
        new($"memcpy.md 12b row 2 {name}: dst NULL", Chips, bench => bench.Fails(100000, copy(bench, null, 8, bench.Page, 8, D2H))),
        new($"memcpy.md 12b row 3 {name}: count larger than dstMax", Chips, bench => bench.Fails(100000, copy(bench, bench.Pin, 7, bench.Page, 8, D2H))),
        new($"memcpy.md 12b row 4 {name}: kind H2D", Chips, bench => bench.FailsWithoutContext(100000, () => copy(bench, bench.Pin, 8, bench.Page, 8, H2D))),
        new($"memcpy.md 12b row 5 {name}: no context", Chips, bench => bench.FailsWithoutContext(107002, () => copy(bench, bench.Pin, 8, bench.Page, 8, D2H))),
        new($"memcpy.md 12b row 6 {name}: unknown, D2H", Chips, bench => bench.Fails(107043, copy(bench, bench.Pin, 8, bench.Page, 8, D2H))),
        new($"memcpy.md 12b row 6 {name}: unknown, DEFAULT", Chips, bench => bench.Fails(107043, copy(bench, bench.Pin, 8, bench.Page, 8, Default))),
        new($"memcpy.md 12b {name}: chip", NoChips, bench => bench.Fails(207000, copy(bench, bench.Pin, 8, bench.Page, 8, Default), stored: false)),
    ];

    private static CopyRow[] To(string name, ToSymbol copy) =>
    [
        new($"memcpy.md 12b row 1 {name}: count 0", Chips, bench => bench.Ok(copy(bench, null, null, 0, (aclrtMemcpyKind)99))),
        new($"memcpy.md 12b row 2 {name}: symbol NULL", Chips, bench => bench.Fails(100000, copy(bench, null, null, 8, H2D))),
        new($"memcpy.md 12b row 2 {name}: src NULL", Chips, bench => bench.Fails(100000, copy(bench, bench.Page, null, 8, H2D))),
        new($"memcpy.md 12b row 4 {name}: kind D2H", Chips, bench => bench.FailsWithoutContext(100000, () => copy(bench, bench.Page, bench.Pin, 8, D2H))),
        new($"memcpy.md 12b row 5 {name}: no context", Chips, bench => bench.FailsWithoutContext(107002, () => copy(bench, bench.Page, bench.Pin, 8, H2D))),
        new($"memcpy.md 12b row 6 {name}: unknown", Chips, bench => bench.Fails(107043, copy(bench, bench.Page, bench.Pin, 8, H2D))),
        new($"memcpy.md 12b {name}: chip", NoChips, bench => bench.Fails(207000, copy(bench, bench.Page, bench.Pin, 8, H2D), stored: false)),
    ];

    public static TheoryData<string, string> Rows => CopyRow.Data(s_rows);

    [Theory, MemberData(nameof(Rows))]
    public void Symbol_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_rows, row, chip);
}
