namespace Updraft.Device;

/// <summary>
/// Half precision as the interface stores it: 1 bit sign, 5 bits exponent (bias 15), 10 bits fraction. Every half is exactly a float.
/// The other way rounds to the nearest, ties to even; what lies beyond 65504 after rounding becomes infinity; a NaN stays a NaN.
/// </summary>
internal static class Float16
{
    private const int FractionBits = 10, FloatFractionBits = 23, Dropped = FloatFractionBits - FractionBits;
    private const uint Infinity = 0x7C00, FloatInfinity = 0x7F800000;

    internal static float ToFloat(ushort half)
    {
        uint sign = (uint)(half & 0x8000) << 16;
        uint exponent = (uint)(half >> FractionBits) & 0x1F;
        uint fraction = (uint)half & 0x3FF;
        if (exponent == 0)
        {
            // Subnormal halves are multiples of 2^-24, which a float holds exactly.
            return BitConverter.UInt32BitsToSingle(sign | BitConverter.SingleToUInt32Bits(fraction * 5.9604644775390625e-8f));
        }
        return BitConverter.UInt32BitsToSingle(exponent == 0x1F
            ? sign | FloatInfinity | fraction << Dropped
            : sign | (exponent + 127 - 15) << FloatFractionBits | fraction << Dropped);
    }

    internal static ushort FromFloat(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
        if (magnitude > FloatInfinity)
        {
            // The upper fraction bits are kept; a NaN that only had lower ones must not become infinity.
            uint kept = magnitude >> Dropped & 0x3FF;
            return (ushort)(sign | Infinity | (kept == 0 ? 1 : kept));
        }
        int exponent = (int)(magnitude >> FloatFractionBits) - 127 + 15;
        if (exponent >= 0x1F)
        {
            return (ushort)(sign | Infinity);
        }
        uint fraction = magnitude & 0x7FFFFF;
        if (exponent > 0)
        {
            // A carry out of the fraction increments the exponent, and out of the largest half makes infinity: both are what rounding means.
            return (ushort)(sign | Round((uint)exponent << FloatFractionBits | fraction, Dropped));
        }
        return exponent < -FractionBits ? (ushort)sign : (ushort)(sign | Round(fraction | 1u << FloatFractionBits, Dropped + 1 - exponent));
    }

    /// <summary>Drops that many bits, to the nearest, ties to even.</summary>
    private static uint Round(uint value, int bits)
    {
        uint half = 1u << (bits - 1), kept = value >> bits, rest = value & ((1u << bits) - 1);
        return rest > half || rest == half && (kept & 1) != 0 ? kept + 1 : kept;
    }
}
