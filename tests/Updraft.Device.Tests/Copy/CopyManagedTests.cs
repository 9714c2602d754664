using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Managed memory in copies and fills: section 3 row 14 with its notes, and the last case of sections 9 and 10.</summary>
public sealed unsafe class CopyManagedTests
{
    private const string Chips = "910b 910c";

    private static byte* Managed(CopyBench bench)
    {
        void* memory;
        bench.Ok(bench.Api.aclrtMemAllocManaged(&memory, Size, 1));
        new Span<byte>(memory, Size).Fill(0x55);
        return (byte*)memory;
    }

    private static int Copy(CopyBench bench, void* dst, void* src, aclrtMemcpyKind kind, nuint bytes = 64) => bench.Api.aclrtMemcpyAsync(dst, bytes, src, bytes, kind, bench.Stream);

    private static readonly CopyRow[] s_rows =
    [
        .. new[] { H2D, D2H, D2D, Default }.Select(kind => new CopyRow($"memcpy.md 3 row 14: managed to device, {kind}", Chips, bench =>
        {
            byte* managed = Managed(bench);
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(Copy(bench, bench.Dev, managed, kind));
            bench.NothingChanged();
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes([.. Enumerable.Repeat((byte)0x55, 64)], bench.Dev);
            bench.NothingChanged(((nint)bench.Dev, 64));
        })),
        new("memcpy.md 3 row 14: device to managed", Chips, bench =>
        {
            byte* managed = Managed(bench);
            bench.Ok(Copy(bench, managed, bench.Dev, D2H));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(bench.Original(bench.Dev)[..64], managed);
        }),
        new("memcpy.md 3 row 14: pinned and managed, D2D", Chips, bench =>
        {
            byte* managed = Managed(bench);
            bench.Ok(Copy(bench, managed, bench.Pin, D2D));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(bench.Original(bench.Pin)[..64], managed);
        }),
        new("memcpy.md 3 row 14: pageable and managed, D2D: queued all the same", Chips, bench =>
        {
            byte* managed = Managed(bench);
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(Copy(bench, managed, bench.Page, D2D));
            bench.AssertBytes([.. Enumerable.Repeat((byte)0x55, 64)], managed);
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(bench.Original(bench.Page)[..64], managed);
        }),
        .. new[] { H2D, D2H, Default }.Select(kind => new CopyRow($"memcpy.md 3 row 14: pageable and managed, {kind}: at once", Chips, bench =>
        {
            byte* managed = Managed(bench);
            bench.Ok(Copy(bench, managed, bench.Page, kind));
            bench.AssertBytes(bench.Original(bench.Page)[..64], managed);
        })),
        new("memcpy.md 3 row 14: H2H with managed memory", Chips, bench => bench.Fails(207000, Copy(bench, bench.Dev, Managed(bench), H2H), stored: false)),
        new("memcpy.md 3 row 14: a failure is no error of the stream", Chips, bench =>
        {
            bench.Ok(Copy(bench, Managed(bench), bench.Dev, D2H, 1 << 20));
            bench.Ok(Copy(bench, bench.FreedDevice(), Managed(bench), H2D));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.NothingChanged();
        }),
        new("memcpy.md 9 aclrtMemsetAsync: managed memory, in stream order", Chips, bench =>
        {
            byte* managed = Managed(bench);
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(bench.Api.aclrtMemsetAsync(managed, 64, 7, 64, bench.Stream));
            Assert.Equal(0x55, managed[0]);
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes([.. Enumerable.Repeat((byte)7, 64), 0x55], managed);
        }),
        new("memcpy.md 9 aclrtMemsetAsync: managed memory, a failure is no error of the stream", Chips, bench =>
        {
            bench.Ok(bench.Api.aclrtMemsetAsync(Managed(bench), 4 << 20, 7, 4 << 20, bench.Stream));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        }),
        new("memcpy.md 10 aclrtMemsetD32: managed memory", Chips, bench => bench.Fails(100000, bench.Api.aclrtMemsetD32(Managed(bench), 64, 7, 16))),
        new("memcpy.md 10 aclrtMemsetD32Async: managed memory", Chips, bench => bench.Fails(100000, bench.Api.aclrtMemsetD32Async(Managed(bench), 64, 7, 16, bench.Stream))),
        new("memcpy.md 8: DEFAULT stays DEFAULT with managed memory", Chips, bench => bench.Fails(107000, bench.Api.aclrtMemcpy2dAsync(Managed(bench), 64, bench.Dev, 64, 8, 2, Default, bench.Stream))),
        new("memcpy.md 12 aclrtValueWrite: managed memory", Chips, bench => bench.Fails(107000, bench.Api.aclrtValueWrite(Managed(bench), 1, 0, bench.Stream))),
    ];

    public static TheoryData<string, string> Rows => CopyRow.Data(s_rows);

    [Theory, MemberData(nameof(Rows))]
    public void Managed_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_rows, row, chip);
}
