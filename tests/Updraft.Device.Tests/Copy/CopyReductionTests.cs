using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Section 11 of the facts: reductions, their checks and their arithmetic.</summary>
public sealed unsafe class CopyReductionTests
{
    private const string WithStars = "910b 910c 950 310b", Early = "910b 910c 310b", WithoutStars = "310p 910";
    private const aclrtReduceKind Sum = aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, Max = aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX,
        Min = aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN, Equal = aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_EQUAL;
    private const aclDataType F32 = aclDataType.ACL_FLOAT, F16 = aclDataType.ACL_FLOAT16, B16 = aclDataType.ACL_BF16, I8 = aclDataType.ACL_INT8, I16 = aclDataType.ACL_INT16,
        I32 = aclDataType.ACL_INT32, U32 = aclDataType.ACL_UINT32;
    private const ulong TooMany = (1UL << 32) + 4;

    private static int Reduce(CopyBench bench, void* dst, void* src, ulong count, aclrtReduceKind kind = Sum, aclDataType type = F32, nint stream = -1, void* reserve = null) =>
        bench.Api.aclrtReduceAsync(dst, src, count, kind, type, stream == -1 ? bench.Stream : stream, reserve);

    private static readonly CopyRow[] s_rows =
    [
        new("memcpy.md 11: dst NULL", CopyRow.All, bench => bench.FailsWithoutContext(100000, () => Reduce(bench, null, bench.Dev, 0, (aclrtReduceKind)9, F32, bench.Destroyed))),
        new("memcpy.md 11: src NULL", CopyRow.All, bench => bench.Fails(100000, Reduce(bench, bench.Dev, null, 0))),
        new("memcpy.md 11: reserve", CopyRow.All, bench => bench.Fails(100000, Reduce(bench, bench.Dev, bench.Dev2, 0, Sum, F32, bench.Destroyed, bench.Pin))),
        new("memcpy.md 11: type double", CopyRow.All, bench => bench.Fails(100000, Reduce(bench, bench.Dev, bench.Dev2, 0, Sum, aclDataType.ACL_DOUBLE, bench.Destroyed))),
        new("memcpy.md 11: type -1", CopyRow.All, bench => bench.Fails(100000, Reduce(bench, bench.Dev, bench.Dev2, 8, Sum, (aclDataType)(-1)))),
        new("memcpy.md 11: destroyed stream", CopyRow.All, bench => bench.Fails(107017, Reduce(bench, bench.Dev, bench.Dev2, 0, (aclrtReduceKind)9, F32, bench.Destroyed))),
        new("memcpy.md 11: the handle comes before the context", WithStars, bench => bench.FailsWithoutContext(107017, () => Reduce(bench, bench.Dev, bench.Dev2, 0, Sum, F32, bench.Destroyed))),
        new("memcpy.md 11: the context comes before the handle", WithoutStars, bench => bench.FailsWithoutContext(107002, () => Reduce(bench, bench.Dev, bench.Dev2, 0, Sum, F32, bench.Destroyed))),
        new("memcpy.md 11: count 0", CopyRow.All, bench => bench.Fails(107000, Reduce(bench, bench.Dev, bench.Dev2, 0))),
        new("memcpy.md 11: kind 9", CopyRow.All, bench => bench.Fails(107000, Reduce(bench, bench.Dev, bench.Dev2, 8, (aclrtReduceKind)9))),
        new("memcpy.md 11: kind 14", CopyRow.All, bench => bench.Fails(107000, Reduce(bench, bench.Dev, bench.Dev2, 8, (aclrtReduceKind)14))),
        new("memcpy.md 11: another kind than SUM", WithoutStars, bench => bench.Fails(107000, Reduce(bench, bench.Dev, bench.Dev2, 8, Max))),
        new("memcpy.md 11: more than 4 GiB with SUM", CopyRow.All, bench => bench.Fails(107000, Reduce(bench, bench.Dev, bench.Dev2, TooMany, Sum, U32, bench.Foreign))),
        new("memcpy.md 11: more than 4 GiB with MAX is no matter of this check", WithStars, bench => bench.Fails(107003, Reduce(bench, bench.Dev, bench.Dev2, TooMany, Max, U32, bench.Foreign))),
        new("memcpy.md 11: no context", CopyRow.All, bench => bench.FailsWithoutContext(107002, () => Reduce(bench, bench.Dev, bench.Dev2, 8))),
        new("memcpy.md 11: stream of another context", CopyRow.All, bench => bench.Fails(107003, Reduce(bench, bench.Dev, bench.Dev2, 8, Sum, aclDataType.ACL_INT4, bench.Foreign))),
        .. new (string Chips, aclDataType[] Types)[]
        {
            ("950", [I8, I16, I32, U32, F16, F32, B16]), ("910b 910c", [I8, I16, I32, F16, F32, B16]), ("310b", [I8, I16, I32, F16, F32]), ("310p", [F32, F16, I16]), ("910", [F32]),
        }.Select(set => new CopyRow($"memcpy.md 11: types of {set.Chips}", set.Chips, bench =>
        {
            foreach (aclDataType type in new[] { F32, F16, I16, aclDataType.ACL_INT4, I8, I32, B16, aclDataType.ACL_UINT8, aclDataType.ACL_UINT16, U32 })
            {
                if (set.Types.Contains(type))
                {
                    bench.Ok(Reduce(bench, bench.Machine.Device(64), bench.Machine.Device(64), 64, Sum, type));
                }
                else
                {
                    bench.Fails(207000, Reduce(bench, bench.Dev + 1, bench.Dev2, 8, Sum, type), stored: false);
                }
            }
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        })),
        new("memcpy.md 11: src not aligned to 4", CopyRow.All, bench => bench.Fails(107008, Reduce(bench, bench.Dev, bench.Dev2 + 2, 8))),
        new("memcpy.md 11: dst not aligned to 4", CopyRow.All, bench => bench.Fails(107008, Reduce(bench, bench.Dev + 1, bench.Dev2, 8))),
        new("memcpy.md 11: src not aligned to 2", "910b 910c 950 310b 310p", bench => bench.Fails(107008, Reduce(bench, bench.Dev, bench.Dev2 + 1, 8, Sum, F16))),
        new("memcpy.md 11: 16-bit types need no more than 2", "910b 910c 950 310b 310p", bench =>
        {
            byte* to = bench.Machine.Device(64), from = bench.Machine.Device(64);
            bench.Ok(Reduce(bench, to + 2, from + 2, 8, Sum, I16));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        }),
        new("memcpy.md 11: 8-bit types need no alignment", WithStars, bench =>
        {
            byte* to = bench.Machine.Device(64), from = bench.Machine.Device(64);
            bench.Ok(Reduce(bench, to + 1, from + 3, 8, Sum, I8));
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        }),
        new("memcpy.md 11: the queue refuses before the alignment is tested", Early, bench => Refused(bench, 507013)),
        new("memcpy.md 11: the alignment is tested before the queue refuses", "950", bench => Refused(bench, 107008)),
        new("memcpy.md 11: host memory faults later", CopyRow.All, bench => bench.Faults(Reduce(bench, bench.Dev, bench.Pin, 8))),
        new("memcpy.md 11: range too large faults later", CopyRow.All, bench => bench.Faults(Reduce(bench, bench.Dev + 64, bench.Dev2, Size))),
        new("memcpy.md 11: freed memory faults later", CopyRow.All, bench => bench.Faults(Reduce(bench, bench.FreedDevice(), bench.Dev2, 8))),
        new("memcpy.md 11: in stream order", CopyRow.All, bench =>
        {
            byte* to = bench.Machine.Device(64), from = bench.Machine.Device(64);
            bench.Machine.Write(to, BitConverter.GetBytes(1.5f));
            using Gate gate = bench.Machine.Hold(bench.Stream);
            bench.Ok(Reduce(bench, to, from, 4));
            bench.Machine.Write(from, BitConverter.GetBytes(2.25f));
            bench.AssertBytes(BitConverter.GetBytes(1.5f), to);
            gate.Open();
            bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
            bench.AssertBytes(BitConverter.GetBytes(3.75f), to);
        }),
        new("memcpy.md 11: NULL is the default stream", CopyRow.All, bench => bench.Faults(Reduce(bench, bench.FreedDevice(), bench.Dev2, 8, Sum, F32, 0), stream: 0)),
    ];

