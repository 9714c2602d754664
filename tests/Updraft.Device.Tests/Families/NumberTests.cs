namespace Updraft.Device.Tests;

/// <summary>Float16 and element sizes: pure functions, compared in full with an independent source.</summary>
public sealed unsafe class FamiliesNumberTests
{
    private static readonly AclApi s_api = AclApi.InProcess;

    [Fact]
    public void Float16ToFloat_All65536Values_AreThoseOfTheFormat()
    {
        for (int bits = 0; bits <= 0xFFFF; bits++)
        {
            int exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF, sign = bits >> 15 == 0 ? 1 : -1;
            float value = s_api.aclFloat16ToFloat((ushort)bits);
            if (exponent == 31)
            {
                Assert.True(fraction == 0 ? float.IsInfinity(value) && Math.Sign(value) == sign : float.IsNaN(value), $"0x{bits:x4} became {value}");
                continue;
            }
            double expected = sign * (exponent == 0 ? Math.ScaleB(fraction, -24) : Math.ScaleB(1024 + fraction, exponent - 25));
            Assert.True(BitConverter.DoubleToInt64Bits(expected) == BitConverter.DoubleToInt64Bits(value), $"0x{bits:x4} became {value:r}, expected {expected:r}");
        }
    }

    [Fact]
    public void FloatToFloat16_OfEveryHalf_GivesTheHalfBack()
    {
        for (int bits = 0; bits <= 0xFFFF; bits++)
        {
            ushort back = s_api.aclFloatToFloat16(s_api.aclFloat16ToFloat((ushort)bits));
            Assert.True(back == bits, $"0x{bits:x4} came back as 0x{back:x4}");
        }
    }

    /// <summary>The values where rounding decides: the middle between two halves and its neighbours, against the framework's conversion.</summary>
    [Fact]
    public void FloatToFloat16_AroundEveryMiddle_RoundsToNearestEven()
    {
        for (int bits = 0; bits < 0x7C00; bits++)
        {
            float low = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            float high = bits == 0x7BFF ? 65536f : (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1));
            float middle = (low + high) / 2;
            foreach (float value in (float[])[MathF.BitDecrement(middle), middle, MathF.BitIncrement(middle), -MathF.BitDecrement(middle), -middle, -MathF.BitIncrement(middle)])
            {
                ushort expected = BitConverter.HalfToUInt16Bits((Half)value), actual = s_api.aclFloatToFloat16(value);
                Assert.True(expected == actual, $"{value:r} became 0x{actual:x4}, expected 0x{expected:x4}");
            }
        }
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(0x80000000u, 0x8000)]
    [InlineData(0x00000001u, 0)]
    [InlineData(0x7F7FFFFFu, 0x7C00)]
    [InlineData(0x7F800000u, 0x7C00)]
    [InlineData(0xFF800000u, 0xFC00)]
    [InlineData(0x7F800001u, 0x7C01)]
    [InlineData(0x7FC00000u, 0x7E00)]
    public void FloatToFloat16_AtTheEnds_KeepsKindAndSign(uint bits, int expected)
        => Assert.Equal((ushort)expected, s_api.aclFloatToFloat16(BitConverter.UInt32BitsToSingle(bits)));

    [Theory]
    [InlineData(aclDataType.ACL_DT_UNDEFINED, 0)]
    [InlineData(aclDataType.ACL_FLOAT, 4)]
    [InlineData(aclDataType.ACL_FLOAT16, 2)]
    [InlineData(aclDataType.ACL_INT8, 1)]
    [InlineData(aclDataType.ACL_INT32, 4)]
    [InlineData(aclDataType.ACL_UINT8, 1)]
    [InlineData(aclDataType.ACL_INT16, 2)]
    [InlineData(aclDataType.ACL_UINT16, 2)]
    [InlineData(aclDataType.ACL_UINT32, 4)]
    [InlineData(aclDataType.ACL_INT64, 8)]
    [InlineData(aclDataType.ACL_UINT64, 8)]
    [InlineData(aclDataType.ACL_DOUBLE, 8)]
    [InlineData(aclDataType.ACL_BOOL, 1)]
    [InlineData(aclDataType.ACL_STRING, 0)]
    [InlineData(aclDataType.ACL_COMPLEX64, 8)]
    [InlineData(aclDataType.ACL_COMPLEX128, 16)]
    [InlineData(aclDataType.ACL_BF16, 2)]
    [InlineData(aclDataType.ACL_INT4, 0)]
    [InlineData(aclDataType.ACL_UINT1, 0)]
    [InlineData(aclDataType.ACL_COMPLEX32, 4)]
    [InlineData(aclDataType.ACL_HIFLOAT8, 1)]
    [InlineData(aclDataType.ACL_FLOAT8_E5M2, 1)]
    [InlineData(aclDataType.ACL_FLOAT8_E4M3FN, 1)]
    [InlineData(aclDataType.ACL_FLOAT8_E8M0, 1)]
    [InlineData(aclDataType.ACL_FLOAT6_E3M2, 0)]
    [InlineData(aclDataType.ACL_FLOAT6_E2M3, 0)]
    [InlineData(aclDataType.ACL_FLOAT4_E2M1, 0)]
    [InlineData(aclDataType.ACL_FLOAT4_E1M2, 0)]
    [InlineData((aclDataType)99, 0)]
    public void DataTypeSize_OfEachType_IsItsBytes(aclDataType type, int bytes) => Assert.Equal((nuint)bytes, s_api.aclDataTypeSize(type));
}