    /// <summary>A stream of a context that has failed in stop-on-failure mode refuses work.</summary>
    private static void Refused(CopyBench bench, int code)
    {
        nint context, stream;
        bench.Ok(bench.Api.aclrtCreateContext(&context, 0));
        bench.Ok(bench.Api.aclrtCreateStream(&stream));
        bench.Ok(bench.Api.aclrtSetStreamFailureMode(stream, 1));
        bench.Ok(bench.Api.aclrtMemcpyAsync(bench.FreedDevice(), 8, bench.Pin, 8, H2D, stream));
        bench.Machine.Returns(507013, bench.Api.aclrtSynchronizeStream(stream));
        bench.Machine.Returns(code, Reduce(bench, bench.Dev + 1, bench.Dev2, 8, Sum, F32, stream));
    }

    public static TheoryData<string, string> Rows => CopyRow.Data(s_rows);

    [Theory, MemberData(nameof(Rows))]
    public void Reduce_Row_HoldsOnChip(string row, string chip) => CopyRow.Run(s_rows, row, chip);

    // --- The arithmetic, against a model that computes in wider numbers ------------------------------------------------------------

    public static TheoryData<aclrtReduceKind, aclDataType> Operations
    {
        get
        {
            var data = new TheoryData<aclrtReduceKind, aclDataType>();
            foreach (aclrtReduceKind kind in new[] { Sum, Max, Min, Equal })
            {
                foreach (aclDataType type in new[] { I8, I16, I32, U32, F16, F32, B16 })
                {
                    data.Add(kind, type);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Operations))]
    public void ReduceAsync_RandomAndSpecialValues_MatchTheModel(aclrtReduceKind kind, aclDataType type)
    {
        const int count = 20_000;
        using var machine = new TestMachine("950");
        nint stream = machine.Stream();
        int size = type is I8 ? 1 : type is I16 or F16 or B16 ? 2 : 4;
        var random = new Random(17);
        byte[] left = new byte[count * size], right = new byte[count * size];
        random.NextBytes(left);
        random.NextBytes(right);
        // Near misses and specials: equal elements, neighbours, infinities, NaNs, zeros of both signs, the smallest and largest numbers.
        byte[][] specials = [.. Specials(type)];
        int index = 0;
        foreach (byte[] a in specials)
        {
            foreach (byte[] b in specials)
            {
                a.CopyTo(left, index * size);
                b.CopyTo(right, index++ * size);
            }
        }
        left.AsSpan(index * size, 1000 * size).CopyTo(right.AsSpan(index * size));
        byte* to = machine.Device(count * 4), from = machine.Device(count * 4);
        // One element more than asked for, with a part of an element: neither may change.
        machine.Write(to, left);
        machine.Write(from, right);
        ulong bytes = (ulong)((count - 1) * size) + (ulong)(size - 1);
        machine.Ok(machine.Api.aclrtReduceAsync(to, from, bytes, kind, type, stream, null));
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        byte[] found = machine.Read(to, count * size);
        for (int element = 0; element < count - 1; element++)
        {
            Range range = (element * size)..((element + 1) * size);
            byte[] expected = Model(kind, type, left[range], right[range]);
            if (!Same(type, expected, found[range]))
            {
                Assert.Fail($"{kind} of {type} {Convert.ToHexString(left[range])} and {Convert.ToHexString(right[range])} is {Convert.ToHexString(found[range])}, expected {Convert.ToHexString(expected)}");
            }
        }
        Assert.Equal(left[^size..], found[^size..]);
        Assert.Equal(right, machine.Read(from, count * size));
    }

    private static IEnumerable<byte[]> Specials(aclDataType type) => type switch
    {
        F32 => new uint[] { 0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 1, 0x80000001, 0x7f7fffff, 0xff7fffff, 0x33800000, 0x33800001 }.Select(BitConverter.GetBytes),
        F16 => new ushort[] { 0, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0xfe01, 1, 0x8001, 0x7bff, 0xfbff, 0x1000, 0x1001, 0x0fff, 0x4c00 }.Select(BitConverter.GetBytes),
        B16 => new ushort[] { 0, 0x8000, 0x3f80, 0xbf80, 0x7f80, 0xff80, 0x7fc0, 0xffc1, 1, 0x8001, 0x7f7f, 0xff7f, 0x3b80, 0x3b81, 0x3b7f, 0x4300 }.Select(BitConverter.GetBytes),
        I8 => new sbyte[] { 0, 1, -1, sbyte.MaxValue, sbyte.MinValue }.Select(value => new[] { (byte)value }),
        I16 => new short[] { 0, 1, -1, short.MaxValue, short.MinValue }.Select(BitConverter.GetBytes),
        _ => new[] { 0, 1, -1, int.MaxValue, int.MinValue }.Select(BitConverter.GetBytes),
    };

    private static byte[] Model(aclrtReduceKind kind, aclDataType type, byte[] left, byte[] right)
    {
        if (type is F32 or F16 or B16)
        {
            double a = ToDouble(type, left), b = ToDouble(type, right);
            // The sum of two such numbers is exact in a double for the 16-bit types, and rounded once more to a float otherwise.
            return kind switch
            {
                Sum => FromDouble(type, type == F32 ? (float)a + (float)b : a + b),
                Max => double.IsNaN(a) || double.IsNaN(b) ? FromDouble(type, double.NaN) : a > b || a == b && !double.IsNegative(a) ? left : right,
                Min => double.IsNaN(a) || double.IsNaN(b) ? FromDouble(type, double.NaN) : a < b || a == b && double.IsNegative(a) ? left : right,
                _ => FromDouble(type, a == b ? 1 : 0),
            };
        }
        long x = ToInteger(type, left), y = ToInteger(type, right);
        long result = kind switch { Sum => x + y, Max => Math.Max(x, y), Min => Math.Min(x, y), _ => x == y ? 1 : 0 };
        return BitConverter.GetBytes(result)[..left.Length];
    }

    private static long ToInteger(aclDataType type, byte[] bytes) => type switch
    {
        I8 => (sbyte)bytes[0],
        I16 => BitConverter.ToInt16(bytes),
        I32 => BitConverter.ToInt32(bytes),
        _ => BitConverter.ToUInt32(bytes),
    };

    // The 16-bit formats are taken apart by hand: the model must not share the conversion that is tested.
    private static (int ExponentBits, int FractionBits) Shape(aclDataType type) => type == F16 ? (5, 10) : (8, 7);

    private static double ToDouble(aclDataType type, byte[] bytes)
    {
        if (type == F32)
        {
            return BitConverter.ToSingle(bytes);
        }
        (int exponentBits, int fractionBits) = Shape(type);
        int bits = BitConverter.ToUInt16(bytes), fraction = bits & ((1 << fractionBits) - 1), exponent = (bits >> fractionBits) & ((1 << exponentBits) - 1), bias = (1 << (exponentBits - 1)) - 1;
        double magnitude = exponent == (1 << exponentBits) - 1 ? fraction != 0 ? double.NaN : double.PositiveInfinity
            : exponent == 0 ? Math.ScaleB(fraction, 1 - bias - fractionBits)
            : Math.ScaleB(fraction + (1 << fractionBits), exponent - bias - fractionBits);
        return (bits & 0x8000) != 0 ? -magnitude : magnitude;
    }

    private static byte[] FromDouble(aclDataType type, double value)
    {
        if (type == F32)
        {
            return BitConverter.GetBytes((float)value);
        }
        (int exponentBits, int fractionBits) = Shape(type);
        int bias = (1 << (exponentBits - 1)) - 1, sign = double.IsNegative(value) ? 0x8000 : 0, top = ((1 << exponentBits) - 1) << fractionBits;
        if (double.IsNaN(value))
        {
            return BitConverter.GetBytes((ushort)(top | (1 << (fractionBits - 1))));
        }
        double magnitude = Math.Abs(value);
        if (magnitude == 0 || double.IsInfinity(magnitude))
        {
            return BitConverter.GetBytes((ushort)(sign | (magnitude == 0 ? 0 : top)));
        }
        // In units of the last place; Math.Round takes ties to even. A carry runs into the exponent, as it must.
        int exponent = Math.Max(Math.ILogB(magnitude), 1 - bias);
        double units = Math.Round(Math.ScaleB(magnitude, fractionBits - exponent), MidpointRounding.ToEven);
        int encoded = (int)units + ((exponent + bias - 1) << fractionBits);
        return BitConverter.GetBytes((ushort)(sign | Math.Min(encoded, top)));
    }

    private static bool Same(aclDataType type, byte[] expected, byte[] found) =>
        expected.SequenceEqual(found) || type is F32 or F16 or B16 && double.IsNaN(ToDouble(type, expected)) && double.IsNaN(ToDouble(type, found));
}
